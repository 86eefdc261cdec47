//! ZRANGE, its older forms by rank, score and member in either direction, and ZRANGESTORE.

use std::ops::Range;

use data::Zset;
use engine::args::{Options, is};
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};

use super::WITHSCORES;
use super::bounds::Span;
use super::score::reply_elements;
use super::store::reply_stored;

const LIMIT: Arg =
    Arg::block("limit", &[Arg::integer("offset"), Arg::integer("count")]).token("LIMIT").optional();
const SORT_BY: Arg =
    Arg::one_of("sortby", &[Arg::word("byscore", "BYSCORE"), Arg::word("bylex", "BYLEX")]).optional();
const REV: Arg = Arg::word("rev", "REV").optional();
const OLDER: &str = "O(log(N)+M) where N is the number of members there are and M that of those returned";

/// ZRANGE key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]
pub const ZRANGE: Command = Command {
    name: "zrange",
    group: Group::SortedSet,
    since: "1.2.0",
    summary: "Returns the members in a range of ranks, scores or members.",
    complexity: OLDER,
    arity: -4,
    flags: Flags::READONLY,
    keys: &[KeySpec::first(KeyFlags::RO.union(KeyFlags::ACCESS))],
    args: &[
        Arg::key("key"),
        Arg::string("start"),
        Arg::string("stop"),
        SORT_BY.since("6.2.0"),
        REV.since("6.2.0"),
        LIMIT.since("6.2.0"),
        WITHSCORES,
    ],
    history: &[("6.2.0", "Options REV, BYSCORE, BYLEX and LIMIT.")],
    handler: Handler::Read(|cx| reply_range(cx, Grammar::default())),
    ..Command::DEFAULT
};

/// ZREVRANGE key start stop [WITHSCORES]
pub const ZREVRANGE: Command = Command {
    name: "zrevrange",
    summary: "Returns the members in a range of ranks by descending scores.",
    args: &[Arg::key("key"), Arg::integer("start"), Arg::integer("stop"), WITHSCORES],
    history: &[],
    deprecated: Some(("6.2.0", "`ZRANGE` with `REV`")),
    handler: Handler::Read(|cx| reply_range(cx, Grammar { by: Some(By::Rank), reverse: Some(true) })),
    ..ZRANGE
};

/// ZRANGEBYSCORE key min max [WITHSCORES] [LIMIT offset count]
pub const ZRANGEBYSCORE: Command = Command {
    name: "zrangebyscore",
    since: "1.0.5",
    summary: "Returns the members in a range of scores.",
    args: &[Arg::key("key"), Arg::double("min"), Arg::double("max"), WITHSCORES.since("2.0.0"), LIMIT],
    history: &[("2.0.0", "Option WITHSCORES.")],
    deprecated: Some(("6.2.0", "`ZRANGE` with `BYSCORE`")),
    handler: Handler::Read(|cx| reply_range(cx, Grammar { by: Some(By::Score), reverse: Some(false) })),
    ..ZRANGE
};

/// ZREVRANGEBYSCORE key max min [WITHSCORES] [LIMIT offset count]
pub const ZREVRANGEBYSCORE: Command = Command {
    name: "zrevrangebyscore",
    since: "2.2.0",
    summary: "Returns the members in a range of scores, descending.",
    args: &[Arg::key("key"), Arg::double("max"), Arg::double("min"), WITHSCORES, LIMIT],
    history: &[("2.1.6", "Either end may be exclusive.")],
    deprecated: Some(("6.2.0", "`ZRANGE` with `REV` and `BYSCORE`")),
    handler: Handler::Read(|cx| reply_range(cx, Grammar { by: Some(By::Score), reverse: Some(true) })),
    ..ZRANGE
};

/// ZRANGEBYLEX key min max [LIMIT offset count]
pub const ZRANGEBYLEX: Command = Command {
    name: "zrangebylex",
    since: "2.8.9",
    summary: "Returns the members in a range of members, where all have one score.",
    args: &[Arg::key("key"), Arg::string("min"), Arg::string("max"), LIMIT],
    history: &[],
    deprecated: Some(("6.2.0", "`ZRANGE` with `BYLEX`")),
    handler: Handler::Read(|cx| reply_range(cx, Grammar { by: Some(By::Member), reverse: Some(false) })),
    ..ZRANGE
};

/// ZREVRANGEBYLEX key max min [LIMIT offset count]
pub const ZREVRANGEBYLEX: Command = Command {
    name: "zrevrangebylex",
    summary: "Returns the members in a range of members, descending, where all have one score.",
    args: &[Arg::key("key"), Arg::string("max"), Arg::string("min"), LIMIT],
    deprecated: Some(("6.2.0", "`ZRANGE` with `REV` and `BYLEX`")),
    handler: Handler::Read(|cx| reply_range(cx, Grammar { by: Some(By::Member), reverse: Some(true) })),
    ..ZRANGEBYLEX
};

