//! Entry IDs: a time in milliseconds and a number within it, `1526919030474-55` as text.

use std::fmt;
use std::ops::Deref;

use codec::number::parse_i64;

/// The ID of a stream's entry. IDs are ordered by time, then by number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    /// Unix milliseconds, usually.
    pub ms: u64,
    /// Tells apart entries of one millisecond.
    pub seq: u64,
}

/// The longest text that is looked at as an ID, in bytes.
const MAX_TEXT: usize = 127;

impl StreamId {
    /// 0-0: no entry has this ID.
    pub const MIN: StreamId = StreamId::new(0, 0);
    /// The last ID there is.
    pub const MAX: StreamId = StreamId::new(u64::MAX, u64::MAX);

    /// An ID of two parts.
    pub const fn new(ms: u64, seq: u64) -> StreamId {
        StreamId { ms, seq }
    }

    /// The ID behind this one; `None` behind the last.
    pub fn next(self) -> Option<StreamId> {
        let number = u128::from(self).checked_add(1)?;
        Some(number.into())
    }

    /// The ID before this one; `None` before 0-0.
    pub fn previous(self) -> Option<StreamId> {
        let number = u128::from(self).checked_sub(1)?;
        Some(number.into())
    }

    /// 16 bytes, big-endian, that are ordered as the IDs are: how RDB files hold them.
    pub fn to_bytes(self) -> [u8; 16] {
        u128::from(self).to_be_bytes()
    }

    /// The ID of such bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> StreamId {
        u128::from_be_bytes(bytes).into()
    }

    /// Reads `ms-seq`, or `ms` alone with `seq` for the other part.
    pub fn parse(text: &[u8], seq: u64) -> Option<StreamId> {
        let (ms, own) = split(text)?;
        let seq = own.map_or(Some(seq), number)?;
        Some(StreamId { ms: number(ms)?, seq })
    }

    /// Reads the time of `ms-*`, whose other part is for the stream to choose.
    pub fn parse_time(text: &[u8]) -> Option<u64> {
        let (ms, seq) = split(text)?;
        seq.filter(|seq| *seq == b"*").and_then(|_| number(ms))
    }

    /// Its text, on the stack.
    pub fn text(self) -> IdText {
        IdText::new(self, b'-')
    }
}

/// The two parts of an ID's text, which ends at a zero byte, as C's strings do.
fn split(text: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    if text.len() > MAX_TEXT {
        return None;
    }
    let text = text.split(|byte| *byte == 0).next()?;
    Some(match text.iter().position(|byte| *byte == b'-') {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    })
}

/// Reads a number as Redis's `string2ull` does: no negative one in its canonical form; and besides all that C's `strtoull`
/// takes, which are blanks in front, a sign (a negative one counts from 2^64 down) and leading zeros.
fn number(text: &[u8]) -> Option<u64> {
    if let Some(value) = parse_i64(text) {
        return u64::try_from(value).ok();
    }
    let text = text.trim_ascii_start();
    let (negative, digits) = match text.split_first()? {
        (b'-', digits) => (true, digits),
        (b'+', digits) => (false, digits),
        _ => (false, text),
    };
    if digits.is_empty() {
        return None;
    }
    let value = digits.iter().try_fold(0u64, |value, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })?;
    Some(if negative { value.wrapping_neg() } else { value })
}

impl From<StreamId> for u128 {
    fn from(id: StreamId) -> u128 {
        u128::from(id.ms) << 64 | u128::from(id.seq)
    }
}

impl From<u128> for StreamId {
    fn from(number: u128) -> StreamId {
        StreamId { ms: (number >> 64) as u64, seq: number as u64 }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

/// The text of an ID.
#[derive(Clone, Copy)]
pub struct IdText {
    /// Written from the end.
    bytes: [u8; 41],
    start: usize,
}

impl IdText {
    pub(super) fn new(id: StreamId, between: u8) -> IdText {
        let mut text = IdText { bytes: [0; 41], start: 41 };
        text.push_number(id.seq);
        text.push(between);
        text.push_number(id.ms);
        text
    }

    fn push(&mut self, byte: u8) {
        self.start -= 1;
        self.bytes[self.start] = byte;
    }

    fn push_number(&mut self, mut number: u64) {
        loop {
            self.push(b'0' + (number % 10) as u8);
            number /= 10;
            if number == 0 {
                return;
            }
        }
    }
}

impl Deref for IdText {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

impl AsRef<[u8]> for IdText {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        let parse = |text: &str| StreamId::parse(text.as_bytes(), 7);
        for (text, id) in [
            ("1-2", Some(StreamId::new(1, 2))),
            ("5", Some(StreamId::new(5, 7))),
            ("18446744073709551615-18446744073709551615", Some(StreamId::MAX)),
            ("007-+3", Some(StreamId::new(7, 3))),
            (" 1- 2", Some(StreamId::new(1, 2))),
            ("1- -1", Some(StreamId::new(1, u64::MAX))),
            ("1-2\0junk", Some(StreamId::new(1, 2))),
            ("18446744073709551616", None),
            ("1--2", None),
            ("-", None),
            ("+", None),
            ("1-", None),
            ("-1", None),
            ("1-2-3", None),
            ("1-*", None),
            ("", None),
        ] {
            assert_eq!(parse(text), id, "{text}");
        }
        assert_eq!(parse(&"0".repeat(128)), None);
        assert_eq!(StreamId::parse_time(b"12-*"), Some(12));
        assert_eq!((StreamId::parse_time(b"12"), StreamId::parse_time(b"12-1")), (None, None));
    }

    #[test]
    fn neighbours_and_forms() {
        let id = StreamId::new(1, u64::MAX);
        assert_eq!(id.next(), Some(StreamId::new(2, 0)));
        assert_eq!(StreamId::new(2, 0).previous(), Some(id));
        assert_eq!((StreamId::MAX.next(), StreamId::MIN.previous()), (None, None));
        assert_eq!(StreamId::from_bytes(id.to_bytes()), id);
        for id in [StreamId::MIN, id, StreamId::MAX] {
            assert_eq!(*id.text(), *id.to_string().as_bytes());
        }
    }
}
