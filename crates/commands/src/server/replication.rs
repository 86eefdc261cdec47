//! ROLE, REPLICAOF and SLAVEOF.

use engine::args::{integer, is};
use engine::{Arg, Categories, Command, Error, Flags, Group, Handler, Outcome, ServerCx};

/// ROLE
pub const ROLE: Command = Command {
    name: "role",
    group: Group::Server,
    since: "2.8.12",
    summary: "Returns what the server is in replication, and to whom.",
    arity: 1,
    flags: Flags::NOSCRIPT
        .union(Flags::LOADING)
        .union(Flags::STALE)
        .union(Flags::FAST)
        .union(Flags::SENTINEL),
    categories: Categories::ADMIN.union(Categories::DANGEROUS),
    handler: Handler::Server(|cx| {
        let offset = cx.engine.log.offset();
        let mut reply = cx.reply();
        reply.array(3);
        reply.bulk(b"master");
        reply.int(offset as i64);
        // No replicas yet.
        reply.array(0);
        Ok(())
    }),
    ..Command::DEFAULT
};

/// REPLICAOF host port | NO ONE
pub const REPLICAOF: Command = Command {
    name: "replicaof",
    group: Group::Server,
    since: "5.0.0",
    summary: "Makes the server a copy of another one, or independent again.",
    arity: 3,
    flags: Flags::NO_ASYNC_LOADING.union(Flags::ADMIN).union(Flags::NOSCRIPT).union(Flags::STALE),
    args: &[Arg::one_of(
        "args",
        &[
            Arg::block("host-port", &[Arg::string("host"), Arg::integer("port")]),
            Arg::block("no-one", &[Arg::word("no", "NO"), Arg::word("one", "ONE")]),
        ],
    )],
    handler: Handler::Server(replicaof),
    ..Command::DEFAULT
};

/// SLAVEOF host port | NO ONE
pub const SLAVEOF: Command =
    Command { name: "slaveof", since: "1.0.0", deprecated: Some(("5.0.0", "`REPLICAOF`")), ..REPLICAOF };

fn replicaof(cx: &mut ServerCx) -> Outcome {
    let (host, port) = (cx.args.at(1), cx.args.at(2));
    if is(host, "NO") && is(port, "ONE") {
        cx.reply().ok();
        return Ok(());
    }
    if !integer(port).is_ok_and(|port| (0..=65535).contains(&port)) {
        return Err(Error::text("ERR Invalid master port"));
    }
    Err(Error::text("ERR this version does not implement replication yet"))
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn a_primary_without_replicas() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("ROLE", "[$master, :0, []]");
        t.check("REPLICAOF no one", "+OK");
        t.check("SLAVEOF NO ONE", "+OK");
        t.check("REPLICAOF localhost x", "-ERR Invalid master port");
        t.check("REPLICAOF localhost 65536", "-ERR Invalid master port");
        t.check("REPLICAOF localhost 6379", "-ERR this version does not implement replication yet");
        t.check("SET a 1", "+OK");
        assert!(!t.reply("ROLE").starts_with("[$master, :0,"), "the offset moves with the log");
    }
}
