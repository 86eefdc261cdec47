//! Writing RDB: lengths and strings, in the encodings Redis chooses.

use codec::lzf;
use codec::number::{I64Text, parse_i64};

use super::{encoding, length};

/// The longest text of a 32-bit integer.
const MAX_INT_TEXT: usize = 11;
/// Up to here nothing gets shorter by compression.
const MIN_COMPRESSIBLE: usize = 21;
/// Compression must save this many bytes.
const MIN_SAVING: usize = 4;

/// Appends RDB to a buffer.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
    compress: bool,
}

impl<'a> Writer<'a> {
    /// A writer that compresses strings where that helps, as `rdbcompression yes` does.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, compress: true }
    }

    /// A writer that leaves strings as they are, as `rdbcompression no` does.
    pub fn uncompressed(out: &'a mut Vec<u8>) -> Self {
        Self { out, compress: false }
    }

    /// A type or an opcode.
    pub fn byte(&mut self, byte: u8) {
        self.out.push(byte);
    }

    /// Bytes as they are, of a length that the reader knows.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// A length, in the smallest of its four forms.
    pub fn length(&mut self, value: u64) {
        // Each narrowing is exact: it is a match on the range.
        match value {
            0..0x40 => self.out.push(length::BITS_6 | value as u8),
            0x40..0x4000 => {
                self.out.extend_from_slice(&(u16::from(length::BITS_14) << 8 | value as u16).to_be_bytes())
            }
            0x4000..=0xffff_ffff => {
                self.out.push(length::BITS_32);
                self.out.extend_from_slice(&(value as u32).to_be_bytes());
            }
            _ => {
                self.out.push(length::BITS_64);
                self.out.extend_from_slice(&value.to_be_bytes());
            }
        }
    }

    /// A string: as an integer if it is the canonical text of one of 32 bits, compressed if it is longer than
    /// 20 bytes and that saves four, else as it is.
    pub fn string(&mut self, bytes: &[u8]) {
        let integer = || parse_i64(bytes).and_then(|value| i32::try_from(value).ok());
        if let Some(value) = (bytes.len() <= MAX_INT_TEXT).then(integer).flatten() {
            return self.int_32(value);
        }
        if self.compress && bytes.len() >= MIN_COMPRESSIBLE && self.compressed(bytes) {
            return;
        }
        self.plain(bytes);
    }

    /// The string that is this integer's decimal text.
    pub fn integer(&mut self, value: i64) {
        match i32::try_from(value) {
            Ok(value) => self.int_32(value),
            Err(_) => self.plain(&I64Text::new(value)),
        }
    }

    fn int_32(&mut self, value: i32) {
        let [a, b, c, d] = value.to_le_bytes();
        let (encoding, bytes): (u8, &[u8]) = match value {
            -0x80..=0x7f => (encoding::INT_8, &[a]),
            -0x8000..=0x7fff => (encoding::INT_16, &[a, b]),
            _ => (encoding::INT_32, &[a, b, c, d]),
        };
        self.out.push(length::ENCODED | encoding);
        self.out.extend_from_slice(bytes);
    }

    fn plain(&mut self, bytes: &[u8]) {
        self.length(bytes.len() as u64);
        self.out.extend_from_slice(bytes);
    }

    /// Writes a string compressed, unless that saves too little.
    fn compressed(&mut self, bytes: &[u8]) -> bool {
        let Some(stream) = lzf::compress(bytes, bytes.len() - MIN_SAVING) else { return false };
        self.out.push(length::ENCODED | encoding::LZF);
        self.length(stream.len() as u64);
        self.length(bytes.len() as u64);
        self.out.extend_from_slice(&stream);
        true
    }
}
