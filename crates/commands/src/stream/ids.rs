//! IDs as arguments, and entries as replies.

use std::ops::RangeInclusive;

use data::stream::{Entry, StreamId};
use engine::Error;
use resp::{Args, Encoder};

const INVALID: Error = Error::text("ERR Invalid stream ID specified as stream command argument");

/// Reads an ID; one that is only a time gets 0 for its other part.
pub(super) fn id(arg: &[u8]) -> Result<StreamId, Error> {
    StreamId::parse(arg, 0).ok_or(INVALID)
}

/// Reads IDs, all before any is used.
pub(super) fn ids(args: Args) -> Result<Vec<StreamId>, Error> {
    args.iter().map(id).collect()
}

/// Reads an ID, or `-` for the first and `+` for the last there is; `seq` is for one that is only a time.
pub(super) fn id_or_end(arg: &[u8], seq: u64) -> Result<StreamId, Error> {
    match arg {
        b"-" => Ok(StreamId::MIN),
        b"+" => Ok(StreamId::MAX),
        _ => StreamId::parse(arg, seq).ok_or(INVALID),
    }
}

/// Reads where a range starts; `(` in front leaves the ID itself out.
pub(super) fn start(arg: &[u8]) -> Result<StreamId, Error> {
    match arg {
        [b'(', _, ..] => {
            let start = StreamId::parse(&arg[1..], 0).ok_or(INVALID)?;
            start.next().ok_or(Error::text("ERR invalid start ID for the interval"))
        }
        _ => id_or_end(arg, 0),
    }
}

/// Reads where a range ends.
fn end(arg: &[u8]) -> Result<StreamId, Error> {
    match arg {
        [b'(', _, ..] => {
            let end = StreamId::parse(&arg[1..], u64::MAX).ok_or(INVALID)?;
            end.previous().ok_or(Error::text("ERR invalid end ID for the interval"))
        }
        _ => id_or_end(arg, u64::MAX),
    }
}

/// Reads a range, which may be empty.
pub(super) fn range(first: &[u8], last: &[u8]) -> Result<RangeInclusive<StreamId>, Error> {
    Ok(start(first)?..=end(last)?)
}

/// Writes an entry: its ID, and its fields and values in one array.
pub(super) fn reply_entry(reply: &mut Encoder, entry: &Entry) {
    reply.array(2);
    reply.bulk(&entry.id.text());
    reply.array(2 * entry.len);
    for (field, value) in entry.pairs() {
        field.with_bytes(|field| reply.bulk(field));
        value.with_bytes(|value| reply.bulk(value));
    }
}

/// Writes entries as an array.
pub(super) fn reply_entries<'e>(reply: &mut Encoder, entries: impl Iterator<Item = Entry<'e>>) {
    let mark = reply.mark();
    let count = entries.map(|entry| reply_entry(reply, &entry)).count();
    reply.deferred(mark, count);
}

/// How many entries a COUNT asks for: all where it is none or 0.
pub(super) fn most(count: i64) -> usize {
    usize::try_from(count).ok().filter(|count| *count > 0).unwrap_or(usize::MAX)
}
