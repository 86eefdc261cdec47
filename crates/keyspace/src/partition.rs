//! A partition: one lock over one 1,024th of every database.
//!
//! Watchers of a key, and those who wait for it, stand in the partition of that key, under the same lock as the key, so whoever changes it
//! tells them in the same hold.

#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering::Relaxed};

use parking_lot::RawMutex;
use parking_lot::lock_api::RawMutex as _;

use crate::cut::CutCursor;
use crate::segment::{Base, Tag};
use crate::table::Table;
use crate::waiters::{Queue, Waiter, Waiters};

/// Partitions in a keyspace; a power of two.
pub const PARTITIONS: usize = 1024;

/// No entry of the partition will ever be due.
pub const NEVER: i64 = i64::MAX;

/// What WATCH leaves at a key: set once the key was touched.
pub type WatchFlag = Arc<AtomicBool>;

/// One lock and what it guards. What a lookup in database 0 reads stands in the first cache line, in this order.
#[repr(C, align(64))]
pub struct Partition {
    lock: RawMutex,
    hint_homes: AtomicU32,
    /// Where the slots of the table changed last stand: a hint for prefetching, possibly stale.
    hint_slots: AtomicU64,
    data: UnsafeCell<Contents>,
    /// When the first entry may be due, in Unix milliseconds.
    earliest_due: AtomicI64,
}

// SAFETY: `data` is reached only through `contents`, whose callers hold the lock or exclusive access.
unsafe impl Sync for Partition {}

/// What the lock guards.
#[derive(Default)]
#[repr(C)]
pub struct Contents {
    /// The table of database 0, without a detour.
    first: Table,
    /// Those of databases 1 and on, as far as they were written.
    others: Vec<Option<Box<Table>>>,
    /// Who is told when a key changes, if anyone is.
    listeners: Option<Box<Listeners>>,
}

/// Who is told when a key changes.
#[derive(Default)]
struct Listeners {
    watchers: Watchers,
    waiters: Waiters,
}

type Watchers = HashMap<(u32, Box<[u8]>), Vec<Watch>>;

/// One client's watch of a key.
struct Watch {
    flag: WatchFlag,
    /// The key was there and due when the watch began: it counts as missing, and its deletion is no change.
    was_due: bool,
}

/// What becomes of a key when its whole database does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is not there.
    Missing,
    /// It is there, but due.
    Due,
    /// It is there.
    There,
}

impl Watch {
    /// Notes that the key's database was replaced by another, as Redis's `touchAllWatchedKeysInDb`.
    fn replaced(&mut self, before: Presence, after: Presence) {
        let was_missing = self.was_due || before == Presence::Missing;
        match after {
            Presence::There => self.flag.store(true, Relaxed),
            _ if !was_missing => self.flag.store(true, Relaxed),
            Presence::Missing | Presence::Due => self.was_due = after == Presence::Due,
        }
    }
}

impl Default for Partition {
    fn default() -> Partition {
        Partition {
            lock: RawMutex::INIT,
            hint_slots: AtomicU64::new(0),
            hint_homes: AtomicU32::new(0),
            earliest_due: AtomicI64::new(NEVER),
            data: UnsafeCell::default(),
        }
    }
}

impl Partition {
    /// Locks, waiting for it.
    #[inline]
    pub fn lock(&self) {
        self.lock.lock();
    }

    /// Locks if nobody holds it.
    #[inline]
    pub fn try_lock(&self) -> bool {
        self.lock.try_lock()
    }

    /// Unlocks.
    ///
    /// # Safety
    /// This thread holds the lock.
    #[inline]
    pub unsafe fn unlock(&self) {
        // SAFETY: the caller holds it.
        unsafe { self.lock.unlock() }
    }

    /// What the lock guards.
    ///
    /// # Safety
    /// This thread holds the lock, or exclusive access, for as long as the result lives, and no other
    /// reference to the contents lives.
    #[inline]
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn contents(&self) -> &mut Contents {
        // SAFETY: as the caller promises.
        unsafe { &mut *self.data.get() }
    }

