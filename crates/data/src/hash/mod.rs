//! Hashes: a listpack of fields and values by turns while they are few and short ("listpack"), then a hash table
//! ("hashtable"), for good.

mod field;
#[cfg(test)]
mod tests;

use std::fmt;

use codec::listpack::{Entry, Listpack, ListpackRef, Position};
use hashbrown::HashTable;

use crate::Limits;
use crate::hashing::hash;
use field::Field;

/// A hash.
#[derive(Clone)]
pub enum Hash {
    /// Fields and values by turns.
    Packed(Listpack),
    /// Many, or long ones.
    Table(Box<HashTable<Field>>),
}

/// Why a listpack is not a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsound {
    /// The last field has no value.
    Odd,
    /// A field is there twice.
    Duplicate,
}

/// Fields that an estimate looks at.
const SAMPLE: usize = 64;

impl Default for Hash {
    fn default() -> Hash {
        Hash::Packed(Listpack::new())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// Where the value of a field stands in a listpack.
fn find(listpack: ListpackRef<'_>, field: &[u8]) -> Option<(Position, Position)> {
    let at = listpack.find(listpack.first()?, field, 1)?;
    Some((at, listpack.next(at)?))
}

impl Hash {
    /// The hash that a listpack from outside is.
    pub fn from_listpack(listpack: ListpackRef<'_>, limits: &Limits) -> Result<Hash, Unsound> {
        if !listpack.len().is_multiple_of(2) {
            return Err(Unsound::Odd);
        }
        let mut seen = std::collections::HashSet::new();
        let mut longest = 0;
        for (index, entry) in listpack.iter().enumerate() {
            longest = longest.max(entry.len());
            if index % 2 == 0 && !seen.insert(entry.to_vec()) {
                return Err(Unsound::Duplicate);
            }
        }
        let mut hash = Hash::Packed(Listpack::trusted(listpack.as_bytes()));
        if seen.len() > limits.hash_max_listpack_entries || longest > limits.hash_max_listpack_value {
            hash.spread(seen.len());
        }
        Ok(hash)
    }

    /// Its bytes, while it is a listpack.
    pub fn as_listpack(&self) -> Option<ListpackRef<'_>> {
        match self {
            Hash::Packed(listpack) => Some(listpack.view()),
            Hash::Table(_) => None,
        }
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        match self {
            Hash::Packed(listpack) => listpack.view().len() / 2,
            Hash::Table(table) => table.len(),
        }
    }

    /// Whether it has no fields.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        match self {
            Hash::Packed(_) => "listpack",
            Hash::Table(_) => "hashtable",
        }
    }

    /// Bytes of memory on the heap, those of the fields estimated from some.
    pub fn footprint(&self) -> usize {
        match self {
            Hash::Packed(listpack) => listpack.footprint(),
            Hash::Table(table) => {
                let sampled = table.len().min(SAMPLE);
                let sample: usize = table.iter().take(sampled).map(Field::footprint).sum();
                size_of::<HashTable<Field>>()
                    + table.allocation_size()
                    + sample * table.len() / sampled.max(1)
            }
        }
    }

    /// See [`crate::Value::effort`].
    pub fn effort(&self) -> usize {
        match self {
            Hash::Packed(_) => 1,
            Hash::Table(table) => table.len(),
        }
    }

    /// See [`crate::Value::each`].
    pub fn each(&self, visit: &mut dyn FnMut(&[&[u8]])) {
        self.iter().for_each(|(field, value)| {
            field.with_bytes(|field| value.with_bytes(|value| visit(&[field, value])));
        });
    }

    /// Makes a table of a listpack that these fields and values, by turns, are too many or too long for.
    pub fn expect<'e>(&mut self, fields_and_values: impl Iterator<Item = &'e [u8]>, limits: &Limits) {
        let Hash::Packed(listpack) = self else { return };
        let (mut count, mut bytes, mut longest) = (0, 0usize, 0);
        for text in fields_and_values {
            (count, bytes, longest) = (count + 1, bytes.saturating_add(text.len()), longest.max(text.len()));
        }
        let too_many = count / 2 > limits.hash_max_listpack_entries;
        if too_many || longest > limits.hash_max_listpack_value || !listpack.fits(bytes) {
            self.spread(count / 2);
        }
    }

    /// Makes a table of a listpack, with room for `more` fields.
    fn spread(&mut self, more: usize) {
        let Hash::Packed(listpack) = self else { return };
        // A number from outside may say anything; what comes beyond this makes room as it comes.
        let room = (listpack.view().len() / 2).saturating_add(more).min(1 << 16);
        let mut table = HashTable::with_capacity(room);
        for (field, value) in pairs(listpack.view()) {
            let field = Field::new(&field.to_vec(), &value.to_vec());
            table.insert_unique(hash(field.name()), field, |field| hash(field.name()));
        }
        *self = Hash::Table(Box::new(table));
    }

    /// The value of a field.
    #[inline]
    pub fn get(&self, field: &[u8]) -> Option<Entry<'_>> {
        match self {
            Hash::Packed(listpack) => {
                let (_, value) = find(listpack.view(), field)?;
                listpack.view().get(value)
            }
            Hash::Table(table) => {
                let found = table.find(hash(field), |other| other.name() == field)?;
                Some(Entry::Bytes(found.value()))
            }
        }
    }

    /// Whether there is such a field.
    pub fn contains(&self, field: &[u8]) -> bool {
        self.get(field).is_some()
    }

    /// Sets a field; answers whether it is new. Whoever sets calls [`Hash::expect`] first.
    pub fn set(&mut self, field: &[u8], value: &[u8], limits: &Limits) -> bool {
        match self {
            Hash::Packed(listpack) => {
                if let Some((_, position)) = find(listpack.view(), field) {
                    listpack.replace(position, value);
                    return false;
                }
                listpack.push_back(field);
                listpack.push_back(value);
                if listpack.view().len() / 2 > limits.hash_max_listpack_entries {
                    self.spread(1);
                }
                true
            }
            Hash::Table(table) => match table.find_mut(hash(field), |other| other.name() == field) {
                Some(found) => {
                    found.set_value(value);
                    false
                }
                None => {
                    let new = Field::new(field, value);
                    table.insert_unique(hash(field), new, |field| hash(field.name()));
                    true
                }
            },
        }
    }

    /// Removes a field; answers whether it was there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        match self {
            Hash::Packed(listpack) => match find(listpack.view(), field) {
                Some((at, _)) => listpack.delete_from(at, 2) == 2,
                None => false,
            },
            Hash::Table(table) => {
                table.find_entry(hash(field), |other| other.name() == field).map(|slot| slot.remove()).is_ok()
            }
        }
    }

    /// Fields and their values.
    pub fn iter(&self) -> impl Iterator<Item = (Entry<'_>, Entry<'_>)> {
        let (packed, table) = match self {
            Hash::Packed(listpack) => (Some(pairs(listpack.view())), None),
            Hash::Table(table) => (None, Some(table.iter().map(Field::entries))),
        };
        packed.into_iter().flatten().chain(table.into_iter().flatten())
    }

    /// A field with its value, picked by random numbers.
    pub fn random(&self, mut random: impl FnMut() -> u64) -> Option<(Entry<'_>, Entry<'_>)> {
        if self.is_empty() {
            return None;
        }
        match self {
            Hash::Packed(listpack) => {
                let index = (random() % (listpack.view().len() / 2) as u64) as i64;
                Some((listpack.view().at(2 * index)?, listpack.view().at(2 * index + 1)?))
            }
            Hash::Table(table) => loop {
                let bucket = (random() % table.num_buckets() as u64) as usize;
                if let Some(field) = table.get_bucket(bucket) {
                    return Some(field.entries());
                }
            },
        }
    }
}

/// The elements of a listpack, two by two.
fn pairs<'a>(listpack: ListpackRef<'a>) -> impl Iterator<Item = (Entry<'a>, Entry<'a>)> {
    let mut entries = listpack.iter();
    std::iter::from_fn(move || Some((entries.next()?, entries.next()?)))
}
