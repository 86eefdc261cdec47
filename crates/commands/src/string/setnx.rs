//! SETNX, MSETNX, SETEX and PSETEX: what SET's options do, in commands of their own.

use engine::args::TimeUnit;
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use keyspace::Expire;

use super::set::{MSET, store, store_all};

/// SETNX key value
pub const SETNX: Command = Command {
    name: "setnx",
    group: Group::String,
    summary: "Sets a key to a string unless the key is there.",
    arity: 3,
    flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
    keys: &[KeySpec::first(KeyFlags::OW.union(KeyFlags::INSERT))],
    args: &[Arg::key("key"), Arg::string("value")],
    deprecated: Some(("2.6.12", "SET with NX")),
    handler: Handler::Write(setnx),
    ..Command::DEFAULT
};

/// MSETNX key value [key value ...]
pub const MSETNX: Command = Command {
    name: "msetnx",
    summary: "Sets several keys to strings at one moment, unless any of them is there.",
    keys: &[KeySpec::range(1, -1, 2, KeyFlags::OW.union(KeyFlags::INSERT))],
    tips: &[],
    handler: Handler::Write(msetnx),
    ..MSET
};

/// SETEX key seconds value
pub const SETEX: Command = Command {
    name: "setex",
    group: Group::String,
    since: "2.0.0",
    summary: "Sets a key to a string that expires after some seconds.",
    arity: 4,
    flags: Flags::WRITE.union(Flags::DENYOOM),
    keys: &[KeySpec::first(KeyFlags::OW.union(KeyFlags::UPDATE))],
    args: &[Arg::key("key"), Arg::integer("seconds"), Arg::string("value")],
    deprecated: Some(("2.6.12", "SET with EX")),
    handler: Handler::Write(|cx| setex(cx, TimeUnit::Seconds, "setex")),
    ..Command::DEFAULT
};

/// PSETEX key milliseconds value
pub const PSETEX: Command = Command {
    name: "psetex",
    since: "2.6.0",
    summary: "Sets a key to a string that expires after some milliseconds.",
    args: &[Arg::key("key"), Arg::integer("milliseconds"), Arg::string("value")],
    deprecated: Some(("2.6.12", "SET with PX")),
    handler: Handler::Write(|cx| setex(cx, TimeUnit::Millis, "psetex")),
    ..SETEX
};

fn setnx(cx: &mut KeyCx) -> Outcome {
    let (key, value) = (cx.args.at(1), cx.args.at(2));
    let free = !cx.view.contains(key);
    if free {
        store(cx, key, value, Expire::Never);
    }
    cx.reply.flag(free);
    Ok(())
}

fn msetnx(cx: &mut KeyCx) -> Outcome {
    let args = cx.args;
    if args.len().is_multiple_of(2) {
        return Err(Error::Arity("msetnx".into()));
    }
    let free = !args.from(1).iter().step_by(2).any(|key| cx.view.contains(key));
    if free {
        store_all(cx);
    }
    cx.reply.flag(free);
    Ok(())
}

fn setex(cx: &mut KeyCx, unit: TimeUnit, command: &'static str) -> Outcome {
    let at = unit.expiry(cx.args.at(2), cx.now(), command)?;
    store(cx, cx.args.at(1), cx.args.at(3), Expire::At(at));
    cx.reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn only_new_keys() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("SETNX k 1", ":1");
        t.check("SETNX k 2", ":0");
        t.check("GET k", "$1");
        t.check("MSETNX a 1 k 2", ":0");
        t.check("EXISTS a", ":0");
        t.check("MSETNX a 1 b 2 a 3", ":1");
        t.check("MGET a b", "[$3, $2]");
        t.check("MSETNX a 1 b", "-ERR wrong number of arguments for 'msetnx' command");
    }

    #[test]
    fn strings_that_expire() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("SETEX k 100 v", "+OK");
        t.check_in("TTL k", 90..=100);
        t.check("PSETEX k 50000 w", "+OK");
        t.check_in("PTTL k", 40_000..=50_000);
        t.check("GET k", "$w");
        t.check("SETEX k 0 v", "-ERR invalid expire time in 'setex' command");
        t.check("PSETEX k -1 v", "-ERR invalid expire time in 'psetex' command");
        t.check("SETEX k 9223372036854776 v", "-ERR invalid expire time in 'setex' command");
        t.check("SETEX k x v", "-ERR value is not an integer or out of range");
        t.check("GET k", "$w");
    }
}
