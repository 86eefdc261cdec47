//! Transactions: MULTI, EXEC, DISCARD, WATCH and UNWATCH.

use std::sync::atomic::Ordering::Relaxed;

use engine::pipeline::{self, unwatch};
use engine::{
    Arg, Command, Error, Flags, Group, Handler, KeyFlags, KeySpec, Outcome, ServerCx, State, checks,
};

const FLAGS: Flags =
    Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE).union(Flags::FAST).union(Flags::ALLOW_BUSY);

/// MULTI
const MULTI: Command = Command {
    name: "multi",
    group: Group::Transactions,
    since: "1.2.0",
    summary: "Begins a transaction: commands are queued until EXEC.",
    flags: FLAGS,
    handler: Handler::Server(multi),
    ..Command::DEFAULT
};

/// EXEC
const EXEC: Command = Command {
    name: "exec",
    group: Group::Transactions,
    since: "1.2.0",
    summary: "Runs the queued commands at one moment, unless a watched key has changed.",
    complexity: "That of the queued commands",
    flags: Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE).union(Flags::SKIP_SLOWLOG),
    handler: Handler::Exec,
    ..Command::DEFAULT
};

/// DISCARD
const DISCARD: Command = Command {
    name: "discard",
    group: Group::Transactions,
    since: "2.0.0",
    summary: "Drops the queued commands and ends the transaction.",
    complexity: "O(N) where N is the number of queued commands",
    flags: FLAGS,
    handler: Handler::Server(discard),
    ..Command::DEFAULT
};

/// WATCH key [key ...]
const WATCH: Command = Command {
    name: "watch",
    group: Group::Transactions,
    since: "2.2.0",
    summary: "Lets the next EXEC run only if the keys stay untouched until then.",
    complexity: "O(1) for each key",
    arity: -2,
    flags: FLAGS,
    keys: &[KeySpec::all(KeyFlags::RO)],
    args: &[Arg::key("key").multiple()],
    handler: Handler::Server(watch),
    ..Command::DEFAULT
};

/// UNWATCH
const UNWATCH: Command = Command {
    name: "unwatch",
    group: Group::Transactions,
    since: "2.2.0",
    summary: "Ends all watches of the connection.",
    flags: FLAGS,
    handler: Handler::Server(|cx| {
        unwatch(cx.client, cx.view);
        cx.reply().ok();
        Ok(())
    }),
    ..Command::DEFAULT
};

/// The family.
pub const COMMANDS: &[Command] = &[MULTI, EXEC, DISCARD, WATCH, UNWATCH];

fn multi(cx: &mut ServerCx) -> Outcome {
    if cx.client.is(State::MULTI) {
        return Err(Error::text("ERR MULTI calls can not be nested"));
    }
    checks::enter_multi(cx.client);
    cx.reply().ok();
    Ok(())
}

fn discard(cx: &mut ServerCx) -> Outcome {
    if !cx.client.is(State::MULTI) {
        return Err(Error::text("ERR DISCARD without MULTI"));
    }
    pipeline::discard(cx.client, cx.view);
    cx.reply().ok();
    Ok(())
}

fn watch(cx: &mut ServerCx) -> Outcome {
    if cx.client.is(State::MULTI) {
        return Err(Error::text("ERR WATCH inside MULTI is not allowed"));
    }
    let db = cx.client.db;
    for key in cx.args.from(1).iter() {
        let watched = &mut cx.client.watched;
        let partition = keyspace::partition_of(cx.view.keyspace().hash(key));
        cx.view.lock_one(partition);
        cx.view.in_db(db, |view| watched.add(view, key));
        cx.view.unlock();
    }
    cx.client.record.watched.store(cx.client.watched.keys().len() as u32, Relaxed);
    cx.reply().ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn transactions() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("EXEC", "-ERR EXEC without MULTI");
        t.check("DISCARD", "-ERR DISCARD without MULTI");
        t.check("MULTI", "+OK");
        t.check("MULTI", "-ERR MULTI calls can not be nested");
        t.check("SET a 1", "+QUEUED");
        t.check("INCR a", "+QUEUED");
        t.check("GET a b", "-ERR wrong number of arguments for 'get' command");
        t.check("EXEC", "-EXECABORT Transaction discarded because of previous errors.");
        t.check("GET a", "(nil)");
        t.check("MULTI", "+OK");
        t.check("SET a x", "+QUEUED");
        t.check("INCR a", "+QUEUED");
        t.check("SELECT 3", "+QUEUED");
        t.check("SET b 2", "+QUEUED");
        t.check("EXEC", "[+OK, -ERR value is not an integer or out of range, +OK, +OK]");
        t.check("GET b", "$2");
        t.check("SELECT 0", "+OK");
        t.check("GET b", "(nil)");
    }

    #[test]
    fn a_watched_key_that_changes_breaks_the_transaction() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("WATCH k", "+OK");
        t.client(1).check("SET k theirs", "+OK");
        t.client(0).check("MULTI", "+OK");
        t.check("SET k mine", "+QUEUED");
        t.check("EXEC", "(nil)");
        t.check("GET k", "$theirs");
        t.check("WATCH k", "+OK");
        t.check("UNWATCH", "+OK");
        t.client(1).check("SET k again", "+OK");
        t.client(0).check("MULTI", "+OK");
        t.check("PING", "+QUEUED");
        t.check("EXEC", "[+PONG]");
    }
}
