//! MEMORY: what memory is used for, by key and in all.

use std::fmt::Write as _;

use codec::number::F64Text;
use engine::args::{Options, is};
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome, ServerCx};

use crate::usage;

use super::memory_use::{Excess, MemoryUse};

/// MEMORY DOCTOR | HELP | MALLOC-STATS | PURGE | STATS | USAGE
pub const MEMORY: Command = Command {
    name: "memory",
    group: Group::Server,
    since: "4.0.0",
    summary: "What memory is used for.",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: &[DOCTOR, usage::help(Group::Server, "4.0.0"), MALLOC_STATS, PURGE, STATS, USAGE],
    ..Command::DEFAULT
};

const SPECIAL: &[&str] = &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"];

const DOCTOR: Command = Command {
    name: "doctor",
    group: Group::Server,
    since: "4.0.0",
    summary: "Says in words what is unusual about the use of memory.",
    arity: 2,
    tips: SPECIAL,
    handler: Handler::Server(|cx| {
        let report = diagnosis(&MemoryUse::measure(cx.engine, cx.view), cx.engine.clients.len() as u64);
        cx.reply().verbatim("txt", report.as_bytes());
        Ok(())
    }),
    ..Command::DEFAULT
};

const MALLOC_STATS: Command = Command {
    name: "malloc-stats",
    summary: "Returns the allocator's own report.",
    complexity: "Depends on how much memory is allocated, could be slow",
    handler: Handler::Server(|cx| {
        cx.reply().verbatim("txt", memory::report().as_bytes());
        Ok(())
    }),
    ..DOCTOR
};

const PURGE: Command = Command {
    name: "purge",
    summary: "Gives pages that are not in use back to the system.",
    complexity: "Depends on how much memory is allocated, could be slow",
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    handler: Handler::Server(|cx| {
        memory::purge();
        cx.reply().ok();
        Ok(())
    }),
    ..DOCTOR
};

const STATS: Command = Command {
    name: "stats",
    summary: "Returns what memory is used for, in bytes.",
    handler: Handler::Server(stats),
    ..DOCTOR
};

const USAGE: Command = Command {
    name: "usage",
    group: Group::Server,
    since: "4.0.0",
    summary: "Returns the bytes that a key and its value take. Of a large collection some values are measured, 5 \
              unless told; 0 is all.",
    complexity: "O(N) where N is the number of samples.",
    arity: -3,
    flags: Flags::READONLY,
    keys: &[KeySpec::one(2, KeyFlags::RO)],
    args: &[Arg::key("key"), Arg::integer("count").token("SAMPLES").optional()],
    handler: Handler::Read(usage_of_key),
    ..Command::DEFAULT
};

fn usage_of_key(cx: &mut KeyCx) -> Outcome {
    let mut options = Options::new(cx.args, 3);
    while let Some(word) = options.next() {
        // Every value knows its size: nothing needs to be sampled.
        if !is(word, "SAMPLES") || options.integer()? < 0 {
            return Err(Error::Syntax);
        }
    }
    match cx.view.inspect(cx.args.at(2)) {
        Some(found) => cx.reply.count(found.footprint()),
        None => cx.reply.null(),
    }
    Ok(())
}

/// A value of MEMORY STATS.
enum Figure {
    Count(i64),
    Part(f64),
    Tables { slots: u64, due: u64 },
}

fn stats(cx: &mut ServerCx) -> Outcome {
    let figures = figures(&MemoryUse::measure(cx.engine, cx.view));
    let mut reply = cx.reply();
    reply.map(figures.len());
    for (name, figure) in figures {
        reply.bulk(name.as_bytes());
        match figure {
            Figure::Count(n) => reply.int(n),
            Figure::Part(x) => reply.double(&F64Text::new(x)),
            Figure::Tables { slots, due } => {
                reply.map(2);
                reply.bulk(b"overhead.hashtable.main");
                reply.int(slots as i64);
                reply.bulk(b"overhead.hashtable.expires");
                reply.int(due as i64);
            }
        }
    }
    Ok(())
}

/// Names and values, in Redis's order.
fn figures(m: &MemoryUse) -> Vec<(String, Figure)> {
    use Figure::{Count, Part, Tables};
    let mut all: Vec<(String, Figure)> = Vec::new();
    let mut put = |figures: &mut dyn Iterator<Item = (&str, Figure)>| {
        all.extend(figures.map(|(name, figure)| (name.to_owned(), figure)));
    };
    let count = |n: u64| Count(n as i64);
    put(&mut [
        ("peak.allocated", count(m.peak)),
        ("total.allocated", count(m.used)),
        ("startup.allocated", count(m.startup)),
        ("replication.backlog", Count(0)),
        ("clients.slaves", Count(0)),
        ("clients.normal", count(m.clients)),
        ("cluster.links", Count(0)),
        ("aof.buffer", Count(0)),
        ("lua.caches", Count(0)),
        ("functions.caches", Count(0)),
    ]
    .into_iter());
    for db in &m.databases {
        put(&mut [(&*format!("db.{}", db.db), Tables { slots: db.slots, due: db.due })].into_iter());
    }
    put(&mut [
        ("overhead.db.hashtable.lut", count(m.tables())),
        ("overhead.db.hashtable.rehashing", Count(0)),
        ("db.dict.rehashing.count", Count(0)),
        ("overhead.total", count(m.overhead())),
        ("keys.count", count(m.keys)),
        ("keys.bytes-per-key", count(m.bytes_per_key())),
        ("dataset.bytes", count(m.dataset())),
        ("dataset.percentage", Part(m.dataset_percentage())),
        ("peak.percentage", Part(m.peak_percentage())),
        ("allocator.allocated", count(m.allocator.allocated as u64)),
        ("allocator.active", count(m.allocator.active as u64)),
        ("allocator.resident", count(m.allocator.resident as u64)),
        ("allocator.muzzy", count(m.allocator.muzzy as u64)),
        ("allocator-fragmentation.ratio", Part(m.fragmentation().ratio())),
        ("allocator-fragmentation.bytes", Count(m.fragmentation().bytes())),
        ("allocator-rss.ratio", Part(m.allocator_resident().ratio())),
        ("allocator-rss.bytes", Count(m.allocator_resident().bytes())),
        ("rss-overhead.ratio", Part(m.beside_allocator().ratio())),
        ("rss-overhead.bytes", Count(m.beside_allocator().bytes())),
        ("fragmentation", Part(m.all_in_all().ratio())),
        ("fragmentation.bytes", Count(m.all_in_all().bytes())),
    ]
    .into_iter());
    all
}

