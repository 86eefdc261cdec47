//! CONFIG: the directives of a running server. The table of directives is the config crate's.

use codec::glob::{self, Case};
use config::{Caller, Config, Param, SetError};
use engine::engine::LogLevel;
use engine::{Arg, Command, Error, Flags, Group, Handler, Outcome, ServerCx, checks};

use crate::usage;

/// CONFIG
pub const CONFIG: Command = Command {
    name: "config",
    group: Group::Server,
    since: "2.0.0",
    summary: "Looks at the server's directives and changes them.",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: &[GET, usage::help(Group::Server, "5.0.0"), RESETSTAT, REWRITE, SET],
    ..Command::DEFAULT
};

const SUBCOMMAND: Command = Command {
    group: Group::Server,
    since: "2.0.0",
    arity: 2,
    flags: Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::LOADING).union(Flags::STALE),
    ..Command::DEFAULT
};
const ALL_NODES: &[&str] = &["request_policy:all_nodes", "response_policy:all_succeeded"];

/// CONFIG GET parameter [parameter ...]
const GET: Command = Command {
    name: "get",
    summary: "Answers directives whose names match patterns, with their values.",
    complexity: "O(N) where N is the number of patterns",
    arity: -3,
    args: &[Arg::string("parameter").multiple()],
    history: &[("7.0.0", "Several patterns.")],
    handler: Handler::Server(get),
    ..SUBCOMMAND
};

/// CONFIG SET parameter value [parameter value ...]
const SET: Command = Command {
    name: "set",
    summary: "Changes directives, all of them or none.",
    complexity: "O(N) where N is the number of directives",
    arity: -4,
    args: &[Arg::block("data", &[Arg::string("parameter"), Arg::string("value")]).multiple()],
    history: &[("7.0.0", "Several directives.")],
    tips: ALL_NODES,
    handler: Handler::Server(set),
    ..SUBCOMMAND
};

/// CONFIG RESETSTAT
const RESETSTAT: Command = Command {
    name: "resetstat",
    summary: "Sets the counters that INFO shows to zero.",
    tips: ALL_NODES,
    handler: Handler::Server(|cx| {
        cx.engine.reset_statistics();
        cx.reply().ok();
        Ok(())
    }),
    ..SUBCOMMAND
};

/// CONFIG REWRITE
const REWRITE: Command = Command {
    name: "rewrite",
    since: "2.8.0",
    summary: "Writes the directives as they are now to the configuration file.",
    tips: ALL_NODES,
    handler: Handler::Server(|cx| {
        let _one = cx.engine.config_change.lock();
        cx.engine.host.rewrite_config(&cx.engine.config(), false).map_err(Error::err)?;
        cx.reply().ok();
        Ok(())
    }),
    ..SUBCOMMAND
};

fn get(cx: &mut ServerCx) -> Outcome {
    let patterns: Vec<&[u8]> = cx.args.from(2).iter().collect();
    // A transaction may have set some of them just now.
    let found = config::get(&cx.engine.config(), &patterns, matches);
    let mut reply = cx.reply();
    reply.map(found.len());
    for (name, value) in found {
        reply.bulk(&name);
        reply.bulk(&value);
    }
    Ok(())
}

fn matches(pattern: &[u8], text: &[u8], ignore_case: bool) -> bool {
    glob::matches(pattern, text, if ignore_case { Case::Insensitive } else { Case::Sensitive })
}

fn set(cx: &mut ServerCx) -> Outcome {
    let args = cx.args;
    if !args.len().is_multiple_of(2) {
        return Err(Error::Syntax);
    }
    let pairs: Vec<(&[u8], &[u8])> =
        (2..args.len()).step_by(2).map(|i| (args.at(i), args.at(i + 1))).collect();
    let record = &cx.client.record;
    let local = record.is_unix || checks::is_loopback(&record.address);
    let caller = Caller { local, loading: cx.engine.loading.is_on() };
    let _one = cx.engine.config_change.lock();
    let old = cx.engine.config();
    let (new, changed) = config::set(&old, &pairs, caller).map_err(refusal)?;
    let storage = cx.engine.persistence.storage().ok();
    let log_keeper = storage.filter(|_| changed.iter().any(|param| param.name == "appendonly"));
    if log_keeper.is_some_and(|storage| new.appendonly && !storage.may_keep_log(&new)) {
        let reason = "Unable to turn on AOF. Check server logs.".to_owned();
        return Err(refusal(SetError::failed("appendonly", reason)));
    }
    apply(cx, &changed, &old, &new).map_err(refusal)?;
    let keeps_log = new.appendonly;
    cx.engine.publish(new);
    if let Some(storage) = log_keeper {
        storage.switch_log(keeps_log);
    }
    cx.reply().ok();
    Ok(())
}

