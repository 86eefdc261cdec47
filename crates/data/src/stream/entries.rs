//! The entries of a stream: nodes filed under their master IDs, and what is counted beside them.

use std::ops::RangeInclusive;

use codec::listpack::{Listpack, ListpackRef, MAX_BYTES};

use super::node::{self, Node};
use super::nodes::Nodes;
use super::{Entry, IdText, StreamId};
use crate::Limits;

/// The entries of a stream.
#[derive(Clone, Debug, Default)]
pub struct Entries {
    pub(super) nodes: Nodes,
    pub(super) counters: Counters,
}

/// What a stream counts and remembers beside its entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Entries that are there.
    pub length: u64,
    /// The last ID that was given, though its entry may be gone.
    pub last_id: StreamId,
    /// The first entry's ID; 0-0 without entries.
    pub first_id: StreamId,
    /// The greatest ID that was deleted one by one (not trimmed); 0-0 if none was.
    pub max_deleted_id: StreamId,
    /// Entries that were ever added.
    pub entries_added: u64,
}

/// Why an entry is not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendError {
    /// Its ID is not above the last one.
    NotAbove,
    /// Its fields and values together are beyond a node's size.
    TooLarge,
}

/// Why bytes are no stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsound {
    /// A node's bytes are no listpack of entries.
    Node,
    /// A node does not come behind the one before.
    Order,
    /// The number of entries is another.
    Length,
    /// The last ID is below that of an entry.
    LastId,
}

/// The most bytes of a node from outside: more than there may come to be, and below what a listpack can have.
const MAX_LOADED: usize = 3 * MAX_BYTES;

/// Elements' lengths and encodings take at most so many bytes each beside the bytes themselves.
const OVERHEAD: usize = 11;

impl Counters {
    /// Whether an entry was deleted at `id` or behind it, as far as one remembers.
    pub fn has_deleted_from(&self, id: StreamId) -> bool {
        self.length > 0
            && self.max_deleted_id != StreamId::MIN
            && self.first_id <= self.max_deleted_id
            && id <= self.max_deleted_id
    }

    /// How many entries were ever added up to `id`, where that can be told without counting.
    pub fn entries_added_until(&self, id: StreamId) -> Option<i64> {
        let added = self.entries_added as i64;
        if added == 0 || self.length == 0 && id <= self.last_id || id == self.last_id {
            return Some(added);
        }
        let unbroken = self.max_deleted_id == StreamId::MIN || self.max_deleted_id < self.first_id;
        let before = added.wrapping_sub(self.length as i64);
        match id.cmp(&self.first_id) {
            _ if id > self.last_id || !unbroken => None,
            std::cmp::Ordering::Less => Some(before),
            std::cmp::Ordering::Equal => Some(before.wrapping_add(1)),
            std::cmp::Ordering::Greater => None,
        }
    }
}

impl Entries {
    /// What is counted beside the entries.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How many entries there are.
    pub fn len(&self) -> u64 {
        self.counters.length
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The ID that an entry of this moment gets: above all others. `None` when there is none above the last.
    pub fn next_id(&self, now_ms: u64) -> Option<StreamId> {
        let last = self.counters.last_id;
        if now_ms > last.ms { Some(StreamId::new(now_ms, 0)) } else { last.next() }
    }

    /// The ID that an entry of a time gets; `None` when its numbers are used up.
    pub fn next_id_of(&self, ms: u64) -> Option<StreamId> {
        let last = self.counters.last_id;
        let seq = if last.ms == ms { last.seq.checked_add(1)? } else { 0 };
        Some(StreamId::new(ms, seq))
    }

    /// Adds an entry behind all others.
    pub fn append<'e>(
        &mut self,
        id: StreamId,
        pairs: impl ExactSizeIterator<Item = (&'e [u8], &'e [u8])> + Clone,
        limits: &Limits,
    ) -> Result<(), AppendError> {
        if id <= self.counters.last_id {
            return Err(AppendError::NotAbove);
        }
        let bytes: usize = pairs.clone().map(|(field, value)| field.len() + value.len()).sum();
        if bytes > MAX_BYTES || pairs.len().saturating_mul(2 * OVERHEAD) > MAX_BYTES {
            return Err(AppendError::TooLarge);
        }
        match self.nodes.last_mut().filter(|(_, node)| has_room(node, bytes, limits)) {
            Some((master, node)) => node::append(node, master, id, pairs),
            None => {
                let mut listpack = node::create(pairs.clone().map(|(field, _)| field));
                node::append(&mut listpack, id, id, pairs);
                self.nodes.push(id, listpack);
            }
        }
        let counters = &mut self.counters;
        counters.length += 1;
        counters.entries_added = counters.entries_added.wrapping_add(1);
        counters.last_id = id;
        if counters.length == 1 {
            counters.first_id = id;
        }
        Ok(())
    }

