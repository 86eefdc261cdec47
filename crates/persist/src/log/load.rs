//! Loading an append-only file: the base, then every increment, each command through the pipeline.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use engine::apply::{Applier, Inapplicable};
use engine::engine::LogLevel;
use engine::{Engine, unix_millis};
use formats::aof::block::{self, SECTOR};
use formats::aof::{self, Block, Checksums, ErrorKind, ReadError, Reader, Record};
use keyspace::{Member, View};

use super::Files;
use crate::delay::{self, KeyDelay};
use crate::load::{self, Options};
use crate::save::reason;

/// Bytes of commands that are applied in one stay.
const CHUNK: usize = 128 << 10;

/// Why it can't be loaded. The texts are those that Redis logs.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A listed file is not there.
    #[error("The append log file {0} doesn't exist: {1}")]
    Missing(String, String),
    /// A file can't be read or cut.
    #[error("Unrecoverable error reading the append only file {0}: {1}")]
    Read(String, String),
    /// The snapshot that a file begins with.
    #[error("{1}\nError reading the RDB base file {0}, AOF loading aborted")]
    Base(String, load::Error),
    /// A file ends within a command, and `aof-load-truncated` is no.
    #[error(
        "Unexpected end of file reading the append only file {0}. You can: 1) Make a backup of your AOF file, then use ./redis-check-aof --fix <filename.manifest>. 2) Alternatively you can set the 'aof-load-truncated' configuration option to yes and restart the server."
    )]
    Truncated(String),
    /// The same of a file that others follow.
    #[error("Fatal error: the truncated file is not the last file")]
    TruncatedBefore,
    /// A file that is none.
    #[error(
        "Bad file format reading the append only file {0}: make a backup of your AOF file, then use ./redis-check-aof --fix <filename.manifest> ({1})"
    )]
    Format(String, aof::Error),
    /// A file that is not as it was written, between two offsets.
    #[error(
        "Wrong checksum in the append only file {name}: between offset {from} and {to} it is not as it was written.\nIf it was edited on purpose, start once with --aof-checksum no: it is loaded as it is then, and rewritten.\nOtherwise it is damaged there: make a backup of your AOF file, then see what carnelian check-aof <filename.manifest> says."
    )]
    Checksum {
        /// The file.
        name: String,
        /// Up to here it is.
        from: u64,
        /// Where the line stands that says so.
        to: u64,
    },
    /// A command that there is not.
    #[error("{1} {0}")]
    Command(String, Inapplicable),
    /// Whoever asked for the load wants it no more.
    #[error("Loading was stopped.")]
    Stopped,
}

impl From<(&str, ReadError)> for Error {
    /// Why a file, by its name, can't be read on.
    fn from((name, error): (&str, ReadError)) -> Error {
        let name = name.to_owned();
        match error {
            ReadError::Io(error) => Error::Read(name, reason(&error)),
            ReadError::Format(error) if error.is_truncation() => Error::Truncated(name),
            ReadError::Format(aof::Error { offset: to, kind: ErrorKind::Checksum { from } }) => {
                Error::Checksum { name, from, to }
            }
            ReadError::Format(error) => Error::Format(name, error),
        }
    }
}

/// How the keyspace is reached.
pub enum Way<'w, 'v> {
    /// By taking exclusive access for a chunk at a time, so that others get a word in between.
    ByTurns(&'w Member<'static>),
    /// By a view that has everything.
    View(&'w mut View<'v>),
}

/// Loads files, in order. Answers the checksum of the last increment, with which the log goes on there.
///
/// # Errors
/// What is wrong with them; a part of the data is loaded then.
pub fn load(
    engine: &'static Engine,
    files: &Files,
    way: &mut Way,
    stop: &mut dyn FnMut() -> bool,
) -> Result<Option<Checksums>, Error> {
    let mut loader = Loader {
        engine,
        way,
        stop,
        verifies: engine.config().aof_checksum,
        is_edited: false,
        delay: KeyDelay::new(engine, |config| config.key_load_delay),
        applier: Applier::new(engine),
        done: 0,
        chunk: Vec::new(),
        held: None,
        is_unsealed: false,
    };
    let all: Vec<_> = files.manifest.files().collect();
    let has_base = files.manifest.base().is_some();
    let mut sums = None;
    for (number, file) in all.iter().enumerate() {
        let (started, later) = (Instant::now(), &all[number + 1..]);
        let name = String::from_utf8_lossy(&file.name).into_owned();
        let kind = if number == 0 && has_base { "base" } else { "incr" };
        // The next increment is listed before anything goes there: when the power fails then, this one may be torn.
        let place = if later.is_empty() {
            Place::Last
        } else if kind == "incr" && later.iter().all(|later| is_empty(&files.path(later))) {
            Place::LastWritten
        } else {
            Place::Before
        };
        let found = loader.file(&files.path(file), &name, place)?;
        sums = (kind == "incr").then_some(found);
        let seconds = started.elapsed().as_secs_f64();
        loader.log(LogLevel::Notice, &format!("DB loaded from {kind} file {name}: {seconds:.3} seconds"));
    }
    Ok(sums)
}

