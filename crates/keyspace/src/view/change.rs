//! Changing keys: setting, removing, expiring, renaming.
//!
//! Before an entry is changed its pre-image is taken for the cut under way, and afterwards its watchers are told:
//! [`View::touch_for_write`], whole or in its two halves, is on every way.

#![allow(unsafe_code)]

use std::sync::atomic::Ordering::Relaxed;

use data::{Hash, Type, Value};

use super::{Expire, Intent, Lost, Missing, Modified, View, Why, WrongType};
use crate::cut;
use crate::entry::{Entry, NewValue, OwnedEntry, Str};
use crate::keyspace::{Key, bump};
use crate::table::Place;

/// Allocations from which on a value is freed elsewhere (Redis's LAZYFREE_THRESHOLD).
const LAZY_EFFORT: usize = 64;

impl View<'_> {
    pub(super) fn find_for_write(&mut self, key: &[u8]) -> Option<Place> {
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
    pub(super) fn touch_for_write(&mut self, key: &Key, entry: Option<Entry>) {
        if let Some(entry) = entry {
            self.save_pre_image(key, entry);
        }
        self.tell_watchers(key);
    }

    /// The half of [`View::touch_for_write`] that must come before a change. An entry that is taken out as it is has no need
    /// of it: [`View::discard`] keeps it.
    #[inline]
    pub(super) fn save_pre_image(&mut self, key: &Key, entry: Entry) {
        let keyspace = self.keyspace;
        if entry.tag() != keyspace.epoch() {
            keyspace.cut.copy(self.db_at_cut(key), entry, keyspace.epoch());
        }
    }

    /// The number that the database of a key had at the cut.
    pub(super) fn db_at_cut(&mut self, key: &Key) -> u32 {
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
    pub(super) fn is_held_by_cut(&self, entry: Entry) -> bool {
        let keyspace = self.keyspace;
        entry.tag() != keyspace.epoch() && keyspace.cut.is_saving() && cut::is_large(entry)
    }

    /// Deletes a key that was found due.
    pub(super) fn delete_due(&mut self, key: &Key, place: Place) {
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

    pub(super) fn note_loss(&mut self, key: &Key, why: Why) {
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
    pub(super) fn take(&mut self, key: &Key, place: Place) {
        let entry = self.detach(key, place);
        self.discard(key, entry);
    }

    /// Frees an entry that has left its table, unless the cut has not seen it, or that takes long.
    pub(super) fn discard(&mut self, key: &Key, entry: Entry) {
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
    pub(super) fn detach(&mut self, key: &Key, place: Place) -> Entry {
        self.tell_watchers(key);
        let table = self.table(key);
        let entry = table.remove(place);
        let (base, empty) = (table.base(), table.is_empty());
        self.after_removal(key.partition(), entry, base, empty);
        entry
    }

    pub(super) fn after_removal(
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
    pub(super) fn insert(&mut self, key: &Key, value: NewValue, expiry: Option<i64>) {
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
    pub(super) fn store(&mut self, key: &Key, place: Place, entry: Entry, value: NewValue, expire: Expire) {
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

    pub(super) fn after_exchange(&mut self, key: &Key, old: Entry, new: Entry) {
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
    pub(super) fn renew_fields(&mut self, key: &Key, place: Place, was_timed: bool, was_due: Option<i64>) {
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
    pub(super) fn put(&mut self, db: u32, key: &[u8], entry: Entry) {
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
}
