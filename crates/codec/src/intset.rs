//! Intsets: sorted sets of integers in an array of 16, 32 or 64-bit numbers, as Redis keeps small sets of
//! integers.
//!
//! ```text
//! width u32 (2, 4 or 8) | members u32 | member ...     (little-endian, ascending)
//! ```
//!
//! The width is that of the widest member there ever was: adding a wider one rewrites the array, removing it
//! does not. The bytes are those of Redis's `intset.c`, so RDB files and DUMP payloads take them as they are.
//! [`IntsetRef`] reads bytes that lie anywhere, [`Intset`] owns and edits them; no bytes make a read panic.

use crate::blob::Blob;

/// Width and count.
const HEADER: usize = 8;

/// Why bytes are not an intset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// No header, a width other than 2, 4 and 8, or not the length that width and count give.
    Frame,
    /// No members; Redis never writes such a set.
    Empty,
    /// The member with this index is not above the one before it.
    Order(usize),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::Frame => f.write_str("intset header is wrong"),
            Error::Empty => f.write_str("intset is empty"),
            Error::Order(index) => write!(f, "intset member {index} is not in order"),
        }
    }
}

impl std::error::Error for Error {}

/// How many bytes each member takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Width {
    Two = 2,
    Four = 4,
    Eight = 8,
}

impl Width {
    fn of(value: i64) -> Self {
        if i16::try_from(value).is_ok() {
            Width::Two
        } else if i32::try_from(value).is_ok() {
            Width::Four
        } else {
            Width::Eight
        }
    }

    fn bytes(self) -> usize {
        self as usize
    }

    /// Writes a member that fits the width.
    fn write(self, to: &mut [u8], value: i64) {
        to.copy_from_slice(&value.to_le_bytes()[..self.bytes()]);
    }
}

/// An intset to read, wherever its bytes lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntsetRef<'a>(&'a [u8]);

impl<'a> IntsetRef<'a> {
    /// Checks header and order of `bytes`.
    pub fn validate(bytes: &'a [u8]) -> Result<Self, Error> {
        let header: [u8; HEADER] = *bytes.first_chunk().ok_or(Error::Frame)?;
        let [width @ (2 | 4 | 8), 0, 0, 0, a, b, c, d] = header else { return Err(Error::Frame) };
        let size = u64::from(width) * u64::from(u32::from_le_bytes([a, b, c, d]));
        if size != (bytes.len() - HEADER) as u64 {
            return Err(Error::Frame);
        }
        let set = Self(bytes);
        if set.is_empty() {
            return Err(Error::Empty);
        }
        let disorder = set.iter().zip(set.iter().skip(1)).position(|(a, b)| a >= b);
        disorder.map_or(Ok(set), |index| Err(Error::Order(index + 1)))
    }

    /// Takes bytes that are known to be an intset: one that was built or validated by this module.
    pub fn trusted(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// All bytes, as an RDB file holds them.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// The number of members.
    pub fn len(self) -> usize {
        self.members().len() / self.width().bytes()
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.members().is_empty()
    }

    /// Whether `value` is a member.
    pub fn contains(self, value: i64) -> bool {
        Width::of(value) <= self.width() && self.search(value).is_ok()
    }

    /// The member with this index, in ascending order.
    pub fn get(self, index: usize) -> Option<i64> {
        match self.width() {
            Width::Two => {
                self.members().as_chunks().0.get(index).map(|member| i16::from_le_bytes(*member).into())
            }
            Width::Four => {
                self.members().as_chunks().0.get(index).map(|member| i32::from_le_bytes(*member).into())
            }
            Width::Eight => self.members().as_chunks().0.get(index).map(|member| i64::from_le_bytes(*member)),
        }
    }

    /// The members, ascending.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = i64> + ExactSizeIterator + use<'a> {
        (0..self.len()).map(move |index| self.get(index).unwrap_or_default())
    }

