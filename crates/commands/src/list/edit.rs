//! LSET, LINSERT, LREM, LTRIM.

use config::NotifyEvents;
use data::List;
use data::list::End;
use engine::args::{integer, is};
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use keyspace::Missing;

use super::read::range;

/// LSET key index element
pub const LSET: Command = Command {
    name: "lset",
    group: Group::List,
    since: "1.0.0",
    summary: "Replaces the element at an index of a list.",
    complexity: "O(N) where N is the number of nodes between the nearer end and the element",
    arity: 4,
    flags: Flags::WRITE.union(Flags::DENYOOM),
    keys: &[KeySpec::first(KeyFlags::RW.union(KeyFlags::UPDATE))],
    args: &[Arg::key("key"), Arg::integer("index"), Arg::string("element")],
    handler: Handler::Write(lset),
    ..Command::DEFAULT
};

/// LINSERT key BEFORE | AFTER pivot element
pub const LINSERT: Command = Command {
    name: "linsert",
    since: "2.2.0",
    summary: "Inserts an element in front of another or behind it.",
    complexity: "O(N) where N is the number of elements before the other",
    arity: 5,
    keys: &[KeySpec::first(KeyFlags::RW.union(KeyFlags::INSERT))],
    args: &[
        Arg::key("key"),
        Arg::one_of("where", &[Arg::word("before", "BEFORE"), Arg::word("after", "AFTER")]),
        Arg::string("pivot"),
        Arg::string("element"),
    ],
    handler: Handler::Write(linsert),
    ..LSET
};

/// LREM key count element
pub const LREM: Command = Command {
    name: "lrem",
    summary: "Removes elements that are equal to one; the list goes with its last.",
    complexity: "O(N+M) where N is the number of elements and M that of those removed",
    flags: Flags::WRITE,
    keys: &[KeySpec::first(KeyFlags::RW.union(KeyFlags::DELETE))],
    args: &[Arg::key("key"), Arg::integer("count"), Arg::string("element")],
    handler: Handler::Write(lrem),
    ..LSET
};

/// LTRIM key start stop
pub const LTRIM: Command = Command {
    name: "ltrim",
    summary: "Removes the elements outside a range of indices; the list goes with its last.",
    complexity: "O(N) where N is the number of elements removed",
    args: &[Arg::key("key"), Arg::integer("start"), Arg::integer("stop")],
    handler: Handler::Write(ltrim),
    ..LREM
};

fn lset(cx: &mut KeyCx) -> Outcome {
    let (args, limits) = (cx.args, cx.limits());
    let replaced = cx.modify(
        args.at(1),
        Missing::Skip,
        (NotifyEvents::LIST, "lset"),
        |list: &mut List, change| -> Result<bool, Error> {
            let index = integer(args.at(2))?;
            list.expect([args.at(3)].into_iter(), &limits);
            let replaced = list.set(index, args.at(3));
            list.shrink(&limits);
            change.count = replaced.into();
            Ok(replaced)
        },
    )?;
    if !replaced.ok_or(Error::NoSuchKey)?? {
        return Err(Error::err("index out of range"));
    }
    cx.reply.ok();
    Ok(())
}

fn linsert(cx: &mut KeyCx) -> Outcome {
    let (args, limits) = (cx.args, cx.limits());
    let behind = match args.at(2) {
        word if is(word, "BEFORE") => 0,
        word if is(word, "AFTER") => 1,
        _ => return Err(Error::Syntax),
    };
    let event = (NotifyEvents::LIST, "linsert");
    let len = cx.modify(args.at(1), Missing::Skip, event, |list: &mut List, change| {
        let index = *list.find_equal(args.at(3), End::Head, usize::MAX, 0, 1).first()?;
        list.expect([args.at(4)].into_iter(), &limits);
        list.insert(index + behind, args.at(4));
        change.count = 1;
        Some(list.len())
    })?;
    match len {
        None => cx.reply.int(0),
        Some(None) => cx.reply.int(-1),
        Some(Some(len)) => cx.reply.count(len),
    }
    Ok(())
}

fn lrem(cx: &mut KeyCx) -> Outcome {
    let (args, limits, count) = (cx.args, cx.limits(), integer(cx.args.at(2))?);
    let from = if count < 0 { End::Tail } else { End::Head };
    let most = match count {
        0 => usize::MAX,
        _ => usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX),
    };
    let event = (NotifyEvents::LIST, "lrem");
    let removed = cx.modify(args.at(1), Missing::Skip, event, |list: &mut List, change| {
        let removed = list.remove_equal(args.at(3), from, most);
        if removed > 0 {
            list.shrink(&limits);
        }
        change.count = removed as u64;
        removed
    })?;
    cx.reply.count(removed.unwrap_or(0));
    Ok(())
}

fn ltrim(cx: &mut KeyCx) -> Outcome {
    let (args, limits) = (cx.args, cx.limits());
    let (start, stop) = (integer(args.at(2))?, integer(args.at(3))?);
    let event = (NotifyEvents::LIST, "ltrim");
    let removed = cx.modify(args.at(1), Missing::Skip, event, |list: &mut List, change| {
        let kept = range(start, stop, list.len());
        let removed = list.remove(kept.end, usize::MAX) + list.remove(0, kept.start);
        if removed > 0 {
            list.shrink(&limits);
        }
        change.count = removed as u64;
        removed
    })?;
    if removed == Some(0) {
        // Redis tells of a trim that removes nothing too.
        cx.view.signal_modified(args.at(1));
        cx.notify(event.0, event.1, args.at(1));
    }
    cx.reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn edits() {
        for size in ["-2", "2"] {
            let mut t = Tester::new(crate::FAMILIES);
            t.check(&format!("CONFIG SET list-max-listpack-size {size}"), "+OK");
            t.check("RPUSH l a b c 1 2 3 c c", ":8");
            t.check("LSET l 1 B", "+OK");
            t.check("LSET l -1 77", "+OK");
            t.check("LSET l 8 x", "-ERR index out of range");
            t.check("LSET none 0 x", "-ERR no such key");
            t.check("LSET l x x", "-ERR value is not an integer or out of range");
            t.check("LINSERT l BEFORE 1 before", ":9");
            t.check("LINSERT l after 1 after", ":10");
            t.check("LINSERT l after nothing x", ":-1");
            t.check("LINSERT none after a x", ":0");
            t.check("LINSERT l at a x", "-ERR syntax error");
            t.check("LRANGE l 0 -1", "[$a, $B, $c, $before, $1, $after, $2, $3, $c, $77]");
            t.check("LREM l -1 c", ":1");
            t.check("LREM l 0 nothing", ":0");
            t.check("LREM l 5 77", ":1");
            t.check("LTRIM l 1 -2", "+OK");
            t.check("LRANGE l 0 -1", "[$B, $c, $before, $1, $after, $2]");
            t.check("LTRIM l 0 100", "+OK");
            t.check("LTRIM none 0 1", "+OK");
            t.check("LTRIM l 9 1", "+OK");
            t.check("EXISTS l", ":0");
        }
    }

    #[test]
    fn refusals() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("SET s x", "+OK");
        for line in ["LSET s 0 x", "LINSERT s BEFORE a b", "LREM s 0 a", "LTRIM s 0 1"] {
            t.check(line, "-WRONGTYPE Operation against a key holding the wrong kind of value");
        }
        for line in ["LREM l x a", "LTRIM l 0 x"] {
            t.check(line, "-ERR value is not an integer or out of range");
        }
    }
}
