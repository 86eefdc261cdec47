//! Into a running server, ours or genuine, key by key: RESTORE over pipelines.
//!
//! The backup is read twice: first to find it sound, then to send it. What is wrong with one key (it exists, or the server does
//! not take its encoding) is counted and told, and the others go on; what is wrong with the server ends it.

use std::collections::BTreeMap;

use endpoint::Address;
use formats::rdb::file::{Entry, Item};
use serde::Serialize;

use super::{Backup, payload::payload};
use crate::args::Restore;
use crate::catalogue::Visit;
use crate::error::{Error, Result};
use crate::inspect::shown;
use crate::output::Output;
use crate::source::link::{Link, Reply, encode};

/// Commands that are sent before their replies are read; so many replies fit into any socket's buffer.
const PIPELINE: usize = 256;

/// Bytes after which a pipeline is sent.
const PIPELINE_BYTES: usize = 1 << 20;

/// Keys that are named among those that could not be restored.
const MOST_NAMED: usize = 10;

/// What was done, as JSON.
#[derive(Debug, Default, Serialize)]
struct Report {
    ok: bool,
    backup: String,
    server: String,
    /// Keys that were restored.
    restored: u64,
    /// Keys that exist, and stayed.
    existing: u64,
    /// Keys that the server does not take.
    refused: u64,
    /// Libraries of functions that were restored.
    functions: u64,
    /// The first keys that were not restored, and why.
    problems: Vec<Problem>,
}

#[derive(Debug, Serialize)]
struct Problem {
    what: String,
    error: String,
}

/// Restores into a server.
///
/// # Errors
/// [`Error::Incomplete`] when there were keys that could not be restored; those of the backup; those of the server, which end it in
/// the middle.
pub fn restore(backup: &Backup, address: &Address, options: &Restore, out: &mut Output) -> Result<()> {
    if address.database().map_err(Error::address)?.is_some() {
        return Err(Error::Usage("keys keep their databases: --db FROM:TO instead of one in the URL".into()));
    }
    // A server that is not there is found before a long reading.
    Link::open(address, options.timeout)?;
    backup.read(out, &mut ())?;
    let mut sender = Sender {
        link: Link::open(address, options.timeout)?,
        options,
        databases: options.db.iter().copied().collect(),
        selected: 0,
        request: Vec::new(),
        awaited: Vec::new(),
        report: Report { backup: backup.name(), server: address.url.clone(), ..Report::default() },
    };
    let sent = backup.read(out, &mut sender).and_then(|_| sender.settle());
    out.end();
    let mut report = sender.report;
    let Report { restored, existing, refused, functions, .. } = report;
    for Problem { what, error } in &report.problems {
        out.remark(format_args!("{what}: {error}"));
    }
    let tally = format!(
        "{restored} keys and {functions} libraries restored, {existing} exist already, {refused} refused"
    );
    out.line(format_args!("{}: {tally}", report.backup));
    report.ok = sent.is_ok() && report.problems.is_empty();
    let complete = report.problems.is_empty();
    out.report(&report);
    sent?;
    if complete { Ok(()) } else { Err(Error::Incomplete(format!("not everything was restored: {tally}"))) }
}

/// What a reply that is awaited belongs to.
enum Awaited {
    Select(u64),
    Key(String),
    Function,
}

struct Sender<'a> {
    link: Link,
    options: &'a Restore,
    /// Where the keys of a database go; empty when all keep theirs.
    databases: BTreeMap<u64, u64>,
    selected: u64,
    request: Vec<u8>,
    awaited: Vec<Awaited>,
    report: Report,
}

impl Visit for Sender<'_> {
    fn item(&mut self, item: &Item<'_>) -> Result<()> {
        match item {
            Item::Key(entry) => self.key(entry),
            Item::Function(code) if !self.options.no_functions => {
                let code = code.clone().into_vec();
                let replace: &[&[u8]] = if self.options.replace { &[b"REPLACE"] } else { &[] };
                let command = [&[&b"FUNCTION"[..], b"LOAD"], replace, &[&code]].concat();
                self.push(&command, Awaited::Function)
            }
            _ => Ok(()),
        }
    }
}

