//! The command contract and the one pipeline every command goes through.
//!
//! - [`command`]: what a command is, one constant each; [`table`]: all of them by name.
//! - [`cx`]: what handlers see; [`error`]: what they may answer instead of a reply; [`args`]: how they read arguments;
//!   [`keys`]: which of them are keys.
//! - [`batch`]: what clients have sent; [`pipeline`]: prefetch, check, lock, run, log; [`checks`] says who may run what.
//! - [`engine`]: what the process shares: keyspace, [`client`]s, the replication [`log`], and what it knows of itself:
//!   [`stats`] and their [`rates`], [`slowlog`], [`latency`], [`cpu_time`].
//! - [`loading`]: what is known of a load from disk while it goes on.
//! - [`eviction`] makes room when memory is full; [`lazy_free`] frees what is large where it hurts nobody.

pub mod apply;
pub mod args;
pub mod batch;
pub mod blocking;
pub mod checks;
pub mod client;
pub mod command;
pub mod cpu_time;
pub mod cx;
pub mod engine;
pub mod error;
pub mod error_counts;
pub mod eviction;
pub mod keys;
pub mod latency;
pub mod lazy_free;
pub mod loading;
pub mod log;
pub mod monitors;
pub mod persistence;
pub mod pipeline;
pub mod rates;
pub mod secrets;
pub mod slowlog;
pub mod stats;
pub mod table;
pub mod testing;
pub mod transaction;

pub use batch::{Batch, Peer, Peers};
pub use client::{Client, State};
pub use command::{Arg, ArgKind, Categories, Command, Elements, Flags, Group, Handler, KeyFlags, KeySpec};
pub use cx::{KeyCx, ServerCx, limits};
pub use engine::{CARNELIAN_VERSION, Engine, Host, REDIS_VERSION, unix_micros, unix_millis};
pub use error::{Error, Outcome};
pub use pipeline::Executor;
