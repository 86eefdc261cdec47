//! The console: one command of a visitor, on a connection of its own, its reply bounded and shown as redis-cli shows it.
//!
//! What a command may do is the server's own word for it: COMMAND INFO's flags decide ([`Class`]), not a list of ours, so commands of
//! modules and of later versions are judged too. A connection for each command means that no visitor inherits another's
//! database, user or transaction.

mod class;
mod line;
mod show;

pub use class::Class;
pub use line::{is_secret, loggable, split};
pub use show::{as_json, as_text};

use crate::target::Target;
use crate::wire::{Connection, Failure, Limits, Reply};

/// A reply that a page can show.
const MAX_REPLY: usize = 1 << 20;

/// A connection for one command.
pub struct Session(Connection);

impl Session {
    /// Connects and authenticates; a database other than 0 is selected.
    ///
    /// # Errors
    /// The connection's failures, and a refused SELECT.
    pub async fn open(target: &Target, limits: Limits, db: u32) -> Result<Self, Failure> {
        let limits = Limits { bytes: limits.bytes.min(MAX_REPLY), ..limits };
        let mut connection = Connection::open(target, limits).await?;
        if db != 0
            && let Reply::Error(text) = connection.call(&["SELECT", &db.to_string()]).await?
        {
            return Err(Failure::Refused(text));
        }
        Ok(Session(connection))
    }

    /// What the server says that a command does; `None` if it knows no such command.
    ///
    /// # Errors
    /// The connection's failures; a server that does not tell refuses.
    pub async fn class(&mut self, words: &[Vec<u8>]) -> Result<Option<Class>, Failure> {
        let [name, rest @ ..] = words else { return Ok(None) };
        match self.0.call(&[&b"COMMAND"[..], b"INFO", name]).await? {
            Reply::Error(text) => Err(Failure::Refused(text)),
            reply => Ok(reply.items().first().and_then(|about| Class::of(about, rest.first()))),
        }
    }

    /// Sends the command.
    ///
    /// # Errors
    /// The connection's failures; [`Failure::TooLarge`] for a reply that no page should hold.
    pub async fn run(mut self, words: &[Vec<u8>]) -> Result<Reply, Failure> {
        self.0.call(words).await
    }
}
