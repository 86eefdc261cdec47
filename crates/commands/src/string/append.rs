//! APPEND and STRLEN.

use config::NotifyEvents;
use engine::{Arg, Command, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use keyspace::{Expire, NewValue};

use super::range::grown;

/// APPEND key value
pub const APPEND: Command = Command {
    name: "append",
    group: Group::String,
    since: "2.0.0",
    summary: "Adds bytes to the end of a string, which is empty if it is missing, and returns its length.",
    complexity: "O(1) amortised, for a short value",
    arity: 3,
    flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
    keys: &[KeySpec::first(KeyFlags::RW.union(KeyFlags::INSERT))],
    args: &[Arg::key("key"), Arg::string("value")],
    handler: Handler::Write(append),
    ..Command::DEFAULT
};

/// STRLEN key
pub const STRLEN: Command = Command {
    name: "strlen",
    group: Group::String,
    since: "2.2.0",
    summary: "Returns the length of a string in bytes, 0 if it is missing.",
    arity: 2,
    flags: Flags::READONLY.union(Flags::FAST),
    keys: &[KeySpec::first(KeyFlags::RO)],
    args: &[Arg::key("key")],
    handler: Handler::Read(strlen),
    ..Command::DEFAULT
};

fn append(cx: &mut KeyCx) -> Outcome {
    let (key, more) = (cx.args.at(1), cx.args.at(2));
    let old = cx.view.get_for_write(key).map(|found| found.str()).transpose()?;
    let len = match old.map(|value| value.len()) {
        // A string that begins this way is encoded as SET would encode it.
        None => {
            cx.view.set(key, NewValue::parse(more), Expire::Never);
            more.len()
        }
        Some(len) => {
            let total = grown(cx, len, more.len())?;
            cx.view.edit(key, total, |bytes| bytes[len..].copy_from_slice(more))?;
            total
        }
    };
    cx.changed(1);
    cx.notify(NotifyEvents::STRING, "append", key);
    cx.reply.count(len);
    Ok(())
}

fn strlen(cx: &mut KeyCx) -> Outcome {
    let len = cx.view.string(cx.args.at(1))?.map_or(0, |value| value.len());
    cx.reply.count(len);
    Ok(())
}

#[cfg(test)]
mod tests {
    use config::Config;
    use engine::testing::Tester;

    #[test]
    fn strings_grow_at_their_end() {
        let mut t =
            Tester::with_config(crate::FAMILIES, Config { proto_max_bulk_len: 20, ..Config::default() });
        t.check("STRLEN k", ":0");
        t.check("APPEND k 10", ":2");
        t.check("INCR k", ":11");
        t.check("APPEND k ''", ":2");
        t.check("APPEND k 2.5", ":5");
        t.check("GET k", "$112.5");
        t.check("STRLEN k", ":5");
        t.check("EXPIRE k 100", ":1");
        t.check("APPEND k 012345678901234", ":20");
        t.check_in("TTL k", 90..=100);
        t.check("APPEND k x", "-ERR string exceeds maximum allowed size (proto-max-bulk-len)");
        t.check("STRLEN k", ":20");
        t.check("STRLEN", "-ERR wrong number of arguments for 'strlen' command");
    }
}
