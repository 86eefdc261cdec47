//! What an RDB file consists of, as a table, and a walk over bytes by it.
//!
//! A reader that holds one thing at a time must know where that ends before it has all of it. So the layout of
//! everything that can stand in a file is data here: a few parts, some of them repeated. A [`Walk`] stops where the bytes
//! end and goes on from there when there are more; no byte is looked at twice, and nothing is allocated by a number in
//! the file. Source matched: Redis 7.2.6 `rdb.c`; for types 22 (Valkey's), 24 and 25 the notes in `crate::value`.

use crate::rdb::module::part;
use crate::rdb::{Error, ErrorKind, Reader, opcode, types, version};

/// A part of what stands in a file.
#[derive(Clone, Copy, Debug)]
enum Part {
    /// So many bytes.
    Bytes(u64),
    /// A length.
    Length,
    /// A string.
    Str,
    /// A score as text: its length in a byte, or one that stands for a whole score.
    Score,
    /// A count, and so many times these.
    Each(&'static [Part]),
    /// What a module wrote, up to its end.
    Module,
}

use Part::{Bytes, Each, Length, Module, Score, Str};

/// Bytes of a double or of a time.
const EIGHT: Part = Bytes(8);
/// Bytes of a stream's ID where it is no two lengths.
const RAW_ID: Part = Bytes(16);
/// Master ID and listpack of each node of a stream.
const NODES: Part = Each(&[Str, Str]);
/// ID, delivery time and count of each pending entry of a stream's group.
const PENDING: Part = Each(&[RAW_ID, EIGHT, Length]);
/// Name, seen time and pending IDs of each of its consumers.
const CONSUMERS: Part = Each(&[Str, EIGHT, Each(&[RAW_ID])]);
/// The same, with an active time.
const ACTIVE_CONSUMERS: Part = Each(&[Str, EIGHT, EIGHT, Each(&[RAW_ID])]);

/// The parts behind a code of an item; nothing for one that is not known to files of this version.
fn parts(code: u8, version: u16) -> Option<&'static [Part]> {
    Some(match code {
        opcode::SLOT_INFO => &[Length, Length, Length],
        opcode::FUNCTION2 => &[Str],
        opcode::MODULE_AUX => &[Length, Length, Length, Module],
        opcode::IDLE => &[Length],
        opcode::FREQ => &[Bytes(1)],
        opcode::AUX => &[Str, Str],
        opcode::RESIZEDB => &[Length, Length],
        opcode::EXPIRETIME_MS => &[EIGHT],
        opcode::EXPIRETIME => &[Bytes(4)],
        opcode::SELECTDB => &[Length],
        opcode::EOF if version >= FIRST_WITH_CHECKSUM => &[EIGHT],
        opcode::EOF => &[],
        _ => return value_parts(code, version),
    })
}

/// The first version whose files end with a checksum.
const FIRST_WITH_CHECKSUM: u16 = 5;

/// A key, and the parts of a value of a type.
fn value_parts(value_type: u8, version: u16) -> Option<&'static [Part]> {
    Some(match value_type {
        types::STRING
        | types::HASH_ZIPMAP
        | types::LIST_ZIPLIST
        | types::SET_INTSET
        | types::ZSET_ZIPLIST
        | types::HASH_ZIPLIST
        | types::HASH_LISTPACK
        | types::ZSET_LISTPACK
        | types::SET_LISTPACK => &[Str, Str],
        types::LIST | types::SET | types::LIST_QUICKLIST => &[Str, Each(&[Str])],
        types::LIST_QUICKLIST_2 => &[Str, Each(&[Length, Str])],
        types::HASH => &[Str, Each(&[Str, Str])],
        types::ZSET => &[Str, Each(&[Str, Score])],
        types::ZSET_2 => &[Str, Each(&[Str, EIGHT])],
        types::MODULE_2 => &[Str, Length, Module],
        types::VALKEY_HASH_2 if version::is_valkey(version) => &[Str, Each(&[Str, Str, EIGHT])],
        types::HASH_METADATA if !version::is_valkey(version) => &[Str, EIGHT, Each(&[Length, Str, Str])],
        types::HASH_LISTPACK_EX if !version::is_valkey(version) => &[Str, EIGHT, Str],
        types::STREAM_LISTPACKS => {
            const GROUPS: Part = Each(&[Str, Length, Length, PENDING, CONSUMERS]);
            &[Str, NODES, Length, Length, Length, GROUPS]
        }
        types::STREAM_LISTPACKS_2 => {
            const GROUPS: Part = Each(&[Str, Length, Length, Length, PENDING, CONSUMERS]);
            &[Str, NODES, Length, Length, Length, Length, Length, Length, Length, Length, GROUPS]
        }
        types::STREAM_LISTPACKS_3 => {
            const GROUPS: Part = Each(&[Str, Length, Length, Length, PENDING, ACTIVE_CONSUMERS]);
            &[Str, NODES, Length, Length, Length, Length, Length, Length, Length, Length, GROUPS]
        }
        _ => return None,
    })
}

