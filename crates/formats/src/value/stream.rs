//! Streams: their nodes as they are, their counters, and their groups.
//!
//! ```text
//! nodes       count, then for each: its master ID as a string of 16 bytes, and its listpack as a string
//! counters    length, last ID; from type 19 on: first ID, largest deleted ID, entries ever added
//! groups      count, then for each: name, last ID; from type 19 on: entries read; pending, consumers
//! pending     count, then for each: ID in 16 bytes, delivery time, delivery count
//! consumers   count, then for each: name, seen time; from type 21 on: active time; count, then IDs in 16 bytes
//! ```
//!
//! An ID elsewhere is two lengths. Times are eight bytes of Unix milliseconds, little-endian. What is not known of
//! entries read is -1, as 64 bits. Type 19 is what Redis 7.0 writes and reads; type 21 is written where the reader is
//! known to be of 7.2 or later, type 15 where it is known to be older than 7.0.

use std::collections::BTreeMap;

use codec::listpack::ListpackRef;
use data::Stream;
use data::stream::{Consumer, Counters, Entries, Group, Pending, StreamId, Unsound};

use crate::rdb::{Error, ErrorKind, Reader, Writer, types, version};

/// The type byte for readers of a version, and the lowest version that knows it.
pub fn form(reader: u16) -> (u8, u16) {
    match reader {
        version::REDIS_7_2.. => (types::STREAM_LISTPACKS_3, version::REDIS_7_2),
        version::REDIS_7_0.. => (types::STREAM_LISTPACKS_2, version::REDIS_7_0),
        _ => (types::STREAM_LISTPACKS, version::REDIS_5),
    }
}

/// Writes a stream for readers of a version.
pub fn write(stream: &Stream, reader: u16, writer: &mut Writer<'_>) {
    writer.length(stream.entries.node_count() as u64);
    for (master, node) in stream.entries.nodes() {
        writer.string(&master.to_bytes());
        writer.string(node.as_bytes());
    }
    let counters = stream.entries.counters();
    let value_type = form(reader).0;
    writer.length(counters.length);
    write_id(counters.last_id, writer);
    if value_type != types::STREAM_LISTPACKS {
        write_id(counters.first_id, writer);
        write_id(counters.max_deleted_id, writer);
        writer.length(counters.entries_added);
    }
    writer.length(stream.groups.len() as u64);
    for (name, group) in &stream.groups {
        write_group(name, group, value_type, writer);
    }
}

fn write_group(name: &[u8], group: &Group, value_type: u8, writer: &mut Writer<'_>) {
    writer.string(name);
    write_id(group.last_id, writer);
    if value_type != types::STREAM_LISTPACKS {
        writer.length(group.entries_read.unwrap_or(UNKNOWN) as u64);
    }
    writer.length(group.pending().len() as u64);
    for (id, pending) in group.pending() {
        writer.raw(&id.to_bytes());
        writer.raw(&pending.delivery_time.to_le_bytes());
        writer.length(pending.delivery_count);
    }
    writer.length(group.consumers().len() as u64);
    for (name, consumer) in group.consumers() {
        writer.string(name);
        write_consumer(consumer, value_type == types::STREAM_LISTPACKS_3, writer);
    }
}

fn write_consumer(consumer: &Consumer, has_active_times: bool, writer: &mut Writer<'_>) {
    writer.raw(&consumer.seen_time.to_le_bytes());
    if has_active_times {
        writer.raw(&consumer.active_time.to_le_bytes());
    }
    writer.length(consumer.pending().len() as u64);
    for id in consumer.pending() {
        writer.raw(&id.to_bytes());
    }
}

fn write_id(id: StreamId, writer: &mut Writer<'_>) {
    writer.length(id.ms);
    writer.length(id.seq);
}

/// Entries read, where nobody knows.
const UNKNOWN: i64 = -1;

const NODE: &str = "Stream listpack integrity check failed";
const LENGTH: &str = "stream has another number of entries than it says";
const LAST_ID: &str = "last ID of a stream is below that of an entry";
const ORDER: &str = "node of a stream is out of order";
const GROUP: &str = "stream has a group twice";
const CONSUMER: &str = "Duplicate stream consumer detected";
const PENDING: &str = "group of a stream has a pending entry twice";
const NOT_PENDING: &str = "consumer has an entry that is not pending, or another consumer's";
const NOBODYS: &str = "pending entry of a stream is no consumer's";

