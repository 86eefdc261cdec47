//! RDB, the format of snapshots, of full synchronisation and, value by value, of DUMP.
//!
//! A file is the magic `REDIS` and four digits of version, then opcodes and keys, then the end opcode and eight
//! bytes of CRC-64. All is built from two parts, a *length* and a *string*:
//!
//! ```text
//! 00llllll                    length of 6 bits
//! 01llllll llllllll           length of 14 bits
//! 10000000 and u32            length of 32 bits, big-endian
//! 10000001 and u64            length of 64 bits, big-endian
//! 11000000 and i8             the string is this integer in decimal
//! 11000001 and i16            likewise, little-endian
//! 11000010 and i32            likewise, little-endian
//! 11000011 length length ...  LZF: compressed bytes, bytes once expanded, the stream
//! ```
//!
//! A plain length in front of a string is how many bytes follow. [`Writer`] writes the bytes Redis would;
//! [`Reader`] takes all that any version wrote. They know lengths and strings; whole files are in [`file`].

mod error;
pub mod file;
mod module;
mod reader;
mod string;
mod writer;

pub use error::{Error, ErrorKind};
pub use module::ModuleId;
pub use reader::{Length, Reader};
pub use string::Str;
pub use writer::Writer;

/// Versions of the format. We write the lowest that carries a value, so that older servers load it.
pub mod version {
    /// Redis 5.0 to 6.2: strings, and every type in its plain encoding.
    pub const REDIS_5: u16 = 9;
    /// Redis 7.0: listpacks, functions, streams with their counters.
    pub const REDIS_7_0: u16 = 10;
    /// Redis 7.2 and Valkey 7.2 to 8.1: sets as listpacks, active times of stream consumers.
    pub const REDIS_7_2: u16 = 11;
    /// Redis 7.4: hashes whose fields expire.
    pub const REDIS_7_4: u16 = 12;
    /// The highest of Redis's that is read.
    pub const NEWEST: u16 = REDIS_7_4;
    /// Valkey 9.0: hashes whose fields expire, in its own form.
    pub const VALKEY_9_0: u16 = 80;
    /// Valkey 9.2, and the highest of Valkey's that is read.
    pub const VALKEY_9_2: u16 = 81;

    /// Whether it is a version of Valkey's own, which counts them from 80 on.
    pub fn is_valkey(version: u16) -> bool {
        (VALKEY_9_0..=VALKEY_9_2).contains(&version)
    }

    /// Whether it is read.
    pub fn is_known(version: u16) -> bool {
        version <= NEWEST || is_valkey(version)
    }
}

/// The byte in front of a value that says its type and encoding. Numbers from 22 on mean other things to
/// Valkey 9, whose files and payloads are told by their version, 80 and up: of its own we read [`VALKEY_HASH_2`](types::VALKEY_HASH_2).
pub mod types {
    /// A string.
    pub const STRING: u8 = 0;
    /// A list, one string an element.
    pub const LIST: u8 = 1;
    /// A set, one string a member.
    pub const SET: u8 = 2;
    /// A sorted set with scores as text.
    pub const ZSET: u8 = 3;
    /// A hash, field and value by turns.
    pub const HASH: u8 = 4;
    /// A sorted set with scores as binary doubles.
    pub const ZSET_2: u8 = 5;
    /// A module's value, as release candidates of 4.0 wrote it.
    pub const MODULE_PRE_GA: u8 = 6;
    /// A module's value that can be skipped without the module.
    pub const MODULE_2: u8 = 7;
    /// A hash as a zipmap, before 2.6.
    pub const HASH_ZIPMAP: u8 = 9;
    /// A list as one ziplist, before 3.2.
    pub const LIST_ZIPLIST: u8 = 10;
    /// A set as an intset.
    pub const SET_INTSET: u8 = 11;
    /// A sorted set as a ziplist, before 7.0.
    pub const ZSET_ZIPLIST: u8 = 12;
    /// A hash as a ziplist, before 7.0.
    pub const HASH_ZIPLIST: u8 = 13;
    /// A list as a list of ziplists, 3.2 to 6.2.
    pub const LIST_QUICKLIST: u8 = 14;
    /// A stream.
    pub const STREAM_LISTPACKS: u8 = 15;
    /// A hash as a listpack.
    pub const HASH_LISTPACK: u8 = 16;
    /// A sorted set as a listpack.
    pub const ZSET_LISTPACK: u8 = 17;
    /// A list as a list of listpacks and large strings.
    pub const LIST_QUICKLIST_2: u8 = 18;
    /// A stream with entries added and largest deleted ID.
    pub const STREAM_LISTPACKS_2: u8 = 19;
    /// A set as a listpack.
    pub const SET_LISTPACK: u8 = 20;
    /// A stream whose consumers also have an active time.
    pub const STREAM_LISTPACKS_3: u8 = 21;
    /// A hash with expiring fields, as release candidates of 7.4 wrote it.
    pub const HASH_METADATA_PRE_GA: u8 = 22;
    /// A hash with expiring fields, as Valkey 9 writes it: field, value and expiry by turns.
    pub const VALKEY_HASH_2: u8 = 22;
    /// The same as a listpack, likewise.
    pub const HASH_LISTPACK_EX_PRE_GA: u8 = 23;
    /// A hash with expiring fields: the earliest expiry, then expiry, field and value by turns.
    pub const HASH_METADATA: u8 = 24;
    /// A hash with expiring fields as a listpack.
    pub const HASH_LISTPACK_EX: u8 = 25;
}

/// The byte that stands where a value's type could, for what is no value.
pub mod opcode {
    /// The state of a slot that Valkey imports; metadata of keys in Redis 8.
    pub const SLOT_IMPORT: u8 = 243;
    /// What a cluster slot holds, to size its tables.
    pub const SLOT_INFO: u8 = 244;
    /// A library of functions.
    pub const FUNCTION2: u8 = 245;
    /// The same, as release candidates of 7.0 wrote it.
    pub const FUNCTION_PRE_GA: u8 = 246;
    /// Data of a module that belongs to no key.
    pub const MODULE_AUX: u8 = 247;
    /// Seconds for which the next key was idle.
    pub const IDLE: u8 = 248;
    /// The access frequency of the next key.
    pub const FREQ: u8 = 249;
    /// A name and a value about the file.
    pub const AUX: u8 = 250;
    /// How many keys the database has, and how many that expire.
    pub const RESIZEDB: u8 = 251;
    /// When the next key expires, in Unix milliseconds.
    pub const EXPIRETIME_MS: u8 = 252;
    /// When the next key expires, in Unix seconds.
    pub const EXPIRETIME: u8 = 253;
    /// The database of the keys that follow.
    pub const SELECTDB: u8 = 254;
    /// The end; the checksum follows.
    pub const EOF: u8 = 255;
}

/// The two high bits of a length's first byte, or the byte itself, and what they announce.
mod length {
    pub(super) const BITS_6: u8 = 0b00 << 6;
    pub(super) const BITS_14: u8 = 0b01 << 6;
    pub(super) const BITS_32: u8 = 0x80;
    pub(super) const BITS_64: u8 = 0x81;
    pub(super) const ENCODED: u8 = 0b11 << 6;
}

/// What follows a length's first byte that announces an encoded string.
mod encoding {
    pub(super) const INT_8: u8 = 0;
    pub(super) const INT_16: u8 = 1;
    pub(super) const INT_32: u8 = 2;
    pub(super) const LZF: u8 = 3;
}

#[cfg(test)]
mod tests;
