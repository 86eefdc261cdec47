//! Hashes: `HSET` and its kin.

mod number;
mod random;
mod read;
mod scan;
mod write;

use engine::Command;

/// The family.
pub const COMMANDS: &[Command] = &[
    write::HDEL,
    read::HEXISTS,
    read::HGET,
    read::HGETALL,
    number::HINCRBY,
    number::HINCRBYFLOAT,
    read::HKEYS,
    read::HLEN,
    read::HMGET,
    write::HMSET,
    random::HRANDFIELD,
    scan::HSCAN,
    write::HSET,
    write::HSETNX,
    read::HSTRLEN,
    read::HVALS,
];