/// Reads a stream of one of the three types.
pub fn read(value_type: u8, reader: &mut Reader<'_>) -> Result<Stream, Error> {
    let mut stream = Stream::default();
    for _ in 0..reader.length()? {
        read_node(&mut stream.entries, reader)?;
    }
    read_counters(&mut stream.entries, value_type, reader)?;
    for _ in 0..reader.length()? {
        let offset = reader.offset();
        let name = reader.string()?.into_vec();
        let group = read_group(&stream.entries, value_type, reader)?;
        if stream.groups.insert(name.into(), group).is_some() {
            return Err(wrong(offset, GROUP));
        }
    }
    Ok(stream)
}

fn wrong(offset: usize, text: &'static str) -> Error {
    Error { offset, kind: ErrorKind::Value(text) }
}

fn unsound(offset: usize) -> impl Fn(Unsound) -> Error {
    move |unsound| {
        wrong(
            offset,
            match unsound {
                Unsound::Node => NODE,
                Unsound::Order => ORDER,
                Unsound::Length => LENGTH,
                Unsound::LastId => LAST_ID,
            },
        )
    }
}

fn read_node(entries: &mut Entries, reader: &mut Reader<'_>) -> Result<(), Error> {
    let offset = reader.offset();
    let master = reader.string()?.into_vec();
    let master = <[u8; 16]>::try_from(master).map_err(|_| wrong(offset, NODE))?;
    let bytes = reader.string()?.into_bytes();
    let listpack = ListpackRef::validate(&bytes).map_err(|_| wrong(offset, NODE))?;
    entries.load_node(StreamId::from_bytes(master), listpack).map_err(unsound(offset))
}

fn read_counters(entries: &mut Entries, value_type: u8, reader: &mut Reader<'_>) -> Result<(), Error> {
    let offset = reader.offset();
    let (length, last_id) = (reader.length()?, read_id(reader)?);
    if value_type == types::STREAM_LISTPACKS {
        return entries.settle_by(length, last_id).map_err(unsound(offset));
    }
    let counters = Counters {
        length,
        last_id,
        first_id: read_id(reader)?,
        max_deleted_id: read_id(reader)?,
        entries_added: reader.length()?,
    };
    entries.settle(counters).map_err(unsound(offset))
}

fn read_group(entries: &Entries, value_type: u8, reader: &mut Reader<'_>) -> Result<Group, Error> {
    let last_id = read_id(reader)?;
    let entries_read = match value_type {
        types::STREAM_LISTPACKS => entries.counters().entries_added_until(last_id),
        _ => Some(reader.length()? as i64).filter(|read| *read != UNKNOWN),
    };
    let mut group = Group::new(last_id, entries_read);
    let mut pending = BTreeMap::new();
    for _ in 0..reader.length()? {
        let offset = reader.offset();
        let (id, time, count) = (read_raw_id(reader)?, read_time(reader)?, reader.length()?);
        if pending.insert(id, (time, count)).is_some() {
            return Err(wrong(offset, PENDING));
        }
    }
    for _ in 0..reader.length()? {
        read_consumer(&mut group, &mut pending, value_type, reader)?;
    }
    if pending.is_empty() { Ok(group) } else { Err(wrong(reader.offset(), NOBODYS)) }
}

/// Reads a consumer, and gives it what is its own of the pending entries.
fn read_consumer(
    group: &mut Group,
    pending: &mut BTreeMap<StreamId, (i64, u64)>,
    value_type: u8,
    reader: &mut Reader<'_>,
) -> Result<(), Error> {
    let start = reader.offset();
    let name = reader.string()?.into_vec();
    let seen_time = read_time(reader)?;
    let active_time = match value_type {
        types::STREAM_LISTPACKS_3 => read_time(reader)?,
        // Nobody knows better.
        _ => seen_time,
    };
    let consumer = std::sync::Arc::from(name);
    if !group.load_consumer(std::sync::Arc::clone(&consumer), seen_time, active_time) {
        return Err(wrong(start, CONSUMER));
    }
    for _ in 0..reader.length()? {
        let offset = reader.offset();
        let id = read_raw_id(reader)?;
        let (delivery_time, delivery_count) =
            pending.remove(&id).ok_or_else(|| wrong(offset, NOT_PENDING))?;
        group.assign(id, Pending { delivery_time, delivery_count, consumer: consumer.clone() });
    }
    Ok(())
}

