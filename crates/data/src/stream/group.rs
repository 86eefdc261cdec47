//! Consumer groups: who was given which entries, and has not acknowledged them yet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Entries, Entry, StreamId};

/// A consumer group of a stream.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// The last entry that was given to any of its consumers.
    pub last_id: StreamId,
    /// How many entries were ever read, if known.
    pub entries_read: Option<i64>,
    /// Given and not acknowledged, in the order of the IDs. Each is in its consumer's list too.
    pending: BTreeMap<StreamId, Pending>,
    consumers: BTreeMap<Arc<[u8]>, Consumer>,
}

/// An entry that was given to a consumer and is not acknowledged yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// When it was given last, in Unix milliseconds.
    pub delivery_time: i64,
    /// How often it was given.
    pub delivery_count: u64,
    /// To whom.
    pub consumer: Arc<[u8]>,
}

/// One who takes entries out of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumer {
    /// When it last tried to take some, in Unix milliseconds.
    pub seen_time: i64,
    /// When it last got some, in Unix milliseconds; -1 is never.
    pub active_time: i64,
    /// What it was given and has not acknowledged.
    pending: BTreeSet<StreamId>,
}

impl Consumer {
    /// The IDs of what it has not acknowledged, in order.
    pub fn pending(&self) -> &BTreeSet<StreamId> {
        &self.pending
    }
}

impl Group {
    /// A group whose consumers have got all entries up to `last_id`, and how many these were, if that is known.
    pub fn new(last_id: StreamId, entries_read: Option<i64>) -> Group {
        Group { last_id, entries_read, ..Group::default() }
    }

    /// What is not acknowledged, in the order of the IDs.
    pub fn pending(&self) -> &BTreeMap<StreamId, Pending> {
        &self.pending
    }

    /// The consumers, in the order of their names.
    pub fn consumers(&self) -> &BTreeMap<Arc<[u8]>, Consumer> {
        &self.consumers
    }

    /// Notes that a consumer is seen `now`, and makes it if it is new; answers its name, and whether it is new.
    pub fn see(&mut self, name: &[u8], now: i64) -> (Arc<[u8]>, bool) {
        if let Some((name, _)) = self.consumers.get_key_value(name) {
            let name = name.clone();
            self.consumer(&name).seen_time = now;
            return (name, false);
        }
        let name: Arc<[u8]> = name.into();
        self.load_consumer(name.clone(), now, -1);
        (name, true)
    }

    /// Makes a consumer with these times; answers whether it is new.
    pub fn load_consumer(&mut self, name: Arc<[u8]>, seen_time: i64, active_time: i64) -> bool {
        if self.consumers.contains_key(&name) {
            return false;
        }
        self.consumers.insert(name, Consumer { seen_time, active_time, pending: BTreeSet::new() });
        true
    }

    fn consumer(&mut self, name: &Arc<[u8]>) -> &mut Consumer {
        self.consumers.get_mut(name).expect("whoever is given an entry is a consumer")
    }