/// ZRANGESTORE dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]
pub const ZRANGESTORE: Command = Command {
    name: "zrangestore",
    since: "6.2.0",
    summary: "Stores the members in a range as a sorted set.",
    complexity: "O(log(N)+M) where N is the number of members there are and M that of those stored",
    arity: -5,
    flags: Flags::WRITE.union(Flags::DENYOOM),
    keys: &[
        KeySpec::one(1, KeyFlags::OW.union(KeyFlags::UPDATE)),
        KeySpec::one(2, KeyFlags::RO.union(KeyFlags::ACCESS)),
    ],
    args: &[
        Arg::key("dst"),
        Arg::key_of("src", 1),
        Arg::string("min"),
        Arg::string("max"),
        SORT_BY,
        REV,
        LIMIT,
    ],
    history: &[],
    handler: Handler::Write(zrangestore),
    ..ZRANGE
};

/// What a range goes by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Member,
}

/// What a command's name says already, and its options can say no more.
#[derive(Clone, Copy, Default)]
struct Grammar {
    by: Option<By>,
    reverse: Option<bool>,
}

/// A range as the arguments ask for it.
struct Request<'a> {
    span: Span<'a>,
    reverse: bool,
    with_scores: bool,
    offset: i64,
    /// Negative for all.
    count: i64,
}

impl<'a> Request<'a> {
    /// Reads what stands behind the source key at `source`.
    fn parse(
        cx: &KeyCx<'a, '_>,
        source: usize,
        grammar: Grammar,
        stores: bool,
    ) -> Result<Request<'a>, Error> {
        let Grammar { mut by, mut reverse } = grammar;
        let (mut with_scores, mut offset, mut count) = (false, 0, -1);
        let mut options = Options::new(cx.args, source + 3);
        while let Some(word) = options.next() {
            if !stores && is(word, "WITHSCORES") {
                with_scores = true;
            } else if is(word, "LIMIT") && options.left() >= 2 {
                (offset, count) = (options.integer()?, options.integer()?);
            } else if reverse.is_none() && is(word, "REV") {
                reverse = Some(true);
            } else if by.is_none() && is(word, "BYLEX") {
                by = Some(By::Member);
            } else if by.is_none() && is(word, "BYSCORE") {
                by = Some(By::Score);
            } else {
                return Err(Error::Syntax);
            }
        }
        let (by, reverse) = (by.unwrap_or(By::Rank), reverse.unwrap_or(false));
        check(by, with_scores, count)?;
        let (start, stop) = (cx.args.at(source + 1), cx.args.at(source + 2));
        // Descending, the upper end is said first; ranks then count from the other end.
        let (min, max) = if reverse { (stop, start) } else { (start, stop) };
        let span = match by {
            By::Rank => Span::ranks(start, stop)?,
            By::Score => Span::scores(min, max)?,
            By::Member => Span::members(min, max)?,
        };
        Ok(Request { span, reverse, with_scores, offset, count })
    }

    /// The ranks that are asked for.
    fn within(&self, zset: &Zset) -> Range<usize> {
        let all = self.span.within(zset);
        if let Span::Ranks(..) = self.span {
            let mirrored = zset.len() - all.end..zset.len() - all.start;
            return if self.reverse { mirrored } else { all };
        }
        let offset = usize::try_from(self.offset).unwrap_or(usize::MAX).min(all.len());
        let count = usize::try_from(self.count).unwrap_or(usize::MAX).min(all.len() - offset);
        match self.reverse {
            true => all.end - offset - count..all.end - offset,
            false => all.start + offset..all.start + offset + count,
        }
    }
}

fn check(by: By, with_scores: bool, count: i64) -> Result<(), Error> {
    if count != -1 && by == By::Rank {
        let text = "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX";
        return Err(Error::text(text));
    }
    if with_scores && by == By::Member {
        return Err(Error::text("ERR syntax error, WITHSCORES not supported in combination with BYLEX"));
    }
    Ok(())
}

fn reply_range(cx: &mut KeyCx, grammar: Grammar) -> Outcome {
    let request = Request::parse(cx, 1, grammar, false)?;
    let Some(zset) = cx.view.read::<Zset>(cx.args.at(1))? else {
        cx.reply.array(0);
        return Ok(());
    };
    let ranks = request.within(zset);
    let (len, elements) = (ranks.len(), zset.range(ranks));
    match request.reverse {
        true => reply_elements(&mut cx.reply, len, elements.rev(), request.with_scores),
        false => reply_elements(&mut cx.reply, len, elements, request.with_scores),
    }
    Ok(())
}

