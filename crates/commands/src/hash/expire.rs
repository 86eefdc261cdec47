//! HEXPIRE in its four forms, and HPERSIST: when fields are due.
//!
//! As with keys the log gets HPEXPIREAT and an absolute time, and a time that has passed deletes the field at once.

use codec::number::I64Text;
use config::NotifyEvents;
use data::Hash;
use engine::args::{TimeUnit, integer};
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use keyspace::Missing;

use super::{counted_fields, forget_due};
use crate::generic::expire::{CONDITION, Conditions};

/// The latest time a field can be due, in Unix milliseconds: what Redis's index of fields can hold.
pub const LATEST: i64 = (1 << 46) - 1;

const FIELDS: Arg =
    Arg::block("fields", &[Arg::integer("numfields"), Arg::string("field").multiple()]).token("FIELDS");

/// HEXPIRE key seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]
pub const HEXPIRE: Command = Command {
    name: "hexpire",
    group: Group::Hash,
    since: "7.4.0",
    summary: "Lets fields of a hash expire after some seconds.",
    complexity: "O(N) where N is the number of fields named",
    arity: -6,
    flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
    keys: &[KeySpec::first(KeyFlags::RW.union(KeyFlags::UPDATE))],
    args: &[Arg::key("key"), Arg::integer("seconds"), CONDITION, FIELDS],
    handler: Handler::Write(|cx| expire(cx, TimeUnit::Seconds, "hexpire")),
    ..Command::DEFAULT
};

/// HEXPIREAT key unix-time-seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]
pub const HEXPIREAT: Command = Command {
    name: "hexpireat",
    summary: "Lets fields of a hash expire at a Unix time in seconds.",
    args: &[Arg::key("key"), Arg::unix_time("unix-time-seconds"), CONDITION, FIELDS],
    handler: Handler::Write(|cx| expire(cx, TimeUnit::UnixSeconds, "hexpireat")),
    ..HEXPIRE
};

/// HPEXPIRE key milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...]
pub const HPEXPIRE: Command = Command {
    name: "hpexpire",
    summary: "Lets fields of a hash expire after some milliseconds.",
    args: &[Arg::key("key"), Arg::integer("milliseconds"), CONDITION, FIELDS],
    handler: Handler::Write(|cx| expire(cx, TimeUnit::Millis, "hpexpire")),
    ..HEXPIRE
};

/// HPEXPIREAT key unix-time-milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...]
pub const HPEXPIREAT: Command = Command {
    name: "hpexpireat",
    summary: "Lets fields of a hash expire at a Unix time in milliseconds.",
    args: &[Arg::key("key"), Arg::unix_time("unix-time-milliseconds"), CONDITION, FIELDS],
    handler: Handler::Write(|cx| expire(cx, TimeUnit::UnixMillis, "hpexpireat")),
    ..HEXPIRE
};

/// HPERSIST key FIELDS numfields field [field ...]
pub const HPERSIST: Command = Command {
    name: "hpersist",
    summary: "Takes the expiry of fields away.",
    arity: -5,
    flags: Flags::WRITE.union(Flags::FAST),
    args: &[Arg::key("key"), FIELDS],
    handler: Handler::Write(hpersist),
    ..HEXPIRE
};

/// What became of a field, as the reply says it.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(i8)]
enum Fate {
    Absent = -2,
    /// It had no expiry that could be taken away.
    Plain = -1,
    /// The condition did not hold.
    Kept = 0,
    Set = 1,
    Deleted = 2,
}

/// The absolute time that an argument says.
fn time(arg: &[u8], unit: TimeUnit, now: i64, command: &'static str) -> Result<i64, Error> {
    let number = integer(arg)?;
    if number < 0 {
        return Err(Error::text("ERR invalid expire time, must be >= 0"));
    }
    unit.absolute(number, now).filter(|at| *at <= LATEST).ok_or(Error::InvalidExpire(command))
}

fn reply_fates(cx: &mut KeyCx, fates: Option<Vec<Fate>>, count: usize) {
    cx.reply.array(count);
    let fates = fates.unwrap_or_else(|| vec![Fate::Absent; count]);
    fates.into_iter().for_each(|fate| cx.reply.int(fate as i64));
}

