//! EXPIRE in its four forms, and PERSIST: when a key is due.
//!
//! Whatever the unit, the log gets PEXPIREAT and an absolute time; a time that has passed deletes the key at once.

use codec::number::I64Text;
use config::NotifyEvents;
use engine::args::{TimeUnit, integer, is};
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};

/// The conditions of EXPIRE and its kin in the grammar.
pub const CONDITION: Arg = Arg::one_of(
    "condition",
    &[Arg::word("nx", "NX"), Arg::word("xx", "XX"), Arg::word("gt", "GT"), Arg::word("lt", "LT")],
)
.optional()
.since("7.0.0");

/// EXPIRE key seconds [NX | XX | GT | LT]
pub const EXPIRE: Command = Command {
    name: "expire",
    group: Group::Generic,
    summary: "Lets a key expire after some seconds.",
    arity: -3,
    flags: Flags::WRITE.union(Flags::FAST),
    keys: &[KeySpec::first(KeyFlags::RW.union(KeyFlags::UPDATE))],
    args: &[Arg::key("key"), Arg::integer("seconds"), CONDITION],
    history: &[("7.0.0", "Options NX, XX, GT and LT.")],
    handler: Handler::Write(|cx| expire(cx, TimeUnit::Seconds, "expire")),
    ..Command::DEFAULT
};

/// EXPIREAT key unix-time-seconds [NX | XX | GT | LT]
pub const EXPIREAT: Command = Command {
    name: "expireat",
    since: "1.2.0",
    summary: "Lets a key expire at a Unix time in seconds.",
    args: &[Arg::key("key"), Arg::unix_time("unix-time-seconds"), CONDITION],
    handler: Handler::Write(|cx| expire(cx, TimeUnit::UnixSeconds, "expireat")),
    ..EXPIRE
};

/// PEXPIRE key milliseconds [NX | XX | GT | LT]
pub const PEXPIRE: Command = Command {
    name: "pexpire",
    since: "2.6.0",
    summary: "Lets a key expire after some milliseconds.",
    args: &[Arg::key("key"), Arg::integer("milliseconds"), CONDITION],
    handler: Handler::Write(|cx| expire(cx, TimeUnit::Millis, "pexpire")),
    ..EXPIRE
};

/// PEXPIREAT key unix-time-milliseconds [NX | XX | GT | LT]
pub const PEXPIREAT: Command = Command {
    name: "pexpireat",
    since: "2.6.0",
    summary: "Lets a key expire at a Unix time in milliseconds.",
    args: &[Arg::key("key"), Arg::unix_time("unix-time-milliseconds"), CONDITION],
    handler: Handler::Write(|cx| expire(cx, TimeUnit::UnixMillis, "pexpireat")),
    ..EXPIRE
};

/// PERSIST key
pub const PERSIST: Command = Command {
    name: "persist",
    group: Group::Generic,
    since: "2.2.0",
    summary: "Takes a key's expiry away.",
    arity: 2,
    flags: Flags::WRITE.union(Flags::FAST),
    keys: &[KeySpec::first(KeyFlags::RW.union(KeyFlags::UPDATE))],
    args: &[Arg::key("key")],
    handler: Handler::Write(|cx| {
        let done = persist(cx, cx.args.at(1));
        cx.reply.flag(done);
        Ok(())
    }),
    ..Command::DEFAULT
};

/// On what an expiry is set: every word that was said must hold.
#[derive(Clone, Copy, Default)]
pub struct Conditions {
    nx: bool,
    xx: bool,
    gt: bool,
    lt: bool,
}

impl Conditions {
    /// The one that a word says.
    pub fn of(word: &[u8]) -> Option<Conditions> {
        let mut said = Conditions::default();
        said.flag(word).map(|flag| *flag = true)?;
        Some(said)
    }

    fn flag(&mut self, word: &[u8]) -> Option<&mut bool> {
        let options =
            [("NX", &mut self.nx), ("XX", &mut self.xx), ("GT", &mut self.gt), ("LT", &mut self.lt)];
        options.into_iter().find(|(name, _)| is(word, name)).map(|(_, flag)| flag)
    }

    fn parse(cx: &KeyCx) -> Result<Conditions, Error> {
        let mut said = Conditions::default();
        for word in cx.args.from(3).iter() {
            match said.flag(word) {
                Some(flag) => *flag = true,
                None => {
                    let word = engine::table::shown(word, usize::MAX);
                    return Err(Error::err(format_args!("Unsupported option {word}")));
                }
            }
        }
        if said.nx && (said.xx || said.gt || said.lt) {
            return Err(Error::text("ERR NX and XX, GT or LT options at the same time are not compatible"));
        }
        if said.gt && said.lt {
            return Err(Error::text("ERR GT and LT options at the same time are not compatible"));
        }
        Ok(said)
    }

    /// Whether `at` may take the place of the expiry `before`; a key without one is due later than any time.
    pub fn hold(self, before: Option<i64>, at: i64) -> bool {
        !(self.nx && before.is_some()
            || self.xx && before.is_none()
            || self.gt && before.is_none_or(|before| at <= before)
            || self.lt && before.is_some_and(|before| at >= before))
    }
}

fn expire(cx: &mut KeyCx, unit: TimeUnit, command: &'static str) -> Outcome {
    let key = cx.args.at(1);
    let conditions = Conditions::parse(cx)?;
    let number = integer(cx.args.at(2))?;
    let at = unit.absolute(number, cx.now()).ok_or(Error::InvalidExpire(command))?;
    let due = cx.view.get_for_write(key).map(|found| found.expiry());
    let done = due.is_some_and(|before| conditions.hold(before, at));
    if done {
        expire_at(cx, key, at);
    }
    cx.reply.flag(done);
    Ok(())
}