    /// The address where a lookup of `tag` most likely begins. Never to be read, only prefetched.
    #[inline]
    pub fn hint(&self, tag: Tag) -> u64 {
        let base = Base { slots: self.hint_slots.load(Relaxed), homes: self.hint_homes.load(Relaxed) };
        base.home_address(tag)
    }

    /// Publishes where a table's slots stand after it has changed.
    #[inline]
    pub fn publish(&self, base: Option<Base>) {
        if let Some(base) = base
            && base.slots != self.hint_slots.load(Relaxed)
        {
            self.hint_slots.store(base.slots, Relaxed);
            self.hint_homes.store(base.homes, Relaxed);
        }
    }

    /// When the first entry may be due; [`NEVER`] if none will be.
    pub fn earliest_due(&self) -> i64 {
        self.earliest_due.load(Relaxed)
    }

    /// Notes that an entry is due at `at`.
    pub fn note_due(&self, at: i64) {
        if at < self.earliest_due.load(Relaxed) {
            self.earliest_due.store(at, Relaxed);
        }
    }

    /// Sets anew when the first entry may be due. Called under the lock.
    pub fn renew_earliest_due(&self, contents: &Contents) {
        let earliest = contents.tables().filter_map(|(_, table)| table.earliest_due()).min();
        self.earliest_due.store(earliest.unwrap_or(NEVER), Relaxed);
    }
}

impl Contents {
    /// The table of a database; `None` if it was never written.
    #[inline]
    pub fn table(&self, db: u32) -> Option<&Table> {
        match db {
            0 => Some(&self.first),
            _ => self.others.get(db as usize - 1)?.as_deref(),
        }
    }

    /// The table of a database, made now if it was never written.
    #[inline]
    pub fn table_mut(&mut self, db: u32) -> &mut Table {
        if db == 0 {
            return &mut self.first;
        }
        let index = db as usize - 1;
        if self.others.len() <= index {
            self.others.resize_with(index + 1, || None);
        }
        self.others[index].get_or_insert_default()
    }

    /// Whether a database has a key with this hash within the partition, and whether it is due.
    pub fn presence(&self, db: u32, within: u64, key: &[u8], now: i64) -> Presence {
        let found = self.table(db).and_then(|table| Some(table.at(table.find(within, key)?)));
        match found.map(|entry| entry.expiry()) {
            None => Presence::Missing,
            Some(Some(at)) if at <= now => Presence::Due,
            Some(_) => Presence::There,
        }
    }

    /// Each table with its database.
    pub fn tables(&self) -> impl Iterator<Item = (u32, &Table)> {
        let others = self.others.iter().enumerate().filter_map(|(i, t)| Some((i as u32 + 1, t.as_deref()?)));
        std::iter::once((0, &self.first)).chain(others)
    }

    /// The same, to change.
    pub fn tables_mut(&mut self) -> impl Iterator<Item = (u32, &mut Table)> {
        let others =
            self.others.iter_mut().enumerate().filter_map(|(i, t)| Some((i as u32 + 1, t.as_deref_mut()?)));
        std::iter::once((0, &mut self.first)).chain(others)
    }

    /// A table with entries that the cut under way has not seen, and where to go on there.
    pub(crate) fn unsaved(&mut self) -> Option<(&mut Table, CutCursor)> {
        self.tables_mut().find_map(|(_, table)| table.cursor.map(|cursor| (table, cursor)))
    }

    /// Takes a database's table out and leaves an empty one.
    pub fn take_table(&mut self, db: u32) -> Table {
        match self.table(db) {
            Some(_) => std::mem::take(self.table_mut(db)),
            None => Table::default(),
        }
    }

    /// Exchanges the tables of two databases.
    pub fn swap_tables(&mut self, a: u32, b: u32) {
        let (first, second) = (self.take_table(a), self.take_table(b));
        if !first.is_empty() {
            *self.table_mut(b) = first;
        }
        if !second.is_empty() {
            *self.table_mut(a) = second;
        }
    }

    /// Whether anyone is to be told of changes here.
    #[inline]
    pub fn has_listeners(&self) -> bool {
        self.listeners.is_some()
    }