fn zrangestore(cx: &mut KeyCx) -> Outcome {
    let (request, limits) = (Request::parse(cx, 2, Grammar::default(), true)?, cx.limits());
    let mut stored = Zset::default();
    if let Some(zset) = cx.view.read::<Zset>(cx.args.at(2))? {
        let ranks = request.within(zset);
        stored.expect(ranks.len(), 0, &limits);
        for (member, score) in zset.range(ranks) {
            member.with_bytes(|member| stored.insert(member, score, &limits));
        }
    }
    reply_stored(cx, cx.args.at(1), stored, "zrangestore", 1);
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    fn filled(limit: &str) -> Tester {
        let mut t = Tester::new(crate::FAMILIES);
        t.check(&format!("CONFIG SET zset-max-listpack-entries {limit}"), "+OK");
        t.check("ZADD z 1 a 2 b 3 c 4 d 5 e", ":5");
        t.check("ZADD lex 0 a 0 b 0 c 0 10", ":4");
        t
    }

    #[test]
    fn every_form_in_both_encodings() {
        for limit in ["128", "2"] {
            let mut t = filled(limit);
            for (line, reply) in [
                ("ZRANGE z 0 -1", "[$a, $b, $c, $d, $e]"),
                ("ZRANGE z 1 -2 REV", "[$d, $c, $b]"),
                ("ZREVRANGE z 0 1", "[$e, $d]"),
                ("ZREVRANGE z -2 -1", "[$b, $a]"),
                ("ZRANGE z 5 9", "[]"),
                ("ZRANGE z 3 1", "[]"),
                ("ZRANGE z (1 4 BYSCORE", "[$b, $c, $d]"),
                ("ZRANGE z 4 (1 BYSCORE REV LIMIT 1 1", "[$c]"),
                ("ZRANGEBYSCORE z -inf +inf LIMIT 1 2", "[$b, $c]"),
                ("ZRANGEBYSCORE z -inf +inf LIMIT 3 -5", "[$d, $e]"),
                ("ZRANGEBYSCORE z -inf +inf LIMIT -1 5", "[]"),
                ("ZRANGEBYSCORE z -inf +inf LIMIT 9 5", "[]"),
                ("ZREVRANGEBYSCORE z 4 2 LIMIT 0 2", "[$d, $c]"),
                ("ZREVRANGEBYSCORE z 2 4", "[]"),
                ("ZRANGEBYLEX lex - +", "[$10, $a, $b, $c]"),
                ("ZRANGEBYLEX lex (a + LIMIT 0 1", "[$b]"),
                ("ZREVRANGEBYLEX lex [b -", "[$b, $a, $10]"),
                ("ZRANGE lex [c [a BYLEX REV", "[$c, $b, $a]"),
                ("ZRANGE none 0 -1 WITHSCORES", "[]"),
                ("ZRANGE z 0 -1 LIMIT 1 -1", "[$a, $b, $c, $d, $e]"),
            ] {
                t.check(line, reply);
            }
            t.check_both("ZRANGE z 0 1 WITHSCORES", "[$a, $1, $b, $2]", "[[$a, ,1], [$b, ,2]]");
            t.check_both("ZRANGEBYSCORE z 5 5 WITHSCORES", "[$e, $5]", "[[$e, ,5]]");
        }
    }

    #[test]
    fn refusals() {
        let mut t = filled("128");
        t.check("ZRANGE z a 1", "-ERR value is not an integer or out of range");
        t.check("ZRANGE z a 1 BYSCORE", "-ERR min or max is not a float");
        t.check("ZRANGE z a 1 BYLEX", "-ERR min or max not valid string range item");
        t.check("ZRANGE z 0 1 LIMIT 1", "-ERR syntax error");
        t.check("ZRANGE z 0 1 LIMIT a 1", "-ERR value is not an integer or out of range");
        let limit = "-ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX";
        t.check("ZRANGE z 0 1 LIMIT 0 1", limit);
        let scores = "-ERR syntax error, WITHSCORES not supported in combination with BYLEX";
        t.check("ZRANGE z - + BYLEX WITHSCORES", scores);
        for line in [
            "ZREVRANGE z 0 1 REV",
            "ZREVRANGE z 0 1 BYSCORE",
            "ZRANGEBYSCORE z 0 1 REV",
            "ZRANGE z 0 1 BYSCORE BYLEX",
            "ZRANGE z 0 1 REV REV",
            "ZRANGESTORE dst z 0 1 WITHSCORES",
        ] {
            t.check(line, "-ERR syntax error");
        }
        t.check("SET s x", "+OK");
        t.check("ZRANGE s 0 1", "-WRONGTYPE Operation against a key holding the wrong kind of value");
    }

    #[test]
    fn stored_ranges() {
        for limit in ["128", "2"] {
            let mut t = filled(limit);
            t.check("ZRANGESTORE dst z 0 1", ":2");
            t.check_both("ZRANGE dst 0 -1 WITHSCORES", "[$a, $1, $b, $2]", "[[$a, ,1], [$b, ,2]]");
            t.check("OBJECT ENCODING dst", "$listpack");
            t.check("ZRANGESTORE z z 5 2 BYSCORE REV LIMIT 1 3", ":3");
            t.check("ZRANGE z 0 -1", "[$b, $c, $d]");
            t.check("SET s x EX 100", "+OK");
            t.check("ZRANGESTORE s z 0 -1", ":3");
            t.check("TTL s", ":-1");
            t.check("ZRANGESTORE s z 5 6", ":0");
            t.check("EXISTS s", ":0");
            t.check("ZRANGESTORE s none 5 6", ":0");
        }
    }
}
