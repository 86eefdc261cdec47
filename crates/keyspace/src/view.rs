//! A view: what a command sees of the keyspace, which is the partitions that are locked for it.
//!
//! Every lookup and every change goes through here, and every change through [`View::touch_for_write`]: what a
//! snapshot must save first, whom a watch must tell, and what an observer must hear hang on that one function.
//! A key whose partition was not locked is a bug of the command table, and stops the command by a panic.

#![allow(unsafe_code)]

use std::collections::VecDeque;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use data::{Hash, ObjectRef, Type, Value};

use crate::access::idle_seconds;
use crate::cut;
use crate::entry::{Entry, NewValue, OwnedEntry, Str, parse_integer};
use crate::eviction::Among;
use crate::gate::Inside;
use crate::keyspace::{Counters, Cursor, Exclusive, Key, Keyspace, Member, bump, partition_of};
use crate::partition::{Contents, PARTITIONS, Presence, WatchFlag};
use crate::table::{Place, Table};
use crate::waiters::Waiter;

/// The value is of another type than the command works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongType;

/// A set of partitions, as bits.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct PartitionSet([u64; PARTITIONS / 64]);

impl PartitionSet {
    /// The set of one.
    pub fn of(partition: usize) -> PartitionSet {
        let mut set = PartitionSet::default();
        set.insert(partition);
        set
    }

    /// Adds a partition.
    pub fn insert(&mut self, partition: usize) {
        self.0[partition / 64] |= 1 << (partition % 64);
    }

    /// Whether it is in.
    #[inline]
    pub fn contains(&self, partition: usize) -> bool {
        self.0[partition / 64] >> (partition % 64) & 1 == 1
    }

    /// Its members in ascending order, which is the order of locking.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().enumerate().flat_map(|(i, word)| {
            let mut bits = *word;
            std::iter::from_fn(move || {
                let bit = bits.trailing_zeros() as usize;
                bits &= bits.checked_sub(1)?;
                Some(i * 64 + bit)
            })
        })
    }
}

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

