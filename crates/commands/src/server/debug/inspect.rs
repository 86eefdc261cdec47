//! DEBUG OBJECT, HTSTATS and HTSTATS-KEY: how keys and tables are kept.

use std::fmt::Write as _;

use data::List;
use data::list::Facts;
use engine::args::integer;
use engine::{Arg, Command, Error, Handler, Outcome, ServerCx};
use formats::rdb::{Writer, version};
use keyspace::{Found, Str};

pub const OBJECT: Command = Command {
    name: "object",
    summary: "Returns where and how a key's value is kept.",
    arity: 3,
    args: &[Arg::key("key")],
    handler: Handler::Exclusive(object),
    ..Command::DEFAULT
};

pub const LISTPACK: Command = Command {
    name: "listpack",
    summary: "Prints the elements of a value that is a listpack to standard output.",
    arity: 3,
    args: &[Arg::key("key")],
    handler: Handler::Exclusive(listpack),
    ..Command::DEFAULT
};

pub const MALLCTL: Command = Command {
    name: "mallctl",
    summary: "Returns the number behind one of the allocator's control names.",
    arity: 3,
    args: &[Arg::string("name")],
    handler: Handler::Exclusive(|cx| {
        let name = String::from_utf8_lossy(cx.args.at(2));
        let number = memory::control(&name).ok_or(Error::text("ERR mallctl(): No such file or directory"))?;
        cx.reply().int(number as i64);
        Ok(())
    }),
    ..Command::DEFAULT
};

pub const MALLCTL_STR: Command = Command {
    name: "mallctl-str",
    summary: "Runs one of the allocator's controls that have no value.",
    arity: 4,
    args: &[Arg::string("name"), Arg::word("void", "VOID")],
    handler: Handler::Exclusive(|cx| {
        if !cx.args.at(3).eq_ignore_ascii_case(b"VOID") {
            return Err(Error::Syntax);
        }
        match memory::run_control(&String::from_utf8_lossy(cx.args.at(2))) {
            true => cx.reply().ok(),
            false => return Err(Error::text("ERR mallctl(): No such file or directory")),
        }
        Ok(())
    }),
    ..Command::DEFAULT
};

pub const HTSTATS: Command = Command {
    name: "htstats",
    summary: "Returns the sizes of a database's tables.",
    arity: -3,
    args: &[Arg::integer("dbid"), Arg::word("full", "FULL").optional()],
    handler: Handler::Exclusive(htstats),
    ..Command::DEFAULT
};

pub const HTSTATS_KEY: Command = Command {
    name: "htstats-key",
    summary: "Returns the sizes of the table that a key's value is.",
    args: &[Arg::key("key"), Arg::word("full", "FULL").optional()],
    handler: Handler::Exclusive(|cx| {
        cx.view.db = cx.client.db;
        cx.view.inspect(cx.args.at(2)).ok_or(Error::NoSuchKey)?;
        Err(Error::text("ERR The value stored at the specified key is not represented using an hash table"))
    }),
    ..HTSTATS
};

fn object(cx: &mut ServerCx) -> Outcome {
    cx.view.db = cx.client.db;
    let compress = cx.config.rdbcompression;
    let found = cx.view.inspect(cx.args.at(2)).ok_or(Error::NoSuchKey)?;
    let line = format!(
        "Value at:{:p} refcount:1 encoding:{} serializedlength:{} lru:{} lru_seconds_idle:{}{}",
        found.key().as_ptr(),
        found.encoding(),
        serialized_len(found, compress),
        found.access(),
        found.idle_seconds(),
        found.value().map_or(String::new(), nodes),
    );
    cx.reply().simple(&line);
    Ok(())
}

/// What there is to tell of a quicklist's nodes.
fn nodes(list: &List) -> String {
    let Some(quick) = list.as_quick() else { return String::new() };
    let Facts { nodes, max_listpack_size, compresses, bytes } = quick.facts();
    format!(
        " ql_nodes:{nodes} ql_avg_node:{:.2} ql_listpack_max:{max_listpack_size} ql_compressed:{} ql_uncompressed_size:{bytes}",
        quick.len() as f64 / nodes as f64,
        u8::from(compresses),
    )
}

fn listpack(cx: &mut ServerCx) -> Outcome {
    cx.view.db = cx.client.db;
    let found = cx.view.inspect(cx.args.at(2)).ok_or(Error::NoSuchKey)?;
    let Some(object) = found.object().filter(|_| found.encoding().starts_with("listpack")) else {
        return Err(Error::text("ERR Not a listpack encoded object."));
    };
    let mut text = String::new();
    object.each(&mut |parts| {
        let parts: Vec<_> = parts.iter().map(|part| part.escape_ascii().to_string()).collect();
        // Writing to a string does not fail.
        let _ = writeln!(text, "{{{}}}", parts.join(", "));
    });
    print!("{text}");
    cx.reply().simple("Listpack structure printed on stdout");
    Ok(())
}

