//! DEL, UNLINK and EXISTS.

use config::NotifyEvents;
use engine::{Arg, Command, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};

/// DEL key [key ...]
pub const DEL: Command = Command {
    name: "del",
    summary: "Deletes keys and answers how many there were.",
    complexity: "O(N) where N is the number of keys",
    arity: -2,
    flags: Flags::WRITE,
    keys: &[KeySpec::all(KeyFlags::RM.union(KeyFlags::DELETE))],
    args: &[Arg::key("key").multiple()],
    tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
    handler: Handler::Write(del),
    ..Command::DEFAULT
};

/// UNLINK key [key ...]
pub const UNLINK: Command = Command {
    name: "unlink",
    since: "4.0.0",
    summary: "Deletes keys and frees large values in the background.",
    flags: Flags::WRITE.union(Flags::FAST),
    ..DEL
};

/// EXISTS key [key ...]
pub const EXISTS: Command = Command {
    name: "exists",
    group: Group::Generic,
    summary: "Answers how many of the keys there are; one named twice counts twice.",
    complexity: "O(N) where N is the number of keys",
    arity: -2,
    flags: Flags::READONLY.union(Flags::FAST),
    keys: &[KeySpec::all(KeyFlags::RO)],
    args: &[Arg::key("key").multiple()],
    history: &[("3.0.3", "Several keys.")],
    tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
    handler: Handler::Read(exists),
    ..Command::DEFAULT
};

fn del(cx: &mut KeyCx) -> Outcome {
    let mut deleted = 0;
    for key in cx.args.from(1).iter() {
        if cx.view.remove(key) {
            deleted += 1;
            cx.notify(NotifyEvents::GENERIC, "del", key);
        }
    }
    cx.changed(deleted);
    cx.reply.int(deleted as i64);
    Ok(())
}

fn exists(cx: &mut KeyCx) -> Outcome {
    let count = cx.args.from(1).iter().filter(|key| cx.view.peek(key).is_some()).count();
    cx.reply.count(count);
    Ok(())
}
