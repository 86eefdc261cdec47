//! Loading an append-only file: the base, then every increment, each command through the pipeline.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek};
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use engine::apply::{Applier, Inapplicable};
use engine::engine::LogLevel;
use engine::{Engine, unix_millis};
use formats::aof::{self, Checksums, ErrorKind, ReadError, Reader, Record};
use keyspace::{Member, View};

use super::Files;
use crate::load::delay::{self, KeyDelay};
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
        delay: KeyDelay::new(engine),
        applier: Applier::new(engine),
        done: 0,
        chunk: Vec::new(),
    };
    let all: Vec<_> = files.manifest.files().collect();
    let has_base = files.manifest.base().is_some();
    let mut sums = None;
    for (number, file) in all.iter().enumerate() {
        let (started, is_last) = (Instant::now(), number + 1 == all.len());
        let name = String::from_utf8_lossy(&file.name).into_owned();
        let kind = if number == 0 && has_base { "base" } else { "incr" };
        let found = loader.file(&files.path(file), &name, is_last)?;
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
}

impl Loader<'_, '_, '_> {
    fn log(&self, level: LogLevel, text: &str) {
        self.engine.host.log(level, text);
    }

    /// Loads one file.
    fn file(&mut self, path: &Path, name: &str, is_last: bool) -> Result<Checksums, Error> {
        let missing = |error: io::Error| Error::Missing(name.to_owned(), reason(&error));
        let mut file = File::open(path).map_err(missing)?;
        let failed = |error: io::Error| Error::Read(name.to_owned(), reason(&error));
        let len = file.metadata().map_err(failed)?.len();
        let mut reader = if begins_with_snapshot(&mut file).map_err(failed)? {
            self.snapshot(file, name)?
        } else {
            Reader::new(file, self.verifies)
        };
        let (valid, read) = self.commands(&mut reader, name);
        let mut sums = reader.sums();
        match read {
            Err(Error::Truncated(_)) if !is_last => return Err(Error::TruncatedBefore),
            Err(Error::Truncated(_)) if self.engine.config().aof_load_truncated => {
                self.log(
                    LogLevel::Warning,
                    &format!("!!! Warning: short read while loading the AOF file {name}!!!"),
                );
                self.log(LogLevel::Warning, &format!("!!! Truncating the AOF {name} at offset {valid} !!!"));
                let cut = OpenOptions::new().write(true).open(path).and_then(|file| file.set_len(valid));
                cut.map_err(failed)?;
                self.log(
                    LogLevel::Warning,
                    &format!("AOF {name} loaded anyway because aof-load-truncated is enabled"),
                );
                if valid < sums.offset() {
                    sums = sums_of(path).map_err(failed)?;
                }
            }
            other => other?,
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

    /// Applies the commands of a file. Answers up to where it is whole, transactions included.
    fn commands(&mut self, reader: &mut Reader<File>, name: &str) -> (u64, Result<(), Error>) {
        // Where the transaction begins that has not ended.
        let mut begun = None;
        let read = loop {
            let (before, mut delay) = (reader.offset(), None);
            match reader.next() {
                Ok(Some(Record::Command(args))) => {
                    aof::command(&mut self.chunk, args.iter());
                    delay = self.delay.after_key(self.engine);
                    if args.at(0).eq_ignore_ascii_case(b"MULTI") {
                        begun = Some(before);
                    } else if args.at(0).eq_ignore_ascii_case(b"EXEC") {
                        begun = None;
                    }
                }
                Ok(Some(Record::Other(line))) if aof::is_checksum(line) => self.pass_over(name, before),
                Ok(Some(_)) => {}
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
            if self.chunk.len() < CHUNK && delay.is_none() {
                continue;
            }
            let applied = self.apply(name, reader.offset()).and_then(|()| self.wait(delay));
            if let Err(error) = applied {
                return (before, Err(error));
            }
        };
        let whole = begun.unwrap_or_else(|| reader.offset());
        if let Err(error) = self.apply(name, reader.offset()) {
            return (whole, Err(error));
        }
        let read = match read {
            Ok(()) if begun.is_none() => Ok(()),
            Ok(()) => {
                self.log(
                    LogLevel::Warning,
                    &format!("Revert incomplete MULTI/EXEC transaction in AOF file {name}"),
                );
                Err(Error::Truncated(name.to_owned()))
            }
            Err(error) => Err(Error::from((name, error))),
        };
        (whole, read)
    }

    fn wait(&mut self, delay: Option<Duration>) -> Result<(), Error> {
        match delay.is_none_or(|delay| delay::wait(delay, self.stop)) {
            true => Ok(()),
            false => Err(Error::Stopped),
        }
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

    fn apply(&mut self, name: &str, offset: u64) -> Result<(), Error> {
        let chunk = std::mem::take(&mut self.chunk);
        let (engine, applier) = (self.engine, &mut self.applier);
        let applied = match self.way {
            Way::View(view) => applier.apply(engine, view, &chunk),
            Way::ByTurns(member) => {
                let mut exclusive = engine.keyspace.exclusive(member);
                applier.apply(engine, &mut View::exclusive(&mut exclusive, unix_millis()), &chunk)
            }
        };
        applied.map_err(|error| Error::Command(name.to_owned(), error))?;
        self.chunk = chunk;
        self.chunk.clear();
        engine.loading.loaded_bytes.store(self.done + offset, Relaxed);
        if (self.stop)() { Err(Error::Stopped) } else { Ok(()) }
    }
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
