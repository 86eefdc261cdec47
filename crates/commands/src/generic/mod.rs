//! Keys of any type.

mod copy;
mod del;
mod dump;
pub mod expire;
mod facts;
mod object;
mod random;
mod rename;
mod scan;
mod sort;
mod ttl;
mod wait;

use engine::Command;

/// The family.
pub const COMMANDS: &[Command] = &[
    copy::COPY,
    copy::MOVE,
    del::DEL,
    del::EXISTS,
    del::UNLINK,
    dump::DUMP,
    dump::RESTORE,
    dump::RESTORE_ASKING,
    expire::EXPIRE,
    expire::EXPIREAT,
    expire::PERSIST,
    expire::PEXPIRE,
    expire::PEXPIREAT,
    facts::TOUCH,
    facts::TYPE,
    object::OBJECT,
    random::RANDOMKEY,
    rename::RENAME,
    rename::RENAMENX,
    scan::KEYS,
    scan::SCAN,
    sort::SORT,
    sort::SORT_RO,
    ttl::EXPIRETIME,
    ttl::PEXPIRETIME,
    ttl::PTTL,
    ttl::TTL,
    wait::WAIT,
    wait::WAITAOF,
];
