//! RDB files, read and written thing by thing.
//!
//! ```text
//! REDIS and four digits of version, or VALKEY and three
//! an item: a code, then what the code announces
//!   about the file:     AUX (name, value), functions, data of modules
//!   about a database:   its number, sizes, sizes of slots
//!   about the next key: when it expires, how long it was idle, how often it was used
//!   a key: its type instead of a code, then key and value
//! the end: 255, and from version 5 on eight bytes of CRC-64 of all before them (0: not computed)
//! ```
//!
//! [`Parser`] takes bytes as they come and gives [`Item`]s, [`FileReader`] does so with any [`std::io::Read`]; both hold one item at
//! a time. A key's value stays bytes until [`RawValue::read`], so that another thread may do that. [`FileWriter`] writes
//! files of versions 9 to 12; keys may be encoded elsewhere too ([`Options::encode`]). Source matched: Redis 7.2.6 `rdb.c`.

mod item;
mod layout;
mod parser;
mod reader;
mod writer;

pub use item::{Checksum, Entry, Item, RawValue};
pub use parser::Parser;
pub use reader::{FileReader, ReadError};
pub use writer::{FileWriter, Key, Options, Unwritable, Value};

/// The starts of a file, without the version.
mod magic {
    /// Then four digits.
    pub(super) const REDIS: &[u8; 5] = b"REDIS";
    /// Then three digits.
    pub(super) const VALKEY: &[u8; 6] = b"VALKEY";
    /// With the digits, in bytes.
    pub(super) const SIZE: usize = 9;
}

#[cfg(test)]
mod tests;
