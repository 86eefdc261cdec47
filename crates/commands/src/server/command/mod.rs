//! COMMAND: what the server can do, from the table that makes it do it. Redis 7.2.6 `server.c`.

mod docs;
mod getkeys;
mod info;
mod list;

use engine::{Arg, Categories, Command, Flags, Group, Handler};

use crate::usage;

/// COMMAND
pub const COMMAND: Command = Command {
    name: "command",
    since: "2.8.13",
    summary: "Describes all commands.",
    complexity: "O(N) where N is the number of commands",
    arity: -1,
    tips: UNORDERED,
    subcommands: &[
        list::COUNT,
        docs::DOCS,
        getkeys::GETKEYS,
        getkeys::GETKEYSANDFLAGS,
        Command { flags: FLAGS, categories: Categories::CONNECTION, ..usage::help(Group::Server, "5.0.0") },
        info::INFO,
        list::LIST,
    ],
    handler: Handler::Server(info::all),
    ..SUBCOMMAND
};

const FLAGS: Flags = Flags::LOADING.union(Flags::STALE).union(Flags::SENTINEL);
const UNORDERED: &[&str] = &["nondeterministic_output_order"];

/// What they have in common.
const SUBCOMMAND: Command = Command {
    group: Group::Server,
    since: "2.8.13",
    flags: FLAGS,
    categories: Categories::CONNECTION,
    ..Command::DEFAULT
};

/// The commands of INFO and DOCS.
const NAMES: &[Arg] = &[Arg::string("command-name").optional().multiple()];
