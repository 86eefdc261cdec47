//! Loading: many keys at once, most of them new, out of a file.
//!
//! A command waits for two cache misses a key, the partition's slots and the entry. A loader has hundreds of keys at hand, so
//! those of a group overlap; and what it inserts goes the way of every other insertion.

use crate::entry::{Entry, NewValue};
use crate::keyspace::Key;
use crate::partition::PARTITIONS;
use crate::table::Table;
use crate::view::View;

/// A key out of a file, its value built already.
#[derive(Debug)]
pub struct LoadedKey<'a> {
    /// Its database, which there is.
    pub db: u32,
    /// The key.
    pub key: Key<'a>,
    /// The value.
    pub value: NewValue<'a>,
    /// When it is due, in Unix milliseconds; it may be already.
    pub expiry: Option<i64>,
    /// The 24 access bits; `None`: those of a key that is made now.
    pub access: Option<u32>,
}

/// What becomes of a key that is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// It is an error.
    #[default]
    Refuse,
    /// The loaded one takes its place.
    Replace,
}

/// A key that is there already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// Its database.
    pub db: u32,
    /// The key.
    pub key: Box<[u8]>,
}

impl View<'_> {
    /// Makes room for about so many keys of a database in those partitions that have none of it. The caller bounds the number
    /// by what he knows.
    pub fn expect(&mut self, db: u32, keys: usize) {
        for number in 0..PARTITIONS {
            self.lock_one(number);
            self.contents(number).table_mut(db).expect(keys / PARTITIONS);
        }
        self.unlock();
    }

    /// Adds keys out of a file, in order, and unlocks; due or not, without a trace in the statistics of commands.
    ///
    /// # Errors
    /// The first that is there already, if that is one; those before it are in.
    pub fn load(&mut self, keys: Vec<LoadedKey<'_>>, existing: Existing) -> Result<(), Duplicate> {
        let (here, keyspace) = (self.db, self.keyspace());
        for new in &keys {
            keyspace.peek_table(new.db, new.key.hash, Table::prefetch_home);
        }
        let loaded = keys.into_iter().try_for_each(|new| {
            self.lock_one(new.key.partition());
            self.db = new.db;
            self.load_one(new, existing)
        });
        self.db = here;
        self.unlock();
        loaded
    }

    fn load_one(&mut self, new: LoadedKey<'_>, existing: Existing) -> Result<(), Duplicate> {
        let LoadedKey { db, key, value, expiry, access } = new;
        let place = self.table(&key).find(key.within(), key.bytes);
        if place.is_some() && existing == Existing::Refuse {
            return Err(Duplicate { db, key: key.bytes.into() });
        }
        let keyspace = self.keyspace();
        let access = access.unwrap_or_else(|| keyspace.access.fresh(self.noted));
        let entry = Entry::new(key.bytes, value, expiry, keyspace.epoch(), access);
        match place {
            Some(place) => self.exchange(&key, place, entry),
            None => self.insert_entry(&key, entry),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Keyspace;
    use crate::keyspace::Size;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn load(
        view: &mut View,
        keys: &[(u32, u16, i64, Option<i64>)],
        existing: Existing,
    ) -> Result<(), Duplicate> {
        let keyspace = view.keyspace();
        let names: Vec<[u8; 2]> = keys.iter().map(|key| key.1.to_be_bytes()).collect();
        let new = keys.iter().zip(&names).map(|((db, _, value, expiry), name)| LoadedKey {
            db: *db,
            key: keyspace.key(name),
            value: NewValue::Int(*value),
            expiry: *expiry,
            access: Some(7),
        });
        view.load(new.collect(), existing)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn it_is_a_map_of_databases(
            keys in proptest::collection::vec((0u32..3, 0u16..300, any::<i64>(), proptest::option::of(100i64..900)), 0..600),
            expected in 0usize..2_000_000,
        ) {
            let keyspace = Keyspace::new(3, 1);
            let member = keyspace.join();
            let inside = member.gate.enter();
            let mut view = View::new(&member, &inside, 50);
            let mut model = BTreeMap::new();
            view.expect(1, expected);
            for group in keys.chunks(32) {
                prop_assert_eq!(load(&mut view, group, Existing::Replace), Ok(()));
                model.extend(group.iter().map(|(db, name, value, expiry)| ((*db, *name), (*value, *expiry))));
            }
            for db in 0..3 {
                let of_db = || model.iter().filter(|((number, _), _)| *number == db);
                let volatile = of_db().filter(|(_, (_, expiry))| expiry.is_some()).count();
                prop_assert_eq!(keyspace.size(db), Size { keys: of_db().count(), volatile, timed: 0 });
                view.db = db;
                for ((_, name), (value, expiry)) in of_db() {
                    let key = name.to_be_bytes();
                    let partition = keyspace.key(&key).partition();
                    view.lock_one(partition);
                    let found = view.inspect(&key).expect("it was loaded");
                    prop_assert_eq!((found.str(), found.expiry(), found.access()), (Ok(crate::Str::Int(*value)), *expiry, 7));
                    prop_assert!(expiry.is_none_or(|at| keyspace.partition(partition).earliest_due() <= at));
                    prop_assert_eq!(keyspace.next_occupied(db, partition), Some(partition));
                }
            }
            view.unlock();
        }
    }

    #[test]
    fn a_duplicate_is_named_and_those_before_it_stay() {
        let keyspace = Keyspace::new(2, 1);
        let member = keyspace.join();
        let inside = member.gate.enter();
        let mut view = View::new(&member, &inside, 50);
        let keys = [(1, 1, 10, None), (0, 1, 11, None), (1, 2, 12, None), (1, 1, 13, None), (1, 3, 14, None)];
        let duplicate = Duplicate { db: 1, key: [0, 1].into() };
        assert_eq!(load(&mut view, &keys, Existing::Refuse), Err(duplicate));
        assert_eq!((keyspace.size(0).keys, keyspace.size(1).keys, view.db), (1, 2, 0));
        let counted =
            [keyspace.total(|c| &c.hits), keyspace.total(|c| &c.misses), keyspace.total(|c| &c.changes)];
        assert_eq!(counted, [0; 3]);
    }
}
