//! PFCOUNT: how many distinct elements a HyperLogLog, or several together, have seen.

use data::hyperloglog::{Registers, cache_count};
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};

use super::{parse, sound};

/// PFCOUNT key [key ...]
pub const PFCOUNT: Command = Command {
    name: "pfcount",
    group: Group::Hyperloglog,
    since: "2.8.9",
    summary: "Estimates how many distinct elements were added to one HyperLogLog, or to any of several.",
    complexity: "O(1) for one key, often by a look at the last count; O(N) for N keys, each of which takes longer",
    arity: -2,
    flags: Flags::READONLY.union(Flags::MAY_REPLICATE),
    keys: &[KeySpec {
        notes: Some("RW as the count is kept in the value, which goes to replicas too"),
        ..KeySpec::all(KeyFlags::RW.union(KeyFlags::ACCESS))
    }],
    args: &[Arg::key("key").multiple()],
    handler: Handler::Write(pfcount),
    ..Command::DEFAULT
};

fn pfcount(cx: &mut KeyCx) -> Outcome {
    let count = if cx.args.len() > 2 { union(cx)? } else { count(cx)? };
    cx.reply.int(count as i64);
    Ok(())
}

fn union(cx: &mut KeyCx) -> Result<u64, Error> {
    let mut registers = Registers::default();
    for key in cx.args.from(1).iter() {
        if let Some(value) = cx.view.string(key)? {
            sound(registers.merge(parse(value)?))?;
        }
    }
    Ok(registers.count())
}

/// The count of one key, which is kept in its value. That is a change, though nobody is told of one.
fn count(cx: &mut KeyCx) -> Result<u64, Error> {
    let key = cx.args.at(1);
    let Some(value) = cx.view.string(key)? else { return Ok(0) };
    let log = parse(value)?;
    if let Some(count) = log.cached_count() {
        return Ok(count);
    }
    let count = sound(log.count())?;
    cx.view.edit(key, 0, |bytes| cache_count(bytes, count))?;
    cx.changed(1);
    Ok(count)
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn counts_are_kept() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("PFCOUNT none", ":0");
        t.check("PFADD h a b c", ":1");
        t.check("GETRANGE h 8 15", "$\0\0\0\0\0\0\0\u{fffd}");
        t.check("WATCH h", "+OK");
        t.check("PFCOUNT h", ":3");
        t.check("GETRANGE h 8 15", "$\u{3}\0\0\0\0\0\0\0");
        t.check("MULTI", "+OK");
        t.check("EXEC", "(nil)");
        t.check("PFCOUNT h", ":3");
        t.check("SETRANGE h 8 \"\\x09\"", ":27");
        t.check("PFCOUNT h", ":9");
        t.check("PFADD h a", ":0");
        t.check("PFCOUNT h", ":9");
        t.check("PFADD h d", ":1");
        t.check("PFCOUNT h", ":4");
        let logged = t.logged();
        assert_eq!(logged.iter().filter(|line| line.contains("PFCOUNT")).count(), 2, "{logged:?}");
    }

    #[test]
    fn unions() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("PFADD a 1 2 3", ":1");
        t.check("PFADD b 3 4 5", ":1");
        t.check("PFCOUNT a b none", ":5");
        t.check("PFCOUNT none none2", ":0");
        t.check("PFDEBUG TODENSE b", ":1");
        t.check("PFCOUNT a b", ":5");
        t.check("PFCOUNT a a", ":3");
        // Several keys leave all values as they are.
        t.check("GETRANGE a 15 15", "$\u{fffd}");
    }
}