fn read_id(reader: &mut Reader<'_>) -> Result<StreamId, Error> {
    Ok(StreamId { ms: reader.length()?, seq: reader.length()? })
}

fn read_raw_id(reader: &mut Reader<'_>) -> Result<StreamId, Error> {
    reader.array().map(StreamId::from_bytes)
}

fn read_time(reader: &mut Reader<'_>) -> Result<i64, Error> {
    reader.array().map(i64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::{self, Value};
    use data::{Limits, Object, ObjectRef};
    use proptest::prelude::*;

    /// XADD s 1-1 a 1 b 2, 1-2 a 3 b 4, 2-0 other x; XDEL s 1-2; groups g (from 0, ann and bob have got one each, eve
    /// nothing) and empty (from $, ENTRIESREAD 7), in redis-server 7.0.15 with rdbcompression no.
    const GENUINE: &[u8] = b"\x13\x01\x10\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01@BB\x00\x00\x00\x19\x00\x02\x01\x01\x01\x02\x01\x81a\x02\x81b\x02\x00\x01\x02\x01\x00\x01\x00\x01\x01\x01\x02\x01\x05\x01\x03\x01\x00\x01\x01\x01\x03\x01\x04\x01\x05\x01\x00\x01\x01\x01\xdf\xff\x02\x01\x01\x85other\x06\x81x\x02\x06\x01\xff\x02\x02\x00\x01\x01\x01\x02\x03\x02\x05empty\x02\x00\x07\x00\x00\x01g\x02\x00\x03\x02\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\xe8\xb2\xec\xfc\xa1\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\xf0\xb2\xec\xfc\xa1\x01\x00\x00\x01\x03\x03ann\xe8\xb2\xec\xfc\xa1\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x03bob\xf0\xb2\xec\xfc\xa1\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x03eve\xf5\xb2\xec\xfc\xa1\x01\x00\x00\x00\n\x00\xdb\x16\xd9;\xf4\x82\x9a\xf0";

    fn decode(body: &[u8]) -> Result<Stream, Error> {
        match dump::decode(body, &Limits::default())? {
            Value::Object(Object::Stream(stream)) => Ok(stream),
            other => panic!("{other:?} is no stream"),
        }
    }

    /// The bytes of a stream, its type first, as readers of a version get them.
    fn encode(stream: &Stream, reader: u16) -> Vec<u8> {
        let mut out = vec![form(reader).0];
        write(stream, reader, &mut Writer::uncompressed(&mut out));
        out
    }

    fn genuine() -> Stream {
        decode(dump::verify(GENUINE).expect("whole")).expect("sound")
    }

    #[test]
    fn payloads_of_genuine_redis() {
        let (body, stream) = (dump::verify(GENUINE).expect("whole"), genuine());
        let ids: Vec<_> = stream.entries.iter().map(|entry| entry.id.to_string()).collect();
        assert_eq!(ids, ["1-1", "2-0"]);
        let group = &stream.groups[&b"g"[..]];
        let owners: Vec<_> = group.pending().values().map(|pending| pending.consumer.to_vec()).collect();
        assert_eq!(owners, [b"ann", b"bob"]);
        assert_eq!((group.consumers().len(), group.entries_read), (3, Some(3)));
        assert_eq!(encode(&stream, version::REDIS_7_0), body);
        let payload = dump::object(ObjectRef::Stream(&stream));
        assert_eq!(encode(&decode(dump::verify(&payload).expect("whole")).expect("sound"), 10), body);
    }

    #[test]
    fn later_readers_get_active_times() {
        let mut stream = genuine();
        let group = stream.groups.get_mut(&b"g"[..]).expect("there");
        let (ann, _) = group.see(b"ann", 5);
        group.note_active(&ann, 4);
        let newer = encode(&stream, version::REDIS_7_4);
        assert_eq!(newer[0], types::STREAM_LISTPACKS_3);
        let back = decode(&newer).expect("sound");
        let times = |stream: &Stream| {
            let ann = &stream.groups[&b"g"[..]].consumers()[&b"ann"[..]];
            (ann.seen_time, ann.active_time)
        };
        assert_eq!(times(&back), (5, 4));
        assert_eq!(times(&decode(&encode(&stream, version::REDIS_7_0)).expect("sound")), (5, 5));
        assert_eq!(encode(&back, version::REDIS_7_4), newer);
    }

    #[test]
    fn the_first_form_has_no_counters() {
        let (mut node, mut old) = (Vec::new(), vec![types::STREAM_LISTPACKS]);
        let stream = genuine();
        let (master, listpack) = stream.entries.nodes().next().expect("a node");
        let mut writer = Writer::new(&mut node);
        writer.string(&master.to_bytes());
        writer.string(listpack.as_bytes());
        old.push(1);
        old.extend_from_slice(&node);
        // Two entries, last ID 2-0; a group that stands at the end.
        old.extend_from_slice(b"\x02\x02\x00\x01\x01g\x02\x00\x00\x00");
        let old = decode(&old).expect("sound");
        let counters = *old.entries.counters();
        assert_eq!((counters.first_id, counters.entries_added), (StreamId::new(1, 1), 2));
        assert_eq!(old.groups[&b"g"[..]].entries_read, Some(2));
    }

    #[test]
    fn damage_is_named() {
        let kind = |body: &[u8]| decode(body).expect_err("refused").kind;
        let node = [&b"\x13\x01\x10"[..], &[0; 16], b"\x07\x07\0\0\0\0\0\xff"].concat();
        assert_eq!(kind(&node), ErrorKind::Value(NODE));
        assert_eq!(kind(b"\x13\x01\x03abc\x07\x07\0\0\0\0\0\xff"), ErrorKind::Value(NODE));
        assert_eq!(kind(b"\x13\x00\x01\0\0\0\0\0\0\x01\x00"), ErrorKind::Value(LENGTH));
        let head = b"\x13\x00\x00\0\0\0\0\0\0\0";
        let with = |groups: &[u8]| kind(&[head, groups].concat());
        let time = [0; 8];
        assert_eq!(with(b"\x02\x01g\0\0\0\0\0\x01g\0\0\0\0\0"), ErrorKind::Value(GROUP));
        let pending = |count: u8| {
            let one = [&[7; 16][..], &time, b"\x01"].concat();
            [&b"\x01\x01g\0\0\0"[..], &[count], &one.repeat(count.into())].concat()
        };
        assert_eq!(with(&[&pending(1)[..], b"\x00"].concat()), ErrorKind::Value(NOBODYS));
        assert_eq!(with(&pending(2)), ErrorKind::Value(PENDING));
        let consumer = |id: u8| [&b"\x01c"[..], &time, b"\x01", &[id; 16]].concat();
        assert_eq!(with(&[&pending(1)[..], b"\x01", &consumer(8)].concat()), ErrorKind::Value(NOT_PENDING));
        let twice = [&pending(1)[..], b"\x02", &consumer(7), &consumer(7)].concat();
        assert_eq!(with(&twice), ErrorKind::Value(CONSUMER));
        assert_eq!(kind(b"\x13\x81\xff\xff\xff\xff\xff\xff\xff\xff"), ErrorKind::Truncated);
    }

    proptest! {
        #[test]
        fn any_bytes_are_safe(form in prop::sample::select(vec![15u8, 19, 21]), bytes: Vec<u8>) {
            let _ = decode(&[&[form][..], &bytes].concat());
        }

        /// A damaged stream is refused, or one that can be used.
        #[test]
        fn one_changed_byte_is_safe(at in 1..GENUINE.len() - 10, to: u8, newer: bool) {
            let mut body = encode(&genuine(), if newer { version::REDIS_7_4 } else { version::REDIS_7_0 });
            body[at] = to;
            let Ok(mut stream) = decode(&body) else { return Ok(()) };
            let ids: Vec<_> = stream.entries.iter().map(|entry| entry.id).collect();
            prop_assert!(ids.is_sorted() && ids.len() as u64 == stream.entries.len());
            prop_assert_eq!(stream.entries.iter().rev().count(), ids.len());
            decode(&encode(&stream, version::REDIS_7_4)).expect("what was read can be written");
            for id in ids {
                prop_assert!(stream.entries.delete(id));
            }
            let names: Vec<_> = stream.groups.keys().cloned().collect();
            for name in names {
                let group = stream.groups.get_mut(&name).expect("there");
                let pending: Vec<_> = group.pending().keys().copied().collect();
                pending.into_iter().for_each(|id| assert!(group.acknowledge(id).is_some()));
            }
        }
    }
}
