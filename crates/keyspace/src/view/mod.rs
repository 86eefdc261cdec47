//! A view: what a command sees of the keyspace, which is the partitions that are locked for it.
//!
//! Every lookup and every change goes through here, and every change through [`View::touch_for_write`]: what a
//! snapshot must save first, whom a watch must tell, and what an observer must hear hang on that one function.
//! A key whose partition was not locked is a bug of the command table, and stops the command by a panic.
//!
//! Here stand locking, lookups and reading; `change` has what changes keys, `listen` who is told of it, and `whole` what is
//! done to partitions and databases as a whole.

#![allow(unsafe_code)]

mod change;
mod listen;
mod partitions;
mod whole;

use std::collections::VecDeque;
use std::marker::PhantomData;
use std::sync::atomic::Ordering::Relaxed;

use data::{ObjectRef, Type, Value};

use crate::access::idle_seconds;
use crate::entry::{Entry, OwnedEntry, Str, parse_integer};
use crate::gate::Inside;
use crate::keyspace::{Counters, Exclusive, Key, Keyspace, Member, bump};
use crate::partition::Contents;
use crate::table::{Place, Table};

pub use partitions::{PartitionSet, partitions_of};

/// The value is of another type than the command works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongType;

/// What of the keyspace a view may touch.
enum Held {
    /// Nothing.
    None,
    /// One locked partition.
    One(usize),
    /// Those in the view's set, locked.
    Many,
    /// All, by exclusive access.
    All,
}

/// Bytes that a table takes beside its entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableFootprint {
    /// Slots and directory.
    pub slots: usize,
    /// The index of due times.
    pub due: usize,
}

/// How a lookup counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Intent {
    /// For its value: counts as a hit or a miss, and as an access.
    Read,
    /// For facts about the key: counts as a hit or a miss, not as an access.
    Peek,
    /// To change it: counts as an access.
    Write,
}

/// A key that went though no command named it, or fields of one, for those who observe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Its database.
    pub db: u32,
    /// The key.
    pub key: Box<[u8]>,
    /// Why it went, or what.
    pub why: Why,
}

/// Why a key, or a part of it, goes by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It was due.
    Expired,
    /// Memory was needed.
    Evicted,
    /// These fields of a hash were due.
    Fields {
        /// Their names.
        names: Vec<Box<[u8]>>,
        /// There was no other field, so the key went too.
        all: bool,
    },
}

/// What becomes of a key's expiry when its value is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expire {
    /// It goes.
    Never,
    /// It stays as it is.
    Keep,
    /// It is set, in Unix milliseconds.
    At(i64),
}

/// What [`View::modify`] does where there is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Nothing.
    Skip,
    /// It begins with an empty value, which stays if it has changed and is not empty in the end.
    Create,
}

/// What [`View::modify`] has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modified<R> {
    /// What the closure answered.
    pub result: R,
    /// The changes that it counted.
    pub changes: u64,
    /// Whether the key was there and is gone, as the value was empty in the end.
    pub removed: bool,
}

/// A found key; good while the view is borrowed.
#[derive(Clone, Copy)]
pub struct Found<'v>(Entry, i64, PhantomData<&'v ()>);

impl<'v> Found<'v> {
    /// The type of the value.
    pub fn value_type(self) -> Type {
        self.0.value_type()
    }

    /// The value of a string.
    #[inline]
    pub fn str(self) -> Result<Str<'v>, WrongType> {
        if self.0.value_type() == Type::String { Ok(self.0.str()) } else { Err(WrongType) }
    }

    /// The value, which must be a `T`.
    #[inline]
    pub fn value<T: Value>(self) -> Result<&'v T, WrongType> {
        self.0.value().ok_or(WrongType)
    }

    /// The value, unless it is a string.
    pub fn object(self) -> Option<ObjectRef<'v>> {
        self.0.object()
    }

    /// When it is due, in Unix milliseconds.
    pub fn expiry(self) -> Option<i64> {
        self.0.expiry()
    }

    /// What OBJECT ENCODING answers.
    pub fn encoding(self) -> &'static str {
        self.0.encoding()
    }

    /// Bytes of memory of the entry, its value and its slot.
    pub fn footprint(self) -> usize {
        self.0.footprint() + size_of::<u64>()
    }

    /// The 24 bits of LRU clock or LFU state.
    pub fn access(self) -> u32 {
        self.0.access()
    }

    /// Seconds since the last access, where recency is kept.
    pub fn idle_seconds(self) -> u32 {
        idle_seconds(self.0.access(), self.1)
    }

    /// The key's bytes, as they are kept.
    pub fn key(self) -> &'v [u8] {
        self.0.key()
    }
}

