//! HGETDEL, HGETEX, HSETEX: the values of fields and what becomes of the fields, in one step. As in Redis 8.0.

use config::NotifyEvents;
use data::Hash;
use engine::args::{Options, is};
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use keyspace::Missing;

use super::expire::{LATEST, log_expiry};
use super::read::reply_values;
use super::{counted_fields, forget_due};
use crate::string::expiry::{ExpiryOption, TIME_ARGS, TIME_OR_PERSIST};

const FIELDS: Arg =
    Arg::block("fields", &[Arg::integer("numfields"), Arg::string("field").multiple()]).token("FIELDS");

/// HGETDEL key FIELDS numfields field [field ...]
pub const HGETDEL: Command = Command {
    name: "hgetdel",
    group: Group::Hash,
    since: "8.0.0",
    summary: "Returns the values of fields and removes the fields.",
    complexity: "O(N) where N is the number of fields named",
    arity: -5,
    flags: Flags::WRITE.union(Flags::FAST),
    keys: &[KeySpec::first(KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE))],
    args: &[Arg::key("key"), FIELDS],
    handler: Handler::Write(hgetdel),
    ..Command::DEFAULT
};

/// HGETEX key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST]
/// FIELDS numfields field [field ...]
pub const HGETEX: Command = Command {
    name: "hgetex",
    summary: "Returns the values of fields and sets or removes their expiry.",
    flags: Flags::WRITE.union(Flags::FAST),
    keys: &[KeySpec {
        notes: Some("RW and UPDATE because it changes the TTL"),
        ..KeySpec::first(KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE))
    }],
    args: &[Arg::key("key"), TIME_OR_PERSIST, FIELDS],
    handler: Handler::Write(hgetex),
    ..HGETDEL
};

/// HSETEX key [FNX | FXX] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds |
/// KEEPTTL] FIELDS numfields field value [field value ...]
pub const HSETEX: Command = Command {
    name: "hsetex",
    summary: "Sets fields of a hash and their expiry.",
    complexity: "O(N) where N is the number of fields set",
    arity: -6,
    flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
    keys: &[KeySpec::first(KeyFlags::RW.union(KeyFlags::UPDATE))],
    args: &[
        Arg::key("key"),
        Arg::one_of("condition", &[Arg::word("fnx", "FNX"), Arg::word("fxx", "FXX")]).optional(),
        Arg::one_of(
            "expiration",
            &[TIME_ARGS[0], TIME_ARGS[1], TIME_ARGS[2], TIME_ARGS[3], Arg::word("keepttl", "KEEPTTL")],
        )
        .optional(),
        Arg::block(
            "fields",
            &[
                Arg::integer("numfields"),
                Arg::block("data", &[Arg::string("field"), Arg::string("value")]).multiple(),
            ],
        )
        .token("FIELDS"),
    ],
    handler: Handler::Write(hsetex),
    ..HGETDEL
};

const NOT_POSITIVE: Error = Error::text("ERR Number of fields must be a positive integer");

/// On what fields are set: all of them must be new, or all of them there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    New,
    There,
}

/// What stands between the key and FIELDS, and where FIELDS stands.
fn options<'a>(
    cx: &KeyCx<'a, '_>,
    own: &'static str,
    mut condition: Option<&mut Option<Condition>>,
) -> Result<(ExpiryOption<'a>, usize), Error> {
    let (mut options, mut expiry) = (Options::new(cx.args, 2), ExpiryOption::Unsaid);
    loop {
        let at = cx.args.len() - options.left();
        let Some(word) = options.next() else { return Ok((expiry, at)) };
        if is(word, "FIELDS") {
            return Ok((expiry, at));
        }
        match &mut condition {
            Some(said) if said.is_none() && is(word, "FNX") => **said = Some(Condition::New),
            Some(said) if said.is_none() && is(word, "FXX") => **said = Some(Condition::There),
            _ if expiry.accept(word, own, &mut options)? => {}
            _ => return Err(Error::Syntax),
        }
    }
}

/// The time of an option, in Unix milliseconds.
fn time(expiry: &ExpiryOption, now: i64, command: &'static str) -> Result<Option<i64>, Error> {
    let ExpiryOption::Time(unit, number) = *expiry else { return Ok(None) };
    let at = unit.expiry(number, now, command)?;
    if at > LATEST { Err(Error::InvalidExpire(command)) } else { Ok(Some(at)) }
}

