//! Editing a listpack where it lies: every change is one move of the bytes behind it.

use smallvec::SmallVec;

use super::entry::{EOF, Encoded, decode};
use super::{COUNT_UNKNOWN, EMPTY, Entry, Error, HEADER, ListpackRef, MAX_BYTES, Position, backlen_size};
use crate::blob::SizedBlob;

/// A listpack that owns its bytes.
///
/// Edits keep it within 4 GiB or panic; callers stay below [`MAX_BYTES`] by asking [`fits`](Self::fits) first.
/// Positions come from [`view`](Self::view); an edit with a stale one panics or writes to the wrong place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listpack(SizedBlob);

impl Listpack {
    /// An empty listpack.
    pub fn new() -> Self {
        Self(SizedBlob::new(&[EMPTY as u8, 0, 0, 0, 0, 0, EOF]))
    }

    /// Checks every element of `bytes` in both directions, and copies them.
    pub fn validate(bytes: &[u8]) -> Result<Self, Error> {
        ListpackRef::validate(bytes)?;
        Ok(Self(SizedBlob::new(bytes)))
    }

    /// Copies bytes that are known to be a listpack: one that was built or validated by this module.
    pub fn trusted(bytes: &[u8]) -> Self {
        Self(SizedBlob::new(ListpackRef::trusted(bytes).0))
    }

    /// The listpack to read.
    pub fn view(&self) -> ListpackRef<'_> {
        ListpackRef(&self.0)
    }

    /// All bytes, as an RDB file holds them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Where it stands in memory: for prefetching.
    #[inline]
    pub fn address(&self) -> usize {
        self.0.address()
    }

    /// Bytes of memory that it takes, the pointer not counted.
    pub fn footprint(&self) -> usize {
        self.0.footprint()
    }

    /// Whether `more` bytes of elements keep it within [`MAX_BYTES`].
    pub fn fits(&self, more: usize) -> bool {
        self.0.len().saturating_add(more) <= MAX_BYTES
    }

    /// Adds an element at the end.
    pub fn push_back<'e>(&mut self, entry: impl Into<Entry<'e>>) {
        self.splice(self.end(), 0, 0, Some(entry.into()));
    }

    /// Adds an element at the start.
    pub fn push_front<'e>(&mut self, entry: impl Into<Entry<'e>>) {
        self.splice(HEADER, 0, 0, Some(entry.into()));
    }

    /// Inserts an element in front of the one at `position`; the new one has that position then.
    pub fn insert_before<'e>(&mut self, position: Position, entry: impl Into<Entry<'e>>) {
        self.splice(position.get(), 0, 0, Some(entry.into()));
    }

    /// Inserts an element behind the one at `position`, and tells where.
    pub fn insert_after<'e>(&mut self, position: Position, entry: impl Into<Entry<'e>>) -> Position {
        let at = position.get() + self.size_at(position.get());
        self.splice(at, 0, 0, Some(entry.into()));
        Position::new(at)
    }

    /// Replaces the element at `position`, which stays the position of the new one.
    pub fn replace<'e>(&mut self, position: Position, entry: impl Into<Entry<'e>>) {
        let size = self.size_at(position.get());
        self.splice(position.get(), size, 1, Some(entry.into()));
    }

    /// Deletes the element at `position`, which then is that of the next one, if there is one.
    pub fn delete(&mut self, position: Position) -> Option<Position> {
        self.delete_from(position, 1);
        (position.get() < self.end()).then_some(position)
    }

    /// Deletes up to `count` elements from `position` on, and tells how many.
    pub fn delete_from(&mut self, position: Position, count: usize) -> usize {
        let (mut behind, mut deleted) = (position.get(), 0);
        while deleted < count && behind < self.end() {
            behind += self.size_at(behind);
            deleted += 1;
        }
        self.splice(position.get(), behind - position.get(), deleted, None);
        deleted
    }

    /// Deletes up to `count` elements from the one with this index on (-1 is the last), and tells how many.
    pub fn delete_range(&mut self, index: i64, count: usize) -> usize {
        self.view().seek(index).map_or(0, |position| self.delete_from(position, count))
    }

    /// Appends the elements of another listpack.
    pub fn append(&mut self, other: ListpackRef<'_>) {
        let counts = self.view().header_count().zip(other.header_count());
        let elements = &other.0[HEADER..other.0.len() - 1];
        let at = self.end();
        self.0.resize_gap(at, 0, elements.len());
        self.0.range_mut(at..at + elements.len()).copy_from_slice(elements);
        self.write_count(counts.map(|(a, b)| a + b));
    }

    /// Adds elements at the end; the listpack grows once for all of them.
    pub fn push_all<'e>(&mut self, entries: impl Iterator<Item = Entry<'e>>) {
        let encoded: SmallVec<[Encoded<'e>; 16]> = entries.map(Encoded::new).collect();
        let (count, mut at) = (self.view().header_count(), self.end());
        self.0.resize_gap(at, 0, encoded.iter().map(Encoded::size).sum());
        for element in &encoded {
            element.write(self.0.range_mut(at..at + element.size()));
            at += element.size();
        }
        self.write_count(count.map(|count| count + encoded.len()));
    }

    /// Where the end mark lies.
    fn end(&self) -> usize {
        self.0.len() - 1
    }

    /// The size of the element at an offset, with the length behind it.
    fn size_at(&self, at: usize) -> usize {
        let (_, len) = decode(&self.0[at..]).expect("the position is an element's");
        len + backlen_size(len)
    }

    /// Replaces `old` bytes at an offset, which are `removed` elements, by one element or none.
    fn splice(&mut self, at: usize, old: usize, removed: usize, entry: Option<Entry<'_>>) {
        let count = self.view().header_count();
        let added = usize::from(entry.is_some());
        match entry.map(Encoded::new) {
            Some(encoded) if encoded.size() == old && removed == added => {
                return encoded.write(self.0.range_mut(at..at + old));
            }
            Some(encoded) => {
                self.0.resize_gap(at, old, encoded.size());
                encoded.write(self.0.range_mut(at..at + encoded.size()));
            }
            None => self.0.resize_gap(at, old, 0),
        }
        self.write_count(count.map(|count| count + added - removed));
    }

    /// Writes the count, if it is known; the total is the blob's own.
    fn write_count(&mut self, count: Option<usize>) {
        let count = count.map_or(COUNT_UNKNOWN, |count| u16::try_from(count).unwrap_or(COUNT_UNKNOWN));
        self.0.range_mut(4..HEADER).copy_from_slice(&count.to_le_bytes());
    }
}

impl Default for Listpack {
    fn default() -> Self {
        Self::new()
    }
}

impl<'e, E: Into<Entry<'e>>> Extend<E> for Listpack {
    fn extend<I: IntoIterator<Item = E>>(&mut self, entries: I) {
        entries.into_iter().for_each(|entry| self.push_back(entry));
    }
}

impl<'e, E: Into<Entry<'e>>> FromIterator<E> for Listpack {
    fn from_iter<I: IntoIterator<Item = E>>(entries: I) -> Self {
        let mut listpack = Self::new();
        listpack.extend(entries);
        listpack
    }
}
