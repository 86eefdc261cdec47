//! SINTER, SUNION and SDIFF, those that store what they find, and SINTERCARD.

use codec::number::parse_i64;
use config::NotifyEvents;
use data::{Limits, Set, Value};
use engine::args::{Options, integer, is};
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use keyspace::{Expire, NewValue, View};
use resp::Args;

use crate::list::reply_entry;

const READ: KeyFlags = KeyFlags::RO.union(KeyFlags::ACCESS);

/// SINTER key [key ...]
pub const SINTER: Command = Command {
    name: "sinter",
    group: Group::Set,
    since: "1.0.0",
    summary: "Returns the members that all sets have.",
    complexity: "O(N*M) where N is the size of the smallest set and M the number of sets",
    arity: -2,
    flags: Flags::READONLY,
    keys: &[KeySpec::all(READ)],
    args: &[Arg::key("key").multiple()],
    tips: &["nondeterministic_output_order"],
    handler: Handler::Read(|cx| reply(cx, Operation::Inter)),
    ..Command::DEFAULT
};

/// SUNION key [key ...]
pub const SUNION: Command = Command {
    name: "sunion",
    summary: "Returns the members that any set has.",
    complexity: "O(N) where N is the number of members of all sets",
    handler: Handler::Read(|cx| reply(cx, Operation::Union)),
    ..SINTER
};

/// SDIFF key [key ...]
pub const SDIFF: Command = Command {
    name: "sdiff",
    summary: "Returns the members of the first set that no other has.",
    handler: Handler::Read(|cx| reply(cx, Operation::Diff)),
    ..SUNION
};

/// SINTERSTORE destination key [key ...]
pub const SINTERSTORE: Command = Command {
    name: "sinterstore",
    summary: "Stores the members that all sets have.",
    arity: -3,
    flags: Flags::WRITE.union(Flags::DENYOOM),
    keys: &[KeySpec::first(KeyFlags::RW.union(KeyFlags::UPDATE)), KeySpec::range(2, -1, 1, READ)],
    args: &[Arg::key("destination"), Arg::key_of("key", 1).multiple()],
    tips: &[],
    handler: Handler::Write(|cx| store(cx, Operation::Inter, "sinterstore")),
    ..SINTER
};

/// SUNIONSTORE destination key [key ...]
pub const SUNIONSTORE: Command = Command {
    name: "sunionstore",
    summary: "Stores the members that any set has.",
    complexity: SUNION.complexity,
    keys: &[KeySpec::first(KeyFlags::OW.union(KeyFlags::UPDATE)), KeySpec::range(2, -1, 1, READ)],
    handler: Handler::Write(|cx| store(cx, Operation::Union, "sunionstore")),
    ..SINTERSTORE
};

/// SDIFFSTORE destination key [key ...]
pub const SDIFFSTORE: Command = Command {
    name: "sdiffstore",
    summary: "Stores the members of the first set that no other has.",
    handler: Handler::Write(|cx| store(cx, Operation::Diff, "sdiffstore")),
    ..SUNIONSTORE
};

/// SINTERCARD numkeys key [key ...] [LIMIT limit]
pub const SINTERCARD: Command = Command {
    name: "sintercard",
    since: "7.0.0",
    summary: "Returns how many members all sets have.",
    arity: -3,
    keys: &[KeySpec::counted(1, READ)],
    args: &[
        Arg::integer("numkeys"),
        Arg::key("key").multiple(),
        Arg::integer("limit").token("LIMIT").optional(),
    ],
    tips: &[],
    handler: Handler::Read(sintercard),
    ..SINTER
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Inter,
    Union,
    Diff,
}

/// The sets at these keys, borrowed at the same time; `None` where there is none.
fn sets<'v>(view: &'v mut View, keys: Args) -> Result<Vec<Option<&'v Set>>, Error> {
    for key in keys.iter() {
        view.get(key).map(|found| found.value::<Set>()).transpose()?;
    }
    let view = &*view;
    keys.iter().map(|key| Ok(view.beside::<Set>(key)?)).collect()
}

/// The members that all have, up to `most`.
fn intersection(sets: &[Option<&Set>], most: usize, limits: &Limits) -> Set {
    let Some(all) = sets.iter().copied().collect::<Option<Vec<&Set>>>() else { return Set::default() };
    let Some(smallest) = all.iter().min_by_key(|set| set.len()) else { return Set::default() };
    let (mut found, mut left) = (smallest.common(), most);
    for entry in smallest.iter() {
        if left == 0 {
            break;
        }
        entry.with_bytes(|member| {
            if all.iter().all(|set| set.contains(member)) {
                found.insert(member, limits);
                left -= 1;
            }
        });
    }
    found
}

fn run(operation: Operation, sets: &[Option<&Set>], limits: &Limits) -> Set {
    let mut result = Set::default();
    let mut add = |set: &Set, wanted: &dyn Fn(&[u8]) -> bool| {
        for entry in set.iter() {
            entry.with_bytes(|member| {
                if wanted(member) {
                    // The first member does not decide by itself: an empty intset takes any.
                    result.insert(member, limits);
                }
            });
        }
    };
    match operation {
        Operation::Inter => return intersection(sets, usize::MAX, limits),
        Operation::Union => sets.iter().flatten().for_each(|set| add(set, &|_| true)),
        Operation::Diff => {
            let (first, others) = (sets.first().copied().flatten(), sets.get(1..).unwrap_or_default());
            if let Some(first) = first {
                add(first, &|member| !others.iter().flatten().any(|set| set.contains(member)));
            }
        }
    }
    result
}

