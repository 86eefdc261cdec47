//! The way through a file, item by item: what it says about itself is logged and kept, its keys go on by the batch.

use std::io::Read;
use std::sync::atomic::Ordering::Relaxed;

use engine::engine::LogLevel;
use engine::{Engine, unix_millis};
use formats::rdb::Str;
use formats::rdb::file::{Checksum, FileReader, Item};

use super::batch::Batch;
use super::insert::Tally;
use super::progress::Reporter;
use super::{Error, Loaded};
use crate::delay::{self, KeyDelay};

/// So many keys of a database are worth making room for at once.
const WORTHWHILE: u64 = 1 << 16;
/// Hexadecimal digits of a replication id.
const ID_DIGITS: usize = 40;

/// Where keys go.
pub trait Sink {
    /// Makes room for about so many keys of a database; a hint.
    fn expect(&mut self, db: u32, keys: usize);
    /// Takes the keys of a batch, and leaves an empty one.
    fn take(&mut self, batch: &mut Batch) -> Result<(), Error>;
    /// Waits until all keys taken are in; `read` says how reading the file has ended.
    fn finish(&mut self, read: Result<(), Error>) -> Result<Tally, Error>;
}

/// Where a snapshot stands in a history of effects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replication {
    /// The history: 40 hexadecimal digits.
    pub id: String,
    /// How many bytes of it came before the snapshot.
    pub offset: i64,
    /// The database that was selected there.
    pub db: i64,
}

/// One load of a file.
pub struct Items<'a> {
    engine: &'static Engine,
    stop: &'a mut dyn FnMut() -> bool,
    sink: &'a mut dyn Sink,
    reporter: Reporter,
    verifies: bool,
    /// The database of the keys that follow.
    db: u32,
    batch: Batch,
    batches: u64,
    delay: KeyDelay,
    version: u16,
    functions: Vec<Vec<u8>>,
    replication: PartsOfReplication,
}

/// What a file has said so far of where it stands.
#[derive(Default)]
struct PartsOfReplication {
    id: Option<String>,
    offset: Option<i64>,
    db: Option<i64>,
}

