//! SCAN and KEYS: every key, partition by partition; nobody is stopped meanwhile.
//!
//! A cursor is a partition and a place in hash order within it, so that a key which is there all the time is found
//! however the tables grow; see [`keyspace::Table::scan`]. No cursor that a client makes up does any harm.

use codec::glob::{Case, matches};
use engine::args::{Options, cursor, is};
use engine::{Arg, Categories, Command, Error, Flags, Group, Handler, Outcome, ServerCx};
use keyspace::{Cursor, Found, View};
use resp::{Encoder, Protocol};

/// SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]
pub const SCAN: Command = Command {
    name: "scan",
    group: Group::Generic,
    since: "2.8.0",
    summary: "Returns some of the keys, and a cursor for the next call.",
    complexity: "O(1) for each call, O(N) for a whole iteration over N keys",
    arity: -2,
    flags: Flags::READONLY.union(Flags::TOUCHES_ARBITRARY_KEYS),
    args: &[
        Arg::integer("cursor"),
        Arg::pattern("pattern").token("MATCH").optional(),
        Arg::integer("count").token("COUNT").optional(),
        Arg::string("type").token("TYPE").optional().since("6.0.0"),
    ],
    history: &[("6.0.0", "Option TYPE.")],
    tips: &["nondeterministic_output", "request_policy:special", "response_policy:special"],
    handler: Handler::Server(scan),
    ..Command::DEFAULT
};

/// KEYS pattern
pub const KEYS: Command = Command {
    name: "keys",
    group: Group::Generic,
    summary: "Returns all keys that match a pattern.",
    complexity: "O(N) where N is the number of keys in the database",
    arity: 2,
    flags: Flags::READONLY,
    categories: Categories::DANGEROUS,
    args: &[Arg::pattern("pattern")],
    tips: &["request_policy:all_shards", "nondeterministic_output_order"],
    handler: Handler::Server(keys),
    ..Command::DEFAULT
};

/// Entries that are looked at under one hold of a partition's lock.
const SLICE: usize = 512;
/// Due keys that are deleted under it.
const DUE: usize = 16;

/// Keys on their way into a reply.
#[derive(Default)]
struct Collected {
    count: usize,
    bulks: Vec<u8>,
}

impl Collected {
    fn push(&mut self, key: &[u8]) {
        self.count += 1;
        Encoder::new(&mut self.bulks, Protocol::Resp2).bulk(key);
    }

    fn reply(&self, reply: &mut Encoder) {
        reply.array(self.count);
        reply.raw(&self.bulks);
    }
}

/// Which keys are asked for.
struct Filter<'a> {
    /// `None` is every name.
    pattern: Option<&'a [u8]>,
    value_type: Option<&'a [u8]>,
}