    fn width(self) -> Width {
        match self.0.first() {
            Some(8) => Width::Eight,
            Some(4) => Width::Four,
            _ => Width::Two,
        }
    }

    fn members(self) -> &'a [u8] {
        self.0.get(HEADER..).unwrap_or_default()
    }

    /// The index of `value`, or where it belongs.
    fn search(self, value: i64) -> Result<usize, usize> {
        match self.width() {
            Width::Two => {
                search(self.members().as_chunks().0, value, |member| i16::from_le_bytes(member).into())
            }
            Width::Four => {
                search(self.members().as_chunks().0, value, |member| i32::from_le_bytes(member).into())
            }
            Width::Eight => search(self.members().as_chunks().0, value, i64::from_le_bytes),
        }
    }
}

/// Binary search, after a look at the last member: sets are often filled in ascending order.
fn search<const N: usize>(members: &[[u8; N]], value: i64, read: fn([u8; N]) -> i64) -> Result<usize, usize> {
    match members.last() {
        Some(&last) if value <= read(last) => members.binary_search_by_key(&value, |member| read(*member)),
        _ => Err(members.len()),
    }
}

/// An intset that owns its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intset(Blob);

impl Intset {
    /// An empty set.
    pub fn new() -> Self {
        Self(Blob::new(&[Width::Two as u8, 0, 0, 0, 0, 0, 0, 0]))
    }

    /// Checks header and order of `bytes`, and copies them.
    pub fn validate(bytes: &[u8]) -> Result<Self, Error> {
        IntsetRef::validate(bytes)?;
        Ok(Self(Blob::new(bytes)))
    }

    /// Copies bytes that are known to be an intset: one that was built or validated by this module.
    pub fn trusted(bytes: &[u8]) -> Self {
        Self(Blob::new(IntsetRef::trusted(bytes).0))
    }

    /// The set to read.
    pub fn view(&self) -> IntsetRef<'_> {
        IntsetRef(&self.0)
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

    /// Adds a member; tells whether it is new.
    pub fn insert(&mut self, value: i64) -> bool {
        self.widen(Width::of(value));
        let Err(index) = self.view().search(value) else { return false };
        let width = self.view().width();
        let at = HEADER + index * width.bytes();
        self.0.resize_gap(at, 0, width.bytes());
        width.write(&mut self.0[at..at + width.bytes()], value);
        self.write_count();
        true
    }

    /// Removes a member; tells whether it was one.
    pub fn remove(&mut self, value: i64) -> bool {
        let width = self.view().width();
        if Width::of(value) > width {
            return false;
        }
        let Ok(index) = self.view().search(value) else { return false };
        let at = HEADER + index * width.bytes();
        self.0.resize_gap(at, width.bytes(), 0);
        self.write_count();
        true
    }

    /// Rewrites the members, from the last on, so that each takes this many bytes; does nothing when they take
    /// so many.
    fn widen(&mut self, width: Width) {
        let old = self.view().width();
        if width <= old {
            return;
        }
        let count = self.view().len();
        let end = self.0.len();
        self.0.resize_gap(end, 0, count * (width.bytes() - old.bytes()));
        for index in (0..count).rev() {
            // The old width still stands in the header.
            let value = self.view().get(index).unwrap_or_default();
            let at = HEADER + index * width.bytes();
            width.write(&mut self.0[at..at + width.bytes()], value);
        }
        self.0[0] = width as u8;
    }

    fn write_count(&mut self) {
        let count = u32::try_from(self.view().len()).expect("an intset stays below 2^32 members");
        self.0[4..HEADER].copy_from_slice(&count.to_le_bytes());
    }
}

impl Default for Intset {
    fn default() -> Self {
        Self::new()
    }
}

impl Extend<i64> for Intset {
    fn extend<I: IntoIterator<Item = i64>>(&mut self, values: I) {
        for value in values {
            self.insert(value);
        }
    }
}

