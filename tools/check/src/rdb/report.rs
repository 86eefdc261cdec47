//! What is in an RDB file, as numbers.

use std::collections::BTreeMap;

use serde::Serialize;

use super::words;

/// The largest keys that a report names.
const BIGGEST: usize = 10;

/// What a check found.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Whether nothing is wrong.
    pub ok: bool,
    /// The version of the format; 0 if it could not be read.
    pub version: u16,
    /// Bytes up to the end; 0 if that was not reached.
    pub size: u64,
    /// What the file says about itself.
    pub aux: BTreeMap<String, String>,
    /// Libraries of functions.
    pub functions: u64,
    /// Keys.
    pub keys: u64,
    /// Those of them that expire.
    pub expires: u64,
    /// Those of them that have expired.
    pub already_expired: u64,
    /// By the names that TYPE answers.
    pub types: BTreeMap<&'static str, Count>,
    /// By how the values are written.
    pub encodings: BTreeMap<String, Count>,
    /// By number.
    pub databases: BTreeMap<u64, Database>,
    /// The keys with the largest values, in descending order.
    pub biggest: Vec<Key>,
    /// "verified", "disabled" or "absent"; nothing if the end was not reached.
    pub checksum: Option<&'static str>,
    /// What is wrong.
    pub errors: Vec<Problem>,
}

/// Keys, and the bytes that their values take in the file.
#[derive(Debug, Default, Serialize)]
pub struct Count {
    /// Keys.
    pub keys: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Count {
    fn add(&mut self, bytes: u64) {
        self.keys += 1;
        self.bytes += bytes;
    }
}

/// A database.
#[derive(Debug, Default, Serialize)]
pub struct Database {
    /// Keys.
    pub keys: u64,
    /// Those of them that expire.
    pub expires: u64,
    /// Bytes of their values in the file.
    pub bytes: u64,
    /// Keys by type.
    pub types: BTreeMap<&'static str, u64>,
}

/// A large key.
#[derive(Debug, Serialize)]
pub struct Key {
    /// Its database.
    pub database: u64,
    /// The key; what is no UTF-8 is replaced.
    pub key: String,
    /// Its type.
    #[serde(rename = "type")]
    pub key_type: &'static str,
    /// Bytes of the value in the file.
    pub bytes: u64,
}

/// What is wrong, and where.
#[derive(Debug, Default, Serialize)]
pub struct Problem {
    /// Where in the file.
    pub offset: u64,
    /// In words.
    pub error: String,
    /// What was being read, in Redis's words.
    pub doing: &'static str,
    /// The key whose value it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The number and name of the value's encoding.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub key_type: Option<String>,
    /// Whether what follows can be read all the same.
    #[serde(skip)]
    pub(super) passable: bool,
}

impl Report {
    /// Counts a key that is sound.
    pub(super) fn count(&mut self, database: u64, key: String, value_type: u8, bytes: u64, expires: bool) {
        let key_type = words::type_name(value_type);
        self.types.entry(key_type).or_default().add(bytes);
        self.encodings.entry(words::encoding(value_type).to_owned()).or_default().add(bytes);
        let numbers = self.databases.entry(database).or_default();
        numbers.keys += 1;
        numbers.expires += u64::from(expires);
        numbers.bytes += bytes;
        *numbers.types.entry(key_type).or_default() += 1;
        if self.biggest.len() < BIGGEST || self.biggest.last().is_some_and(|least| least.bytes < bytes) {
            let place = self.biggest.partition_point(|other| other.bytes >= bytes);
            self.biggest.insert(place, Key { database, key, key_type, bytes });
            self.biggest.truncate(BIGGEST);
        }
    }
}
