//! Hashes: a listpack of fields and values by turns while they are few and short ("listpack"), the same with due times
//! once a field has one ("listpackex"), then a table ("hashtable"), for good.
//!
//! A field that is due stays until somebody removes it ([`Hash::expire`], [`Hash::take_due`]); who reads says what time
//! it is, and sees it no more.

mod field;
mod table;
#[cfg(test)]
mod tests;
mod timed;

use std::fmt;

use codec::listpack::{Entry, Listpack, ListpackRef, Position};

use crate::Limits;
use crate::Step;
use crate::distinct::all_differ;
use table::Table;

/// A hash.
#[derive(Clone)]
pub enum Hash {
    /// Fields and values by turns.
    Packed(Listpack),
    /// Fields, values and due times by turns.
    Timed(Listpack),
    /// Many, or long ones.
    Table(Box<Table>),
}

/// A field, its value, and when it is due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shown<'a> {
    /// The field.
    pub name: Entry<'a>,
    /// The value.
    pub value: Entry<'a>,
    /// When it is due, in Unix milliseconds.
    pub due: Option<i64>,
}

impl Shown<'_> {
    /// Whether it is there at `now`.
    pub fn lives(&self, now: i64) -> bool {
        self.due.is_none_or(|due| due > now)
    }
}

/// Why a listpack is not a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsound {
    /// The last field has no value, or no time.
    Odd,
    /// A field is there twice.
    Duplicate,
    /// A due time is none, or not in order.
    Time,
}

impl Default for Hash {
    fn default() -> Hash {
        Hash::Packed(Listpack::new())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Where a field and its value stand in a listpack without times.
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
        // One pass for both questions: this is what loading many small hashes consists of.
        let (mut entries, mut longest) = (listpack.iter(), 0);
        let names = std::iter::from_fn(|| {
            let (name, value) = (entries.next()?, entries.next()?);
            longest = longest.max(name.len()).max(value.len());
            Some(name)
        });
        if !all_differ(names) {
            return Err(Unsound::Duplicate);
        }
        Ok(Hash::Packed(Listpack::trusted(listpack.as_bytes())).fitted(longest, limits))
    }

    /// The hash that a listpack with due times from outside is.
    pub fn from_timed_listpack(listpack: ListpackRef<'_>, limits: &Limits) -> Result<Hash, Unsound> {
        timed::check(listpack)?;
        let longest = timed::iter(listpack).map(|shown| shown.name.len().max(shown.value.len())).max();
        Ok(Hash::Timed(Listpack::trusted(listpack.as_bytes())).fitted(longest.unwrap_or(0), limits))
    }

    /// A table if a listpack, whose longest field or value has so many bytes, is too large.
    fn fitted(mut self, longest: usize, limits: &Limits) -> Hash {
        if self.len() > limits.hash_max_listpack_entries || longest > limits.hash_max_listpack_value {
            self.spread();
        }
        self
    }

