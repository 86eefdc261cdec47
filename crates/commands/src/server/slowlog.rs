//! SLOWLOG: the latest commands that took longer than `slowlog-log-slower-than`.

use engine::args::integer;
use engine::{Arg, Command, Error, Flags, Group, Handler, Outcome, ServerCx};

use crate::usage;

/// SLOWLOG GET | HELP | LEN | RESET
pub const SLOWLOG: Command = Command {
    name: "slowlog",
    group: Group::Server,
    since: "2.2.12",
    summary: "The log of slow commands.",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: &[GET, usage::help(Group::Server, "6.2.0"), LEN, RESET],
    ..Command::DEFAULT
};

const GET: Command = Command {
    name: "get",
    group: Group::Server,
    since: "2.2.12",
    summary: "Returns the latest slow commands, 10 unless told; -1 is all. Each has a number, the time in Unix \
              seconds, microseconds it took, its arguments, and the client's address and name.",
    complexity: "O(N) where N is the number of entries returned",
    arity: -2,
    flags: Flags::ADMIN.union(Flags::LOADING).union(Flags::STALE),
    args: &[Arg::integer("count").optional()],
    history: &[("4.0.0", "The client's address and name.")],
    tips: &["request_policy:all_nodes", "nondeterministic_output"],
    handler: Handler::Server(get),
    ..Command::DEFAULT
};

const LEN: Command = Command {
    name: "len",
    summary: "Returns how many commands the log has.",
    complexity: "O(1)",
    arity: 2,
    args: &[],
    history: &[],
    tips: &["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"],
    handler: Handler::Server(|cx| {
        let len = cx.engine.slowlog.len();
        cx.reply().count(len);
        Ok(())
    }),
    ..GET
};

const RESET: Command = Command {
    name: "reset",
    summary: "Empties the log.",
    complexity: "O(N) where N is the number of entries in the log",
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    handler: Handler::Server(|cx| {
        cx.engine.slowlog.reset();
        cx.reply().ok();
        Ok(())
    }),
    ..LEN
};

fn get(cx: &mut ServerCx) -> Outcome {
    let count = match cx.args.get(2) {
        _ if cx.args.len() > 3 => return Err(usage::subcommand_error(cx.args)),
        None => 10,
        Some(arg) => match integer(arg) {
            Ok(-1) => usize::MAX,
            Ok(count @ 0..) => count as usize,
            _ => return Err(Error::text("ERR count should be greater than or equal to -1")),
        },
    };
    let entries = cx.engine.slowlog.latest(count);
    let mut reply = cx.reply();
    reply.array(entries.len());
    for entry in entries {
        reply.array(6);
        reply.int(entry.id as i64);
        reply.int(entry.time);
        reply.int(entry.micros as i64);
        reply.bulks(entry.args.iter());
        reply.bulk(entry.address.as_bytes());
        reply.bulk(entry.name.as_bytes());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use config::Config;
    use engine::testing::Tester;

    #[test]
    fn a_command_that_waits_is_logged_once_it_has_run() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("CONFIG SET slowlog-log-slower-than 0", "+OK");
        t.client(1).check("CLIENT SETNAME waiting", "+OK");
        t.check("BLPOP l 0", "");
        let is_logged = |t: &mut Tester| t.reply("SLOWLOG GET").contains("[$BLPOP, $l, $0], ");
        t.client(0);
        assert!(!is_logged(&mut t));
        t.check("RPUSH l a", ":1");
        t.check_received(1, Some("[$l, $a]"), Some("[$l, $a]"));
        assert!(is_logged(t.client(0)));
        t.check("SLOWLOG RESET", "+OK");
        t.client(1).check("BLPOP l 0.01", "");
        t.time_out(1);
        assert!(t.client(0).reply("SLOWLOG GET").contains("[$BLPOP, $l, $0.01]"));
    }

    #[test]
    fn slow_commands_are_kept_newest_first() {
        let config = Config { slowlog_log_slower_than: 0, slowlog_max_len: 3, ..Config::default() };
        let mut t = Tester::with_config(crate::FAMILIES, config);
        t.check("SLOWLOG LEN", ":0");
        t.check("SET a 1", "+OK");
        t.check("GET a", "$1");
        let log = t.reply("SLOWLOG GET 2");
        assert!(log.starts_with("[[:2, :"), "{log}");
        assert!(log.contains("[$GET, $a], $127.0.0.1:50000, $], [:1, :"), "{log}");
        t.check("SLOWLOG LEN", ":3");
        t.check("SLOWLOG GET 0", "[]");
        t.check("SLOWLOG GET -2", "-ERR count should be greater than or equal to -1");
        t.check("SLOWLOG GET many", "-ERR count should be greater than or equal to -1");
        let error = "-ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG HELP.";
        t.check("SLOWLOG GET 1 2", error);
        t.check("SLOWLOG RESET", "+OK");
        // RESET itself came in behind.
        t.check("SLOWLOG LEN", ":1");
    }
}