/// MEMORY DOCTOR's report; the limits are Redis's.
fn diagnosis(m: &MemoryUse, clients: u64) -> String {
    const MEBIBYTE: u64 = 1 << 20;
    if m.used < 5 * MEBIBYTE {
        return "There is next to nothing in memory: too little to judge by. Ask again when there is data.\n"
            .into();
    }
    let mut report = String::new();
    let mut finding = |found: bool, text: &str| {
        if found {
            let _ = writeln!(report, "- {text}");
        }
    };
    let over = |excess: Excess, ratio: f64| excess.ratio() > ratio && excess.bytes() > 10 * MEBIBYTE as i64;
    finding(
        m.peak as f64 > m.used as f64 * 1.5,
        "There was a peak of more than one and a half times what is in use now. Pages of that time may still be held; \
         new data will use them, and MEMORY PURGE gives back those that are empty.",
    );
    finding(
        over(m.all_in_all(), 1.4),
        "The process takes more than 1.4 times the memory that its data need. After a peak that is harmless; else \
         see which of the following causes applies.",
    );
    finding(
        over(m.fragmentation(), 1.1),
        "Pages are more than a tenth empty in places: fragmentation. It comes from values whose sizes change, or \
         from a peak.",
    );
    finding(
        over(m.allocator_resident(), 1.1),
        "The allocator holds a tenth more pages than it uses, usually after a peak. MEMORY PURGE gives them back.",
    );
    finding(
        over(m.beside_allocator(), 1.1),
        "A tenth of the process's memory or more does not come from the allocator.",
    );
    finding(
        m.clients / clients.max(1) > 200 << 10,
        "Clients take more than 200 KB each: large replies that are not read, or long pipelines. CLIENT LIST shows \
         whose (omem, qbuf, tot-mem).",
    );
    match report.is_empty() {
        true => "Nothing unusual is to be seen in the use of memory.\n".into(),
        false => format!("What is unusual about the use of memory:\n\n{report}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::testing::Tester;

    #[test]
    fn the_size_of_a_key() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("MEMORY USAGE k", "(nil)");
        t.check("SET k 0123456789", "+OK");
        let size =
            |reply: String| reply.strip_prefix(':').and_then(|n| n.parse::<usize>().ok()).expect("a size");
        let small = size(t.reply("MEMORY USAGE k"));
        assert!((11..100).contains(&small), "{small}");
        t.check("SET k [x]", "+OK");
        let large = "x".repeat(5000);
        t.check(&format!("SET k {large}"), "+OK");
        assert!((5000..6000).contains(&size(t.reply("MEMORY USAGE k SAMPLES 0"))));
        t.check("MEMORY USAGE k SAMPLES", "-ERR syntax error");
        t.check("MEMORY USAGE k SAMPLES -1", "-ERR syntax error");
        t.check("MEMORY USAGE k SAMPLES x", "-ERR value is not an integer or out of range");
        t.check("MEMORY USAGE k 5", "-ERR syntax error");
        t.check("MEMORY FOO", "-ERR unknown subcommand 'FOO'. Try MEMORY HELP.");
    }

    #[test]
    fn figures_of_all_memory() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("SET k v EX 100", "+OK");
        let stats = t.reply("MEMORY STATS");
        for part in ["$total.allocated, :", "$keys.count, :1,", "$db.0, [$overhead.hashtable.main, :"] {
            assert!(stats.contains(part), "{part} in {stats}");
        }
        t.check("MEMORY PURGE", "+OK");
        assert!(t.reply("MEMORY MALLOC-STATS").contains("jemalloc"));
        assert!(t.reply("MEMORY DOCTOR").ends_with(".\n"));
    }

    #[test]
    fn the_doctor_finds_what_is_unusual() {
        let healthy =
            MemoryUse { used: 100 << 20, peak: 110 << 20, resident: 120 << 20, ..MemoryUse::default() };
        assert!(diagnosis(&healthy, 1).starts_with("Nothing unusual"));
        let ill = MemoryUse { peak: 200 << 20, resident: 300 << 20, clients: 1 << 20, ..healthy.clone() };
        assert_eq!(diagnosis(&ill, 2).matches("\n- ").count() + 1, 4);
        assert!(diagnosis(&MemoryUse::default(), 0).starts_with("There is next to nothing"));
    }
}