    /// Its bytes, while it is a listpack without times.
    pub fn as_listpack(&self) -> Option<ListpackRef<'_>> {
        if let Hash::Packed(listpack) = self { Some(listpack.view()) } else { None }
    }

    /// Its bytes, while it is a listpack with times.
    pub fn as_timed_listpack(&self) -> Option<ListpackRef<'_>> {
        if let Hash::Timed(listpack) = self { Some(listpack.view()) } else { None }
    }

    /// How many fields there are, due ones among them.
    pub fn len(&self) -> usize {
        match self {
            Hash::Packed(listpack) => listpack.view().len() / 2,
            Hash::Timed(listpack) => listpack.view().len() / 3,
            Hash::Table(table) => table.fields.len(),
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
            Hash::Timed(_) => "listpackex",
            Hash::Table(_) => "hashtable",
        }
    }

    /// Bytes of memory on the heap, those of the fields estimated from some.
    pub fn footprint(&self) -> usize {
        match self {
            Hash::Packed(listpack) | Hash::Timed(listpack) => listpack.footprint(),
            Hash::Table(table) => table.footprint(),
        }
    }

    /// See [`crate::Value::ahead`].
    pub fn ahead(&self, step: Step, element: &[u8]) -> Option<usize> {
        match self {
            Hash::Packed(listpack) | Hash::Timed(listpack) => Some(listpack.address()),
            Hash::Table(table) => table.fields.ahead(step, element),
        }
    }

    /// See [`crate::Value::is_deep`].
    pub fn is_deep(&self) -> bool {
        matches!(self, Hash::Table(_))
    }

    /// See [`crate::Value::effort`].
    pub fn effort(&self) -> usize {
        match self {
            Hash::Packed(_) | Hash::Timed(_) => 1,
            Hash::Table(table) => table.fields.len(),
        }
    }

    /// See [`crate::Value::each`].
    pub fn each(&self, visit: &mut dyn FnMut(&[&[u8]])) {
        self.iter().for_each(|Shown { name, value, due }| {
            name.with_bytes(|name| {
                value.with_bytes(|value| match due {
                    Some(due) => visit(&[name, value, due.to_string().as_bytes()]),
                    None => visit(&[name, value]),
                });
            });
        });
    }

    /// Makes a table of a listpack that these fields and values, by turns, are too many or too long for.
    pub fn expect<'e>(&mut self, fields_and_values: impl Iterator<Item = &'e [u8]>, limits: &Limits) {
        let (Hash::Packed(listpack) | Hash::Timed(listpack)) = self else { return };
        let (mut count, mut bytes, mut longest) = (0, 0usize, 0);
        for text in fields_and_values {
            (count, bytes, longest) = (count + 1, bytes.saturating_add(text.len()), longest.max(text.len()));
        }
        let too_many = count / 2 > limits.hash_max_listpack_entries;
        if too_many || longest > limits.hash_max_listpack_value || !listpack.fits(bytes) {
            self.spread();
        }
    }

    /// Makes a table of a listpack.
    fn spread(&mut self) {
        let mut table = Table::new();
        self.iter().for_each(|Shown { name, value, due }| {
            name.with_bytes(|name| value.with_bytes(|value| table.insert(name, value, due)));
        });
        *self = Hash::Table(Box::new(table));
    }

    /// Makes room for due times in a listpack.
    fn make_timed(&mut self) {
        if let Hash::Packed(_) = self {
            let mut listpack = Listpack::new();
            for Shown { name, value, .. } in self.iter() {
                listpack.push_back(name);
                listpack.push_back(value);
                listpack.push_back(Entry::Int(0));
            }
            *self = Hash::Timed(listpack);
        }
    }

    /// A field, due or not.
    #[inline]
    pub fn find(&self, field: &[u8]) -> Option<Shown<'_>> {
        match self {
            Hash::Packed(listpack) => {
                let view = listpack.view();
                let (name, value) = find(view, field)?;
                Some(Shown { name: view.get(name)?, value: view.get(value)?, due: None })
            }
            Hash::Timed(listpack) => {
                let places = timed::find(listpack.view(), field)?;
                timed::shown(listpack.view(), &places)
            }
            Hash::Table(table) => table.find(field).map(field::Look::shown),
        }
    }

    /// The value of a field that is there at `now`.
    #[inline]
    pub fn get(&self, field: &[u8], now: i64) -> Option<Entry<'_>> {
        self.find(field).filter(|shown| shown.lives(now)).map(|shown| shown.value)
    }

    /// Sets fields, of which none is due from then on; answers how many are new. An empty listpack takes them all at once.
    pub fn set_all<'e>(
        &mut self,
        pairs: impl Iterator<Item = (&'e [u8], &'e [u8])> + Clone,
        limits: &Limits,
    ) -> usize {
        self.expect(pairs.clone().flat_map(|(field, value)| [field, value]), limits);
        match self {
            Hash::Packed(listpack)
                if listpack.view().is_empty() && all_differ(pairs.clone().map(|(field, _)| field.into())) =>
            {
                listpack.push_all(pairs.flat_map(|(field, value)| [field.into(), value.into()]));
                self.len()
            }
            _ => pairs.filter(|(field, value)| self.set(field, value, limits)).count(),
        }
    }

    /// Sets a field, which is not due from then on; answers whether it is new. Whoever sets calls [`Hash::expect`] first.
    pub fn set(&mut self, field: &[u8], value: &[u8], limits: &Limits) -> bool {
        if self.has_times() && self.find(field).is_some_and(|shown| shown.due.is_some()) {
            self.set_due(field, None);
        }
        let is_new = !self.set_value(field, value);
        if is_new {
            self.insert(field, value, limits);
        }
        is_new
    }

    /// Sets the value of a field that is there, and leaves its due time; answers whether it is there. Whoever sets calls
    /// [`Hash::expect`] first.
    pub fn set_value(&mut self, field: &[u8], value: &[u8]) -> bool {
        let place = match self {
            Hash::Packed(listpack) => find(listpack.view(), field).map(|(_, value)| value),
            Hash::Timed(listpack) => timed::find(listpack.view(), field).map(|places| places.value),
            Hash::Table(table) => return table.set_value(field, value),
        };
        if let (Hash::Packed(listpack) | Hash::Timed(listpack), Some(place)) = (self, place) {
            listpack.replace(place, value);
        }
        place.is_some()
    }

    /// Adds a field that is not there.
    fn insert(&mut self, field: &[u8], value: &[u8], limits: &Limits) {
        match self {
            Hash::Packed(listpack) => {
                listpack.push_back(field);
                listpack.push_back(value);
            }
            Hash::Timed(listpack) => timed::insert(listpack, field, value, None),
            Hash::Table(table) => return table.insert(field, value, None),
        }
        if self.len() > limits.hash_max_listpack_entries {
            self.spread();
        }
    }

    /// Removes a field, due or not; answers whether it was there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        match self {
            Hash::Packed(listpack) => match find(listpack.view(), field) {
                Some((at, _)) => listpack.delete_from(at, 2) == 2,
                None => false,
            },
            Hash::Timed(listpack) => match timed::find(listpack.view(), field) {
                Some(places) => listpack.delete_from(places.name, 3) == 3,
                None => false,
            },
            Hash::Table(table) => table.remove(field),
        }
    }

    /// Sets when a field is due, in Unix milliseconds above 0, or that it is not; answers whether it is there.
    pub fn set_due(&mut self, field: &[u8], due: Option<i64>) -> bool {
        if due.is_some() {
            self.make_timed();
        }
        match self {
            Hash::Packed(listpack) => find(listpack.view(), field).is_some(),
            Hash::Timed(listpack) => {
                let Some(places) = timed::find(listpack.view(), field) else { return false };
                let value = listpack.view().get(places.value).map(Entry::to_vec).unwrap_or_default();
                listpack.delete_from(places.name, 3);
                timed::insert(listpack, field, &value, due);
                true
            }
            Hash::Table(table) => table.set_due(field, due),
        }
    }

    /// Whether fields could have due times, in this encoding.
    fn has_times(&self) -> bool {
        !matches!(self, Hash::Packed(_))
    }

    /// Whether a field has a due time.
    pub fn is_timed(&self) -> bool {
        match self {
            Hash::Packed(_) => false,
            Hash::Timed(listpack) => first_timed(listpack).is_some(),
            Hash::Table(table) => table.timed() > 0,
        }
    }

    /// A time before which no field is due, in Unix milliseconds; `None` if none ever is.
    pub fn next_due(&self) -> Option<i64> {
        match self {
            Hash::Packed(_) => None,
            Hash::Timed(listpack) => first_timed(listpack)?.due,
            Hash::Table(table) => table.next_due(),
        }
    }

    /// Removes up to `limit` fields that are due at `now`; answers their names.
    pub fn expire(&mut self, now: i64, limit: usize) -> Vec<Box<[u8]>> {
        let mut gone = Vec::new();
        while gone.len() < limit
            && let Some(name) = self.due_at(now)
        {
            self.remove(&name);
            gone.push(name);
        }
        gone
    }

    /// Removes those of the named fields that are due at `now`; answers their names.
    pub fn take_due<'e>(&mut self, names: impl Iterator<Item = &'e [u8]>, now: i64) -> Vec<Box<[u8]>> {
        let mut gone = Vec::new();
        for name in names {
            if self.find(name).is_some_and(|shown| !shown.lives(now)) {
                self.remove(name);
                gone.push(name.into());
            }
        }
        gone
    }

    fn due_at(&mut self, now: i64) -> Option<Box<[u8]>> {
        match self {
            Hash::Packed(_) => None,
            Hash::Timed(listpack) => {
                let first = first_timed(listpack).filter(|shown| !shown.lives(now))?;
                Some(first.name.to_vec().into())
            }
            Hash::Table(table) => table.due_at(now),
        }
    }

    /// Fields and their values, due ones among them.
    pub fn iter(&self) -> impl Iterator<Item = Shown<'_>> {
        let (packed, timed, table) = match self {
            Hash::Packed(listpack) => (Some(pairs(listpack.view())), None, None),
            Hash::Timed(listpack) => (None, Some(timed::iter(listpack.view())), None),
            Hash::Table(table) => (None, None, Some(table.fields.iter().map(field::Look::shown))),
        };
        let (packed, timed) = (packed.into_iter().flatten(), timed.into_iter().flatten());
        packed.chain(timed).chain(table.into_iter().flatten())
    }

    /// Those that are there at `now`.
    pub fn iter_at(&self, now: i64) -> impl Iterator<Item = Shown<'_>> {
        self.iter().filter(move |shown| shown.lives(now))
    }

    /// How many are there at `now`.
    pub fn count_at(&self, now: i64) -> usize {
        if self.next_due().is_some_and(|due| due <= now) { self.iter_at(now).count() } else { self.len() }
    }

    /// A field picked by random numbers, due or not.
    pub fn random(&self, mut random: impl FnMut() -> u64) -> Option<Shown<'_>> {
        match self {
            Hash::Table(table) => table.fields.random(random).map(field::Look::shown),
            _ if self.is_empty() => None,
            _ => self.iter().nth((random() % self.len() as u64) as usize),
        }
    }

    /// Visits some fields from a cursor on, about `count` of a table and all of a small hash; answers the cursor to go on
    /// with, which is 0 at the end.
    pub fn scan(&self, cursor: u64, count: usize, visit: &mut dyn FnMut(Shown<'_>)) -> u64 {
        if let Hash::Table(table) = self {
            return table.fields.scan(cursor, count, &mut |look| visit(look.shown()));
        }
        self.iter().for_each(visit);
        0
    }
}

/// The field that is due first.
fn first_timed(listpack: &Listpack) -> Option<Shown<'_>> {
    timed::iter(listpack.view()).next().filter(|shown| shown.due.is_some())
}

/// The elements of a listpack, two by two.
fn pairs<'a>(listpack: ListpackRef<'a>) -> impl Iterator<Item = Shown<'a>> {
    let mut entries = listpack.iter();
    std::iter::from_fn(move || Some(Shown { name: entries.next()?, value: entries.next()?, due: None }))
}
