//! Keys of any type.

mod del;
pub mod expire;
mod ttl;

use engine::Command;

/// The family.
pub const COMMANDS: &[Command] = &[
    del::DEL,
    del::EXISTS,
    del::UNLINK,
    expire::EXPIRE,
    expire::EXPIREAT,
    expire::PERSIST,
    expire::PEXPIRE,
    expire::PEXPIREAT,
    ttl::EXPIRETIME,
    ttl::PEXPIRETIME,
    ttl::PTTL,
    ttl::TTL,
];
