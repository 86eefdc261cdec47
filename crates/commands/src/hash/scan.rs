//! HSCAN.

use codec::glob::{Case, matches};
use data::Hash;
use engine::args::{Options, cursor, is};
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};

use crate::list::reply_entry;

/// HSCAN key cursor [MATCH pattern] [COUNT count] [NOVALUES]
pub const HSCAN: Command = Command {
    name: "hscan",
    group: Group::Hash,
    since: "2.8.0",
    summary: "Returns fields of a hash and their values, and a cursor for the next call.",
    complexity: "O(N) where N is the number of fields",
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

/// All fields come at once, so that none can be missed: whatever the cursor, it is 0 then.
fn hscan(cx: &mut KeyCx) -> Outcome {
    cursor(cx.args.at(2))?;
    let Some(hash) = cx.view.read::<Hash>(cx.args.at(1))? else {
        cx.reply.array(2);
        cx.reply.bulk(b"0");
        cx.reply.array(0);
        return Ok(());
    };
    let (mut options, mut pattern, mut with_values) = (Options::new(cx.args, 3), None, true);
    while let Some(word) = options.next() {
        if is(word, "COUNT") {
            Some(options.integer()?).filter(|count| *count > 0).ok_or(Error::Syntax)?;
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
    let fields = || hash.iter().filter(|(field, _)| field.with_bytes(fits));
    cx.reply.array(2);
    cx.reply.bulk(b"0");
    cx.reply.array(fields().count() * if with_values { 2 } else { 1 });
    for (field, value) in fields() {
        reply_entry(&mut cx.reply, field);
        if with_values {
            reply_entry(&mut cx.reply, value);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn all_at_once() {
        for limit in ["512", "0"] {
            let mut t = Tester::new(crate::FAMILIES);
            t.check(&format!("CONFIG SET hash-max-listpack-entries {limit}"), "+OK");
            t.check("HSCAN h 0", "[$0, []]");
            t.check("HSET h ab 1 b 2", ":2");
            t.check("HSCAN h 0 MATCH a*", "[$0, [$ab, $1]]");
            t.check("HSCAN h 0 MATCH a* NOVALUES COUNT 1", "[$0, [$ab]]");
            t.check("HSCAN h 7 MATCH b", "[$0, [$b, $2]]");
            t.check("HSCAN h x", "-ERR invalid cursor");
            t.check("HSCAN h 0 COUNT 0", "-ERR syntax error");
            t.check("HSCAN h 0 COUNT x", "-ERR value is not an integer or out of range");
            t.check("HSCAN h 0 MATCH", "-ERR syntax error");
        }
    }
}
