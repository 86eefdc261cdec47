//! Streams: `XADD` and its kin.
//!
//! What is added and deleted is told to WATCH; what only concerns groups and their consumers is not, as in Redis.

mod ack;
mod add;
mod claim;
mod delete;
mod effects;
mod group;
mod ids;
mod info;
mod pending;
mod range;
mod read;
mod read_group;
mod trim;

use std::borrow::Cow;

use config::NotifyEvents;
use data::Stream;
use engine::{Command, Error, KeyCx};
use keyspace::Missing;
use resp::Encoder;

/// The family.
pub const COMMANDS: &[Command] = &[
    ack::XACK,
    add::XADD,
    claim::XAUTOCLAIM,
    claim::XCLAIM,
    delete::XDEL,
    group::XGROUP,
    info::XINFO,
    range::XLEN,
    pending::XPENDING,
    range::XRANGE,
    read::XREAD,
    read_group::XREADGROUP,
    range::XREVRANGE,
    delete::XSETID,
    trim::XTRIM,
];

/// Lets `work` change a stream without telling WATCH; what has changed is for the caller to count and to tell. Answers
/// what `work` does; `None` where there is no key.
fn modify_unwatched<'c, R>(
    cx: &mut KeyCx<'c, '_>,
    key: &[u8],
    work: impl FnOnce(&mut Stream, &mut Encoder<'c>) -> Result<R, Error>,
) -> Result<Option<R>, Error> {
    cx.modify(key, Missing::Skip, (NotifyEvents::STREAM, ""), |stream, change| work(stream, change.reply))?
        .transpose()
}

/// There is no such key, or no such group; `place` is what else there is to say.
fn no_group(key: &[u8], group: &[u8], place: &str) -> Error {
    let (key, group) = (shown(key), shown(group));
    Error::Other(format!("NOGROUP No such key '{key}' or consumer group '{group}'{place}").into())
}

/// The stream has no such group.
fn no_group_of(key: &[u8], group: &[u8]) -> Error {
    let (key, group) = (shown(key), shown(group));
    Error::Other(format!("NOGROUP No such consumer group '{group}' for key name '{key}'").into())
}

/// A name as errors show it: as in Redis, up to a zero byte.
fn shown(name: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(name.split(|byte| *byte == 0).next().unwrap_or_default())
}