/// The locked partitions, as a command sees them.
pub struct View<'a> {
    keyspace: &'a Keyspace,
    counters: &'a Counters,
    held: Held,
    many: PartitionSet,
    /// The database that keys are looked up in.
    pub db: u32,
    /// The time by which keys are due, in Unix milliseconds; fixed while a command runs.
    pub now: i64,
    /// The time by which accesses are noted, in Unix milliseconds. Another one only where time stands still.
    pub noted: i64,
    /// Whether lookups leave no trace in the entry (CLIENT NO-TOUCH).
    pub no_touch: bool,
    /// Whether due keys are hidden and left to be deleted by the primary.
    pub keeps_due: bool,
    /// Whether [`View::lost`] is kept; else nobody asks for it.
    pub records: bool,
    /// Keys that went by themselves, in order.
    pub lost: Vec<Lost>,
    /// What takes long to free: whoever takes it frees it where it hurts nobody.
    pub discarded: Vec<OwnedEntry>,
    /// Keys that were touched and that somebody waits for, in order.
    pub ready: VecDeque<(u32, Box<[u8]>)>,
}
impl<'a> View<'a> {
    /// A view without any partition; the thread is inside its gate for as long as it lives.
    pub fn new(member: &Member<'a>, _inside: &'a Inside<'_>, now: i64) -> View<'a> {
        View::with(member.keyspace, member.counters, Held::None, now)
    }

    /// A view of everything.
    pub fn exclusive(exclusive: &'a mut Exclusive<'_>, now: i64) -> View<'a> {
        View::with(exclusive.keyspace, exclusive.counters, Held::All, now)
    }

