//! AOF, the log of commands that made the data, as bytes.
//!
//! An append-only file is a sequence of commands, each an array of bulk strings as a client would send it, and of
//! *annotations*, lines that begin with `#`, which every Redis from 7.0 on skips:
//!
//! ```text
//! #TS:1700000000                             when the commands behind it ran, in Unix seconds
//! *3 $3 SET $1 k $1 v                        a command (each word is a line)
//! #CK:4096 00c5d2a11b7e09f4                  a checksum: see below
//! #BK:4000 5120                              a block begins, which a power cut may tear: see [`block`]
//! ```
//!
//! The log is in parts, which a *manifest* lists: one base, which is an RDB file or commands, and increments behind it. Before
//! Redis 7.0 it was one file, with or without an RDB in front of the commands.
//!
//! # Checksums
//!
//! Redis cannot tell a flipped bit in an AOF from data. We write lines `#CK:OFFSET CRC` between commands: the line stands at
//! OFFSET, and CRC is the CRC-64 of all bytes of the file before it (so `head -c OFFSET FILE` has that checksum). A
//! reader that computes the same writes the line itself and compares, thus any flipped bit, and any block that is lost,
//! doubled or from another file, is found at the next such line. What a crash tore off is behind the last one. Files
//! without such lines, and commands that genuine Redis appended, are as valid as ever.
//!
//! [`Reader`] gives commands and annotations from any [`std::io::Read`]; [`command`] and [`timestamp`] write them,
//! [`Checksums`] the checksums; [`Manifest`] is the list of parts. Source matched: Redis 7.2.6 `aof.c`.

pub mod block;
mod checksum;
mod command;
mod error;
pub mod manifest;
mod reader;
mod writer;

pub use block::Block;
pub use checksum::Checksums;
pub use error::{Cut, Error, ErrorKind, ReadError};
pub use manifest::Manifest;
pub use reader::{Reader, Record};
pub use writer::{command, timestamp};

/// How annotations begin.
mod annotation {
    /// Any.
    pub(super) const START: u8 = b'#';
    /// The time.
    pub(super) const TIMESTAMP: &[u8] = b"#TS:";
    /// The beginning of a block.
    pub(super) const BLOCK: &[u8] = b"#BK:";
    /// A checksum.
    pub(super) const CHECKSUM: &[u8] = b"#CK:";
    /// The longest line, its end included, that Redis reads as one.
    pub(super) const LONGEST: usize = 1023;
}

/// Whether an annotation is a checksum line; one that a reader gives as [`Record::Other`] is wrong.
pub fn is_checksum(line: &[u8]) -> bool {
    line.starts_with(annotation::CHECKSUM)
}

#[cfg(test)]
mod tests;
