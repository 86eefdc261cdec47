//! What can go wrong, in words for the user; none of them holds a password.

use std::io;
use std::process::ExitCode;

/// Why a task ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line asks for what does not go together.
    #[error("{0}")]
    Usage(String),
    /// A URL or path that is none of ours.
    #[error("bad address: {0}")]
    Address(String),
    /// No connection to the server, or it broke.
    #[error("{server}: {what}")]
    Server {
        /// Its URL, without credentials.
        server: String,
        /// What happened.
        what: String,
    },
    /// The server answered a command with an error.
    #[error("{server} answered {command}: {text}")]
    Refused {
        /// Its URL, without credentials.
        server: String,
        /// The command's name.
        command: &'static str,
        /// Its words.
        text: String,
    },
    /// A file or folder of this machine.
    #[error("{what}: {source}")]
    File {
        /// Which, and what was done with it.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// The place of the backups.
    #[error("{0}")]
    Store(String),
    /// There is no such backup.
    #[error("{0}")]
    Missing(String),
    /// The bytes are not those of a whole, sound snapshot.
    #[error("damaged: {0}")]
    Damaged(String),
    /// Encryption: the wrong passphrase or key, or none.
    #[error("{0}")]
    Key(String),
    /// Something is there already, and stays.
    #[error("{0}")]
    InTheWay(String),
    /// A restore went on past keys that it could not restore.
    #[error("{0}")]
    Incomplete(String),
}

/// What a task gives.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// 2 for a wrong command line, 3 for damage, 1 for everything else.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Error::Usage(_) | Error::Address(_) => ExitCode::from(2),
            Error::Damaged(_) => ExitCode::from(3),
            _ => ExitCode::FAILURE,
        }
    }

    /// The error of a URL.
    pub fn address(malformed: endpoint::Malformed) -> Self {
        Error::Address(malformed.to_string())
    }

    /// An error on a file; `what` says which, and what was done with it.
    pub fn file(what: impl std::fmt::Display) -> impl FnOnce(io::Error) -> Self {
        let what = what.to_string();
        move |source| Error::File { what, source }
    }

    /// The error that went through a chain of readers or writers; one of the chain itself means that the bytes are damaged.
    pub fn from_chain(error: io::Error) -> Self {
        match error.downcast::<Error>() {
            Ok(error) => error,
            Err(error) => Error::Damaged(error.to_string()),
        }
    }
}

/// Through a chain of readers or writers, until [`Error::from_chain`].
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        io::Error::other(error)
    }
}