fn hgetdel(cx: &mut KeyCx) -> Outcome {
    let key = cx.args.at(1);
    cx.view.read::<Hash>(key)?;
    let fields = counted_fields(cx, 2, 1, NOT_POSITIVE)?;
    reply_values(cx, fields)?;
    cx.modify(key, Missing::Skip, (NotifyEvents::HASH, "hdel"), |hash: &mut Hash, change| {
        change.count = fields.iter().filter(|field| hash.remove(field)).count() as u64;
    })?;
    cx.log_instead([&b"HDEL"[..], key].into_iter().chain(fields.iter()));
    Ok(())
}

fn hgetex(cx: &mut KeyCx) -> Outcome {
    let key = cx.args.at(1);
    cx.view.read::<Hash>(key)?;
    let (expiry, at) = options(cx, "PERSIST", None)?;
    let fields = counted_fields(cx, at, 1, NOT_POSITIVE)?;
    let due = time(&expiry, cx.now(), "hgetex")?;
    reply_values(cx, fields)?;
    match (due, expiry) {
        (Some(due), _) => set_times(cx, fields.iter().collect(), due),
        (None, ExpiryOption::Word) => persist(cx, fields.iter().collect()),
        _ => Ok(()),
    }
}

/// Gives those of the fields that are there a time, or removes them if it has passed.
fn set_times(cx: &mut KeyCx, fields: Vec<&[u8]>, due: i64) -> Outcome {
    let (key, deletes) = (cx.args.at(1), due <= cx.now() && !cx.view.keeps_due);
    let event = if deletes { "hdel" } else { "hexpire" };
    let done = cx.modify(key, Missing::Skip, (NotifyEvents::HASH, event), |hash: &mut Hash, change| {
        let mut done = fields;
        done.retain(|field| if deletes { hash.remove(field) } else { hash.set_due(field, Some(due)) });
        change.count = done.len() as u64;
        done
    })?;
    let done = done.unwrap_or_default();
    if deletes && !done.is_empty() {
        cx.log_instead([&b"HDEL"[..], key].into_iter().chain(done));
    } else {
        log_expiry(cx, due, None, done);
    }
    Ok(())
}

/// Takes the time of those fields away that have one.
fn persist(cx: &mut KeyCx, fields: Vec<&[u8]>) -> Outcome {
    let (key, event) = (cx.args.at(1), (NotifyEvents::HASH, "hpersist"));
    let done = cx.modify(key, Missing::Skip, event, |hash: &mut Hash, change| {
        let mut done = fields;
        done.retain(|field| {
            hash.find(field).is_some_and(|shown| shown.due.is_some()) && hash.set_due(field, None)
        });
        change.count = done.len() as u64;
        done
    })?;
    if let Some(done) = done.filter(|done| !done.is_empty()) {
        let count = done.len().to_string();
        let head = [&b"HPERSIST"[..], key, b"FIELDS", count.as_bytes()];
        cx.log_instead(head.into_iter().chain(done));
    }
    Ok(())
}

