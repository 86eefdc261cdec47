//! A partition or a database as a whole: scanning, sampling, deleting what is due, emptying, exchanging.

use std::marker::PhantomData;

use super::{Found, TableFootprint, View};
use crate::entry::Entry;
use crate::eviction::Among;
use crate::keyspace::{Cursor, Key};
use crate::partition::{Contents, PARTITIONS, Presence};
use crate::table::Table;

/// Fields of one hash that are deleted in one hold.
const FIELDS: usize = 64;

impl View<'_> {
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
    pub(super) fn note_next_due(&mut self, key: &Key) {
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
}
