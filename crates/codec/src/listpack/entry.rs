//! One element of a listpack: its nine encodings, and the length behind it that leads backwards.
//!
//! ```text
//! 0xxxxxxx            integer 0 to 127
//! 10llllll            string of l bytes, 0 to 63
//! 110xxxxx xxxxxxxx   integer of 13 bits, two's complement
//! 1110llll llllllll   string of l bytes, 64 to 4095
//! 11110000 and u32    string of that many bytes
//! 11110001 and i16    11110010 and 24 bits    11110011 and i32    11110100 and i64
//! ```
//!
//! Lengths and integers of whole bytes are little-endian; the 13 bits and the 12 of a length have their high
//! part first.

use crate::number::{I64Text, parse_i64};

/// The byte behind the last element.
pub(super) const EOF: u8 = 0xff;

const INT_13: u8 = 0xc0;
const STR_6: u8 = 0x80;
const STR_12: u8 = 0xe0;
const STR_12_MAX: u8 = 0xef;
const STR_32: u8 = 0xf0;
const INT_16: u8 = 0xf1;
const INT_24: u8 = 0xf2;
const INT_32: u8 = 0xf3;
const INT_64: u8 = 0xf4;

/// An element's value.
///
/// Bytes that are a canonical integer (see [`parse_i64`]) are written as one, and come back as [`Entry::Int`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    /// An integer.
    Int(i64),
    /// Any other string.
    Bytes(&'a [u8]),
}

impl<'a> Entry<'a> {
    /// The value as it comes back once written: bytes that are an integer become one.
    pub fn canonical(self) -> Self {
        match self {
            Entry::Bytes(bytes) => parse_i64(bytes).map_or(self, Entry::Int),
            Entry::Int(_) => self,
        }
    }

    /// Calls `f` with the value's bytes: an integer's decimal text.
    #[inline]
    pub fn with_bytes<R>(self, f: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            Entry::Int(value) => f(&I64Text::new(value)),
            Entry::Bytes(bytes) => f(bytes),
        }
    }

    /// The value's bytes, in a vector of their own.
    pub fn to_vec(self) -> Vec<u8> {
        self.with_bytes(<[u8]>::to_vec)
    }

    /// How many bytes the value has as a string.
    #[inline]
    pub fn len(self) -> usize {
        match self {
            Entry::Int(value) => crate::number::digits(value),
            Entry::Bytes(bytes) => bytes.len(),
        }
    }

    /// Whether the value is the empty string.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

impl From<i64> for Entry<'_> {
    fn from(value: i64) -> Self {
        Entry::Int(value)
    }
}

impl<'a> From<&'a [u8]> for Entry<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Entry::Bytes(bytes)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Entry<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        Entry::Bytes(bytes)
    }
}

/// Decodes the element at the front of `bytes`: its value and how long it is, without the length behind it.
///
/// Nothing at the end mark, and when the bytes are no element or end within it. Short strings and small
/// integers, nearly all there is in a small collection, are decoded in line.
#[inline(always)]
pub(super) fn decode(bytes: &[u8]) -> Option<(Entry<'_>, usize)> {
    match *bytes.first()? {
        head @ STR_6..INT_13 => string(bytes, 1, usize::from(head & 0x3f)),
        value @ 0..STR_6 => Some((Entry::Int(i64::from(value)), 1)),
        _ => decode_longer(bytes),
    }
}

/// The encodings that begin with two set bits.
fn decode_longer(bytes: &[u8]) -> Option<(Entry<'_>, usize)> {
    let int = |value: i64, len: usize| Some((Entry::Int(value), len));
    match *bytes {
        [head @ INT_13..STR_12, low, ..] => {
            // Shifted up and down again, the top bit of the 13 becomes the sign.
            let bits = i16::from_be_bytes([head & 0x1f, low]);
            int(i64::from(bits << 3 >> 3), 2)
        }
        [head @ STR_12..=STR_12_MAX, low, ..] => {
            string(bytes, 2, usize::from(head & 0x0f) << 8 | usize::from(low))
        }
        [STR_32, a, b, c, d, ..] => string(bytes, 5, u32::from_le_bytes([a, b, c, d]) as usize),
        [INT_16, a, b, ..] => int(i64::from(i16::from_le_bytes([a, b])), 3),
        [INT_24, a, b, c, ..] => int(i64::from(i32::from_le_bytes([0, a, b, c]) >> 8), 4),
        [INT_32, a, b, c, d, ..] => int(i64::from(i32::from_le_bytes([a, b, c, d])), 5),
        [INT_64, a, b, c, d, e, f, g, h, ..] => int(i64::from_le_bytes([a, b, c, d, e, f, g, h]), 9),
        _ => None,
    }
}