    fn with(keyspace: &'a Keyspace, counters: &'a Counters, held: Held, now: i64) -> View<'a> {
        let (no_touch, keeps_due, records) = (false, false, false);
        let (many, lost, discarded, ready) = (PartitionSet::default(), vec![], vec![], VecDeque::new());
        View {
            keyspace,
            counters,
            held,
            many,
            db: 0,
            now,
            noted: now,
            no_touch,
            keeps_due,
            records,
            lost,
            discarded,
            ready,
        }
    }

    /// The keyspace.
    pub fn keyspace(&self) -> &'a Keyspace {
        self.keyspace
    }

    /// Locks one partition in place of what was held before; the same one stays locked.
    #[inline]
    pub fn lock_one(&mut self, partition: usize) {
        match self.held {
            Held::One(held) if held == partition => {}
            Held::All => {}
            _ => {
                self.unlock();
                self.keyspace.partition(partition).lock();
                self.held = Held::One(partition);
            }
        }
    }

    /// Locks several partitions, in ascending order, in place of what was held before.
    pub fn lock_many(&mut self, partitions: PartitionSet) {
        if matches!(self.held, Held::All) {
            return;
        }
        self.unlock();
        partitions.iter().for_each(|p| self.keyspace.partition(p).lock());
        self.many = partitions;
        self.held = Held::Many;
    }

    /// Unlocks what is held; exclusive access stays.
    #[inline]
    pub fn unlock(&mut self) {
        match std::mem::replace(&mut self.held, Held::None) {
            Held::None => {}
            // SAFETY: `held` says which locks this view has taken.
            Held::One(p) => unsafe { self.keyspace.partition(p).unlock() },
            // SAFETY: as above.
            Held::Many => self.many.iter().for_each(|p| unsafe { self.keyspace.partition(p).unlock() }),
            Held::All => self.held = Held::All,
        }
    }

    /// Whether the view has exclusive access.
    pub fn is_exclusive(&self) -> bool {
        matches!(self.held, Held::All)
    }

    fn holds(&self, partition: usize) -> bool {
        match &self.held {
            Held::None => false,
            Held::One(p) => *p == partition,
            Held::Many => self.many.contains(partition),
            Held::All => true,
        }
    }

    #[inline]
    pub(crate) fn contents(&mut self, partition: usize) -> &mut Contents {
        assert!(self.holds(partition), "a command touched a key that it does not declare");
        // SAFETY: the partition is held, as just seen; `self` is borrowed while the contents are.
        unsafe { self.keyspace.partition(partition).contents() }
    }

    pub(crate) fn table(&mut self, key: &Key) -> &mut Table {
        let db = self.db;
        self.contents(key.partition()).table_mut(db)
    }

    fn next_random(&mut self) -> u64 {
        self.counters.random()
    }

    /// Finds a key that is not due; one that is, is deleted now.
    #[inline]
    fn lookup(&mut self, key: &Key, intent: Intent) -> Option<(Place, Entry)> {
        let (db, now) = (self.db, self.now);
        let found = self.contents(key.partition()).table(db).and_then(|table| {
            let place = table.find(key.within(), key.bytes)?;
            Some((place, table.at(place)))
        });
        let found = match found {
            Some((place, entry)) if entry.expiry().is_some_and(|at| at <= now) => {
                if !self.keeps_due {
                    self.delete_due(key, place);
                }
                None
            }
            other => other,
        };
        if let (Some((_, entry)), Intent::Read | Intent::Write) = (found, intent) {
            self.note_access(entry);
        }
        if intent != Intent::Write {
            bump(if found.is_some() { &self.counters.hits } else { &self.counters.misses });
        }
        found
    }

    #[inline]
    fn note_access(&mut self, entry: Entry) {
        if self.no_touch {
            return;
        }
        let (keyspace, now, before) = (self.keyspace, self.noted, entry.access());
        let after = keyspace.access.accessed(before, now, || self.next_random());
        if after != before {
            entry.set_access(after);
        }
    }

    /// The key, for its value.
    #[inline]
    pub fn get(&mut self, key: &[u8]) -> Option<Found<'_>> {
        let (key, now) = (self.keyspace.key(key), self.now);
        self.lookup(&key, Intent::Read).map(|(_, entry)| Found(entry, now, PhantomData))
    }

    /// The key, for facts about it: its use is not noted.
    pub fn peek(&mut self, key: &[u8]) -> Option<Found<'_>> {
        let (key, now) = (self.keyspace.key(key), self.now);
        self.lookup(&key, Intent::Peek).map(|(_, entry)| Found(entry, now, PhantomData))
    }

    /// The key, before it is changed: neither a hit nor a miss.
    pub fn get_for_write(&mut self, key: &[u8]) -> Option<Found<'_>> {
        let (key, now) = (self.keyspace.key(key), self.now);
        self.lookup(&key, Intent::Write).map(|(_, entry)| Found(entry, now, PhantomData))
    }

    /// The key, for a look that leaves no trace: neither counted nor noted.
    pub fn inspect(&mut self, key: &[u8]) -> Option<Found<'_>> {
        let (key, now) = (self.keyspace.key(key), self.now);
        let no_touch = std::mem::replace(&mut self.no_touch, true);
        let found = self.lookup(&key, Intent::Write);
        self.no_touch = no_touch;
        found.map(|(_, entry)| Found(entry, now, PhantomData))
    }

    /// The value of a string, for reading.
    #[inline]
    pub fn string(&mut self, key: &[u8]) -> Result<Option<Str<'_>>, WrongType> {
        self.get(key).map(Found::str).transpose()
    }

    /// Whether the key is there; neither counted nor noted.
    pub fn contains(&mut self, key: &[u8]) -> bool {
        self.find_for_write(key).is_some()
    }

    /// A value of type `T`, for reading.
    #[inline]
    pub fn read<T: Value>(&mut self, key: &[u8]) -> Result<Option<&T>, WrongType> {
        self.get(key).map(Found::value).transpose()
    }

    /// A value of type `T`, beside others that are borrowed at the same time: due or not, and without a trace. Whoever
    /// reads several keys calls [`View::get`] for each first, which expires and counts them.
    pub fn beside<T: Value>(&self, key: &[u8]) -> Result<Option<&T>, WrongType> {
        let key = self.keyspace.key(key);
        assert!(self.holds(key.partition()), "a command touched a key that it does not declare");
        // SAFETY: the partition is held, as just seen; `self` is borrowed, so nothing is changed meanwhile.
        let contents: &Contents = unsafe { self.keyspace.partition(key.partition()).contents() };
        let Some(table) = contents.table(self.db) else { return Ok(None) };
        let Some(place) = table.find(key.within(), key.bytes) else { return Ok(None) };
        table.at(place).value().map(Some).ok_or(WrongType)
    }

    /// Runs `work` with another database selected.
    pub fn in_db<R>(&mut self, db: u32, work: impl FnOnce(&mut View<'a>) -> R) -> R {
        let here = std::mem::replace(&mut self.db, db);
        let result = work(self);
        self.db = here;
        result
    }

    /// Whether all these partitions are held.
    pub fn holds_all(&self, partitions: &PartitionSet) -> bool {
        partitions.iter().all(|partition| self.holds(partition))
    }

    /// Whether the key is there but due.
    pub fn is_due(&mut self, key: &[u8]) -> bool {
        let (key, now) = (self.keyspace.key(key), self.now);
        let table = self.table(&key);
        table.find(key.within(), key.bytes).is_some_and(|p| table.at(p).expiry().is_some_and(|at| at <= now))
    }

    /// The entry of a key, due or not, without a trace.
    pub(crate) fn entry(&mut self, key: &[u8]) -> Option<Entry> {
        let (key, db) = (self.keyspace.key(key), self.db);
        let table = self.contents(key.partition()).table(db)?;
        table.find(key.within(), key.bytes).map(|place| table.at(place))
    }

    /// Counts changes.
    pub fn count_changes(&self, changes: u64) {
        let counter = &self.counters.changes;
        counter.store(counter.load(Relaxed) + changes, Relaxed);
    }

    /// Random bits.
    pub fn random(&mut self) -> u64 {
        self.next_random()
    }
}

impl Drop for View<'_> {
    fn drop(&mut self) {
        self.unlock();
    }
}

/// The integer a string is, if it is one.
pub fn integer(value: Str) -> Option<i64> {
    match value {
        Str::Int(n) => Some(n),
        Str::Bytes(bytes) => parse_integer(bytes),
    }
}

#[cfg(test)]
mod tests;
