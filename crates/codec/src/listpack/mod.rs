//! Listpacks: the packed sequences in which Redis keeps small lists, hashes, sets, sorted sets and stream
//! nodes.
//!
//! ```text
//! total bytes u32 | elements u16 | element ... | 0xff          (little-endian)
//! element: encoding and data | length of that, to be read backwards
//! ```
//!
//! Elements are integers or strings, each in the smallest of nine encodings (see `entry`). The element count
//! says 65,535 when there are that many or more. The bytes are those of Redis's `listpack.c`, so an RDB file
//! or a DUMP payload takes a listpack as it is, and a loaded one is edited where it lies.
//!
//! [`ListpackRef`] reads bytes that lie anywhere; [`Listpack`] owns its bytes and edits them. An element is
//! named by its [`Position`], which stays good until the next edit before or at it. Bytes from outside enter by
//! `validate`; yet no bytes whatever make a read panic or run away, they only end early.

mod edit;
mod entry;
mod iter;

pub use edit::Listpack;
pub use entry::Entry;
pub use iter::{Iter, Positions};

use entry::{EOF, backlen_size, decode, decode_backlen};

/// Total bytes and element count.
const HEADER: usize = 6;
/// The header and the end mark.
const EMPTY: usize = HEADER + 1;
/// The count that stands for itself or any more.
const COUNT_UNKNOWN: u16 = u16::MAX;

/// The most bytes a listpack should have: 1 GiB. Redis starts another one, or another encoding, before this.
pub const MAX_BYTES: usize = 1 << 30;

/// Where an element begins. Stale positions read as some other element, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(u32);

impl Position {
    fn new(at: usize) -> Self {
        // A listpack's total is 32 bits.
        Self(at as u32)
    }

    fn get(self) -> usize {
        self.0 as usize
    }
}

/// Why bytes are not a listpack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// Shorter than an empty listpack, not the length the header says, or without the end mark.
    Frame,
    /// The element at this offset has no such encoding, reaches past the end, or disagrees with its length
    /// written behind it.
    Element(usize),
    /// The header counts other than there are elements.
    Count,
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::Frame => f.write_str("listpack header or end mark is wrong"),
            Error::Element(offset) => write!(f, "listpack element at offset {offset} is wrong"),
            Error::Count => f.write_str("listpack element count is wrong"),
        }
    }
}

impl std::error::Error for Error {}

/// A listpack to read, wherever its bytes lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListpackRef<'a>(&'a [u8]);

impl<'a> ListpackRef<'a> {
    /// Checks every element of `bytes` in both directions.
    pub fn validate(bytes: &'a [u8]) -> Result<Self, Error> {
        let total = bytes.first_chunk().map(|total| u32::from_le_bytes(*total) as usize);
        if bytes.len() < EMPTY || total != Some(bytes.len()) || bytes.last() != Some(&EOF) {
            return Err(Error::Frame);
        }
        let listpack = Self(bytes);
        let end = bytes.len() - 1;
        let (mut at, mut count) = (HEADER, 0usize);
        while at < end {
            let len = decode(&bytes[at..end]).ok_or(Error::Element(at))?.1;
            let next = at + len + backlen_size(len);
            if next > end || decode_backlen(&bytes[..next]) != Some(len) {
                return Err(Error::Element(at));
            }
            (at, count) = (next, count + 1);
        }
        match listpack.header_count() {
            Some(header) if header != count => Err(Error::Count),
            _ => Ok(listpack),
        }
    }

    /// Takes bytes that are known to be a listpack: one that was built or validated by this module.
    pub fn trusted(bytes: &'a [u8]) -> Self {
        debug_assert!(Self::validate(bytes).is_ok());
        Self(bytes)
    }

    /// All bytes, as an RDB file holds them.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// The element count: from the header, or counted when there are 65,535 or more.
    pub fn len(self) -> usize {
        self.header_count().unwrap_or_else(|| self.iter().count())
    }

    /// Whether there are no elements.
    pub fn is_empty(self) -> bool {
        self.0.len() <= EMPTY
    }

