//! Checksums, compression, patterns, number text and the packed encodings: bytes in, bytes out.
//!
//! Floor 0 of the workspace: nothing here does I/O, reads a clock or knows a key. Every module is one small
//! format that Redis fixed long ago and that others depend on byte for byte, so each head names the behaviour
//! it reproduces, and the tests hold answers of the genuine server.

pub mod blob;
pub mod crc16;
pub mod crc64;
pub mod glob;
pub mod intset;
pub mod listpack;
pub mod longdouble;
pub mod lzf;
pub mod number;
pub mod ziplist;
pub mod zipmap;
