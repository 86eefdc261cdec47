//! The pipe between who reads a cut and who writes it down: chunks of bytes, not many at a time.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// Bytes in the pipe above which whoever fills it waits.
const MAX_BYTES: usize = 2 << 20;
/// How often one that waits looks whether it is to wait no longer.
const LOOK: Duration = Duration::from_millis(1);

/// Chunks on their way from one thread to another.
#[derive(Default)]
pub struct Pipe {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    chunks: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Nothing more comes.
    closed: bool,
    /// Nothing more is taken.
    broken: bool,
}

impl Pipe {
    /// Adds a chunk; waits while there is too much in the pipe, unless it is `urgent`. Answers whether it will be taken.
    pub fn put(&self, chunk: Vec<u8>, urgent: impl Fn() -> bool) -> bool {
        let mut state = self.state.lock();
        while state.bytes > MAX_BYTES && !state.broken && !urgent() {
            self.changed.wait_for(&mut state, LOOK);
        }
        state.bytes += chunk.len();
        state.chunks.push_back(chunk);
        self.changed.notify_all();
        !state.broken
    }

    /// Says that nothing more comes.
    pub fn close(&self) {
        self.state.lock().closed = true;
        self.changed.notify_all();
    }

    /// Takes a chunk; waits for one. `None` behind the last.
    pub fn take(&self) -> Option<Vec<u8>> {
        let mut state = self.state.lock();
        while state.chunks.is_empty() && !state.closed {
            self.changed.wait(&mut state);
        }
        let chunk = state.chunks.pop_front()?;
        state.bytes -= chunk.len();
        self.changed.notify_all();
        Some(chunk)
    }

    /// Says that nothing more is taken.
    pub fn break_off(&self) {
        let mut state = self.state.lock();
        state.broken = true;
        state.chunks.clear();
        state.bytes = 0;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_come_in_order_and_not_too_many() {
        let pipe = Pipe::default();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for n in 0..100u8 {
                    assert!(pipe.put(vec![n; 100 << 10], || false));
                    assert!(pipe.state.lock().bytes <= MAX_BYTES + (100 << 10));
                }
                pipe.close();
            });
            for n in 0..100u8 {
                assert_eq!(pipe.take().expect("a chunk")[0], n);
            }
            assert_eq!(pipe.take(), None);
        });
    }

    #[test]
    fn who_is_in_a_hurry_or_finds_it_broken_does_not_wait() {
        let pipe = Pipe::default();
        (0..10).for_each(|_| assert!(pipe.put(vec![0; 1 << 20], || true)));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| pipe.put(vec![1], || false));
            pipe.break_off();
            assert!(!waiting.join().expect("no panic"));
        });
    }
}
