//! The queue between the thread that reads and those that insert: first in, first out, and bounded in bytes.

use std::collections::VecDeque;

use parking_lot::{Condvar, Mutex};

use super::batch::Batch;

/// Bytes that may be on their way; one batch always may.
const BOUND: usize = 4 << 20;

/// Batches on their way.
#[derive(Default)]
pub struct Queue {
    state: Mutex<State>,
    /// There is a batch to take, or there will be none.
    filled: Condvar,
    /// There is room, or none is needed any more.
    drained: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Batch>,
    /// Empty ones, to be filled again.
    spare: Vec<Batch>,
    /// Bytes of those that wait and those that are worked on.
    bytes: usize,
    closed: bool,
    failed: bool,
}

impl Queue {
    /// Adds a batch, once there is room, and leaves an empty one in its place. Answers whether that makes sense: not after
    /// [`Queue::fail`].
    pub fn put(&self, batch: &mut Batch) -> bool {
        let mut state = self.state.lock();
        while state.bytes > 0 && state.bytes + batch.len() > BOUND && !state.failed {
            self.drained.wait(&mut state);
        }
        if state.failed {
            return false;
        }
        state.bytes += batch.len();
        let spare = state.spare.pop().unwrap_or_default();
        state.waiting.push_back(std::mem::replace(batch, spare));
        drop(state);
        self.filled.notify_one();
        true
    }

    /// The next batch, once there is one; `None` when there will be none.
    pub fn take(&self) -> Option<Batch> {
        let mut state = self.state.lock();
        while state.waiting.is_empty() && !state.closed && !state.failed {
            self.filled.wait(&mut state);
        }
        if state.failed { None } else { state.waiting.pop_front() }
    }

    /// Gives a batch back that was worked off.
    pub fn give_back(&self, mut batch: Batch) {
        let bytes = batch.len();
        batch.clear();
        let mut state = self.state.lock();
        state.bytes -= bytes;
        state.spare.push(batch);
        drop(state);
        self.drained.notify_one();
    }

    /// Says that no batch will follow.
    pub fn close(&self) {
        self.state.lock().closed = true;
        self.filled.notify_all();
    }

    /// Says that the load has failed: what waits is for nobody.
    pub fn fail(&self) {
        self.state.lock().failed = true;
        self.filled.notify_all();
        self.drained.notify_all();
    }
}
