//! The server's start: what there is on disk is loaded, and the append-only file goes on where it ended.
//!
//! With `appendonly yes` only the append-only file counts, even if there is none yet, as in Redis.

use std::fs::File;
use std::io;
use std::time::Instant;

use engine::engine::LogLevel;
use engine::{Engine, unix_millis};
use keyspace::View;

use crate::load::{self, Options};
use crate::log::{self, Files, Way};
use crate::save;
use crate::store::Store;

/// What there is on disk to start from.
pub struct Found {
    engine: &'static Engine,
    store: Store,
    data: Data,
}

enum Data {
    Nothing,
    Snapshot(File),
    Log(Files),
}

/// Why the server can't start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The snapshot.
    #[error(transparent)]
    Snapshot(#[from] load::Error),
    /// The append-only file's manifest.
    #[error(transparent)]
    Files(#[from] log::FilesError),
    /// The append-only file.
    #[error(transparent)]
    Log(#[from] log::LoadError),
    /// The append-only file can't be gone on with.
    #[error("Can't open the append-only file: {0}")]
    GoOn(save::Error),
}

impl Error {
    /// What is written to the log, line by line, before the process ends.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Error::Snapshot(error) => error.fatal_lines(),
            Error::Log(log::LoadError::Base(name, error)) => {
                let mut lines = error.fatal_lines();
                lines.push(format!("Error reading the RDB base file {name}, AOF loading aborted"));
                lines
            }
            error => error.to_string().lines().map(str::to_owned).collect(),
        }
    }
}

/// Looks for data to start from: by `dbfilename`, or `appenddirname`, in `dir`, which is the working directory. If there are
/// any, commands that need them are refused from here on until [`Found::load`] is through; so this is called before there are
/// workers.
///
/// # Errors
/// A file is there but can't be opened.
pub fn find(engine: &'static Engine, store: Store) -> Result<Found, Error> {
    let config = engine.config();
    for name in save::temporary::remove_abandoned(&config).unwrap_or_default() {
        let text = format!("Removed {name}, which a save that was ended by force had left behind.");
        engine.host.log(LogLevel::Notice, &text);
    }
    let (data, bytes) = if config.appendonly {
        let files = Files::find(&config)?;
        let bytes = files.size();
        (Data::Log(files), bytes)
    } else {
        let name = config.dbfilename.clone();
        match File::open(&name) {
            Ok(file) => {
                let bytes = file.metadata().map_or(0, |about| about.len());
                (Data::Snapshot(file), bytes)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => (Data::Nothing, 0),
            Err(error) => return Err(load::Error::Open { name, reason: save::reason(&error) }.into()),
        }
    };
    if !matches!(data, Data::Nothing) {
        engine.begin_loading(bytes);
    }
    Ok(Found { engine, store, data })
}

impl Found {
    /// Loads it; from then on every change goes to the append-only file, if there is to be one. `stop` is asked now and then
    /// whether to give up. Answers whether it was not.
    ///
    /// # Errors
    /// What is wrong with the files; a part of the keys is loaded then.
    pub fn load(self, stop: &mut dyn FnMut() -> bool) -> Result<bool, Error> {
        let engine = self.engine;
        let loaded = self.load_data(stop);
        engine.note_saved();
        engine.end_loading();
        match loaded {
            Ok(()) => Ok(true),
            Err(Error::Snapshot(load::Error::Stopped) | Error::Log(log::LoadError::Stopped)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn load_data(self, stop: &mut dyn FnMut() -> bool) -> Result<(), Error> {
        let (engine, started) = (self.engine, Instant::now());
        let source = match self.data {
            Data::Nothing => return Ok(()),
            Data::Snapshot(file) => {
                load::rdb(engine, file, Options { leaves_out_due: true, ..Options::default() }, stop)?;
                "disk"
            }
            Data::Log(files) => {
                let member = engine.keyspace.join();
                let sums = log::load(engine, &files, &mut Way::ByTurns(&member), stop)?;
                let is_empty = files.size() == 0;
                let mut exclusive = engine.keyspace.exclusive(&member);
                let mut view = View::exclusive(&mut exclusive, unix_millis());
                self.store.aof().go_on(&mut view, files, sums).map_err(Error::GoOn)?;
                if is_empty {
                    return Ok(());
                }
                "append only file"
            }
        };
        let seconds = started.elapsed().as_secs_f64();
        engine.host.log(LogLevel::Notice, &format!("DB loaded from {source}: {seconds:.3} seconds"));
        Ok(())
    }
}