/// Fields of one hash that are deleted in one hold.
const FIELDS: usize = 64;
/// Allocations from which on a value is freed elsewhere (Redis's LAZYFREE_THRESHOLD).
const LAZY_EFFORT: usize = 64;

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

    fn find_for_write(&mut self, key: &[u8]) -> Option<Place> {
        let key = self.keyspace.key(key);
        let no_touch = std::mem::replace(&mut self.no_touch, true);
        let found = self.lookup(&key, Intent::Write);
        self.no_touch = no_touch;
        found.map(|(place, _)| place)
    }

    /// The one way to every change of an existing entry: called before the change, under the lock.
    ///
    /// It never waits. An entry that the cut under way has not saved is marked as saved here once its
    /// pre-image is taken.
    #[inline]
    fn touch_for_write(&mut self, key: &Key, entry: Option<Entry>) {
        if let Some(entry) = entry {
            self.save_pre_image(key, entry);
        }
        self.tell_watchers(key);
    }

    /// The half of [`View::touch_for_write`] that must come before a change. An entry that is taken out as it is has no need
    /// of it: [`View::discard`] keeps it.
    #[inline]
    fn save_pre_image(&mut self, key: &Key, entry: Entry) {
        let keyspace = self.keyspace;
        if entry.tag() != keyspace.epoch() {
            keyspace.cut.copy(self.db_at_cut(key), entry, keyspace.epoch());
        }
    }

    /// The number that the database of a key had at the cut.
    fn db_at_cut(&mut self, key: &Key) -> u32 {
        let db = self.db;
        self.table(key).cursor.map_or(db, |cursor| cursor.db())
    }

    /// Whether the change of a key is to wait for the cut under way: it has not seen the key, and its value is large or there
    /// is no room. A command asks this for its keys before it does anything, and is run later if so; [`Cut::may_resume`](cut::Cut::may_resume)
    /// says when. A value that is `replaced` as a whole (or deleted) may be large.
    pub fn must_wait(&mut self, key: &[u8], replaced: bool) -> bool {
        let (cut, epoch, db) = (&self.keyspace.cut, self.keyspace.epoch(), self.db);
        let Some(entry) = self.entry(key).filter(|entry| entry.tag() != epoch && cut.is_saving()) else {
            return false;
        };
        if cut.is_full() {
            cut.await_room();
            return true;
        }
        let is_large = !replaced && cut::is_large(entry);
        if is_large {
            cut.want(db, key);
        }
        is_large
    }

    /// Whether changing an entry would stop the thread until a cut has saved it.
    fn is_held_by_cut(&self, entry: Entry) -> bool {
        let keyspace = self.keyspace;
        entry.tag() != keyspace.epoch() && keyspace.cut.is_saving() && cut::is_large(entry)
    }

    /// The half that may wait until it is known whether anything changes.
    #[inline]
    fn tell_watchers(&mut self, key: &Key) {
        let db = self.db;
        let contents = self.contents(key.partition());
        if contents.has_listeners() && contents.touched(db, key.bytes) {
            self.ready.push_back((db, key.bytes.into()));
        }
    }

    /// Deletes a key that was found due.
    fn delete_due(&mut self, key: &Key, place: Place) {
        self.take(key, place);
        self.note_loss(key, Why::Expired);
    }

    /// Deletes a key that goes by itself; answers whether it was there.
    pub(crate) fn lose(&mut self, key: &[u8], why: Why) -> bool {
        let key = self.keyspace.key(key);
        let Some(place) = self.table(&key).find(key.within(), key.bytes) else { return false };
        self.take(&key, place);
        self.note_loss(&key, why);
        true
    }

    fn note_loss(&mut self, key: &Key, why: Why) {
        match &why {
            Why::Expired => bump(&self.counters.expired),
            Why::Evicted => bump(&self.counters.evicted),
            Why::Fields { names, .. } => {
                let counter = &self.counters.expired_fields;
                counter.store(counter.load(Relaxed) + names.len() as u64, Relaxed);
            }
        }
        if self.records {
            self.lost.push(Lost { db: self.db, key: key.bytes.into(), why });
        }
    }

    /// Takes an entry out of its table and frees it.
    fn take(&mut self, key: &Key, place: Place) {
        let entry = self.detach(key, place);
        self.discard(key, entry);
    }

    /// Frees an entry that has left its table, unless the cut has not seen it, or that takes long.
    fn discard(&mut self, key: &Key, entry: Entry) {
        let keyspace = self.keyspace;
        let mut owned = Some(OwnedEntry::new(entry));
        if entry.tag() != keyspace.epoch() {
            let db = self.db_at_cut(key);
            owned = owned.and_then(|owned| keyspace.cut.keep(db, owned));
        }
        if let Some(owned) = owned
            && owned.get().effort() > LAZY_EFFORT
        {
            self.discarded.push(owned);
        }
    }

    /// Takes an entry out of its table.
    fn detach(&mut self, key: &Key, place: Place) -> Entry {
        self.tell_watchers(key);
        let table = self.table(key);
        let entry = table.remove(place);
        let (base, empty) = (table.base(), table.is_empty());
        self.after_removal(key.partition(), entry, base, empty);
        entry
    }

    fn after_removal(
        &mut self,
        partition: usize,
        entry: Entry,
        base: Option<crate::segment::Base>,
        empty: bool,
    ) {
        self.counters.count(self.db, -1, -(entry.expiry().is_some() as i64));
        self.counters.count_timed(self.db, -(entry.is_timed() as i64));
        self.keyspace.partition(partition).publish(base);
        if empty {
            self.keyspace.mark_occupied(self.db, partition, false);
        }
    }

    /// Deletes a key; answers whether it was there.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        let Some(place) = self.find_for_write(key) else { return false };
        let key = self.keyspace.key(key);
        self.take(&key, place);
        true
    }

    /// Puts a new entry in the table.
    fn insert(&mut self, key: &Key, value: NewValue, expiry: Option<i64>) {
        let (keyspace, access) = (self.keyspace, self.keyspace.access.fresh(self.noted));
        let entry = Entry::new(key.bytes, value, expiry, keyspace.epoch(), access);
        self.insert_entry(key, entry);
    }

    pub(crate) fn insert_entry(&mut self, key: &Key, entry: Entry) {
        let keyspace = self.keyspace;
        self.touch_for_write(key, None);
        let table = self.table(key);
        table.insert(key.within(), entry, |k| keyspace.hash_within(k));
        let (base, first) = (table.base(), table.len() == 1);
        let partition = keyspace.partition(key.partition());
        partition.publish(base);
        if let Some(at) = entry.due() {
            partition.note_due(at);
        }
        if first {
            keyspace.mark_occupied(self.db, key.partition(), true);
        }
        self.counters.count(self.db, 1, entry.expiry().is_some() as i64);
        self.counters.count_timed(self.db, entry.is_timed() as i64);
    }

    /// Puts another value, and perhaps another expiry, in an entry's place.
    #[inline]
    fn store(&mut self, key: &Key, place: Place, entry: Entry, value: NewValue, expire: Expire) {
        let before = entry.expiry();
        let expiry = match expire {
            Expire::Never => None,
            Expire::Keep => before,
            Expire::At(at) => Some(at),
        };
        self.tell_watchers(key);
        let epoch = self.keyspace.epoch();
        // What the cut has not seen is not written over: the old entry is its own pre-image.
        let in_place = expiry == before && entry.value_type() == Type::String && entry.tag() == epoch;
        let value = if in_place {
            match entry.overwrite(value) {
                Ok(()) => return,
                Err(value) => value,
            }
        } else {
            value
        };
        let new = Entry::new(key.bytes, value, expiry, epoch, entry.access());
        self.exchange(key, place, new);
    }

    /// Puts `new` in the place of the entry there, which is freed.
    pub(crate) fn exchange(&mut self, key: &Key, place: Place, new: Entry) {
        let old = self.table(key).replace(place, key.within(), new);
        self.after_exchange(key, old, new);
        self.discard(key, old);
    }

    fn after_exchange(&mut self, key: &Key, old: Entry, new: Entry) {
        if let Some(at) = new.due() {
            self.keyspace.partition(key.partition()).note_due(at);
        }
        self.counters.count_timed(self.db, new.is_timed() as i64 - old.is_timed() as i64);
        let volatile = new.expiry().is_some() as i64 - old.expiry().is_some() as i64;
        self.counters.count(self.db, 0, volatile);
    }

    /// Sets a key to a string, whatever it was before; answers whether it was there.
    #[inline]
    pub fn set(&mut self, key: &[u8], value: NewValue, expire: Expire) -> bool {
        let key = self.keyspace.key(key);
        match self.lookup(&key, Intent::Write) {
            Some((place, entry)) => {
                self.store(&key, place, entry, value, expire);
                true
            }
            None => {
                let at = if let Expire::At(at) = expire { Some(at) } else { None };
                self.insert(&key, value, at);
                false
            }
        }
    }

    /// Replaces a string by what `change` makes of it; its expiry stays. On an error nothing has changed.
    #[inline]
    pub fn update<'v, E: From<WrongType>>(
        &mut self,
        key: &[u8],
        change: impl FnOnce(Option<Str<'_>>) -> Result<NewValue<'v>, E>,
    ) -> Result<(), E> {
        let key = self.keyspace.key(key);
        match self.lookup(&key, Intent::Write) {
            Some((place, entry)) => {
                if entry.value_type() != Type::String {
                    return Err(WrongType.into());
                }
                let value = change(Some(entry.str()))?;
                self.store(&key, place, entry, value, Expire::Keep);
            }
            None => {
                let value = change(None)?;
                self.insert(&key, value, None);
            }
        }
        Ok(())
    }

    /// Lets `change` work on a string's bytes, grown with zeros to at least `len` first; makes the key where
    /// it is missing. The encoding becomes "raw", as for every string that was changed in place.
    pub fn edit<R>(
        &mut self,
        key: &[u8],
        len: usize,
        change: impl FnOnce(&mut [u8]) -> R,
    ) -> Result<R, WrongType> {
        let key = self.keyspace.key(key);
        let Some((place, entry)) = self.lookup(&key, Intent::Write) else {
            let mut bytes = vec![0; len];
            let result = change(&mut bytes);
            self.insert(&key, NewValue::modified_vec(&mut bytes), None);
            return Ok(result);
        };
        if entry.value_type() != Type::String {
            return Err(WrongType);
        }
        self.touch_for_write(&key, Some(entry));
        if let Some(bytes) = entry.bytes_mut(len) {
            return Ok(change(bytes));
        }
        let mut bytes = entry.str().to_vec();
        bytes.resize(len.max(bytes.len()), 0);
        let result = change(&mut bytes);
        self.store(&key, place, entry, NewValue::modified_vec(&mut bytes), Expire::Keep);
        Ok(result)
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

    /// Lets `work` change a value of type `T` where it stands. It counts its changes in the number it is given, and
    /// must count at least one if there was any. The key's expiry stays; a key whose value is empty in the end goes.
    #[inline]
    pub fn modify<T: Value, R>(
        &mut self,
        key: &[u8],
        missing: Missing,
        work: impl FnOnce(&mut T, &mut u64) -> R,
    ) -> Result<Option<Modified<R>>, WrongType> {
        let key = self.keyspace.key(key);
        let mut changes = 0;
        let Some((place, entry)) = self.lookup(&key, Intent::Write) else {
            if missing == Missing::Skip {
                return Ok(None);
            }
            let mut value = T::default();
            let result = work(&mut value, &mut changes);
            if changes > 0 && !value.is_empty() {
                self.insert(&key, NewValue::Object(value.into_object()), None);
            }
            return Ok(Some(Modified { result, changes, removed: false }));
        };
        if entry.value_type() != T::TYPE {
            return Err(WrongType);
        }
        self.save_pre_image(&key, entry);
        let value = entry.value_mut::<T>().ok_or(WrongType)?;
        let times = (T::TYPE == Type::Hash).then(|| (entry.is_timed(), entry.due()));
        let result = work(value, &mut changes);
        let removed = value.is_empty();
        if let Some((was_timed, was_due)) = times {
            self.renew_fields(&key, place, was_timed, was_due);
        }
        if removed {
            self.take(&key, place);
        } else if changes > 0 {
            self.tell_watchers(&key);
        }
        Ok(Some(Modified { result, changes, removed }))
    }

    /// Draws the conclusions when fields of a hash were changed.
    fn renew_fields(&mut self, key: &Key, place: Place, was_timed: bool, was_due: Option<i64>) {
        let table = self.table(key);
        table.renew_fields(place, key.within(), was_timed, was_due);
        let entry = table.at(place);
        self.counters.count_timed(self.db, entry.is_timed() as i64 - was_timed as i64);
        if let Some(at) = entry.due() {
            self.keyspace.partition(key.partition()).note_due(at);
        }
    }

    /// Deletes fields of a hash that are due: those that `pick` takes out and names. Whoever is not to delete what is due
    /// (a replica, or while writes are paused) deletes nothing.
    pub fn expire_fields(&mut self, key: &[u8], pick: impl FnOnce(&mut Hash, i64) -> Vec<Box<[u8]>>) {
        let key = self.keyspace.key(key);
        let (db, now) = (self.db, self.now);
        let Some(table) = self.contents(key.partition()).table(db) else { return };
        let Some(place) = table.find(key.within(), key.bytes) else { return };
        let entry = table.at(place);
        let is_due = |at: Option<i64>| at.is_some_and(|at| at <= now);
        // A key that is due goes as a whole when it is looked up.
        if self.keeps_due || is_due(entry.expiry()) || !is_due(entry.due()) || self.is_held_by_cut(entry) {
            return;
        }
        self.save_pre_image(&key, entry);
        let Some(hash) = entry.value_mut::<Hash>() else { return };
        let (was_timed, was_due) = (entry.is_timed(), entry.due());
        let names = pick(hash, now);
        let all = hash.is_empty();
        self.renew_fields(&key, place, was_timed, was_due);
        if names.is_empty() {
            return;
        }
        if all {
            self.take(&key, place)
        } else {
            self.tell_watchers(&key)
        }
        self.note_loss(&key, Why::Fields { names, all });
    }

    /// Sets, changes or takes away a key's expiry; answers whether the key is there.
    pub fn set_expiry(&mut self, key: &[u8], expiry: Option<i64>) -> bool {
        let Some(place) = self.find_for_write(key) else { return false };
        let key = self.keyspace.key(key);
        let entry = self.table(&key).at(place);
        self.touch_for_write(&key, Some(entry));
        let before = entry.expiry();
        if before == expiry {
            return true;
        }
        if let Some(at) = expiry
            && entry.replace_expiry(at)
        {
            self.table(&key).renew_due(place, key.within(), before, expiry);
            self.keyspace.partition(key.partition()).note_due(at);
            return true;
        }
        let new = entry.moved(key.bytes, expiry, self.keyspace.epoch(), entry.access());
        let old = self.table(&key).replace(place, key.within(), new);
        self.after_exchange(&key, old, new);
        // SAFETY: the old entry has left the table, and its value is the new one's.
        unsafe { old.free_shell() };
        true
    }

    /// Sets the 24 access bits (RESTORE IDLETIME and FREQ).
    pub fn set_access(&mut self, key: &[u8], bits: u32) {
        let key = self.keyspace.key(key);
        if let Some((_, entry)) = self.lookup(&key, Intent::Write) {
            entry.set_access(bits);
        }
    }

    /// Moves a key's value and expiry to another key, whatever that was; the source must be there.
    pub fn rename(&mut self, from: &[u8], to: &[u8]) -> bool {
        let Some(place) = self.find_for_write(from) else { return false };
        let from = self.keyspace.key(from);
        let entry = self.table(&from).at(place);
        if from.bytes == to {
            self.touch_for_write(&from, Some(entry));
            return true;
        }
        self.save_pre_image(&from, entry);
        let old = self.detach(&from, place);
        let new = old.moved(to, old.expiry(), self.keyspace.epoch(), old.access());
        // SAFETY: the old entry has left the table, and its value is the new one's.
        unsafe { old.free_shell() };
        self.put(self.db, to, new);
        true
    }

    /// Copies a key's value and expiry to a key of a database, whatever that was; the source must be there.
    pub fn copy(&mut self, from: &[u8], db: u32, to: &[u8]) -> bool {
        let Some(place) = self.find_for_write(from) else { return false };
        let from = self.keyspace.key(from);
        let entry = self.table(&from).at(place);
        let access = self.keyspace.access.fresh(self.noted);
        let new = Entry::new(to, entry.clone_value(), entry.expiry(), self.keyspace.epoch(), access);
        self.put(db, to, new);
        true
    }

    /// Makes `entry` the entry of a key in a database.
    fn put(&mut self, db: u32, key: &[u8], entry: Entry) {
        let here = std::mem::replace(&mut self.db, db);
        let key = self.keyspace.key(key);
        match self.find_for_write(key.bytes) {
            Some(place) => {
                self.tell_watchers(&key);
                self.exchange(&key, place, entry);
            }
            None => self.insert_entry(&key, entry),
        }
        self.db = here;
    }

    /// Runs `work` with another database selected.
    pub fn in_db<R>(&mut self, db: u32, work: impl FnOnce(&mut View<'a>) -> R) -> R {
        let here = std::mem::replace(&mut self.db, db);
        let result = work(self);
        self.db = here;
        result
    }

    /// Tells the watchers of a key that it was touched though no value changed (a flush, a signal).
    pub fn signal_modified(&mut self, key: &[u8]) {
        let key = self.keyspace.key(key);
        self.touch_for_write(&key, None);
    }

    /// Watches a key of the selected database. One that is due goes first, or counts as missing where it may not go.
    pub fn watch(&mut self, key: &[u8], flag: &WatchFlag) {
        self.find_for_write(key);
        let (db, due) = (self.db, self.is_due(key));
        let key = self.keyspace.key(key);
        self.contents(key.partition()).watch(db, key.bytes, flag, due);
    }

    /// Whether a key that is watched has come due since the watch began, and is still there.
    pub fn has_come_due(&mut self, key: &[u8], flag: &WatchFlag) -> bool {
        let (db, due) = (self.db, self.is_due(key));
        let key = self.keyspace.key(key);
        due && !self.contents(key.partition()).was_due(db, key.bytes, flag)
    }

    /// Ends a watch.
    pub fn unwatch(&mut self, key: &[u8], flag: &WatchFlag) {
        let (key, db) = (self.keyspace.key(key), self.db);
        self.contents(key.partition()).unwatch(db, key.bytes, flag);
    }

    /// Lets a client wait for keys of the waiter's database, all of which are held.
    pub fn wait(&mut self, waiter: &Arc<Waiter>) {
        for key in &waiter.keys {
            let partition = self.keyspace.key(key).partition();
            self.contents(partition).wait(key, waiter);
        }
    }

    /// Ends a client's wait for a key, which is held.
    pub fn stop_waiting(&mut self, waiter: &Arc<Waiter>, key: &[u8]) {
        let partition = self.keyspace.key(key).partition();
        self.contents(partition).stop_waiting(key, waiter);
    }

    /// The waiter for a key, which is held, before which `index` others came.
    pub fn waiter(&mut self, db: u32, key: &[u8], index: usize) -> Option<Arc<Waiter>> {
        let partition = self.keyspace.key(key).partition();
        self.contents(partition).waiter(db, key, index)
    }

    /// Whether all these partitions are held.
    pub fn holds_all(&self, partitions: &PartitionSet) -> bool {
        partitions.iter().all(|partition| self.holds(partition))
    }

    /// Keys of one held partition that somebody waits for, and those whose loss somebody waits to see.
    pub fn awaited_keys(&mut self, partition: usize) -> (usize, usize) {
        self.contents(partition).awaited_keys()
    }

    /// Whether the key is there but due.
    pub fn is_due(&mut self, key: &[u8]) -> bool {
        let (key, now) = (self.keyspace.key(key), self.now);
        let table = self.table(&key);
        table.find(key.within(), key.bytes).is_some_and(|p| table.at(p).expiry().is_some_and(|at| at <= now))
    }

    /// Deletes up to `limit` due keys of one held partition, in all databases. Answers whether more are due.
    pub fn expire_due(&mut self, partition: usize, limit: usize) -> bool {
        let here = self.db;
        let mut left = limit;
        let dbs: Vec<u32> = self.contents(partition).tables().map(|(db, _)| db).collect();
        for db in dbs {
            self.db = db;
            let now = self.now;
            while left > 0 {
                let table = self.contents(partition).table_mut(db);
                let Some(place) = table.next_due(now) else { break };
                let entry = table.at(place);
                let bytes: Box<[u8]> = entry.key().into();
                let key = self.keyspace.key(&bytes);
                if entry.expiry().is_some_and(|at| at <= now) {
                    self.delete_due(&key, place);
                } else {
                    self.expire_fields(&bytes, |hash, now| hash.expire(now, FIELDS));
                    // The element is gone; what is left of the hash needs one.
                    self.note_next_due(&key);
                }
                left -= 1;
            }
        }
        self.db = here;
        let keyspace = self.keyspace;
        keyspace.partition(partition).renew_earliest_due(self.contents(partition));
        left == 0
    }

    /// Puts a key among the due again.
    fn note_next_due(&mut self, key: &Key) {
        let table = self.table(key);
        if let Some(place) = table.find(key.within(), key.bytes) {
            table.renew_due(place, key.within(), None, table.at(place).due());
        }
    }

    /// Visits entries of one held partition in the selected database: see [`Table::scan`]. Due keys are passed over.
    pub fn scan_partition(
        &mut self,
        cursor: Cursor,
        count: &mut usize,
        visit: &mut dyn FnMut(Found<'_>),
    ) -> Option<u64> {
        let (db, now) = (self.db, self.now);
        self.contents(cursor.partition).table(db)?.scan(cursor.position, count, &mut |entry| {
            if entry.expiry().is_none_or(|at| at > now) {
                visit(Found(entry, now, PhantomData));
            }
        })
    }

    /// Keys of the selected database in one held partition, due ones included.
    pub fn partition_len(&mut self, partition: usize) -> usize {
        let db = self.db;
        self.contents(partition).table(db).map_or(0, Table::len)
    }

    /// What the selected database's table takes in one held partition beside its entries.
    pub fn table_footprint(&mut self, partition: usize) -> TableFootprint {
        let db = self.db;
        let Some(table) = self.contents(partition).table(db) else { return TableFootprint::default() };
        let due = table.due_footprint();
        TableFootprint { slots: table.footprint() - due, due }
    }

    /// Visits the due times of some volatile keys of the selected database in one held partition, in Unix milliseconds.
    pub fn sample_due(&mut self, partition: usize, visit: &mut dyn FnMut(i64)) {
        let db = self.db;
        if let Some(table) = self.contents(partition).table(db) {
            table.sample_due().for_each(visit);
        }
    }

    /// Watched keys of one held partition, in all databases.
    pub fn watched_keys(&mut self, partition: usize) -> usize {
        self.contents(partition).watched_keys()
    }

    /// The entry of a key, due or not, without a trace.
    pub(crate) fn entry(&mut self, key: &[u8]) -> Option<Entry> {
        let (key, db) = (self.keyspace.key(key), self.db);
        let table = self.contents(key.partition()).table(db)?;
        table.find(key.within(), key.bytes).map(|place| table.at(place))
    }

    /// Visits about `count` entries of the selected database in one held partition, beginning where `random` says.
    pub(crate) fn sample(
        &mut self,
        partition: usize,
        among: Among,
        random: u64,
        count: usize,
        visit: &mut dyn FnMut(Entry),
    ) {
        let db = self.db;
        let table = self.contents(partition).table_mut(db);
        match among {
            Among::All => table.sample(random, count, visit),
            Among::Volatile => table.sample_volatile(random, false, count, visit),
            Among::First => table.sample_volatile(random, true, count, visit),
        }
    }

    /// A key of one held partition, picked at random; it may be due.
    pub fn random_in(&mut self, partition: usize) -> Option<Found<'_>> {
        let (db, now, mut seed) = (self.db, self.now, self.next_random());
        let random = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            seed >> 11
        };
        let entry = self.contents(partition).table(db)?.random(random)?;
        Some(Found(entry, now, PhantomData))
    }

    /// Empties a database. Answers its tables, to be dropped where it hurts nobody. Needs exclusive access.
    pub fn flush(&mut self, db: u32) -> Vec<Table> {
        let (keyspace, counters, now) = (self.keyspace, self.counters, self.now);
        let (mut taken, mut ready) = (Vec::new(), Vec::new());
        let change = |contents: &Contents, key: &[u8]| {
            (contents.presence(db, keyspace.hash_within(key), key, now), Presence::Missing)
        };
        for number in 0..PARTITIONS {
            let contents = self.contents(number);
            ready.extend(contents.replaced(db, change).into_iter().map(|key| (db, key)));
            let table = contents.take_table(db);
            if table.is_empty() {
                continue;
            }
            counters.count(db, -(table.len() as i64), -(table.volatile() as i64));
            counters.count_timed(db, -(table.timed() as i64));
            taken.extend(keyspace.cut.detach(table));
            keyspace.partition(number).renew_earliest_due(contents);
            keyspace.mark_occupied(db, number, false);
        }
        self.ready.extend(ready);
        taken
    }

    /// Exchanges two databases; whoever watches a key that either has is told. Needs exclusive access.
    pub fn swap(&mut self, a: u32, b: u32) {
        let (keyspace, counters, now) = (self.keyspace, self.counters, self.now);
        let (first, second, mut ready) = (keyspace.size(a), keyspace.size(b), Vec::new());
        for number in 0..PARTITIONS {
            let contents = self.contents(number);
            for (db, other) in [(a, b), (b, a)] {
                let change = |contents: &Contents, key: &[u8]| {
                    [db, other].map(|db| contents.presence(db, keyspace.hash_within(key), key, now)).into()
                };
                ready.extend(contents.replaced(db, change).into_iter().map(|key| (db, key)));
            }
            contents.swap_tables(a, b);
            for db in [a, b] {
                keyspace.mark_occupied(db, number, contents.table(db).is_some_and(|t| !t.is_empty()));
            }
        }
        self.ready.extend(ready);
        let (keys, volatile) =
            (second.keys as i64 - first.keys as i64, second.volatile as i64 - first.volatile as i64);
        counters.count(a, keys, volatile);
        counters.count(b, -keys, -volatile);
        let timed = second.timed as i64 - first.timed as i64;
        counters.count_timed(a, timed);
        counters.count_timed(b, -timed);
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

/// The partitions of these keys.
pub fn partitions_of<'k>(keyspace: &Keyspace, keys: impl Iterator<Item = &'k [u8]>) -> PartitionSet {
    let mut set = PartitionSet::default();
    keys.for_each(|key| set.insert(partition_of(keyspace.hash(key))));
    set
}

/// The integer a string is, if it is one.
pub fn integer(value: Str) -> Option<i64> {
    match value {
        Str::Int(n) => Some(n),
        Str::Bytes(bytes) => parse_integer(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::Size;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

    /// Runs `work` with every partition in view, at time `now`.
    fn with<R>(keyspace: &Keyspace, now: i64, work: impl FnOnce(&mut View) -> R) -> R {
        let member = keyspace.join();
        let mut exclusive = keyspace.exclusive(&member);
        work(&mut View::exclusive(&mut exclusive, now))
    }

    fn text(view: &mut View, key: &str) -> Option<String> {
        let value = view.string(key.as_bytes()).expect("a string")?;
        Some(String::from_utf8_lossy(&value.to_vec()).into_owned())
    }

    #[test]
    fn what_is_due_is_gone() {
        let keyspace = Keyspace::new(2, 1);
        with(&keyspace, 100, |view| {
            view.records = true;
            view.set(b"a", NewValue::parse(b"1"), Expire::At(150));
            view.set(b"b", NewValue::parse(b"2"), Expire::At(150));
            view.set(b"b", NewValue::parse(b"3"), Expire::Never);
            view.set(b"c", NewValue::parse(b"4"), Expire::At(120));
            assert!(view.set_expiry(b"c", Some(300)));
            view.now = 150;
            assert_eq!(
                (text(view, "a"), text(view, "b"), text(view, "c")),
                (None, Some("3".into()), Some("4".into()))
            );
            assert_eq!(view.lost, [Lost { db: 0, key: (*b"a").into(), why: Why::Expired }]);
            assert_eq!(keyspace.size(0), Size { keys: 2, volatile: 1, timed: 0 });
            view.now = 300;
            let partition = keyspace.key(b"c").partition();
            assert!(keyspace.partition(partition).earliest_due() <= 300);
            assert!(!view.expire_due(partition, 10));
            assert_eq!(keyspace.partition(partition).earliest_due(), crate::partition::NEVER);
            assert_eq!(keyspace.size(0), Size { keys: 1, volatile: 0, timed: 0 });
        });
        assert_eq!(keyspace.total(|c| &c.expired), 2);
    }

    #[test]
    fn strings_change_in_place() {
        let keyspace = Keyspace::new(1, 1);
        with(&keyspace, 0, |view| {
            for long in [3, 60, 5000] {
                let bytes = vec![b'x'; long];
                view.set(b"k", NewValue::parse(&bytes), Expire::At(9));
                view.edit(b"k", long + 2, |b| b[0] = b'y').expect("a string");
                let found = view.get(b"k").expect("it is there");
                let expected = [&b"y"[..], &bytes[1..], b"\0\0"].concat();
                assert_eq!((found.str().expect("a string").to_vec(), found.expiry()), (expected, Some(9)));
                assert_eq!(found.encoding(), "raw");
            }
            view.edit(b"new", 2, |b| b.copy_from_slice(b"ab")).expect("made");
            view.set(b"n", NewValue::Int(7), Expire::Never);
            view.edit(b"n", 0, |b| b[0] = b'8').expect("an integer's text");
            assert_eq!((text(view, "new"), text(view, "n")), (Some("ab".into()), Some("8".into())));
        });
    }

    #[test]
    fn copies_share_a_long_string_until_one_is_written() {
        let keyspace = Keyspace::new(2, 1);
        with(&keyspace, 0, |view| {
            view.set(b"a", NewValue::bytes(&[b'x'; 9000], false), Expire::At(77));
            assert!(view.copy(b"a", 1, b"b") && view.rename(b"a", b"c") && !view.rename(b"a", b"d"));
            view.edit(b"c", 0, |b| b[0] = b'y').expect("a string");
            let other = view.in_db(1, |view| text(view, "b")).expect("copied");
            assert_eq!((&other[..1], &text(view, "c").expect("renamed")[..1]), ("x", "y"));
            assert_eq!(view.in_db(1, |view| view.get(b"b").and_then(Found::expiry)), Some(77));
        });
        with(&keyspace, 0, |view| {
            view.swap(0, 1);
            assert_eq!((keyspace.size(0).volatile, keyspace.size(1).keys), (1, 1));
            assert_eq!(view.flush(1).len(), 1);
        });
        assert_eq!((keyspace.size(1).keys, keyspace.next_occupied(1, 0)), (0, None));
    }

    #[test]
    fn watchers_hear_of_every_change() {
        let keyspace = Keyspace::new(2, 1);
        let touched = |change: fn(&mut View)| {
            let flag: WatchFlag = Arc::new(AtomicBool::new(false));
            with(&keyspace, 0, |view| {
                view.set(b"k", NewValue::Int(1), Expire::At(50));
                view.watch(b"k", &flag);
                change(view);
                view.now = 0;
                view.unwatch(b"k", &flag);
            });
            flag.load(Relaxed)
        };
        assert!(!touched(|v| assert!(v.get(b"k").is_some())));
        assert!(!touched(|v| assert!(!v.in_db(1, |v| v.set(b"k", NewValue::Int(1), Expire::Never)))));
        assert!(touched(|v| assert!(v.set(b"k", NewValue::Int(1), Expire::Keep))));
        assert!(touched(|v| assert!(v.remove(b"k"))));
        assert!(touched(|v| assert!(v.set_expiry(b"k", None))));
        assert!(touched(|v| assert!(v.rename(b"k", b"other"))));
        assert!(touched(|v| v.edit(b"k", 0, |_| ()).expect("a string")));
        assert!(touched(|v| {
            v.now = 50;
            assert!(v.get(b"k").is_none());
        }));
    }

    /// What databases 0 and 1 have at a key of which database 1's is watched, and whether exchanging them breaks the watch: as
    /// Redis, which takes what was due already for missing.
    #[test]
    fn an_exchange_touches_what_comes_or_goes() {
        const MISSING: Option<Expire> = None;
        const DUE: Option<Expire> = Some(Expire::At(10));
        const THERE: Option<Expire> = Some(Expire::Never);
        let is_broken = |watched: Option<Expire>, other: Option<Expire>| {
            let (keyspace, flag) = (Keyspace::new(2, 1), WatchFlag::default());
            with(&keyspace, 0, |view| {
                for (db, expire) in [(1, watched), (0, other)] {
                    let Some(expire) = expire else { continue };
                    view.in_db(db, |view| view.set(b"x", NewValue::Int(1), expire));
                }
                (view.now, view.keeps_due) = (20, true);
                view.in_db(1, |view| view.watch(b"x", &flag));
                view.swap(0, 1);
                view.in_db(1, |view| flag.load(Relaxed) || view.has_come_due(b"x", &flag))
            })
        };
        for absent in [MISSING, DUE] {
            assert!(!is_broken(absent, MISSING) && !is_broken(absent, DUE) && is_broken(absent, THERE));
            assert!(is_broken(THERE, absent));
        }
        assert!(is_broken(THERE, THERE));
    }

    #[test]
    #[should_panic(expected = "does not declare")]
    fn an_undeclared_key_is_a_bug() {
        let keyspace = Keyspace::new(1, 1);
        let member = keyspace.join();
        let inside = member.gate.enter();
        let mut view = View::new(&member, &inside, 0);
        view.lock_one((keyspace.key(b"a").partition() + 1) % PARTITIONS);
        view.get(b"a");
    }
}
