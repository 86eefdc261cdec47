//! XRANGE, XREVRANGE and XLEN.

use data::Stream;
use engine::args::{Options, is};
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};

use super::ids;

/// XRANGE key start end [COUNT count]
pub const XRANGE: Command = Command {
    name: "xrange",
    group: Group::Stream,
    since: "5.0.0",
    summary: "Returns the entries of a stream in a range of IDs.",
    complexity: "O(N) where N is the number of entries returned",
    arity: -4,
    flags: Flags::READONLY,
    keys: &[KeySpec::first(KeyFlags::RO.union(KeyFlags::ACCESS))],
    args: &[Arg::key("key"), Arg::string("start"), Arg::string("end"), COUNT],
    history: &[("6.2.0", "Ranges without their ends.")],
    handler: Handler::Read(|cx| xrange(cx, false)),
    ..Command::DEFAULT
};

/// XREVRANGE key end start [COUNT count]
pub const XREVRANGE: Command = Command {
    name: "xrevrange",
    summary: "Returns the entries of a stream in a range of IDs, the last first.",
    args: &[Arg::key("key"), Arg::string("end"), Arg::string("start"), COUNT],
    handler: Handler::Read(|cx| xrange(cx, true)),
    ..XRANGE
};

/// XLEN key
pub const XLEN: Command = Command {
    name: "xlen",
    summary: "Returns how many entries a stream has.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::READONLY.union(Flags::FAST),
    keys: &[KeySpec::first(KeyFlags::RO)],
    args: &[Arg::key("key")],
    history: &[],
    handler: Handler::Read(xlen),
    ..XRANGE
};

const COUNT: Arg = Arg::integer("count").token("COUNT").optional();

fn xlen(cx: &mut KeyCx) -> Outcome {
    let len = cx.view.read::<Stream>(cx.args.at(1))?.map_or(0, |stream| stream.entries.len());
    cx.reply.int(len as i64);
    Ok(())
}

fn xrange(cx: &mut KeyCx, reversed: bool) -> Outcome {
    let (first, last) = if reversed { (3, 2) } else { (2, 3) };
    let range = ids::range(cx.args.at(first), cx.args.at(last))?;
    let (mut most, mut options) = (usize::MAX, Options::new(cx.args, 4));
    while let Some(word) = options.next() {
        if !is(word, "COUNT") {
            return Err(Error::Syntax);
        }
        most = usize::try_from(options.integer()?.max(0)).unwrap_or(usize::MAX);
    }
    let Some(stream) = cx.view.read::<Stream>(cx.args.at(1))? else {
        cx.reply.array(0);
        return Ok(());
    };
    match stream.entries.range(range) {
        _ if most == 0 => cx.reply.null_array(),
        entries if reversed => ids::reply_entries(&mut cx.reply, entries.rev().take(most)),
        entries => ids::reply_entries(&mut cx.reply, entries.take(most)),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn ranges() {
        let mut t = Tester::new(crate::FAMILIES);
        for id in ["1-1", "1-2", "2-0", "3-7"] {
            t.check(&format!("XADD s {id} id {id}"), &format!("${id}"));
        }
        let shown = |ids: &[&str]| {
            let entries: Vec<_> = ids.iter().map(|id| format!("[${id}, [$id, ${id}]]")).collect();
            format!("[{}]", entries.join(", "))
        };
        for (range, ids) in [
            ("- +", &["1-1", "1-2", "2-0", "3-7"][..]),
            ("1 1", &["1-1", "1-2"]),
            ("(1-1 (3-7", &["1-2", "2-0"]),
            ("(1 3-6", &["1-1", "1-2", "2-0"]),
            ("+ -", &[]),
            ("- (0-1", &[]),
            ("2 + COUNT 1", &["2-0"]),
            ("2 + COUNT 1 COUNT 9", &["2-0", "3-7"]),
        ] {
            t.check(&format!("XRANGE s {range}"), &shown(ids));
        }
        t.check("XREVRANGE s + - COUNT 2", &shown(&["3-7", "2-0"]));
        t.check("XREVRANGE s 1 1-1", &shown(&["1-2", "1-1"]));
        t.check("XRANGE none - + COUNT 0", "[]");
        t.check("XRANGE s - + COUNT 0", "(nil)");
        t.check("XRANGE s - + COUNT -1", "(nil)");
        t.check("XLEN s", ":4");
        t.check("XLEN none", ":0");
    }

    #[test]
    fn refusals() {
        let mut t = Tester::new(crate::FAMILIES);
        let invalid = "-ERR Invalid stream ID specified as stream command argument";
        for range in ["x +", "- x", "(- +", "- (+", "( +", "-1 +"] {
            t.check(&format!("XRANGE s {range}"), invalid);
        }
        let most = "18446744073709551615-18446744073709551615";
        t.check(&format!("XRANGE s ({most} +"), "-ERR invalid start ID for the interval");
        t.check("XRANGE s - (0-0", "-ERR invalid end ID for the interval");
        t.check("XRANGE s - + COUNT x", "-ERR value is not an integer or out of range");
        t.check("XRANGE s - + COUNT", "-ERR syntax error");
        t.check("XRANGE s - + LIMIT 1", "-ERR syntax error");
        t.check("SET k v", "+OK");
        let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value";
        t.check("XRANGE k - +", wrong);
        t.check("XLEN k", wrong);
    }
}
