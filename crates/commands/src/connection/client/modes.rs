//! CLIENT REPLY, NO-EVICT and NO-TOUCH: how a connection is served.

use engine::args::is;
use engine::{Arg, Command, Error, Flags, Handler, Outcome, ServerCx, State};

use super::{ADMIN, ON_OFF, SUBCOMMAND};

/// CLIENT REPLY ON | OFF | SKIP
pub const REPLY: Command = Command {
    name: "reply",
    since: "3.2.0",
    summary: "Says whether the connection gets replies: all, none, or all but the next.",
    arity: 3,
    args: &[Arg::one_of(
        "action",
        &[Arg::word("on", "ON"), Arg::word("off", "OFF"), Arg::word("skip", "SKIP")],
    )],
    handler: Handler::Server(reply),
    ..SUBCOMMAND
};

/// CLIENT NO-EVICT ON | OFF
pub const NO_EVICT: Command = Command {
    name: "no-evict",
    since: "7.0.0",
    summary: "Protects the connection from being closed when clients take too much memory.",
    arity: 3,
    flags: ADMIN,
    args: &[Arg::one_of("enabled", ON_OFF)],
    handler: Handler::Server(|cx| switch(cx, State::NO_EVICT)),
    ..SUBCOMMAND
};

/// CLIENT NO-TOUCH ON | OFF
pub const NO_TOUCH: Command = Command {
    name: "no-touch",
    since: "7.2.0",
    summary: "Lets the connection's commands leave the keys' access times and counts as they are.",
    arity: 3,
    flags: Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE),
    args: &[Arg::one_of("enabled", ON_OFF)],
    handler: Handler::Server(|cx| switch(cx, State::NO_TOUCH)),
    ..SUBCOMMAND
};

fn switch(cx: &mut ServerCx, state: State) -> Outcome {
    let word = cx.args.at(2);
    let on = is(word, "ON");
    if !on && !is(word, "OFF") {
        return Err(Error::Syntax);
    }
    cx.client.set_state(state, on);
    cx.reply().ok();
    Ok(())
}

fn reply(cx: &mut ServerCx) -> Outcome {
    let word = cx.args.at(2);
    if is(word, "ON") {
        cx.client.set_state(State::REPLY_OFF | State::REPLY_SKIP, false);
        cx.reply().ok();
    } else if is(word, "OFF") {
        cx.client.set_state(State::REPLY_OFF, true);
    } else if is(word, "SKIP") {
        let silent = cx.client.is(State::REPLY_OFF);
        cx.client.set_state(State::REPLY_SKIP_NEXT, !silent);
    } else {
        return Err(Error::Syntax);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::State;
    use engine::testing::Tester;

    #[test]
    fn replies_can_be_silenced() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("CLIENT REPLY wrong", "-ERR syntax error");
        t.check("CLIENT REPLY OFF", "");
        t.check("PING", "");
        t.check("GET", "");
        t.check("CLIENT REPLY SKIP", "");
        t.check("CLIENT REPLY ON", "+OK");
        t.check("PING", "+PONG");
    }

    #[test]
    fn one_reply_can_be_skipped() {
        let mut t = Tester::new(crate::FAMILIES);
        for attention in ["off", "on"] {
            // With NO-TOUCH every command goes the long way: SKIP means the same on both.
            t.check(&format!("CLIENT NO-TOUCH {attention}"), "+OK");
            t.check("CLIENT REPLY SKIP", "");
            t.check("PING", "");
            t.check("PING", "+PONG");
            t.check("CLIENT REPLY SKIP", "");
            t.check("CLIENT REPLY ON", "+OK");
            t.check("PING", "+PONG");
            t.check("CLIENT REPLY SKIP", "");
            t.check("CLIENT PAUSE 0", "");
            t.check("PING", "+PONG");
            t.check("CLIENT UNPAUSE", "+OK");
        }
    }

    #[test]
    fn switches() {
        let mut t = Tester::new(crate::FAMILIES);
        for (name, state) in [("NO-EVICT", State::NO_EVICT), ("NO-TOUCH", State::NO_TOUCH)] {
            t.check(&format!("CLIENT {name} on"), "+OK");
            assert!(t.session().client(0).is(state));
            t.check(&format!("CLIENT {name} wrong"), "-ERR syntax error");
            assert!(t.session().client(0).is(state));
            t.check(&format!("CLIENT {name} OFF"), "+OK");
            assert!(!t.session().client(0).is(state));
        }
    }
}
