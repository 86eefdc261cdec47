//! Commands that wait: BLPOP and its kin.
//!
//! A handler that finds nothing calls [`KeyCx::wait`](crate::KeyCx::wait) and returns; the pipeline leaves a
//! [`Waiter`] at its keys in the same hold of their partitions. Whoever touches such a key runs the waiters' commands
//! again, the same handler, right after its own command: while its partitions are still held if those are all that
//! it takes, else with fresh locks. The reply goes to the client's worker by mail. Within MULTI nothing waits: the
//! command answers at once that there is nothing.

use std::sync::Arc;

use data::Type;
use keyspace::Waiter;
use resp::{Encoder, OwnedArgs, Protocol};

use crate::client::Client;
use crate::table::Row;

/// What a handler asks for when it finds nothing.
#[derive(Clone, Debug)]
pub struct Wait {
    /// The keys to wait for.
    pub keys: Vec<Box<[u8]>>,
    /// The type of value to wait for.
    pub wants: Type,
    /// Whether to run again also when a key goes or comes to be of another type.
    pub sees_loss: bool,
    /// Until when, in Unix milliseconds; `None` is for ever.
    pub until: Option<i64>,
    /// What is answered within MULTI, where nothing waits. The end of the time is always a null array, as in Redis.
    pub at_once: Nothing,
}

/// The reply of a command that finds nothing and may not wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nothing {
    /// A null.
    Null,
    /// A null array.
    NullArray,
}

impl Nothing {
    /// Writes it.
    pub fn reply(self, mut to: Encoder<'_>) {
        match self {
            Nothing::Null => to.null(),
            Nothing::NullArray => to.null_array(),
        }
    }
}

/// What running a waiting command again takes.
pub struct Blocked {
    /// The command.
    pub row: &'static Row,
    /// Its arguments.
    pub args: OwnedArgs,
    /// What its client speaks.
    pub protocol: Protocol,
    /// The client's number.
    pub client: u64,
    /// The client's worker.
    pub worker: usize,
}

/// How a wait has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The command was run, with this reply.
    Served(Vec<u8>),
    /// The time is over, or CLIENT UNBLOCK says so.
    TimedOut,
    /// CLIENT UNBLOCK with ERROR.
    Refused,
    /// The client goes.
    Gone,
}

/// What a client is told that CLIENT UNBLOCK ... ERROR ends the wait of.
pub(crate) const UNBLOCKED: &str = "UNBLOCKED client unblocked via CLIENT UNBLOCK";

/// A client's wait, as its worker knows it.
pub struct Waiting {
    /// What stands at the keys.
    pub waiter: Arc<Waiter>,
    /// Until when, in Unix milliseconds.
    pub until: Option<i64>,
}

impl Client {
    /// Writes what the end of a wait has to say.
    pub(crate) fn reply_ended(&mut self, ended: Ended) {
        self.tells = true;
        match ended {
            Ended::Served(reply) => self.reply.extend_from_slice(&reply),
            Ended::TimedOut => self.encoder().null_array(),
            Ended::Refused => self.encoder().error(UNBLOCKED.as_bytes()),
            Ended::Gone => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use data::Type;
    use keyspace::{Expire, NewValue};

    use super::{Nothing, Wait};
    use crate::testing::Tester;
    use crate::{Arg, Command, Flags, Handler, KeyCx, KeyFlags, KeySpec, Outcome, args};

    const KEY: KeySpec = KeySpec::first(KeyFlags::RW);

    /// SET key value
    const SET: Command = Command {
        name: "set",
        arity: 3,
        flags: Flags::WRITE,
        keys: &[KEY],
        args: &[Arg::key("key"), Arg::string("value")],
        handler: Handler::Write(|cx| {
            cx.view.set(cx.args.at(1), NewValue::bytes(cx.args.at(2), false), Expire::Never);
            cx.changed(1);
            cx.reply.ok();
            Ok(())
        }),
        ..Command::DEFAULT
    };

    /// SELECT index: what the log begins with.
    const SELECT: Command = Command {
        name: "select",
        arity: 2,
        args: &[Arg::integer("index")],
        handler: Handler::Server(|cx| {
            cx.reply().ok();
            Ok(())
        }),
        ..Command::DEFAULT
    };

    /// DEL key
    const DEL: Command = Command {
        name: "del",
        arity: 2,
        flags: Flags::WRITE,
        keys: &[KEY],
        args: &[Arg::key("key")],
        handler: Handler::Write(|cx| {
            let gone = cx.view.remove(cx.args.at(1));
            cx.changed(gone.into());
            cx.reply.int(gone.into());
            Ok(())
        }),
        ..Command::DEFAULT
    };

    /// TAKE key [key ...] timeout: the first string there is, which goes.
    const TAKE: Command = Command {
        name: "take",
        arity: -3,
        flags: Flags::WRITE.union(Flags::BLOCKING),
        keys: &[KeySpec::range(1, -2, 1, KeyFlags::RW)],
        args: &[Arg::key("key").multiple(), Arg::double("timeout")],
        handler: Handler::Write(take),
        ..Command::DEFAULT
    };

    fn take(cx: &mut KeyCx) -> Outcome {
        let (keys, last) = (cx.args.len() - 1, cx.args.len() - 1);
        let until = args::timeout(cx.args.at(last), cx.now())?;
        for at in 1..keys {
            let key = cx.args.at(at);
            if let Some(value) = cx.view.string(key)? {
                let value = value.to_vec();
                cx.reply.bulk(&value);
                cx.view.remove(key);
                cx.changed(1);
                cx.log_instead([&b"DEL"[..], key]);
                return Ok(());
            }
        }
        let keys = (1..keys).map(|at| cx.args.at(at).into()).collect();
        cx.wait(Wait { keys, wants: Type::String, sees_loss: false, until, at_once: Nothing::NullArray });
        Ok(())
    }

    fn tester() -> Tester {
        Tester::new(&[&[SELECT, SET, DEL, TAKE]])
    }

    #[test]
    fn first_come_first_served() {
        let mut t = tester();
        t.check("SET a 0", "+OK");
        t.client(1).check("TAKE a 0", "$0");
        t.client(1).check("TAKE a 0", "");
        t.client(2).check("TAKE b a 0", "");
        t.client(3).check("TAKE b c 0", "");
        t.client(0).check("SET c 1", "+OK");
        t.check_received(3, Some("$1"), Some("$1"));
        t.check("SET a 2", "+OK");
        t.check_received(1, Some("$2"), Some("$2"));
        t.check_received(2, None, None);
        t.check("SET a 3", "+OK");
        t.check_received(2, Some("$3"), Some("$3"));
        t.check("DEL a", ":0");
        t.check("SET b 4", "+OK");
        t.client(2).check("TAKE b 0", "$4");
    }

    #[test]
    fn time_is_over_once() {
        let mut t = tester();
        t.client(1).check("TAKE a b 0.01", "");
        t.time_out(1);
        t.check_received(1, Some("(nil)"), Some("(nil)"));
        t.client(0).check("SET a 1", "+OK");
        t.check_received(1, None, None);
        t.client(1).check("TAKE a 1", "$1");
        for (timeout, error) in [
            ("x", "-ERR timeout is not a float or out of range"),
            ("-1", "-ERR timeout is negative"),
            ("9223372036854775807", "-ERR timeout is out of range"),
        ] {
            t.check(&format!("TAKE a {timeout}"), error);
        }
    }
}
