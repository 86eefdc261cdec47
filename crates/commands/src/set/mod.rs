//! Sets: `SADD` and its kin.

mod combine;
mod member;
mod pop;
mod scan;

use engine::Command;

/// The family.
pub const COMMANDS: &[Command] = &[
    member::SADD,
    member::SCARD,
    combine::SDIFF,
    combine::SDIFFSTORE,
    combine::SINTER,
    combine::SINTERCARD,
    combine::SINTERSTORE,
    member::SISMEMBER,
    member::SMEMBERS,
    member::SMISMEMBER,
    member::SMOVE,
    pop::SPOP,
    pop::SRANDMEMBER,
    member::SREM,
    scan::SSCAN,
    combine::SUNION,
    combine::SUNIONSTORE,
];
