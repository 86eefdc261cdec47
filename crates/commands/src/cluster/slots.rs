//! Subcommands of CLUSTER about slots.

use engine::{Arg, Command, Flags};

use super::{CHANGE, SUBCOMMAND, UNSTEADY};

const SLOT: &[Arg] = &[Arg::integer("slot")];
const SLOT_LIST: &[Arg] = &[Arg::integer("slot").multiple()];
const RANGES: &[Arg] =
    &[Arg::block("range", &[Arg::integer("start-slot"), Arg::integer("end-slot")]).multiple()];

/// CLUSTER ADDSLOTS slot [slot ...]
pub const ADDSLOTS: Command = Command {
    name: "addslots",
    summary: "Gives slots that nobody has to the node.",
    complexity: "O(N) where N is the number of slots",
    arity: -3,
    args: SLOT_LIST,
    ..CHANGE
};

/// CLUSTER ADDSLOTSRANGE start-slot end-slot [start-slot end-slot ...]
pub const ADDSLOTSRANGE: Command = Command {
    name: "addslotsrange",
    since: "7.0.0",
    summary: "Gives ranges of slots that nobody has to the node.",
    complexity: "O(N) where N is the number of slots in all ranges",
    arity: -4,
    args: RANGES,
    ..CHANGE
};

/// CLUSTER DELSLOTS slot [slot ...]
pub const DELSLOTS: Command =
    Command { name: "delslots", summary: "Forgets who has some slots.", ..ADDSLOTS };

/// CLUSTER DELSLOTSRANGE start-slot end-slot [start-slot end-slot ...]
pub const DELSLOTSRANGE: Command =
    Command { name: "delslotsrange", summary: "Forgets who has ranges of slots.", ..ADDSLOTSRANGE };

/// CLUSTER FLUSHSLOTS
pub const FLUSHSLOTS: Command =
    Command { name: "flushslots", summary: "Forgets who has any slot.", ..CHANGE };

/// CLUSTER SETSLOT slot IMPORTING node-id | MIGRATING node-id | NODE node-id | STABLE
pub const SETSLOT: Command = Command {
    name: "setslot",
    summary: "Gives a slot to a node, or marks it as on its way.",
    arity: -4,
    args: &[
        Arg::integer("slot"),
        Arg::one_of(
            "subcommand",
            &[
                Arg::string("importing").display("node-id").token("IMPORTING"),
                Arg::string("migrating").display("node-id").token("MIGRATING"),
                Arg::string("node").display("node-id").token("NODE"),
                Arg::word("stable", "STABLE"),
            ],
        ),
    ],
    ..CHANGE
};

/// CLUSTER COUNTKEYSINSLOT slot
pub const COUNTKEYSINSLOT: Command = Command {
    name: "countkeysinslot",
    summary: "Counts the node's keys of a slot.",
    arity: 3,
    args: SLOT,
    ..SUBCOMMAND
};

/// CLUSTER GETKEYSINSLOT slot count
pub const GETKEYSINSLOT: Command = Command {
    name: "getkeysinslot",
    summary: "Answers some of the node's keys of a slot.",
    complexity: "O(N) where N is the number of keys asked for",
    arity: 4,
    args: &[Arg::integer("slot"), Arg::integer("count")],
    tips: UNSTEADY,
    ..SUBCOMMAND
};

/// CLUSTER KEYSLOT key
pub const KEYSLOT: Command = Command {
    name: "keyslot",
    summary: "Answers the slot of a key.",
    complexity: "O(N) where N is the number of bytes in the key",
    arity: 3,
    args: &[Arg::string("key")],
    ..SUBCOMMAND
};

/// CLUSTER SHARDS
pub const SHARDS: Command = Command {
    name: "shards",
    since: "7.0.0",
    summary: "Answers which slots each shard has, and its nodes.",
    complexity: "O(N) where N is the number of nodes",
    flags: Flags::LOADING.union(Flags::STALE),
    tips: UNSTEADY,
    ..SUBCOMMAND
};

/// CLUSTER SLOTS
pub const SLOTS: Command = Command {
    name: "slots",
    since: "3.0.0",
    summary: "Answers which nodes each range of slots has.",
    history: &[("4.0.0", "The nodes' IDs."), ("7.0.0", "More of how each node is reached.")],
    deprecated: Some(("7.0.0", "`CLUSTER SHARDS`")),
    ..SHARDS
};