    fn header_count(self) -> Option<usize> {
        let count = u16::from_le_bytes([*self.0.get(4)?, *self.0.get(5)?]);
        (count != COUNT_UNKNOWN).then_some(usize::from(count))
    }

    /// The element at a position.
    pub fn get(self, position: Position) -> Option<Entry<'a>> {
        self.read(position).map(|(entry, _)| entry)
    }

    /// The first element's position.
    pub fn first(self) -> Option<Position> {
        (!self.is_empty()).then_some(Position::new(HEADER))
    }

    /// The last element's position.
    pub fn last(self) -> Option<Position> {
        self.previous(Position::new(self.0.len().checked_sub(1)?))
    }

    /// The position behind `position`, unless that is the last.
    pub fn next(self, position: Position) -> Option<Position> {
        let (_, next) = self.read(position)?;
        (next.get() + 1 < self.0.len()).then_some(next)
    }

    /// The position in front of `position`, unless that is the first.
    pub fn previous(self, position: Position) -> Option<Position> {
        if position.get() <= HEADER {
            return None;
        }
        let len = decode_backlen(self.0.get(..position.get())?)?;
        let at = position.get().checked_sub(len + backlen_size(len))?;
        (at >= HEADER).then(|| Position::new(at))
    }

    /// The element at a position, and where the next one begins or the end mark lies.
    #[inline(always)]
    fn read(self, position: Position) -> Option<(Entry<'a>, Position)> {
        let (entry, len) = decode(self.0.get(position.get()..)?)?;
        Some((entry, Position::new(position.get() + len + backlen_size(len))))
    }

    /// The position of the element with this index; -1 is the last. Walks from the nearer end.
    pub fn seek(self, index: i64) -> Option<Position> {
        let index = match self.header_count() {
            None => index,
            Some(count) => {
                let count = count as i64;
                let from_head = if index < 0 { index.checked_add(count)? } else { index };
                if !(0..count).contains(&from_head) {
                    return None;
                }
                if from_head > count / 2 { from_head - count } else { from_head }
            }
        };
        match usize::try_from(index) {
            Ok(index) => self.positions().nth(index).map(|(position, _)| position),
            Err(_) => {
                self.positions().nth_back(index.unsigned_abs() as usize - 1).map(|(position, _)| position)
            }
        }
    }

    /// The element with this index; -1 is the last.
    pub fn at(self, index: i64) -> Option<Entry<'a>> {
        self.get(self.seek(index)?)
    }

    /// The position of the first element, from `from` on, that is equal to `needle`. After each that is
    /// compared `skip` are passed over: 0 compares all, 1 the fields of a hash that begins at `from`.
    ///
    /// An integer element equals its canonical text.
    pub fn find(self, from: Position, needle: &[u8], skip: usize) -> Option<Position> {
        let needle = Needle::new(needle);
        let (mut at, mut passed) = (from, 0);
        while let Some((entry, next)) = self.read(at) {
            if passed == 0 {
                if needle.is(entry) {
                    return Some(at);
                }
                passed = skip;
            } else {
                passed -= 1;
            }
            at = next;
        }
        None
    }

    /// The elements, from either end.
    pub fn iter(self) -> Iter<'a> {
        Iter(self.positions())
    }

    /// The elements with their positions, from either end.
    pub fn positions(self) -> Positions<'a> {
        Positions::new(self)
    }

    /// The elements from one on, with their positions, from either end.
    pub fn positions_from(self, first: Position) -> Positions<'a> {
        Positions::from(self, first)
    }
}

/// Bytes to look for, which may be written as an integer.
struct Needle<'a> {
    bytes: &'a [u8],
    integer: Option<i64>,
}

impl<'a> Needle<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, integer: crate::number::parse_i64(bytes) }
    }

    fn is(&self, entry: Entry<'_>) -> bool {
        match entry {
            Entry::Int(value) => self.integer == Some(value),
            Entry::Bytes(bytes) => bytes == self.bytes,
        }
    }
}

#[cfg(test)]
mod tests;
