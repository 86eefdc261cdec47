//! CRC-64/REDIS, the checksum at the end of every RDB file and DUMP payload.
//!
//! The Jones polynomial 0xad93d23594c935a9, reflected both ways, initial value 0, no final xor; the check value
//! of
//! `123456789` is 0xe9c6d914c4b8d9ca. RDB files and payloads carry it in little-endian order.

use std::fmt;

use crc_fast::{CrcAlgorithm, Digest};

/// The CRC-64 of `bytes`.
pub fn crc64(bytes: &[u8]) -> u64 {
    crc_fast::checksum(CrcAlgorithm::Crc64Redis, bytes)
}

/// The CRC-64 of bytes that come piece by piece.
#[derive(Clone, Copy)]
pub struct Crc64(Digest);

impl Crc64 {
    /// The checksum of no bytes yet.
    pub fn new() -> Self {
        Self(Digest::new(CrcAlgorithm::Crc64Redis))
    }

    /// Takes the next bytes in.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The checksum of all bytes so far; more may follow.
    pub fn value(&self) -> u64 {
        self.0.finalize()
    }
}

impl Default for Crc64 {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Crc64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Crc64({:#018x})", self.value())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, a bit at a time, lowest bit first.
    fn bitwise(bytes: &[u8]) -> u64 {
        const REFLECTED: u64 = 0xad93_d235_94c9_35a9u64.reverse_bits();
        bytes.iter().fold(0, |crc, &byte| {
            (0..8).fold(crc ^ u64::from(byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { REFLECTED } else { 0 })
        })
    }

    #[test]
    fn check_value_of_the_catalogue() {
        assert_eq!(crc64(b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        assert_eq!((crc64(b""), Crc64::new().value()), (0, 0));
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition_in_any_pieces(bytes in prop::collection::vec(any::<u8>(), 0..2000), cuts: [usize; 3]) {
            let expected = bitwise(&bytes);
            prop_assert_eq!(crc64(&bytes), expected);
            let mut crc = Crc64::new();
            let mut rest = &bytes[..];
            for cut in cuts {
                let (piece, after) = rest.split_at(cut % (rest.len() + 1));
                crc.update(piece);
                rest = after;
            }
            crc.update(rest);
            prop_assert_eq!(crc.value(), expected);
        }
    }
}
