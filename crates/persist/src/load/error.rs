//! Why a load fails, in the words that Redis logs.

use std::io;

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
    /// The lines of the log when the process ends for it: that of a server that was to start with the file.
    pub fn fatal_lines(&self) -> Vec<String> {
        let mut lines = vec![self.to_string()];
        let damaged =
            if let Error::Format(error) = self { Some(error).filter(|e| !is_foreign(e)) } else { None };
        lines.extend(damaged.map(|error| match error.kind {
            ErrorKind::Checksum { .. } => "Internal error in RDB reading: RDB CRC error".into(),
            _ => format!("Internal error in RDB reading: {error}"),
        }));
        lines.push(match damaged {
            Some(_) => "Terminating server after rdb file reading failure.".into(),
            None => "Fatal error loading the DB, check server logs. Exiting.".into(),
        });
        lines
    }
}

/// Whether a file is none that we read, rather than a damaged one.
fn is_foreign(error: &rdb::Error) -> bool {
    matches!(error.kind, ErrorKind::Signature | ErrorKind::Version(_))
}
