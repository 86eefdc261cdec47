//! COMMAND and COMMAND INFO: names, arity, flags, keys, categories.

use engine::command::{Begin, Find};
use engine::table::Row;
use engine::{Command, Handler, KeyFlags, KeySpec, Outcome, ServerCx};
use resp::Encoder;

use super::{NAMES, SUBCOMMAND, UNORDERED};

/// COMMAND INFO [command-name [command-name ...]]
pub const INFO: Command = Command {
    name: "info",
    summary: "Describes some commands or all, for programs.",
    complexity: "O(N) where N is the number of commands to look up",
    arity: -2,
    args: NAMES,
    history: &[("7.0.0", "All commands where none is named.")],
    tips: UNORDERED,
    handler: Handler::Server(info),
    ..SUBCOMMAND
};

/// COMMAND
pub fn all(cx: &mut ServerCx) -> Outcome {
    let rows = cx.engine.table.callable();
    let mut reply = cx.reply();
    reply.array(rows.len());
    rows.iter().for_each(|row| describe(&mut reply, row));
    Ok(())
}

fn info(cx: &mut ServerCx) -> Outcome {
    let (names, table) = (cx.args.from(2), &cx.engine.table);
    if names.is_empty() {
        return all(cx);
    }
    let mut reply = cx.reply();
    reply.array(names.len());
    for name in names.iter() {
        match table.get_full(name) {
            Some(row) => describe(&mut reply, row),
            None => reply.null(),
        }
    }
    Ok(())
}

fn describe(reply: &mut Encoder, row: &Row) {
    let (command, (range, movable)) = (row.command, fixed_range(row.command.keys));
    let (first, last, step) = range.unwrap_or_default();
    reply.array(10);
    reply.bulk(row.full_name.as_bytes());
    reply.int(command.arity.into());
    names(reply, command.flags.names(movable));
    [first as i64, last as i64, step as i64].iter().for_each(|n| reply.int(*n));
    names(reply, command.categories().names().map(|name| format!("@{name}")));
    reply.set(command.tips.len());
    command.tips.iter().for_each(|tip| reply.bulk(tip.as_bytes()));
    reply.set(command.keys.len());
    command.keys.iter().for_each(|spec| describe_spec(reply, spec));
    if row.subcommands.is_empty() {
        return reply.set(0);
    }
    reply.array(row.subcommands.len());
    row.subcommands.iter().for_each(|sub| describe(reply, sub));
}

/// A set of statuses.
pub fn names<N: AsRef<str>>(reply: &mut Encoder, names: impl Iterator<Item = N>) {
    let names: Vec<N> = names.collect();
    reply.set(names.len());
    names.iter().for_each(|name| reply.simple(name.as_ref()));
}

fn describe_spec(reply: &mut Encoder, spec: &KeySpec) {
    reply.map(3 + usize::from(spec.notes.is_some()));
    if let Some(notes) = spec.notes {
        reply.bulk(b"notes");
        reply.bulk(notes.as_bytes());
    }
    reply.bulk(b"flags");
    names(reply, spec.flags.names());
    reply.bulk(b"begin_search");
    match spec.begin {
        Begin::Unknown => step(reply, "unknown", &[]),
        Begin::Index(index) => step(reply, "index", &[("index", Value::Int(index as i64))]),
        Begin::Keyword(word, from) => {
            let parts = [("keyword", Value::Text(word)), ("startfrom", Value::Int(from as i64))];
            step(reply, "keyword", &parts);
        }
    }
    reply.bulk(b"find_keys");
    match spec.find {
        Find::Unknown => step(reply, "unknown", &[]),
        Find::Range { last, step: every, limit } => {
            let numbers = [("lastkey", last as i64), ("keystep", every as i64), ("limit", limit as i64)];
            step(reply, "range", &numbers.map(|(name, n)| (name, Value::Int(n))));
        }
        Find::Count { at, first, step: every } => {
            let numbers = [("keynumidx", at as i64), ("firstkey", first as i64), ("keystep", every as i64)];
            step(reply, "keynum", &numbers.map(|(name, n)| (name, Value::Int(n))));
        }
    }
}

