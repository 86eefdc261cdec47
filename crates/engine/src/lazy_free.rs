//! Lazy freeing: what takes long to free goes to a thread of the process, and is counted until it is gone.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use keyspace::Table;

use crate::engine::Engine;

/// INFO's `lazyfree_*` fields.
#[derive(Default)]
pub struct LazyFree {
    /// Keys still to be freed.
    pub pending: AtomicU64,
    /// Keys freed.
    pub freed: AtomicU64,
}

/// Tables on their way; counted when they are dropped.
struct Garbage {
    tables: Vec<Table>,
    keys: u64,
    counts: &'static LazyFree,
}

impl Drop for Garbage {
    fn drop(&mut self) {
        self.tables.clear();
        self.counts.pending.fetch_sub(self.keys, Relaxed);
        self.counts.freed.fetch_add(self.keys, Relaxed);
    }
}

impl Engine {
    /// Frees tables in the background.
    pub fn drop_later(&'static self, tables: Vec<Table>) {
        let keys = tables.iter().map(|table| table.len() as u64).sum();
        self.lazy_free.pending.fetch_add(keys, Relaxed);
        self.host.drop_later(Box::new(Garbage { tables, keys, counts: &self.lazy_free }));
    }
}
