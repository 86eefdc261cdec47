//! INCR and its kin.

use config::NotifyEvents;
use engine::args::integer;
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use keyspace::NewValue;

const FLAGS: Flags = Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST);
const KEYS: &[KeySpec] = &[KeySpec::first(KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE))];

/// INCR key
pub const INCR: Command = Command {
    name: "incr",
    group: Group::String,
    summary: "Adds one to the integer at a key, which is 0 if it is missing.",
    arity: 2,
    flags: FLAGS,
    keys: KEYS,
    args: &[Arg::key("key")],
    handler: Handler::Write(|cx| add(cx, 1)),
    ..Command::DEFAULT
};

/// DECR key
pub const DECR: Command = Command {
    name: "decr",
    summary: "Takes one from the integer at a key, which is 0 if it is missing.",
    handler: Handler::Write(|cx| add(cx, -1)),
    ..INCR
};

/// INCRBY key increment
pub const INCRBY: Command = Command {
    name: "incrby",
    summary: "Adds to the integer at a key, which is 0 if it is missing.",
    arity: 3,
    args: &[Arg::key("key"), Arg::integer("increment")],
    handler: Handler::Write(|cx| add(cx, integer(cx.args.at(2))?)),
    ..INCR
};

/// DECRBY key decrement
pub const DECRBY: Command = Command {
    name: "decrby",
    summary: "Takes from the integer at a key, which is 0 if it is missing.",
    arity: 3,
    args: &[Arg::key("key"), Arg::integer("decrement")],
    handler: Handler::Write(|cx| {
        let decrement = integer(cx.args.at(2))?;
        add(cx, decrement.checked_neg().ok_or(Error::text("ERR decrement would overflow"))?)
    }),
    ..INCR
};

fn add(cx: &mut KeyCx, increment: i64) -> Outcome {
    let key = cx.args.at(1);
    let mut sum = 0;
    cx.view.update(key, |old| {
        let old = match old {
            Some(value) => keyspace::integer(value).ok_or(Error::NotInteger)?,
            None => 0,
        };
        sum = old.checked_add(increment).ok_or(Error::Overflow)?;
        Ok::<_, Error>(NewValue::Int(sum))
    })?;
    cx.changed(1);
    cx.notify(NotifyEvents::STRING, "incrby", key);
    cx.reply.int(sum);
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn counters_count() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("INCR n", ":1");
        t.check("INCRBY n 41", ":42");
        t.check("DECR n", ":41");
        t.check("DECRBY n -9223372036854775808", "-ERR decrement would overflow");
        t.check("SET n 9223372036854775807", "+OK");
        t.check("INCR n", "-ERR increment or decrement would overflow");
        t.check("SET n abc", "+OK");
        t.check("INCR n", "-ERR value is not an integer or out of range");
    }
}
