//! A large hash: its fields under an index, and a heap that knows which are due.
//!
//! An element of the heap is a due time and the hash of the field it is about, so nothing needs to be mended when a
//! field goes or is given another time. The rule: **for every timed field there is an element with its hash that is not
//! later than its due time.** Elements may be stale; when they outnumber the live ones, the heap is built afresh.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::hashing::hash;
use crate::index::{Index, Item, Place};

use super::field::{Field, Look};

/// Stale elements that are borne however few fields are timed.
const STALE: usize = 64;
/// Fields that an estimate looks at.
const SAMPLE: usize = 64;

/// A hash of any size.
#[derive(Clone)]
pub struct Table {
    pub(super) fields: Index<Field>,
    /// Fields with a due time.
    timed: usize,
    due: BinaryHeap<Reverse<(i64, u64)>>,
}

impl Table {
    pub(super) fn new() -> Table {
        Table { fields: Index::new(), timed: 0, due: BinaryHeap::new() }
    }

    fn place(&self, name: &[u8]) -> Option<Place> {
        self.fields.find(hash(name), |other| other.name == name)
    }

    pub(super) fn find(&self, name: &[u8]) -> Option<Look<'_>> {
        self.fields.at(self.place(name)?)
    }

    /// Adds a field that is not there.
    pub(super) fn insert(&mut self, name: &[u8], value: &[u8], due: Option<i64>) {
        let hash = hash(name);
        self.fields.insert(hash, Field::new(name, value, due));
        self.note(hash, None, due);
    }

    /// Sets the value of a field that is there; answers whether it is.
    pub(super) fn set_value(&mut self, name: &[u8], value: &[u8]) -> bool {
        let place = self.place(name);
        place.and_then(|place| self.fields.update(place, |field| field.set_value(value))).is_some()
    }

    /// Sets when a field is due, or that it is not; answers whether it is there.
    pub(super) fn set_due(&mut self, name: &[u8], due: Option<i64>) -> bool {
        let Some(place) = self.place(name) else { return false };
        let before = self.fields.at(place).and_then(|look| look.due);
        self.fields.update(place, |field| field.set_due(due));
        self.note(hash(name), before, due);
        true
    }

    pub(super) fn remove(&mut self, name: &[u8]) -> bool {
        let Some(place) = self.place(name) else { return false };
        let before = self.fields.at(place).and_then(|look| look.due);
        self.fields.remove(place);
        self.note(0, before, None);
        true
    }

    /// Notes that a field has another due time.
    fn note(&mut self, hash: u64, before: Option<i64>, after: Option<i64>) {
        self.timed += usize::from(after.is_some());
        self.timed -= usize::from(before.is_some());
        if let Some(due) = after
            && before.is_none_or(|before| due < before)
        {
            self.due.push(Reverse((due, hash)));
        }
        if self.due.len() > 2 * self.timed + STALE {
            let live = self.fields.iter().filter_map(|look| Some(Reverse((look.due?, Field::hash(look)))));
            self.due = live.collect();
        }
    }

    pub(super) fn timed(&self) -> usize {
        self.timed
    }

    /// A time before which no field is due.
    pub(super) fn next_due(&self) -> Option<i64> {
        if self.timed == 0 { None } else { self.due.peek().map(|Reverse((due, _))| *due) }
    }

    /// The name of a field that is due at `now`; forgets what is found stale on the way.
    pub(super) fn due_at(&mut self, now: i64) -> Option<Box<[u8]>> {
        while let Some(&Reverse((noted, hash))) = self.due.peek()
            && noted <= now
        {
            let of_hash = self
                .fields
                .find(hash, |look| look.due.is_some_and(|due| due <= now) && Field::hash(look) == hash);
            if let Some(look) = of_hash.and_then(|place| self.fields.at(place)) {
                return Some(look.name.into());
            }
            self.due.pop();
            // It was given a later time since.
            let later = self.fields.find(hash, |look| look.due.is_some() && Field::hash(look) == hash);
            if let Some(due) = later.and_then(|place| self.fields.at(place)?.due) {
                self.due.push(Reverse((due, hash)));
            }
        }
        None
    }

    pub(super) fn footprint(&self) -> usize {
        let sampled = self.fields.len().min(SAMPLE);
        let sample: usize = self.fields.iter().take(sampled).map(Look::footprint).sum();
        size_of::<Table>()
            + self.fields.footprint()
            + self.due.capacity() * size_of::<(i64, u64)>()
            + sample * self.fields.len() / sampled.max(1)
    }
}
