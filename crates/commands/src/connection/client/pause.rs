//! CLIENT PAUSE and UNPAUSE.

use engine::args::is;
use engine::{Arg, Command, Error, Handler, Outcome, ServerCx};
use keyspace::parse_integer;

use super::{ADMIN, SUBCOMMAND};
use crate::usage::subcommand_error;

/// CLIENT PAUSE timeout [WRITE | ALL]
pub const PAUSE: Command = Command {
    name: "pause",
    since: "3.0.0",
    summary: "Lets clients wait, or only those that would write, for some milliseconds.",
    arity: -3,
    flags: ADMIN,
    args: &[
        Arg::integer("timeout"),
        Arg::one_of("mode", &[Arg::word("write", "WRITE"), Arg::word("all", "ALL")])
            .optional()
            .since("6.2.0"),
    ],
    history: &[("6.2.0", "WRITE and ALL.")],
    handler: Handler::Exclusive(pause),
    ..SUBCOMMAND
};

/// CLIENT UNPAUSE
pub const UNPAUSE: Command = Command {
    name: "unpause",
    since: "6.2.0",
    summary: "Ends a pause.",
    complexity: "O(N) where N is the number of paused clients",
    flags: ADMIN,
    handler: Handler::Exclusive(|cx| {
        cx.engine.resume_clients();
        cx.reply().ok();
        Ok(())
    }),
    ..SUBCOMMAND
};

fn pause(cx: &mut ServerCx) -> Outcome {
    let writes_only = match (cx.args.get(3), cx.args.len()) {
        (None, _) => false,
        (Some(mode), 4) if is(mode, "ALL") => false,
        (Some(mode), 4) if is(mode, "WRITE") => true,
        (Some(_), 4) => return Err(Error::err("CLIENT PAUSE mode must be WRITE or ALL")),
        _ => return Err(subcommand_error(cx.args)),
    };
    let now = cx.now();
    let until = deadline(cx.args.at(2), now)?;
    cx.engine.pause_clients(until, writes_only, now);
    cx.reply().ok();
    Ok(())
}

/// The time in Unix milliseconds that a timeout in milliseconds ends at.
fn deadline(timeout: &[u8], now: i64) -> Result<i64, Error> {
    let timeout = parse_integer(timeout).ok_or(Error::err("timeout is not an integer or out of range"))?;
    if timeout < 0 {
        return Err(Error::err("timeout is negative"));
    }
    now.checked_add(timeout).ok_or(Error::err("timeout is out of range"))
}

#[cfg(test)]
mod tests {
    use engine::State;
    use engine::engine::Message;
    use engine::testing::Tester;

    #[test]
    fn a_pause_parks_writes_until_it_ends() {
        let mut t = Tester::new(crate::FAMILIES);
        t.client(1).client(0);
        t.check("CLIENT PAUSE 100000 WRITE", "+OK");
        t.check("GET k", "(nil)");
        t.client(1).check("SET k v", "");
        assert!(t.session().client(1).is(State::BLOCKED));
        assert!(t.client(0).reply("CLIENT LIST").contains(" flags=b "));
        t.check("CLIENT UNPAUSE", "+OK");
        assert_eq!(t.session().engine().mailboxes[0].take(), [Message::Resume]);
        t.check("SET k w", "+OK");
    }

    #[test]
    fn a_pause_of_all_parks_reads() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("CLIENT PAUSE 100000", "+OK");
        t.check("GET k", "");
        assert!(t.session().client(0).is(State::BLOCKED));
    }

    #[test]
    fn refusals() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("CLIENT PAUSE abc", "-ERR timeout is not an integer or out of range");
        t.check("CLIENT PAUSE -1", "-ERR timeout is negative");
        t.check("CLIENT PAUSE 9223372036854775807", "-ERR timeout is out of range");
        t.check("CLIENT PAUSE abc other", "-ERR CLIENT PAUSE mode must be WRITE or ALL");
        t.check(
            "CLIENT Pause 0 all x",
            "-ERR unknown subcommand or wrong number of arguments for 'Pause'. Try CLIENT HELP.",
        );
        t.check("CLIENT PAUSE 0", "+OK");
        t.check("GET k", "(nil)");
    }
}
