//! What goes wrong with a command: the errors clients see. Their texts are API and stand here, once.
//!
//! The text begins with the error's code (`ERR`, `WRONGTYPE`, ...), as INFO errorstats counts them.

use std::borrow::Cow;

use keyspace::WrongType;

/// What a handler returns: its reply is written, or this error is the reply.
pub type Outcome = Result<(), Error>;

/// An error reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The key holds another type.
    #[error("WRONGTYPE Operation against a key holding the wrong kind of value")]
    WrongType,
    /// An argument or a value is no integer, or beyond 64 bits.
    #[error("ERR value is not an integer or out of range")]
    NotInteger,
    /// An argument or a value is no number.
    #[error("ERR value is not a valid float")]
    NotFloat,
    /// An argument is not between these two.
    #[error("ERR value is out of range, value must between {0} and {1}")]
    NotBetween(i64, i64),
    /// A negative number where only others make sense.
    #[error("ERR value is out of range, must be positive")]
    NotPositive,
    /// Arguments that do not fit the grammar.
    #[error("ERR syntax error")]
    Syntax,
    /// The key must be there and is not.
    #[error("ERR no such key")]
    NoSuchKey,
    /// INCR and its kin beyond 64 bits.
    #[error("ERR increment or decrement would overflow")]
    Overflow,
    /// INCRBYFLOAT beyond what a number can be.
    #[error("ERR increment would produce NaN or Infinity")]
    NanOrInfinity,
    /// A string beyond proto-max-bulk-len.
    #[error("ERR string exceeds maximum allowed size (proto-max-bulk-len)")]
    StringTooLong,
    /// A database number beyond `databases`.
    #[error("ERR DB index is out of range")]
    DbIndex,
    /// Source and destination are one.
    #[error("ERR source and destination objects are the same")]
    SameObject,
    /// A time to live that is not above zero, or beyond what a time can be.
    #[error("ERR invalid expire time in '{0}' command")]
    InvalidExpire(&'static str),
    /// RESTORE onto a key that is there.
    #[error("BUSYKEY Target key name already exists.")]
    BusyKey,
    /// RESTORE of a payload whose value is damaged; how, for the log.
    #[error("ERR Bad data format")]
    BadData(String),
    /// Wrong number of arguments; the full name, with a bar before a subcommand.
    #[error("ERR wrong number of arguments for '{0}' command")]
    Arity(String),
    /// No command of this name; what was sent, shortened.
    #[error("ERR unknown command '{name}', with args beginning with: {args}")]
    UnknownCommand {
        /// The name sent.
        name: String,
        /// The first arguments, quoted.
        args: String,
    },
    /// No such subcommand.
    #[error("ERR unknown subcommand '{sub}'. Try {command} HELP.")]
    UnknownSubcommand {
        /// The name sent.
        sub: String,
        /// The container, in capitals.
        command: String,
    },
    /// A change while snapshots can't be written.
    #[error(
        "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may modify the data set are disabled, because this instance is configured to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error."
    )]
    SnapshotFailed,
    /// A change while the append-only file can't be written: why.
    #[error("MISCONF Errors writing to the AOF file: {0}")]
    LogFailed(String),
    /// The client must authenticate first.
    #[error("NOAUTH Authentication required.")]
    NoAuth,
    /// A wrong password or an unknown user; nobody is told which.
    #[error("WRONGPASS invalid username-password pair or user is disabled.")]
    WrongPass,
    /// A queued command was refused.
    #[error("EXECABORT Transaction discarded because of previous errors.")]
    ExecAbort,
    /// A command that is not allowed between MULTI and EXEC.
    #[error("ERR Command not allowed inside a transaction")]
    NotInTransaction,
    /// A command of Redis Cluster on an instance that is not part of one.
    #[error("ERR This instance has cluster support disabled")]
    NoCluster,
    /// Memory is full, and the command would take more.
    #[error("OOM command not allowed when used memory > 'maxmemory'.")]
    OutOfMemory,
    /// Anything else, with its code.
    #[error("{0}")]
    Other(Cow<'static, str>),
}

impl Error {
    /// What EXEC answers when it is itself refused, which ends the transaction.
    pub fn exec_abort(why: &Error) -> Error {
        let why = why.to_string();
        let why = why.strip_prefix("ERR ").unwrap_or(&why);
        Error::Other(format!("EXECABORT Transaction discarded because of: {why}").into())
    }

    /// An error with the code ERR.
    pub fn err(text: impl std::fmt::Display) -> Error {
        Error::Other(format!("ERR {text}").into())
    }

    /// A fixed text, its code included.
    pub const fn text(text: &'static str) -> Error {
        Error::Other(Cow::Borrowed(text))
    }

    /// The code: the text's first word.
    pub fn code(text: &str) -> &str {
        text.split(' ').next().unwrap_or(text)
    }
}

impl From<WrongType> for Error {
    fn from(_: WrongType) -> Error {
        Error::WrongType
    }
}
