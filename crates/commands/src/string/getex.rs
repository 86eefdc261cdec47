//! GETEX, GETDEL and GETSET: the value first, then what becomes of the key.

use config::NotifyEvents;
use engine::args::Options;
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use keyspace::Expire;

use super::expiry::{ExpiryOption, TIME_OR_PERSIST};
use super::get::reply_str;
use super::set::store;
use crate::generic::expire;

/// GETEX key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST]
pub const GETEX: Command = Command {
    name: "getex",
    group: Group::String,
    since: "6.2.0",
    summary: "Returns the string at a key and sets or removes the key's expiry.",
    arity: -2,
    flags: Flags::WRITE.union(Flags::FAST),
    keys: &[KeySpec {
        notes: Some("RW and UPDATE because it changes the TTL"),
        ..KeySpec::first(KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE))
    }],
    args: &[Arg::key("key"), TIME_OR_PERSIST],
    handler: Handler::Write(getex),
    ..Command::DEFAULT
};

/// GETDEL key
pub const GETDEL: Command = Command {
    name: "getdel",
    group: Group::String,
    since: "6.2.0",
    summary: "Returns the string at a key and deletes the key.",
    arity: 2,
    flags: Flags::WRITE.union(Flags::FAST),
    keys: &[KeySpec::first(KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE))],
    args: &[Arg::key("key")],
    handler: Handler::Write(getdel),
    ..Command::DEFAULT
};

/// GETSET key value
pub const GETSET: Command = Command {
    name: "getset",
    group: Group::String,
    summary: "Sets a key to a string and returns the one that it held before.",
    arity: 3,
    flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
    keys: &[KeySpec::first(KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE))],
    args: &[Arg::key("key"), Arg::string("value")],
    deprecated: Some(("6.2.0", "SET with GET")),
    handler: Handler::Write(getset),
    ..Command::DEFAULT
};

fn getex(cx: &mut KeyCx) -> Outcome {
    let key = cx.args.at(1);
    let (mut options, mut expiry) = (Options::new(cx.args, 2), ExpiryOption::Unsaid);
    while let Some(word) = options.next() {
        if !expiry.accept(word, "PERSIST", &mut options)? {
            return Err(Error::Syntax);
        }
    }
    if !reply_value(cx, key)? {
        return Ok(());
    }
    match expiry {
        ExpiryOption::Unsaid => {}
        ExpiryOption::Word => {
            expire::persist(cx, key);
        }
        ExpiryOption::Time(unit, number) => {
            let at = unit.expiry(number, cx.now(), "getex")?;
            expire::expire_at(cx, key, at);
        }
    }
    Ok(())
}

/// Replies the string at a key, or a null; answers whether there is one.
fn reply_value(cx: &mut KeyCx, key: &[u8]) -> Result<bool, Error> {
    let value = cx.view.string(key)?;
    match value {
        Some(value) => reply_str(&mut cx.reply, value),
        None => cx.reply.null(),
    }
    Ok(value.is_some())
}

fn getdel(cx: &mut KeyCx) -> Outcome {
    let key = cx.args.at(1);
    if reply_value(cx, key)? {
        cx.view.remove(key);
        cx.changed(1);
        cx.notify(NotifyEvents::GENERIC, "del", key);
        cx.log_instead([b"DEL", key]);
    }
    Ok(())
}

fn getset(cx: &mut KeyCx) -> Outcome {
    let (key, value) = (cx.args.at(1), cx.args.at(2));
    reply_value(cx, key)?;
    store(cx, key, value, Expire::Never);
    cx.log_instead([b"SET", key, value]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn the_value_and_an_expiry() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("GETEX k", "(nil)");
        t.check("GETEX k EX 0", "(nil)");
        t.check("SET k v", "+OK");
        t.check("GETEX k", "$v");
        t.check("TTL k", ":-1");
        t.check("GETEX k EX 100", "$v");
        t.check_in("TTL k", 90..=100);
        t.check("GETEX k px 200000 PX 300000", "$v");
        t.check_in("PTTL k", 290_000..=300_000);
        t.check("GETEX k PERSIST PERSIST", "$v");
        t.check("TTL k", ":-1");
        t.check("GETEX k EXAT 99999999999", "$v");
        t.check("EXPIRETIME k", ":99999999999");
        t.check("GETEX k PXAT 99999999999123", "$v");
        t.check("PEXPIRETIME k", ":99999999999123");
        t.check("GETEX k EX 0", "-ERR invalid expire time in 'getex' command");
        t.check("GETEX k PX 9223372036854775807", "-ERR invalid expire time in 'getex' command");
        t.check("GETEX k EX x", "-ERR value is not an integer or out of range");
        for line in
            ["GETEX k KEEPTTL", "GETEX k EX", "GETEX k EX 1 PX 1", "GETEX k PERSIST EX 1", "GETEX k NX"]
        {
            t.check(line, "-ERR syntax error");
        }
        t.check("GETEX k PXAT 1", "$v");
        t.check("EXISTS k", ":0");
    }

    #[test]
    fn the_value_and_the_end_of_it() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("GETDEL k", "(nil)");
        t.check("GETSET k 1", "(nil)");
        t.check("EXPIRE k 100", ":1");
        t.check("GETSET k 2", "$1");
        t.check("TTL k", ":-1");
        t.check("GETDEL k", "$2");
        t.check("EXISTS k", ":0");
    }

    #[test]
    fn the_log_names_what_was_done() {
        let mut t = Tester::new(crate::FAMILIES);
        let lines =
            ["SET k v GET XX", "SET k v", "GETEX k", "GETEX k PERSIST", "GETEX k PXAT 99999999999123"];
        lines.iter().chain(&["GETEX k PERSIST", "GETSET k w", "GETDEL k"]).for_each(|line| {
            t.reply(line);
        });
        assert_eq!(
            t.logged(),
            ["SELECT 0", "SET k v", "PEXPIREAT k 99999999999123", "PERSIST k", "SET k w", "DEL k"]
        );
    }
}
