//! Sets: integers in an intset, few and short members in a listpack, else a hash table, for good.
//!
//! When which follows Redis's `t_set.c`, so that OBJECT ENCODING agrees: "intset", "listpack", "hashtable".

#[cfg(test)]
mod tests;

use std::fmt;

use codec::blob::Blob;
use codec::intset::{Intset, IntsetRef};
use codec::listpack::{Entry, Listpack, ListpackRef};
use codec::number::{I64Text, parse_i64};
use hashbrown::HashTable;

use crate::Limits;
use crate::hashing::hash;

/// A set.
#[derive(Clone)]
pub enum Set {
    /// Integers.
    Ints(Intset),
    /// Few and short members.
    Packed(Listpack),
    /// Any members.
    Table(Box<HashTable<Blob>>),
}

/// Why a listpack is not a set: a member is there twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duplicate;

/// Members that an estimate looks at.
const SAMPLE: usize = 64;

impl Default for Set {
    fn default() -> Set {
        Set::Ints(Intset::new())
    }
}

impl fmt::Debug for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Set {
    /// The set that an intset from outside is.
    pub fn from_intset(intset: IntsetRef<'_>, limits: &Limits) -> Set {
        let mut set = Set::Ints(Intset::trusted(intset.as_bytes()));
        if set.len() > limits.set_max_intset_entries {
            set.spread(0);
        }
        set
    }

    /// The set that a listpack from outside is.
    pub fn from_listpack(listpack: ListpackRef<'_>, limits: &Limits) -> Result<Set, Duplicate> {
        let mut seen = std::collections::HashSet::new();
        let mut longest = 0;
        for entry in listpack.iter() {
            longest = longest.max(entry.len());
            if !seen.insert(entry.to_vec()) {
                return Err(Duplicate);
            }
        }
        let mut set = Set::Packed(Listpack::trusted(listpack.as_bytes()));
        if seen.len() > limits.set_max_listpack_entries || longest > limits.set_max_listpack_value {
            set.spread(0);
        }
        Ok(set)
    }

    /// An empty set in the encoding that an intersection with this one as its smallest begins with.
    pub fn like(&self) -> Set {
        match self {
            Set::Ints(_) => Set::default(),
            Set::Packed(_) => Set::Packed(Listpack::new()),
            Set::Table(_) => Set::Table(Box::default()),
        }
    }

