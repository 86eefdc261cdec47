//! Hashes: `HSET` and its kin.
//!
//! A field that is due goes when a command names it, as in Redis, or by the clock; until then HLEN counts it and nothing
//! else shows it.

mod exchange;
mod expire;
mod number;
mod random;
mod read;
mod scan;
mod ttl;
mod write;

use data::Hash;
use engine::{Command, Error, KeyCx};
use keyspace::View;
use resp::Args;

/// The family.
pub const COMMANDS: &[Command] = &[
    write::HDEL,
    read::HEXISTS,
    expire::HEXPIRE,
    expire::HEXPIREAT,
    ttl::HEXPIRETIME,
    read::HGET,
    read::HGETALL,
    exchange::HGETDEL,
    exchange::HGETEX,
    number::HINCRBY,
    number::HINCRBYFLOAT,
    read::HKEYS,
    read::HLEN,
    read::HMGET,
    write::HMSET,
    expire::HPERSIST,
    expire::HPEXPIRE,
    expire::HPEXPIREAT,
    ttl::HPEXPIRETIME,
    ttl::HPTTL,
    random::HRANDFIELD,
    scan::HSCAN,
    write::HSET,
    exchange::HSETEX,
    write::HSETNX,
    read::HSTRLEN,
    ttl::HTTL,
    read::HVALS,
];

/// Removes those of the named fields that are due.
fn forget_due<'f>(view: &mut View, key: &[u8], fields: impl Iterator<Item = &'f [u8]>) {
    view.expire_fields(key, |hash: &mut Hash, now| hash.take_due(fields, now));
}

/// The fields behind FIELDS at `at` and their number, of which each takes `width` arguments; these must be the last.
fn counted_fields<'a>(
    cx: &KeyCx<'a, '_>,
    at: usize,
    width: usize,
    not_positive: Error,
) -> Result<Args<'a>, Error> {
    if !cx.args.get(at).is_some_and(|word| engine::args::is(word, "FIELDS")) {
        return Err(Error::text("ERR Mandatory argument FIELDS is missing or not at the right position"));
    }
    let count = cx.args.get(at + 1).and_then(keyspace::parse_integer).filter(|count| *count > 0);
    let (count, fields) = (count.ok_or(not_positive)?, cx.args.from(at + 2));
    if usize::try_from(count).ok().and_then(|count| count.checked_mul(width)) != Some(fields.len()) {
        return Err(Error::text("ERR The `numfields` parameter must match the number of arguments"));
    }
    Ok(fields)
}
