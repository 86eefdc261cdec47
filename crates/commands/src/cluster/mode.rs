//! ASKING, READONLY and READWRITE: how a connection means to be served by a node.

use engine::{Categories, Command, Flags};

use super::SUBCOMMAND;

/// ASKING
pub const ASKING: Command = Command {
    name: "asking",
    summary: "Announces that the next command follows an -ASK redirection.",
    arity: 1,
    flags: Flags::FAST,
    categories: Categories::CONNECTION,
    ..SUBCOMMAND
};

/// READONLY
pub const READONLY: Command = Command {
    name: "readonly",
    summary: "Lets a replica's node answer the connection's reads.",
    arity: 1,
    flags: Flags::FAST.union(Flags::LOADING).union(Flags::STALE),
    categories: Categories::CONNECTION,
    ..SUBCOMMAND
};

/// READWRITE
pub const READWRITE: Command = Command { name: "readwrite", summary: "Takes READONLY back.", ..READONLY };
