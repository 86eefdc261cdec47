//! DEBUG: what tests need to look inside and to bring about the unlikely. `enable-debug-command` allows it.
//!
//! One command, as in Redis: statistics and ACL rules know no subcommands of it. They are rows of a table all the
//! same, from which their arity and HELP follow. All run with exclusive access. A switch for something that works in
//! another way here is accepted where ignoring it harms no test that uses it.

mod crash;
mod digest;
mod inspect;
mod populate;
mod protocol;
mod switches;

use std::sync::atomic::Ordering::Relaxed;

use engine::args::{integer, is};
use engine::engine::LogLevel;
use engine::persistence::Reload;
use engine::{Arg, Command, Error, Flags, Group, Handler, Outcome, ServerCx};

use crate::usage;

/// DEBUG subcommand [arg [arg ...]]
pub const DEBUG: Command = Command {
    name: "debug",
    group: Group::Server,
    summary: "Tools for tests and for debugging.",
    complexity: "Depends on subcommand.",
    arity: -2,
    flags: Flags::ADMIN
        .union(Flags::NOSCRIPT)
        .union(Flags::LOADING)
        .union(Flags::STALE)
        .union(Flags::PROTECTED)
        .union(Flags::SYSTEM),
    handler: Handler::Exclusive(debug),
    ..Command::DEFAULT
};

/// The rows as of a container, for HELP.
const SUBCOMMANDS: Command = Command {
    subcommands: &[
        AOF_FLUSH_SLEEP,
        crash::ASSERT,
        CHANGE_REPL_ID,
        CONFIG_REWRITE_FORCE_ALL,
        switches::DICT_RESIZING,
        digest::DIGEST,
        digest::DIGEST_VALUE,
        ERROR,
        HELP,
        inspect::HTSTATS,
        inspect::HTSTATS_KEY,
        LOADAOF,
        LOG,
        inspect::LISTPACK,
        inspect::MALLCTL,
        inspect::MALLCTL_STR,
        inspect::OBJECT,
        crash::PANIC,
        switches::PAUSE_CRON,
        populate::POPULATE,
        protocol::PROTOCOL,
        switches::QUICKLIST_PACKED_THRESHOLD,
        RELOAD,
        switches::REPLYBUFFER,
        crash::SEGFAULT,
        switches::SET_ACTIVE_EXPIRE,
        switches::SET_SKIP_CHECKSUM_VALIDATION,
        SLEEP,
    ],
    ..DEBUG
};

fn debug(cx: &mut ServerCx) -> Outcome {
    let name = cx.args.at(1);
    let called =
        |sub: &&Command| name.eq_ignore_ascii_case(sub.name.as_bytes()) && sub.accepts(cx.args.len());
    match SUBCOMMANDS.subcommands.iter().find(called).map(|sub| sub.handler) {
        Some(Handler::Exclusive(run)) => run(cx),
        _ => Err(usage::subcommand_error(cx.args)),
    }
}

const HELP: Command = Command {
    name: "help",
    summary: "Describes the subcommands.",
    arity: 2,
    handler: Handler::Exclusive(|cx| {
        let lines = usage::help_lines(&SUBCOMMANDS);
        let mut reply = cx.reply();
        reply.array(lines.len());
        lines.iter().for_each(|line| reply.simple(line));
        Ok(())
    }),
    ..Command::DEFAULT
};

const SLEEP: Command = Command {
    name: "sleep",
    summary: "Stops every worker for so many seconds, or parts of them.",
    arity: 3,
    args: &[Arg::double("seconds")],
    handler: Handler::Exclusive(|cx| {
        // What is no number is no time, as Redis has it.
        let seconds = codec::number::parse_f64(cx.args.at(2)).unwrap_or(0.0);
        std::thread::sleep(std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default());
        cx.reply().ok();
        Ok(())
    }),
    ..Command::DEFAULT
};

const LOG: Command = Command {
    name: "log",
    summary: "Writes a line to the server's log.",
    arity: 3,
    args: &[Arg::string("message")],
    handler: Handler::Exclusive(|cx| {
        let text = String::from_utf8_lossy(cx.args.at(2));
        cx.engine.host.log(LogLevel::Warning, &format!("DEBUG LOG: {text}"));
        cx.reply().ok();
        Ok(())
    }),
    ..Command::DEFAULT
};

const ERROR: Command = Command {
    name: "error",
    summary: "Returns an error of this text.",
    arity: 3,
    args: &[Arg::string("text")],
    handler: Handler::Exclusive(|cx| {
        let text = cx.args.at(2);
        cx.reply().error(text);
        Ok(())
    }),
    ..Command::DEFAULT
};

