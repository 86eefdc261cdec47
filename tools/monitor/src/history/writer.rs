//! The one writer: rounds and events in, a transaction a second, roll-ups at each minute's end, old rows out.

use super::{Level, Mark, open, schema};
use crate::collect::Round;
use crate::columns::{COLUMNS, Sample};
use rusqlite::{Connection, params, params_from_iter, types::Value};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

/// Rounds and events that may wait: ten seconds of 1,000 targets.
const QUEUE: usize = 10_000;
/// Between two commits.
const COMMIT_EVERY: Duration = Duration::from_secs(1);

/// How long rows stay, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Keep {
    /// Rounds.
    pub raw: i64,
    /// Minutes.
    pub minute: i64,
    /// Hours and events.
    pub hour: i64,
}

impl Keep {
    /// So many days of each.
    pub fn days(raw: u16, minute: u16, hour: u16) -> Self {
        let day = 24 * 3_600_000;
        Keep { raw: i64::from(raw) * day, minute: i64::from(minute) * day, hour: i64::from(hour) * day }
    }
}

enum Item {
    Round(Arc<Round>),
    Mark(Box<Mark>),
}

/// The open end of the writer's queue. When it is dropped the writer commits and ends.
pub struct Writer {
    queue: Option<SyncSender<Item>>,
    thread: Option<std::thread::JoinHandle<()>>,
    path: PathBuf,
}

impl Writer {
    /// Opens the database and starts the thread.
    ///
    /// # Errors
    /// SQLite's: no such directory, no permission, no database.
    pub fn start(path: &Path, keep: Keep) -> rusqlite::Result<Self> {
        let mut store = Store::open(path, keep)?;
        let (queue, items) = sync_channel(QUEUE);
        let thread = std::thread::spawn(move || store.run(&items));
        Ok(Writer { queue: Some(queue), thread: Some(thread), path: path.to_owned() })
    }

    /// Where the database is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Hands a round over; `false` if the disk is too slow and the round is dropped.
    pub fn round(&self, round: Arc<Round>) -> bool {
        self.send(Item::Round(round))
    }

    /// Hands an event over; `false` as with rounds.
    pub fn mark(&self, mark: Mark) -> bool {
        self.send(Item::Mark(Box::new(mark)))
    }

    fn send(&self, item: Item) -> bool {
        self.queue.as_ref().is_some_and(|queue| !matches!(queue.try_send(item), Err(TrySendError::Full(_))))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has nothing more to write.
            let _ = thread.join();
        }
    }
}

struct Store {
    connection: Connection,
    keep: Keep,
    targets: HashMap<String, i64>,
    before: HashMap<String, Arc<Round>>,
    /// The newest minute that has a row: from there on roll-ups are made anew, so that late rounds and what a crash left out count.
    rolled_up: i64,
}

impl Store {
    fn open(path: &Path, keep: Keep) -> rusqlite::Result<Self> {
        let connection = open(path)?;
        let rolled_up =
            connection.query_row("SELECT coalesce(max(at), 0) FROM minute", [], |row| row.get(0))?;
        Ok(Store { connection, keep, targets: HashMap::new(), before: HashMap::new(), rolled_up })
    }

    fn run(&mut self, items: &Receiver<Item>) {
        loop {
            let (batch, ended) = gather(items);
            if let Err(error) = self.write(&batch) {
                tracing::error!("history: {error}");
            }
            if ended {
                return;
            }
        }
    }

    /// One transaction; at a minute's end the roll-ups and the retention too.
    fn write(&mut self, batch: &[Item]) -> rusqlite::Result<()> {
        let mut newest = None;
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        let written = batch.iter().try_for_each(|item| match item {
            Item::Round(round) => {
                newest = newest.max(Some(round.at));
                self.add_round(round)
            }
            Item::Mark(mark) => self.add_mark(mark),
        });
        let written = written.and_then(|()| match newest {
            Some(at) if at / Level::Minute.width() > self.rolled_up / Level::Minute.width() => self.tidy(at),
            _ => Ok(()),
        });
        self.connection.execute_batch(if written.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
        written
    }

    fn add_round(&mut self, round: &Arc<Round>) -> rusqlite::Result<()> {
        if round.facts().is_none() {
            return Ok(());
        }
        let url = &round.target.url;
        let before = self.before.insert(url.clone(), round.clone());
        let sample = Sample { before: before.as_deref(), now: round };
        let target = self.target(url)?;
        let values = COLUMNS
            .iter()
            .map(|column| column.value(std::iter::once(sample)).map_or(Value::Null, Value::Real));
        let row = [Value::Integer(target), Value::Integer(round.at)].into_iter().chain(values);
        self.connection.prepare_cached(&schema::insert_raw())?.execute(params_from_iter(row))?;
        Ok(())
    }

    fn add_mark(&self, mark: &Mark) -> rusqlite::Result<()> {
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO event (at, target, kind, text) VALUES (?1, ?2, ?3, ?4)")?;
        insert.execute(params![mark.at, mark.target, mark.kind, mark.text]).map(drop)
    }

    fn target(&mut self, url: &str) -> rusqlite::Result<i64> {
        if let Some(id) = self.targets.get(url) {
            return Ok(*id);
        }
        self.connection.execute("INSERT OR IGNORE INTO target (url) VALUES (?1)", [url])?;
        let id =
            self.connection.query_row("SELECT id FROM target WHERE url = ?1", [url], |row| row.get(0))?;
        self.targets.insert(url.to_owned(), id);
        Ok(id)
    }

    fn tidy(&mut self, now: i64) -> rusqlite::Result<()> {
        for (level, source_stays) in [(Level::Minute, self.keep.raw), (Level::Hour, self.keep.minute)] {
            // A row whose source is partly gone stays as it is.
            let since = (self.rolled_up - Level::Minute.width()).max(now - source_stays + level.width());
            let from = since / level.width() * level.width();
            self.connection.prepare_cached(&schema::roll_up(level))?.execute([from, i64::MAX])?;
        }
        self.rolled_up = now;
        for (table, keep) in [
            ("raw", self.keep.raw),
            ("minute", self.keep.minute),
            ("hour", self.keep.hour),
            ("event", self.keep.hour),
        ] {
            self.connection
                .prepare_cached(&format!("DELETE FROM {table} WHERE at < ?1"))?
                .execute([now - keep])?;
        }
        Ok(())
    }
}

/// What arrives until the next commit is due; whether the other end has gone.
fn gather(items: &Receiver<Item>) -> (Vec<Item>, bool) {
    let deadline = Instant::now() + COMMIT_EVERY;
    let mut batch = Vec::new();
    loop {
        match items.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(item) => batch.push(item),
            Err(RecvTimeoutError::Timeout) => return (batch, false),
            Err(RecvTimeoutError::Disconnected) => return (batch, true),
        }
    }
}
