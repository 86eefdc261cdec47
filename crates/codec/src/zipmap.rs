//! Zipmaps: the packed hashes of Redis before 2.6, which the oldest RDB files hold.
//!
//! ```text
//! fields u8 | field ... | 0xff
//! field: length | name | length | spare u8 | value | that many spare bytes
//! length: one byte up to 253, or 254 and u32, little-endian
//! ```
//!
//! The field count says 254 when there are that many or more. They are only read here. Source matched: Redis 7.2.6
//! `zipmap.c`.

/// The byte behind the last field.
const EOF: u8 = 0xff;
/// The first byte of a length of four more bytes; the count that stands for itself or any more.
const LONG: u8 = 254;

/// Why bytes are not a zipmap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// Shorter than an empty one, or without the end mark.
    Frame,
    /// The field at this offset reaches past the end.
    Field(usize),
    /// No fields; Redis never writes such a hash.
    Empty,
    /// The header counts other than there are fields.
    Count,
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::Frame => f.write_str("zipmap end mark is missing"),
            Error::Field(offset) => write!(f, "zipmap field at offset {offset} is wrong"),
            Error::Empty => f.write_str("zipmap is empty"),
            Error::Count => f.write_str("zipmap field count is wrong"),
        }
    }
}

impl std::error::Error for Error {}

/// A sound zipmap, wherever its bytes lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZipmapRef<'a>(&'a [u8]);

impl<'a> ZipmapRef<'a> {
    /// Checks count and lengths of `bytes`; a name may still be there twice.
    pub fn validate(bytes: &'a [u8]) -> Result<Self, Error> {
        let [header, fields @ .., EOF] = bytes else { return Err(Error::Frame) };
        let (mut rest, mut count) = (fields, 0);
        while !rest.is_empty() {
            let at = 1 + fields.len() - rest.len();
            rest = field(rest).ok_or(Error::Field(at))?.1;
            count += 1;
        }
        match *header {
            _ if count == 0 => Err(Error::Empty),
            LONG => Ok(Self(fields)),
            header if usize::from(header) == count => Ok(Self(fields)),
            _ => Err(Error::Count),
        }
    }

    /// Names and values, first to last.
    pub fn iter(self) -> Iter<'a> {
        Iter(self.0)
    }
}

/// The fields of a zipmap: names and values.
#[derive(Clone, Debug)]
pub struct Iter<'a>(&'a [u8]);

impl<'a> Iterator for Iter<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let (field, rest) = field(self.0)?;
        self.0 = rest;
        Some(field)
    }
}

/// A name and its value.
type Field<'a> = (&'a [u8], &'a [u8]);

/// The field at the front of `bytes`, and the bytes behind it.
fn field(bytes: &[u8]) -> Option<(Field<'_>, &[u8])> {
    let (len, rest) = length(bytes)?;
    let (name, rest) = rest.split_at_checked(len)?;
    let (len, rest) = length(rest)?;
    let (&spare, rest) = rest.split_first()?;
    let (value, rest) = rest.split_at_checked(len)?;
    Some(((name, value), rest.get(usize::from(spare)..)?))
}

/// The length at the front of `bytes`.
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match *bytes {
        [short @ 0..LONG, ref rest @ ..] => Some((short.into(), rest)),
        [LONG, a, b, c, d, ref rest @ ..] => Some((u32::from_le_bytes([a, b, c, d]) as usize, rest)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(fields: &[(Vec<u8>, Vec<u8>, u8)]) -> Vec<u8> {
        let length = |len: usize| match u8::try_from(len).ok().filter(|len| *len < LONG) {
            Some(short) => vec![short],
            None => [&[LONG], &(len as u32).to_le_bytes()[..]].concat(),
        };
        let mut bytes = vec![fields.len().min(LONG.into()) as u8];
        for (name, value, spare) in fields {
            bytes.extend([length(name.len()), name.clone(), length(value.len()), vec![*spare]].concat());
            bytes.extend([value.clone(), vec![b'?'; usize::from(*spare)]].concat());
        }
        bytes.push(EOF);
        bytes
    }

    fn fields(bytes: &[u8]) -> Result<Vec<Field<'_>>, Error> {
        ZipmapRef::validate(bytes).map(|zipmap| zipmap.iter().collect())
    }

    /// The example that the head of Redis's zipmap.c explains.
    #[test]
    fn the_documented_example() {
        let bytes = b"\x02\x03foo\x03\x00bar\x05hello\x05\x00world\xff";
        assert_eq!(fields(bytes), Ok(vec![(&b"foo"[..], &b"bar"[..]), (b"hello", b"world")]));
    }

    #[test]
    fn damage_is_named() {
        for (bytes, error) in [
            (&b""[..], Error::Frame),
            (b"\xff", Error::Frame),
            (b"\x01\x01a\x01\x00b", Error::Frame),
            (b"\x00\xff", Error::Empty),
            (b"\x02\x01a\x01\x00b\xff", Error::Count),
            (b"\x01\x09a\x01\x00b\xff", Error::Field(1)),
            (b"\x01\x01a\x01\x01b\xff", Error::Field(1)),
            (b"\x01\x01a\xff", Error::Field(1)),
            (b"\x02\x01a\x01\x00b\xfe\xff\xff\xff\xffc\xff", Error::Field(6)),
        ] {
            assert_eq!(fields(bytes), Err(error), "{}", bytes.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read(
            all in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..300), any::<Vec<u8>>(), 0..9u8), 1..300),
        ) {
            let expected: Vec<Field<'_>> = all.iter().map(|(name, value, _)| (&name[..], &value[..])).collect();
            let bytes = encoded(&all);
            prop_assert_eq!(fields(&bytes), Ok(expected));
        }

        #[test]
        fn any_bytes_are_safe(body: Vec<u8>, count in 0..4u8, at: prop::sample::Index, to: u8) {
            let _ = fields(&body);
            let _ = fields(&[&[count], &body[..], &[EOF]].concat());
            let mut changed = encoded(&[(b"name".to_vec(), body, 2), (b"other".to_vec(), b"value".to_vec(), 0)]);
            let at = at.index(changed.len());
            changed[at] = to;
            let _ = fields(&changed);
        }
    }
}
