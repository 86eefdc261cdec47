//! From raw values to keys of the keyspace.

use std::borrow::Cow;
use std::ops::AddAssign;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use data::Limits;
use engine::engine::LogLevel;
use engine::{Engine, limits, unix_millis};
use formats::dump::Value;
use formats::rdb::{ErrorKind, Str};
use keyspace::entry::INLINE_MAX;
use keyspace::{Existing, LoadedKey, Member, NewValue, View};

use super::batch::{Batch, Record};
use super::{Error, Options};

/// Keys whose cache misses overlap, and that are inserted in one visit inside the gate.
const GROUP: usize = 32;
/// Keys with empty values that are named in the log.
const NAMED: u64 = 10;

/// How many keys have become what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Keys inserted.
    pub loaded: u64,
    /// Keys left out because they were due.
    pub expired: u64,
    /// Keys left out because their collections had no elements.
    pub empty: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.loaded += other.loaded;
        self.expired += other.expired;
        self.empty += other.empty;
    }
}

/// How a thread gets at the keyspace.
pub enum Way<'w, 'v> {
    /// By its gate, a group at a time.
    Gate(&'w Member<'static>),
    /// Through a view that has everything.
    View(&'w mut View<'v>),
}

impl Way<'_, '_> {
    /// Makes room for about so many keys of a database.
    pub fn expect(&mut self, db: u32, keys: usize) {
        match self {
            Way::View(view) => view.expect(db, keys),
            Way::Gate(member) => {
                let inside = member.gate.enter();
                View::new(member, &inside, unix_millis()).expect(db, keys);
            }
        }
    }
}

/// Decodes and inserts, in one thread.
pub struct Inserter {
    engine: &'static Engine,
    limits: Limits,
    existing: Existing,
    leaves_out_due: bool,
    /// When the load began, in Unix milliseconds.
    now: i64,
    empty: u64,
}

impl Inserter {
    /// An inserter that goes by the directives as they are now.
    pub fn new(engine: &'static Engine, options: Options) -> Inserter {
        let Options { existing, leaves_out_due, .. } = options;
        let limits = limits(&engine.config());
        Inserter { engine, limits, existing, leaves_out_due, now: unix_millis(), empty: 0 }
    }

    /// Inserts the keys of a batch, in order.
    ///
    /// # Errors
    /// The first thing that is wrong with them; those before it are in.
    pub fn insert(&mut self, batch: &Batch, way: &mut Way) -> Result<Tally, Error> {
        let mut tally = Tally::default();
        for group in batch.records().chunks(GROUP) {
            tally += self.insert_group(batch, group, way)?;
        }
        let loading = &self.engine.loading;
        loading.keys_loaded.fetch_add(tally.loaded, Relaxed);
        loading.keys_expired.fetch_add(tally.expired, Relaxed);
        Ok(tally)
    }

    fn insert_group(&mut self, batch: &Batch, group: &[Record], way: &mut Way) -> Result<Tally, Error> {
        let (mut tally, mut values) = (Tally::default(), Vec::with_capacity(group.len()));
        let mut wrong = None;
        for record in group {
            match batch.value(record).read(&self.limits) {
                // As Redis: what an old fault has left behind is no reason to refuse the rest.
                Err(error) if matches!(error.kind, ErrorKind::Empty(_)) => {
                    self.tell_empty(batch.key(record));
                    tally.empty += 1;
                }
                Err(error) => {
                    wrong = Some(error);
                    break;
                }
                Ok(_) if self.is_left_out(record) => tally.expired += 1,
                Ok(value) => values.push((record, Decoded::from(value))),
            }
        }
        tally.loaded = values.len() as u64;
        let keys =
            values.iter_mut().map(|(record, value)| self.loaded_key(batch, record, value.take())).collect();
        self.pass_on(keys, way)?;
        wrong.map_or(Ok(tally), |error| Err(error.into()))
    }

    fn is_left_out(&self, record: &Record) -> bool {
        self.leaves_out_due && record.expiry.is_some_and(|at| at < self.now)
    }

    fn loaded_key<'b>(&self, batch: &'b Batch, record: &Record, value: NewValue<'b>) -> LoadedKey<'b> {
        let keyspace = &self.engine.keyspace;
        let frequency =
            record.frequency.and_then(|counter| keyspace.access.with_frequency(counter, self.now));
        let idle = || {
            let seconds = i64::try_from(record.idle?).unwrap_or(i64::MAX);
            keyspace.access.idle_for(seconds, self.now)
        };
        LoadedKey {
            db: record.db,
            key: keyspace.key(batch.key(record)),
            value,
            expiry: record.expiry,
            access: frequency.or_else(idle),
        }
    }

    fn pass_on(&self, keys: Vec<LoadedKey<'_>>, way: &mut Way) -> Result<(), Error> {
        let loaded = match way {
            Way::View(view) => view.load(keys, self.existing),
            Way::Gate(member) => {
                let inside = member.gate.enter();
                View::new(member, &inside, self.now).load(keys, self.existing)
            }
        };
        loaded.map_err(|duplicate| Error::Duplicate {
            key: String::from_utf8_lossy(&duplicate.key).into_owned(),
            db: duplicate.db,
        })
    }

    fn tell_empty(&mut self, key: &[u8]) {
        self.empty += 1;
        if self.empty <= NAMED {
            let text = format!("rdbLoadObject skipping empty key: {}", String::from_utf8_lossy(key));
            self.engine.host.log(LogLevel::Notice, &text);
        }
    }
}

/// A value that was read.
enum Decoded<'b> {
    /// As the keyspace takes it.
    Ready(NewValue<'b>),
    /// A short string that was compressed: its bytes stand here until they stand in the key's entry.
    Expanded(Vec<u8>),
}

impl<'b> From<Value<'b>> for Decoded<'b> {
    fn from(value: Value<'b>) -> Decoded<'b> {
        Decoded::Ready(match value {
            Value::String(Str::Int(number)) => NewValue::Int(number.into()),
            Value::String(Str::Bytes(Cow::Borrowed(bytes))) => NewValue::parse(bytes),
            Value::String(Str::Bytes(Cow::Owned(bytes))) if bytes.len() <= INLINE_MAX => {
                return Decoded::Expanded(bytes);
            }
            Value::String(Str::Bytes(Cow::Owned(bytes))) => NewValue::Long(Arc::new(bytes)),
            Value::Object(object) => NewValue::Object(object),
        })
    }
}

impl Decoded<'_> {
    /// Takes the value; once.
    fn take(&mut self) -> NewValue<'_> {
        match self {
            Decoded::Ready(value) => std::mem::replace(value, NewValue::Int(0)),
            Decoded::Expanded(bytes) => NewValue::parse(bytes),
        }
    }
}
