//! SET in all its forms, and MSET.

use codec::number::I64Text;
use config::NotifyEvents;
use engine::args::{Options, is};
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use keyspace::{Expire, NewValue};

use super::expiry::{ExpiryOption, TIME_ARGS};
use super::get::reply_str;

/// SET key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT
/// unix-time-milliseconds | KEEPTTL]
pub const SET: Command = Command {
    name: "set",
    group: Group::String,
    summary: "Sets a key to a string, whatever it held before, and its expiry.",
    arity: -3,
    flags: Flags::WRITE.union(Flags::DENYOOM),
    keys: &[KeySpec {
        notes: Some("RW and ACCESS due to the optional `GET` argument"),
        ..KeySpec::first(
            KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE).union(KeyFlags::VARIABLE_FLAGS),
        )
    }],
    find_keys: Some(|args, visit| {
        let gets = args.from(3).iter().any(|word| is(word, "GET"));
        let access = if gets { KeyFlags::RW.union(KeyFlags::ACCESS) } else { KeyFlags::OW };
        visit(1, access.union(KeyFlags::UPDATE));
    }),
    args: &[
        Arg::key("key"),
        Arg::string("value"),
        Arg::one_of("condition", &[Arg::word("nx", "NX"), Arg::word("xx", "XX")]).optional().since("2.6.12"),
        Arg::word("get", "GET").optional().since("6.2.0"),
        Arg::one_of(
            "expiration",
            &[
                TIME_ARGS[0].since("2.6.12"),
                TIME_ARGS[1].since("2.6.12"),
                TIME_ARGS[2].since("6.2.0"),
                TIME_ARGS[3].since("6.2.0"),
                Arg::word("keepttl", "KEEPTTL").since("6.0.0"),
            ],
        )
        .optional(),
    ],
    history: &[
        ("2.6.12", "Options EX, PX, NX and XX."),
        ("6.0.0", "Option KEEPTTL."),
        ("6.2.0", "Options GET, EXAT and PXAT."),
        ("7.0.0", "NX and GET may be used together."),
    ],
    handler: Handler::Write(set),
    ..Command::DEFAULT
};

/// MSET key value [key value ...]
pub const MSET: Command = Command {
    name: "mset",
    group: Group::String,
    since: "1.0.1",
    summary: "Sets several keys to strings at one moment.",
    complexity: "O(N) where N is the number of keys",
    arity: -3,
    flags: Flags::WRITE.union(Flags::DENYOOM),
    keys: &[KeySpec::range(1, -1, 2, KeyFlags::OW.union(KeyFlags::UPDATE))],
    args: &[Arg::block("data", &[Arg::key("key"), Arg::string("value")]).multiple()],
    tips: &["request_policy:multi_shard", "response_policy:all_succeeded"],
    handler: Handler::Write(mset),
    ..Command::DEFAULT
};

/// What SET's options ask for.
struct SetOptions {
    only_new: bool,
    only_existing: bool,
    get: bool,
    expire: Expire,
}

impl SetOptions {
    fn parse(cx: &KeyCx) -> Result<SetOptions, Error> {
        let (mut only_new, mut only_existing, mut get) = (false, false, false);
        let (mut options, mut expiry) = (Options::new(cx.args, 3), ExpiryOption::Unsaid);
        while let Some(word) = options.next() {
            if is(word, "NX") && !only_existing {
                only_new = true;
            } else if is(word, "XX") && !only_new {
                only_existing = true;
            } else if is(word, "GET") {
                get = true;
            } else if !expiry.accept(word, "KEEPTTL", &mut options)? {
                return Err(Error::Syntax);
            }
        }
        let expire = match expiry {
            ExpiryOption::Unsaid => Expire::Never,
            ExpiryOption::Word => Expire::Keep,
            ExpiryOption::Time(unit, number) => Expire::At(unit.expiry(number, cx.now(), "set")?),
        };
        Ok(SetOptions { only_new, only_existing, get, expire })
    }
}

