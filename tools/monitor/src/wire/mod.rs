//! The wire: a small RESP2 client that a hostile server can neither hang nor grow.
//!
//! The monitor knows a server by the wire alone, and a monitored server may be slow, broken or lying. So every
//! conversation has a deadline ([`Limits::time`]), every reply a byte budget ([`Limits::bytes`]) that is spent
//! before memory is taken, and nesting is bounded. What exceeds a limit is a [`Failure`]: a word for the log and the
//! alert, never a panic and never with a password in it.

mod connection;
mod reply;
mod tls;

pub use connection::{Connection, Limits};
pub use reply::{Budget, Reply, read_reply};
pub use tls::{read_certificates, read_key};

use std::fmt;

/// Why a server could not be asked. Its [`Display`](fmt::Display) form goes to logs and to users; it has no secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The URL is not one of ours, or is not allowed; the text says which rule it breaks.
    Address(String),
    /// No connection: refused, unreachable, name not found, certificate not trusted.
    Connect(String),
    /// The deadline passed; `0` is the phase ("connect", "reply").
    Timeout(&'static str),
    /// The server closed the connection or it broke.
    Broken(String),
    /// Bytes that are not RESP2, or a reply of another type than the command gives.
    Protocol(String),
    /// A reply larger, longer or deeper than the limits.
    TooLarge,
    /// The server answered with an error: `NOAUTH`, `WRONGPASS`, `LOADING`, `NOPERM` and so on.
    Refused(String),
}

impl Failure {
    /// One lower-case word for labels: `address`, `connect`, `timeout`, `broken`, `protocol`, `too-large`, `refused`.
    pub fn kind(&self) -> &'static str {
        match self {
            Failure::Address(_) => "address",
            Failure::Connect(_) => "connect",
            Failure::Timeout(_) => "timeout",
            Failure::Broken(_) => "broken",
            Failure::Protocol(_) => "protocol",
            Failure::TooLarge => "too-large",
            Failure::Refused(_) => "refused",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Address(why) => write!(f, "bad address: {why}"),
            Failure::Connect(why) => write!(f, "cannot connect: {why}"),
            Failure::Timeout(phase) => write!(f, "timed out waiting for {phase}"),
            Failure::Broken(why) => write!(f, "connection lost: {why}"),
            Failure::Protocol(why) => write!(f, "not a Redis reply: {why}"),
            Failure::TooLarge => f.write_str("reply exceeds the monitor's limits"),
            Failure::Refused(text) => write!(f, "server answered: {text}"),
        }
    }
}

impl std::error::Error for Failure {}
