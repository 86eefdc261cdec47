//! The pipe between who reads a cut and who writes it down: copies of entries, or bytes, not many at a time.

use std::collections::VecDeque;
use std::time::Duration;

use keyspace::cut::OwnedImage;
use parking_lot::{Condvar, Mutex};

/// Bytes in the pipe above which whoever fills it waits.
const MAX_BYTES: usize = 2 << 20;
/// How often one that waits looks whether it is to wait no longer.
const LOOK: Duration = Duration::from_millis(1);

/// What goes through the pipe.
#[derive(Debug)]
pub enum Load {
    /// Entries to be encoded.
    Images(Vec<OwnedImage>),
    /// What is encoded already.
    Bytes(Vec<u8>),
    /// A large key that is encoded, but not compressed.
    Plain(Vec<u8>),
}

impl Load {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        match self {
            Load::Images(images) => images.is_empty(),
            Load::Bytes(bytes) | Load::Plain(bytes) => bytes.is_empty(),
        }
    }

    fn footprint(&self) -> usize {
        match self {
            Load::Images(images) => images.iter().map(OwnedImage::footprint).sum(),
            Load::Bytes(bytes) | Load::Plain(bytes) => bytes.len(),
        }
    }
}

/// Loads on their way from one thread to another.
#[derive(Default)]
pub struct Pipe {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    loads: VecDeque<(usize, Load)>,
    bytes: usize,
    /// Nothing more comes.
    closed: bool,
    /// Nothing more is taken.
    broken: bool,
}

impl State {
    fn take_from(&mut self, changed: &Condvar) -> Option<Load> {
        let (bytes, load) = self.loads.pop_front()?;
        self.bytes -= bytes;
        changed.notify_all();
        Some(load)
    }
}

impl Pipe {
    /// Adds a load; waits while there is too much in the pipe, unless it is `urgent`. Answers whether it will be taken.
    pub fn put(&self, load: Load, urgent: impl Fn() -> bool) -> bool {
        let bytes = load.footprint();
        let mut state = self.state.lock();
        while state.bytes > MAX_BYTES && !state.broken && !urgent() {
            self.changed.wait_for(&mut state, LOOK);
        }
        state.bytes += bytes;
        state.loads.push_back((bytes, load));
        self.changed.notify_all();
        !state.broken
    }

    /// Says that nothing more comes.
    pub fn close(&self) {
        self.state.lock().closed = true;
        self.changed.notify_all();
    }

    /// Takes a load; waits for one. `None` behind the last.
    pub fn take(&self) -> Option<Load> {
        let mut state = self.state.lock();
        while state.loads.is_empty() && !state.closed {
            self.changed.wait(&mut state);
        }
        state.take_from(&self.changed)
    }

    /// Takes a load if there is one.
    pub fn try_take(&self) -> Option<Load> {
        self.state.lock().take_from(&self.changed)
    }

    /// Says that nothing more is taken.
    pub fn break_off(&self) {
        let mut state = self.state.lock();
        state.broken = true;
        state.loads.clear();
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
                    assert!(pipe.put(Load::Bytes(vec![n; 100 << 10]), || false));
                    assert!(pipe.state.lock().bytes <= MAX_BYTES + (100 << 10));
                }
                pipe.close();
            });
            for n in 0..100u8 {
                assert!(matches!(pipe.take(), Some(Load::Bytes(bytes)) if bytes[0] == n));
            }
            assert!(pipe.take().is_none());
        });
    }

    #[test]
    fn who_is_in_a_hurry_or_finds_it_broken_does_not_wait() {
        let pipe = Pipe::default();
        (0..10).for_each(|_| assert!(pipe.put(Load::Bytes(vec![0; 1 << 20]), || true)));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| pipe.put(Load::Bytes(vec![1]), || false));
            pipe.break_off();
            assert!(!waiting.join().expect("no panic"));
        });
    }
}
