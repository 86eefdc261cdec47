//! Scores: how they are read from arguments and written in replies; ZSCORE, ZMSCORE, and ZCARD.

use codec::listpack::Entry;
use codec::number::{F64Text, parse_f64, parse_i64};
use data::Zset;
use engine::{Arg, Command, Elements, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use resp::Encoder;

/// ZCARD key
pub const ZCARD: Command = Command {
    name: "zcard",
    group: Group::SortedSet,
    since: "1.2.0",
    summary: "Returns how many members a sorted set has.",
    arity: 2,
    flags: Flags::READONLY.union(Flags::FAST),
    keys: &[KeySpec::first(KeyFlags::RO)],
    args: &[Arg::key("key")],
    handler: Handler::Read(|cx| {
        let zset = cx.view.read::<Zset>(cx.args.at(1))?;
        cx.reply.count(zset.map_or(0, Zset::len));
        Ok(())
    }),
    ..Command::DEFAULT
};

/// ZSCORE key member
pub const ZSCORE: Command = Command {
    name: "zscore",
    summary: "Returns a member's score.",
    arity: 3,
    keys: &[KeySpec::first(KeyFlags::RO.union(KeyFlags::ACCESS))],
    elements: Elements::one(2),
    args: &[Arg::key("key"), Arg::string("member")],
    handler: Handler::Read(|cx| {
        let zset = cx.view.read::<Zset>(cx.args.at(1))?;
        reply_score_or_null(&mut cx.reply, zset.and_then(|zset| zset.score(cx.args.at(2))));
        Ok(())
    }),
    ..ZCARD
};

/// ZMSCORE key member [member ...]
pub const ZMSCORE: Command = Command {
    name: "zmscore",
    since: "6.2.0",
    summary: "Returns the scores of several members.",
    complexity: "O(N) where N is the number of members asked for",
    arity: -3,
    elements: Elements::each(2, 1),
    args: &[Arg::key("key"), Arg::string("member").multiple()],
    handler: Handler::Read(zmscore),
    ..ZSCORE
};

fn zmscore(cx: &mut KeyCx) -> Outcome {
    let (zset, members) = (cx.view.read::<Zset>(cx.args.at(1))?, cx.args.from(2));
    cx.reply.array(members.len());
    for member in members.iter() {
        reply_score_or_null(&mut cx.reply, zset.and_then(|zset| zset.score(member)));
    }
    Ok(())
}

/// Reads a score, an increment or a weight.
#[inline]
pub fn score(arg: &[u8]) -> Result<f64, Error> {
    number(arg).ok_or(Error::NotFloat)
}

/// The same for those who have a word of their own for what is no number.
#[inline]
pub fn number(arg: &[u8]) -> Option<f64> {
    parse_i64(arg).map(|integer| integer as f64).or_else(|| parse_f64(arg))
}

/// A score: a double, in the text that Redis prints since 7.2; in RESP2 as a bulk string.
pub fn reply_score(reply: &mut Encoder, score: f64) {
    let text = F64Text::new(score);
    if reply.resp3() {
        reply.raw(b",");
        reply.raw(&text);
        reply.raw(b"\r\n");
    } else {
        reply.bulk(&text);
    }
}

fn reply_score_or_null(reply: &mut Encoder, score: Option<f64>) {
    match score {
        Some(score) => reply_score(reply, score),
        None => reply.null(),
    }
}

/// A member.
pub fn reply_member(reply: &mut Encoder, member: Entry) {
    match member {
        Entry::Int(integer) => reply.bulk_int(integer),
        Entry::Bytes(bytes) => reply.bulk(bytes),
    }
}

/// `len` members, with their scores or without: pairs in RESP3, by turns in RESP2.
pub fn reply_elements<'a>(
    reply: &mut Encoder,
    len: usize,
    elements: impl Iterator<Item = (Entry<'a>, f64)>,
    with_scores: bool,
) {
    let pairs = with_scores && reply.resp3();
    reply.array(if with_scores && !pairs { 2 * len } else { len });
    for (member, score) in elements {
        if pairs {
            reply.array(2);
        }
        reply_member(reply, member);
        if with_scores {
            reply_score(reply, score);
        }
    }
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn scores_and_their_text() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("ZADD z 1 one 2.5 two inf top -inf bottom 1e20 big 0.1 tenth", ":6");
        t.check_both("ZSCORE z two", "$2.5", ",2.5");
        t.check_both("ZSCORE z top", "$inf", ",inf");
        t.check_both("ZSCORE z big", "$1e+20", ",1e+20");
        t.check_both(
            "ZMSCORE z one none bottom tenth",
            "[$1, (nil), $-inf, $0.1]",
            "[,1, (nil), ,-inf, ,0.1]",
        );
        t.check("ZMSCORE none a b", "[(nil), (nil)]");
        t.check("ZSCORE none a", "(nil)");
        t.check("ZCARD z", ":6");
        t.check("ZCARD none", ":0");
        t.check("SET s x", "+OK");
        for line in ["ZCARD s", "ZSCORE s a", "ZMSCORE s a"] {
            t.check(line, "-WRONGTYPE Operation against a key holding the wrong kind of value");
        }
    }

    /// The digest is that of redis-server 7.0.15, in both encodings.
    #[test]
    fn digests_are_those_of_redis() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("ZADD small 1 a 2.5 b -inf c 1e100 12", ":4");
        t.check("CONFIG SET zset-max-listpack-entries 2", "+OK");
        t.check("ZADD large 1 a 2.5 b -inf c 1e100 12", ":4");
        let digest = "+73007f9017cc9711cf0f47718510efeed89ec9a1";
        t.check("DEBUG DIGEST-VALUE small large", &format!("[{digest}, {digest}]"));
    }

    #[test]
    fn a_negative_zero_is_one_in_a_large_set_only() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("ZADD z -0 small", ":1");
        t.check_both("ZSCORE z small", "$0", ",0");
        t.check("CONFIG SET zset-max-listpack-entries 0", "+OK");
        t.check("ZADD z -0 large", ":1");
        t.check_both("ZSCORE z large", "$-0", ",-0");
    }
}
