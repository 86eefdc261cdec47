//! Those who listen: clients that watch a key, and clients that wait for one.

use std::sync::Arc;

use super::View;
use crate::keyspace::Key;
use crate::partition::WatchFlag;
use crate::waiters::Waiter;

impl View<'_> {
    /// The half that may wait until it is known whether anything changes.
    #[inline]
    pub(super) fn tell_watchers(&mut self, key: &Key) {
        let db = self.db;
        let contents = self.contents(key.partition());
        if contents.has_listeners() && contents.touched(db, key.bytes) {
            self.ready.push_back((db, key.bytes.into()));
        }
    }

    /// Tells the watchers of a key that it was touched though no value changed (a flush, a signal).
    pub fn signal_modified(&mut self, key: &[u8]) {
        let key = self.keyspace.key(key);
        self.touch_for_write(&key, None);
    }

    /// Watches a key of the selected database. One that is due goes first, or counts as missing where it may not go.
    pub fn watch(&mut self, key: &[u8], flag: &WatchFlag) {
        self.find_for_write(key);
        let (db, due) = (self.db, self.is_due(key));
        let key = self.keyspace.key(key);
        self.contents(key.partition()).watch(db, key.bytes, flag, due);
    }

    /// Whether a key that is watched has come due since the watch began, and is still there.
    pub fn has_come_due(&mut self, key: &[u8], flag: &WatchFlag) -> bool {
        let (db, due) = (self.db, self.is_due(key));
        let key = self.keyspace.key(key);
        due && !self.contents(key.partition()).was_due(db, key.bytes, flag)
    }

    /// Ends a watch.
    pub fn unwatch(&mut self, key: &[u8], flag: &WatchFlag) {
        let (key, db) = (self.keyspace.key(key), self.db);
        self.contents(key.partition()).unwatch(db, key.bytes, flag);
    }

    /// Lets a client wait for keys of the waiter's database, all of which are held.
    pub fn wait(&mut self, waiter: &Arc<Waiter>) {
        for key in &waiter.keys {
            let partition = self.keyspace.key(key).partition();
            self.contents(partition).wait(key, waiter);
        }
    }

    /// Ends a client's wait for a key, which is held.
    pub fn stop_waiting(&mut self, waiter: &Arc<Waiter>, key: &[u8]) {
        let partition = self.keyspace.key(key).partition();
        self.contents(partition).stop_waiting(key, waiter);
    }

    /// The waiter for a key, which is held, before which `index` others came.
    pub fn waiter(&mut self, db: u32, key: &[u8], index: usize) -> Option<Arc<Waiter>> {
        let partition = self.keyspace.key(key).partition();
        self.contents(partition).waiter(db, key, index)
    }

    /// Keys of one held partition that somebody waits for, and those whose loss somebody waits to see.
    pub fn awaited_keys(&mut self, partition: usize) -> (usize, usize) {
        self.contents(partition).awaited_keys()
    }

    /// Watched keys of one held partition, in all databases.
    pub fn watched_keys(&mut self, partition: usize) -> usize {
        self.contents(partition).watched_keys()
    }
}