fn reply(cx: &mut KeyCx, operation: Operation) -> Outcome {
    let limits = cx.limits();
    let result = run(operation, &sets(cx.view, cx.args.from(1))?, &limits);
    cx.reply.set(result.len());
    result.iter().for_each(|member| reply_entry(&mut cx.reply, member));
    Ok(())
}

fn store(cx: &mut KeyCx, operation: Operation, event: &'static str) -> Outcome {
    let (destination, limits) = (cx.args.at(1), cx.limits());
    let mut result = run(operation, &sets(cx.view, cx.args.from(2))?, &limits);
    cx.reply.count(result.len());
    if result.is_empty() {
        if cx.view.remove(destination) {
            cx.changed(1);
            cx.notify(NotifyEvents::GENERIC, "del", destination);
        }
        return Ok(());
    }
    if operation == Operation::Inter {
        result.settle(&limits);
    }
    cx.view.set(destination, NewValue::Object(result.into_object()), Expire::Never);
    cx.changed(1);
    cx.notify(NotifyEvents::SET, event, destination);
    Ok(())
}

fn sintercard(cx: &mut KeyCx) -> Outcome {
    let keys = parse_i64(cx.args.at(1)).and_then(|keys| usize::try_from(keys).ok()).filter(|keys| *keys > 0);
    let keys = keys.ok_or(Error::err("numkeys should be greater than 0"))?;
    if keys > cx.args.len() - 2 {
        return Err(Error::err("Number of keys can't be greater than number of args"));
    }
    let (mut options, mut limit) = (Options::new(cx.args, 2 + keys), 0);
    while let Some(word) = options.next() {
        if !is(word, "LIMIT") {
            return Err(Error::Syntax);
        }
        let number = integer(options.value()?).ok().and_then(|number| usize::try_from(number).ok());
        limit = number.ok_or(Error::err("LIMIT can't be negative"))?;
    }
    let (args, limits) = (cx.args.from(2), cx.limits());
    let mut found = Vec::with_capacity(keys.min(args.len()));
    for key in args.iter().take(keys) {
        cx.view.get(key).map(|found| found.value::<Set>()).transpose()?;
    }
    for key in args.iter().take(keys) {
        found.push(cx.view.beside::<Set>(key)?);
    }
    let most = if limit == 0 { usize::MAX } else { limit };
    cx.reply.count(intersection(&found, most, &limits).len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn an_intersection_is_as_small_as_it_can_be() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("CONFIG SET set-max-listpack-entries 3", "+OK");
        t.check("SADD a w x y z", ":4");
        t.check("SADD b v w x 1", ":4");
        t.check("OBJECT ENCODING a", "$hashtable");
        t.check("SINTERSTORE c a b", ":2");
        t.check("OBJECT ENCODING c", "$listpack");
        t.check("SINTERSTORE c a a", ":4");
        t.check("OBJECT ENCODING c", "$hashtable");
    }

    #[test]
    fn combinations() {
        for limit in ["128", "0"] {
            let mut t = Tester::new(crate::FAMILIES);
            t.check(&format!("CONFIG SET set-max-listpack-entries {limit}"), "+OK");
            t.check("SADD a 1 2 x", ":3");
            t.check("SADD b 2 3", ":2");
            t.check_both("SINTER a b", "[$2]", "~[$2]");
            t.check_both("SINTER a none", "[]", "~[]");
            t.check_both("SDIFF b a", "[$3]", "~[$3]");
            t.check_both("SDIFF none a", "[]", "~[]");
            assert_eq!(t.reply("SUNION a b none").matches('$').count(), 4);
            t.check("SINTERSTORE c a b", ":1");
            t.check("OBJECT ENCODING c", "$intset");
            t.check("SUNIONSTORE c a b", ":4");
            t.check("SDIFFSTORE a a b", ":2");
            t.check("SISMEMBER a 2", ":0");
            t.check("SINTERSTORE a a b", ":0");
            t.check("EXISTS a", ":0");
            t.check("SINTERCARD 2 c b", ":2");
            t.check("SINTERCARD 2 c b LIMIT 1", ":1");
            t.check("SINTERCARD 2 c b LIMIT 0", ":2");
            t.check("SINTERCARD 1 none", ":0");
            t.check("SET s x", "+OK");
            t.check("SUNIONSTORE s b", ":2");
            t.check("TYPE s", "+set");
        }
    }

    #[test]
    fn refusals() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("SET s x", "+OK");
        for line in
            ["SINTER none s", "SUNION s", "SDIFF none s", "SINTERSTORE d none s", "SINTERCARD 2 none s"]
        {
            t.check(line, "-WRONGTYPE Operation against a key holding the wrong kind of value");
        }
        for keys in ["0", "-1", "x"] {
            t.check(&format!("SINTERCARD {keys} a"), "-ERR numkeys should be greater than 0");
        }
        t.check("SINTERCARD 2 a", "-ERR Number of keys can't be greater than number of args");
        t.check("SINTERCARD 1 a LIMIT -1", "-ERR LIMIT can't be negative");
        t.check("SINTERCARD 1 a LIMIT", "-ERR syntax error");
        t.check("SINTERCARD 1 a b", "-ERR syntax error");
    }
}
