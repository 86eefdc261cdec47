//! CLIENT UNBLOCK.

use engine::args::{integer, is};
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
    integer(cx.args.at(2))?;
    // No command blocks in this version, and a pause is not ended for one client (CLIENT UNPAUSE does).
    cx.reply().flag(false);
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
