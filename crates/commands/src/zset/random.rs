//! ZRANDMEMBER.

use codec::listpack::Entry;
use data::Zset;
use engine::args::{integer_in, is};
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};

use super::WITHSCORES;
use super::score::{reply_elements, reply_member};
use crate::random::{Random, distinct};

/// ZRANDMEMBER key [count [WITHSCORES]]
pub const ZRANDMEMBER: Command = Command {
    name: "zrandmember",
    group: Group::SortedSet,
    since: "6.2.0",
    summary: "Returns members picked at random.",
    complexity: "O(N) where N is the number of members returned",
    arity: -2,
    flags: Flags::READONLY,
    keys: &[KeySpec::first(KeyFlags::RO.union(KeyFlags::ACCESS))],
    args: &[Arg::key("key"), Arg::block("options", &[Arg::integer("count"), WITHSCORES]).optional()],
    tips: &["nondeterministic_output"],
    handler: Handler::Read(zrandmember),
    ..Command::DEFAULT
};

const OUT_OF_RANGE: Error = Error::text("ERR value is out of range");

fn zrandmember(cx: &mut KeyCx) -> Outcome {
    let (key, most, mut random) = (cx.args.at(1), cx.max_string(), Random::new(cx.view.random()));
    let Some((count, with_scores)) = parse(cx)? else {
        match cx.view.read::<Zset>(key)?.and_then(|zset| element(zset, random.below(zset.len().max(1)))) {
            Some((member, _)) => reply_member(&mut cx.reply, member),
            None => cx.reply.null(),
        }
        return Ok(());
    };
    let Some(zset) = cx.view.read::<Zset>(key)?.filter(|zset| !zset.is_empty()) else {
        cx.reply.array(0);
        return Ok(());
    };
    let (len, many) = (zset.len(), count.unsigned_abs() as usize);
    if count < 0 {
        // The reply has as many members as are asked for; nobody could take more than this.
        if many > most {
            return Err(OUT_OF_RANGE);
        }
        let picks = (0..many).filter_map(|_| element(zset, random.below(len)));
        reply_elements(&mut cx.reply, many, picks, with_scores);
    } else if many >= len {
        reply_elements(&mut cx.reply, len, zset.range(0..len), with_scores);
    } else {
        let picks = distinct(&mut random, many, len);
        let picks = picks.into_iter().filter_map(|rank| element(zset, rank));
        reply_elements(&mut cx.reply, many, picks, with_scores);
    }
    Ok(())
}

/// The count and whether scores are asked for; `None` without a count.
fn parse(cx: &KeyCx) -> Result<Option<(i64, bool)>, Error> {
    let Some(count) = cx.args.get(2) else { return Ok(None) };
    let count = integer_in(count, -i64::MAX..=i64::MAX)?;
    let with_scores = match cx.args.get(3) {
        None => false,
        Some(word) if cx.args.len() == 4 && is(word, "WITHSCORES") => true,
        Some(_) => return Err(Error::Syntax),
    };
    if with_scores && count.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(OUT_OF_RANGE);
    }
    Ok(Some((count, with_scores)))
}

fn element(zset: &Zset, rank: usize) -> Option<(Entry<'_>, f64)> {
    zset.range(rank..rank.saturating_add(1)).next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::testing::Tester;
    use std::collections::HashSet;

    fn members(reply: &str) -> Vec<String> {
        let inner = reply.trim_matches(['[', ']']);
        inner.split(", ").filter(|member| !member.is_empty()).map(str::to_owned).collect()
    }

    #[test]
    fn counts() {
        for limit in ["128", "2"] {
            let mut t = Tester::new(crate::FAMILIES);
            t.check(&format!("CONFIG SET zset-max-listpack-entries {limit}"), "+OK");
            t.check("ZADD z 1 a 2 b 3 c 4 d", ":4");
            assert!(["$a", "$b", "$c", "$d"].contains(&&*t.reply("ZRANDMEMBER z")));
            t.check("ZRANDMEMBER z 0", "[]");
            t.check("ZRANDMEMBER z 9", "[$a, $b, $c, $d]");
            for count in 1..5 {
                let picks = members(&t.reply(&format!("ZRANDMEMBER z {count}")));
                assert_eq!(picks.iter().collect::<HashSet<_>>().len(), count);
            }
            assert_eq!(members(&t.reply("ZRANDMEMBER z -50")).len(), 50);
            assert_eq!(members(&t.reply("ZRANDMEMBER z -50 WITHSCORES")).len(), 100);
        }
    }

    #[test]
    fn refusals() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("ZRANDMEMBER none", "(nil)");
        t.check("ZRANDMEMBER none 5", "[]");
        t.check("ZRANDMEMBER z x", "-ERR value is not an integer or out of range");
        let range =
            "-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807";
        t.check("ZRANDMEMBER z -9223372036854775808", range);
        t.check("ZRANDMEMBER z -9223372036854775807 WITHSCORES", "-ERR value is out of range");
        t.check("ZRANDMEMBER none -9223372036854775807", "[]");
        t.check("ZADD z 1 a", ":1");
        t.check("ZRANDMEMBER z -9223372036854775807", "-ERR value is out of range");
        t.check("ZRANDMEMBER z 1 SCORES", "-ERR syntax error");
        t.check("ZRANDMEMBER z 1 WITHSCORES x", "-ERR syntax error");
        t.check("SET s x", "+OK");
        t.check("ZRANDMEMBER s", "-WRONGTYPE Operation against a key holding the wrong kind of value");
    }

    #[test]
    fn distinct_numbers_are_so_and_all_may_come() {
        let mut seen = HashSet::new();
        for seed in 0..200 {
            let picks = distinct(&mut Random::new(seed), 3, 5);
            assert_eq!(picks.iter().collect::<HashSet<_>>().len(), 3);
            assert!(picks.iter().all(|pick| *pick < 5));
            seen.insert({
                let mut picks = picks;
                picks.sort_unstable();
                picks
            });
        }
        assert_eq!(seen.len(), 10, "every choice of 3 from 5");
    }
}
