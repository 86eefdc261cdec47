//! What a handler sees: key handlers a view of their locked keys, server handlers the server.

use config::Config;
use config::NotifyEvents;
use data::{Limits, Value};
use keyspace::{Key, Missing, View};
use resp::{Args, Encoder, OwnedArgs};

use crate::blocking::Wait;
use crate::client::Client;
use crate::engine::{Engine, unix_millis};
use crate::error::Error;
use crate::pipeline::settle_lost;

/// What a command has done that others must hear of.
#[derive(Default)]
pub struct Effects {
    /// Changes, as `rdb_changes_since_last_save` counts them.
    pub dirty: u64,
    /// What goes to the log in place of the command itself.
    pub instead: Option<Vec<OwnedArgs>>,
    /// Keyspace events, where anyone asked for their class.
    pub events: Vec<Event>,
    /// It has found nothing, and waits.
    pub wait: Option<Box<Wait>>,
    /// The arguments with which it then runs again, if they are others.
    pub wait_args: Option<OwnedArgs>,
}

/// A keyspace event: `notify-keyspace-events` chooses which are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its class.
    pub class: NotifyEvents,
    /// Its name.
    pub name: &'static str,
    /// The database.
    pub db: u32,
    /// The key.
    pub key: Box<[u8]>,
}

impl Effects {
    pub(crate) fn clear(&mut self) {
        self.dirty = 0;
        self.instead = None;
        self.events.clear();
        self.wait = None;
        self.wait_args = None;
    }
}

/// How large values may grow before their encodings change, as the directives say.
pub fn limits(config: &Config) -> Limits {
    Limits {
        list_max_listpack_size: config.list_max_listpack_size.into(),
        list_compress_depth: config.list_compress_depth as usize,
        set_max_intset_entries: config.set_max_intset_entries,
        set_max_listpack_entries: config.set_max_listpack_entries,
        set_max_listpack_value: config.set_max_listpack_value,
        zset_max_listpack_entries: config.zset_max_listpack_entries,
        zset_max_listpack_value: config.zset_max_listpack_value,
        hash_max_listpack_entries: config.hash_max_listpack_entries,
        hash_max_listpack_value: config.hash_max_listpack_value,
        stream_node_max_bytes: config.stream_node_max_bytes,
        stream_node_max_entries: config.stream_node_max_entries as usize,
    }
}

/// What [`KeyCx::modify`] lends beside the value.
pub struct Change<'r, 'c> {
    /// Changes so far, as Redis counts them; a change that is not counted is lost.
    pub count: u64,
    /// Where the reply goes.
    pub reply: &'r mut Encoder<'c>,
}

/// What a Read or Write handler sees. Neither sockets, nor other clients, nor the server.
pub struct KeyCx<'c, 'v> {
    /// The command and its arguments.
    pub args: Args<'c>,
    /// Where the reply goes.
    pub reply: Encoder<'c>,
    /// The locked keys.
    pub view: &'c mut View<'v>,
    /// The configuration.
    pub config: &'c Config,
    pub(crate) effects: &'c mut Effects,
}

