//! GETRANGE, SUBSTR and SETRANGE: parts of a string by their place.

use std::ops::Range;

use config::NotifyEvents;
use engine::args::integer;
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use keyspace::IntBuffer;

/// GETRANGE key start end
pub const GETRANGE: Command = Command {
    name: "getrange",
    group: Group::String,
    since: "2.4.0",
    summary: "Returns the part of a string between two places, both included.",
    complexity: "O(N) where N is the length of the part",
    arity: 4,
    flags: Flags::READONLY,
    keys: &[KeySpec::first(KeyFlags::RO.union(KeyFlags::ACCESS))],
    args: &[Arg::key("key"), Arg::integer("start"), Arg::integer("end")],
    handler: Handler::Read(getrange),
    ..Command::DEFAULT
};

/// SUBSTR key start end
pub const SUBSTR: Command =
    Command { name: "substr", since: "1.0.0", deprecated: Some(("2.0.0", "GETRANGE")), ..GETRANGE };

/// SETRANGE key offset value
pub const SETRANGE: Command = Command {
    name: "setrange",
    group: Group::String,
    since: "2.2.0",
    summary: "Overwrites a string from a place on, filled up with zero bytes where it is shorter.",
    complexity: "O(M) where M is the length of the value",
    arity: 4,
    flags: Flags::WRITE.union(Flags::DENYOOM),
    keys: &[KeySpec::first(KeyFlags::RW.union(KeyFlags::UPDATE))],
    args: &[Arg::key("key"), Arg::integer("offset"), Arg::string("value")],
    handler: Handler::Write(setrange),
    ..Command::DEFAULT
};

/// The places from `start` to `end`, both included, of `len` that there are; a negative one counts from the end.
pub fn clamped(start: i64, end: i64, len: usize) -> Range<usize> {
    let total = len as i64;
    let absolute = |place: i64| if place < 0 { place.saturating_add(total).max(0) } else { place };
    let (start, end) = (absolute(start), absolute(end).min(total - 1));
    if start > end { 0..0 } else { start as usize..end as usize + 1 }
}

/// The same, but nothing where both count from the end in the wrong order: [`clamped`] would yield the first
/// place for two that lie before it.
pub fn clamped_in_order(start: i64, end: i64, len: usize) -> Range<usize> {
    if start < 0 && end < 0 && start > end { 0..0 } else { clamped(start, end, len) }
}

/// The length of a string of `len` bytes with `more` behind it, if it may come to be.
pub fn grown(cx: &KeyCx, len: usize, more: usize) -> Result<usize, Error> {
    len.checked_add(more).filter(|total| *total <= cx.max_string()).ok_or(Error::StringTooLong)
}

fn getrange(cx: &mut KeyCx) -> Outcome {
    let (start, end) = (integer(cx.args.at(2))?, integer(cx.args.at(3))?);
    match cx.view.string(cx.args.at(1))? {
        None => cx.reply.bulk(b""),
        Some(value) => {
            let mut buffer = IntBuffer::new();
            let bytes = value.bytes(&mut buffer);
            cx.reply.bulk(&bytes[clamped_in_order(start, end, bytes.len())]);
        }
    }
    Ok(())
}

fn setrange(cx: &mut KeyCx) -> Outcome {
    let (key, part) = (cx.args.at(1), cx.args.at(3));
    let offset = usize::try_from(integer(cx.args.at(2))?);
    let offset = offset.map_err(|_| Error::text("ERR offset is out of range"))?;
    let old = cx.view.get_for_write(key).map(|found| found.str()).transpose()?;
    if part.is_empty() {
        let len = old.map_or(0, |value| value.len());
        cx.reply.count(len);
        return Ok(());
    }
    let end = grown(cx, offset, part.len())?;
    let len = cx.view.edit(key, end, |bytes| {
        bytes[offset..end].copy_from_slice(part);
        bytes.len()
    })?;
    cx.changed(1);
    cx.notify(NotifyEvents::STRING, "setrange", key);
    cx.reply.count(len);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use config::Config;
    use engine::testing::Tester;

    #[test]
    fn parts_are_read() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("SET k 'Hello World'", "+OK");
        for (range, part) in [
            ("0 4", "$Hello"),
            ("-5 -1", "$World"),
            ("0 -1", "$Hello World"),
            ("6 999", "$World"),
            ("-999 0", "$H"),
            ("-999 -998", "$H"),
            ("-998 -999", "$"),
            ("4 3", "$"),
            ("11 12", "$"),
            ("-1 -9223372036854775808", "$"),
            ("9223372036854775807 9223372036854775807", "$"),
        ] {
            t.check(&format!("GETRANGE k {range}"), part);
            t.check(&format!("SUBSTR k {range}"), part);
        }
        t.check("SET n 12345", "+OK");
        t.check("GETRANGE n 1 2", "$23");
        t.check("GETRANGE none 0 -1", "$");
        t.check("SET empty ''", "+OK");
        t.check("GETRANGE empty 0 -1", "$");
        t.check("GETRANGE k 0 x", "-ERR value is not an integer or out of range");
        t.check("GETRANGE k 0", "-ERR wrong number of arguments for 'getrange' command");
    }

    #[test]
    fn parts_are_written() {
        let mut t =
            Tester::with_config(crate::FAMILIES, Config { proto_max_bulk_len: 1 << 20, ..Config::default() });
        t.check("SETRANGE k 2 abc", ":5");
        t.check("GET k", "$\0\0abc");
        t.check("SETRANGE k 0 XY", ":5");
        t.check("GET k", "$XYabc");
        t.check("SET n 123", "+OK");
        t.check("SETRANGE n 1 x", ":3");
        t.check("GET n", "$1x3");
        t.check("SETRANGE none 5 ''", ":0");
        t.check("EXISTS none", ":0");
        t.check("SETRANGE k 99 ''", ":5");
        t.check("SETRANGE k 1048575 x", ":1048576");
        t.check("STRLEN k", ":1048576");
        let too_long = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)";
        t.check("SETRANGE k 1048576 x", too_long);
        t.check("SETRANGE k 9223372036854775807 x", too_long);
        t.check("SETRANGE k -1 x", "-ERR offset is out of range");
        t.check("SETRANGE k x x", "-ERR value is not an integer or out of range");
    }

    #[test]
    fn clamping() {
        assert_eq!(clamped(0, -1, 3), 0..3);
        assert_eq!(clamped(-9, -8, 3), 0..1);
        assert_eq!(clamped(-8, -9, 3), 0..1);
        assert_eq!(clamped_in_order(-8, -9, 3), 0..0);
        assert_eq!(clamped(0, 0, 0), 0..0);
        assert_eq!(clamped(i64::MIN, i64::MAX, 3), 0..3);
    }
}
