//! What is known of a load from disk while it goes on: INFO's `loading_*` fields, and why commands are refused.

use std::sync::atomic::{AtomicI64, AtomicU64};

/// A load from disk, and what the last one has brought.
#[derive(Default)]
pub struct Loading {
    /// When it began, in Unix seconds; 0: nothing is being loaded.
    pub started: AtomicI64,
    /// Bytes of the file.
    pub total_bytes: AtomicU64,
    /// Bytes of it that are loaded.
    pub loaded_bytes: AtomicU64,
    /// The memory that the file's writer used, in bytes, if it says so.
    pub writer_memory: AtomicU64,
    /// Keys that the last load of a snapshot has brought.
    pub keys_loaded: AtomicU64,
    /// Keys that it left out because they were due.
    pub keys_expired: AtomicU64,
}
