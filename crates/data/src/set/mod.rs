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

use crate::Limits;
use crate::Step;
use crate::distinct::all_differ;
use crate::hashing::hash;
use crate::index::{Index, Place};

/// A set.
#[derive(Clone)]
pub enum Set {
    /// Integers.
    Ints(Intset),
    /// Few and short members.
    Packed(Listpack),
    /// Any members.
    Table(Members),
}

/// The members of a large set.
#[derive(Clone)]
pub struct Members(Box<Index<Blob>>);

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
            set.spread();
        }
        set
    }

    /// The set that a listpack from outside is.
    pub fn from_listpack(listpack: ListpackRef<'_>, limits: &Limits) -> Result<Set, Duplicate> {
        if !all_differ(listpack.iter()) {
            return Err(Duplicate);
        }
        let longest = listpack.iter().map(Entry::len).max().unwrap_or(0);
        let mut set = Set::Packed(Listpack::trusted(listpack.as_bytes()));
        if set.len() > limits.set_max_listpack_entries || longest > limits.set_max_listpack_value {
            set.spread();
        }
        Ok(set)
    }

    /// An empty set in the encoding that an intersection with this one as its smallest begins with: however large this one is,
    /// what it has in common with others may be little.
    pub fn common(&self) -> Set {
        match self {
            Set::Ints(_) => Set::default(),
            Set::Packed(_) | Set::Table(_) => Set::Packed(Listpack::new()),
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
            Set::Table(Members(index)) => index.len(),
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
            Set::Table(Members(index)) => {
                let sampled = index.len().min(SAMPLE);
                let sample: usize =
                    index.iter().take(sampled).map(|member| Blob::footprint_of(member.len())).sum();
                size_of::<Index<Blob>>() + index.footprint() + sample * index.len() / sampled.max(1)
            }
        }
    }

    /// See [`crate::Value::ahead`].
    pub fn ahead(&self, step: Step, element: &[u8]) -> Option<usize> {
        match self {
            Set::Ints(intset) => Some(intset.address()),
            Set::Packed(listpack) => Some(listpack.address()),
            Set::Table(Members(index)) => index.ahead(step, element),
        }
    }

    /// See [`crate::Value::is_deep`].
    pub fn is_deep(&self) -> bool {
        matches!(self, Set::Table(_))
    }

    /// See [`crate::Value::effort`].
    pub fn effort(&self) -> usize {
        match self {
            Set::Ints(_) | Set::Packed(_) => 1,
            Set::Table(Members(index)) => index.len(),
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
                    (false, false) => Set::Table(Members::new()),
                };
            }
            Set::Ints(_) if !fits_intset => self.spread(),
            Set::Packed(_) if !fits_listpack => self.spread(),
            _ => {}
        }
    }

    /// Makes a table.
    fn spread(&mut self) {
        let mut members = Members::new();
        self.iter().for_each(|entry| {
            entry.with_bytes(|member| members.insert(member));
        });
        *self = Set::Table(members);
    }

    /// Adds a member; answers whether it is new.
    pub fn insert(&mut self, member: &[u8], limits: &Limits) -> bool {
        match self {
            Set::Ints(intset) => match parse_i64(member) {
                Some(number) => {
                    let added = intset.insert(number);
                    if added && intset.view().len() > limits.set_max_intset_entries {
                        self.spread();
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
                self.spread();
                self.insert(member, limits)
            }
            Set::Table(members) => members.insert(member),
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
            self.spread();
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
            Set::Table(members) => members.find(member).and_then(|place| members.0.remove(place)).is_some(),
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
            Set::Table(members) => members.find(member).is_some(),
        }
    }

    /// The members.
    pub fn iter(&self) -> impl Iterator<Item = Entry<'_>> {
        let (ints, packed, table) = match self {
            Set::Ints(intset) => (Some(intset.view().iter().map(Entry::Int)), None, None),
            Set::Packed(listpack) => (None, Some(listpack.view().iter()), None),
            Set::Table(Members(index)) => (None, None, Some(index.iter().map(Entry::Bytes))),
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
            Set::Table(Members(index)) => index.random(random).map(Entry::Bytes),
        }
    }

    /// Visits some members from a cursor on, about `count` of a table and all of a small set; answers the cursor to go on
    /// with, which is 0 at the end.
    pub fn scan(&self, cursor: u64, count: usize, visit: &mut dyn FnMut(Entry<'_>)) -> u64 {
        if let Set::Table(Members(index)) = self {
            return index.scan(cursor, count, &mut |member| visit(Entry::Bytes(member)));
        }
        self.iter().for_each(visit);
        0
    }
}

impl Members {
    fn new() -> Members {
        Members(Box::new(Index::new()))
    }

    fn find(&self, member: &[u8]) -> Option<Place> {
        self.0.find(hash(member), |other| other == member)
    }

    /// Adds a member; answers whether it is new.
    fn insert(&mut self, member: &[u8]) -> bool {
        let hash = hash(member);
        let is_new = self.0.find(hash, |other| other == member).is_none();
        if is_new {
            self.0.insert(hash, Blob::new(member));
        }
        is_new
    }
}
