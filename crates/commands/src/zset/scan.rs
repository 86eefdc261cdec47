//! ZSCAN.

use codec::glob::{Case, matches};
use codec::number::F64Text;
use data::Zset;
use data::zset::text_17;
use engine::args::{Options, cursor, is};
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use resp::{Encoder, Protocol};

/// ZSCAN key cursor [MATCH pattern] [COUNT count]
pub const ZSCAN: Command = Command {
    name: "zscan",
    group: Group::SortedSet,
    since: "2.8.0",
    summary: "Returns some of a sorted set's members and their scores, and a cursor for the next call.",
    complexity: "O(1) for each call, O(N) for a whole iteration over N members",
    arity: -3,
    flags: Flags::READONLY,
    keys: &[KeySpec::first(KeyFlags::RO.union(KeyFlags::ACCESS))],
    args: &[
        Arg::key("key"),
        Arg::integer("cursor"),
        Arg::pattern("pattern").token("MATCH").optional(),
        Arg::integer("count").token("COUNT").optional(),
    ],
    tips: &["nondeterministic_output"],
    handler: Handler::Read(zscan),
    ..Command::DEFAULT
};

fn zscan(cx: &mut KeyCx) -> Outcome {
    let cursor = cursor(cx.args.at(2))?;
    let Some(zset) = cx.view.read::<Zset>(cx.args.at(1))? else {
        cx.reply.array(2);
        cx.reply.bulk(b"0");
        cx.reply.array(0);
        return Ok(());
    };
    let (mut options, mut count, mut pattern) = (Options::new(cx.args, 3), 10, None);
    while let Some(word) = options.next() {
        if is(word, "COUNT") {
            count = Some(options.integer()?).filter(|count| *count > 0).ok_or(Error::Syntax)?;
        } else if is(word, "MATCH") {
            // A lone star matches even the empty name, which a star within a pattern does not.
            pattern = Some(options.value()?).filter(|pattern| *pattern != b"*");
        } else {
            return Err(Error::Syntax);
        }
    }
    let (mut found, mut bulks, packed) = (0, Vec::new(), zset.as_listpack().is_some());
    let next = zset.scan(cursor, count as usize, &mut |member, score| {
        if pattern.is_none_or(|pattern| matches(pattern, member, Case::Sensitive)) {
            let mut bulks = Encoder::new(&mut bulks, Protocol::Resp2);
            bulks.bulk(member);
            // Redis prints those of a large set with all digits, here alone.
            if packed {
                bulks.bulk(&F64Text::new(score))
            } else {
                bulks.bulk(text_17(score).as_bytes())
            }
            found += 2;
        }
    });
    cx.reply.array(2);
    cx.reply.bulk_int(next as i64);
    cx.reply.array(found);
    cx.reply.raw(&bulks);
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;
    use std::collections::BTreeSet;

    #[test]
    fn small_sets_come_at_once() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("ZADD z 0.1 a 2 b 3 ab", ":3");
        t.check("ZSCAN z 0", "[$0, [$a, $0.1, $b, $2, $ab, $3]]");
        t.check("ZSCAN z 0 MATCH a* COUNT 1", "[$0, [$a, $0.1, $ab, $3]]");
        t.check("ZSCAN none 0 WHAT", "[$0, []]");
        t.check("ZSCAN none ''", "[$0, []]");
        t.check("ZSCAN z x", "-ERR invalid cursor");
        t.check("ZSCAN z 0 COUNT 0", "-ERR syntax error");
        t.check("ZSCAN z 0 COUNT x", "-ERR value is not an integer or out of range");
        t.check("ZSCAN z 0 WHAT 1", "-ERR syntax error");
        t.check("SET s x", "+OK");
        t.check("ZSCAN s 0", "-WRONGTYPE Operation against a key holding the wrong kind of value");
    }

    #[test]
    fn large_sets_come_in_parts_and_whole() {
        let mut t = Tester::new(crate::FAMILIES);
        for number in 0..1000 {
            t.check(&format!("ZADD z {number} member:{number}"), ":1");
        }
        let (mut cursor, mut all) = ("0".to_owned(), BTreeSet::new());
        loop {
            let reply = t.reply(&format!("ZSCAN z {cursor} COUNT 50"));
            let (next, elements) = reply.split_once(", ").expect("a cursor and elements");
            let elements = elements.trim_matches(['[', ']']).split(", ");
            all.extend(elements.filter(|element| element.starts_with("$member:")).map(str::to_owned));
            cursor = next.trim_start_matches("[$").to_owned();
            if cursor == "0" {
                break;
            }
        }
        assert_eq!(all.len(), 1000);
    }
}
