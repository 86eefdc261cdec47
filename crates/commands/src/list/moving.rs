//! LMOVE and RPOPLPUSH.

use config::NotifyEvents;
use data::List;
use data::list::End;
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use keyspace::Missing;

use super::pop::{POPPED, event};
use super::{LEFT_OR_RIGHT, end, word};

/// The two keys.
pub const KEYS: &[KeySpec] = &[KeySpec::first(POPPED), KeySpec::one(2, KeyFlags::RW.union(KeyFlags::INSERT))];

/// LMOVE source destination LEFT | RIGHT LEFT | RIGHT
pub const LMOVE: Command = Command {
    name: "lmove",
    group: Group::List,
    since: "6.2.0",
    summary: "Moves an element from an end of a list to an end of another, and returns it.",
    arity: 5,
    flags: Flags::WRITE.union(Flags::DENYOOM),
    keys: KEYS,
    args: &[
        Arg::key("source"),
        Arg::key_of("destination", 1),
        Arg::one_of("wherefrom", LEFT_OR_RIGHT),
        Arg::one_of("whereto", LEFT_OR_RIGHT),
    ],
    handler: Handler::Write(|cx| {
        let (from, to) = (end(cx.args.at(3))?, end(cx.args.at(4))?);
        reply_moved(cx, from, to)
    }),
    ..Command::DEFAULT
};

/// RPOPLPUSH source destination
pub const RPOPLPUSH: Command = Command {
    name: "rpoplpush",
    since: "1.2.0",
    summary: "Moves the last element of a list to the head of another, and returns it.",
    arity: 3,
    args: &[Arg::key("source"), Arg::key_of("destination", 1)],
    deprecated: Some(("6.2.0", "`LMOVE` with the `RIGHT` and `LEFT` arguments")),
    handler: Handler::Write(|cx| reply_moved(cx, End::Tail, End::Head)),
    ..LMOVE
};

fn reply_moved(cx: &mut KeyCx, from: End, to: End) -> Outcome {
    if !move_element(cx, from, to)? {
        cx.reply.null();
    }
    Ok(())
}

/// Moves an element between the keys that are the first two arguments, and replies it. Answers whether there was one.
pub fn move_element(cx: &mut KeyCx, from: End, to: End) -> Result<bool, Error> {
    let (source, destination, limits) = (cx.args.at(1), cx.args.at(2), cx.limits());
    let Some(found) = cx.view.get_for_write(source) else { return Ok(false) };
    found.value::<List>()?;
    if let Some(found) = cx.view.get_for_write(destination) {
        found.value::<List>()?;
    }
    let take = |list: &mut List| {
        let element = list.with(if from == End::Head { 0 } else { -1 }, |entry| entry.to_vec())?;
        list.remove(if from == End::Head { 0 } else { list.len() - 1 }, 1);
        Some(element)
    };
    let put = |list: &mut List, element: &[u8]| {
        list.expect([element].into_iter(), &limits);
        list.push(to, element);
    };
    let taken = cx.view.modify(source, Missing::Skip, |list: &mut List, changes| {
        let element = take(list)?;
        *changes = 1;
        if source == destination {
            put(list, &element);
        }
        list.shrink(&limits);
        Some(element)
    })?;
    let Some(taken) = taken else { return Ok(false) };
    let Some(element) = taken.result else { return Ok(false) };
    if source != destination {
        cx.view.modify(destination, Missing::Create, |list: &mut List, changes| {
            put(list, &element);
            *changes = 1;
        })?;
    }
    // In Redis's order: what came, then what went.
    cx.notify(NotifyEvents::LIST, if to == End::Head { "lpush" } else { "rpush" }, destination);
    cx.notify(NotifyEvents::LIST, event(from), source);
    if taken.removed {
        cx.notify(NotifyEvents::GENERIC, "del", source);
    }
    cx.changed(1);
    cx.reply.bulk(&element);
    Ok(true)
}

/// Logs a move that has waited for its element.
pub fn log_move(cx: &mut KeyCx, from: End, to: End) {
    let args = cx.args;
    cx.log_instead([b"LMOVE", args.at(1), args.at(2), word(from), word(to)]);
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn between_lists_and_within_one() {
        for size in ["-2", "1"] {
            let mut t = Tester::new(crate::FAMILIES);
            t.check(&format!("CONFIG SET list-max-listpack-size {size}"), "+OK");
            t.check("RPUSH a 1 2 3", ":3");
            t.check("LMOVE a b LEFT RIGHT", "$1");
            t.check("LMOVE a b RIGHT LEFT", "$3");
            t.check("RPOPLPUSH a b", "$2");
            t.check("EXISTS a", ":0");
            t.check("LRANGE b 0 -1", "[$2, $3, $1]");
            t.check("LMOVE b b LEFT RIGHT", "$2");
            t.check("LRANGE b 0 -1", "[$3, $1, $2]");
            t.check("LMOVE none b LEFT LEFT", "(nil)");
            t.check("RPUSH one x", ":1");
            t.check("EXPIRE one 100", ":1");
            t.check("RPOPLPUSH one one", "$x");
            t.check_in("TTL one", 99..=100);
        }
    }

    #[test]
    fn refusals_change_nothing() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("RPUSH a 1", ":1");
        t.check("SET s x", "+OK");
        t.check("LMOVE a s LEFT LEFT", "-WRONGTYPE Operation against a key holding the wrong kind of value");
        t.check("LMOVE s a LEFT LEFT", "-WRONGTYPE Operation against a key holding the wrong kind of value");
        t.check("LMOVE a b UP LEFT", "-ERR syntax error");
        t.check("LRANGE a 0 -1", "[$1]");
        t.check("LMOVE none s LEFT LEFT", "(nil)");
    }
}
