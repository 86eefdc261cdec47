//! The server: what it is, what it has done, what it is told to do.

mod command;
mod config;
mod dbsize;
mod debug;
mod flush;
mod info;
mod latency;
mod lolwut;
mod memory;
mod memory_use;
mod module;
mod monitor;
mod persistence;
mod replication;
mod slowlog;

use engine::Command;

/// The family.
pub const COMMANDS: &[Command] = &[
    persistence::BGREWRITEAOF,
    persistence::BGSAVE,
    command::COMMAND,
    config::CONFIG,
    dbsize::DBSIZE,
    debug::DEBUG,
    flush::FLUSHALL,
    flush::FLUSHDB,
    info::INFO,
    persistence::LASTSAVE,
    latency::LATENCY,
    lolwut::LOLWUT,
    memory::MEMORY,
    module::MODULE,
    monitor::MONITOR,
    replication::REPLICAOF,
    replication::ROLE,
    persistence::SAVE,
    persistence::SHUTDOWN,
    replication::SLAVEOF,
    slowlog::SLOWLOG,
    flush::SWAPDB,
    dbsize::TIME,
];
