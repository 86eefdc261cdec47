//! The data's life on disk, as the rest of the server sees it: what is asked of it ([`Storage`], which the server pushes down at
//! start) and what is known of it (atomic counts that INFO shows and checks read).

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use config::Config;
use keyspace::View;
use parking_lot::Mutex;

use crate::engine::{Attention, Engine, Shutdown, unix_millis};
use crate::error::{Error, Outcome};

/// Bytes of the log that may wait for the disk: then whoever appends waits too, as Redis waits in its write.
const MAX_BACKLOG: u64 = 64 << 20;
/// Between two looks at whether they still do.
const BACKLOG_LOOK: Duration = Duration::from_millis(1);

/// Whoever writes the data to disk and reads it back.
pub trait Storage: Send + Sync {
    /// SAVE: writes a snapshot while everyone waits. Under exclusive access, as all but
    /// [`Storage::tick`] and [`Storage::write_log`].
    fn save(&self, view: &mut View) -> Outcome;
    /// BGSAVE: begins to write one. With `schedule`, as soon as nothing else is being written. Answers what the client is told.
    fn save_in_background(&self, view: &mut View, schedule: bool) -> Result<&'static str, Error>;
    /// BGREWRITEAOF: begins to write the append-only file anew. Answers what the client is told.
    fn rewrite_log(&self, view: &mut View) -> Result<&'static str, Error>;
    /// Whether the append-only file could be kept under a configuration: its directory is made, and takes files.
    fn may_keep_log(&self, config: &Config) -> bool;
    /// CONFIG SET appendonly: begins to keep the append-only file, or ends it. Answers before that is done.
    fn switch_log(&self, on: bool);
    /// Writes to the append-only file what the log holds, in a worker that is about to acknowledge it, if that need not wait for an
    /// fsync. Outside the gate, as [`Storage::tick`].
    fn write_log(&self);
    /// DEBUG LOADAOF: empties everything and loads the append-only file.
    fn load_log(&self, view: &mut View) -> Outcome;
    /// FLUSHALL has emptied everything.
    fn flushed(&self, view: &mut View);
    /// DEBUG RELOAD: saves and loads the snapshot again.
    fn reload(&self, view: &mut View, how: Reload) -> Outcome;
    /// What the clock asks for, about ten times a second: save points, what was scheduled.
    fn tick(&self);
    /// Leaves on disk what must be there when the process ends. After that nothing changes any more: the caller keeps exclusive
    /// access to the end.
    fn close(&self, view: &mut View, shutdown: &Shutdown) -> Outcome;
}

/// How DEBUG RELOAD goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reload {
    /// The file stays as it is.
    pub no_save: bool,
    /// The keys there are stay.
    pub no_flush: bool,
    /// A key that is there is replaced by the file's.
    pub merge: bool,
}

/// What is asked, and what is known.
#[derive(Default)]
pub struct Persistence {
    storage: OnceLock<Box<dyn Storage>>,
    /// Snapshots.
    pub snapshot: Snapshots,
    /// The append-only file.
    pub log: LogFile,
}

/// What is known of the append-only file.
pub struct LogFile {
    /// It is kept.
    pub enabled: AtomicBool,
    /// When the rewrite under way was begun, in Unix seconds; 0: there is none.
    pub rewrite_started: AtomicI64,
    /// One is to begin when nothing else is written.
    pub rewrite_scheduled: AtomicBool,
    /// How long the last one took, in seconds; -1: there was none.
    pub last_rewrite_seconds: AtomicI64,
    /// Whether it succeeded.
    pub last_rewrite_ok: AtomicBool,
    /// Those begun.
    pub rewrites: AtomicU64,
    /// How many have failed since one succeeded.
    pub rewrite_failures: AtomicU64,
    /// Whether what was appended last could be written.
    pub last_write_ok: AtomicBool,
    /// Why not.
    pub last_error: Mutex<String>,
    /// Bytes of all its files.
    pub size: AtomicU64,
    /// The same when it was rewritten or loaded last.
    pub base_size: AtomicU64,
    /// Bytes that could not be written yet.
    pub stuck_bytes: AtomicU64,
    /// Bytes of memory that whoever writes it has buffers of.
    pub buffers: AtomicUsize,
    /// Times it was forced to disk.
    pub syncs: AtomicU64,
    /// Times that ended so late that commands had to wait.
    pub late_syncs: AtomicU64,
    /// Microseconds to wait before each write (DEBUG AOF-FLUSH-SLEEP).
    pub flush_delay: AtomicU64,
}