    /// All entries with IDs in a range, from either end.
    pub fn range(&self, ids: RangeInclusive<StreamId>) -> impl DoubleEndedIterator<Item = Entry<'_>> {
        self.range_with_deleted(ids).filter(|entry| !entry.is_deleted)
    }

    /// The same with those that were deleted and whose place is not used yet.
    fn range_with_deleted(
        &self,
        ids: RangeInclusive<StreamId>,
    ) -> impl DoubleEndedIterator<Item = Entry<'_>> {
        let (start, end) = (*ids.start(), (*ids.end()).max(*ids.start()));
        // Readers who have all there is ask for what is behind the last ID: no node is looked at.
        let before = self.nodes.master_of(start).filter(|_| start <= self.counters.last_id);
        let first = before.unwrap_or(start);
        let nodes = self.nodes.range(first..=end);
        nodes
            .flat_map(move |(master, node)| Node::new(master, node.view()).entries_from(start))
            .filter(move |entry| ids.contains(&entry.id))
    }

    /// All entries, from either end.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Entry<'_>> {
        self.range(StreamId::MIN..=StreamId::MAX)
    }

    /// An entry.
    pub fn get(&self, id: StreamId) -> Option<Entry<'_>> {
        self.range(id..=id).next()
    }

    /// The last entry's ID.
    pub fn last_entry_id(&self) -> Option<StreamId> {
        self.iter().next_back().map(|entry| entry.id)
    }

    /// The first ID whose place is used, by an entry or by one that was deleted; the last ID there is if none is.
    pub fn first_place(&self) -> StreamId {
        self.range_with_deleted(StreamId::MIN..=StreamId::MAX).next().map_or(StreamId::MAX, |entry| entry.id)
    }

    /// Deletes an entry; answers whether it was there.
    pub fn delete(&mut self, id: StreamId) -> bool {
        let Some(master) = self.nodes.master_of(id) else { return false };
        let Some(node) = self.nodes.get_mut(master) else { return false };
        let found = Node::new(master, node.view()).entries().find(|entry| entry.id == id);
        let Some(place) = found.filter(|entry| !entry.is_deleted).map(|entry| entry.place()) else {
            return false;
        };
        if Node::new(master, node.view()).counts().0 == 1 {
            self.nodes.remove(master);
        } else {
            node::delete(node, &[place]);
        }
        let counters = &mut self.counters;
        counters.length -= 1;
        counters.max_deleted_id = counters.max_deleted_id.max(id);
        if self.is_empty() || self.counters.first_id == id {
            self.find_first();
        }
        true
    }

    /// Sets the last ID given, and what else is said, without looking at the entries.
    pub fn set_counters(&mut self, change: impl FnOnce(&mut Counters)) {
        let length = self.counters.length;
        change(&mut self.counters);
        self.counters.length = length;
    }

    /// Notes which entry is the first.
    pub(super) fn find_first(&mut self) {
        let first = self.iter().next().map(|entry| entry.id);
        self.counters.first_id = first.unwrap_or(StreamId::MIN);
    }

    /// How many nodes there are.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// The nodes with their master IDs, as RDB files have them.
    pub fn nodes(&self) -> impl Iterator<Item = (StreamId, ListpackRef<'_>)> {
        self.nodes.iter().map(|(master, node)| (master, node.view()))
    }

    /// Takes a node out of an RDB file, which comes behind all others. [`Entries::settle`] comes at the end.
    pub fn load_node(&mut self, master: StreamId, node: ListpackRef<'_>) -> Result<(), Unsound> {
        let is_small = node.as_bytes().len() <= MAX_LOADED;
        let (last, live) = node::validate(master, node).filter(|_| is_small).ok_or(Unsound::Node)?;
        if !self.nodes.is_empty() && master <= self.counters.last_id {
            return Err(Unsound::Order);
        }
        self.nodes.push(master, Listpack::trusted(node.as_bytes()));
        self.counters.last_id = last;
        self.counters.length = self.counters.length.saturating_add(live);
        Ok(())
    }

    /// Takes the counters out of an RDB file, behind all nodes.
    pub fn settle(&mut self, counters: Counters) -> Result<(), Unsound> {
        if counters.length != self.counters.length {
            return Err(Unsound::Length);
        }
        if counters.last_id < self.counters.last_id {
            return Err(Unsound::LastId);
        }
        self.counters = counters;
        Ok(())
    }

    /// Takes the last ID of a file of before Redis 7, which had no other counters: they follow from the entries.
    pub fn settle_by(&mut self, length: u64, last_id: StreamId) -> Result<(), Unsound> {
        self.settle(Counters { length, last_id, entries_added: length, ..Counters::default() })?;
        self.find_first();
        Ok(())
    }

    /// Bytes of memory on the heap, estimated from some nodes where there are many.
    pub(super) fn footprint(&self) -> usize {
        const SAMPLE: usize = 64;
        let sampled = self.nodes.len().min(SAMPLE);
        let sample: usize = self.nodes.iter().take(sampled).map(|(_, node)| node.footprint()).sum();
        sample * self.nodes.len() / sampled.max(1) + self.nodes.footprint()
    }

    /// How many nodes the radix tree would have in which Redis files them: XINFO STREAM tells.
    pub fn radix_nodes(&self) -> usize {
        super::radix::nodes(self.nodes.iter().map(|(master, _)| master.to_bytes()))
    }

    /// Visits each entry's ID (as `ms.seq`, by Redis's digests), fields and values.
    pub(super) fn each(&self, visit: &mut dyn FnMut(&[&[u8]])) {
        for entry in self.iter() {
            let (id, mut texts) = (IdText::new(entry.id, b'.'), Vec::with_capacity(2 * entry.len));
            for (field, value) in entry.pairs() {
                texts.extend([field.to_vec(), value.to_vec()]);
            }
            let mut parts: Vec<&[u8]> = vec![&id];
            parts.extend(texts.iter().map(Vec::as_slice));
            visit(&parts);
        }
    }
}

/// Whether an entry with so many bytes of fields and values goes to this node.
fn has_room(listpack: &Listpack, bytes: usize, limits: &Limits) -> bool {
    let most_bytes = match limits.stream_node_max_bytes {
        0 => MAX_BYTES,
        most => most.min(MAX_BYTES),
    };
    let (live, deleted) = Node::new(StreamId::MIN, listpack.view()).counts();
    let most_entries = limits.stream_node_max_entries as u64;
    listpack.as_bytes().len().saturating_add(bytes) < most_bytes
        && (most_entries == 0 || live.saturating_add(deleted) < most_entries)
}
