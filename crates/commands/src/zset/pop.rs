//! ZPOPMIN, ZPOPMAX and ZMPOP.

use codec::number::I64Text;
use config::NotifyEvents;
use data::Zset;
use engine::args::{Options, integer, is};
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use keyspace::Missing;
use resp::Encoder;

use super::score::{reply_member, reply_score};

pub(super) const POPPED: KeyFlags = KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE);

/// ZPOPMIN key [count]
pub const ZPOPMIN: Command = Command {
    name: "zpopmin",
    group: Group::SortedSet,
    since: "5.0.0",
    summary: "Removes and returns the members with the lowest scores.",
    complexity: "O(log(N)*M) where N is the number of members there are and M that of those removed",
    arity: -2,
    flags: Flags::WRITE.union(Flags::FAST),
    keys: &[KeySpec::first(POPPED)],
    args: &[Arg::key("key"), Arg::integer("count").optional()],
    handler: Handler::Write(|cx| zpop(cx, End::Min)),
    ..Command::DEFAULT
};

/// ZPOPMAX key [count]
pub const ZPOPMAX: Command = Command {
    name: "zpopmax",
    summary: "Removes and returns the members with the highest scores.",
    handler: Handler::Write(|cx| zpop(cx, End::Max)),
    ..ZPOPMIN
};

/// ZMPOP numkeys key [key ...] MIN | MAX [COUNT count]
pub const ZMPOP: Command = Command {
    name: "zmpop",
    since: "7.0.0",
    summary: "Removes and returns the lowest or highest members of the first sorted set that has any.",
    complexity: "O(K) + O(M*log(N)) where K is the number of keys, N that of members and M that of those removed",
    arity: -4,
    flags: Flags::WRITE,
    keys: &[KeySpec::counted(1, POPPED)],
    args: &[
        Arg::integer("numkeys"),
        Arg::key("key").multiple(),
        Arg::one_of("where", &[Arg::word("min", "MIN"), Arg::word("max", "MAX")]),
        Arg::integer("count").token("COUNT").optional(),
    ],
    handler: Handler::Write(zmpop),
    ..ZPOPMIN
};

/// An end of a sorted set.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The lowest scores.
    Min,
    /// The highest.
    Max,
}

impl End {
    fn event(self) -> &'static str {
        match self {
            End::Min => "zpopmin",
            End::Max => "zpopmax",
        }
    }

    fn command(self) -> &'static [u8] {
        match self {
            End::Min => b"ZPOPMIN",
            End::Max => b"ZPOPMAX",
        }
    }
}

/// Removes up to `count` members at an end and replies them behind what `head` replies, which is told how many; in
/// pairs or flat. Answers how many; `None` without a key.
fn pop(
    cx: &mut KeyCx,
    key: &[u8],
    end: End,
    count: usize,
    pairs: bool,
    head: impl FnOnce(&mut Encoder, usize),
) -> Result<Option<usize>, Error> {
    cx.modify(key, Missing::Skip, (NotifyEvents::ZSET, end.event()), |zset: &mut Zset, change| {
        let (len, count) = (zset.len(), count.min(zset.len()));
        head(change.reply, count);
        let ranks = if end == End::Min { 0..count } else { len - count..len };
        let mut elements = zset.range(ranks.clone());
        for _ in 0..count {
            let element = if end == End::Min { elements.next() } else { elements.next_back() };
            let Some((member, score)) = element else { break };
            if pairs {
                change.reply.array(2);
            }
            reply_member(change.reply, member);
            reply_score(change.reply, score);
        }
        change.count = zset.remove_ranks(ranks) as u64;
        count
    })
}

fn zpop(cx: &mut KeyCx, end: End) -> Outcome {
    if cx.args.len() > 3 {
        return Err(Error::Syntax);
    }
    let count = cx.args.get(2).map(|arg| {
        let count = integer(arg).ok().and_then(|count| usize::try_from(count).ok());
        count.ok_or(Error::NotPositive)
    });
    let count = count.transpose()?;
    let pairs = count.is_some() && cx.reply.resp3();
    let head = |reply: &mut Encoder, count: usize| reply.array(if pairs { count } else { 2 * count });
    if pop(cx, cx.args.at(1), end, count.unwrap_or(1), pairs, head)?.is_none() {
        cx.reply.array(0);
    }
    Ok(())
}

/// What ZMPOP asks for.
pub(super) struct Request {
    /// How many keys there are.
    pub keys: usize,
    pub end: End,
    pub count: usize,
}

