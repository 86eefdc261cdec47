//! The client's connection.

mod auth;
pub mod client;
mod hello;
mod ping;
mod reset;

use engine::{Command, Flags};

/// The family.
pub const COMMANDS: &[Command] = &[
    auth::AUTH,
    client::CLIENT,
    ping::ECHO,
    hello::HELLO,
    ping::PING,
    ping::QUIT,
    reset::RESET,
    ping::SELECT,
];

/// Flags of commands that a client may send before it has authenticated; each changes what is read next, or how.
const BEFORE_AUTH: Flags = Flags::NOSCRIPT
    .union(Flags::LOADING)
    .union(Flags::STALE)
    .union(Flags::FAST)
    .union(Flags::NO_AUTH)
    .union(Flags::ALLOW_BUSY)
    .union(Flags::STOPS_PARSING);

#[cfg(test)]
mod tests {
    use config::{Config, Param};
    use engine::testing::Tester;

    /// Servers that ask for a password.
    pub fn with_password(password: &str) -> Tester {
        let mut config = Config::default();
        let (param, _) = Param::find(b"requirepass").expect("a directive");
        param.assign(&mut config, &[password.as_bytes()]).expect("a password");
        Tester::with_config(crate::FAMILIES, config)
    }
}
