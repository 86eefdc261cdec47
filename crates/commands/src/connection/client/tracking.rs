//! CLIENT TRACKING, CACHING, GETREDIR and TRACKINGINFO: invalidation messages for caches in clients.
//!
//! Tracking cannot be switched on in this version: TRACKING ON judges its options as Redis does, and then says so.
//! Everything else answers as it does for a client that is not tracked.

use engine::args::{Options, is};
use engine::{Arg, Command, Error, Handler, Outcome, ServerCx};

use super::{ON_OFF, SUBCOMMAND};

/// CLIENT CACHING YES | NO
pub const CACHING: Command = Command {
    name: "caching",
    since: "6.0.0",
    summary: "Says whether the keys of the next command are tracked.",
    arity: 3,
    args: &[Arg::one_of("mode", &[Arg::word("yes", "YES"), Arg::word("no", "NO")])],
    handler: Handler::Server(|_| {
        Err(Error::text(
            "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
        ))
    }),
    ..SUBCOMMAND
};

/// CLIENT GETREDIR
pub const GETREDIR: Command = Command {
    name: "getredir",
    since: "6.0.0",
    summary: "Answers the client that gets the connection's invalidation messages; -1 without tracking.",
    handler: Handler::Server(|cx| {
        cx.reply().int(-1);
        Ok(())
    }),
    ..SUBCOMMAND
};

/// CLIENT TRACKING ON | OFF [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]
pub const TRACKING: Command = Command {
    name: "tracking",
    since: "6.0.0",
    summary: "Switches invalidation messages for keys that the client has read on or off.",
    complexity: "O(1). Some options may introduce additional complexity.",
    arity: -3,
    args: &[
        Arg::one_of("status", ON_OFF),
        Arg::integer("client-id").token("REDIRECT").optional(),
        Arg::string("prefix").token("PREFIX").optional().multiple_token(),
        Arg::word("BCAST", "BCAST").optional(),
        Arg::word("OPTIN", "OPTIN").optional(),
        Arg::word("OPTOUT", "OPTOUT").optional(),
        Arg::word("NOLOOP", "NOLOOP").optional(),
    ],
    handler: Handler::Server(tracking),
    ..SUBCOMMAND
};

/// CLIENT TRACKINGINFO
pub const TRACKINGINFO: Command = Command {
    name: "trackinginfo",
    since: "6.2.0",
    summary: "Describes the connection's tracking.",
    handler: Handler::Server(tracking_info),
    ..SUBCOMMAND
};

/// TRACKING's options.
#[derive(Default)]
struct Tracking {
    redirect: Option<u64>,
    broadcast: bool,
    opt_in: bool,
    opt_out: bool,
    prefixes: usize,
}

impl Tracking {
    fn parse(cx: &ServerCx) -> Result<Tracking, Error> {
        let (mut options, mut found) = (Options::new(cx.args, 3), Tracking::default());
        while let Some(word) = options.next() {
            if is(word, "REDIRECT") && options.left() > 0 {
                if found.redirect.is_some() {
                    return Err(Error::err("A client can only redirect to a single other client"));
                }
                let id = u64::try_from(options.integer()?).unwrap_or(0);
                if cx.engine.clients.get(id).is_none() {
                    return Err(Error::err("The client ID you want redirect to does not exist"));
                }
                found.redirect = Some(id);
            } else if is(word, "BCAST") {
                found.broadcast = true;
            } else if is(word, "OPTIN") {
                found.opt_in = true;
            } else if is(word, "OPTOUT") {
                found.opt_out = true;
            } else if is(word, "PREFIX") && options.left() > 0 {
                options.next();
                found.prefixes += 1;
            } else if !is(word, "NOLOOP") {
                return Err(Error::Syntax);
            }
        }
        Ok(found)
    }

    /// Whether the options go together.
    fn check(&self) -> Outcome {
        if self.prefixes > 0 && !self.broadcast {
            return Err(Error::err("PREFIX option requires BCAST mode to be enabled"));
        }
        if self.broadcast && (self.opt_in || self.opt_out) {
            return Err(Error::err("OPTIN and OPTOUT are not compatible with BCAST"));
        }
        if self.opt_in && self.opt_out {
            return Err(Error::err("You can't specify both OPTIN mode and OPTOUT mode"));
        }
        Ok(())
    }
}

fn tracking(cx: &mut ServerCx) -> Outcome {
    let options = Tracking::parse(cx)?;
    let status = cx.args.at(2);
    if is(status, "ON") {
        options.check()?;
        return Err(Error::err("this version cannot track clients' keys yet"));
    }
    if !is(status, "OFF") {
        return Err(Error::Syntax);
    }
    cx.reply().ok();
    Ok(())
}

fn tracking_info(cx: &mut ServerCx) -> Outcome {
    let mut reply = cx.reply();
    reply.map(3);
    reply.bulk(b"flags");
    reply.set(1);
    reply.bulk(b"off");
    reply.bulk(b"redirect");
    reply.int(-1);
    reply.bulk(b"prefixes");
    reply.array(0);
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn a_client_that_is_not_tracked() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("CLIENT TRACKING OFF", "+OK");
        t.check("CLIENT TRACKING off OPTOUT", "+OK");
        t.check("CLIENT GETREDIR", ":-1");
        t.check_both(
            "CLIENT TRACKINGINFO",
            "[$flags, [$off], $redirect, :-1, $prefixes, []]",
            "{$flags: ~[$off], $redirect: :-1, $prefixes: []}",
        );
        t.check(
            "CLIENT CACHING maybe",
            "-ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
        );
    }

    #[test]
    fn options_are_judged() {
        let mut t = Tester::new(crate::FAMILIES);
        for (options, error) in [
            ("", "this version cannot track clients' keys yet"),
            ("BCAST PREFIX a PREFIX b NOLOOP", "this version cannot track clients' keys yet"),
            ("REDIRECT 1 OPTIN", "this version cannot track clients' keys yet"),
            ("PREFIX a", "PREFIX option requires BCAST mode to be enabled"),
            ("BCAST OPTIN", "OPTIN and OPTOUT are not compatible with BCAST"),
            ("OPTIN OPTOUT", "You can't specify both OPTIN mode and OPTOUT mode"),
            ("REDIRECT 99", "The client ID you want redirect to does not exist"),
            ("REDIRECT -1", "The client ID you want redirect to does not exist"),
            ("REDIRECT 1 REDIRECT 1", "A client can only redirect to a single other client"),
            ("REDIRECT x", "value is not an integer or out of range"),
            ("REDIRECT", "syntax error"),
            ("PREFIX", "syntax error"),
            ("what", "syntax error"),
        ] {
            t.check(&format!("CLIENT TRACKING ON {options}"), &format!("-ERR {error}"));
        }
        t.check("CLIENT TRACKING maybe", "-ERR syntax error");
    }
}
