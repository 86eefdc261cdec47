//! Modules in RDB: the number that names one, and the parts that its data consist of.
//!
//! Data that a module wrote are numbers and strings, each behind a code that says which, up to a code for the end: so
//! they can be skipped by who does not know the module. Source matched: Redis 7.2.6 `module.c` and `rdb.c`.

use std::fmt;

/// The number of a module's type: nine characters of six bits each, then the version of its encoding in ten bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModuleId(pub u64);

const CHARACTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const VERSION_BITS: u32 = 10;

impl ModuleId {
    /// The version of the encoding, 0 to 1023.
    pub fn encoding_version(self) -> u16 {
        (self.0 & ((1 << VERSION_BITS) - 1)) as u16
    }
}

/// The type's name, of nine characters.
impl fmt::Display for ModuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (0..9).rev().try_for_each(|place| {
            let character = CHARACTERS[(self.0 >> (VERSION_BITS + 6 * place) & 63) as usize];
            write!(f, "{}", char::from(character))
        })
    }
}

/// The codes in front of a part of a module's data.
pub(super) mod part {
    pub const EOF: u64 = 0;
    pub const SIGNED: u64 = 1;
    pub const UNSIGNED: u64 = 2;
    pub const FLOAT: u64 = 3;
    pub const DOUBLE: u64 = 4;
    pub const STRING: u64 = 5;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_versions() {
        let id = "test-type".bytes().fold(0, |id, byte| {
            let place = CHARACTERS.iter().position(|character| *character == byte).expect("allowed");
            id << 6 | place as u64
        });
        let id = ModuleId(id << VERSION_BITS | 1023);
        assert_eq!((id.to_string().as_str(), id.encoding_version()), ("test-type", 1023));
        assert_eq!(ModuleId(0).to_string(), "AAAAAAAAA");
    }
}
