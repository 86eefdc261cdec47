//! SSCAN.

use codec::glob::{Case, matches};
use data::Set;
use engine::args::{Options, cursor, is};
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};

use resp::{Encoder, Protocol};

use crate::list::reply_entry;

/// SSCAN key cursor [MATCH pattern] [COUNT count]
pub const SSCAN: Command = Command {
    name: "sscan",
    group: Group::Set,
    since: "2.8.0",
    summary: "Returns members of a set, and a cursor for the next call.",
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
    handler: Handler::Read(sscan),
    ..Command::DEFAULT
};

fn sscan(cx: &mut KeyCx) -> Outcome {
    let cursor = cursor(cx.args.at(2))?;
    let Some(set) = cx.view.read::<Set>(cx.args.at(1))? else {
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
    let fits = |name: &[u8]| pattern.is_none_or(|pattern| matches(pattern, name, Case::Sensitive));
    let (mut found, mut bulks) = (0, Vec::new());
    let next = set.scan(cursor, usize::try_from(count).unwrap_or(usize::MAX), &mut |member| {
        if member.with_bytes(fits) {
            reply_entry(&mut Encoder::new(&mut bulks, Protocol::Resp2), member);
            found += 1;
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
    fn a_small_set_comes_at_once() {
        for limit in ["128", "0"] {
            let mut t = Tester::new(crate::FAMILIES);
            t.check(&format!("CONFIG SET set-max-listpack-entries {limit}"), "+OK");
            t.check("SSCAN s 0", "[$0, []]");
            t.check("SADD s ab b", ":2");
            t.check("SSCAN s 0 MATCH a* COUNT 10", "[$0, [$ab]]");
            t.check("SSCAN s x", "-ERR invalid cursor");
            t.check("SSCAN s 0 COUNT 0", "-ERR syntax error");
            t.check("SSCAN s 0 NOVALUES", "-ERR syntax error");
        }
    }
}
