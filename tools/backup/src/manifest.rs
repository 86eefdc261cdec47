//! What is known of a backup: a small JSON object beside it.
//!
//! A backup is two objects, `NAME.rdb` (`.zst` when it is compressed, `.age` when it is encrypted) and `NAME.json`, which is
//! written when all of the other is stored and checked. So a backup exists exactly when its manifest does: one that was interrupted
//! is never listed, restored or counted.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Says that a JSON object is a manifest of ours; prune removes nothing without it.
const FORMAT: &str = "carnelian-backup";

/// The version of the manifest.
const VERSION: u32 = 1;

/// How a manifest's name ends.
pub const SUFFIX: &str = ".json";

/// The most bytes that a manifest has.
pub const LARGEST: u64 = 1 << 20;

/// One backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Always `carnelian-backup`.
    pub format: String,
    /// Of the manifest.
    pub version: u32,
    /// The name that it is restored by.
    pub name: String,
    /// Which series of backups it belongs to: retention looks at each on its own.
    pub label: String,
    /// When it was begun.
    pub time: Timestamp,
    /// The server's URL without credentials, or the file.
    pub source: String,
    /// How it was taken.
    pub method: Method,
    /// The server's name and version, if it tells.
    pub server: Option<String>,
    /// What the snapshot holds.
    pub contents: Contents,
    /// The object that holds it, beside the manifest.
    pub file: String,
    /// Bytes of that object.
    pub bytes: u64,
    /// SHA-256 of that object, in hexadecimal digits.
    pub sha256: String,
    /// How the snapshot is compressed.
    pub compression: Option<Compression>,
    /// How it is then encrypted.
    pub encryption: Option<Encryption>,
}

/// How a snapshot was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// As a replica's full synchronisation.
    Sync,
    /// BGSAVE, and the file that it wrote on this machine.
    Bgsave,
    /// From a file.
    File,
}

impl Method {
    /// As in the manifest.
    pub fn name(self) -> &'static str {
        match self {
            Method::Sync => "sync",
            Method::Bgsave => "bgsave",
            Method::File => "file",
        }
    }
}

/// What a snapshot holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// Bytes, neither compressed nor encrypted.
    pub bytes: u64,
    /// The version of the format.
    pub rdb_version: u16,
    /// Keys.
    pub keys: u64,
    /// Those of them that expire.
    pub expires: u64,
    /// Libraries of functions.
    pub functions: u64,
    /// Keys by database.
    pub databases: BTreeMap<u64, u64>,
    /// "verified", "disabled" or "absent": what the checksum within said.
    pub checksum: String,
}

/// How a snapshot is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "algorithm")]
pub enum Compression {
    /// Zstandard.
    Zstd {
        /// 1 to 22.
        level: i32,
    },
}

/// How a snapshot is encrypted, always in the age format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "to")]
pub enum Encryption {
    /// To a passphrase.
    Passphrase,
    /// To the public keys of these recipients.
    Recipients {
        /// age1...
        recipients: Vec<String>,
    },
}

impl Manifest {
    /// Of a backup that is about to be taken: what is not known yet is empty.
    pub fn new(name: String, label: String, time: Timestamp, source: String) -> Self {
        Self {
            format: FORMAT.into(),
            version: VERSION,
            name,
            label,
            time,
            source,
            method: Method::File,
            server: None,
            contents: Contents::default(),
            file: String::new(),
            bytes: 0,
            sha256: String::new(),
            compression: None,
            encryption: None,
        }
    }

    /// The name of the object that holds the snapshot.
    pub fn file_name(&self) -> String {
        let compressed = self.compression.map_or("", |_| ".zst");
        let encrypted = self.encryption.as_ref().map_or("", |_| ".age");
        format!("{}.rdb{compressed}{encrypted}", self.name)
    }

    /// Reads the manifest of this name.
    ///
    /// # Errors
    /// Why it is none of ours, or names anything but the object beside it.
    pub fn read(name: &str, bytes: &[u8]) -> Result<Self, String> {
        let manifest: Manifest =
            serde_json::from_slice(bytes).map_err(|error| format!("not a manifest: {error}"))?;
        if manifest.format != FORMAT || manifest.version != VERSION {
            return Err(format!("not a manifest of version {VERSION}"));
        }
        if manifest.name != name || manifest.file != manifest.file_name() {
            return Err("the manifest names another backup".into());
        }
        Ok(manifest)
    }

    /// As it is stored.
    pub fn to_json(&self) -> Vec<u8> {
        // Plain structures always have a text.
        let mut text = serde_json::to_vec_pretty(self).unwrap_or_default();
        text.push(b'\n');
        text
    }
}

/// Whether it may be a name: letters, digits, `.`, `_` and `-`, 1 to 128 of them, no dot first.
pub fn is_name(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    (1..=128).contains(&text.len()) && !text.starts_with('.') && text.chars().all(is_plain)
}

/// The name of a backup of this series and time.
pub fn name_at(label: &str, time: Timestamp) -> String {
    format!("{label}-{}Z", time.strftime("%Y%m%dT%H%M%S%3f"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let mut manifest = Manifest::new("a-1".into(), "a".into(), Timestamp::UNIX_EPOCH, "redis://h".into());
        manifest.compression = Some(Compression::Zstd { level: 3 });
        manifest.encryption = Some(Encryption::Recipients { recipients: vec!["age1x".into()] });
        manifest.file = manifest.file_name();
        manifest
    }

    #[test]
    fn names() {
        let time = "2026-11-21T12:48:25.042Z".parse().expect("a time");
        assert_eq!(name_at("main", time), "main-20261121T124825042Z");
        assert_eq!(manifest().file_name(), "a-1.rdb.zst.age");
        for good in ["a", "a-B_1.c"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", ".a", "..", "a/b", "a b", "ä", "a\n", &"a".repeat(129)] {
            assert!(!is_name(bad), "{bad}");
        }
    }

    #[test]
    fn only_our_own_are_taken() {
        let good = manifest();
        assert_eq!(Manifest::read("a-1", &good.to_json()), Ok(good.clone()));
        assert!(Manifest::read("a-2", &good.to_json()).is_err(), "another name");
        let changed = [
            Manifest { file: "../other.rdb".into(), ..good.clone() },
            Manifest { format: "x".into(), ..good.clone() },
            Manifest { version: 2, ..good.clone() },
        ];
        for changed in changed {
            assert!(Manifest::read("a-1", &changed.to_json()).is_err(), "{changed:?}");
        }
        assert!(Manifest::read("a-1", b"{}").is_err());
    }
}
