//! Redis Cluster: the commands are known, with Redis 7.4's facts, and refuse as those of an instance that is
//! not part of a cluster.

mod mode;
mod nodes;
mod slots;

use engine::{Command, Error, Flags, Group, Handler, Outcome, ServerCx};

use crate::usage;

/// The family.
pub const COMMANDS: &[Command] = &[mode::ASKING, CLUSTER, mode::READONLY, mode::READWRITE];

/// CLUSTER
const CLUSTER: Command = Command {
    name: "cluster",
    summary: "Looks at a cluster and changes it.",
    complexity: "Depends on subcommand.",
    arity: -2,
    flags: Flags::empty(),
    subcommands: &[
        slots::ADDSLOTS,
        slots::ADDSLOTSRANGE,
        nodes::BUMPEPOCH,
        nodes::COUNT_FAILURE_REPORTS,
        slots::COUNTKEYSINSLOT,
        slots::DELSLOTS,
        slots::DELSLOTSRANGE,
        nodes::FAILOVER,
        slots::FLUSHSLOTS,
        nodes::FORGET,
        slots::GETKEYSINSLOT,
        usage::help(Group::Cluster, "5.0.0"),
        nodes::INFO,
        slots::KEYSLOT,
        nodes::LINKS,
        nodes::MEET,
        nodes::MYID,
        nodes::MYSHARDID,
        nodes::NODES,
        nodes::REPLICAS,
        nodes::REPLICATE,
        nodes::RESET,
        nodes::SAVECONFIG,
        nodes::SET_CONFIG_EPOCH,
        slots::SETSLOT,
        slots::SHARDS,
        nodes::SLAVES,
        slots::SLOTS,
    ],
    handler: Handler::Container,
    ..SUBCOMMAND
};

/// What they have in common.
const SUBCOMMAND: Command = Command {
    group: Group::Cluster,
    since: "3.0.0",
    arity: 2,
    flags: Flags::STALE,
    handler: Handler::Server(refuse),
    ..Command::DEFAULT
};

/// What those that change the cluster have in common.
const CHANGE: Command =
    Command { flags: Flags::NO_ASYNC_LOADING.union(Flags::ADMIN).union(Flags::STALE), ..SUBCOMMAND };

const UNSTEADY: &[&str] = &["nondeterministic_output"];

fn refuse(_: &mut ServerCx) -> Outcome {
    Err(Error::NoCluster)
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn refused_outside_a_cluster() {
        let mut t = Tester::new(crate::FAMILIES);
        for line in ["CLUSTER KEYSLOT a", "CLUSTER INFO", "CLUSTER SLOTS", "ASKING", "READONLY", "READWRITE"]
        {
            t.check(line, "-ERR This instance has cluster support disabled");
        }
        t.check("CLUSTER nosuch", "-ERR unknown subcommand 'nosuch'. Try CLUSTER HELP.");
        t.check("CLUSTER KEYSLOT", "-ERR wrong number of arguments for 'cluster|keyslot' command");
        let help = t.reply("CLUSTER HELP");
        assert!(help.starts_with("[+CLUSTER <subcommand> [<arg> [value] [opt] ...]. Subcommands are:, "));
        let slot = "+SETSLOT <slot> (IMPORTING <node-id>|MIGRATING <node-id>|NODE <node-id>|STABLE), ";
        assert!(help.contains(slot), "{help}");
        assert!(help.ends_with(", +HELP, +    Describes the subcommands.]"), "{help}");
    }
}
