//! Strings.

mod counter;
mod get;
mod set;

use engine::Command;

/// The family.
pub const COMMANDS: &[Command] = &[
    get::GET,
    get::MGET,
    set::SET,
    set::MSET,
    counter::INCR,
    counter::DECR,
    counter::INCRBY,
    counter::DECRBY,
];
