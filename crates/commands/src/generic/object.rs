//! OBJECT: how a value is kept, and how it was used.

use config::{Config, EvictionPolicy};
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use keyspace::{Found, Str};

use crate::usage::help;

/// OBJECT subcommand
pub const OBJECT: Command = Command {
    name: "object",
    group: Group::Generic,
    since: "2.2.3",
    summary: "Commands about how values are kept and used.",
    complexity: "That of the subcommand",
    arity: -2,
    subcommands: &[ENCODING, FREQ, IDLETIME, REFCOUNT, help(Group::Generic, "6.2.0")],
    ..Command::DEFAULT
};

/// OBJECT ENCODING key
const ENCODING: Command = Command {
    name: "encoding",
    group: Group::Generic,
    since: "2.2.3",
    summary: "Returns in which of its type's encodings a value is kept.",
    arity: 3,
    flags: Flags::READONLY,
    keys: &[KeySpec::one(2, KeyFlags::RO)],
    args: &[Arg::key("key")],
    tips: &["nondeterministic_output"],
    handler: Handler::Read(|cx| {
        match cx.view.peek(cx.args.at(2)) {
            Some(found) => cx.reply.bulk(found.encoding().as_bytes()),
            None => cx.reply.null(),
        }
        Ok(())
    }),
    ..Command::DEFAULT
};

/// OBJECT FREQ key
const FREQ: Command = Command {
    name: "freq",
    since: "4.0.0",
    summary: "Returns a key's access frequency, on a logarithmic scale from 0 to 255.",
    handler: Handler::Read(freq),
    ..ENCODING
};

/// OBJECT IDLETIME key
const IDLETIME: Command = Command {
    name: "idletime",
    summary: "Returns the seconds since a key was last accessed.",
    handler: Handler::Read(idletime),
    ..ENCODING
};

/// OBJECT REFCOUNT key
const REFCOUNT: Command = Command {
    name: "refcount",
    summary: "Returns how many share a value.",
    handler: Handler::Read(|cx| {
        let config = cx.config;
        reply_number(cx, |found| refcount(found, config))
    }),
    ..ENCODING
};

/// Replies a number about a key, or a null where there is none.
fn reply_number(cx: &mut KeyCx, number: impl FnOnce(Found) -> i64) -> Outcome {
    match cx.view.peek(cx.args.at(2)) {
        Some(found) => cx.reply.int(number(found)),
        None => cx.reply.null(),
    }
    Ok(())
}

fn freq(cx: &mut KeyCx) -> Outcome {
    let (access, now) = (&cx.view.keyspace().access, cx.now());
    if !access.is_lfu() && cx.view.peek(cx.args.at(2)).is_some() {
        return Err(Error::text(
            "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.",
        ));
    }
    reply_number(cx, |found| access.frequency(found.access(), now).into())
}

fn idletime(cx: &mut KeyCx) -> Outcome {
    if cx.view.keyspace().access.is_lfu() && cx.view.peek(cx.args.at(2)).is_some() {
        return Err(Error::text(
            "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.",
        ));
    }
    reply_number(cx, |found| found.idle_seconds().into())
}

/// Redis shares the integers below 10,000 among all keys, unless each key needs an access time of its own. Ours stand
/// in the keys' entries; clients are told what they expect.
fn refcount(found: Found, config: &Config) -> i64 {
    use EvictionPolicy::{AllkeysLfu, AllkeysLru, VolatileLfu, VolatileLru};
    let by_access = matches!(config.maxmemory_policy, AllkeysLfu | AllkeysLru | VolatileLfu | VolatileLru);
    match found.str() {
        Ok(Str::Int(0..10_000)) if config.maxmemory == 0 || !by_access => i32::MAX.into(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::testing::Tester;

    #[test]
    fn encodings() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("OBJECT ENCODING none", "(nil)");
        for (value, encoding) in
            [("12345", "int"), ("012345", "embstr"), (&"x".repeat(44), "embstr"), (&"x".repeat(45), "raw")]
        {
            t.check(&format!("SET k {value}"), "+OK");
            t.check("OBJECT encoding k", &format!("${encoding}"));
        }
        t.check("INCRBYFLOAT f 3", "$3");
        t.check("OBJECT ENCODING f", "$embstr");
        t.check("APPEND a 1", ":1");
        t.check("OBJECT ENCODING a", "$int");
        t.check("APPEND a 1", ":2");
        t.check("OBJECT ENCODING a", "$raw");
        t.check("SETRANGE s 0 x", ":1");
        t.check("OBJECT ENCODING s", "$raw");
        t.check("BITOP OR o f", ":1");
        t.check("OBJECT ENCODING o", "$raw");
        t.check("COPY o p", ":1");
        t.check("OBJECT ENCODING p", "$raw");
    }

    #[test]
    fn recency() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("SET k 1", "+OK");
        t.check_in("OBJECT IDLETIME k", 0..=100);
        t.check("OBJECT IDLETIME none", "(nil)");
        t.check("OBJECT FREQ none", "(nil)");
        t.check("OBJECT REFCOUNT none", "(nil)");
        assert!(t.reply("OBJECT FREQ k").starts_with("-ERR An LFU maxmemory policy is not selected"));
        t.check("OBJECT REFCOUNT k", ":2147483647");
        t.check("SET k 10000", "+OK");
        t.check("OBJECT REFCOUNT k", ":1");
    }

    #[test]
    fn frequency() {
        let config =
            Config { maxmemory_policy: EvictionPolicy::AllkeysLfu, maxmemory: 1 << 40, ..Config::default() };
        let mut t = Tester::with_config(crate::FAMILIES, config);
        t.check("SET k 1", "+OK");
        t.check("OBJECT FREQ k", ":5");
        for _ in 0..200 {
            t.check("TOUCH k", ":1");
        }
        t.check_in("OBJECT FREQ k", 6..=40);
        assert!(t.reply("OBJECT IDLETIME k").starts_with("-ERR An LFU maxmemory policy is selected"));
        t.check("OBJECT REFCOUNT k", ":1");
    }

    #[test]
    fn subcommands() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("OBJECT", "-ERR wrong number of arguments for 'object' command");
        t.check("OBJECT ENCODING", "-ERR wrong number of arguments for 'object|encoding' command");
        t.check("OBJECT WHAT k", "-ERR unknown subcommand 'WHAT'. Try OBJECT HELP.");
        assert!(t.reply("OBJECT HELP").contains("REFCOUNT <key>"));
    }
}