    /// Removes a consumer with all that it has not acknowledged; answers how many that were.
    pub fn remove_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let consumer = self.consumers.remove(name)?;
        consumer.pending.iter().for_each(|id| {
            self.pending.remove(id);
        });
        Some(consumer.pending.len())
    }

    /// Gives an entry to a consumer, whoever had it before.
    ///
    /// # Panics
    /// If there is no such consumer.
    pub fn assign(&mut self, id: StreamId, pending: Pending) {
        let new = self.consumer(&pending.consumer).pending.insert(id);
        let before = self.pending.insert(id, pending);
        if let Some(before) = before.filter(|_| new) {
            self.consumer(&before.consumer).pending.remove(&id);
        }
    }

    /// Notes that a consumer got something.
    ///
    /// # Panics
    /// If there is no such consumer.
    pub fn note_active(&mut self, consumer: &Arc<[u8]>, now: i64) {
        self.consumer(consumer).active_time = now;
    }

    /// Takes an entry off the list of what is not acknowledged; answers what stood there.
    pub fn acknowledge(&mut self, id: StreamId) -> Option<Pending> {
        let pending = self.pending.remove(&id)?;
        self.consumer(&pending.consumer).pending.remove(&id);
        Some(pending)
    }

    /// How many entries the group has not read yet, where that can be told without counting.
    pub fn lag(&self, entries: &Entries) -> Option<i64> {
        let counters = entries.counters();
        let added = counters.entries_added as i64;
        let read = match self.entries_read {
            _ if added == 0 => return Some(0),
            Some(read) if !counters.has_deleted_from(self.last_id) => read,
            _ => counters.entries_added_until(self.last_id)?,
        };
        Some(added.wrapping_sub(read))
    }

    /// Gives a consumer up to `most` entries that nobody has got yet; `visit` sees each. They are pending then if they
    /// are to be acknowledged. Answers how many.
    ///
    /// # Panics
    /// If there is no such consumer.
    pub fn deliver(
        &mut self,
        entries: &Entries,
        delivery: &Delivery,
        visit: &mut dyn FnMut(&Entry<'_>),
    ) -> usize {
        let mut given = 0;
        let Some(start) = self.last_id.next() else { return 0 };
        for entry in entries.range(start..=StreamId::MAX).take(delivery.most) {
            self.note_read(entries, entry.id);
            visit(&entry);
            if delivery.acknowledged {
                let consumer = delivery.consumer.clone();
                self.assign(entry.id, Pending { delivery_time: delivery.now, delivery_count: 1, consumer });
                self.note_active(&delivery.consumer, delivery.now);
            }
            given += 1;
        }
        given
    }

    fn note_read(&mut self, entries: &Entries, id: StreamId) {
        let counters = entries.counters();
        self.entries_read = match self.entries_read {
            Some(read) if !counters.has_deleted_from(id) => Some(read.wrapping_add(1)),
            read if counters.entries_added == 0 => read,
            _ => counters.entries_added_until(id),
        };
        self.last_id = id;
    }

    /// Gives a consumer up to `most` entries from an ID on again that it has not acknowledged; `visit` sees each, or that
    /// it is gone. Answers how many.
    pub fn deliver_again(
        &mut self,
        entries: &Entries,
        delivery: &Delivery,
        start: StreamId,
        visit: &mut dyn FnMut(StreamId, Option<&Entry<'_>>),
    ) -> usize {
        let Some(consumer) = self.consumers.get(&delivery.consumer) else { return 0 };
        let mut given = 0;
        for id in consumer.pending.range(start..).take(delivery.most) {
            let entry = entries.get(*id);
            visit(*id, entry.as_ref());
            if let Some(pending) = self.pending.get_mut(id).filter(|_| entry.is_some()) {
                pending.delivery_time = delivery.now;
                pending.delivery_count = pending.delivery_count.wrapping_add(1);
            }
            given += 1;
        }
        given
    }

    /// Bytes of memory on the heap.
    pub(super) fn footprint(&self) -> usize {
        let consumers: usize = self
            .consumers
            .iter()
            .map(|(name, consumer)| {
                name.len()
                    + 2 * size_of::<usize>()
                    + super::map_footprint::<StreamId, ()>(consumer.pending.len())
            })
            .sum();
        consumers
            + super::map_footprint::<Arc<[u8]>, Consumer>(self.consumers.len())
            + super::map_footprint::<StreamId, Pending>(self.pending.len())
    }

    /// How many allocations freeing it gives back, roughly.
    pub(super) fn effort(&self) -> usize {
        1 + 2 * self.consumers.len() + self.pending.len() / 4
    }
}

/// To whom entries are given, and how.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The consumer.
    pub consumer: Arc<[u8]>,
    /// The time, in Unix milliseconds.
    pub now: i64,
    /// Whether the consumer is to acknowledge them.
    pub acknowledged: bool,
    /// The most entries.
    pub most: usize,
}
