//! Keys on their way from the thread that reads to one that inserts: raw, by the hundred, in one piece of memory.

use std::ops::Range;

use formats::rdb::Str;
use formats::rdb::file::{Entry, RawValue};
use keyspace::IntBuffer;

/// Bytes from which on a batch is full.
const FULL: usize = 64 << 10;
/// Keys with which it is full.
const MOST_KEYS: usize = 1024;

/// Keys with their raw values.
#[derive(Debug, Default)]
pub struct Batch {
    /// Which of the file's batches it is.
    pub number: u64,
    /// The version of the file.
    pub version: u16,
    bytes: Vec<u8>,
    keys: Vec<Record>,
}

/// A key, by where it and its value stand in the batch's bytes.
#[derive(Debug)]
pub struct Record {
    /// Its database, which there is.
    pub db: u32,
    value_type: u8,
    /// Its access frequency.
    pub frequency: Option<u8>,
    key: Range<usize>,
    value: Range<usize>,
    /// Where in the file the value begins.
    offset: usize,
    /// When it is due, in Unix milliseconds.
    pub expiry: Option<i64>,
    /// For how many seconds it was idle.
    pub idle: Option<u64>,
}

impl Batch {
    /// Adds a key of a database that there is.
    pub fn push(&mut self, db: u32, entry: &Entry<'_>) {
        let start = self.bytes.len();
        match &entry.key {
            Str::Int(number) => self.bytes.extend_from_slice(IntBuffer::new().format(*number).as_bytes()),
            Str::Bytes(bytes) => self.bytes.extend_from_slice(bytes),
        }
        let middle = self.bytes.len();
        let RawValue { value_type, offset, bytes, .. } = entry.value;
        self.bytes.extend_from_slice(bytes);
        let (key, value) = (start..middle, middle..self.bytes.len());
        let (expiry, idle, frequency) = (entry.expiry, entry.idle, entry.frequency);
        self.keys.push(Record { db, value_type, frequency, key, value, offset, expiry, idle });
    }

    /// Whether it has enough to be worked on.
    pub fn is_full(&self) -> bool {
        self.bytes.len() >= FULL || self.keys.len() >= MOST_KEYS
    }

    /// Whether it has no keys.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Its bytes in number.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Its keys, in order.
    pub fn records(&self) -> &[Record] {
        &self.keys
    }

    /// The bytes of a key.
    pub fn key(&self, record: &Record) -> &[u8] {
        &self.bytes[record.key.clone()]
    }

    /// The value of a key, raw.
    pub fn value(&self, record: &Record) -> RawValue<'_> {
        let (value_type, offset) = (record.value_type, record.offset);
        RawValue { value_type, version: self.version, offset, bytes: &self.bytes[record.value.clone()] }
    }

    /// Empties it; memory of a large value is not kept.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(2 * FULL);
        self.keys.clear();
    }
}