/// A string of `len` bytes behind `head` bytes that say so.
#[inline(always)]
fn string(bytes: &[u8], head: usize, len: usize) -> Option<(Entry<'_>, usize)> {
    let end = head.checked_add(len)?;
    Some((Entry::Bytes(bytes.get(head..end)?), end))
}

/// An element ready to be written.
pub(super) struct Encoded<'a> {
    /// The encoding byte, with a string's length or the whole integer.
    head: [u8; 9],
    head_len: usize,
    /// A string's bytes.
    data: &'a [u8],
}

impl<'a> Encoded<'a> {
    /// Encodes a value in its smallest form. Panics on strings beyond 4 GiB, which no listpack holds.
    pub(super) fn new(entry: Entry<'a>) -> Self {
        match entry.canonical() {
            Entry::Int(value) => Self::int(value),
            Entry::Bytes(bytes) => Self::string(bytes),
        }
    }

    fn string(data: &'a [u8]) -> Self {
        let len = u32::try_from(data.len()).expect("a string for a listpack is below 4 GiB");
        let [a, b, c, d] = len.to_le_bytes();
        match len {
            0..64 => Self::with_head(&[STR_6 | a], data),
            64..4096 => Self::with_head(&[STR_12 | b, a], data),
            _ => Self::with_head(&[STR_32, a, b, c, d], data),
        }
    }

    fn int(value: i64) -> Self {
        let [a, b, c, d, e, f, g, h] = value.to_le_bytes();
        let head: &[u8] = match value {
            0..=127 => &[a],
            -4096..=4095 => &[INT_13 | b & 0x1f, a],
            -0x8000..=0x7fff => &[INT_16, a, b],
            -0x80_0000..=0x7f_ffff => &[INT_24, a, b, c],
            -0x8000_0000..=0x7fff_ffff => &[INT_32, a, b, c, d],
            _ => &[INT_64, a, b, c, d, e, f, g, h],
        };
        Self::with_head(head, &[])
    }

    #[inline]
    fn with_head(bytes: &[u8], data: &'a [u8]) -> Self {
        let mut head = [0; 9];
        head[..bytes.len()].copy_from_slice(bytes);
        Self { head, head_len: bytes.len(), data }
    }

    /// Encoding and data.
    fn len(&self) -> usize {
        self.head_len + self.data.len()
    }

    /// Encoding, data, and the length behind them.
    pub(super) fn size(&self) -> usize {
        self.len() + backlen_size(self.len())
    }

    /// Writes all [`size`](Self::size) bytes to a slice of that size.
    #[inline]
    pub(super) fn write(&self, to: &mut [u8]) {
        let (head, rest) = to.split_at_mut(self.head_len);
        match head {
            [first] => *first = self.head[0],
            head => head.copy_from_slice(&self.head[..self.head_len]),
        }
        let (data, backlen) = rest.split_at_mut(self.data.len());
        data.copy_from_slice(self.data);
        match backlen {
            [only] => *only = self.len() as u8,
            backlen => write_backlen(backlen, self.len()),
        }
    }
}

/// How many bytes the length behind an element of `len` bytes takes. The largest of each size but the first
/// already take one more; so Redis wrote it, and so it stays.
#[inline]
pub(super) fn backlen_size(len: usize) -> usize {
    match len {
        0..=127 => 1,
        128..16_383 => 2,
        16_383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    }
}

/// Writes `len` in 7-bit groups, the highest first; all but the first are marked, so that a reader from behind
/// knows when to stop.
fn write_backlen(to: &mut [u8], len: usize) {
    let mut rest = len;
    for byte in to.iter_mut().rev() {
        *byte = (rest & 127) as u8 | 128;
        rest >>= 7;
    }
    to[0] &= 127;
}

/// Reads the length that ends with the last of `bytes`. Nothing when it has more than five bytes.
#[inline]
pub(super) fn decode_backlen(bytes: &[u8]) -> Option<usize> {
    if let Some(&last @ 0..128) = bytes.last() {
        return Some(usize::from(last));
    }
    let mut len = 0;
    for (group, &byte) in bytes.iter().rev().take(5).enumerate() {
        len |= usize::from(byte & 127) << (7 * group);
        if byte & 128 == 0 {
            return Some(len);
        }
    }
    None
}