enum Value {
    Int(i64),
    Text(&'static str),
}

/// One of the two steps of a key spec: its type and what the type asks for.
fn step(reply: &mut Encoder, kind: &str, parts: &[(&str, Value)]) {
    reply.map(2);
    reply.bulk(b"type");
    reply.bulk(kind.as_bytes());
    reply.bulk(b"spec");
    reply.map(parts.len());
    for (name, value) in parts {
        reply.bulk(name.as_bytes());
        match value {
            Value::Int(n) => reply.int(*n),
            Value::Text(text) => reply.bulk(text.as_bytes()),
        }
    }
}

/// First key, last key and step, as far as the three can say it, and whether they cannot say all (`movablekeys`).
fn fixed_range(specs: &[KeySpec]) -> (Option<(usize, isize, usize)>, bool) {
    let incomplete = |spec: &KeySpec| spec.flags.contains(KeyFlags::INCOMPLETE);
    let plain = |spec: &KeySpec| match (spec.begin, spec.find) {
        (Begin::Index(first), Find::Range { last, step, .. }) => {
            Some((first, if last < 0 { last } else { first as isize + last }, step))
        }
        _ => None,
    };
    if let [spec] = specs {
        return (plain(spec), plain(spec).is_none() || incomplete(spec));
    }
    let (mut range, mut movable) = (None::<(usize, isize, usize)>, false);
    for spec in specs {
        movable |= incomplete(spec);
        range = match (range, plain(spec)) {
            (None, Some((first, last, 1))) => Some((first, last, 1)),
            // One that goes on where the one before ended makes it longer; -1 is the longest.
            (Some((start, end, _)), Some((first, last, 1))) if end == first as isize - 1 => {
                Some((start, if (last as usize) > end as usize { last } else { end }, 1))
            }
            _ => {
                movable = true;
                range
            }
        };
    }
    (range, movable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::testing::Tester;

    const GET2: &str = "[$get, :2, [+readonly, +fast], :1, :1, :1, [+@read, +@string, +@fast], [], [[$flags, [+RO, +access], $begin_search, [$type, $index, $spec, [$index, :1]], $find_keys, [$type, $range, $spec, [$lastkey, :0, $keystep, :1, $limit, :0]]]], []]";
    const GET3: &str = "[$get, :2, ~[+readonly, +fast], :1, :1, :1, ~[+@read, +@string, +@fast], ~[], ~[{$flags: ~[+RO, +access], $begin_search: {$type: $index, $spec: {$index: :1}}, $find_keys: {$type: $range, $spec: {$lastkey: :0, $keystep: :1, $limit: :0}}}], ~[]]";

    #[test]
    fn info_in_both_protocols() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check_both("COMMAND INFO get", &format!("[{GET2}]"), &format!("[{GET3}]"));
        t.check_both("COMMAND INFO nosuch GET", &format!("[(nil), {GET2}]"), &format!("[(nil), {GET3}]"));
        t.check("COMMAND INFO get|key config|get|key", "[(nil), (nil)]");
        let container = t.reply("COMMAND INFO config");
        assert!(container.starts_with("[[$config, :-2, [], :0, :0, :0, [+@slow], [], [], [[$config|get, :-3, [+admin, +noscript, +loading, +stale], :0, :0, :0, [+@admin, +@slow, +@dangerous], [], [], []], "), "{container}");
        assert!(t.reply("COMMAND INFO config|set").starts_with("[[$config|set, :-4, "));
    }

    #[test]
    fn all_commands() {
        let mut t = Tester::new(crate::FAMILIES);
        let count = crate::FAMILIES.iter().map(|f| f.len()).sum::<usize>();
        t.check("COMMAND COUNT", &format!(":{count}"));
        let all = t.reply("COMMAND");
        assert_eq!(all, t.reply("COMMAND INFO"));
        assert!(all.contains(GET2));
        t.check("COMMAND nosuch", "-ERR unknown subcommand 'nosuch'. Try COMMAND HELP.");
    }

    #[test]
    fn ranges_of_several_specs() {
        const ONE: KeySpec = KeySpec::one(1, KeyFlags::RO);
        const TWO: KeySpec = KeySpec::one(2, KeyFlags::RO);
        const REST: KeySpec = KeySpec::range(2, -1, 1, KeyFlags::RO);
        const COUNT: KeySpec = KeySpec::counted(2, KeyFlags::RO);
        const THREE: KeySpec = KeySpec::one(3, KeyFlags::RO);
        const INCOMPLETE: KeySpec = KeySpec::one(1, KeyFlags::INCOMPLETE);
        assert_eq!(fixed_range(&[]), (None, false));
        assert_eq!(fixed_range(&[ONE]), (Some((1, 1, 1)), false));
        assert_eq!(fixed_range(&[ONE, TWO]), (Some((1, 2, 1)), false));
        assert_eq!(fixed_range(&[ONE, REST]), (Some((1, -1, 1)), false));
        assert_eq!(fixed_range(&[ONE, THREE]), (Some((1, 1, 1)), true));
        assert_eq!(fixed_range(&[ONE, COUNT]), (Some((1, 1, 1)), true));
        assert_eq!(fixed_range(&[COUNT]), (None, true));
        assert_eq!(fixed_range(&[INCOMPLETE]), (Some((1, 1, 1)), true));
        assert_eq!(fixed_range(&[KeySpec::range(1, -1, 2, KeyFlags::RO)]), (Some((1, -1, 2)), false));
    }
}
