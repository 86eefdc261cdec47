//! What is in an append-only file, as numbers.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::rdb;

/// What a check found.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Whether nothing is wrong, or not any more.
    pub ok: bool,
    /// What kind of file it is.
    pub style: Option<Style>,
    /// The files, in the order in which they are loaded, up to one that is not sound.
    pub files: Vec<Part>,
    /// Why the check ended before all was found sound.
    pub error: Option<String>,
}

/// What kinds of files there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Style {
    /// A manifest, since Redis 7.0.
    MultiPart,
    /// Commands.
    OldStyle,
    /// An RDB file, and commands behind it.
    OldStyleWithRdb,
}

/// A file.
#[derive(Debug, Default, Serialize)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// "AOF", "BASE AOF" or "INCR AOF".
    pub kind: &'static str,
    /// Its bytes, before any repair.
    pub size: u64,
    /// The bytes that are sound.
    pub ok_up_to: u64,
    /// What came of it; nothing if it is not sound.
    pub status: Option<Status>,
    /// The RDB file in front, or that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rdb: Option<rdb::Report>,
    /// Commands by name; names beyond the first thousand are counted as "(other)".
    pub commands: BTreeMap<String, u64>,
    /// Annotations: timestamps, checksums and others.
    pub annotations: u64,
    /// The first timestamp, in Unix seconds.
    pub first_timestamp: Option<i64>,
    /// The last.
    pub last_timestamp: Option<i64>,
    /// Checksum lines that are right.
    pub checksums: u64,
    /// Up to where they vouch for the file.
    pub verified: u64,
    /// The first error.
    pub error: Option<Problem>,
}

/// What came of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It is sound.
    Valid,
    /// It has no bytes.
    Empty,
    /// What was not whole was cut off.
    Truncated,
    /// What was too young was cut off.
    TruncatedToTimestamp,
}

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where in the file.
    pub offset: u64,
    /// In words.
    pub error: String,
}

impl Part {
    /// Counts a command.
    pub(super) fn count(&mut self, name: &[u8]) {
        const MOST: usize = 1000;
        const LONGEST: usize = 64;
        let seen = str::from_utf8(name).ok().and_then(|name| self.commands.get_mut(name));
        if let Some(count) = seen {
            *count += 1;
            return;
        }
        let name = String::from_utf8_lossy(&name[..name.len().min(LONGEST)]).to_ascii_uppercase();
        let has_room = self.commands.len() < MOST || self.commands.contains_key(&name);
        *self.commands.entry(if has_room { name } else { "(other)".into() }).or_default() += 1;
    }

    /// Takes a timestamp in.
    pub(super) fn at(&mut self, seconds: i64) {
        self.first_timestamp.get_or_insert(seconds);
        self.last_timestamp = Some(seconds);
    }
}
