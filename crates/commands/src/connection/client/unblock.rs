//! CLIENT UNBLOCK.

use engine::args::{integer, is};
use engine::blocking::Ended;
use engine::client::ClientRecord;
use engine::engine::Message;
use engine::{Arg, Command, Error, Handler, Outcome, ServerCx};

use super::{ADMIN, SUBCOMMAND};
use crate::usage::subcommand_error;

/// CLIENT UNBLOCK client-id [TIMEOUT | ERROR]
pub const UNBLOCK: Command = Command {
    name: "unblock",
    since: "5.0.0",
    summary: "Ends another client's wait in a blocking command.",
    complexity: "O(log N) where N is the number of connections",
    arity: -3,
    flags: ADMIN,
    args: &[
        Arg::integer("client-id"),
        Arg::one_of("unblock-type", &[Arg::word("timeout", "TIMEOUT"), Arg::word("error", "ERROR")])
            .optional(),
    ],
    handler: Handler::Server(unblock),
    ..SUBCOMMAND
};

fn unblock(cx: &mut ServerCx) -> Outcome {
    if cx.args.len() > 4 {
        return Err(subcommand_error(cx.args));
    }
    if let Some(reason) = cx.args.get(3)
        && !is(reason, "TIMEOUT")
        && !is(reason, "ERROR")
    {
        return Err(Error::err("CLIENT UNBLOCK reason should be TIMEOUT or ERROR"));
    }
    let id = integer(cx.args.at(2))?;
    let client = u64::try_from(id).ok().and_then(|id| cx.engine.clients.get(id));
    let ended = if cx.args.get(3).is_some_and(|reason| is(reason, "ERROR")) {
        Ended::Refused
    } else {
        Ended::TimedOut
    };
    // Not the end of a pause: CLIENT UNPAUSE is that.
    let waits = |client: &ClientRecord| client.waiter.lock().as_ref().is_some_and(|waiter| waiter.claim());
    let found = client.filter(|client| waits(client));
    if let Some(client) = &found {
        cx.engine.mailboxes[client.worker].push(Message::Unblocked(client.id, ended));
    }
    cx.reply().flag(found.is_some());
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn only_blocking_commands_can_be_unblocked() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("CLIENT UNBLOCK 1", ":0");
        t.check("CLIENT UNBLOCK 99 ERROR", ":0");
        t.check("CLIENT UNBLOCK x", "-ERR value is not an integer or out of range");
        t.check(
            "CLIENT UNBLOCK 1 ERROR x",
            "-ERR unknown subcommand or wrong number of arguments for 'UNBLOCK'. Try CLIENT HELP.",
        );
        t.check("CLIENT UNBLOCK x y", "-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
    }
}