impl<'c> KeyCx<'c, '_> {
    /// The time, in Unix milliseconds; fixed while the command runs.
    pub fn now(&self) -> i64 {
        self.view.now
    }

    /// Whether a log is applied: nothing in it is refused, and time stands still.
    pub fn applies(&self) -> bool {
        self.view.now == 0
    }

    /// The time of day, in Unix milliseconds; [`KeyCx::now`] unless a log is applied.
    pub fn clock(&self) -> i64 {
        if self.applies() { unix_millis() } else { self.now() }
    }

    /// Says that the command has made `changes` changes: without this it goes to nobody's log.
    #[inline]
    pub fn changed(&mut self, changes: u64) {
        self.effects.dirty += changes;
    }

    /// Lets `work` change a value of type `T`, and draws the conclusions: changes are counted, told as `event` (class and
    /// name), and a key that has become empty goes, which is told as "del". Answers what `work` does; `None` where
    /// there is no key and none is to be made.
    #[inline]
    pub fn modify<T: Value, R>(
        &mut self,
        key: &[u8],
        missing: Missing,
        event: (NotifyEvents, &'static str),
        work: impl FnOnce(&mut T, &mut Change<'_, 'c>) -> R,
    ) -> Result<Option<R>, Error> {
        let reply = &mut self.reply;
        let modified = self.view.modify(key, missing, |value: &mut T, changes| {
            let mut change = Change { count: 0, reply };
            let result = work(value, &mut change);
            *changes = change.count;
            result
        })?;
        let Some(modified) = modified else { return Ok(None) };
        if modified.changes > 0 {
            self.changed(modified.changes);
            self.notify(event.0, event.1, key);
        }
        if modified.removed {
            self.notify(NotifyEvents::GENERIC, "del", key);
        }
        Ok(Some(modified.result))
    }

    /// Puts another command in this one's place in the log: effects are deterministic, expiries absolute.
    /// Several calls make several commands. Does not count as a change.
    pub fn log_instead<A: AsRef<[u8]>>(&mut self, args: impl IntoIterator<Item = A>) {
        if self.view.records {
            self.effects.instead.get_or_insert_default().push(args.into_iter().collect());
        }
    }

    /// Keeps the command out of the log though it has changed something.
    pub fn log_nothing(&mut self) {
        self.effects.instead.get_or_insert_default();
    }

    /// Tells a keyspace event of the selected database.
    #[inline]
    pub fn notify(&mut self, class: NotifyEvents, name: &'static str, key: &[u8]) {
        let db = self.view.db;
        self.notify_in(db, class, name, key);
    }

    /// Tells a keyspace event of another database.
    #[inline]
    pub fn notify_in(&mut self, db: u32, class: NotifyEvents, name: &'static str, key: &[u8]) {
        let wanted = self.config.notify_keyspace_events;
        if wanted.contains(class) && wanted.intersects(NotifyEvents::KEYSPACE | NotifyEvents::KEYEVENT) {
            self.effects.events.push(Event { class, name, db, key: key.into() });
        }
    }

    /// Lets the client wait, instead of a reply; the handler runs again when one of the keys has a value to its liking,
    /// and may ask to wait again. Within MULTI nothing waits.
    pub fn wait(&mut self, wait: Wait) {
        self.effects.wait = Some(Box::new(wait));
    }

    /// The same for a command whose arguments would mean something else by then: it runs again with these, which name the
    /// same keys.
    pub fn wait_with(&mut self, wait: Wait, args: OwnedArgs) {
        self.wait(wait);
        self.effects.wait_args = Some(args);
    }

    /// How large values may grow before their encodings change.
    pub fn limits(&self) -> Limits {
        limits(self.config)
    }

    /// The longest string that may come to be, in bytes.
    pub fn max_string(&self) -> usize {
        self.config.proto_max_bulk_len as usize
    }
}

/// What a Server or Exclusive handler sees.
pub struct ServerCx<'c, 'v> {
    /// The server.
    pub engine: &'static Engine,
    /// The client that asks.
    pub client: &'c mut Client,
    /// The command and its arguments.
    pub args: Args<'c>,
    /// The configuration at the start of the command.
    pub config: &'c Config,
    /// The keyspace: everything for an Exclusive handler; for a Server handler nothing is locked, and it locks a
    /// partition at a time by [`View::lock_one`].
    pub view: &'c mut View<'v>,
    pub(crate) effects: &'c mut Effects,
}

impl<'v> ServerCx<'_, 'v> {
    /// Where the reply goes.
    pub fn reply(&mut self) -> Encoder<'_> {
        self.client.encoder()
    }

    /// The time, in Unix milliseconds.
    pub fn now(&self) -> i64 {
        self.view.now
    }

    /// Says that the command has made `changes` changes.
    pub fn changed(&mut self, changes: u64) {
        self.effects.dirty += changes;
    }

    /// Puts another command in this one's place in the log.
    pub fn log_instead<A: AsRef<[u8]>>(&mut self, args: impl IntoIterator<Item = A>) {
        self.effects.instead.get_or_insert_default().push(args.into_iter().collect());
    }

    /// Locks the partition of one key (or uses exclusive access) and lets `work` see it.
    pub fn with_key<R>(&mut self, key: &[u8], work: impl FnOnce(&mut View<'v>) -> R) -> R {
        let partition = Key::partition(&self.view.keyspace().key(key));
        self.with_partition(partition, work)
    }

    /// Locks one partition (or uses exclusive access) and lets `work` see it. Keys that it finds due are gone from the
    /// log too before anyone else sees the partition.
    pub fn with_partition<R>(&mut self, partition: usize, work: impl FnOnce(&mut View<'v>) -> R) -> R {
        self.view.lock_one(partition);
        let result = work(self.view);
        settle_lost(self.engine, self.view);
        self.view.unlock();
        result
    }
}
