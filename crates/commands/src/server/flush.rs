//! FLUSHDB, FLUSHALL and SWAPDB: whole databases at once.
//!
//! A flush takes the tables out under exclusive access, which is quick however many keys there are. Freeing them is what
//! takes time: ASYNC leaves that to the background, and so does SYNC where it would stop others, as in Redis 8.

use config::Config;
use engine::args::{integer, is};
use engine::{Arg, Categories, Command, Error, Flags, Group, Handler, Outcome, ServerCx};
use resp::Args;

const FLUSH_ARGS: &[Arg] = &[Arg::one_of(
    "flush-type",
    &[Arg::word("async", "ASYNC").since("4.0.0"), Arg::word("sync", "SYNC").since("6.2.0")],
)
.optional()];

/// FLUSHDB [ASYNC | SYNC]
pub const FLUSHDB: Command = Command {
    name: "flushdb",
    group: Group::Server,
    summary: "Deletes all keys of the database.",
    complexity: "O(N) where N is the number of keys in the database",
    arity: -1,
    flags: Flags::WRITE,
    categories: Categories::KEYSPACE.union(Categories::DANGEROUS),
    args: FLUSH_ARGS,
    history: &[("4.0.0", "Option ASYNC."), ("6.2.0", "Option SYNC.")],
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    handler: Handler::Exclusive(|cx| {
        let db = cx.client.db;
        flush(cx, db..db + 1)
    }),
    ..Command::DEFAULT
};

/// FLUSHALL [ASYNC | SYNC]
pub const FLUSHALL: Command = Command {
    name: "flushall",
    summary: "Deletes all keys of all databases.",
    complexity: "O(N) where N is the number of keys in all databases",
    handler: Handler::Exclusive(|cx| {
        let databases = cx.engine.keyspace.databases();
        flush(cx, 0..databases)?;
        if let Ok(storage) = cx.engine.persistence.storage() {
            storage.flushed(cx.view);
        }
        Ok(())
    }),
    ..FLUSHDB
};

/// SWAPDB index1 index2
pub const SWAPDB: Command = Command {
    name: "swapdb",
    group: Group::Server,
    since: "4.0.0",
    summary: "Exchanges two databases, for all clients at one moment.",
    complexity: "O(N) where N is the number of clients that watch or wait for keys of either database",
    arity: 3,
    flags: Flags::WRITE.union(Flags::FAST),
    categories: Categories::KEYSPACE.union(Categories::DANGEROUS),
    args: &[Arg::integer("index1"), Arg::integer("index2")],
    handler: Handler::Exclusive(swapdb),
    ..Command::DEFAULT
};

/// Keys that are freed at once where nobody asked for the background: more would stop everyone for too long.
const FEW: usize = 1000;

/// Whether the tables are freed in the background.
fn in_background(args: Args, config: &Config) -> Result<bool, Error> {
    match (args.len(), args.get(1)) {
        (1, _) => Ok(config.lazyfree_lazy_user_flush),
        (2, Some(word)) if is(word, "SYNC") => Ok(false),
        (2, Some(word)) if is(word, "ASYNC") => Ok(true),
        _ => Err(Error::Syntax),
    }
}

fn flush(cx: &mut ServerCx, databases: std::ops::Range<u32>) -> Outcome {
    let in_background = in_background(cx.args, cx.config)?;
    let changes = databases.clone().map(|db| cx.engine.keyspace.size(db).keys as u64).sum();
    let tables: Vec<_> = databases.flat_map(|db| cx.view.flush(db)).collect();
    // Counted now, so that a snapshot of what is left makes up for them.
    cx.view.count_changes(changes);
    // Replicas and the append-only file get it even if there was nothing to delete here.
    cx.log_instead(cx.args.iter());
    let keys: usize = tables.iter().map(|table| table.len()).sum();
    if in_background || keys > FEW {
        cx.engine.drop_later(tables);
    } else {
        drop(tables);
        // The pages go back now, in the time that the client has agreed to wait.
        memory::purge();
    }
    cx.reply().ok();
    Ok(())
}

fn swapdb(cx: &mut ServerCx) -> Outcome {
    if cx.config.cluster_enabled {
        return Err(Error::text("ERR SWAPDB is not allowed in cluster mode"));
    }
    let index = |arg, error| -> Result<i32, Error> {
        integer(arg).ok().and_then(|n| i32::try_from(n).ok()).ok_or(Error::text(error))
    };
    let first = index(cx.args.at(1), "ERR invalid first DB index")?;
    let second = index(cx.args.at(2), "ERR invalid second DB index")?;
    let databases = cx.engine.keyspace.databases();
    let database = |n: i32| u32::try_from(n).ok().filter(|n| *n < databases).ok_or(Error::DbIndex);
    let (first, second) = (database(first)?, database(second)?);
    if first != second {
        cx.view.swap(first, second);
    }
    cx.changed(1);
    cx.reply().ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn flushing() {
        let mut t = Tester::new(crate::FAMILIES);
        for line in
            ["FLUSHDB", "FLUSHDB SYNC", "FLUSHDB async", "FLUSHALL", "FLUSHALL sync", "FLUSHALL ASYNC"]
        {
            t.check("MSET a 1 b 2", "+OK");
            t.check("SELECT 1", "+OK");
            t.check("SET c 3 EX 100", "+OK");
            t.check(line, "+OK");
            t.check("DBSIZE", ":0");
            t.check("SELECT 0", "+OK");
            t.check("DBSIZE", if line.starts_with("FLUSHDB") { ":2" } else { ":0" });
        }
        t.check("FLUSHALL now", "-ERR syntax error");
        t.check("FLUSHDB SYNC ASYNC", "-ERR syntax error");
        assert!(t.reply("INFO persistence").contains("rdb_changes_since_last_save:30\r\n"));
        assert!(t.reply("INFO memory").contains("lazyfreed_objects:4\r\n"));
    }

    #[test]
    fn an_empty_server_still_tells_its_replicas() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("FLUSHALL", "+OK");
        let log = t.session().engine().log.take(Vec::new()).0;
        assert!(String::from_utf8_lossy(&log).contains("FLUSHALL"));
    }

    #[test]
    fn watched_keys_that_a_flush_deletes_are_touched() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("SET a 1", "+OK");
        for (key, reply) in [("a", "(nil)"), ("missing", "[+PONG]")] {
            t.check(&format!("WATCH {key}"), "+OK");
            t.client(1).check("FLUSHALL", "+OK");
            t.client(0).check("MULTI", "+OK");
            t.check("PING", "+QUEUED");
            t.check("EXEC", reply);
        }
    }

    #[test]
    fn swapping() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("SET a 1", "+OK");
        t.check("SWAPDB 0 1", "+OK");
        t.check("GET a", "(nil)");
        t.check("SELECT 1", "+OK");
        t.check("GET a", "$1");
        t.check("SWAPDB 1 1", "+OK");
        t.check("GET a", "$1");
        t.check("SWAPDB a b", "-ERR invalid first DB index");
        t.check("SWAPDB 3000000000 1", "-ERR invalid first DB index");
        t.check("SWAPDB 0 b", "-ERR invalid second DB index");
        t.check("SWAPDB 0 16", "-ERR DB index is out of range");
        t.check("SWAPDB -1 0", "-ERR DB index is out of range");
    }
}
