//! Every command: its row of metadata beside its handler, family by family.
//!
//! A family is a folder; a file holds one command or a few that share their core. To add a command, write its
//! constant and its handler in one file and list it in the family's `COMMANDS`.

pub mod bitmap;
pub mod cluster;
pub mod connection;
pub mod generic;
pub mod geo;
pub mod hash;
pub mod hyperloglog;
pub mod list;
mod random;
pub mod server;
pub mod set;
pub mod stream;
pub mod string;
pub mod transaction;
pub mod usage;
pub mod zset;

use engine::Command;

/// Every family, in the order of Redis's groups.
pub const FAMILIES: &[&[Command]] = &[
    generic::COMMANDS,
    string::COMMANDS,
    bitmap::COMMANDS,
    zset::COMMANDS,
    geo::COMMANDS,
    hash::COMMANDS,
    list::COMMANDS,
    set::COMMANDS,
    stream::COMMANDS,
    hyperloglog::COMMANDS,
    transaction::COMMANDS,
    connection::COMMANDS,
    server::COMMANDS,
    cluster::COMMANDS,
];
