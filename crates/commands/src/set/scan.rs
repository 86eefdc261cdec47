//! SSCAN.

use codec::glob::{Case, matches};
use codec::listpack::Entry;
use data::Set;
use engine::args::{Options, cursor, is};
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};

use crate::list::reply_entry;

/// SSCAN key cursor [MATCH pattern] [COUNT count]
pub const SSCAN: Command = Command {
    name: "sscan",
    group: Group::Set,
    since: "2.8.0",
    summary: "Returns members of a set, and a cursor for the next call.",
    complexity: "O(N) where N is the number of members",
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

/// All members come at once, so that none can be missed: whatever the cursor, it is 0 then.
fn sscan(cx: &mut KeyCx) -> Outcome {
    cursor(cx.args.at(2))?;
    let Some(set) = cx.view.read::<Set>(cx.args.at(1))? else {
        cx.reply.array(2);
        cx.reply.bulk(b"0");
        cx.reply.array(0);
        return Ok(());
    };
    let (mut options, mut pattern) = (Options::new(cx.args, 3), None);
    while let Some(word) = options.next() {
        if is(word, "COUNT") {
            Some(options.integer()?).filter(|count| *count > 0).ok_or(Error::Syntax)?;
        } else if is(word, "MATCH") {
            // A lone star matches even the empty name, which a star within a pattern does not.
            pattern = Some(options.value()?).filter(|pattern| *pattern != b"*");
        } else {
            return Err(Error::Syntax);
        }
    }
    let fits = |name: &[u8]| pattern.is_none_or(|pattern| matches(pattern, name, Case::Sensitive));
    let members: Vec<Entry> = set.iter().filter(|member| member.with_bytes(fits)).collect();
    cx.reply.array(2);
    cx.reply.bulk(b"0");
    cx.reply.array(members.len());
    members.into_iter().for_each(|member| reply_entry(&mut cx.reply, member));
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn all_at_once() {
        for limit in ["128", "0"] {
            let mut t = Tester::new(crate::FAMILIES);
            t.check(&format!("CONFIG SET set-max-listpack-entries {limit}"), "+OK");
            t.check("SSCAN s 0", "[$0, []]");
            t.check("SADD s ab b", ":2");
            t.check("SSCAN s 0 MATCH a* COUNT 1", "[$0, [$ab]]");
            t.check("SSCAN s x", "-ERR invalid cursor");
            t.check("SSCAN s 0 COUNT 0", "-ERR syntax error");
            t.check("SSCAN s 0 NOVALUES", "-ERR syntax error");
        }
    }
}
