//! HSET, HMSET, HSETNX, HDEL.

use config::NotifyEvents;
use data::Hash;
use engine::{Arg, Command, Elements, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use keyspace::Missing;

use super::forget_due;

const FIELDS_AND_VALUES: &[Arg] =
    &[Arg::key("key"), Arg::block("data", &[Arg::string("field"), Arg::string("value")]).multiple()];

/// HSET key field value [field value ...]
pub const HSET: Command = Command {
    name: "hset",
    group: Group::Hash,
    since: "2.0.0",
    summary: "Sets fields of a hash, which it makes where there is none.",
    complexity: "O(N) where N is the number of fields set",
    arity: -4,
    flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
    keys: &[KeySpec::first(KeyFlags::RW.union(KeyFlags::UPDATE))],
    args: FIELDS_AND_VALUES,
    history: &[("4.0.0", "Takes several fields with their values.")],
    elements: Elements::each(2, 2),
    handler: Handler::Write(|cx| {
        let added = set(cx, "hset")?;
        cx.reply.count(added);
        Ok(())
    }),
    ..Command::DEFAULT
};

/// HMSET key field value [field value ...]
pub const HMSET: Command = Command {
    name: "hmset",
    summary: "Sets fields of a hash.",
    history: &[],
    deprecated: Some(("4.0.0", "`HSET` with several fields and values")),
    handler: Handler::Write(|cx| {
        set(cx, "hmset")?;
        cx.reply.ok();
        Ok(())
    }),
    ..HSET
};

/// HSETNX key field value
pub const HSETNX: Command = Command {
    name: "hsetnx",
    summary: "Sets a field of a hash unless it is there.",
    complexity: "O(1)",
    arity: 4,
    keys: &[KeySpec::first(KeyFlags::RW.union(KeyFlags::INSERT))],
    elements: Elements::one(2),
    args: &[Arg::key("key"), Arg::string("field"), Arg::string("value")],
    history: &[],
    handler: Handler::Write(hsetnx),
    ..HSET
};

/// HDEL key field [field ...]
pub const HDEL: Command = Command {
    name: "hdel",
    summary: "Removes fields of a hash, which goes with its last.",
    complexity: "O(N) where N is the number of fields to remove",
    arity: -3,
    flags: Flags::WRITE.union(Flags::FAST),
    keys: &[KeySpec::first(KeyFlags::RW.union(KeyFlags::DELETE))],
    elements: Elements::each(2, 1),
    args: &[Arg::key("key"), Arg::string("field").multiple()],
    history: &[("2.4.0", "Takes several fields.")],
    handler: Handler::Write(hdel),
    ..HSET
};

/// Sets all fields; answers how many are new.
fn set(cx: &mut KeyCx, name: &str) -> Result<usize, Error> {
    let (args, limits) = (cx.args.from(2), cx.limits());
    if !args.len().is_multiple_of(2) {
        return Err(Error::err(format_args!("wrong number of arguments for '{name}' command")));
    }
    let event = (NotifyEvents::HASH, "hset");
    forget_due(cx.view, cx.args.at(1), (0..args.len()).step_by(2).map(|at| args.at(at)));
    let added = cx.modify(cx.args.at(1), Missing::Create, event, |hash: &mut Hash, change| {
        change.count = args.len() as u64 / 2;
        hash.set_all((0..args.len()).step_by(2).map(|at| (args.at(at), args.at(at + 1))), &limits)
    })?;
    Ok(added.unwrap_or(0))
}

fn hsetnx(cx: &mut KeyCx) -> Outcome {
    let (args, limits, event) = (cx.args, cx.limits(), (NotifyEvents::HASH, "hset"));
    forget_due(cx.view, cx.args.at(1), [args.at(2)].into_iter());
    let now = cx.now();
    let is_set = cx.modify(args.at(1), Missing::Create, event, |hash: &mut Hash, change| {
        if hash.get(args.at(2), now).is_some() {
            return false;
        }
        hash.expect(args.from(2).iter(), &limits);
        hash.set(args.at(2), args.at(3), &limits);
        change.count = 1;
        true
    })?;
    cx.reply.flag(is_set.unwrap_or(false));
    Ok(())
}

fn hdel(cx: &mut KeyCx) -> Outcome {
    let (fields, event) = (cx.args.from(2), (NotifyEvents::HASH, "hdel"));
    let removed = cx.modify(cx.args.at(1), Missing::Skip, event, |hash: &mut Hash, change| {
        change.count = fields.iter().filter(|field| hash.remove(field)).count() as u64;
        change.count
    })?;
    cx.reply.int(removed.unwrap_or(0) as i64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn setting_and_removing() {
        for limit in ["512", "2"] {
            let mut t = Tester::new(crate::FAMILIES);
            t.check(&format!("CONFIG SET hash-max-listpack-entries {limit}"), "+OK");
            t.check("HSET h a 1 b 2 a 3", ":2");
            t.check("HSET h a 4 c 5", ":1");
            t.check("HMSET h d 6 e 7", "+OK");
            t.check("HSETNX h a 8", ":0");
            t.check("HSETNX h f 8", ":1");
            t.check("HMGET h a b c d e f g", "[$4, $2, $5, $6, $7, $8, (nil)]");
            t.check("OBJECT ENCODING h", if limit == "2" { "$hashtable" } else { "$listpack" });
            t.check("HDEL h a a x", ":1");
            t.check("HDEL none a", ":0");
            t.check("HDEL h b c d e f", ":5");
            t.check("EXISTS h", ":0");
        }
    }

    #[test]
    fn long_values_need_a_table() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check(&format!("HSET h a {}", "x".repeat(64)), ":1");
        t.check("OBJECT ENCODING h", "$listpack");
        t.check(&format!("HSET h a {}", "x".repeat(65)), ":0");
        t.check("OBJECT ENCODING h", "$hashtable");
    }

    #[test]
    fn refusals() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("HSET h a 1 b", "-ERR wrong number of arguments for 'hset' command");
        t.check("HMSET h a 1 b", "-ERR wrong number of arguments for 'hmset' command");
        t.check("SET s x", "+OK");
        for line in ["HSET s a 1", "HMSET s a 1", "HSETNX s a 1", "HDEL s a"] {
            t.check(line, "-WRONGTYPE Operation against a key holding the wrong kind of value");
        }
    }
}