/// Sets the expiry, in Unix milliseconds, of a key that is there, or deletes the key if that time has passed;
/// says so and logs it.
pub fn expire_at(cx: &mut KeyCx, key: &[u8], at: i64) {
    cx.changed(1);
    // Who keeps due keys waits for its primary to delete them.
    if at <= cx.now() && !cx.view.keeps_due {
        cx.view.remove(key);
        cx.notify(NotifyEvents::GENERIC, "del", key);
        let delete: &[u8] = if cx.config.lazyfree_lazy_expire { b"UNLINK" } else { b"DEL" };
        cx.log_instead([delete, key]);
    } else {
        cx.view.set_expiry(key, Some(at));
        cx.notify(NotifyEvents::GENERIC, "expire", key);
        cx.log_instead([b"PEXPIREAT", key, &I64Text::new(at)]);
    }
}

/// Takes a key's expiry away, says so and logs it; answers whether there was one.
pub fn persist(cx: &mut KeyCx, key: &[u8]) -> bool {
    let volatile = cx.view.get_for_write(key).is_some_and(|found| found.expiry().is_some());
    if volatile {
        cx.view.set_expiry(key, None);
        cx.changed(1);
        cx.notify(NotifyEvents::GENERIC, "persist", key);
        cx.log_instead([b"PERSIST", key]);
    }
    volatile
}

#[cfg(test)]
mod tests {
    use config::Config;
    use engine::testing::Tester;

    /// 2100-01-01, in seconds.
    const LATER: i64 = 4_102_444_800;

    #[test]
    fn units_and_origins() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("EXPIRE k 10", ":0");
        t.check("SET k v", "+OK");
        t.check("EXPIRE k 1000", ":1");
        t.check_in("TTL k", 990..=1000);
        t.check("PEXPIRE k 5000000", ":1");
        t.check_in("PTTL k", 4_990_000..=5_000_000);
        t.check(&format!("EXPIREAT k {LATER}"), ":1");
        t.check("EXPIRETIME k", &format!(":{LATER}"));
        t.check(&format!("PEXPIREAT k {LATER}123"), ":1");
        t.check("PEXPIRETIME k", &format!(":{LATER}123"));
        t.check("PERSIST k", ":1");
        t.check("PERSIST k", ":0");
        t.check("PERSIST none", ":0");
        t.check("TTL k", ":-1");
    }

    #[test]
    fn what_has_passed_deletes() {
        let mut t = Tester::new(crate::FAMILIES);
        for line in
            ["EXPIRE k 0", "EXPIRE k -10", "PEXPIRE k -9223372036854775808", "EXPIREAT k 1", "PEXPIREAT k 1"]
        {
            t.check("SET k v", "+OK");
            t.check(line, ":1");
            t.check("EXISTS k", ":0");
        }
        assert_eq!(t.logged()[..3], ["SELECT 0", "SET k v", "DEL k"]);
        let config = Config { lazyfree_lazy_expire: true, ..Config::default() };
        let mut t = Tester::with_config(crate::FAMILIES, config);
        t.check("SET k v", "+OK");
        t.check("EXPIREAT k 1", ":1");
        assert_eq!(t.logged(), ["SELECT 0", "SET k v", "UNLINK k"]);
    }

    #[test]
    fn conditions() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("SET k v", "+OK");
        t.check("EXPIRE k 100 XX", ":0");
        t.check("EXPIRE k 100 GT", ":0");
        t.check("EXPIRE k 100 LT", ":1");
        t.check("EXPIRE k 200 NX", ":0");
        t.check("EXPIRE k 200 LT", ":0");
        t.check("EXPIRE k 200 GT XX", ":1");
        t.check_in("TTL k", 190..=200);
        t.check("EXPIRE k 50 gt", ":0");
        t.check("EXPIRE k 50 lt xx", ":1");
        t.check("PERSIST k", ":1");
        t.check("EXPIRE k 50 LT XX", ":0");
        t.check("EXPIRE k 50 NX", ":1");
        let nx = "-ERR NX and XX, GT or LT options at the same time are not compatible";
        t.check("EXPIRE k 50 NX XX", nx);
        t.check("EXPIRE k 50 GT NX", nx);
        t.check("EXPIRE k 50 LT GT", "-ERR GT and LT options at the same time are not compatible");
        t.check("EXPIRE k 50 AB", "-ERR Unsupported option AB");
    }

    #[test]
    fn limits() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("SET k v", "+OK");
        t.check("EXPIRE k x", "-ERR value is not an integer or out of range");
        t.check("EXPIRE k 9223372036854775807", "-ERR invalid expire time in 'expire' command");
        t.check("EXPIRE k -9223372036854775808", "-ERR invalid expire time in 'expire' command");
        t.check("EXPIREAT k 9223372036854776", "-ERR invalid expire time in 'expireat' command");
        t.check("PEXPIRE k 9223372036854775807", "-ERR invalid expire time in 'pexpire' command");
        t.check("PEXPIREAT k 9223372036854775807", ":1");
        t.check("PEXPIRETIME k", ":9223372036854775807");
        t.check("EXPIRETIME k", ":9223372036854776");
    }

    #[test]
    fn the_log_is_absolute() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("SET k v", "+OK");
        t.check(&format!("EXPIREAT k {LATER} NX"), ":1");
        t.check("EXPIRE none 10", ":0");
        assert_eq!(t.logged(), ["SELECT 0", "SET k v", &format!("PEXPIREAT k {LATER}000")]);
    }
}
