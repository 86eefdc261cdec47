//! Ziplists: the packed sequences of Redis before 7.0, which old RDB files and DUMP payloads still hold.
//!
//! ```text
//! total bytes u32 | offset of the last element u32 | elements u16 | element ... | 0xff     (little-endian)
//! element: length of the element before it | encoding | data
//! length before:  one byte up to 253, or 254 and u32
//! 00llllll            string of l bytes, 0 to 63
//! 01llllll llllllll   string of l bytes, up to 16,383
//! 10xxxxxx and u32    string of that many bytes, big-endian
//! 11000000 and i16    11010000 and i32    11100000 and i64    11110000 and 24 bits    11111110 and i8
//! 1111vvvv            integer v - 1, for v from 1 to 13
//! ```
//!
//! The element count says 65,535 when there are that many or more. Listpacks took their place because one changed
//! element could change the size of all the lengths behind it. So they are only read here, and become a
//! [`Listpack`]. Source matched: Redis 7.2.6 `ziplist.c`, which accepts and refuses the same bytes.

use crate::listpack::{Entry, Listpack, MAX_BYTES};

/// Total, offset of the last element, count.
const HEADER: usize = 10;
/// The byte behind the last element.
const EOF: u8 = 0xff;
/// From here on the length of the element before takes four more bytes.
const LONG_BEFORE: u8 = 254;
/// The count that stands for itself or any more.
const COUNT_UNKNOWN: u16 = u16::MAX;

/// Why bytes are not a ziplist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// Shorter than an empty ziplist, above 1 GiB (which Redis never makes), not the length the header says, or without
    /// the end mark.
    Frame,
    /// The element at this offset has no such encoding, reaches past the end, or misstates the length before it.
    Element(usize),
    /// The header gives another place to the last element than it has.
    Tail,
    /// The header counts other than there are elements.
    Count,
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::Frame => f.write_str("ziplist header or end mark is wrong"),
            Error::Element(offset) => write!(f, "ziplist element at offset {offset} is wrong"),
            Error::Tail => f.write_str("ziplist offset of the last element is wrong"),
            Error::Count => f.write_str("ziplist element count is wrong"),
        }
    }
}

impl std::error::Error for Error {}

/// A sound ziplist, wherever its bytes lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZiplistRef<'a>(&'a [u8]);

impl<'a> ZiplistRef<'a> {
    /// Checks the header and every element of `bytes`.
    pub fn validate(bytes: &'a [u8]) -> Result<Self, Error> {
        let (head, rest) = bytes.split_first_chunk::<HEADER>().ok_or(Error::Frame)?;
        let [a, b, c, d, e, f, g, h, i, j] = *head;
        let (total, tail) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
        if total as usize != bytes.len() || bytes.len() > MAX_BYTES || rest.last() != Some(&EOF) {
            return Err(Error::Frame);
        }
        let end = bytes.len() - 1;
        let (mut at, mut before, mut count) = (HEADER, 0, 0);
        while at < end {
            let (element, _) = Element::decode(&bytes[at..end]).ok_or(Error::Element(at))?;
            if element.before != before {
                return Err(Error::Element(at));
            }
            (at, before, count) = (at + element.size, element.size, count + 1);
        }
        // An empty one has no last element to point to, only bytes to stay within.
        let last = at - before;
        if tail as usize != last && (count > 0 || tail as usize > end) {
            return Err(Error::Tail);
        }
        match u16::from_le_bytes([i, j]) {
            COUNT_UNKNOWN => Ok(Self(bytes)),
            header if usize::from(header) == count => Ok(Self(bytes)),
            _ => Err(Error::Count),
        }
    }

    /// The elements, first to last. A string stays one, even if it is the text of an integer.
    pub fn iter(self) -> Iter<'a> {
        Iter(&self.0[HEADER..self.0.len() - 1])
    }

    /// The listpack of the same elements.
    pub fn to_listpack(self) -> Listpack {
        let mut listpack = Listpack::new();
        listpack.push_all(self.iter());
        listpack
    }
}

/// The elements of a ziplist.
#[derive(Clone, Debug)]
pub struct Iter<'a>(&'a [u8]);

impl<'a> Iterator for Iter<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let (element, entry) = Element::decode(self.0)?;
        self.0 = &self.0[element.size..];
        Some(entry)
    }
}

/// How an element lies among the others.
struct Element {
    /// Bytes of the element before it.
    before: usize,
    /// Its own bytes, from the length of the one before on.
    size: usize,
}

