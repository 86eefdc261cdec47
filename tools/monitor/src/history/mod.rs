//! History: what the collector saw, in SQLite, so that questions about last night need no other system.
//!
//! One row a round and target with every column of [`COLUMNS`], rolled up to a minute and an hour (mean and maximum), each with its own
//! retention. One thread writes, a transaction a second in WAL mode: a `kill -9` loses at most the last second, and roll-ups
//! are made from the rows again, so none is lost or counted twice. Readers have connections of their own.
//!
//! [`COLUMNS`]: crate::columns::COLUMNS

mod changes;
mod query;
mod schema;
mod writer;

pub use changes::{Change, Mark, changes};
pub use query::{History, Span};
pub use writer::{Keep, Writer};

use crate::collect::Collector;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;

/// How wide a row of a table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// One round.
    Raw,
    /// A minute.
    Minute,
    /// An hour.
    Hour,
}

impl Level {
    /// The table's name.
    pub fn table(self) -> &'static str {
        match self {
            Level::Raw => "raw",
            Level::Minute => "minute",
            Level::Hour => "hour",
        }
    }

    /// Milliseconds of a row; of a raw one 1.
    pub fn width(self) -> i64 {
        match self {
            Level::Raw => 1,
            Level::Minute => 60_000,
            Level::Hour => 3_600_000,
        }
    }

    /// The finest level whose rows over `span` milliseconds make a chart, not a flood.
    pub fn for_span(span: i64) -> Self {
        match span {
            span if span <= 2 * 3_600_000 => Level::Raw,
            span if span <= 72 * 3_600_000 => Level::Minute,
            _ => Level::Hour,
        }
    }
}

/// Writes every round that the collector makes from now on; ends with the collector.
pub fn feed(collector: &Collector, writer: Arc<Writer>) {
    let mut rounds = collector.subscribe();
    tokio::spawn(async move {
        loop {
            match rounds.recv().await {
                Ok(round) => {
                    if !writer.round(round) {
                        tracing::warn!("history: the disk is too slow, a round is lost");
                    }
                }
                Err(RecvError::Lagged(lost)) => tracing::warn!("history: {lost} rounds are lost"),
                Err(RecvError::Closed) => return,
            }
        }
    });
}

/// Opens a database for writing, with its tables.
fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "normal")?;
    schema::prepare(&connection)?;
    Ok(connection)
}

/// Opens a database for reading.
fn open_to_read(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(Duration::from_secs(5))?;
    Ok(connection)
}
