//! ZCOUNT and ZLEXCOUNT.

use data::Zset;
use engine::{Arg, Command, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};

use super::bounds::Span;

/// ZCOUNT key min max
pub const ZCOUNT: Command = Command {
    name: "zcount",
    group: Group::SortedSet,
    since: "2.0.0",
    summary: "Returns how many members have scores in a range.",
    complexity: "O(log(N)) where N is the number of members",
    arity: 4,
    flags: Flags::READONLY.union(Flags::FAST),
    keys: &[KeySpec::first(KeyFlags::RO.union(KeyFlags::ACCESS))],
    args: &[Arg::key("key"), Arg::double("min"), Arg::double("max")],
    handler: Handler::Read(|cx| count(cx, Span::scores(cx.args.at(2), cx.args.at(3))?)),
    ..Command::DEFAULT
};

/// ZLEXCOUNT key min max
pub const ZLEXCOUNT: Command = Command {
    name: "zlexcount",
    since: "2.8.9",
    summary: "Returns how many members are in a range, where all have one score.",
    args: &[Arg::key("key"), Arg::string("min"), Arg::string("max")],
    handler: Handler::Read(|cx| count(cx, Span::members(cx.args.at(2), cx.args.at(3))?)),
    ..ZCOUNT
};

fn count(cx: &mut KeyCx, span: Span) -> Outcome {
    let zset = cx.view.read::<Zset>(cx.args.at(1))?;
    cx.reply.count(zset.map_or(0, |zset| span.within(zset).len()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn counts() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("ZADD z 1 a 2 b 2 c 3 d inf e", ":5");
        for (range, count) in [
            ("-inf +inf", 5),
            ("2 2", 2),
            ("(2 inf", 2),
            ("(2 (inf", 1),
            ("3 1", 0),
            ("(2 (2", 0),
            ("1 (2", 1),
        ] {
            t.check(&format!("ZCOUNT z {range}"), &format!(":{count}"));
        }
        t.check("ZADD lex 0 a 0 b 0 c 0 '' 0 10", ":5");
        for (range, count) in
            [("- +", 5), ("[a +", 3), ("(a +", 2), ("- (b", 3), ("+ -", 0), ("[ [", 1), ("( [10", 1)]
        {
            t.check(&format!("ZLEXCOUNT lex {range}"), &format!(":{count}"));
        }
        t.check("ZCOUNT none 0 1", ":0");
        t.check("ZCOUNT z x 1", "-ERR min or max is not a float");
        t.check("ZLEXCOUNT z a b", "-ERR min or max not valid string range item");
    }
}