    /// Makes an intset of integers in another encoding, if they are not too many.
    pub fn settle(&mut self, limits: &Limits) {
        if matches!(self, Set::Ints(_)) || self.len() > limits.set_max_intset_entries {
            return;
        }
        let integer = |entry: Entry<'_>| match entry.canonical() {
            Entry::Int(number) => Some(number),
            Entry::Bytes(_) => None,
        };
        let numbers: Option<Vec<i64>> = self.iter().map(integer).collect();
        if let Some(numbers) = numbers {
            *self = Set::Ints(numbers.into_iter().collect());
        }
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        match self {
            Set::Ints(intset) => intset.view().len(),
            Set::Packed(listpack) => listpack.view().len(),
            Set::Table(table) => table.len(),
        }
    }

    /// Whether it has no members.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        match self {
            Set::Ints(_) => "intset",
            Set::Packed(_) => "listpack",
            Set::Table(_) => "hashtable",
        }
    }

    /// Bytes of memory on the heap, those of the members estimated from some.
    pub fn footprint(&self) -> usize {
        match self {
            Set::Ints(intset) => intset.footprint(),
            Set::Packed(listpack) => listpack.footprint(),
            Set::Table(table) => {
                let sampled = table.len().min(SAMPLE);
                let sample: usize = table.iter().take(sampled).map(Blob::footprint).sum();
                size_of::<HashTable<Blob>>() + table.allocation_size() + sample * table.len() / sampled.max(1)
            }
        }
    }

    /// See [`crate::Value::effort`].
    pub fn effort(&self) -> usize {
        match self {
            Set::Ints(_) | Set::Packed(_) => 1,
            Set::Table(table) => table.len(),
        }
    }

    /// See [`crate::Value::each`].
    pub fn each(&self, visit: &mut dyn FnMut(&[&[u8]])) {
        self.iter().for_each(|entry| entry.with_bytes(|member| visit(&[member])));
    }

    /// Gets ready for so many members that are about to be added, the first of which is given.
    pub fn expect(&mut self, count: usize, first: &[u8], limits: &Limits) {
        let fits_intset = count <= limits.set_max_intset_entries;
        let fits_listpack = count <= limits.set_max_listpack_entries;
        match self {
            Set::Ints(intset) if intset.view().is_empty() => {
                let is_integer = parse_i64(first).is_some();
                *self = match (is_integer && fits_intset, fits_listpack) {
                    (true, _) => return,
                    (false, true) => Set::Packed(Listpack::new()),
                    (false, false) => Set::Table(Box::default()),
                };
            }
            Set::Ints(_) if !fits_intset => self.spread(count),
            Set::Packed(_) if !fits_listpack => self.spread(count),
            _ => {}
        }
    }

    /// Makes a table, with room for `more` members.
    fn spread(&mut self, more: usize) {
        // A number from outside may say anything; what comes beyond this makes room as it comes.
        let mut table = HashTable::with_capacity(self.len().saturating_add(more).min(1 << 16));
        self.iter().for_each(|entry| entry.with_bytes(|member| insert_new(&mut table, member)));
        *self = Set::Table(Box::new(table));
    }

    /// Adds a member; answers whether it is new.
    pub fn insert(&mut self, member: &[u8], limits: &Limits) -> bool {
        match self {
            Set::Ints(intset) => match parse_i64(member) {
                Some(number) => {
                    let added = intset.insert(number);
                    if added && intset.view().len() > limits.set_max_intset_entries {
                        self.spread(0);
                    }
                    added
                }
                None => {
                    self.leave_intset(member, limits);
                    self.insert(member, limits)
                }
            },
            Set::Packed(listpack) => {
                let view = listpack.view();
                if view.first().is_some_and(|first| view.find(first, member, 0).is_some()) {
                    return false;
                }
                let fits = view.len() < limits.set_max_listpack_entries
                    && member.len() <= limits.set_max_listpack_value
                    && listpack.fits(member.len());
                if fits {
                    listpack.push_back(member);
                    return true;
                }
                self.spread(1);
                self.insert(member, limits)
            }
            Set::Table(table) => {
                let is_new = table.find(hash(member), |other| **other == *member).is_none();
                if is_new {
                    insert_new(table, member);
                }
                is_new
            }
        }
    }

    /// Leaves the intset for a member that is no integer.
    fn leave_intset(&mut self, member: &[u8], limits: &Limits) {
        let Set::Ints(intset) = self else { return };
        let view = intset.view();
        // The longest are the least and the greatest.
        let ends = [view.get(0), view.len().checked_sub(1).and_then(|last| view.get(last))];
        let longest = ends.iter().flatten().map(|number| I64Text::new(*number).len()).max().unwrap_or(0);
        let fits = view.len() < limits.set_max_listpack_entries
            && member.len().max(longest) <= limits.set_max_listpack_value;
        if fits {
            *self = Set::Packed(view.iter().collect());
        } else {
            self.spread(1);
        }
    }

    /// Removes a member; answers whether it was there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match self {
            Set::Ints(intset) => parse_i64(member).is_some_and(|number| intset.remove(number)),
            Set::Packed(listpack) => {
                let view = listpack.view();
                match view.first().and_then(|first| view.find(first, member, 0)) {
                    Some(position) => listpack.delete_from(position, 1) == 1,
                    None => false,
                }
            }
            Set::Table(table) => {
                table.find_entry(hash(member), |other| **other == *member).map(|slot| slot.remove()).is_ok()
            }
        }
    }

    /// Whether this is a member.
    pub fn contains(&self, member: &[u8]) -> bool {
        match self {
            Set::Ints(intset) => parse_i64(member).is_some_and(|number| intset.view().contains(number)),
            Set::Packed(listpack) => {
                let view = listpack.view();
                view.first().is_some_and(|first| view.find(first, member, 0).is_some())
            }
            Set::Table(table) => table.find(hash(member), |other| **other == *member).is_some(),
        }
    }

    /// The members.
    pub fn iter(&self) -> impl Iterator<Item = Entry<'_>> {
        let (ints, packed, table) = match self {
            Set::Ints(intset) => (Some(intset.view().iter().map(Entry::Int)), None, None),
            Set::Packed(listpack) => (None, Some(listpack.view().iter()), None),
            Set::Table(table) => (None, None, Some(table.iter().map(|member| Entry::Bytes(member)))),
        };
        let (ints, packed) = (ints.into_iter().flatten(), packed.into_iter().flatten());
        ints.chain(packed).chain(table.into_iter().flatten())
    }

    /// A member, picked by random numbers.
    pub fn random(&self, mut random: impl FnMut() -> u64) -> Option<Entry<'_>> {
        if self.is_empty() {
            return None;
        }
        let mut below = |len: usize| (random() % len as u64) as usize;
        match self {
            Set::Ints(intset) => intset.view().get(below(intset.view().len())).map(Entry::Int),
            Set::Packed(listpack) => listpack.view().at(below(listpack.view().len()) as i64),
            Set::Table(table) => loop {
                if let Some(member) = table.get_bucket(below(table.num_buckets())) {
                    return Some(Entry::Bytes(member));
                }
            },
        }
    }
}

fn insert_new(table: &mut HashTable<Blob>, member: &[u8]) {
    table.insert_unique(hash(member), Blob::new(member), |member| hash(member));
}
