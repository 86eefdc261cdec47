//! CLIENT: what a connection may say of itself, and of others. Redis 7.2.6 `networking.c`, with 7.4's additions.

mod kill;
mod line;
mod list;
mod modes;
pub mod names;
mod pause;
mod tracking;
mod unblock;

use engine::{Arg, Command, Error, Flags, Group, State};

use crate::usage;

/// CLIENT
pub const CLIENT: Command = Command {
    name: "client",
    group: Group::Connection,
    since: "2.4.0",
    summary: "Looks at connections and steers them.",
    complexity: "Depends on subcommand.",
    arity: -2,
    flags: Flags::SENTINEL,
    subcommands: &[
        tracking::CACHING,
        names::GETNAME,
        tracking::GETREDIR,
        Command { flags: HELP_FLAGS, ..usage::help(Group::Connection, "5.0.0") },
        names::ID,
        list::INFO,
        kill::KILL,
        list::LIST,
        modes::NO_EVICT,
        modes::NO_TOUCH,
        pause::PAUSE,
        modes::REPLY,
        names::SETINFO,
        names::SETNAME,
        tracking::TRACKING,
        tracking::TRACKINGINFO,
        unblock::UNBLOCK,
        pause::UNPAUSE,
    ],
    ..Command::DEFAULT
};

const HELP_FLAGS: Flags = Flags::LOADING.union(Flags::STALE).union(Flags::SENTINEL);
/// What most subcommands have.
const FLAGS: Flags = HELP_FLAGS.union(Flags::NOSCRIPT);
/// Of those that reach for other clients.
const ADMIN: Flags = FLAGS.union(Flags::ADMIN);

/// What subcommands have in common.
const SUBCOMMAND: Command = Command { group: Group::Connection, arity: 2, flags: FLAGS, ..Command::DEFAULT };

/// `ON` or `OFF`.
const ON_OFF: &[Arg] = &[Arg::word("on", "ON"), Arg::word("off", "OFF")];

/// What a client is for, as CLIENT LIST and KILL choose by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClientType {
    Normal,
    Primary,
    Replica,
    Pubsub,
}

impl ClientType {
    fn parse(name: &[u8]) -> Result<ClientType, Error> {
        match &name.to_ascii_lowercase()[..] {
            b"normal" => Ok(ClientType::Normal),
            b"master" => Ok(ClientType::Primary),
            b"replica" | b"slave" => Ok(ClientType::Replica),
            b"pubsub" => Ok(ClientType::Pubsub),
            _ => {
                let name = String::from_utf8_lossy(name);
                Err(Error::err(format_args!("Unknown client type '{name}'")))
            }
        }
    }

    fn of(state: State) -> ClientType {
        if state.contains(State::REPLICA) {
            ClientType::Replica
        } else if state.contains(State::PUBSUB) {
            ClientType::Pubsub
        } else {
            ClientType::Normal
        }
    }
}