fn expire(cx: &mut KeyCx, unit: TimeUnit, command: &'static str) -> Outcome {
    let (args, key) = (cx.args, cx.args.at(1));
    cx.view.read::<Hash>(key)?;
    let at = time(args.at(2), unit, cx.now(), command)?;
    let condition = Conditions::of(args.at(3));
    let not_positive = Error::text("ERR Parameter `numFields` should be greater than 0");
    let fields = counted_fields(cx, 3 + usize::from(condition.is_some()), 1, not_positive)?;
    forget_due(cx.view, cx.args.at(1), fields.iter());
    // Who keeps due keys waits for its primary to delete them.
    let deletes = at <= cx.now() && !cx.view.keeps_due;
    let event = if deletes { "hdel" } else { "hexpire" };
    let fates = cx.modify(key, Missing::Skip, (NotifyEvents::HASH, event), |hash: &mut Hash, change| {
        let fates: Vec<Fate> = fields
            .iter()
            .map(|field| match hash.find(field).map(|shown| shown.due) {
                None => Fate::Absent,
                Some(before) if condition.is_some_and(|c| !c.hold(before, at)) => Fate::Kept,
                Some(_) if deletes => {
                    hash.remove(field);
                    Fate::Deleted
                }
                Some(_) => {
                    hash.set_due(field, Some(at));
                    Fate::Set
                }
            })
            .collect();
        change.count = fates.iter().filter(|fate| matches!(fate, Fate::Set | Fate::Deleted)).count() as u64;
        fates
    })?;
    let of = |wanted: Fate| {
        let fates = fates.iter().flatten();
        fields.iter().zip(fates).filter(move |(_, fate)| **fate == wanted).map(|(field, _)| field)
    };
    of(Fate::Deleted).for_each(|field| cx.log_instead([b"HDEL", key, field]));
    log_expiry(cx, at, condition.map(|_| args.at(3)), of(Fate::Set).collect());
    reply_fates(cx, fates, fields.len());
    Ok(())
}

/// Logs that fields have been given a time.
pub fn log_expiry(cx: &mut KeyCx, at: i64, condition: Option<&[u8]>, fields: Vec<&[u8]>) {
    if fields.is_empty() {
        return;
    }
    let (time, count) = (I64Text::new(at), I64Text::new(fields.len() as i64));
    let head = [&b"HPEXPIREAT"[..], cx.args.at(1), &time];
    let tail = [&b"FIELDS"[..], &count];
    cx.log_instead(head.into_iter().chain(condition).chain(tail).chain(fields));
}