impl Sender<'_> {
    fn key(&mut self, entry: &Entry<'_>) -> Result<()> {
        let to = match self.databases.is_empty() {
            true => entry.database,
            false => match self.databases.get(&entry.database) {
                Some(to) => *to,
                None => return Ok(()),
            },
        };
        if to != self.selected {
            // Alone, so that no key follows into another database should this one not exist.
            self.settle()?;
            self.push(&[b"SELECT", to.to_string().as_bytes()], Awaited::Select(to))?;
            self.settle()?;
            self.selected = to;
        }
        let key = entry.key.clone().into_vec();
        // 0 would mean that it never expires.
        let expiry = entry.expiry.map_or(0, |expiry| expiry.max(1)).to_string();
        let value = payload(&entry.value);
        let mut command: Vec<&[u8]> = vec![b"RESTORE", &key, expiry.as_bytes(), &value];
        if self.options.replace {
            command.push(b"REPLACE");
        }
        if entry.expiry.is_some() {
            command.push(b"ABSTTL");
        }
        let idle = entry.idle.map(|idle| ("IDLETIME", i64::try_from(idle).unwrap_or(i64::MAX).to_string()));
        let used = entry.frequency.map(|frequency| ("FREQ", frequency.to_string()));
        let access = used.or(idle);
        if let Some((name, value)) = &access {
            command.extend([name.as_bytes(), value.as_bytes()]);
        }
        self.push(&command, Awaited::Key(shown(&entry.key)))
    }

    fn push(&mut self, command: &[&[u8]], awaited: Awaited) -> Result<()> {
        encode(&mut self.request, command.iter().copied());
        self.awaited.push(awaited);
        match self.awaited.len() >= PIPELINE || self.request.len() >= PIPELINE_BYTES {
            true => self.settle(),
            false => Ok(()),
        }
    }

    /// Sends what is waiting, and reads the replies.
    fn settle(&mut self) -> Result<()> {
        self.link.send(&self.request)?;
        // A large value does not keep its room.
        self.request = Vec::new();
        for awaited in std::mem::take(&mut self.awaited) {
            match self.link.reply()? {
                Reply::Error(error) => self.problem(awaited, error)?,
                _ => match awaited {
                    Awaited::Key(_) => self.report.restored += 1,
                    Awaited::Function => self.report.functions += 1,
                    Awaited::Select(_) => {}
                },
            }
        }
        Ok(())
    }

    fn problem(&mut self, awaited: Awaited, error: String) -> Result<()> {
        let what = match awaited {
            Awaited::Key(key) if error.starts_with("BUSYKEY") => {
                self.report.existing += 1;
                format!("key '{key}'")
            }
            Awaited::Key(key) if is_about_the_value(&error) => {
                self.report.refused += 1;
                format!("key '{key}'")
            }
            Awaited::Function if error.starts_with("ERR") => {
                self.report.refused += 1;
                "a library of functions".to_owned()
            }
            Awaited::Select(number) => {
                return Err(self
                    .link
                    .error(format!("it has no database {number} ({error}); --db FROM:TO maps it")));
            }
            Awaited::Key(_) => return Err(self.link.refused("RESTORE", &error)),
            Awaited::Function => return Err(self.link.refused("FUNCTION LOAD", &error)),
        };
        if self.report.problems.len() < MOST_NAMED {
            self.report.problems.push(Problem { what, error });
        }
        Ok(())
    }
}

/// Whether another key may fare better: in Redis's words for a payload that it does not take.
fn is_about_the_value(error: &str) -> bool {
    ["Bad data format", "DUMP payload version or checksum", "Invalid TTL"]
        .iter()
        .any(|words| error.contains(words))
}
