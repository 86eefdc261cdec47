//! RESET: the connection as it was when it was new. Redis 7.2.6 `networking.c`.

use engine::pipeline;
use engine::{Command, Error, Group, Handler, Outcome, ServerCx, State};
use resp::Protocol;

/// RESET
pub const RESET: Command = Command {
    name: "reset",
    group: Group::Connection,
    since: "6.2.0",
    summary: "Gives the connection back the state of a new one.",
    flags: super::BEFORE_AUTH,
    handler: Handler::Server(reset),
    ..Command::DEFAULT
};

fn reset(cx: &mut ServerCx) -> Outcome {
    if cx.client.is(State::REPLICA) {
        return Err(Error::err("can only reset normal client connections"));
    }
    cx.engine.monitor(cx.client, false);
    pipeline::discard(cx.client, cx.view);
    cx.client.select(0);
    cx.client.speak(Protocol::Resp2);
    let modes = State::REPLY_OFF | State::REPLY_SKIP | State::NO_TOUCH | State::NO_EVICT;
    cx.client.set_state(modes, false);
    cx.client.set_state(State::UNAUTHENTICATED, cx.config.requirepass.is_some());
    let mut names = cx.client.record.names.lock();
    // The library behind the connection is still the same.
    (names.name, names.user) = (None, None);
    drop(names);
    cx.reply().simple("RESET");
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::connection::tests::with_password;
    use engine::State;

    #[test]
    fn reset_forgets_all_but_the_library() {
        let mut t = with_password("secret");
        t.check("AUTH secret", "+OK");
        for line in [
            "SELECT 3",
            "CLIENT SETNAME me",
            "CLIENT SETINFO lib-name lib",
            "CLIENT NO-TOUCH ON",
            "CLIENT NO-EVICT ON",
            "WATCH k",
            "MULTI",
        ] {
            t.check(line, "+OK");
        }
        t.check("SET k v", "+QUEUED");
        t.check("RESET", "+RESET");
        t.check("GET k", "-NOAUTH Authentication required.");
        assert_eq!(t.session().client(0).state, State::UNAUTHENTICATED);
        t.check("AUTH secret", "+OK");
        t.check("GET k", "(nil)");
        t.check("CLIENT GETNAME", "(nil)");
        t.check("EXEC", "-ERR EXEC without MULTI");
        let client = t.session().client(0);
        assert_eq!((client.db, client.watched.keys().len()), (0, 0));
        assert_eq!(client.record.names.lock().lib_name.as_deref(), Some("lib"));
    }
}
