//! HSCAN.

use codec::glob::{Case, matches};
use data::Hash;
use engine::args::{Options, cursor, is};
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};

use resp::{Encoder, Protocol};

use crate::list::reply_entry;

/// HSCAN key cursor [MATCH pattern] [COUNT count] [NOVALUES]
pub const HSCAN: Command = Command {
    name: "hscan",
    group: Group::Hash,
    since: "2.8.0",
    summary: "Returns fields of a hash and their values, and a cursor for the next call.",
    complexity: "O(1) for each call, O(N) for a whole iteration over N fields",
    arity: -3,
    flags: Flags::READONLY,
    keys: &[KeySpec::first(KeyFlags::RO.union(KeyFlags::ACCESS))],
    args: &[
        Arg::key("key"),
        Arg::integer("cursor"),
        Arg::pattern("pattern").token("MATCH").optional(),
        Arg::integer("count").token("COUNT").optional(),
        Arg::word("novalues", "NOVALUES").optional().since("7.4.0"),
    ],
    tips: &["nondeterministic_output"],
    handler: Handler::Read(hscan),
    ..Command::DEFAULT
};

fn hscan(cx: &mut KeyCx) -> Outcome {
    let (cursor, now) = (cursor(cx.args.at(2))?, cx.now());
    let Some(hash) = cx.view.read::<Hash>(cx.args.at(1))? else {
        cx.reply.array(2);
        cx.reply.bulk(b"0");
        cx.reply.array(0);
        return Ok(());
    };
    let (mut options, mut count, mut pattern, mut with_values) = (Options::new(cx.args, 3), 10, None, true);
    while let Some(word) = options.next() {
        if is(word, "COUNT") {
            count = Some(options.integer()?).filter(|count| *count > 0).ok_or(Error::Syntax)?;
        } else if is(word, "MATCH") {
            // A lone star matches even the empty name, which a star within a pattern does not.
            pattern = Some(options.value()?).filter(|pattern| *pattern != b"*");
        } else if is(word, "NOVALUES") {
            with_values = false;
        } else {
            return Err(Error::Syntax);
        }
    }
    let fits = |name: &[u8]| pattern.is_none_or(|pattern| matches(pattern, name, Case::Sensitive));
    let (mut found, mut bulks) = (0, Vec::new());
    let next = hash.scan(cursor, usize::try_from(count).unwrap_or(usize::MAX), &mut |shown| {
        if shown.lives(now) && shown.name.with_bytes(fits) {
            let mut bulks = Encoder::new(&mut bulks, Protocol::Resp2);
            reply_entry(&mut bulks, shown.name);
            if with_values {
                reply_entry(&mut bulks, shown.value);
            }
            found += if with_values { 2 } else { 1 };
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

    #[test]
    fn a_small_hash_comes_at_once() {
        for limit in ["512", "0"] {
            let mut t = Tester::new(crate::FAMILIES);
            t.check(&format!("CONFIG SET hash-max-listpack-entries {limit}"), "+OK");
            t.check("HSCAN h 0", "[$0, []]");
            t.check("HSET h ab 1 b 2", ":2");
            t.check("HSCAN h 0 MATCH a*", "[$0, [$ab, $1]]");
            t.check("HSCAN h 0 MATCH a* NOVALUES COUNT 10", "[$0, [$ab]]");
            t.check("HSCAN h x", "-ERR invalid cursor");
            t.check("HSCAN h 0 COUNT 0", "-ERR syntax error");
            t.check("HSCAN h 0 COUNT x", "-ERR value is not an integer or out of range");
            t.check("HSCAN h 0 MATCH", "-ERR syntax error");
        }
    }

    #[test]
    fn a_large_one_comes_in_parts() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("CONFIG SET hash-max-listpack-entries 0", "+OK");
        (0..100).for_each(|n| t.check(&format!("HSET h field{n} {n}"), ":1"));
        let first = t.reply("HSCAN h 0 NOVALUES COUNT 7");
        assert!(!first.starts_with("[$0,"), "{first}");
        assert!((7..20).contains(&first.matches("$field").count()), "{first}");
        assert_eq!(t.reply("HSCAN h 0 COUNT 1000").matches("$field").count(), 100);
    }
}