impl FromIterator<i64> for Intset {
    fn from_iter<I: IntoIterator<Item = i64>>(values: I) -> Self {
        let mut set = Self::new();
        set.extend(values);
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn bytes_of_genuine_redis() {
        // In the DUMP payloads of SADD s 3 1 -2 70000 and SADD t 5 -6, redis-server 7.0.15.
        let set: Intset = [3, 1, -2, 70000].into_iter().collect();
        assert_eq!(
            set.as_bytes(),
            b"\x04\x00\x00\x00\x04\x00\x00\x00\xfe\xff\xff\xff\x01\x00\x00\x00\x03\x00\x00\x00p\x11\x01\x00"
        );
        let set: Intset = [5, -6].into_iter().collect();
        assert_eq!(set.as_bytes(), b"\x02\x00\x00\x00\x02\x00\x00\x00\xfa\xff\x05\x00");
    }

    #[test]
    fn width_grows_and_stays() {
        let mut set: Intset = [1, 2].into_iter().collect();
        assert_eq!(set.as_bytes().len(), HEADER + 4);
        assert!(set.insert(-32769));
        assert_eq!(set.as_bytes().len(), HEADER + 12);
        assert!(set.insert(i64::MAX));
        assert!(set.remove(i64::MAX) && set.remove(-32769) && !set.remove(7));
        assert_eq!(set.as_bytes(), b"\x08\0\0\0\x02\0\0\0\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0");
    }

    #[test]
    fn damage_is_found() {
        for (bytes, error) in [
            (&b"\x02\0\0\0\0\0\0"[..], Error::Frame),
            (b"\x02\0\0\0\0\0\0\0", Error::Empty),
            (b"\x03\0\0\0\x01\0\0\0abc", Error::Frame),
            (b"\x02\x01\0\0\x01\0\0\0ab", Error::Frame),
            (b"\x02\0\0\0\x02\0\0\0ab", Error::Frame),
            (b"\x08\0\0\0\0\0\0\x20", Error::Frame),
            (b"\x02\0\0\0\x02\0\0\0\x02\0\x02\0", Error::Order(1)),
            (b"\x02\0\0\0\x02\0\0\0\x02\0\xff\xff", Error::Order(1)),
        ] {
            assert_eq!(Intset::validate(bytes), Err(error));
        }
    }

    fn value() -> impl Strategy<Value = i64> {
        prop_oneof![3 => -20..20i64, 1 => -40_000..40_000i64, 1 => any::<i32>().prop_map(i64::from), 1 => any::<i64>()]
    }

    proptest! {
        #[test]
        fn agrees_with_an_ordered_set(edits in prop::collection::vec((any::<bool>(), value()), 0..120), probes: [i64; 4]) {
            let (mut set, mut model) = (Intset::new(), BTreeSet::new());
            for &(insert, value) in &edits {
                let (ours, expected) = match insert {
                    true => (set.insert(value), model.insert(value)),
                    false => (set.remove(value), model.remove(&value)),
                };
                prop_assert_eq!(ours, expected);
            }
            let view = set.view();
            prop_assert_eq!(view.iter().collect::<Vec<_>>(), model.iter().copied().collect::<Vec<_>>());
            for value in probes.into_iter().chain(edits.iter().map(|edit| edit.1)) {
                prop_assert_eq!(view.contains(value), model.contains(&value));
            }
            let valid = IntsetRef::validate(set.as_bytes());
            prop_assert_eq!(valid, if model.is_empty() { Err(Error::Empty) } else { Ok(view) });
            prop_assert_eq!(view.get(model.len()), None);
        }

        #[test]
        fn any_bytes_are_safe(bytes in prop::collection::vec(any::<u8>(), 0..40), probe: i64) {
            let view = IntsetRef::trusted(&bytes);
            let _ = (view.len(), view.contains(probe), view.iter().count());
            if IntsetRef::validate(&bytes).is_ok() {
                prop_assert!(view.iter().is_sorted());
            }
        }
    }
}
