//! Waiters: clients that wait for a key, first come, first served.
//!
//! A waiter stands in the partitions of the keys it waits for, and changes only under their locks: whoever changes a
//! key sees in the same hold who waits for it. It may stand at several keys, be run into its time-out and be killed
//! at the same time, so all of these first [`Waiter::claim`] it, and one succeeds.

use std::any::Any;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use data::Type;

use crate::view::PartitionSet;

/// A client's command that waits.
pub struct Waiter {
    /// The database of its keys.
    pub db: u32,
    /// The keys it waits for.
    pub keys: Vec<Box<[u8]>>,
    /// The type of value that it waits for.
    pub wants: Type,
    /// Whether it is to be told also of a key that goes or comes to be of another type.
    pub sees_loss: bool,
    /// The partitions that its command locks when it runs again.
    pub partitions: PartitionSet,
    /// What running it takes: the engine's.
    pub command: Box<dyn Any + Send + Sync>,
    claimed: AtomicBool,
}

impl Waiter {
    /// A waiter that nobody has claimed.
    pub fn new(
        db: u32,
        keys: Vec<Box<[u8]>>,
        wants: Type,
        sees_loss: bool,
        partitions: PartitionSet,
        command: Box<dyn Any + Send + Sync>,
    ) -> Arc<Waiter> {
        Arc::new(Waiter { db, keys, wants, sees_loss, partitions, command, claimed: AtomicBool::new(false) })
    }

    /// Takes the right to say how the wait ends. At most one caller gets it.
    pub fn claim(&self) -> bool {
        !self.claimed.swap(true, Ordering::AcqRel)
    }

    /// Gives the right back: the wait goes on.
    pub fn release(&self) {
        self.claimed.store(false, Ordering::Release);
    }

    /// Whether it still waits.
    pub fn is_waiting(&self) -> bool {
        !self.claimed.load(Ordering::Acquire)
    }
}

/// Those that wait for a key, in the order in which they came.
pub(crate) type Queue = VecDeque<Arc<Waiter>>;

/// The waiters of a partition's keys.
#[derive(Default)]
pub(crate) struct Waiters(HashMap<(u32, Box<[u8]>), Queue>);

impl Waiters {
    pub(crate) fn add(&mut self, key: &[u8], waiter: &Arc<Waiter>) {
        self.0.entry((waiter.db, key.into())).or_default().push_back(waiter.clone());
    }

    pub(crate) fn remove(&mut self, key: &[u8], waiter: &Arc<Waiter>) {
        let place = (waiter.db, key.into());
        let Some(queue) = self.0.get_mut(&place) else { return };
        queue.retain(|other| !Arc::ptr_eq(other, waiter));
        if queue.is_empty() {
            self.0.remove(&place);
        }
    }

    /// Those that wait for a key, in the order in which they came.
    pub(crate) fn of(&self, db: u32, key: &[u8]) -> Option<&Queue> {
        if self.0.is_empty() { None } else { self.0.get(&(db, key.into())) }
    }

    /// The keys of a database that somebody waits for.
    pub(crate) fn keys(&self, db: u32) -> impl Iterator<Item = &[u8]> {
        self.0.keys().filter(move |(of, _)| *of == db).map(|(_, key)| &**key)
    }

    pub(crate) fn queues(&self) -> impl Iterator<Item = &Queue> {
        self.0.values()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