struct Loader<'l, 'w, 'v> {
    engine: &'static Engine,
    way: &'l mut Way<'w, 'v>,
    stop: &'l mut dyn FnMut() -> bool,
    /// Checksum lines must be right.
    verifies: bool,
    /// One was not.
    is_edited: bool,
    delay: KeyDelay,
    applier: Applier,
    /// Bytes of the files before this one.
    done: u64,
    /// Commands that are to be applied.
    chunk: Vec<u8>,
    /// The block whose end has not come yet: nothing of it is applied before.
    held: Option<Held>,
    /// The last block has no end, and what was whole of it was taken.
    is_unsealed: bool,
}

/// Where a file stands among the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// It is an increment, and there is nothing in those behind it.
    LastWritten,
    /// There is none behind it.
    Last,
    /// There is something in those behind it, or should be.
    Before,
}

/// A block that has begun.
struct Held {
    /// Where.
    start: u64,
    /// Not before the end of its checksum line, which is shorter than a sector.
    end: u64,
    /// Bytes of the chunk that stand before it.
    before: usize,
}

/// What came of reading a file of commands.
struct Outcome {
    /// Up to here it is whole, transactions included.
    whole: u64,
    /// Where the record or the block lies that is not.
    stopped: Range<u64>,
    /// There were announced blocks, or that is one.
    is_announced: bool,
    read: Result<(), Error>,
}