/// A walk over the parts of one item.
#[derive(Debug, Default)]
pub(super) struct Walk {
    frames: Vec<Frame>,
}

/// Parts that the walk is within.
#[derive(Debug)]
struct Frame {
    parts: &'static [Part],
    /// The part that comes next.
    next: usize,
    /// How many times all of them are still to come, this time included.
    times: u64,
}

impl Walk {
    /// Begins with the item of a code, which stood at `offset`.
    pub(super) fn begin(&mut self, code: u8, version: u16, offset: usize) -> Result<(), Error> {
        let wrong = |kind| Error { offset, kind };
        let parts = parts(code, version).ok_or(wrong(match code {
            opcode::FUNCTION_PRE_GA => ErrorKind::PreRelease("function"),
            types::MODULE_PRE_GA => ErrorKind::PreRelease("module"),
            unknown => ErrorKind::Type(unknown),
        }))?;
        self.frames.clear();
        self.frames.push(Frame { parts, next: 0, times: 1 });
        Ok(())
    }

    /// Walks to the end of the item. Where the bytes end before it, the error is [`ErrorKind::Truncated`], the reader stands
    /// in front of the part that is not all there, and the walk goes on with that the next time.
    pub(super) fn run(&mut self, reader: &mut Reader<'_>) -> Result<(), Error> {
        while let Some(part) = self.part() {
            let mut ahead = reader.clone();
            let inner = match part {
                Part::Each(parts) => Some(Frame { parts, next: 0, times: ahead.length()? }),
                _ => None,
            };
            let is_done = skip(part, &mut ahead)?;
            *reader = ahead;
            if let Some(frame) = self.frames.last_mut().filter(|_| is_done) {
                frame.next += 1;
            }
            self.frames.extend(inner);
        }
        Ok(())
    }

    /// The part that comes next, unless the item ends here.
    fn part(&mut self) -> Option<Part> {
        loop {
            let frame = self.frames.last_mut()?;
            match frame.parts.get(frame.next).filter(|_| frame.times > 0) {
                Some(part) => return Some(*part),
                None if frame.times > 1 => (frame.times, frame.next) = (frame.times - 1, 0),
                None => drop(self.frames.pop()),
            }
        }
    }
}

/// Skips a part that has no others in it; answers whether that was all of it, which a step of a module's data need not be.
fn skip(part: Part, reader: &mut Reader<'_>) -> Result<bool, Error> {
    match part {
        Part::Bytes(count) => reader.take(count).map(drop),
        Part::Length => reader.length().map(drop),
        Part::Str => reader.skip_string(),
        Part::Score => match reader.byte()? {
            253.. => Ok(()),
            len => reader.take(len.into()).map(drop),
        },
        Part::Each(_) => Ok(()),
        Part::Module => return skip_module_part(reader),
    }?;
    Ok(true)
}

/// Skips one part of a module's data; answers whether it was the end.
fn skip_module_part(reader: &mut Reader<'_>) -> Result<bool, Error> {
    let offset = reader.offset();
    match reader.length()? {
        part::EOF => return Ok(true),
        part::SIGNED | part::UNSIGNED => reader.length().map(drop),
        part::FLOAT => reader.take(size_of::<f32>() as u64).map(drop),
        part::DOUBLE => reader.take(size_of::<f64>() as u64).map(drop),
        part::STRING => reader.skip_string(),
        _ => Err(Error { offset, kind: ErrorKind::Value("unknown part of a module's value") }),
    }?;
    Ok(false)
}