impl<'a> Items<'a> {
    /// A load whose keys go to `sink`.
    pub fn new(
        engine: &'static Engine,
        stop: &'a mut dyn FnMut() -> bool,
        sink: &'a mut dyn Sink,
    ) -> Items<'a> {
        Items {
            engine,
            stop,
            sink,
            reporter: Reporter::new(engine),
            verifies: engine.config().rdbchecksum,
            db: 0,
            batch: Batch::default(),
            batches: 0,
            delay: KeyDelay::new(engine, |config| config.key_load_delay),
            version: 0,
            functions: Vec::new(),
            replication: PartsOfReplication::default(),
        }
    }

    /// Loads a file that begins where the source stands.
    pub fn load<R: Read>(mut self, source: R) -> Result<Loaded<R>, Error> {
        let mut reader = FileReader::new(source, self.verifies);
        let read = self.read(&mut reader);
        let tally = self.sink.finish(read)?;
        let Tally { loaded: keys, expired, empty } = tally;
        let empty = if empty > 0 { format!(", empty keys skipped: {empty}") } else { String::new() };
        self.log(
            LogLevel::Notice,
            &format!("Done loading RDB, keys loaded: {keys}, keys expired: {expired}{empty}."),
        );
        let (rest, source) = reader.into_rest();
        let Items { version, functions, replication, .. } = self;
        let replication = replication.complete();
        Ok(Loaded { version, functions, replication, keys, expired, rest, source })
    }

    fn log(&self, level: LogLevel, text: &str) {
        self.engine.host.log(level, text);
    }

    fn read<R: Read>(&mut self, reader: &mut FileReader<R>) -> Result<(), Error> {
        while let Some(item) = reader.next()? {
            let entry = match item {
                Item::Key(entry) => entry,
                Item::Sizes { keys, .. } => {
                    self.expect(keys, reader.offset());
                    continue;
                }
                other => {
                    self.about(other)?;
                    continue;
                }
            };
            self.batch.push(self.db, &entry);
            let delay = self.delay.after_key(self.engine);
            if self.batch.is_full() || delay.is_some() {
                self.pass_on(reader.offset())?;
                if delay.is_some_and(|delay| !delay::wait(delay, self.stop)) {
                    return Err(Error::Stopped);
                }
            }
        }
        self.pass_on(reader.offset())
    }

    fn database(&self, number: u64) -> Result<u32, Error> {
        let databases = self.engine.keyspace.databases();
        u32::try_from(number).ok().filter(|db| *db < databases).ok_or(Error::Databases(databases))
    }

    /// Makes room for as many keys as the file announces, if it has the bytes for them.
    fn expect(&mut self, announced: u64, offset: usize) {
        /// A key takes no less: its type, an empty name, a value's length.
        const SHORTEST: u64 = 3;
        let left = self.engine.loading.total_bytes.load(Relaxed).saturating_sub(offset as u64);
        let keys = announced.min(left / SHORTEST);
        if keys >= WORTHWHILE {
            self.sink.expect(self.db, keys as usize);
        }
    }

    /// Hands over the keys so far, and tells how far the file is read.
    fn pass_on(&mut self, offset: usize) -> Result<(), Error> {
        if (self.stop)() {
            return Err(Error::Stopped);
        }
        self.reporter.reached(offset as u64);
        if !self.batch.is_empty() {
            (self.batch.number, self.batch.version) = (self.batches, self.version);
            self.batches += 1;
            self.sink.take(&mut self.batch)?;
        }
        Ok(())
    }

    /// Anything but a key.
    fn about(&mut self, item: Item<'_>) -> Result<(), Error> {
        match item {
            Item::Version(version) => self.version = version,
            Item::Aux { name, value } => self.aux(&text(name), &text(value)),
            Item::Function(source) => self.functions.push(source.into_vec()),
            Item::ModuleAux(id) => return Err(Error::ModuleAux(id)),
            Item::Database(number) => self.db = self.database(number)?,
            Item::End(Checksum::Unverified) if self.verifies => {
                self.log(LogLevel::Notice, "RDB file was saved with checksum disabled: no check performed.");
            }
            Item::Sizes { .. } | Item::SlotSizes { .. } | Item::Key(_) | Item::End(_) => {}
        }
        Ok(())
    }

    /// What the file says about itself.
    fn aux(&mut self, name: &str, value: &str) {
        let number = value.trim().parse::<i64>().unwrap_or(0);
        match name.to_ascii_lowercase().as_str() {
            "redis-ver" => self.log(LogLevel::Notice, &format!("Loading RDB produced by version {value}")),
            "valkey-ver" => {
                self.log(LogLevel::Notice, &format!("Loading RDB produced by Valkey version {value}"))
            }
            "ctime" => {
                let age = (unix_millis() / 1000).saturating_sub(number).max(0);
                self.log(LogLevel::Notice, &format!("RDB age {age} seconds"));
            }
            "used-mem" => {
                let megabytes = number as f64 / f64::from(1 << 20);
                self.log(LogLevel::Notice, &format!("RDB memory usage when created {megabytes:.2} Mb"));
                self.engine.loading.writer_memory.store(number.max(0) as u64, Relaxed);
            }
            "aof-preamble" if number != 0 => self.log(LogLevel::Notice, "RDB has an AOF tail"),
            "aof-base" if number != 0 => self.log(LogLevel::Notice, "RDB is base AOF"),
            "repl-id" if value.len() == ID_DIGITS => self.replication.id = Some(value.to_owned()),
            "repl-offset" => self.replication.offset = Some(number),
            "repl-stream-db" => self.replication.db = Some(number),
            "aof-preamble" | "aof-base" | "repl-id" | "lua" | "redis-bits" => {}
            _ if name.starts_with('%') => self.log(LogLevel::Notice, &format!("RDB '{name}': {value}")),
            _ => self.log(LogLevel::Debug, &format!("Unrecognized RDB AUX field: '{name}'")),
        }
    }
}

fn text(string: Str<'_>) -> String {
    String::from_utf8_lossy(&string.into_vec()).into_owned()
}

impl PartsOfReplication {
    /// All of it, if all was said and means something: -1 is Redis's word for nothing.
    fn complete(self) -> Option<Replication> {
        let (offset, db) = (self.offset.filter(|n| *n != -1)?, self.db.filter(|n| *n != -1)?);
        Some(Replication { id: self.id?, offset, db })
    }
}