fn hpersist(cx: &mut KeyCx) -> Outcome {
    let key = cx.args.at(1);
    cx.view.read::<Hash>(key)?;
    let fields = counted_fields(cx, 2, 1, super::ttl::NOT_POSITIVE)?;
    forget_due(cx.view, cx.args.at(1), fields.iter());
    let event = (NotifyEvents::HASH, "hpersist");
    let fates = cx.modify(key, Missing::Skip, event, |hash: &mut Hash, change| {
        let mut persist = |field| match hash.find(field).map(|shown| shown.due) {
            None => Fate::Absent,
            Some(None) => Fate::Plain,
            Some(Some(_)) => {
                hash.set_due(field, None);
                change.count += 1;
                Fate::Set
            }
        };
        fields.iter().map(&mut persist).collect()
    })?;
    reply_fates(cx, fates, fields.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn conditions_and_times() {
        for limit in ["512", "0"] {
            let mut t = Tester::new(crate::FAMILIES);
            t.check(&format!("CONFIG SET hash-max-listpack-entries {limit}"), "+OK");
            t.check("HEXPIRE h 10 FIELDS 2 a b", "[:-2, :-2]");
            t.check("HSET h a 1 b 2 c 3", ":3");
            t.check("HEXPIRE h 100 NX FIELDS 2 a x", "[:1, :-2]");
            t.check("HEXPIRE h 100 nx FIELDS 2 a b", "[:0, :1]");
            t.check("HEXPIRE h 100 XX FIELDS 2 a c", "[:1, :0]");
            t.check("HPEXPIRE h 200000 GT FIELDS 2 a c", "[:1, :0]");
            t.check("HPEXPIRE h 200000 LT FIELDS 2 a c", "[:0, :1]");
            t.check("OBJECT ENCODING h", if limit == "0" { "$hashtable" } else { "$listpackex" });
            t.check("HPERSIST h FIELDS 3 a c x", "[:1, :1, :-2]");
            t.check("HPERSIST h FIELDS 2 a b", "[:-1, :1]");
            t.check("HPERSIST none FIELDS 1 a", "[:-2]");
            t.check("HPEXPIREAT h 1 NX FIELDS 2 a b", "[:2, :2]");
            t.check_both("HGETALL h", "[$c, $3]", "{$c: $3}");
            t.check("HEXPIREAT h 0 FIELDS 1 c", "[:2]");
            t.check("EXISTS h", ":0");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("HSET h a 1", ":1");
        t.check("SET s 1", "+OK");
        t.check(
            "HEXPIRE s 1 FIELDS 1 a",
            "-WRONGTYPE Operation against a key holding the wrong kind of value",
        );
        t.check("HEXPIRE h x FIELDS 1 a", "-ERR value is not an integer or out of range");
        t.check("HEXPIRE h -1 FIELDS 1 a", "-ERR invalid expire time, must be >= 0");
        for (line, command) in [
            ("HEXPIRE h 281474976710 FIELDS 1 a", "hexpire"),
            ("HPEXPIRE h 9223372036854775807 FIELDS 1 a", "hpexpire"),
            ("HEXPIREAT h 9223372036854775807 FIELDS 1 a", "hexpireat"),
            ("HPEXPIREAT h 70368744177664 FIELDS 1 a", "hpexpireat"),
        ] {
            t.check(line, &format!("-ERR invalid expire time in '{command}' command"));
        }
        t.check("HPEXPIREAT h 70368744177663 FIELDS 1 a", "[:1]");
        let missing = "-ERR Mandatory argument FIELDS is missing or not at the right position";
        t.check("HEXPIRE h 1 NX a 1 a", missing);
        t.check("HEXPIRE h 1 XY FIELDS 1 a", missing);
        t.check("HEXPIRE h 1 FIELDS 0 a", "-ERR Parameter `numFields` should be greater than 0");
        let mismatch = "-ERR The `numfields` parameter must match the number of arguments";
        t.check("HEXPIRE h 1 FIELDS 2 a", mismatch);
        t.check("HPERSIST h FIELDS 1 a b", mismatch);
        t.check("HPERSIST h FIELDS 9223372036854775807 a", mismatch);
    }

    #[test]
    fn due_fields_go_when_they_are_named() {
        for limit in ["512", "0"] {
            let mut t = Tester::new(crate::FAMILIES);
            t.check(&format!("CONFIG SET hash-max-listpack-entries {limit}"), "+OK");
            t.check("HSET h a 1 b 2 c 3 d 4 e 5", ":5");
            t.check("HPEXPIRE h 1 FIELDS 4 a b c d", "[:1, :1, :1, :1]");
            std::thread::sleep(std::time::Duration::from_millis(3));
            t.check("HLEN h", ":5");
            t.check("HKEYS h", "[$e]");
            t.check_both("HGETALL h", "[$e, $5]", "{$e: $5}");
            t.check("HSCAN h 0", "[$0, [$e, $5]]");
            t.check("HGET h a", "(nil)");
            t.check("HLEN h", ":4");
            t.check("HINCRBY h b 5", ":5");
            t.check("HTTL h FIELDS 2 b c", "[:-1, :-2]");
            t.check("HSETNX h d 9", ":1");
            t.check("HLEN h", ":3");
            t.check("HPEXPIRE h 1 FIELDS 3 b d e", "[:1, :1, :1]");
            std::thread::sleep(std::time::Duration::from_millis(3));
            t.check("HRANDFIELD h", "(nil)");
            t.check("EXISTS h", ":0");
        }
    }

    #[test]
    fn a_set_field_has_no_time_and_an_increment_leaves_it() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("HSET h a 1 b 1", ":2");
        t.check("HPEXPIREAT h 7000000000000 FIELDS 2 a b", "[:1, :1]");
        t.check("HINCRBY h a 1", ":2");
        t.check("HINCRBYFLOAT h a 0.5", "$2.5");
        t.check("HSET h b 2", ":0");
        t.check("HPEXPIRETIME h FIELDS 2 a b", "[:7000000000000, :-1]");
        t.check("RENAME h g", "+OK");
        t.check("COPY g h", ":1");
        t.check("HPEXPIRETIME h FIELDS 2 a b", "[:7000000000000, :-1]");
    }
}
