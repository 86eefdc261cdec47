//! Why a load fails, in the words that Redis logs.

use std::io;

use engine::Host;
use engine::engine::LogLevel;
use formats::rdb::file::ReadError;
use formats::rdb::{self, ErrorKind, ModuleId};

/// Why a file could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is there but can't be opened.
    #[error("Fatal error: can't open the RDB file {name} for reading: {reason}")]
    Open {
        /// Its name.
        name: String,
        /// What the system said.
        reason: String,
    },
    /// Bytes could not be read.
    #[error("Short read or OOM loading DB. Unrecoverable error, aborting now. ({0})")]
    Read(io::Error),
    /// The bytes are no RDB, or end too early.
    #[error("{}", in_words(.0))]
    Format(#[from] rdb::Error),
    /// A key of a database that is not there; how many there are.
    #[error(
        "FATAL: Data file was created with a Redis server configured to handle more than {0} databases. Exiting"
    )]
    Databases(u32),
    /// Data of a module beside the keys.
    #[error("The RDB file contains AUX module data I can't load: no matching module '{0}'")]
    ModuleAux(ModuleId),
    /// A key that is there already.
    #[error("RDB has duplicated key '{key}' in DB {db}")]
    Duplicate {
        /// The key.
        key: String,
        /// The database.
        db: u32,
    },
    /// Whoever asked for the load wants it no more.
    #[error("Loading was stopped.")]
    Stopped,
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Error {
        match error {
            ReadError::Io(error) => Error::Read(error),
            ReadError::Format(error) => Error::Format(error),
        }
    }
}

const SHORT: &str = "Short read or OOM loading DB. Unrecoverable error, aborting now.";

fn in_words(error: &rdb::Error) -> String {
    match error.kind {
        ErrorKind::Signature => "Wrong signature trying to load DB from file".into(),
        ErrorKind::Version(version) => format!("Can't handle RDB format version {version}"),
        ErrorKind::Truncated => SHORT.into(),
        ErrorKind::Checksum { computed, found } => {
            format!("Wrong RDB checksum expected: ({computed:x}) but got ({found:x}). Aborting now.")
        }
        ErrorKind::Module(id) => {
            format!("The RDB file contains module data I can't load: no matching module type '{id}'")
        }
        _ => SHORT.into(),
    }
}

impl Error {
    /// Logs what has happened, and that the process ends for it: the lines of a server that was to start with the file.
    pub fn log_as_fatal(&self, host: &dyn Host) {
        let log = |text: &str| host.log(LogLevel::Warning, text);
        log(&self.to_string());
        if let Error::Format(error) = self
            && !error.is_foreign()
        {
            log(&format!("Internal error in RDB reading -> {error}"));
        }
        log(match self {
            Error::Format(error) if !error.is_foreign() => {
                "Terminating server after rdb file reading failure."
            }
            _ => "Fatal error loading the DB, check server logs. Exiting.",
        });
    }
}

/// What kind of failure it is.
trait Failure {
    /// Whether the file is none of ours, rather than a damaged one.
    fn is_foreign(&self) -> bool;
}

impl Failure for rdb::Error {
    fn is_foreign(&self) -> bool {
        matches!(self.kind, ErrorKind::Signature | ErrorKind::Version(_))
    }
}
