//! HTTL, HPTTL, HEXPIRETIME, HPEXPIRETIME: when fields are due.

use data::Hash;
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};

use super::{counted_fields, forget_due};

/// HTTL key FIELDS numfields field [field ...]
pub const HTTL: Command = Command {
    name: "httl",
    group: Group::Hash,
    since: "7.4.0",
    summary: "Returns the time to live of fields, in seconds.",
    complexity: "O(N) where N is the number of fields named",
    arity: -5,
    flags: Flags::READONLY.union(Flags::FAST),
    keys: &[KeySpec::first(KeyFlags::RO.union(KeyFlags::ACCESS))],
    args: &[
        Arg::key("key"),
        Arg::block("fields", &[Arg::integer("numfields"), Arg::string("field").multiple()]).token("FIELDS"),
    ],
    tips: &["nondeterministic_output"],
    handler: Handler::Read(|cx| reply_times(cx, |at, now| (at - now + 999) / 1000)),
    ..Command::DEFAULT
};

/// HPTTL key FIELDS numfields field [field ...]
pub const HPTTL: Command = Command {
    name: "hpttl",
    summary: "Returns the time to live of fields, in milliseconds.",
    handler: Handler::Read(|cx| reply_times(cx, |at, now| at - now)),
    ..HTTL
};

/// HEXPIRETIME key FIELDS numfields field [field ...]
pub const HEXPIRETIME: Command = Command {
    name: "hexpiretime",
    summary: "Returns when fields expire, as Unix time in seconds.",
    tips: &[],
    handler: Handler::Read(|cx| reply_times(cx, |at, _| (at + 999) / 1000)),
    ..HTTL
};

/// HPEXPIRETIME key FIELDS numfields field [field ...]
pub const HPEXPIRETIME: Command = Command {
    name: "hpexpiretime",
    summary: "Returns when fields expire, as Unix time in milliseconds.",
    handler: Handler::Read(|cx| reply_times(cx, |at, _| at)),
    ..HEXPIRETIME
};

pub const NOT_POSITIVE: Error = Error::text("ERR Number of fields must be a positive integer");

const NO_FIELD: i64 = -2;
const NO_EXPIRY: i64 = -1;

/// Replies what `shown` makes of each field's due time and of now, both in Unix milliseconds.
fn reply_times(cx: &mut KeyCx, shown: fn(i64, i64) -> i64) -> Outcome {
    let (key, now) = (cx.args.at(1), cx.now());
    cx.view.read::<Hash>(key)?;
    let fields = counted_fields(cx, 2, 1, NOT_POSITIVE)?;
    forget_due(cx.view, cx.args.at(1), fields.iter());
    let hash = cx.view.read::<Hash>(key)?;
    cx.reply.array(fields.len());
    for field in fields.iter() {
        let found = hash.and_then(|hash| hash.find(field)).filter(|shown| shown.lives(now));
        cx.reply.int(match found.map(|found| found.due) {
            None => NO_FIELD,
            Some(None) => NO_EXPIRY,
            Some(Some(due)) => shown(due, now),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn times() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("HSET h a 1 b 2", ":2");
        t.check("HPEXPIREAT h 7000000000001 FIELDS 1 a", "[:1]");
        t.check("HPEXPIRETIME h FIELDS 3 a b x", "[:7000000000001, :-1, :-2]");
        t.check("HEXPIRETIME h FIELDS 1 a", "[:7000000001]");
        t.check("HEXPIRE h 100 FIELDS 1 a", "[:1]");
        t.check("HTTL h FIELDS 2 a b", "[:100, :-1]");
        t.check("HTTL none FIELDS 2 a b", "[:-2, :-2]");
        t.check("HPTTL h FIELDS 0 a", "-ERR Number of fields must be a positive integer");
        t.check(
            "HPTTL h FIELD 1 a",
            "-ERR Mandatory argument FIELDS is missing or not at the right position",
        );
    }
}