const CHANGE_REPL_ID: Command = Command {
    name: "change-repl-id",
    summary: "Begins another replication history: replicas must copy everything.",
    arity: 2,
    handler: Handler::Exclusive(|cx| {
        cx.engine.host.log(LogLevel::Notice, "The replication ID changes by order of DEBUG CHANGE-REPL-ID");
        cx.engine.log.change_id();
        cx.reply().ok();
        Ok(())
    }),
    ..Command::DEFAULT
};

const CONFIG_REWRITE_FORCE_ALL: Command = Command {
    name: "config-rewrite-force-all",
    summary: "Writes every directive to the configuration file, whether it has changed or not.",
    arity: 2,
    handler: Handler::Exclusive(|cx| {
        let config = cx.engine.config();
        let failed = |reason| Error::err(format_args!("CONFIG-REWRITE-FORCE-ALL failed: {reason}"));
        cx.engine.host.rewrite_config(&config, true).map_err(failed)?;
        cx.reply().ok();
        Ok(())
    }),
    ..Command::DEFAULT
};

const RELOAD: Command = Command {
    name: "reload",
    summary: "Saves all data and loads them again; NOSAVE loads what is there, NOFLUSH beside the keys, MERGE over them.",
    arity: -2,
    args: &[Arg::string("option").optional().multiple()],
    handler: Handler::Exclusive(|cx| {
        let mut how = Reload::default();
        for option in cx.args.from(2).iter() {
            if is(option, "MERGE") {
                how.merge = true;
            } else if is(option, "NOFLUSH") {
                how.no_flush = true;
            } else if is(option, "NOSAVE") {
                how.no_save = true;
            } else {
                return Err(Error::text(
                    "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.",
                ));
            }
        }
        cx.engine.persistence.storage()?.reload(cx.view, how)?;
        cx.reply().ok();
        Ok(())
    }),
    ..Command::DEFAULT
};

const AOF_FLUSH_SLEEP: Command = Command {
    name: "aof-flush-sleep",
    summary: "Waits so many microseconds before each write to the append-only file.",
    arity: 3,
    args: &[Arg::integer("microseconds")],
    handler: Handler::Exclusive(|cx| {
        let micros = u64::try_from(integer(cx.args.at(2))?).map_err(|_| Error::NotPositive)?;
        cx.engine.persistence.log.flush_delay.store(micros, Relaxed);
        cx.reply().ok();
        Ok(())
    }),
    ..Command::DEFAULT
};

const LOADAOF: Command = Command {
    name: "loadaof",
    summary: "Writes all of the append-only file to disk, empties all databases, and loads it again.",
    arity: 2,
    handler: Handler::Exclusive(|cx| {
        cx.engine.persistence.storage()?.load_log(cx.view)?;
        cx.engine.host.log(LogLevel::Notice, "Append Only File loaded by DEBUG LOADAOF");
        cx.reply().ok();
        Ok(())
    }),
    ..Command::DEFAULT
};

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn subcommands() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("DEBUG", "-ERR wrong number of arguments for 'debug' command");
        let error = |name| {
            format!("-ERR unknown subcommand or wrong number of arguments for '{name}'. Try DEBUG HELP.")
        };
        t.check("DEBUG foo", &error("foo"));
        t.check("DEBUG SLEEP", &error("SLEEP"));
        t.check("DEBUG sleep x", "+OK");
        t.check("DEBUG SLEEP -1", "+OK");
        t.check("DEBUG LOG text", "+OK");
        t.check("DEBUG ERROR \"CODE some\\r\\ntext\"", "-CODE some  text");
        let error = "-ERR CONFIG-REWRITE-FORCE-ALL failed: The server is running without a config file";
        t.check("DEBUG CONFIG-REWRITE-FORCE-ALL", error);
        t.check("DEBUG RELOAD now", "-ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.");
        assert!(t.reply("DEBUG HELP").contains(", +POPULATE <count> [<prefix> [<size>]], +    "));
        let id = t.session().engine().log.id();
        t.check("DEBUG CHANGE-REPL-ID", "+OK");
        assert_ne!(t.session().engine().log.id(), id);
    }

    #[test]
    fn only_where_it_is_allowed() {
        let mut t = Tester::with_config(crate::FAMILIES, config::Config::default());
        let reply = t.reply("DEBUG SLEEP 0");
        assert!(
            reply.starts_with("-ERR DEBUG command not allowed. If the enable-debug-command option"),
            "{reply}"
        );
    }
}