impl<'a> Filter<'a> {
    fn named(pattern: &'a [u8]) -> Filter<'a> {
        // A lone star matches even the empty name, which a star within a pattern does not.
        Filter { pattern: Some(pattern).filter(|pattern| *pattern != b"*"), value_type: None }
    }

    fn admits(&self, found: Found) -> bool {
        let is_of = |name: &[u8]| name.eq_ignore_ascii_case(found.value_type().name().as_bytes());
        self.pattern.is_none_or(|pattern| matches(pattern, found.key(), Case::Sensitive))
            && self.value_type.is_none_or(is_of)
    }
}

fn keys(cx: &mut ServerCx) -> Outcome {
    let filter = Filter::named(cx.args.at(1));
    let (_, found) = walk(cx, Cursor::from_number(0), usize::MAX, &filter);
    found.reply(&mut cx.reply());
    Ok(())
}

fn scan(cx: &mut ServerCx) -> Outcome {
    let cursor = cursor(cx.args.at(1))?;
    let (mut options, mut count, mut filter) =
        (Options::new(cx.args, 2), 10, Filter { pattern: None, value_type: None });
    while let Some(word) = options.next() {
        if is(word, "COUNT") {
            count = options.integer()?;
            if count < 1 {
                return Err(Error::Syntax);
            }
        } else if is(word, "MATCH") {
            filter.pattern = Filter::named(options.value()?).pattern;
        } else if is(word, "TYPE") {
            filter.value_type = Some(options.value()?);
        } else {
            return Err(Error::Syntax);
        }
    }
    let (next, found) = walk(cx, Cursor::from_number(cursor), count as usize, &filter);
    let mut reply = cx.reply();
    reply.array(2);
    reply.bulk_int(next.map_or(0, |cursor| cursor.number() as i64));
    found.reply(&mut reply);
    Ok(())
}

/// Looks at about `budget` entries from a cursor on. Answers where to go on, if not at the end, and what it found.
fn walk(cx: &mut ServerCx, from: Cursor, mut budget: usize, filter: &Filter) -> (Option<Cursor>, Collected) {
    let (keyspace, db, mut found) = (cx.view.keyspace(), cx.view.db, Collected::default());
    let occupied = |from| keyspace.next_occupied(db, from).map(|partition| Cursor { partition, position: 0 });
    let mut next = occupied(from.partition).map(|at| if at.partition == from.partition { from } else { at });
    while let Some(at) = next
        && budget > 0
    {
        let slice = budget.min(SLICE);
        let mut left = slice;
        let position = cx.with_partition(at.partition, |view| {
            delete_due(view, at.partition);
            view.scan_partition(at, &mut left, &mut |entry| {
                if filter.admits(entry) {
                    found.push(entry.key());
                }
            })
        });
        // A partition that has just become empty costs something too.
        budget -= (slice - left).max(1);
        next = match position {
            Some(position) => Some(Cursor { position, ..at }),
            None => occupied(at.partition + 1),
        };
    }
    (next, found)
}

/// Deletes some keys of a held partition that are due; the others are hidden until their turn.
pub fn delete_due(view: &mut View, partition: usize) {
    if !view.keeps_due && view.keyspace().partition(partition).earliest_due() <= view.now {
        view.expire_due(partition, DUE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::testing::{Session, Tester};
    use std::collections::BTreeSet;

    fn sorted(reply: &str) -> Vec<&str> {
        let mut keys: Vec<_> =
            reply.trim_matches(['[', ']']).split(", ").filter(|key| !key.is_empty()).collect();
        keys.sort_unstable();
        keys
    }

    /// One call: the next cursor and the keys.
    fn call(session: &mut Session, args: &[&str]) -> (String, Vec<String>) {
        let args: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
        let reply = session.run(0, &args);
        let (cursor, keys) = reply.split_once(", ").expect("a cursor and keys");
        let keys = sorted(keys).iter().map(|key| key.trim_matches(['$', ']', '[']).to_owned()).collect();
        (cursor.trim_start_matches("[$").to_owned(), keys)
    }

    fn filled(keys: usize) -> Session {
        let mut session = Session::new(crate::FAMILIES, config::Config::default());
        session.connect();
        for n in 0..keys {
            session.run(0, &[b"SET", format!("key:{n}").as_bytes(), b"v"]);
        }
        session
    }

    #[test]
    fn keys_by_pattern() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("KEYS *", "[]");
        t.check("MSET one 1 two 2 three 3 '' 4", "+OK");
        t.check("SET gone x PXAT 1", "+OK");
        assert_eq!(sorted(&t.reply("KEYS *")), ["$", "$one", "$three", "$two"]);
        assert_eq!(sorted(&t.reply("KEYS t*")), ["$three", "$two"]);
        assert_eq!(sorted(&t.reply("KEYS ?[!n]o")), Vec::<&str>::new());
        t.check("KEYS o??", "[$one]");
        t.check("SELECT 1", "+OK");
        t.check("KEYS *", "[]");
    }

    #[test]
    fn a_scan_finds_every_key_once() {
        let mut session = filled(3000);
        for count in ["1", "10", "777", "100000"] {
            let (mut cursor, mut all, mut calls) = ("0".to_owned(), vec![], 0);
            loop {
                let (next, keys) = call(&mut session, &["SCAN", &cursor, "COUNT", count]);
                all.extend(keys);
                calls += 1;
                cursor = next;
                if cursor == "0" {
                    break;
                }
            }
            assert_eq!((all.len(), all.iter().collect::<BTreeSet<_>>().len()), (3000, 3000));
            assert!(calls <= 3000 / count.parse::<usize>().expect("a number") + 2, "{calls} calls");
        }
    }

    #[test]
    fn filters() {
        let mut session = filled(100);
        let (cursor, keys) = call(&mut session, &["SCAN", "0", "MATCH", "key:1?", "COUNT", "1000"]);
        assert_eq!((cursor.as_str(), keys.len()), ("0", 10));
        assert_eq!(call(&mut session, &["SCAN", "0", "TYPE", "STRING", "COUNT", "1000"]).1.len(), 100);
        assert_eq!(call(&mut session, &["SCAN", "0", "TYPE", "list", "COUNT", "1000"]).1.len(), 0);
        assert_eq!(call(&mut session, &["SCAN", "0", "TYPE", "unknown", "COUNT", "1000"]).1.len(), 0);
    }

    #[test]
    fn any_cursor_is_harmless() {
        let mut session = filled(100);
        let middle = Cursor { partition: 512, position: 12345 }.number();
        for cursor in [1, 12, middle, 1 << 36, 1 << 46, 1 << 63, u64::MAX] {
            let (next, keys) = call(&mut session, &["SCAN", &cursor.to_string(), "COUNT", "1000"]);
            assert!(next == "0" && keys.len() <= 100, "{cursor}");
        }
        for cursor in ["00", "+0", "", "\0x"] {
            assert_eq!(call(&mut session, &["SCAN", cursor, "COUNT", "1000"]).1.len(), 100);
        }
        for cursor in ["-1", "x", "+", "18446744073709551616", "1 "] {
            assert_eq!(session.run(0, &[b"SCAN", cursor.as_bytes()]), "-ERR invalid cursor");
        }
        assert_eq!(
            session.run(0, &[b"SCAN", b"0", b"COUNT", b"9223372036854775807"]).matches("key:").count(),
            100
        );
    }

    #[test]
    fn grammar() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("SCAN 0", "[$0, []]");
        t.check("SCAN 0 COUNT 0", "-ERR syntax error");
        t.check("SCAN 0 COUNT", "-ERR syntax error");
        t.check("SCAN 0 WHAT", "-ERR syntax error");
        t.check("SCAN 0 COUNT x", "-ERR value is not an integer or out of range");
    }

    #[test]
    fn due_keys_are_deleted_and_logged() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("SET k v PXAT 1", "+OK");
        t.check("SCAN 0", "[$0, []]");
        assert_eq!(t.logged(), ["SELECT 0", "SET k v PXAT 1", "DEL k"]);
        t.check("SET k v PXAT 1", "+OK");
        t.check("MULTI", "+OK");
        t.check("SET x 1", "+QUEUED");
        t.check("SCAN 0 COUNT 1000", "+QUEUED");
        t.check("EXEC", "[+OK, [$0, [$x]]]");
        assert_eq!(t.logged()[4..], ["MULTI", "SET x 1", "DEL k", "EXEC"]);
    }
}
