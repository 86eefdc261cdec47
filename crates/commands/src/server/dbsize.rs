//! DBSIZE and TIME.

use engine::{Categories, Command, Flags, Group, Handler, unix_micros};

/// DBSIZE
pub const DBSIZE: Command = Command {
    name: "dbsize",
    group: Group::Server,
    summary: "Returns how many keys the database has.",
    arity: 1,
    flags: Flags::READONLY.union(Flags::FAST),
    categories: Categories::KEYSPACE,
    tips: &["request_policy:all_shards", "response_policy:agg_sum"],
    handler: Handler::Server(|cx| {
        let size = cx.engine.keyspace.size(cx.client.db);
        cx.reply().count(size.keys);
        Ok(())
    }),
    ..Command::DEFAULT
};

/// TIME
pub const TIME: Command = Command {
    name: "time",
    group: Group::Server,
    since: "2.6.0",
    summary: "Returns the server's time: Unix seconds, and the microseconds of the second under way.",
    arity: 1,
    flags: Flags::LOADING.union(Flags::STALE).union(Flags::FAST),
    tips: &["nondeterministic_output"],
    handler: Handler::Server(|cx| {
        let now = unix_micros();
        let mut reply = cx.reply();
        reply.array(2);
        reply.bulk_int(now / 1_000_000);
        reply.bulk_int(now % 1_000_000);
        Ok(())
    }),
    ..Command::DEFAULT
};

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn keys_are_counted_by_database() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("DBSIZE", ":0");
        t.check("MSET a 1 b 2", "+OK");
        t.check("DBSIZE", ":2");
        t.check("SELECT 1", "+OK");
        t.check("DBSIZE", ":0");
        let time = t.reply("TIME");
        let parts: Vec<i64> =
            time.trim_matches(['[', ']']).split(", ").map(|p| p[1..].parse().expect("a number")).collect();
        assert!(parts[0] > 1_700_000_000 && parts[1] < 1_000_000, "{time}");
    }
}
