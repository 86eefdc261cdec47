//! Reading RDB: total on any bytes.

use std::borrow::Cow;

use codec::lzf;

use super::{Error, ErrorKind, Str, encoding, length};

/// A length that was read, or what stood in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// A length.
    Plain(u64),
    /// No length, but the number of a string's special encoding, 0 to 63.
    Encoding(u8),
}

/// Takes RDB off the front of a slice.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    /// A reader of all these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    /// How many bytes were taken.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// What was not taken yet.
    pub fn rest(&self) -> &'a [u8] {
        &self.bytes[self.offset..]
    }

    /// A type or an opcode.
    pub fn byte(&mut self) -> Result<u8, Error> {
        self.array().map(|[byte]| byte)
    }

    /// As many bytes as asked for.
    pub fn take(&mut self, count: u64) -> Result<&'a [u8], Error> {
        let taken = usize::try_from(count).ok().and_then(|count| self.rest().get(..count));
        let taken = taken.ok_or_else(|| self.error(ErrorKind::Truncated))?;
        self.offset += taken.len();
        Ok(taken)
    }

    /// A length, or the encoding that stands in its place.
    pub fn length_or_encoding(&mut self) -> Result<Length, Error> {
        let start = self.offset;
        let first = self.byte()?;
        let low = first & 0x3f;
        match first {
            length::BITS_32 => Ok(Length::Plain(u32::from_be_bytes(self.array()?).into())),
            length::BITS_64 => Ok(Length::Plain(u64::from_be_bytes(self.array()?))),
            _ => match first & 0xc0 {
                length::BITS_6 => Ok(Length::Plain(low.into())),
                length::BITS_14 => Ok(Length::Plain(u16::from_be_bytes([low, self.byte()?]).into())),
                length::ENCODED => Ok(Length::Encoding(low)),
                _ => Err(Error { offset: start, kind: ErrorKind::Length(first) }),
            },
        }
    }

    /// A length.
    pub fn length(&mut self) -> Result<u64, Error> {
        let start = self.offset;
        match self.length_or_encoding()? {
            Length::Plain(length) => Ok(length),
            Length::Encoding(encoding) => Err(Error { offset: start, kind: ErrorKind::Encoding(encoding) }),
        }
    }

    /// A string in any of its encodings.
    pub fn string(&mut self) -> Result<Str<'a>, Error> {
        let start = self.offset;
        match self.length_or_encoding()? {
            Length::Plain(length) => Ok(Str::Bytes(Cow::Borrowed(self.take(length)?))),
            Length::Encoding(encoding::INT_8) => Ok(Str::Int(i8::from_le_bytes(self.array()?).into())),
            Length::Encoding(encoding::INT_16) => Ok(Str::Int(i16::from_le_bytes(self.array()?).into())),
            Length::Encoding(encoding::INT_32) => Ok(Str::Int(i32::from_le_bytes(self.array()?))),
            Length::Encoding(encoding::LZF) => self.compressed(start),
            Length::Encoding(unknown) => Err(Error { offset: start, kind: ErrorKind::Encoding(unknown) }),
        }
    }

    /// Skips a string, which is not expanded if it is compressed.
    pub fn skip_string(&mut self) -> Result<(), Error> {
        let start = self.offset;
        let count = match self.length_or_encoding()? {
            Length::Plain(length) => length,
            Length::Encoding(encoding::INT_8) => size_of::<i8>() as u64,
            Length::Encoding(encoding::INT_16) => size_of::<i16>() as u64,
            Length::Encoding(encoding::INT_32) => size_of::<i32>() as u64,
            Length::Encoding(encoding::LZF) => {
                let packed = self.length()?;
                self.length()?;
                packed
            }
            Length::Encoding(unknown) => {
                return Err(Error { offset: start, kind: ErrorKind::Encoding(unknown) });
            }
        };
        self.take(count).map(drop)
    }

    /// The rest of a compressed string that began at `start`.
    fn compressed(&mut self, start: usize) -> Result<Str<'a>, Error> {
        let (packed, expanded) = (self.length()?, self.length()?);
        let stream = self.take(packed)?;
        let text = usize::try_from(expanded).ok().and_then(|expanded| lzf::decompress(stream, expanded));
        let text = text.ok_or(Error { offset: start, kind: ErrorKind::Lzf })?;
        Ok(Str::Bytes(Cow::Owned(text)))
    }

    /// So many bytes, in an array.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let array = *self.rest().first_chunk().ok_or_else(|| self.error(ErrorKind::Truncated))?;
        self.offset += N;
        Ok(array)
    }

    fn error(&self, kind: ErrorKind) -> Error {
        Error { offset: self.offset, kind }
    }
}
