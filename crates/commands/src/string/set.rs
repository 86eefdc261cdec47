//! SET in all its forms, and MSET.

use config::NotifyEvents;
use engine::args::{Options, TimeUnit, is};
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use keyspace::{Expire, NewValue};

use super::get::reply_str;

/// When a value expires, as SET's and GETEX's options say it.
pub const EXPIRY_ARGS: &[Arg] = &[
    Arg::integer("seconds").token("EX").since("2.6.12"),
    Arg::integer("milliseconds").token("PX").since("2.6.12"),
    Arg::unix_time("unix-time-seconds").token("EXAT").since("6.2.0"),
    Arg::unix_time("unix-time-milliseconds").token("PXAT").since("6.2.0"),
    Arg::word("keepttl", "KEEPTTL").since("6.0.0"),
];

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
    args: &[
        Arg::key("key"),
        Arg::string("value"),
        Arg::one_of("condition", &[Arg::word("nx", "NX"), Arg::word("xx", "XX")]).optional().since("2.6.12"),
        Arg::word("get", "GET").optional().since("6.2.0"),
        Arg::one_of("expiration", EXPIRY_ARGS).optional(),
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
#[derive(Default)]
struct SetOptions {
    only_new: bool,
    only_existing: bool,
    get: bool,
    keep: bool,
    at: Option<i64>,
}

impl SetOptions {
    fn parse(cx: &KeyCx) -> Result<SetOptions, Error> {
        let (mut options, mut found) = (Options::new(cx.args, 3), SetOptions::default());
        // The grammar is judged as a whole before any number is.
        let mut expiry = None;
        while let Some(word) = options.next() {
            let timed = time_option(word);
            if is(word, "NX") && !found.only_existing {
                found.only_new = true;
            } else if is(word, "XX") && !found.only_new {
                found.only_existing = true;
            } else if is(word, "GET") {
                found.get = true;
            } else if is(word, "KEEPTTL") && expiry.is_none() {
                found.keep = true;
            } else if let Some(unit) = timed
                && expiry.is_none()
                && !found.keep
            {
                expiry = Some((unit, options.value()?));
            } else {
                return Err(Error::Syntax);
            }
        }
        if let Some((unit, number)) = expiry {
            found.at = Some(unit.expiry(number, cx.now(), "set")?);
        }
        Ok(found)
    }
}

/// The unit that an expiry option names.
pub fn time_option(word: &[u8]) -> Option<TimeUnit> {
    let units = [
        ("EX", TimeUnit::Seconds),
        ("PX", TimeUnit::Millis),
        ("EXAT", TimeUnit::UnixSeconds),
        ("PXAT", TimeUnit::UnixMillis),
    ];
    units.into_iter().find(|(name, _)| is(word, name)).map(|(_, unit)| unit)
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
    let expire = match options.at {
        Some(at) => Expire::At(at),
        None if options.keep => Expire::Keep,
        None => Expire::Never,
    };
    store(cx, key, value, expire);
    if let Some(at) = options.at {
        cx.notify(NotifyEvents::GENERIC, "expire", key);
        let at = at.to_string();
        cx.log_instead([b"SET", key, value, b"PXAT", at.as_bytes()]);
    }
    if !options.get {
        cx.reply.ok();
    }
    Ok(())
}

/// Stores a string and says so.
#[inline]
pub fn store(cx: &mut KeyCx, key: &[u8], value: &[u8], expire: Expire) {
    cx.view.set(key, NewValue::parse(value), expire);
    cx.changed(1);
    cx.notify(NotifyEvents::STRING, "set", key);
}

fn mset(cx: &mut KeyCx) -> Outcome {
    let args = cx.args;
    if args.len() % 2 == 0 {
        return Err(Error::Arity("mset".into()));
    }
    for i in (1..args.len()).step_by(2) {
        store(cx, args.at(i), args.at(i + 1), Expire::Never);
    }
    cx.reply.ok();
    Ok(())
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
