//! Subcommands of CLUSTER about nodes.

use engine::{Arg, Command, Flags};

use super::{CHANGE, SUBCOMMAND, UNSTEADY};

const NODE_ID: &[Arg] = &[Arg::string("node-id")];
const BY_NODES: &str = "O(N) where N is the number of nodes";
const BY_REPLICAS: &str = "O(N) where N is the number of replicas";

/// CLUSTER BUMPEPOCH
pub const BUMPEPOCH: Command =
    Command { name: "bumpepoch", summary: "Raises the configuration epoch.", tips: UNSTEADY, ..CHANGE };

/// CLUSTER COUNT-FAILURE-REPORTS node-id
pub const COUNT_FAILURE_REPORTS: Command = Command {
    name: "count-failure-reports",
    summary: "Counts the nodes that report a node as failing.",
    complexity: "O(N) where N is the number of reports",
    arity: 3,
    flags: Flags::ADMIN.union(Flags::STALE),
    args: NODE_ID,
    tips: UNSTEADY,
    ..SUBCOMMAND
};

/// CLUSTER FAILOVER [FORCE | TAKEOVER]
pub const FAILOVER: Command = Command {
    name: "failover",
    summary: "Lets a replica take its primary's place.",
    arity: -2,
    args: &[
        Arg::one_of("options", &[Arg::word("force", "FORCE"), Arg::word("takeover", "TAKEOVER")]).optional()
    ],
    ..CHANGE
};

/// CLUSTER FORGET node-id
pub const FORGET: Command = Command {
    name: "forget",
    summary: "Takes a node out of the cluster.",
    arity: 3,
    args: NODE_ID,
    ..CHANGE
};

/// CLUSTER INFO
pub const INFO: Command =
    Command { name: "info", summary: "Describes the state of the cluster.", tips: UNSTEADY, ..SUBCOMMAND };

/// CLUSTER LINKS
pub const LINKS: Command = Command {
    name: "links",
    since: "7.0.0",
    summary: "Lists the connections from and to other nodes.",
    complexity: BY_NODES,
    tips: UNSTEADY,
    ..SUBCOMMAND
};

/// CLUSTER MEET ip port [cluster-bus-port]
pub const MEET: Command = Command {
    name: "meet",
    summary: "Joins the node with another.",
    arity: -4,
    args: &[
        Arg::string("ip"),
        Arg::integer("port"),
        Arg::integer("cluster-bus-port").optional().since("4.0.0"),
    ],
    history: &[("4.0.0", "The port of the cluster bus.")],
    ..CHANGE
};

/// CLUSTER MYID
pub const MYID: Command = Command { name: "myid", summary: "Answers the node's ID.", ..SUBCOMMAND };

/// CLUSTER MYSHARDID
pub const MYSHARDID: Command = Command {
    name: "myshardid",
    since: "7.2.0",
    summary: "Answers the ID of the node's shard.",
    tips: UNSTEADY,
    ..SUBCOMMAND
};

/// CLUSTER NODES
pub const NODES: Command = Command {
    name: "nodes",
    summary: "Lists the nodes with their slots, one a line.",
    complexity: BY_NODES,
    tips: UNSTEADY,
    ..SUBCOMMAND
};

/// CLUSTER REPLICAS node-id
pub const REPLICAS: Command = Command {
    name: "replicas",
    since: "5.0.0",
    summary: "Lists the replicas of a node.",
    complexity: BY_REPLICAS,
    arity: 3,
    flags: Flags::ADMIN.union(Flags::STALE),
    args: NODE_ID,
    tips: UNSTEADY,
    ..SUBCOMMAND
};

/// CLUSTER SLAVES node-id
pub const SLAVES: Command =
    Command { name: "slaves", since: "3.0.0", deprecated: Some(("5.0.0", "`CLUSTER REPLICAS`")), ..REPLICAS };

/// CLUSTER REPLICATE node-id
pub const REPLICATE: Command = Command {
    name: "replicate",
    summary: "Makes the node a replica of another.",
    arity: 3,
    args: NODE_ID,
    ..CHANGE
};

/// CLUSTER RESET [HARD | SOFT]
pub const RESET: Command = Command {
    name: "reset",
    summary: "Lets the node forget the cluster.",
    complexity: "O(N) where N is the number of known nodes; a replica also drops its keys",
    arity: -2,
    flags: Flags::ADMIN.union(Flags::STALE).union(Flags::NOSCRIPT),
    args: &[Arg::one_of("reset-type", &[Arg::word("hard", "HARD"), Arg::word("soft", "SOFT")]).optional()],
    ..SUBCOMMAND
};

/// CLUSTER SAVECONFIG
pub const SAVECONFIG: Command =
    Command { name: "saveconfig", summary: "Writes the node's view of the cluster to disk.", ..CHANGE };

/// CLUSTER SET-CONFIG-EPOCH config-epoch
pub const SET_CONFIG_EPOCH: Command = Command {
    name: "set-config-epoch",
    summary: "Sets the configuration epoch of a new node.",
    arity: 3,
    args: &[Arg::integer("config-epoch")],
    ..CHANGE
};