    /// Watches a key, which may be due already.
    pub fn watch(&mut self, db: u32, key: &[u8], flag: &WatchFlag, was_due: bool) {
        let watches = self.listeners.get_or_insert_default().watchers.entry((db, key.into())).or_default();
        watches.push(Watch { flag: flag.clone(), was_due });
    }

    /// Whether a key that a client watches was due when the watch began.
    pub fn was_due(&self, db: u32, key: &[u8], flag: &WatchFlag) -> bool {
        let watches = self.listeners.as_ref().and_then(|l| l.watchers.get(&(db, key.into())));
        watches.is_some_and(|watches| watches.iter().any(|w| w.was_due && Arc::ptr_eq(&w.flag, flag)))
    }

    /// Ends a watch.
    pub fn unwatch(&mut self, db: u32, key: &[u8], flag: &WatchFlag) {
        let Some(listeners) = &mut self.listeners else { return };
        let place = (db, key.into());
        if let Some(watches) = listeners.watchers.get_mut(&place) {
            watches.retain(|w| !Arc::ptr_eq(&w.flag, flag));
            if watches.is_empty() {
                listeners.watchers.remove(&place);
            }
        }
        self.forget_silence();
    }

    /// Lets a client wait for a key, behind those that do already.
    pub fn wait(&mut self, key: &[u8], waiter: &Arc<Waiter>) {
        self.listeners.get_or_insert_default().waiters.add(key, waiter);
    }

    /// Ends a wait for a key.
    pub fn stop_waiting(&mut self, key: &[u8], waiter: &Arc<Waiter>) {
        let Some(listeners) = &mut self.listeners else { return };
        listeners.waiters.remove(key, waiter);
        self.forget_silence();
    }

    fn forget_silence(&mut self) {
        if self.listeners.as_ref().is_some_and(|l| l.watchers.is_empty() && l.waiters.is_empty()) {
            self.listeners = None;
        }
    }

    /// The waiter for a key before which `index` others came.
    pub fn waiter(&self, db: u32, key: &[u8], index: usize) -> Option<Arc<Waiter>> {
        self.listeners.as_ref()?.waiters.of(db, key)?.get(index).cloned()
    }

    /// Tells the watchers of a key that it was touched. Answers whether somebody waits for it.
    pub fn touched(&self, db: u32, key: &[u8]) -> bool {
        let Some(listeners) = &self.listeners else { return false };
        if let Some(watches) = listeners.watchers.get(&(db, key.into())) {
            watches.iter().for_each(|w| w.flag.store(true, Relaxed));
        }
        listeners.waiters.of(db, key).is_some()
    }

    /// Tells the watchers of a database's keys that all of it is replaced; `change` says what a key was and what it becomes.
    /// Answers the keys that somebody waits for and that come or go.
    pub fn replaced(
        &mut self,
        db: u32,
        change: impl Fn(&Contents, &[u8]) -> (Presence, Presence),
    ) -> Vec<Box<[u8]>> {
        let Some(mut listeners) = self.listeners.take() else { return Vec::new() };
        for ((_, key), watches) in listeners.watchers.iter_mut().filter(|((of, _), _)| *of == db) {
            let (before, after) = change(self, key);
            watches.iter_mut().for_each(|w| w.replaced(before, after));
        }
        let is_touched = |key: &&[u8]| change(self, key) != (Presence::Missing, Presence::Missing);
        let ready = listeners.waiters.keys(db).filter(is_touched).map(Box::from).collect();
        self.listeners = Some(listeners);
        ready
    }

    /// Watched keys.
    pub fn watched_keys(&self) -> usize {
        self.listeners.as_ref().map_or(0, |l| l.watchers.len())
    }

    /// Keys that somebody waits for, and those of them whose loss somebody waits to see.
    pub fn awaited_keys(&self) -> (usize, usize) {
        let Some(listeners) = &self.listeners else { return (0, 0) };
        let loss = |queue: &&Queue| queue.iter().any(|w| w.sees_loss);
        (listeners.waiters.queues().count(), listeners.waiters.queues().filter(loss).count())
    }
}
