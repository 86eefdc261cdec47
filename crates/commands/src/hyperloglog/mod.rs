//! HyperLogLogs: strings that count distinct elements (see [`data::hyperloglog`]).

mod add;
mod count;
mod debug;
mod merge;

use data::hyperloglog::{Corrupt, Hyperloglog, HyperloglogRef};
use engine::{Command, Error, KeyCx};
use keyspace::{Expire, NewValue, Str};

/// The family.
pub const COMMANDS: &[Command] =
    &[add::PFADD, count::PFCOUNT, debug::PFDEBUG, debug::PFSELFTEST, merge::PFMERGE];

/// The HyperLogLog that a string is.
fn parse(value: Str<'_>) -> Result<HyperloglogRef<'_>, Error> {
    let log = if let Str::Bytes(bytes) = value { HyperloglogRef::parse(bytes) } else { None };
    log.ok_or(Error::text("WRONGTYPE Key is not a valid HyperLogLog string value."))
}

/// An error where registers turn out to be corrupt.
fn sound<T>(result: Result<T, Corrupt>) -> Result<T, Error> {
    result.map_err(|Corrupt| Error::text("INVALIDOBJ Corrupted HLL object detected"))
}

/// Puts a HyperLogLog at a key, whose expiry stays.
fn store(cx: &mut KeyCx, key: &[u8], log: Hyperloglog) {
    cx.view.set(key, NewValue::modified_vec(&mut log.into_bytes()), Expire::Keep);
}