impl Loader<'_, '_, '_> {
    fn log(&self, level: LogLevel, text: &str) {
        self.engine.host.log(level, text);
    }

    /// Loads one file.
    fn file(&mut self, path: &Path, name: &str, place: Place) -> Result<Checksums, Error> {
        let missing = |error: io::Error| Error::Missing(name.to_owned(), reason(&error));
        let mut file = File::open(path).map_err(missing)?;
        let failed = |error: io::Error| Error::Read(name.to_owned(), reason(&error));
        let len = file.metadata().map_err(failed)?.len();
        let mut reader = if begins_with_snapshot(&mut file).map_err(failed)? {
            self.snapshot(file, name)?
        } else {
            Reader::new(file, self.verifies)
        };
        let Outcome { whole, stopped, is_announced, mut read } =
            self.commands(&mut reader, path, name).map_err(failed)?;
        let mut sums = reader.sums();
        if let Err(error) = &read
            && place != Place::Before
            && is_torn(path, &stopped, error, is_announced).map_err(failed)?
        {
            let text = format!(
                "!!! The AOF {name} was not all on disk when the system went down: sectors are missing behind offset {} !!!",
                stopped.start
            );
            self.log(LogLevel::Warning, &text);
            read = Err(Error::Truncated(name.to_owned()));
        }
        match read {
            Err(Error::Truncated(_)) if place == Place::Before => return Err(Error::TruncatedBefore),
            Err(Error::Truncated(_)) if self.engine.config().aof_load_truncated => {
                self.log(
                    LogLevel::Warning,
                    &format!("!!! Warning: short read while loading the AOF file {name}!!!"),
                );
                self.log(LogLevel::Warning, &format!("!!! Truncating the AOF {name} at offset {whole} !!!"));
                cut(path, whole, place).map_err(failed)?;
                self.log(
                    LogLevel::Warning,
                    &format!("AOF {name} loaded anyway because aof-load-truncated is enabled"),
                );
                if whole < sums.offset() {
                    sums = sums_of(path).map_err(failed)?;
                }
            }
            other => other?,
        }
        if std::mem::take(&mut self.is_unsealed) && place == Place::Last {
            seal(path, &mut sums).map_err(failed)?;
        }
        self.done += len;
        Ok(sums)
    }

    /// Loads the snapshot that a file begins with. Answers a reader of the commands behind it.
    fn snapshot(&mut self, file: File, name: &str) -> Result<Reader<File>, Error> {
        self.log(LogLevel::Notice, "Reading RDB base file on AOF loading...");
        let options = Options::default();
        let loaded = match self.way {
            Way::ByTurns(_) => load::rdb(self.engine, file, options, self.stop),
            Way::View(view) => load::rdb_into(self.engine, view, file, options),
        };
        let wrong = |error| match error {
            load::Error::Stopped => Error::Stopped,
            error => Error::Base(name.to_owned(), error),
        };
        let mut loaded = loaded.map_err(wrong)?;
        let position =
            loaded.source.stream_position().map_err(|e| Error::Read(name.to_owned(), reason(&e)))?;
        let behind = position - loaded.rest.len() as u64;
        Ok(Reader::behind(behind, loaded.rest, loaded.source, self.verifies))
    }

    /// Applies the commands of a file.
    fn commands(&mut self, reader: &mut Reader<File>, path: &Path, name: &str) -> io::Result<Outcome> {
        // Where the transaction begins that has not ended.
        let mut begun = None;
        let read = loop {
            let before = reader.offset();
            match reader.next() {
                Ok(Some(Record::Command(args))) => {
                    aof::command(&mut self.chunk, args.iter());
                    if args.at(0).eq_ignore_ascii_case(b"MULTI") {
                        begun = Some(before);
                    } else if args.at(0).eq_ignore_ascii_case(b"EXEC") {
                        begun = None;
                    }
                }
                Ok(Some(Record::Checksum)) => self.held = None,
                Ok(Some(Record::Other(line))) if aof::is_checksum(line) => self.pass_over(name, before),
                Ok(Some(Record::Block(block))) => self.hold(block, before, reader.offset()),
                Ok(Some(Record::Timestamp(_) | Record::Other(_))) => {}
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
            let is_due = self.chunk.len() >= CHUNK || self.delay.is_set(self.engine);
            if !(is_due && self.held.is_none()) {
                continue;
            }
            if let Err(error) = self.apply(name, reader.offset()) {
                let stopped = before..before;
                return Ok(Outcome { whole: before, stopped, is_announced: false, read: Err(error) });
            }
        };
        // The end of a block is missing, but nothing within it.
        if let Some(held) = &self.held
            && read.as_ref().err().is_none_or(is_truncation)
            && !block::has_hole(path, held.start)?
        {
            self.held = None;
            self.is_unsealed = true;
        }
        Ok(self.conclude(name, reader, begun, read))
    }

    /// A block, of which nothing is applied until its checksum has come: where its line begins, and ends.
    fn hold(&mut self, block: Block, start: u64, behind: u64) {
        if self.verifies {
            let end = behind.saturating_add(block.len).saturating_add(SECTOR);
            self.held = Some(Held { start, end, before: self.chunk.len() });
        }
    }

    /// Applies what is left where reading has ended, but for the block that has not, and says what that means.
    fn conclude(
        &mut self,
        name: &str,
        reader: &Reader<File>,
        begun: Option<u64>,
        read: Result<(), ReadError>,
    ) -> Outcome {
        let (held, offset) = (self.held.take(), reader.offset());
        let is_announced = held.is_some() || reader.checksums() > 0;
        let stopped = held.as_ref().map_or(offset..offset + SECTOR, |held| held.start..held.end);
        let whole = begun.unwrap_or(offset).min(stopped.start);
        if let Some(held) = &held {
            self.chunk.truncate(held.before);
        }
        if let Err(error) = self.apply(name, offset) {
            return Outcome { whole, stopped, is_announced, read: Err(error) };
        }
        let read = match read {
            Ok(()) if begun.is_none() && held.is_none() => Ok(()),
            Ok(()) => {
                if begun.is_some() {
                    let text = format!("Revert incomplete MULTI/EXEC transaction in AOF file {name}");
                    self.log(LogLevel::Warning, &text);
                }
                Err(Error::Truncated(name.to_owned()))
            }
            Err(error) => Err(Error::from((name, error))),
        };
        Outcome { whole, stopped, is_announced, read }
    }

    /// Passes a checksum line over that is wrong. What was edited must not stop the next start: it is rewritten.
    fn pass_over(&mut self, name: &str, offset: u64) {
        if std::mem::replace(&mut self.is_edited, true) {
            return;
        }
        let text = format!(
            "Checksums in the append only file {name} are wrong from offset {offset} on; aof-checksum is no: they are passed over, and the file is going to be rewritten."
        );
        self.log(LogLevel::Warning, &text);
        self.engine.persistence.log.rewrite_scheduled.store(true, Relaxed);
    }

    /// Applies the chunk, which ends at an offset of the file: at once, or a command at a time where each is to be delayed.
    fn apply(&mut self, name: &str, offset: u64) -> Result<(), Error> {
        let mut chunk = std::mem::take(&mut self.chunk);
        let (mut commands, mut applied) = (Reader::new(&chunk[..], false), 0);
        while self.delay.is_set(self.engine) {
            if commands.next().map_err(|error| Error::from((name, error)))?.is_none() {
                break;
            }
            let end = commands.offset() as usize;
            self.apply_now(name, &chunk[applied..end])?;
            applied = end;
            if let Some(delay) = self.delay.after_key(self.engine)
                && !delay::wait(delay, self.stop)
            {
                return Err(Error::Stopped);
            }
        }
        self.apply_now(name, &chunk[applied..])?;
        chunk.clear();
        self.chunk = chunk;
        self.engine.loading.loaded_bytes.store(self.done + offset, Relaxed);
        if (self.stop)() { Err(Error::Stopped) } else { Ok(()) }
    }

    fn apply_now(&mut self, name: &str, requests: &[u8]) -> Result<(), Error> {
        let (engine, applier) = (self.engine, &mut self.applier);
        let applied = match self.way {
            Way::View(view) => applier.apply(engine, view, requests),
            Way::ByTurns(member) => {
                let mut exclusive = engine.keyspace.exclusive(member);
                applier.apply(engine, &mut View::exclusive(&mut exclusive, unix_millis()), requests)
            }
        };
        applied.map_err(|error| Error::Command(name.to_owned(), error))
    }
}

