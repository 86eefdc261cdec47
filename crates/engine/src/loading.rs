//! What is known of a load from disk while it goes on: INFO's `loading_*` fields, and why commands are refused.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use crate::engine::{Attention, Engine, unix_millis};

/// The most threads beside its caller's that a load works with: they take gates of the keyspace.
pub const LOADERS: usize = 4;

/// A load from disk, and what the last one has brought.
#[derive(Default)]
pub struct Loading {
    /// When it began, in Unix seconds; 0: nothing is being loaded.
    pub started: AtomicI64,
    /// Bytes of the file; 0: nobody knows.
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

/// How far a load is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// When it began, in Unix seconds.
    pub started: i64,
    /// Bytes of the file; 0: nobody knows.
    pub total_bytes: u64,
    /// Bytes of it that are loaded.
    pub loaded_bytes: u64,
    /// The memory that the file's writer used, in bytes; 0: nobody knows.
    pub writer_memory: u64,
}

impl Loading {
    /// Whether data are being loaded.
    pub fn is_on(&self) -> bool {
        self.started.load(Relaxed) != 0
    }

    /// How far the load is that goes on.
    pub fn progress(&self) -> Option<Progress> {
        let started = self.started.load(Relaxed);
        (started != 0).then(|| Progress {
            started,
            total_bytes: self.total_bytes.load(Relaxed),
            loaded_bytes: self.loaded_bytes.load(Relaxed),
            writer_memory: self.writer_memory.load(Relaxed),
        })
    }
}

impl Progress {
    /// How many bytes there are to load, roughly; 0: nobody knows.
    fn expected(&self) -> u64 {
        if self.total_bytes > 0 { self.total_bytes } else { self.writer_memory }
    }

    /// How much of it is loaded, in percent.
    pub fn percent(&self) -> f64 {
        match self.expected() {
            0 => 0.0,
            expected => self.loaded_bytes as f64 / expected as f64 * 100.0,
        }
    }

    /// In how many seconds it will be through at the pace so far; `now` in Unix seconds.
    pub fn eta_seconds(&self, now: i64) -> u64 {
        let elapsed = now.saturating_sub(self.started).max(0) as u64;
        let left = self.expected().saturating_sub(self.loaded_bytes);
        if elapsed == 0 { 1 } else { elapsed.saturating_mul(left) / (self.loaded_bytes + 1) }
    }
}

impl Engine {
    /// Begins a load of so many bytes (0: nobody knows): from here on commands that need the data are refused. Called before
    /// workers run, or with exclusive access.
    pub fn begin_loading(&self, total_bytes: u64) {
        let loading = &self.loading;
        loading.total_bytes.store(total_bytes, Relaxed);
        for number in
            [&loading.loaded_bytes, &loading.writer_memory, &loading.keys_loaded, &loading.keys_expired]
        {
            number.store(0, Relaxed);
        }
        loading.started.store((unix_millis() / 1000).max(1), Relaxed);
        self.attend(Attention::LOADING, true);
    }

    /// Ends a load, whatever has become of it.
    pub fn end_loading(&self) {
        self.loading.started.store(0, Relaxed);
        self.attend(Attention::LOADING, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_by_the_file_or_by_memory() {
        let by_file = Progress { started: 100, total_bytes: 4000, loaded_bytes: 999, writer_memory: 9 };
        assert_eq!((format!("{:.2}", by_file.percent()), by_file.eta_seconds(104)), ("24.98".into(), 12));
        assert_eq!(by_file.eta_seconds(100), 1, "too early to tell");
        let by_memory = Progress { total_bytes: 0, writer_memory: 1998, ..by_file };
        assert_eq!((by_memory.percent(), by_memory.eta_seconds(110)), (50.0, 9));
        let unknown = Progress { writer_memory: 0, ..by_memory };
        assert_eq!((unknown.percent(), unknown.eta_seconds(110)), (0.0, 0));
    }
}
