//! BZPOPMIN, BZPOPMAX and BZMPOP: popping that waits for something to pop.

use data::Type;
use engine::args::timeout;
use engine::blocking::{Nothing, Wait};
use engine::{Arg, Command, Flags, Handler, KeyCx, KeySpec, Outcome};

use super::pop::{End, POPPED, Request, ZMPOP, ZPOPMIN, pop_one};

/// BZPOPMIN key [key ...] timeout
pub const BZPOPMIN: Command = Command {
    name: "bzpopmin",
    summary: "Removes and returns the lowest member of the first sorted set that has any; waits until one has.",
    complexity: "O(log(N)) where N is the number of members",
    arity: -3,
    flags: Flags::WRITE.union(Flags::BLOCKING).union(Flags::FAST),
    keys: &[KeySpec::range(1, -2, 1, POPPED)],
    args: &[Arg::key("key").multiple(), Arg::double("timeout")],
    history: &[("6.0.0", "The time-out may have parts of a second.")],
    handler: Handler::Write(|cx| bzpop(cx, End::Min)),
    ..ZPOPMIN
};

/// BZPOPMAX key [key ...] timeout
pub const BZPOPMAX: Command = Command {
    name: "bzpopmax",
    summary: "Removes and returns the highest member of the first sorted set that has any; waits until one has.",
    handler: Handler::Write(|cx| bzpop(cx, End::Max)),
    ..BZPOPMIN
};

/// BZMPOP timeout numkeys key [key ...] MIN | MAX [COUNT count]
pub const BZMPOP: Command = Command {
    name: "bzmpop",
    summary: "Removes and returns members at one end of the first sorted set that has any; waits until one has.",
    arity: -5,
    flags: Flags::WRITE.union(Flags::BLOCKING),
    keys: &[KeySpec::counted(2, POPPED)],
    args: &[
        Arg::double("timeout"),
        Arg::integer("numkeys"),
        Arg::key("key").multiple(),
        Arg::one_of("where", &[Arg::word("min", "MIN"), Arg::word("max", "MAX")]),
        Arg::integer("count").token("COUNT").optional(),
    ],
    handler: Handler::Write(bzmpop),
    ..ZMPOP
};

fn bzpop(cx: &mut KeyCx, end: End) -> Outcome {
    let (args, last) = (cx.args, cx.args.len() - 1);
    let until = timeout(args.at(last), cx.now())?;
    let keys = || args.iter().take(last).skip(1);
    if !pop_one(cx, end, keys())? {
        wait(cx, keys(), until);
    }
    Ok(())
}

fn bzmpop(cx: &mut KeyCx) -> Outcome {
    let (args, request) = (cx.args, Request::parse(cx, 2)?);
    let until = timeout(args.at(1), cx.now())?;
    let keys = || args.from(3).iter().take(request.keys);
    if !request.run(cx, keys())? {
        wait(cx, keys(), until);
    }
    Ok(())
}

/// Waits for a sorted set at one of the keys.
fn wait<'k>(cx: &mut KeyCx, keys: impl Iterator<Item = &'k [u8]>, until: Option<i64>) {
    let keys = keys.map(Into::into).collect();
    cx.wait(Wait { keys, wants: Type::Zset, sees_loss: false, until, at_once: Nothing::NullArray });
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn what_is_there_is_popped_at_once() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("ZADD z 1 a 2 b 3 c 4 d", ":4");
        t.check_both("BZPOPMIN none z 0", "[$z, $a, $1]", "[$z, $a, ,1]");
        t.check_both("BZPOPMAX z none 0", "[$z, $d, $4]", "[$z, $d, ,4]");
        t.check_both(
            "BZMPOP 0 2 none z MIN COUNT 9",
            "[$z, [[$b, $2], [$c, $3]]]",
            "[$z, [[$b, ,2], [$c, ,3]]]",
        );
        assert_eq!(t.logged()[2..], ["ZPOPMIN z", "ZPOPMAX z", "ZPOPMIN z 2"]);
    }

    #[test]
    fn waiting_for_a_member() {
        let mut t = Tester::new(crate::FAMILIES);
        t.client(1).check("BZPOPMAX a b 0", "");
        t.client(2).check("BZMPOP 0 1 b MIN COUNT 5", "");
        t.client(0).check("SET b x", "+OK");
        t.check_received(1, None, None);
        t.check("DEL b", ":1");
        t.check("ZADD b 1 x 2 y 3 z", ":3");
        t.check_received(1, Some("[$b, $z, $3]"), Some("[$b, $z, ,3]"));
        t.check_received(2, Some("[$b, [[$x, $1], [$y, $2]]]"), Some("[$b, [[$x, ,1], [$y, ,2]]]"));
        t.check("EXISTS b", ":0");
        t.client(1).check("BZPOPMIN b 1", "");
        t.time_out(1);
        t.check_received(1, Some("(nil)"), Some("(nil)"));
    }

    #[test]
    fn in_a_transaction_nobody_waits() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("MULTI", "+OK");
        t.check("BZPOPMIN z 0", "+QUEUED");
        t.check("BZMPOP 0 1 z MAX", "+QUEUED");
        t.check("EXEC", "[(nil), (nil)]");
    }

    #[test]
    fn refusals() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("BZPOPMIN z x", "-ERR timeout is not a float or out of range");
        t.check("BZMPOP -1 1 z MIN", "-ERR timeout is negative");
        t.check("BZMPOP x 0 z MIN", "-ERR numkeys should be greater than 0");
        t.check("BZMPOP 0 1 z MID", "-ERR syntax error");
        t.check("SET s x", "+OK");
        t.check("BZPOPMIN none s 0", "-WRONGTYPE Operation against a key holding the wrong kind of value");
    }
}