impl Element {
    /// Decodes the element at the front of `bytes`; nothing when they are none or end within it.
    fn decode(bytes: &[u8]) -> Option<(Self, Entry<'_>)> {
        let (before, head, rest) = match *bytes {
            [LONG_BEFORE..=u8::MAX, a, b, c, d, ref rest @ ..] => {
                (u32::from_le_bytes([a, b, c, d]) as usize, 5, rest)
            }
            [short @ 0..LONG_BEFORE, ref rest @ ..] => (usize::from(short), 1, rest),
            _ => return None,
        };
        let (entry, len) = decode(rest)?;
        Some((Self { before, size: head + len }, entry))
    }
}

/// Decodes the encoding and data at the front of `bytes`, and tells how many bytes they are.
fn decode(bytes: &[u8]) -> Option<(Entry<'_>, usize)> {
    let int = |value: i64, len: usize| Some((Entry::Int(value), len));
    match *bytes {
        [head @ 0..0x40, ..] => string(bytes, 1, usize::from(head)),
        [head @ 0x40..0x80, low, ..] => string(bytes, 2, usize::from(head & 0x3f) << 8 | usize::from(low)),
        [0x80..0xc0, a, b, c, d, ..] => string(bytes, 5, u32::from_be_bytes([a, b, c, d]) as usize),
        [0xc0, a, b, ..] => int(i16::from_le_bytes([a, b]).into(), 3),
        [0xd0, a, b, c, d, ..] => int(i32::from_le_bytes([a, b, c, d]).into(), 5),
        [0xe0, a, b, c, d, e, f, g, h, ..] => int(i64::from_le_bytes([a, b, c, d, e, f, g, h]), 9),
        [0xf0, a, b, c, ..] => int((i32::from_le_bytes([0, a, b, c]) >> 8).into(), 4),
        [0xfe, a, ..] => int(i8::from_le_bytes([a]).into(), 2),
        [head @ 0xf1..=0xfd, ..] => int(i64::from(head & 0x0f) - 1, 1),
        _ => None,
    }
}

