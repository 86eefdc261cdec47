//! The checks that a command passes before it runs, in Redis's order. Commands of an ordinary client in ordinary times
//! are known to pass them and take the short way.

use config::Config;
use resp::Args;

use crate::client::{Client, State};
use crate::command::{Flags, Handler};
use crate::engine::{Attention, Engine};
use crate::error::Error;
use crate::persistence::Persistence;
use crate::table::Row;
use crate::transaction::Queue;

const LOADING: Error = Error::text("LOADING Redis is loading the dataset in memory");
/// What a replica or a client that monitors may not run.
const TOUCHES_DATA: Flags = Flags::WRITE.union(Flags::READONLY).union(Flags::MAY_REPLICATE);

/// What the checks say.
pub enum Verdict {
    /// It runs now.
    Run(&'static Row),
    /// It is queued for EXEC.
    Queue(&'static Row),
    /// It is refused.
    Refuse(Option<&'static Row>, Error),
    /// The client waits.
    Park,
    /// A browser was made to talk to us: the connection ends without a word.
    CrossProtocol,
}

/// Checks one request.
pub fn check(
    engine: &'static Engine,
    config: &Config,
    client: &Client,
    args: Args,
    row: Option<&'static Row>,
    now: i64,
) -> Verdict {
    let row = match row {
        Some(row) => row,
        None => match engine.table.find(args) {
            Ok(row) => row,
            Err(_) if is_http(args.at(0)) => return Verdict::CrossProtocol,
            Err(error) => return Verdict::Refuse(engine.table.lookup(args).ok(), error),
        },
    };
    if client.is(State::APPLIES) {
        return run_or_queue(client, row);
    }
    if let Err(error) = may_run(config, client, row) {
        return Verdict::Refuse(Some(row), error);
    }
    if engine.attends(Attention::FULL) && takes_memory(client, row) {
        return Verdict::Refuse(Some(row), Error::OutOfMemory);
    }
    if engine.attends(Attention::DISK_ERROR)
        && is_stopped(client, row)
        && let Some(error) = disk_error(engine, config)
    {
        return Verdict::Refuse(Some(row), error);
    }
    if engine.attends(Attention::LOADING) && !runs_while_loading(client, row) {
        return Verdict::Refuse(Some(row), LOADING);
    }
    if client.is(State::REPLICA | State::MONITOR) && row.command.flags.intersects(TOUCHES_DATA) {
        let error = Error::text("ERR Replica can't interact with the keyspace");
        return Verdict::Refuse(Some(row), error);
    }
    if engine.pause.holds(may_write(client, row), now) && !client.is(State::REPLICA) {
        return Verdict::Park;
    }
    run_or_queue(client, row)
}

fn run_or_queue(client: &Client, row: &'static Row) -> Verdict {
    if client.is(State::MULTI) && !runs_in_multi(row) { Verdict::Queue(row) } else { Verdict::Run(row) }
}

/// Whether a word begins a line of HTTP: "POST" or "Host:".
fn is_http(word: &[u8]) -> bool {
    word.eq_ignore_ascii_case(b"POST") || word.eq_ignore_ascii_case(b"Host:")
}

fn may_run(config: &Config, client: &Client, row: &Row) -> Result<(), Error> {
    if row.has(Flags::PROTECTED) {
        protected(config, client, row)?;
    }
    if must_authenticate(config, client) && !row.has(Flags::NO_AUTH) {
        return Err(Error::NoAuth);
    }
    if client.is(State::MULTI) && row.has(Flags::NO_MULTI) {
        return Err(Error::NotInTransaction);
    }
    Ok(())
}

/// Whether a client has yet to authenticate. A password that was taken away since is asked of nobody.
pub fn must_authenticate(config: &Config, client: &Client) -> bool {
    client.is(State::UNAUTHENTICATED) && config.requirepass.is_some()
}

/// DEBUG and MODULE run only where enable-debug-command and enable-module-command allow them.
fn protected(config: &Config, client: &Client, row: &Row) -> Result<(), Error> {
    let (name, allowed, directive) = match row.full_name.as_str() {
        "debug" => ("DEBUG", config.enable_debug_command, "enable-debug-command"),
        _ => ("MODULE", config.enable_module_command, "enable-module-command"),
    };
    let local = client.record.is_unix || is_loopback(&client.record.address);
    if allowed.allows(local) {
        return Ok(());
    }
    Err(Error::err(format_args!(
        "{name} command not allowed. If the {directive} option is set to \"local\", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server."
    )))
}

/// Whether an address in CLIENT LIST's form is of this machine.
pub fn is_loopback(address: &str) -> bool {
    address.starts_with("127.") || address.starts_with("[::1]") || address.starts_with('/')
}

/// Whether the command, or the transaction that it runs, may change something.
fn may_write(client: &Client, row: &Row) -> bool {
    let writes = |row: &Row| {
        row.has(Flags::WRITE | Flags::MAY_REPLICATE)
            || row.command.flags.intersects(Flags::WRITE | Flags::MAY_REPLICATE)
    };
    match row.command.handler {
        Handler::Exec => client.queue.iter().flat_map(|q| &q.commands).any(|(row, _)| writes(row)),
        _ => writes(row) && !client.is(State::MULTI),
    }
}

/// Why nothing may be changed, if the disk is a reason: the last snapshot that was asked for is missing, or the append-only
/// file can't be written.
fn disk_error(engine: &Engine, config: &Config) -> Option<Error> {
    use std::sync::atomic::Ordering::Relaxed;
    let Persistence { snapshot, log, .. } = &engine.persistence;
    if config.stop_writes_on_bgsave_error && !config.save.is_empty() && !snapshot.last_ok.load(Relaxed) {
        return Some(Error::SnapshotFailed);
    }
    let fails = log.enabled.load(Relaxed) && !log.last_write_ok.load(Relaxed);
    fails.then(|| Error::LogFailed(log.last_error.lock().clone()))
}

/// Whether a command is refused while the disk does not take data: what changes any, and PING, by which health is checked.
fn is_stopped(client: &Client, row: &Row) -> bool {
    let writes = |row: &Row| row.has(Flags::WRITE);
    match row.command.handler {
        Handler::Exec => client.queue.iter().flat_map(|queue| &queue.commands).any(|(row, _)| writes(row)),
        _ => writes(row) || row.full_name == "ping",
    }
}

/// Whether a command is refused while memory is full: one that may take more, or that would grow a client's queue.
fn takes_memory(client: &Client, row: &Row) -> bool {
    let grows = |row: &Row| row.has(Flags::DENYOOM);
    match row.command.handler {
        Handler::Exec => client.queue.iter().flat_map(|queue| &queue.commands).any(|(row, _)| grows(row)),
        _ => {
            grows(row)
                || client.is(State::MULTI) && !matches!(row.full_name.as_str(), "discard" | "quit" | "reset")
        }
    }
}

/// Whether a command, or each of the transaction that it runs, is allowed before all data are there.
fn runs_while_loading(client: &Client, row: &Row) -> bool {
    let is_allowed = |row: &Row| row.has(Flags::LOADING);
    let mut queued = client.queue.iter().flat_map(|queue| &queue.commands);
    match row.command.handler {
        Handler::Exec => is_allowed(row) && queued.all(|(row, _)| is_allowed(row)),
        _ => is_allowed(row),
    }
}

/// Commands that run at once though the client is between MULTI and EXEC.
fn runs_in_multi(row: &Row) -> bool {
    matches!(row.full_name.as_str(), "exec" | "discard" | "multi" | "watch" | "quit" | "reset")
}

/// Puts a command in the client's queue.
pub fn queue(client: &mut Client, row: &'static Row, args: Args) {
    let queue = client.queue.get_or_insert_default();
    queue.commands.push((row, args.to_owned()));
    let (count, bytes) = (queue.commands.len(), queue.footprint());
    client.record.multi.store(count as i64, std::sync::atomic::Ordering::Relaxed);
    client.record.args_len.store(bytes as u64, std::sync::atomic::Ordering::Relaxed);
    client.record.command.store(row.id as u32, std::sync::atomic::Ordering::Relaxed);
    client.encoder().simple("QUEUED");
}

/// Begins a transaction.
pub fn enter_multi(client: &mut Client) {
    client.queue = Some(Box::<Queue>::default());
    client.record.multi.store(0, std::sync::atomic::Ordering::Relaxed);
    client.set_state(State::MULTI, true);
}

/// Ends a transaction, run or not.
pub fn leave_multi(client: &mut Client) {
    client.queue = None;
    client.record.multi.store(-1, std::sync::atomic::Ordering::Relaxed);
    client.record.args_len.store(0, std::sync::atomic::Ordering::Relaxed);
    client.set_state(State::MULTI, false);
}

/// CLIENT REPLY SKIP has announced that the command about to run gets no reply. May be called again for a
/// command that has not run.
pub fn before_reply(client: &mut Client) {
    if client.is(State::REPLY_SKIP_NEXT) {
        client.set_state(State::REPLY_SKIP_NEXT, false);
        client.set_state(State::REPLY_SKIP, true);
    }
}

/// CLIENT REPLY: takes back what a silent client must not get, from `mark` on.
pub fn after_reply(client: &mut Client, mark: usize) {
    if client.is(State::REPLY_OFF | State::REPLY_SKIP) {
        client.reply.truncate(mark);
    }
    if client.is(State::REPLY_SKIP) {
        client.set_state(State::REPLY_SKIP, false);
    }
}