impl Request {
    /// Reads what stands from the number of keys on.
    pub(super) fn parse(cx: &KeyCx, at: usize) -> Result<Request, Error> {
        let positive = |arg: &[u8], error: &'static str| {
            let number = integer(arg).ok().and_then(|number| usize::try_from(number).ok());
            number.filter(|number| *number > 0).ok_or(Error::text(error))
        };
        let keys = positive(cx.args.at(at), "ERR numkeys should be greater than 0")?;
        let mut options = Options::new(cx.args, keys.saturating_add(at + 1));
        let end = match options.value()? {
            word if is(word, "MIN") => End::Min,
            word if is(word, "MAX") => End::Max,
            _ => return Err(Error::Syntax),
        };
        let mut count = None;
        while let Some(word) = options.next() {
            if count.is_some() || !is(word, "COUNT") {
                return Err(Error::Syntax);
            }
            count = Some(positive(options.value()?, "ERR count should be greater than 0")?);
        }
        Ok(Request { keys, end, count: count.unwrap_or(1) })
    }

    /// Pops from the first of these keys that is there; answers whether there is one.
    pub(super) fn run<'k>(
        &self,
        cx: &mut KeyCx,
        keys: impl Iterator<Item = &'k [u8]>,
    ) -> Result<bool, Error> {
        for key in keys {
            let head = |reply: &mut Encoder, count: usize| {
                reply.array(2);
                reply.bulk(key);
                reply.array(count);
            };
            if let Some(popped) = pop(cx, key, self.end, self.count, true, head)? {
                cx.log_instead([self.end.command(), key, &I64Text::new(popped as i64)]);
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn zmpop(cx: &mut KeyCx) -> Outcome {
    let (args, request) = (cx.args, Request::parse(cx, 1)?);
    if !request.run(cx, args.from(2).iter().take(request.keys))? {
        cx.reply.null_array();
    }
    Ok(())
}

/// Pops one element from the first of these keys that is there, with the key in front; answers whether there is one.
pub(super) fn pop_one<'k>(
    cx: &mut KeyCx,
    end: End,
    keys: impl Iterator<Item = &'k [u8]>,
) -> Result<bool, Error> {
    for key in keys {
        let head = |reply: &mut Encoder, _| {
            reply.array(3);
            reply.bulk(key);
        };
        if pop(cx, key, end, 1, false, head)?.is_some() {
            cx.log_instead([end.command(), key]);
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn from_either_end() {
        for limit in ["128", "2"] {
            let mut t = Tester::new(crate::FAMILIES);
            t.check(&format!("CONFIG SET zset-max-listpack-entries {limit}"), "+OK");
            t.check("ZADD z 1 a 2 b 3 c 4 d 5 e", ":5");
            t.check_both("ZPOPMIN z", "[$a, $1]", "[$a, ,1]");
            t.check_both("ZPOPMAX z 2", "[$e, $5, $d, $4]", "[[$e, ,5], [$d, ,4]]");
            t.check("ZPOPMIN z 0", "[]");
            t.check_both("ZPOPMIN z 9", "[$b, $2, $c, $3]", "[[$b, ,2], [$c, ,3]]");
            t.check("EXISTS z", ":0");
            t.check("ZPOPMIN z", "[]");
        }
    }

    #[test]
    fn refusals() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("ZPOPMIN z 1 2", "-ERR syntax error");
        for count in ["-1", "x"] {
            t.check(&format!("ZPOPMAX z {count}"), "-ERR value is out of range, must be positive");
        }
        t.check("SET s x", "+OK");
        t.check("ZPOPMIN s", "-WRONGTYPE Operation against a key holding the wrong kind of value");
        for numkeys in ["0", "-1", "x"] {
            t.check(&format!("ZMPOP {numkeys} z MIN"), "-ERR numkeys should be greater than 0");
        }
        for line in ["ZMPOP 2 z MIN", "ZMPOP 1 z MID", "ZMPOP 1 z MIN COUNT", "ZMPOP 1 z MIN COUNT 1 COUNT 1"]
        {
            t.check(line, "-ERR syntax error");
        }
        t.check("ZMPOP 9223372036854775807 z MIN", "-ERR syntax error");
        t.check("ZMPOP 1 z MIN COUNT 0", "-ERR count should be greater than 0");
    }

    #[test]
    fn the_first_of_several_keys() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("ZADD b 1 x 2 y 3 z", ":3");
        t.check_both("ZMPOP 2 a b MIN", "[$b, [[$x, $1]]]", "[$b, [[$x, ,1]]]");
        t.check_both("ZMPOP 2 a b max COUNT 9", "[$b, [[$z, $3], [$y, $2]]]", "[$b, [[$z, ,3], [$y, ,2]]]");
        t.check("ZMPOP 2 a b MIN", "(nil)");
        assert_eq!(t.logged()[2..], ["ZPOPMIN b 1", "ZPOPMAX b 2"]);
    }
}
