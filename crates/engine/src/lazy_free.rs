//! Lazy freeing: what takes long to free goes to a thread of the process, and is counted until it is gone.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use keyspace::{Table, View};

use crate::engine::{Engine, Message};

/// INFO's `lazyfree_*` fields.
#[derive(Default)]
pub struct LazyFree {
    /// Objects still to be freed: keys, for the most part.
    pub pending: AtomicU64,
    /// Objects freed.
    pub freed: AtomicU64,
}

/// Something on its way; counted when it is dropped.
struct Garbage {
    /// Always there until the drop.
    content: Option<Box<dyn Send>>,
    objects: u64,
    counts: &'static LazyFree,
}

impl Drop for Garbage {
    fn drop(&mut self) {
        self.content = None;
        self.counts.pending.fetch_sub(self.objects, Relaxed);
        self.counts.freed.fetch_add(self.objects, Relaxed);
    }
}

impl Engine {
    /// Frees tables in the background.
    pub fn drop_later(&'static self, tables: Vec<Table>) {
        let keys = tables.iter().map(Table::len).sum();
        self.free_later(Box::new(tables), keys);
    }

    /// Frees in the background what a view has discarded.
    pub(crate) fn free_discarded(&'static self, view: &mut View) {
        let discarded = std::mem::take(&mut view.discarded);
        let objects = discarded.len();
        self.free_later(Box::new(discarded), objects);
    }

    /// Takes from a view what others must see to, where its thread has no clients: waiters to serve, values to free.
    pub(crate) fn hand_over(&'static self, view: &mut View) {
        if !view.discarded.is_empty() {
            self.free_discarded(view);
        }
        if !view.ready.is_empty() {
            self.mailboxes[0].push(Message::Touched(view.ready.drain(..).collect()));
        }
    }

    /// Frees something in the background that counts as so many objects.
    pub fn free_later(&'static self, content: Box<dyn Send>, objects: usize) {
        let objects = objects as u64;
        self.lazy_free.pending.fetch_add(objects, Relaxed);
        self.host.drop_later(Box::new(Garbage { content: Some(content), objects, counts: &self.lazy_free }));
    }
}
