//! The bytes of RDB files, DUMP payloads and AOF: written and read without a keyspace, a clock or a file.
//!
//! Readers here take bytes from anywhere (a backup of another server, a RESTORE by a stranger): they answer a
//! typed error with its offset, never panic, and allocate nothing by an unchecked number.

pub mod aof;
pub mod dump;
pub mod rdb;
pub mod value;
