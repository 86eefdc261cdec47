//! The slow log: the latest commands that took longer than `slowlog-log-slower-than`.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use parking_lot::Mutex;

/// At most this many arguments of a command are kept, and this many bytes of each, as in Redis.
const MAX_ARGS: usize = 32;
const MAX_ARG: usize = 128;

/// One slow command.
#[derive(Clone, Debug)]
pub struct SlowEntry {
    /// Unique, ascending.
    pub id: u64,
    /// When it ran, in Unix seconds.
    pub time: i64,
    /// How long, in microseconds.
    pub micros: u64,
    /// The command, shortened.
    pub args: Vec<Vec<u8>>,
    /// The client's address.
    pub address: String,
    /// The client's name.
    pub name: String,
}

/// The log.
#[derive(Default)]
pub struct SlowLog {
    state: Mutex<(u64, VecDeque<SlowEntry>)>,
    max_len: AtomicUsize,
}

impl SlowLog {
    /// Sets how many are kept.
    pub fn set_max_len(&self, len: usize) {
        self.max_len.store(len, Relaxed);
        self.state.lock().1.truncate(len);
    }

    /// Adds a command, without its secrets.
    pub fn push<'a>(
        &self,
        args: impl ExactSizeIterator<Item = &'a [u8]>,
        time: i64,
        micros: u64,
        address: String,
        name: String,
    ) {
        let max_len = self.max_len.load(Relaxed);
        let mut state = self.state.lock();
        let id = state.0;
        state.0 += 1;
        let args = shortened(args);
        state.1.push_front(SlowEntry { id, time, micros, args, address, name });
        state.1.truncate(max_len);
    }

    /// The newest first.
    pub fn latest(&self, count: usize) -> Vec<SlowEntry> {
        self.state.lock().1.iter().take(count).cloned().collect()
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.state.lock().1.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets all.
    pub fn reset(&self) {
        self.state.lock().1.clear();
    }
}

/// A command with what is too long cut.
fn shortened<'a>(args: impl ExactSizeIterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let one = |arg: &[u8]| match arg.len().checked_sub(MAX_ARG) {
        Some(more @ 1..) => [&arg[..MAX_ARG], format!("... ({more} more bytes)").as_bytes()].concat(),
        _ => arg.to_vec(),
    };
    let count = args.len();
    if count <= MAX_ARGS {
        return args.map(one).collect();
    }
    let rest = format!("... ({} more arguments)", count - (MAX_ARGS - 1));
    args.take(MAX_ARGS - 1).map(one).chain([rest.into_bytes()]).collect()
}
