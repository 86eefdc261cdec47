//! LPUSH, RPUSH, LPUSHX, RPUSHX.

use config::NotifyEvents;
use data::List;
use data::list::End;
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use keyspace::Missing;
use resp::Args;

/// LPUSH key element [element ...]
pub const LPUSH: Command = Command {
    name: "lpush",
    group: Group::List,
    since: "1.0.0",
    summary: "Adds elements at the head of a list, which it makes where there is none.",
    complexity: "O(N) where N is the number of elements added",
    arity: -3,
    flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
    keys: &[KeySpec::first(KeyFlags::RW.union(KeyFlags::INSERT))],
    args: &[Arg::key("key"), Arg::string("element").multiple()],
    history: &[("2.4.0", "Takes several elements.")],
    handler: Handler::Write(|cx| push(cx, End::Head, Missing::Create)),
    ..Command::DEFAULT
};

/// RPUSH key element [element ...]
pub const RPUSH: Command = Command {
    name: "rpush",
    summary: "Adds elements at the tail of a list, which it makes where there is none.",
    handler: Handler::Write(|cx| push(cx, End::Tail, Missing::Create)),
    ..LPUSH
};

/// LPUSHX key element [element ...]
pub const LPUSHX: Command = Command {
    name: "lpushx",
    since: "2.2.0",
    summary: "Adds elements at the head of a list if there is one.",
    history: &[("4.0.0", "Takes several elements.")],
    handler: Handler::Write(|cx| push(cx, End::Head, Missing::Skip)),
    ..LPUSH
};

/// RPUSHX key element [element ...]
pub const RPUSHX: Command = Command {
    name: "rpushx",
    summary: "Adds elements at the tail of a list if there is one.",
    handler: Handler::Write(|cx| push(cx, End::Tail, Missing::Skip)),
    ..LPUSHX
};

fn push(cx: &mut KeyCx, end: End, missing: Missing) -> Outcome {
    let len = push_all(cx, cx.args.at(1), end, cx.args.from(2), missing)?;
    cx.reply.count(len);
    Ok(())
}

/// Adds elements one after the other at an end; answers how many the list has then.
pub fn push_all(
    cx: &mut KeyCx,
    key: &[u8],
    end: End,
    elements: Args,
    missing: Missing,
) -> Result<usize, Error> {
    let (limits, event) = (cx.limits(), if end == End::Head { "lpush" } else { "rpush" });
    let len = cx.modify(key, missing, (NotifyEvents::LIST, event), |list: &mut List, change| {
        list.expect(elements.iter(), &limits);
        elements.iter().for_each(|element| list.push(end, element));
        change.count = elements.len() as u64;
        list.len()
    })?;
    Ok(len.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn at_both_ends() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("RPUSH l a b", ":2");
        t.check("LPUSH l 1 2", ":4");
        t.check("LRANGE l 0 -1", "[$2, $1, $a, $b]");
        t.check("OBJECT ENCODING l", "$listpack");
        t.check("LPUSHX none x", ":0");
        t.check("RPUSHX l z", ":5");
        t.check("EXISTS none", ":0");
        t.check("SET s x", "+OK");
        t.check("LPUSH s a", "-WRONGTYPE Operation against a key holding the wrong kind of value");
        t.check("RPUSHX s a", "-WRONGTYPE Operation against a key holding the wrong kind of value");
        t.check(&format!("RPUSH l {}", "x".repeat(9000)), ":6");
        t.check("OBJECT ENCODING l", "$quicklist");
    }
}