/// A string of `len` bytes behind `head` bytes that say so.
fn string(bytes: &[u8], head: usize, len: usize) -> Option<(Entry<'_>, usize)> {
    let end = head.checked_add(len)?;
    Some((Entry::Bytes(bytes.get(head..end)?), end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A ziplist of elements whose encoding and data are given.
    fn ziplist(elements: &[Vec<u8>]) -> Vec<u8> {
        let (mut bytes, mut before, mut tail) = (vec![0; HEADER], 0, HEADER);
        for element in elements {
            tail = bytes.len();
            match u8::try_from(before).ok().filter(|before| *before < LONG_BEFORE) {
                Some(short) => bytes.push(short),
                None => bytes.extend([&[LONG_BEFORE], &(before as u32).to_le_bytes()[..]].concat()),
            }
            bytes.extend(element);
            before = bytes.len() - tail;
        }
        bytes.push(EOF);
        let count = u16::try_from(elements.len()).unwrap_or(COUNT_UNKNOWN);
        let total = bytes.len() as u32;
        bytes[..4].copy_from_slice(&total.to_le_bytes());
        bytes[4..8].copy_from_slice(&(tail as u32).to_le_bytes());
        bytes[8..HEADER].copy_from_slice(&count.to_le_bytes());
        bytes
    }

    /// A value in the encoding that Redis chose for it.
    fn encoded(entry: Entry<'_>) -> Vec<u8> {
        match entry.canonical() {
            Entry::Int(value) => {
                let bytes = value.to_le_bytes();
                match value {
                    0..=12 => vec![0xf1 + value as u8],
                    -0x80..=0x7f => vec![0xfe, bytes[0]],
                    -0x8000..=0x7fff => [&[0xc0], &bytes[..2]].concat(),
                    -0x80_0000..=0x7f_ffff => [&[0xf0], &bytes[..3]].concat(),
                    -0x8000_0000..=0x7fff_ffff => [&[0xd0], &bytes[..4]].concat(),
                    _ => [&[0xe0], &bytes[..]].concat(),
                }
            }
            Entry::Bytes(bytes) => {
                let len = bytes.len() as u32;
                let head = match len {
                    0..0x40 => vec![len as u8],
                    0x40..0x4000 => vec![0x40 | (len >> 8) as u8, len as u8],
                    _ => [&[0x80], &len.to_be_bytes()[..]].concat(),
                };
                [head, bytes.to_vec()].concat()
            }
        }
    }

    fn entries(bytes: &[u8]) -> Result<Vec<Entry<'_>>, Error> {
        ZiplistRef::validate(bytes).map(|ziplist| ziplist.iter().collect())
    }

    /// The example that the head of Redis's ziplist.c explains: 2, 5 and "Hello World".
    #[test]
    fn the_documented_example() {
        let bytes = b"\x1c\0\0\0\x0e\0\0\0\x03\0\0\xf3\x02\xf6\x02\x0bHello World\xff";
        assert_eq!(entries(bytes), Ok(vec![Entry::Int(2), Entry::Int(5), Entry::Bytes(b"Hello World")]));
        let made = [Entry::Int(2), Entry::Int(5), Entry::Bytes(b"Hello World")].map(encoded);
        assert_eq!(ziplist(&made), bytes);
    }

    #[test]
    fn a_length_may_be_longer_than_it_need_be() {
        let bytes = b"\x12\0\0\0\x0c\0\0\0\x02\0\0\xf3\xfe\x02\0\0\0\xf6\xff";
        let mut bytes = bytes.to_vec();
        bytes[0] = bytes.len() as u8;
        assert_eq!(entries(&bytes), Ok(vec![Entry::Int(2), Entry::Int(5)]));
    }

    #[test]
    fn damage_is_named() {
        let good = ziplist(&[encoded(Entry::Int(2)), encoded(Entry::Bytes(b"ab"))]);
        let with = |at: usize, to: u8| {
            let mut bytes = good.clone();
            bytes[at] = to;
            ZiplistRef::validate(&bytes).err()
        };
        assert_eq!(with(0, good[0]), None);
        assert_eq!(with(0, good[0] + 1), Some(Error::Frame));
        assert_eq!(with(good.len() - 1, 0), Some(Error::Frame));
        assert_eq!(with(4, good[4] + 1), Some(Error::Tail));
        assert_eq!(with(8, 3), Some(Error::Count));
        assert_eq!(with(8, 0xff), Some(Error::Count));
        assert_eq!(with(10, 1), Some(Error::Element(10)), "nothing is before the first");
        assert_eq!(with(11, 0xc1), Some(Error::Element(10)));
        assert_eq!(with(12, 3), Some(Error::Element(12)));
        assert_eq!(with(13, 3), Some(Error::Element(12)));
        assert_eq!(ZiplistRef::validate(&good[..9]), Err(Error::Frame));
        assert_eq!(entries(b"\x0b\0\0\0\x0a\0\0\0\0\0\xff"), Ok(vec![]));
        assert_eq!(entries(b"\x0b\0\0\0\x0b\0\0\0\0\0\xff"), Err(Error::Tail));
    }

    fn element() -> impl Strategy<Value = Result<i64, Vec<u8>>> {
        prop_oneof![
            (any::<i64>(), 0..64u32).prop_map(|(value, shift)| Ok(value >> shift)),
            prop::collection::vec(any::<u8>(), 0..80).prop_map(Err),
            (any::<u8>(), 200..300usize).prop_map(|(byte, len)| Err(vec![byte; len])),
            (any::<u8>(), 16_380..16_390usize).prop_map(|(byte, len)| Err(vec![byte; len])),
        ]
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read(values in prop::collection::vec(element(), 0..20)) {
            let values: Vec<Entry<'_>> = values.iter().map(|value| match value {
                Ok(value) => Entry::Int(*value),
                Err(bytes) => Entry::Bytes(bytes).canonical(),
            }).collect();
            let bytes = ziplist(&values.iter().map(|value| encoded(*value)).collect::<Vec<_>>());
            let ziplist = ZiplistRef::validate(&bytes).expect("sound");
            prop_assert_eq!(ziplist.iter().collect::<Vec<_>>(), values.clone());
            let listpack = ziplist.to_listpack();
            prop_assert_eq!(listpack.view().iter().collect::<Vec<_>>(), values);
        }

        #[test]
        fn any_bytes_are_safe(body: Vec<u8>, count in 0..4u16, at: prop::sample::Index, to: u8) {
            let _ = entries(&body);
            // Behind a frame that is right, and with one byte changed of what is sound.
            let total = (HEADER + body.len() + 1) as u32;
            let framed = [&total.to_le_bytes()[..], &[10, 0, 0, 0], &count.to_le_bytes(), &body, &[EOF]].concat();
            let _ = entries(&framed);
            let mut changed = ziplist(&[encoded(Entry::Bytes(&body)), encoded(Entry::Int(7)), encoded(Entry::Bytes(b"end"))]);
            let at = at.index(changed.len());
            changed[at] = to;
            if let Ok(entries) = entries(&changed) {
                prop_assert_eq!(entries.len(), 3);
            }
        }
    }
}