/// Bytes that the value takes in a snapshot.
fn serialized_len(found: Found, compress: bool) -> usize {
    let mut bytes = Vec::new();
    let mut writer = if compress { Writer::new(&mut bytes) } else { Writer::uncompressed(&mut bytes) };
    match (found.object(), found.str()) {
        (Some(object), _) => formats::value::write(object, version::REDIS_7_0, &mut writer),
        (None, Ok(Str::Int(n))) => writer.integer(n),
        (None, Ok(Str::Bytes(text))) => writer.string(text),
        (None, Err(_)) => {}
    }
    bytes.len()
}

fn htstats(cx: &mut ServerCx) -> Outcome {
    let db = integer(cx.args.at(2))?;
    let databases = cx.engine.keyspace.databases();
    let Some(db) = u32::try_from(db).ok().filter(|db| *db < databases) else {
        return Err(Error::text("ERR Out of range database"));
    };
    let size = cx.engine.keyspace.size(db);
    let mut slots = 0;
    cx.view.in_db(db, |view| {
        let mut from = 0;
        while let Some(partition) = view.keyspace().next_occupied(db, from) {
            slots += view.table_footprint(partition).slots / size_of::<u64>();
            from = partition + 1;
        }
    });
    let mut text = String::new();
    table(&mut text, "Dictionary HT", slots, size.keys);
    // The index of due times has a place for each volatile key, and no slots.
    table(&mut text, "Expires HT", size.volatile, size.volatile);
    cx.reply().verbatim("txt", text.as_bytes());
    Ok(())
}

/// One table's part, in the form that tests take apart.
fn table(text: &mut String, title: &str, slots: usize, elements: usize) {
    let _ = writeln!(text, "[{title}]\nHash table 0 stats (main hash table):");
    let _ = match elements {
        0 => writeln!(text, "No stats available for empty dictionaries"),
        _ => writeln!(text, " table size: {slots}\n number of elements: {elements}"),
    };
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn objects() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("RPUSH l a b", ":2");
        assert!(
            t.reply("DEBUG OBJECT l").contains(" serializedlength:16 "),
            "one node: its bytes, and four before them"
        );
        t.check("DEL l", ":1");
        t.check("DEBUG MALLCTL arenas.quantum", ":8");
        t.check("DEBUG MALLCTL-STR thread.tcache.flush VOID", "+OK");
        t.check("DEBUG MALLCTL-STR nosuch VOID", "-ERR mallctl(): No such file or directory");
        t.check("DEBUG MALLCTL-STR thread.tcache.flush x", "-ERR syntax error");
        t.check("DEBUG MALLCTL nosuch", "-ERR mallctl(): No such file or directory");
        t.check("DEBUG OBJECT nokey", "-ERR no such key");
        let mut object = |value: &str| {
            t.check(&format!("SET k {value}"), "+OK");
            let line = t.reply("DEBUG OBJECT k");
            assert!(line.starts_with("+Value at:0x") && line.ends_with(" lru_seconds_idle:0"), "{line}");
            let (_, rest) = line.split_once("refcount:1 ").expect("a reference count");
            rest.split_once(" lru:").expect("a clock").0.to_owned()
        };
        assert_eq!(object("1"), "encoding:int serializedlength:2");
        assert_eq!(object("hello"), "encoding:embstr serializedlength:6");
        assert_eq!(object(&"a".repeat(100)), "encoding:raw serializedlength:13");
    }

    #[test]
    fn quicklists() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("CONFIG SET list-max-listpack-size 2 list-compress-depth 1", "+OK");
        t.check("RPUSH k a b c d e", ":5");
        t.check("CONFIG SET list-max-listpack-size 3 list-compress-depth 0", "+OK");
        t.check("RPUSH k f g", ":7");
        let line = t.reply("DEBUG OBJECT k");
        let nodes = "ql_nodes:4 ql_avg_node:1.75 ql_listpack_max:2 ql_compressed:1 ql_uncompressed_size:49";
        assert!(line.ends_with(nodes), "{line}");
        t.check("DEL k", ":1");
        t.check("RPUSH k a", ":1");
        assert!(!t.reply("DEBUG OBJECT k").contains("ql_"));
    }

    #[test]
    fn tables() {
        let mut t = Tester::new(crate::FAMILIES);
        let empty = "Hash table 0 stats (main hash table):\nNo stats available for empty dictionaries\n";
        t.check_both(
            "DEBUG HTSTATS 0",
            &format!("$[Dictionary HT]\n{empty}[Expires HT]\n{empty}"),
            &format!("=txt:[Dictionary HT]\n{empty}[Expires HT]\n{empty}"),
        );
        t.check("SET a 1 EX 100", "+OK");
        assert_eq!(t.reply("DEBUG HTSTATS 0 full").matches("number of elements: 1\n").count(), 2);
        t.check("DEBUG HTSTATS 16", "-ERR Out of range database");
        t.check("DEBUG HTSTATS x", "-ERR value is not an integer or out of range");
        t.check("DEBUG HTSTATS-KEY nokey", "-ERR no such key");
        let error = "-ERR The value stored at the specified key is not represented using an hash table";
        t.check("DEBUG HTSTATS-KEY a", error);
    }
}
