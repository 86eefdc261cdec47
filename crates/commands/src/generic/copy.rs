//! COPY and MOVE: a value and its expiry in another place.

use config::NotifyEvents;
use engine::args::{Options, database, is};
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};

/// COPY source destination [DB destination-db] [REPLACE]
pub const COPY: Command = Command {
    name: "copy",
    group: Group::Generic,
    since: "6.2.0",
    summary: "Copies a key's value to another key, perhaps of another database.",
    complexity: "O(N) where N is the number of a collection's elements; O(1) for strings",
    arity: -3,
    flags: Flags::WRITE.union(Flags::DENYOOM),
    keys: &[
        KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS)),
        KeySpec::one(2, KeyFlags::OW.union(KeyFlags::UPDATE)),
    ],
    args: &[
        Arg::key("source"),
        Arg::key_of("destination", 1),
        Arg::integer("destination-db").token("DB").optional(),
        Arg::word("replace", "REPLACE").optional(),
    ],
    handler: Handler::Write(copy),
    ..Command::DEFAULT
};

/// MOVE key db
pub const MOVE: Command = Command {
    name: "move",
    group: Group::Generic,
    summary: "Moves a key to another database unless that has it.",
    arity: 3,
    flags: Flags::WRITE.union(Flags::FAST),
    keys: &[KeySpec::first(KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE))],
    args: &[Arg::key("key"), Arg::integer("db")],
    handler: Handler::Write(move_key),
    ..Command::DEFAULT
};

fn copy(cx: &mut KeyCx) -> Outcome {
    let (from, to, databases) = (cx.args.at(1), cx.args.at(2), cx.view.keyspace().databases());
    let (mut options, mut db, mut replace) = (Options::new(cx.args, 3), cx.view.db, false);
    while let Some(word) = options.next() {
        if is(word, "REPLACE") {
            replace = true;
        } else if is(word, "DB") {
            db = database(options.value()?, databases)?;
        } else {
            return Err(Error::Syntax);
        }
    }
    if db == cx.view.db && from == to {
        return Err(Error::SameObject);
    }
    let copied = cx.view.get(from).is_some()
        && (replace || !cx.view.in_db(db, |view| view.contains(to)))
        && cx.view.copy(from, db, to);
    if copied {
        cx.changed(1);
        cx.notify_in(db, NotifyEvents::GENERIC, "copy_to", to);
    }
    cx.reply.flag(copied);
    Ok(())
}

fn move_key(cx: &mut KeyCx) -> Outcome {
    let (key, here) = (cx.args.at(1), cx.view.db);
    let there = database(cx.args.at(2), cx.view.keyspace().databases())?;
    if here == there {
        return Err(Error::SameObject);
    }
    let moved = cx.view.get_for_write(key).is_some()
        && !cx.view.in_db(there, |view| view.contains(key))
        && cx.view.copy(key, there, key)
        && cx.view.remove(key);
    if moved {
        cx.changed(1);
        cx.notify_in(here, NotifyEvents::GENERIC, "move_from", key);
        cx.notify_in(there, NotifyEvents::GENERIC, "move_to", key);
    }
    cx.reply.flag(moved);
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn copies() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("COPY a b", ":0");
        t.check("SET a 1 PXAT 4102444800000", "+OK");
        t.check("COPY a b", ":1");
        t.check("PEXPIRETIME b", ":4102444800000");
        t.check("SET a 2", "+OK");
        t.check("COPY a b", ":0");
        t.check("GET b", "$1");
        t.check("COPY a b replace", ":1");
        t.check("GET b", "$2");
        t.check("TTL b", ":-1");
        t.check("COPY a a DB 3", ":1");
        t.check("COPY a a DB 3", ":0");
        t.check("COPY a a DB 3 REPLACE", ":1");
        t.check("SELECT 3", "+OK");
        t.check("GET a", "$2");
        t.check("COPY a a DB 3", "-ERR source and destination objects are the same");
        t.check("COPY a b DB 16", "-ERR DB index is out of range");
        t.check("COPY a b DB -1", "-ERR DB index is out of range");
        t.check("COPY a b DB x", "-ERR value is not an integer or out of range");
        t.check(
            "COPY a b DB 2147483648",
            "-ERR value is out of range, value must between -2147483648 and 2147483647",
        );
        t.check("COPY a b DB", "-ERR syntax error");
        t.check("COPY a b WHAT", "-ERR syntax error");
    }

    #[test]
    fn moves() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("MOVE a 1", ":0");
        t.check("SET a 1 PXAT 4102444800000", "+OK");
        t.check("MOVE a 1", ":1");
        t.check("EXISTS a", ":0");
        t.check("SET a 2", "+OK");
        t.check("MOVE a 1", ":0");
        t.check("MOVE a 0", "-ERR source and destination objects are the same");
        t.check("MOVE a 16", "-ERR DB index is out of range");
        t.check("MOVE a x", "-ERR value is not an integer or out of range");
        t.check("GET a", "$2");
        t.check("SELECT 1", "+OK");
        t.check("GET a", "$1");
        t.check("PEXPIRETIME a", ":4102444800000");
    }
}