/// Makes changed directives act; if one cannot, those that did act as before.
fn apply(cx: &ServerCx, changed: &[&'static Param], old: &Config, new: &Config) -> Result<(), SetError> {
    let host = &cx.engine.host;
    let Err((failed, reason)) = host.apply(changed, new) else { return Ok(()) };
    host.log(
        LogLevel::Warning,
        &format!(
            "Failed applying new configuration. Possibly related to new {failed} setting. Restoring previous settings."
        ),
    );
    let others: Vec<_> = changed.iter().copied().filter(|param| param.name != failed).collect();
    if let Err((name, reason)) = host.apply(&others, old) {
        host.log(LogLevel::Warning, &format!("The previous {name} could not be restored: {reason}"));
    }
    Err(SetError::failed(failed, reason))
}

fn refusal(error: SetError) -> Error {
    Error::Other(format!("{} {error}", error.code()).into())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use config::{Config, Param};
    use engine::engine::{Facts, Host, LogLevel, Shutdown};
    use engine::testing::{Session, Tester};

    #[test]
    fn get_in_both_protocols() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check_both("CONFIG GET maxmemory", "[$maxmemory, $0]", "{$maxmemory: $0}");
        t.check_both("CONFIG GET MaxMemory nosuch", "[$MaxMemory, $0]", "{$MaxMemory: $0}");
        t.check_both(
            "CONFIG GET *PRIO* slave-priority",
            "[$replica-priority, $100, $slave-priority, $100]",
            "{$replica-priority: $100, $slave-priority: $100}",
        );
        t.check_both("CONFIG GET nosuch", "[]", "{}");
        t.check("CONFIG GET", "-ERR wrong number of arguments for 'config|get' command");
    }

    #[test]
    fn set_takes_all_or_nothing() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("CONFIG SET timeout 9 slowlog-max-len 7", "+OK");
        t.check_both("CONFIG GET timeout", "[$timeout, $9]", "{$timeout: $9}");
        t.check(
            "CONFIG SET timeout 1 maxmemory-clients 200%",
            "-ERR CONFIG SET failed (possibly related to argument 'maxmemory-clients') - percentage argument must be less or equal to 100",
        );
        t.check_both("CONFIG GET timeout", "[$timeout, $9]", "{$timeout: $9}");
        t.check("CONFIG SET timeout", "-ERR wrong number of arguments for 'config|set' command");
        t.check("CONFIG SET timeout 1 maxmemory", "-ERR syntax error");
        t.check(
            "CONFIG SET nosuch 1",
            "-ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'",
        );
        t.check(
            "CONFIG SET daemonize yes",
            "-ERR CONFIG SET failed (possibly related to argument 'daemonize') - can't set immutable config",
        );
        t.check(
            "CONFIG SET timeout 1 timeout 2",
            "-ERR CONFIG SET failed (possibly related to argument 'timeout') - duplicate parameter",
        );
        t.check("CONFIG WHAT", "-ERR unknown subcommand 'WHAT'. Try CONFIG HELP.");
    }

    #[test]
    fn a_transaction_sees_what_it_has_set() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("MULTI", "+OK");
        t.check("CONFIG SET timeout 5", "+QUEUED");
        t.check("CONFIG GET timeout", "+QUEUED");
        t.check_both("EXEC", "[+OK, [$timeout, $5]]", "[+OK, {$timeout: $5}]");
    }

    #[test]
    fn a_new_password_is_asked_of_newcomers_only() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("CONFIG SET requirepass secret", "+OK");
        t.check("GET k", "(nil)");
        t.client(1).check("GET k", "-NOAUTH Authentication required.");
        t.client(0).check("CONFIG SET requirepass ''", "+OK");
        t.client(1).check("GET k", "(nil)");
    }

    #[test]
    fn protected_directives_ask_for_permission() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check(
            "CONFIG SET dbfilename other.rdb",
            "-ERR CONFIG SET failed (possibly related to argument 'dbfilename') - can't set protected config",
        );
        let mut config = Config::default();
        config.enable_protected_configs = config::ProtectedAction::Local;
        Tester::with_config(crate::FAMILIES, config).check("CONFIG SET dbfilename other.rdb", "+OK");
    }

    #[test]
    fn while_data_are_loaded() {
        const LOADING: &str = "-LOADING Redis is loading the dataset in memory";
        let mut session = Session::new(crate::FAMILIES, Config::default());
        let client = session.connect();
        let mut run = |loading: Option<bool>, line: &str| {
            match loading {
                Some(true) => session.engine().begin_loading(0),
                Some(false) => session.engine().end_loading(),
                None => {}
            }
            session.run(client, &line.split(' ').map(str::as_bytes).collect::<Vec<_>>())
        };
        assert_eq!(run(None, "MULTI"), "+OK");
        assert_eq!(run(None, "SET k v"), "+QUEUED");
        let refused =
            "-EXECABORT Transaction discarded because of: LOADING Redis is loading the dataset in memory";
        assert_eq!(run(Some(true), "EXEC"), refused, "it was queued in time, but can't run now");
        assert_eq!(run(None, "GET k"), LOADING);
        assert_eq!(run(None, "CONFIG SET appendonly no"), LOADING);
        assert_eq!(run(None, "CONFIG SET timeout 7"), "+OK");
        assert_eq!(run(Some(false), "GET k"), "(nil)");
        assert_eq!(run(None, "CONFIG SET appendonly no"), "+OK");
    }

    #[test]
    fn resetstat() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("GET", "-ERR wrong number of arguments for 'get' command");
        t.check("SET k v", "+OK");
        let processed = |t: &mut Tester| {
            let engine = t.session().engine();
            (engine.stats.total(|w| &w.processed), engine.errors.all().len())
        };
        assert_eq!(processed(&mut t), (1, 1));
        t.check("CONFIG RESETSTAT", "+OK");
        assert_eq!(processed(&mut t), (1, 0), "itself");
    }

    #[test]
    fn rewrite_needs_a_file() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("CONFIG REWRITE", "-ERR The server is running without a config file");
    }

    /// A process that cannot listen, and notes what it is told.
    #[derive(Default)]
    struct Deaf(Arc<Mutex<Vec<String>>>);

    impl Host for Deaf {
        fn log(&self, _: LogLevel, text: &str) {
            self.0.lock().expect("no panic").push(text.to_owned());
        }
        fn apply(&self, changed: &[&'static Param], config: &Config) -> Result<(), (&'static str, String)> {
            for param in changed {
                if param.name == "port" {
                    return Err(("port", "Unable to listen on this port".into()));
                }
                let value = String::from_utf8_lossy(&param.show(config)).into_owned();
                self.0.lock().expect("no panic").push(format!("{} {value}", param.name));
            }
            Ok(())
        }
        fn rewrite_config(&self, _: &Config, _: bool) -> Result<(), String> {
            Ok(())
        }
        fn facts(&self) -> Facts {
            Facts::default()
        }
        fn shutdown(&self, _: Shutdown) {}
        fn wait_for_end(&self) {}
        fn drop_later(&self, _: Box<dyn Send>) {}
    }

    #[test]
    fn what_cannot_act_is_undone() {
        let told = Arc::default();
        let mut session =
            Session::with_host(crate::FAMILIES, Config::default(), Box::new(Deaf(Arc::clone(&told))));
        let client = session.connect();
        let mut run = |args: &[&str]| {
            let args: Vec<&[u8]> = args.iter().map(|a| a.as_bytes()).collect();
            session.run(client, &args)
        };
        assert_eq!(
            run(&["CONFIG", "SET", "timeout", "9", "port", "1"]),
            "-ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port"
        );
        assert_eq!(run(&["CONFIG", "GET", "timeout"]), "[$timeout, $0]");
        assert_eq!(run(&["CONFIG", "REWRITE"]), "+OK");
        let told = told.lock().expect("no panic");
        assert_eq!(
            *told,
            [
                "timeout 9",
                "Failed applying new configuration. Possibly related to new port setting. Restoring previous settings.",
                "timeout 0"
            ]
        );
    }
}
