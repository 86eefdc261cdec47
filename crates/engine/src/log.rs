//! The replication log: the one serial point that AOF and replicas read from.
//!
//! With no reader it costs nothing: nobody appends. A *unit* is what one command, or one transaction, did; its
//! effects stand together, between MULTI and EXEC when there are several, after a SELECT when the database
//! differs from the unit before. Bytes are the requests that reproduce the effects.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use parking_lot::Mutex;
use resp::{Args, Encoder, OwnedArgs, Protocol};

/// The log.
pub struct ReplLog {
    readers: AtomicUsize,
    id: Mutex<String>,
    state: Mutex<State>,
}

impl Default for ReplLog {
    fn default() -> ReplLog {
        ReplLog { readers: AtomicUsize::new(0), id: Mutex::new(fresh_id()), state: Mutex::default() }
    }
}

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    /// The database that the last unit left selected.
    db: Option<u32>,
    /// Bytes ever appended.
    offset: u64,
}

/// One effect: a command in a database.
pub struct Effect<'a> {
    /// The database it runs in.
    pub db: u32,
    /// The command.
    pub args: Args<'a>,
}

impl ReplLog {
    /// Whether anyone reads; changes only under exclusive access.
    #[inline]
    pub fn is_read(&self) -> bool {
        self.readers.load(Relaxed) > 0
    }

    /// The replication id: names the history that the log tells.
    pub fn id(&self) -> String {
        self.id.lock().clone()
    }

    /// Begins another history. Called under exclusive access.
    pub fn change_id(&self) {
        *self.id.lock() = fresh_id();
    }

    /// Begins to keep what is appended. Called under exclusive access.
    pub fn attach(&self) {
        self.readers.fetch_add(1, Relaxed);
        self.state.lock().db = None;
    }

    /// Ends what [`ReplLog::attach`] began.
    pub fn detach(&self) {
        self.readers.fetch_sub(1, Relaxed);
    }

    /// Bytes ever appended.
    pub fn offset(&self) -> u64 {
        self.state.lock().offset
    }

    /// Appends a unit. The partitions of its keys are still locked.
    pub fn append(&self, unit: &[Effect]) {
        if unit.is_empty() || !self.is_read() {
            return;
        }
        let mut state = self.state.lock();
        let State { bytes, db, offset } = &mut *state;
        let start = bytes.len();
        if unit.len() > 1 {
            // MULTI belongs to the database of its first effect.
            select(bytes, db, unit[0].db);
            write(bytes, ["MULTI"].iter().map(|w| w.as_bytes()));
        }
        for effect in unit {
            select(bytes, db, effect.db);
            write(bytes, effect.args.iter());
        }
        if unit.len() > 1 {
            write(bytes, ["EXEC"].iter().map(|w| w.as_bytes()));
        }
        *offset += (bytes.len() - start) as u64;
    }

    /// Takes what was appended since the last call.
    pub fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.state.lock().bytes)
    }
}

/// 40 random hexadecimal digits.
fn fresh_id() -> String {
    let mut bytes = [0u8; 20];
    // Without randomness from the system an id is no secret, and still names the history of this process.
    let _ = getrandom::fill(&mut bytes);
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn select(bytes: &mut Vec<u8>, selected: &mut Option<u32>, db: u32) {
    if *selected != Some(db) {
        let select: OwnedArgs = ["SELECT".to_owned(), db.to_string()].iter().collect();
        write(bytes, select.as_args().iter());
        *selected = Some(db);
    }
}

fn write<'a>(bytes: &mut Vec<u8>, args: impl ExactSizeIterator<Item = &'a [u8]>) {
    Encoder::new(bytes, Protocol::Resp2).bulks(args);
}
