//! Entries of a cut as the keys of an RDB file.

use config::Config;
use engine::eviction;
use formats::rdb::file::{Key, Options, Unwritable, Value};
use formats::rdb::version;
use keyspace::access::{AccessPolicy, idle_seconds};
use keyspace::eviction::Measure;
use keyspace::{Image, ImageValue, Size, Str};

/// What is written about the past use of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PastUse {
    Nothing,
    Idle,
    Frequency,
}

/// Encodes keys, database by database as they come.
pub struct Encoder<'a> {
    options: Options,
    past_use: PastUse,
    access: &'a AccessPolicy,
    now: i64,
    db: Option<u32>,
}

/// How to write a file of databases of these sizes: in the version that `rdb-version` says; by default that which every Redis
/// from 7.0 on and Valkey load, unless hashes have fields that expire.
pub fn options(config: &Config, sizes: &[Size]) -> Options {
    let lowest =
        if sizes.iter().any(|size| size.timed > 0) { version::REDIS_7_4 } else { version::REDIS_7_0 };
    let version = config.rdb_version.number().unwrap_or(lowest);
    Options { version, compress: config.rdbcompression, checksum: config.rdbchecksum }
}

impl<'a> Encoder<'a> {
    /// An encoder at the beginning of a file, which tells of the use of keys up to `now` where the eviction policy goes by it.
    pub fn new(options: Options, config: &Config, access: &'a AccessPolicy, now: i64) -> Encoder<'a> {
        let past_use = match eviction::policy(config.maxmemory_policy).map(|policy| policy.measure) {
            Some(Measure::Idle) => PastUse::Idle,
            Some(Measure::Rarity) => PastUse::Frequency,
            _ => PastUse::Nothing,
        };
        Encoder { options, past_use, access, now, db: None }
    }

    /// Begins another stretch of the file: what it stands behind is not known.
    pub fn begin(&mut self) {
        self.db = None;
    }

    /// Appends a key.
    ///
    /// # Errors
    /// Where the file's version cannot carry the value; nothing is appended then.
    pub fn encode(&mut self, image: &Image<'_>, out: &mut Vec<u8>) -> Result<(), Unwritable> {
        if self.db != Some(image.db) {
            self.options.encode_database(image.db.into(), out);
            self.db = Some(image.db);
        }
        let value = match image.value {
            ImageValue::Str(Str::Bytes(bytes)) => Value::String(bytes),
            ImageValue::Str(Str::Int(number)) => Value::Integer(number),
            ImageValue::Object(object) => Value::Object(object),
        };
        let idle = || u64::from(idle_seconds(image.access, self.now));
        let frequency = || self.access.frequency(image.access, self.now) as u8;
        let key = Key {
            key: image.key,
            value,
            expiry: image.expiry,
            idle: (self.past_use == PastUse::Idle).then(idle),
            frequency: (self.past_use == PastUse::Frequency).then(frequency),
        };
        self.options.encode(&key, out)
    }
}
