//! MULTI, WATCH and what EXEC needs: queued commands and watched keys.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use keyspace::{View, WatchFlag};
use resp::OwnedArgs;

use crate::table::Row;

/// Commands between MULTI and EXEC.
#[derive(Default)]
pub struct Queue {
    /// The commands with their rows, in order.
    pub commands: Vec<(&'static Row, OwnedArgs)>,
    /// One was refused: EXEC will refuse all.
    pub refused: bool,
}

impl Queue {
    /// Bytes of memory.
    pub fn footprint(&self) -> usize {
        self.commands.iter().map(|(_, args)| args.footprint()).sum()
    }
}

/// Keys that a client watches.
#[derive(Default)]
pub struct Watched {
    flag: WatchFlag,
    keys: HashSet<WatchedKey>,
    /// What [`Watched::footprint`] answers.
    bytes: usize,
}

/// One of them.
#[derive(PartialEq, Eq, Hash)]
pub struct WatchedKey {
    /// Its database.
    pub db: u32,
    /// The key.
    pub key: Box<[u8]>,
}

impl Watched {
    /// The keys.
    pub fn keys(&self) -> &HashSet<WatchedKey> {
        &self.keys
    }

    /// Whether a watched key was touched.
    pub fn is_dirty(&self) -> bool {
        self.flag.load(Relaxed)
    }

    /// Bytes of memory, here and in the partitions of the keys.
    pub fn footprint(&self) -> usize {
        self.bytes
    }

    /// Watches a key of the view's database, whose partition is held; once, however often it is asked.
    pub fn add(&mut self, view: &mut View, key: &[u8]) {
        if !self.keys.insert(WatchedKey { db: view.db, key: key.into() }) {
            return;
        }
        view.watch(key, &self.flag);
        // The key stands in its partition too, with the flag.
        self.bytes += 2 * (size_of::<WatchedKey>() + key.len()) + size_of::<WatchFlag>();
    }

    /// Ends all watches. `with_key` holds a key's partition while it runs what it is given.
    pub fn clear(&mut self, mut with_key: impl FnMut(&[u8], &mut dyn FnMut(&mut View))) {
        for watched in std::mem::take(&mut self.keys) {
            with_key(&watched.key, &mut |view| {
                view.in_db(watched.db, |view| view.unwatch(&watched.key, &self.flag));
            });
        }
        self.bytes = 0;
        // A late touch may still reach the old flag.
        self.flag = Arc::default();
    }

    /// Whether EXEC must refuse: a key was touched, or has come due since. All partitions of the keys are held.
    pub fn is_broken(&self, view: &mut View) -> bool {
        let due =
            |view: &mut View, w: &WatchedKey| view.in_db(w.db, |view| view.has_come_due(&w.key, &self.flag));
        self.is_dirty() || self.keys.iter().any(|w| due(view, w))
    }
}
