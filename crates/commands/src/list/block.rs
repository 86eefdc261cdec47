//! BLPOP, BRPOP, BLMPOP, BLMOVE, BRPOPLPUSH: the same as without B, but they wait for an element.

use data::Type;
use data::list::End;
use engine::args::timeout;
use engine::blocking::{Nothing, Wait};
use engine::{Arg, Command, Flags, Handler, KeyCx, KeySpec, Outcome};
use resp::Encoder;

use super::moving::{KEYS, LMOVE, RPOPLPUSH, log_move, move_element};
use super::pop::{LMPOP, LPOP, POPPED, Request, event, pop};
use super::{LEFT_OR_RIGHT, end};

/// BLPOP key [key ...] timeout
pub const BLPOP: Command = Command {
    name: "blpop",
    since: "2.0.0",
    summary: "Removes the first element of the first list there is and returns it; waits for one.",
    complexity: "O(N) where N is the number of keys",
    arity: -3,
    flags: Flags::WRITE.union(Flags::BLOCKING),
    keys: &[KeySpec::range(1, -2, 1, POPPED)],
    args: &[Arg::key("key").multiple(), Arg::double("timeout")],
    history: &[("6.0.0", "The time-out may have a fraction.")],
    handler: Handler::Write(|cx| bpop(cx, End::Head)),
    ..LPOP
};

/// BRPOP key [key ...] timeout
pub const BRPOP: Command = Command {
    name: "brpop",
    summary: "Removes the last element of the first list there is and returns it; waits for one.",
    handler: Handler::Write(|cx| bpop(cx, End::Tail)),
    ..BLPOP
};

/// BLMPOP timeout numkeys key [key ...] LEFT | RIGHT [COUNT count]
pub const BLMPOP: Command = Command {
    name: "blmpop",
    summary: "Removes elements from the first list that is there and returns them; waits for one.",
    arity: -5,
    flags: Flags::WRITE.union(Flags::BLOCKING),
    keys: &[KeySpec::counted(2, POPPED)],
    args: &[
        Arg::double("timeout"),
        Arg::integer("numkeys"),
        Arg::key("key").multiple(),
        Arg::one_of("where", LEFT_OR_RIGHT),
        Arg::integer("count").token("COUNT").optional(),
    ],
    handler: Handler::Write(blmpop),
    ..LMPOP
};

/// BLMOVE source destination LEFT | RIGHT LEFT | RIGHT timeout
pub const BLMOVE: Command = Command {
    name: "blmove",
    summary: "Moves an element from an end of a list to an end of another, and returns it; waits for one.",
    arity: 6,
    flags: LMOVE.flags.union(Flags::BLOCKING),
    keys: KEYS,
    args: &[
        Arg::key("source"),
        Arg::key_of("destination", 1),
        Arg::one_of("wherefrom", LEFT_OR_RIGHT),
        Arg::one_of("whereto", LEFT_OR_RIGHT),
        Arg::double("timeout"),
    ],
    handler: Handler::Write(|cx| {
        let (from, to) = (end(cx.args.at(3))?, end(cx.args.at(4))?);
        bmove(cx, from, to, 5)
    }),
    ..LMOVE
};

/// BRPOPLPUSH source destination timeout
pub const BRPOPLPUSH: Command = Command {
    name: "brpoplpush",
    since: "2.2.0",
    summary: "Moves the last element of a list to the head of another, and returns it; waits for one.",
    arity: 4,
    flags: LMOVE.flags.union(Flags::BLOCKING),
    args: &[Arg::key("source"), Arg::key_of("destination", 1), Arg::double("timeout")],
    history: &[("6.0.0", "The time-out may have a fraction.")],
    deprecated: Some(("6.2.0", "`BLMOVE` with the `RIGHT` and `LEFT` arguments")),
    handler: Handler::Write(|cx| bmove(cx, End::Tail, End::Head, 3)),
    ..RPOPLPUSH
};

/// Waits for a list at one of the arguments from `first` on.
fn wait(cx: &mut KeyCx, first: usize, keys: usize, until: Option<i64>, at_once: Nothing) {
    let keys = cx.args.from(first).iter().take(keys).map(Box::from).collect();
    cx.wait(Wait { keys, wants: Type::List, sees_loss: false, until, at_once });
}

fn bpop(cx: &mut KeyCx, end: End) -> Outcome {
    let keys = cx.args.len() - 2;
    let until = timeout(cx.args.at(keys + 1), cx.now())?;
    for key in cx.args.from(1).iter().take(keys) {
        let head = |reply: &mut Encoder, _: usize| {
            reply.array(2);
            reply.bulk(key);
        };
        if pop(cx, key, end, 1, head)?.is_some() {
            cx.log_instead([event(end).as_bytes(), key]);
            return Ok(());
        }
    }
    wait(cx, 1, keys, until, Nothing::NullArray);
    Ok(())
}