/// Whether there is nothing in a file, or no file.
fn is_empty(path: &Path) -> bool {
    path.metadata().is_ok_and(|about| about.len() == 0)
}

fn is_truncation(error: &ReadError) -> bool {
    matches!(error, ReadError::Format(error) if error.is_truncation())
}

/// Whether this error is what a power cut has left.
fn is_torn(path: &Path, stopped: &Range<u64>, error: &Error, is_announced: bool) -> io::Result<bool> {
    let last = match error {
        Error::Format(_, aof::Error { kind: ErrorKind::Length { .. }, .. }) => return Ok(false),
        Error::Format(_, aof::Error { offset, .. }) => *offset,
        Error::Checksum { to, .. } => *to,
        _ => return Ok(false),
    };
    block::is_torn(path, &(stopped.start..stopped.end.max(last + 1)), is_announced)
}

/// Cuts a file. What was there must not come back once others are written: the last one is forced to disk when it is opened to
/// grow, and one that does not grow any more here.
fn cut(path: &Path, len: u64, place: Place) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(len)?;
    if place == Place::LastWritten { file.sync_all() } else { Ok(()) }
}

/// Ends the block that a file ends within: what comes next is no part of it.
fn seal(path: &Path, sums: &mut Checksums) -> io::Result<()> {
    let mut line = Vec::new();
    sums.seal(&mut line, 1);
    OpenOptions::new().append(true).open(path)?.write_all(&line)
}

/// The checksum of a file of commands.
fn sums_of(path: &Path) -> io::Result<Checksums> {
    let mut reader = Reader::new(File::open(path)?, false);
    while let Ok(Some(_)) = reader.next() {}
    Ok(reader.sums())
}

/// Whether a file begins with an RDB, as before Redis 7.0 an AOF could; it is at its start again.
fn begins_with_snapshot(file: &mut File) -> io::Result<bool> {
    use std::io::Read;
    let mut start = Vec::new();
    file.take(5).read_to_end(&mut start)?;
    file.rewind()?;
    Ok(start == b"REDIS" || start == b"VALKE")
}