impl Default for LogFile {
    fn default() -> LogFile {
        LogFile {
            enabled: AtomicBool::new(false),
            rewrite_started: AtomicI64::new(0),
            rewrite_scheduled: AtomicBool::new(false),
            last_rewrite_seconds: AtomicI64::new(-1),
            last_rewrite_ok: AtomicBool::new(true),
            rewrites: AtomicU64::new(0),
            rewrite_failures: AtomicU64::new(0),
            last_write_ok: AtomicBool::new(true),
            last_error: Mutex::default(),
            size: AtomicU64::new(0),
            base_size: AtomicU64::new(0),
            stuck_bytes: AtomicU64::new(0),
            buffers: AtomicUsize::new(0),
            syncs: AtomicU64::new(0),
            late_syncs: AtomicU64::new(0),
            flush_delay: AtomicU64::new(0),
        }
    }
}

/// What is known of snapshots.
pub struct Snapshots {
    /// The count of changes when the last one was begun.
    pub changes_before: AtomicU64,
    /// When the last one was made, in Unix seconds; the start counts as one.
    pub last_save: AtomicI64,
    /// When one was tried in the background for the last time, in Unix seconds.
    pub last_try: AtomicI64,
    /// Whether the last one in the background was made.
    pub last_ok: AtomicBool,
    /// How long the last one in the background took, in seconds; -1: there was none.
    pub last_seconds: AtomicI64,
    /// When the one under way was begun, in Unix seconds; 0: there is none.
    pub started: AtomicI64,
    /// Those made.
    pub saves: AtomicU64,
    /// Keys that are to be written; 0 while nothing is.
    pub keys_total: AtomicU64,
    /// Keys of them that are.
    pub keys_done: AtomicU64,
    /// How long the last cut kept everyone out, in microseconds.
    pub cut_micros: AtomicU64,
}

impl Default for Snapshots {
    fn default() -> Snapshots {
        Snapshots {
            changes_before: AtomicU64::new(0),
            last_save: AtomicI64::new(unix_millis() / 1000),
            last_try: AtomicI64::new(0),
            last_ok: AtomicBool::new(true),
            last_seconds: AtomicI64::new(-1),
            started: AtomicI64::new(0),
            saves: AtomicU64::new(0),
            keys_total: AtomicU64::new(0),
            keys_done: AtomicU64::new(0),
            cut_micros: AtomicU64::new(0),
        }
    }
}

impl Persistence {
    /// Says who does it; once, at start.
    pub fn attach(&self, storage: Box<dyn Storage>) {
        let _ = self.storage.set(storage);
    }

    /// Who does it.
    ///
    /// # Errors
    /// Where nobody does.
    pub fn storage(&self) -> Result<&dyn Storage, Error> {
        self.storage.get().map(Box::as_ref).ok_or(Error::text("ERR nothing keeps data on disk here"))
    }
}

impl Engine {
    /// Has written what this worker's clients are about to be told, where it may be told before it is on disk: what was
    /// acknowledged then outlives the process, as with Redis.
    pub fn write_log(&self) {
        if self.log.is_read()
            && !self.log.holds()
            && self.log.pending() > 0
            && let Ok(storage) = self.persistence.storage()
        {
            storage.write_log();
        }
    }

    /// Waits while more of the log is to be written than memory should be given for, or an fsync is so late that more could be
    /// lost than is promised. Called by those who are about to append, between their turns: nothing is locked. Where the
    /// disk takes nothing at all writes are refused, and nobody waits.
    #[inline]
    pub fn let_disk_catch_up(&self) {
        while self.log.is_read()
            && (self.log.pending() > MAX_BACKLOG || self.log.is_overdue())
            && self.persistence.log.last_write_ok.load(Relaxed)
        {
            std::thread::sleep(BACKLOG_LOOK);
        }
    }

    /// Bytes of the log that wait to be written to the append-only file, those that could not be written among them.
    pub fn log_backlog(&self) -> u64 {
        self.log.pending() + self.persistence.log.stuck_bytes.load(Relaxed)
    }

    /// Bytes of memory in which commands wait to be on disk.
    pub fn log_memory(&self) -> usize {
        self.log.memory() + self.persistence.log.buffers.load(Relaxed)
    }

    /// Changes since the last snapshot was begun.
    pub fn unsaved_changes(&self) -> u64 {
        let changes = self.keyspace.total(|counters| &counters.changes);
        changes.saturating_sub(self.persistence.snapshot.changes_before.load(Relaxed))
    }

    /// Says that what there is now is on disk.
    pub fn note_saved(&self) {
        let changes = self.keyspace.total(|counters| &counters.changes);
        self.persistence.snapshot.changes_before.store(changes, Relaxed);
    }

    /// Has commands ask the cut under way whether they must wait, or no longer.
    pub fn attend_cut(&self, on: bool) {
        self.attend(Attention::CUT, on);
    }

    /// Has commands ask whether the disk takes what is changed, if it did not the last time.
    pub fn attend_disk(&self) {
        let Persistence { snapshot, log, .. } = &self.persistence;
        self.attend(
            Attention::DISK_ERROR,
            !(snapshot.last_ok.load(Relaxed) && log.last_write_ok.load(Relaxed)),
        );
    }
}