fn blmpop(cx: &mut KeyCx) -> Outcome {
    let request = Request::parse(cx, 2)?;
    let until = timeout(cx.args.at(1), cx.now())?;
    if !request.run(cx, 3)? {
        wait(cx, 3, request.keys, until, Nothing::NullArray);
    }
    Ok(())
}

fn bmove(cx: &mut KeyCx, from: End, to: End, time: usize) -> Outcome {
    let until = timeout(cx.args.at(time), cx.now())?;
    if move_element(cx, from, to)? {
        log_move(cx, from, to);
    } else {
        wait(cx, 1, 1, until, Nothing::Null);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn what_is_there_is_served_at_once() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("RPUSH b 1 2 3 4 5 6", ":6");
        t.check("BLPOP a b 0", "[$b, $1]");
        t.check("BRPOP a b 0.1", "[$b, $6]");
        t.check("BLMPOP 0 2 a b LEFT COUNT 2", "[$b, [$2, $3]]");
        t.check("BLMOVE b c RIGHT LEFT 0", "$5");
        t.check("BRPOPLPUSH b c 0", "$4");
        t.check("LRANGE c 0 -1", "[$4, $5]");
        assert_eq!(
            t.logged()[2..],
            ["lpop b", "rpop b", "lpop b 2", "LMOVE b c RIGHT LEFT", "LMOVE b c RIGHT LEFT"]
        );
    }

    #[test]
    fn whoever_waits_is_served_in_turn() {
        let mut t = Tester::new(crate::FAMILIES);
        t.client(1).check("BLPOP a b 0", "");
        t.client(2).check("BLMOVE a c LEFT RIGHT 0", "");
        t.client(3).check("BRPOP c 0", "");
        t.client(4).check("BLMPOP 0 1 a LEFT COUNT 5", "");
        t.client(0).check("RPUSH a 1 2 3 4", ":4");
        t.check_received(1, Some("[$a, $1]"), Some("[$a, $1]"));
        t.check_received(2, Some("$2"), Some("$2"));
        t.check_received(3, Some("[$c, $2]"), Some("[$c, $2]"));
        t.check_received(4, Some("[$a, [$3, $4]]"), Some("[$a, [$3, $4]]"));
        t.check("EXISTS a b c", ":0");
        t.client(1).check("BLPOP a 0", "");
        t.client(0).check("SET a text", "+OK");
        t.check("DEL a", ":1");
        t.check_received(1, None, None);
        t.check("RPUSH x y", ":1");
        t.check("RENAME x a", "+OK");
        t.check_received(1, Some("[$a, $y]"), Some("[$a, $y]"));
    }

    #[test]
    fn transactions_do_not_wait_and_serve_in_the_end() {
        let mut t = Tester::new(crate::FAMILIES);
        t.client(1).check("BLPOP a 0", "");
        t.client(0).check("MULTI", "+OK");
        for line in ["BLPOP b 0", "BLMOVE b a LEFT LEFT 0", "RPUSH a 1", "LPUSH a 0"] {
            t.check(line, "+QUEUED");
        }
        t.check_both("EXEC", "[(nil), (nil), :1, :2]", "[(nil), (nil), :1, :2]");
        t.check_received(1, Some("[$a, $0]"), Some("[$a, $0]"));
        t.check("LRANGE a 0 -1", "[$1]");
    }

    #[test]
    fn the_end_of_time_and_of_patience() {
        let mut t = Tester::new(crate::FAMILIES);
        t.client(1).check("BLPOP a 0.01", "");
        t.time_out(1);
        t.check_received(1, Some("(nil)"), Some("(nil)"));
        t.client(1).check("BLPOP a 0", "");
        t.client(0).check("CLIENT UNBLOCK 2 ERROR", ":1");
        let unblocked = "-UNBLOCKED client unblocked via CLIENT UNBLOCK";
        t.check_received(1, Some(unblocked), Some(unblocked));
        t.client(1).check("BLPOP a 0", "");
        t.client(0).check("CLIENT UNBLOCK 2", ":1");
        t.check_received(1, Some("(nil)"), Some("(nil)"));
        t.check("CLIENT UNBLOCK 2", ":0");
        t.check("RPUSH a 1", ":1");
        t.check_received(1, None, None);
    }

    #[test]
    fn refusals() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("SET s x", "+OK");
        t.check("BLPOP s 0", "-WRONGTYPE Operation against a key holding the wrong kind of value");
        t.check("BLPOP a x", "-ERR timeout is not a float or out of range");
        t.check("BLPOP a -1", "-ERR timeout is negative");
        t.check("BLMOVE a b UP LEFT 0", "-ERR syntax error");
        t.check("BLMPOP 0 0 a LEFT", "-ERR numkeys should be greater than 0");
    }
}
