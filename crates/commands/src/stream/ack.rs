//! XACK.

use data::stream::StreamId;
use engine::{Arg, Command, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};

use super::{ids, modify_unwatched};

/// XACK key group id [id ...]
pub const XACK: Command = Command {
    name: "xack",
    group: Group::Stream,
    since: "5.0.0",
    summary: "Acknowledges entries that a group's consumers got: they are pending no more.",
    complexity: "O(log(N)) for each ID, where N is the number of pending entries",
    arity: -4,
    flags: Flags::WRITE.union(Flags::FAST),
    keys: &[KeySpec::first(KeyFlags::RW.union(KeyFlags::UPDATE))],
    args: &[Arg::key("key"), Arg::string("group"), Arg::string("ID").multiple()],
    handler: Handler::Write(xack),
    ..Command::DEFAULT
};

fn xack(cx: &mut KeyCx) -> Outcome {
    let args = cx.args;
    let acknowledged = modify_unwatched(cx, args.at(1), |stream, _| {
        // As in Redis, where there is no group its IDs are not looked at.
        let Some(group) = stream.groups.get_mut(args.at(2)) else { return Ok(0) };
        let ids = ids::ids(args.from(3))?;
        let acknowledged = |id: &StreamId| group.acknowledge(*id).is_some();
        Ok(ids.iter().map(acknowledged).filter(|done| *done).count())
    })?;
    let count = acknowledged.unwrap_or(0);
    cx.changed(count as u64);
    cx.reply.count(count);
    Ok(())
}
