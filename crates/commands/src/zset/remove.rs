//! ZREM, and ZREMRANGEBYRANK, -SCORE and -LEX.

use config::NotifyEvents;
use data::Zset;
use engine::{Arg, Command, Elements, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use keyspace::Missing;

use super::bounds::Span;

/// ZREM key member [member ...]
pub const ZREM: Command = Command {
    name: "zrem",
    group: Group::SortedSet,
    since: "1.2.0",
    summary: "Removes members from a sorted set.",
    complexity: "O(M*log(N)) where N is the number of members there are and M that of those removed",
    arity: -3,
    flags: Flags::WRITE.union(Flags::FAST),
    keys: &[KeySpec::first(KeyFlags::RW.union(KeyFlags::DELETE))],
    elements: Elements::each(2, 1),
    args: &[Arg::key("key"), Arg::string("member").multiple()],
    history: &[("2.4.0", "Takes several members.")],
    handler: Handler::Write(zrem),
    ..Command::DEFAULT
};

/// ZREMRANGEBYRANK key start stop
pub const ZREMRANGEBYRANK: Command = Command {
    name: "zremrangebyrank",
    since: "2.0.0",
    summary: "Removes the members whose ranks are in a range.",
    complexity: "O(log(N)+M) where N is the number of members there are and M that of those removed",
    arity: 4,
    flags: Flags::WRITE,
    args: &[Arg::key("key"), Arg::integer("start"), Arg::integer("stop")],
    history: &[],
    handler: Handler::Write(|cx| remove(cx, Span::ranks(cx.args.at(2), cx.args.at(3))?, "zremrangebyrank")),
    ..ZREM
};

/// ZREMRANGEBYSCORE key min max
pub const ZREMRANGEBYSCORE: Command = Command {
    name: "zremrangebyscore",
    since: "1.2.0",
    summary: "Removes the members whose scores are in a range.",
    args: &[Arg::key("key"), Arg::double("min"), Arg::double("max")],
    handler: Handler::Write(|cx| remove(cx, Span::scores(cx.args.at(2), cx.args.at(3))?, "zremrangebyscore")),
    ..ZREMRANGEBYRANK
};

/// ZREMRANGEBYLEX key min max
pub const ZREMRANGEBYLEX: Command = Command {
    name: "zremrangebylex",
    since: "2.8.9",
    summary: "Removes the members in a range, where all have one score.",
    args: &[Arg::key("key"), Arg::string("min"), Arg::string("max")],
    handler: Handler::Write(|cx| remove(cx, Span::members(cx.args.at(2), cx.args.at(3))?, "zremrangebylex")),
    ..ZREMRANGEBYRANK
};

fn zrem(cx: &mut KeyCx) -> Outcome {
    let members = cx.args.from(2);
    let removed =
        cx.modify(cx.args.at(1), Missing::Skip, (NotifyEvents::ZSET, "zrem"), |zset: &mut Zset, change| {
            change.count = members.iter().filter(|member| zset.remove(member)).count() as u64;
            change.count
        })?;
    cx.reply.int(removed.unwrap_or(0) as i64);
    Ok(())
}

fn remove(cx: &mut KeyCx, span: Span, event: &'static str) -> Outcome {
    let removed =
        cx.modify(cx.args.at(1), Missing::Skip, (NotifyEvents::ZSET, event), |zset: &mut Zset, change| {
            change.count = zset.remove_ranks(span.within(zset)) as u64;
            change.count
        })?;
    cx.reply.int(removed.unwrap_or(0) as i64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    fn filled(limit: &str) -> Tester {
        let mut t = Tester::new(crate::FAMILIES);
        t.check(&format!("CONFIG SET zset-max-listpack-entries {limit}"), "+OK");
        t.check("ZADD z 1 a 2 b 3 c 4 d 5 e", ":5");
        t.check("ZADD lex 0 a 0 b 0 c 0 d 0 e", ":5");
        t
    }

    #[test]
    fn by_member_and_by_range() {
        for limit in ["128", "2"] {
            let mut t = filled(limit);
            t.check("ZREM z a x a", ":1");
            t.check("ZREM none a", ":0");
            t.check("ZREMRANGEBYSCORE z (2 3", ":1");
            t.check("ZREMRANGEBYSCORE z 7 6", ":0");
            t.check("ZREMRANGEBYRANK z -1 -1", ":1");
            t.check("ZRANGE z 0 -1", "[$b, $d]");
            t.check("ZREMRANGEBYRANK z 5 9", ":0");
            t.check("ZREMRANGEBYRANK z 0 -1", ":2");
            t.check("EXISTS z", ":0");
            t.check("ZREMRANGEBYLEX lex [b (d", ":2");
            t.check("ZRANGE lex 0 -1", "[$a, $d, $e]");
            t.check("ZREMRANGEBYLEX lex - +", ":3");
            t.check("EXISTS lex", ":0");
        }
    }

    #[test]
    fn refusals() {
        let mut t = filled("128");
        t.check("ZREMRANGEBYRANK z a 1", "-ERR value is not an integer or out of range");
        t.check("ZREMRANGEBYSCORE z a 1", "-ERR min or max is not a float");
        t.check("ZREMRANGEBYLEX z a [1", "-ERR min or max not valid string range item");
        t.check("SET s x", "+OK");
        for line in ["ZREM s a", "ZREMRANGEBYRANK s 0 1", "ZREMRANGEBYSCORE s 0 1", "ZREMRANGEBYLEX s - +"] {
            t.check(line, "-WRONGTYPE Operation against a key holding the wrong kind of value");
        }
    }
}
