//! AUTH, and the check of a password. Redis 7.2.6 `acl.c`.
//!
//! There is one user, `default`; its password is `requirepass`. Whoever asks learns only whether name and password
//! fit: the text and the time are the same for an unknown user and a wrong password.

use config::Config;
use engine::{Arg, Command, Error, Flags, Group, Handler, Outcome, ServerCx, State};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The user of every connection until it authenticates as another.
pub const DEFAULT_USER: &str = "default";

/// AUTH [username] password
pub const AUTH: Command = Command {
    name: "auth",
    group: Group::Connection,
    summary: "Authenticates the connection.",
    complexity: "O(N) where N is the number of the user's passwords",
    arity: -2,
    flags: super::BEFORE_AUTH.union(Flags::SENTINEL),
    args: &[Arg::string("username").optional().since("6.0.0"), Arg::string("password")],
    history: &[("6.0.0", "A user's name before the password.")],
    handler: Handler::Server(auth),
    ..Command::DEFAULT
};

fn auth(cx: &mut ServerCx) -> Outcome {
    let args = cx.args;
    match args.len() {
        2 if cx.config.requirepass.is_none() => {
            return Err(Error::text(
                "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?",
            ));
        }
        2 => authenticate(cx, DEFAULT_USER.as_bytes(), args.at(1))?,
        3 => authenticate(cx, args.at(1), args.at(2))?,
        _ => return Err(Error::Syntax),
    }
    cx.reply().ok();
    Ok(())
}

/// Authenticates the client, or counts the failure.
pub fn authenticate(cx: &mut ServerCx, user: &[u8], password: &[u8]) -> Outcome {
    if !is_valid(cx.config, user, password) {
        cx.engine.stats.worker(cx.client.record.worker).denied_auth.add(1);
        return Err(Error::WrongPass);
    }
    cx.client.set_state(State::UNAUTHENTICATED, false);
    cx.client.record.names.lock().user = Some(DEFAULT_USER.to_owned());
    Ok(())
}

/// Whether a user has this password; the default user without one takes any.
fn is_valid(config: &Config, user: &[u8], password: &[u8]) -> bool {
    // Digests have one length, so that not even the password's length shows in the time.
    let digest = |bytes: &[u8]| Sha256::digest(bytes);
    let (secret, open) = match &config.requirepass {
        Some(secret) => (secret.bytes(), 0),
        None => (&[][..], 1),
    };
    let fits = digest(password).ct_eq(&digest(secret)) | open.into();
    let known = digest(user).ct_eq(&digest(DEFAULT_USER.as_bytes()));
    (fits & known).into()
}

#[cfg(test)]
mod tests {
    use crate::connection::tests::with_password;
    use engine::testing::Tester;

    const WRONG: &str = "-WRONGPASS invalid username-password pair or user is disabled.";

    #[test]
    fn without_a_password_only_the_full_form_passes() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check(
            "AUTH x",
            "-ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?",
        );
        t.check("AUTH default anything", "+OK");
        t.check("AUTH nobody anything", WRONG);
        t.check("AUTH a b c", "-ERR syntax error");
        t.check("AUTH", "-ERR wrong number of arguments for 'auth' command");
    }

    #[test]
    fn a_password_stands_before_everything() {
        let mut t = with_password("secret");
        t.check("GET k", "-NOAUTH Authentication required.");
        for wrong in ["AUTH Secret", "AUTH secre", "AUTH secrets", "AUTH ''", "AUTH nobody secret"] {
            t.check(wrong, WRONG);
            t.check("GET k", "-NOAUTH Authentication required.");
        }
        assert_eq!(t.session().engine().stats.total(|w| &w.denied_auth), 5);
        t.check("AUTH secret", "+OK");
        t.check("GET k", "(nil)");
        t.check("AUTH wrong", WRONG);
        t.check("GET k", "(nil)");
        t.client(1).check("AUTH default secret", "+OK");
    }
}
