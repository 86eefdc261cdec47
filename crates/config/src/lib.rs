//! Every directive in one table: file, command line, CONFIG GET, SET and REWRITE derive from it.
//!
//! The table is [`PARAMS`], declared together with the typed fields of [`Config`] in `table.rs`: a row is a
//! directive's name, type, default, limits, flags and documentation, and nothing about a directive stands anywhere
//! else. A `Config` is an immutable snapshot: the server shares one behind an `Arc`, and CONFIG SET makes a changed
//! copy ([`set`]), applies it, and publishes it.
//!
//! Names, defaults, limits and messages are those of Redis 7.4 (the messages were taken from a running 7.0.15, see
//! `tests/`). One default differs: `io-threads` is the number of cores.
//!
//! - `table.rs`, `param.rs`: the rows and what a row is.
//! - `value.rs`, `enums.rs`, `flags.rs`, `special.rs`, `check.rs`: the types of values, their parsing and printing.
//! - `access.rs`: CONFIG GET and SET.
//! - `file.rs`, `args.rs`: loading from files, standard input and the command line.
//! - `rewrite.rs`: CONFIG REWRITE.
//! - `sample.rs`: the commented `carnelian.conf`, printed from the table.
//! - `quote.rs`: words and quotes of configuration lines.

mod access;
mod args;
mod check;
mod enums;
mod file;
mod flags;
mod param;

mod rewrite;
mod sample;
mod special;
mod table;
mod value;

pub use access::{Caller, Glob, SetError, get, set};
pub use args::Sources;
pub use check::expand_title;
pub use enums::{
    AppendFsync, DisklessLoad, EndpointType, EvictionPolicy, LogLevel, OomScoreAdj, PropagationError,
    ProtectedAction, PubsubDefault, RdbVersion, SanitizeDumpPayload, Supervised, SyslogFacility,
    TlsAuthClients,
};
pub use file::{Directive, LoadError, Loaded, Origin};
pub use flags::{NotifyEvents, ShutdownFlags};
pub use param::{Acts, Flags, Param, is_sensitive};
pub use resp::words::{quoted, split as split_words};
pub use rewrite::{Extra, rewrite, rewrite_file, write_atomically};
pub use sample::sample_file;
pub use special::{ClientClass, MemoryOrPercent, OutputLimit, ReplicaOf, SavePoint};
pub use table::{Config, PARAMS};
pub use value::{Kind, Reason, Secret, Unit, parse_memory};