fn hsetex(cx: &mut KeyCx) -> Outcome {
    let (key, limits, mut condition) = (cx.args.at(1), cx.limits(), None);
    cx.view.read::<Hash>(key)?;
    let (expiry, at) = options(cx, "KEEPTTL", Some(&mut condition))?;
    let pairs = counted_fields(cx, at, 2, NOT_POSITIVE)?;
    let (due, keeps) = (time(&expiry, cx.now(), "hsetex")?, matches!(expiry, ExpiryOption::Word));
    let fields: Vec<&[u8]> = (0..pairs.len()).step_by(2).map(|at| pairs.at(at)).collect();
    forget_due(cx.view, cx.args.at(1), fields.iter().copied());
    let now = cx.now();
    let hash = cx.view.read::<Hash>(key)?;
    let is_there = |field: &&[u8]| hash.is_some_and(|hash| hash.get(field, now).is_some());
    let holds = match condition {
        None => true,
        Some(Condition::New) => !fields.iter().any(is_there),
        Some(Condition::There) => fields.iter().all(is_there),
    };
    cx.reply.flag(holds);
    if !holds {
        return Ok(());
    }
    cx.modify(key, Missing::Create, (NotifyEvents::HASH, "hset"), |hash: &mut Hash, change| {
        hash.expect(pairs.iter(), &limits);
        for at in (0..pairs.len()).step_by(2) {
            let (field, value) = (pairs.at(at), pairs.at(at + 1));
            if !(keeps && hash.set_value(field, value)) {
                hash.set(field, value, &limits);
            }
        }
        change.count = fields.len() as u64;
    })?;
    if keeps {
        let count = fields.len().to_string();
        let head = [&b"HSETEX"[..], key, b"KEEPTTL", b"FIELDS", count.as_bytes()];
        cx.log_instead(head.into_iter().chain(pairs.iter()));
    } else {
        cx.log_instead([&b"HSET"[..], key].into_iter().chain(pairs.iter()));
    }
    match due {
        Some(due) => set_times(cx, fields, due),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn values_and_what_becomes_of_the_fields() {
        for limit in ["512", "0"] {
            let mut t = Tester::new(crate::FAMILIES);
            t.check(&format!("CONFIG SET hash-max-listpack-entries {limit}"), "+OK");
            t.check("HSET h a 1 b 2 c 3", ":3");
            t.check("HGETEX h FIELDS 2 a x", "[$1, (nil)]");
            t.check("HGETEX h PXAT 7000000000000 FIELDS 2 a b", "[$1, $2]");
            t.check("HPEXPIRETIME h FIELDS 3 a b c", "[:7000000000000, :7000000000000, :-1]");
            t.check("HGETEX h PERSIST FIELDS 2 a c", "[$1, $3]");
            t.check("HPEXPIRETIME h FIELDS 2 a b", "[:-1, :7000000000000]");
            t.check("HGETEX none EX 10 FIELDS 1 a", "[(nil)]");
            t.check("HGETEX h EXAT 1 FIELDS 1 c", "[$3]");
            t.check("HGETDEL h FIELDS 3 a c x", "[$1, (nil), (nil)]");
            t.check_both("HGETALL h", "[$b, $2]", "{$b: $2}");
            t.check("HGETDEL h FIELDS 1 b", "[$2]");
            t.check("EXISTS h", ":0");
            t.check("HGETDEL h FIELDS 1 b", "[(nil)]");
        }
    }

    #[test]
    fn setting_with_an_expiry() {
        for limit in ["512", "0"] {
            let mut t = Tester::new(crate::FAMILIES);
            t.check(&format!("CONFIG SET hash-max-listpack-entries {limit}"), "+OK");
            t.check("HSETEX h FXX FIELDS 1 a 1", ":0");
            t.check("EXISTS h", ":0");
            t.check("HSETEX h FNX PXAT 7000000000000 FIELDS 2 a 1 b 2", ":1");
            t.check("HSETEX h FNX FIELDS 2 b 3 c 4", ":0");
            t.check("HSETEX h KEEPTTL FIELDS 2 b 3 c 4", ":1");
            t.check("HPEXPIRETIME h FIELDS 3 a b c", "[:7000000000000, :7000000000000, :-1]");
            t.check("HSETEX h FIELDS 1 b 5", ":1");
            t.check("HPEXPIRETIME h FIELDS 2 a b", "[:7000000000000, :-1]");
            t.check("HMGET h a b c", "[$1, $5, $4]");
            t.check("HSETEX h EXAT 1 FIELDS 1 c 5", ":1");
            t.check("HLEN h", ":2");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("HGETDEL h FIELDS 0 a", "-ERR Number of fields must be a positive integer");
        t.check("HGETDEL h FIELDS 2 a", "-ERR The `numfields` parameter must match the number of arguments");
        t.check("HGETEX h EX 0 FIELDS 1 a", "-ERR invalid expire time in 'hgetex' command");
        t.check("HGETEX h EX 1 PERSIST FIELDS 1 a", "-ERR syntax error");
        t.check("HSETEX h FNX FXX FIELDS 1 a 1", "-ERR syntax error");
        t.check("HSETEX h PXAT 70368744177664 FIELDS 1 a 1", "-ERR invalid expire time in 'hsetex' command");
        t.check(
            "HSETEX h EX 1 FIELDS 1 a",
            "-ERR The `numfields` parameter must match the number of arguments",
        );
    }
}