fn set(cx: &mut KeyCx) -> Outcome {
    let (key, value) = (cx.args.at(1), cx.args.at(2));
    if cx.args.len() == 3 {
        store(cx, key, value, Expire::Never);
        cx.reply.ok();
        return Ok(());
    }
    let options = SetOptions::parse(cx)?;
    if options.get {
        match cx.view.string(key)? {
            Some(old) => reply_str(&mut cx.reply, old),
            None => cx.reply.null(),
        }
    }
    if (options.only_new || options.only_existing) && cx.view.contains(key) != options.only_existing {
        if !options.get {
            cx.reply.null();
        }
        return Ok(());
    }
    store(cx, key, value, options.expire);
    if options.get {
        log_without_get(cx, options.expire);
    } else {
        cx.reply.ok();
    }
    Ok(())
}

/// GET is for the client alone; it may be said more than once.
fn log_without_get(cx: &mut KeyCx, expire: Expire) {
    if matches!(expire, Expire::At(_)) {
        return; // `store` has seen to it
    }
    let args = cx.args;
    let options = args.from(3);
    cx.log_instead(args.iter().take(3).chain(options.iter().filter(|word| !is(word, "GET"))));
}

/// Stores a string and says so; an expiry goes to the log as an absolute time.
#[inline]
pub fn store(cx: &mut KeyCx, key: &[u8], value: &[u8], expire: Expire) {
    cx.view.set(key, NewValue::parse(value), expire);
    cx.changed(1);
    cx.notify(NotifyEvents::STRING, "set", key);
    if let Expire::At(at) = expire {
        cx.notify(NotifyEvents::GENERIC, "expire", key);
        let at = I64Text::new(at);
        cx.log_instead([b"SET", key, value, b"PXAT", &at]);
    }
}

fn mset(cx: &mut KeyCx) -> Outcome {
    if cx.args.len().is_multiple_of(2) {
        return Err(Error::Arity("mset".into()));
    }
    store_all(cx);
    cx.reply.ok();
    Ok(())
}

/// Stores every pair of key and value; the last counts where a key comes twice.
pub fn store_all(cx: &mut KeyCx) {
    let args = cx.args;
    for i in (1..args.len()).step_by(2) {
        store(cx, args.at(i), args.at(i + 1), Expire::Never);
    }
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn set_in_all_its_forms() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("SET k v", "+OK");
        t.check("GET k", "$v");
        t.check("SET k w NX", "(nil)");
        t.check("SET k w XX GET", "$v");
        t.check("SET new w XX GET", "(nil)");
        t.check("SET new w NX GET", "(nil)");
        t.check("GET new", "$w");
        t.check("SET k 10 PX 100000", "+OK");
        t.check("SET k 11 KEEPTTL", "+OK");
        t.check("SET k 12 GET KEEPTTL get KEEPTTL", "$11");
        t.check_in("PTTL k", 90_000..=100_000);
        t.check("SET k 13 EX 100 EX 200 GET NX", "$12");
        t.check("SET k 13 EX 100 EX 200 GET XX", "$12");
        t.check_in("TTL k", 190..=200);
        t.check("SET k 14 EXAT 1", "+OK");
        t.check("GET k", "(nil)");
        t.check("SET k v EX 0", "-ERR invalid expire time in 'set' command");
        t.check("SET k v EX 9223372036854775807", "-ERR invalid expire time in 'set' command");
        t.check("SET k v EX x", "-ERR value is not an integer or out of range");
        for line in
            ["SET k v NX XX", "SET k v EX", "SET k v EX 1 PX 1", "SET k v EX 1 KEEPTTL", "SET k v WHAT"]
        {
            t.check(line, "-ERR syntax error");
        }
        t.check("MSET a 1 b 2", "+OK");
        t.check("MSET a 1 b", "-ERR wrong number of arguments for 'mset' command");
        t.check("MGET a b none", "[$1, $2, (nil)]");
    }
}
