//! Entries of a cut as bytes of a file: keys of an RDB, or commands.

use config::Config;
use engine::eviction;
use formats::rdb::file::{Key, Options, Unwritable, Value};
use formats::rdb::version;
use keyspace::access::{AccessPolicy, idle_seconds};
use keyspace::eviction::Measure;
use keyspace::{Image, ImageValue, Size, Str};

use super::commands;

/// What a file consists of.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// An RDB file's items.
    Rdb(Options),
    /// Commands, as in any append-only file.
    Commands,
}

/// What is written about the past use of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PastUse {
    Nothing,
    Idle,
    Frequency,
}

/// Encodes keys, database by database as they come.
pub struct Encoder<'a> {
    form: Form,
    past_use: PastUse,
    access: &'a AccessPolicy,
    now: i64,
    db: Option<u32>,
}

/// How to write a file of databases of these sizes: in the version that `rdb-version` says, by default that which every Redis
/// from 7.0 on and Valkey load. Hashes with fields that expire need a later one, whatever it says: what is kept must be saved.
pub fn options(config: &Config, sizes: &[Size]) -> Options {
    let asked = config.rdb_version.number().unwrap_or(version::REDIS_7_0);
    let has_timed = sizes.iter().any(|size| size.timed > 0);
    let version = if has_timed { asked.max(version::REDIS_7_4) } else { asked };
    Options { version, compress: config.rdbcompression, checksum: config.rdbchecksum }
}

impl<'a> Encoder<'a> {
    /// An encoder at the beginning of a file, which tells of the use of keys up to `now` where the eviction policy goes by it.
    pub fn new(form: Form, config: &Config, access: &'a AccessPolicy, now: i64) -> Encoder<'a> {
        let past_use = match eviction::policy(config.maxmemory_policy).map(|policy| policy.measure) {
            Some(Measure::Idle) => PastUse::Idle,
            Some(Measure::Rarity) => PastUse::Frequency,
            _ => PastUse::Nothing,
        };
        Encoder { form, past_use, access, now, db: None }
    }

    /// Begins another stretch of the file: what it stands behind is not known.
    pub fn begin(&mut self) {
        self.db = None;
    }

    /// Appends a key.
    ///
    /// # Errors
    /// Where the file's version cannot carry the value; nothing of it is appended then.
    pub fn encode(&mut self, image: &Image<'_>, out: &mut Vec<u8>) -> Result<(), Unwritable> {
        let is_first = self.db.replace(image.db) != Some(image.db);
        match self.form {
            Form::Rdb(options) => {
                if is_first {
                    options.encode_database(image.db.into(), out);
                }
                options.encode(&self.key(image), out)
            }
            Form::Commands => {
                if is_first {
                    commands::select(image.db, out);
                }
                commands::key(image, out);
                Ok(())
            }
        }
    }

    /// A key with all that an RDB file tells of it.
    fn key<'i>(&self, image: &Image<'i>) -> Key<'i> {
        let value = match image.value {
            ImageValue::Str(Str::Bytes(bytes)) => Value::String(bytes),
            ImageValue::Str(Str::Int(number)) => Value::Integer(number),
            ImageValue::Object(object) => Value::Object(object),
        };
        let idle = || u64::from(idle_seconds(image.access, self.now));
        let frequency = || self.access.frequency(image.access, self.now) as u8;
        Key {
            key: image.key,
            value,
            expiry: image.expiry,
            idle: (self.past_use == PastUse::Idle).then(idle),
            frequency: (self.past_use == PastUse::Frequency).then(frequency),
        }
    }
}
