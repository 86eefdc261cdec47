//! Gates and exclusive access.
//!
//! Every thread that may lock a partition has a [`Gate`], a cache line of its own. It *enters* the gate
//! before it locks anything and leaves it after a group of commands: one atomic swap on its own line, which
//! costs nothing that can be seen. Whoever needs the whole keyspace still takes the *token*, in the order of arrival, closes the gates,
//! and waits until every thread is out; then nobody holds a partition, and none can be locked.
//!
//! Lock order: token, gate, partitions. The side that wants the token is outside its own gate.
//! After the gates open, every thread that was held up gets one group through before they close again, so a
//! client that asks for exclusive access in a loop starves nobody.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use parking_lot::{Condvar, Mutex};

/// One thread's way into the keyspace.
#[derive(Default)]
#[repr(align(128))]
pub struct Gate {
    inside: AtomicBool,
    /// Held up by closed gates, and not through since.
    waiting: AtomicBool,
    taken: AtomicBool,
}

/// All gates, and the one token.
pub struct Gates {
    gates: Box<[Gate]>,
    closing: AtomicBool,
    queue: Mutex<Queue>,
    changed: Condvar,
}

/// Who is next to have the token.
#[derive(Default)]
struct Queue {
    next_ticket: u64,
    serving: u64,
}

/// A thread's gate, taken for as long as the thread works on the keyspace.
pub struct GateKey<'a> {
    gates: &'a Gates,
    gate: &'a Gate,
    number: usize,
}

/// Being inside: partitions may be locked.
pub struct Inside<'a> {
    gates: &'a Gates,
    gate: &'a Gate,
}

/// Exclusive access: every gate is closed and everyone out.
pub struct Closed<'a>(&'a Gates);

impl Gates {
    /// Gates for `threads` threads.
    pub fn new(threads: usize) -> Gates {
        Gates {
            gates: (0..threads).map(|_| Gate::default()).collect(),
            closing: AtomicBool::new(false),
            queue: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Takes a free gate for this thread.
    ///
    /// # Panics
    /// If there are more threads than gates.
    pub fn take(&self) -> GateKey<'_> {
        let free = |gate: &Gate| !gate.taken.swap(true, SeqCst);
        let number = self.gates.iter().position(free).expect("a gate for every thread");
        GateKey { gates: self, gate: &self.gates[number], number }
    }

    /// Waits for the token, closes the gates, and waits until everyone is out.
    fn close(&self) -> Closed<'_> {
        let mut queue = self.queue.lock();
        let ticket = queue.next_ticket;
        queue.next_ticket += 1;
        while queue.serving != ticket || self.gates.iter().any(|g| g.waiting.load(SeqCst)) {
            self.changed.wait(&mut queue);
        }
        self.closing.store(true, SeqCst);
        while self.gates.iter().any(|g| g.inside.load(SeqCst)) {
            self.changed.wait(&mut queue);
        }
        Closed(self)
    }

    /// Wakes those that wait for a change; taking the lock makes sure that none is about to wait.
    fn announce(&self) {
        drop(self.queue.lock());
        self.changed.notify_all();
    }
}

impl<'a> GateKey<'a> {
    /// The number of the gate, from 0.
    pub fn number(&self) -> usize {
        self.number
    }

    /// Enters; waits while the gates are closed.
    #[inline]
    pub fn enter(&self) -> Inside<'a> {
        self.gate.inside.swap(true, SeqCst);
        if self.gates.closing.load(SeqCst) {
            self.wait_and_enter();
        }
        Inside { gates: self.gates, gate: self.gate }
    }

    #[cold]
    fn wait_and_enter(&self) {
        let (gates, gate) = (self.gates, self.gate);
        let mut queue = gates.queue.lock();
        gate.inside.store(false, SeqCst);
        gate.waiting.store(true, SeqCst);
        gates.changed.notify_all();
        while gates.closing.load(SeqCst) {
            gates.changed.wait(&mut queue);
        }
        gate.inside.store(true, SeqCst);
        gate.waiting.store(false, SeqCst);
        gates.changed.notify_all();
    }

    /// Takes exclusive access. The caller has left its gate.
    pub fn close(&self) -> Closed<'a> {
        debug_assert!(!self.gate.inside.load(SeqCst), "the side that closes the gates is outside");
        self.gates.close()
    }
}

impl Drop for GateKey<'_> {
    fn drop(&mut self) {
        self.gate.taken.store(false, SeqCst);
    }
}

impl Inside<'_> {
    /// Whether someone waits for exclusive access: a reason to leave soon.
    #[inline]
    pub fn is_closing(&self) -> bool {
        self.gates.closing.load(std::sync::atomic::Ordering::Relaxed)
    }
}

impl Drop for Inside<'_> {
    #[inline]
    fn drop(&mut self) {
        self.gate.inside.store(false, SeqCst);
        if self.gates.closing.load(SeqCst) {
            self.gates.announce();
        }
    }
}

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        let mut queue = self.0.queue.lock();
        self.0.closing.store(false, SeqCst);
        queue.serving += 1;
        drop(queue);
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::UnsafeCell;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    /// A counter that only exclusive access may touch.
    struct Plain(UnsafeCell<u64>);
    // SAFETY: the test is that the gates keep the accesses apart.
    #[allow(unsafe_code)]
    unsafe impl Sync for Plain {}

    #[test]
    fn exclusive_means_alone() {
        let (gates, inside, plain) = (Gates::new(4), AtomicUsize::new(0), Plain(UnsafeCell::new(0)));
        std::thread::scope(|s| {
            for thread in 0..4 {
                let (gates, inside, plain) = (&gates, &inside, &plain);
                s.spawn(move || {
                    let key = gates.take();
                    for round in 0..2000 {
                        if (round + thread) % 3 == 0 {
                            let _closed = key.close();
                            assert_eq!(inside.load(SeqCst), 0);
                            // SAFETY: alone.
                            #[allow(unsafe_code)]
                            unsafe {
                                *plain.0.get() += 1;
                            }
                        } else {
                            let _inside = key.enter();
                            inside.fetch_add(1, SeqCst);
                            std::hint::spin_loop();
                            inside.fetch_sub(1, SeqCst);
                        }
                    }
                });
            }
        });
        assert_eq!(
            plain.0.into_inner(),
            (0..4).map(|t| (0..2000).filter(|r| (r + t) % 3 == 0).count() as u64).sum()
        );
        assert_eq!(inside.load(Relaxed), 0);
    }
}
