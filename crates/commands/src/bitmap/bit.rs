//! SETBIT and GETBIT.

use config::NotifyEvents;
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use keyspace::{IntBuffer, parse_integer};

use super::bits;

/// SETBIT key offset value
pub const SETBIT: Command = Command {
    name: "setbit",
    group: Group::Bitmap,
    since: "2.2.0",
    summary: "Sets or clears a bit of a string, filled up with zeros where it is shorter, and returns the old one.",
    arity: 4,
    flags: Flags::WRITE.union(Flags::DENYOOM),
    keys: &[KeySpec::first(KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE))],
    args: &[Arg::key("key"), Arg::integer("offset"), Arg::integer("value")],
    handler: Handler::Write(setbit),
    ..Command::DEFAULT
};

/// GETBIT key offset
pub const GETBIT: Command = Command {
    name: "getbit",
    group: Group::Bitmap,
    since: "2.2.0",
    summary: "Returns a bit of a string, 0 behind its end.",
    arity: 3,
    flags: Flags::READONLY.union(Flags::FAST),
    keys: &[KeySpec::first(KeyFlags::RO.union(KeyFlags::ACCESS))],
    args: &[Arg::key("key"), Arg::integer("offset")],
    handler: Handler::Read(getbit),
    ..Command::DEFAULT
};

/// The offset of a bit, in a string that may come to be; counted in units of so many bits.
pub fn bit_offset(cx: &KeyCx, arg: &[u8], unit: i64) -> Result<usize, Error> {
    let offset = parse_integer(arg).and_then(|n| n.checked_mul(unit)).and_then(|n| usize::try_from(n).ok());
    offset
        .filter(|offset| offset / 8 < cx.max_string())
        .ok_or(Error::text("ERR bit offset is not an integer or out of range"))
}

fn setbit(cx: &mut KeyCx) -> Outcome {
    let (key, offset) = (cx.args.at(1), bit_offset(cx, cx.args.at(2), 1)?);
    let on = match parse_integer(cx.args.at(3)) {
        Some(bit @ 0..=1) => bit == 1,
        _ => return Err(Error::text("ERR bit is not an integer or out of range")),
    };
    let old = cx.view.get_for_write(key).map(|found| found.str()).transpose()?;
    let mut buffer = IntBuffer::new();
    let old = old.map_or(&[][..], |value| value.bytes(&mut buffer));
    let (before, grows) = (bits::get(old, offset), offset / 8 >= old.len());
    // A bit that is so already is no change, for nobody.
    if before != on || grows {
        cx.view.edit(key, offset / 8 + 1, |bytes| bits::set(bytes, offset, on))?;
        cx.changed(1);
        cx.notify(NotifyEvents::STRING, "setbit", key);
    }
    cx.reply.flag(before);
    Ok(())
}

fn getbit(cx: &mut KeyCx) -> Outcome {
    let offset = bit_offset(cx, cx.args.at(2), 1)?;
    let value = cx.view.string(cx.args.at(1))?;
    let bit = value.is_some_and(|value| bits::get(value.bytes(&mut IntBuffer::new()), offset));
    cx.reply.flag(bit);
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn bits_one_by_one() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("SETBIT k 1 1", ":0");
        t.check("GET k", "$@");
        t.check("SETBIT k 1 0", ":1");
        t.check("SETBIT k 17 1", ":0");
        t.check("STRLEN k", ":3");
        t.check("GETBIT k 17", ":1");
        t.check("GETBIT k 16", ":0");
        t.check("GETBIT k 4294967295", ":0");
        t.check("GETBIT none 0", ":0");
        t.check("SET n 1", "+OK");
        t.check("GETBIT n 2", ":1");
        t.check("SETBIT n 6 1", ":0");
        t.check("GET n", "$3");
        t.check("SETBIT zero 9 0", ":0");
        t.check("STRLEN zero", ":2");
    }

    #[test]
    fn what_is_so_already_is_no_change() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("SETBIT k 5 1", ":0");
        t.check("WATCH k", "+OK");
        t.check("SETBIT k 5 1", ":1");
        t.check("SETBIT k 3 0", ":0");
        t.check("MULTI", "+OK");
        t.check("GETBIT k 5", "+QUEUED");
        t.check("EXEC", "[:1]");
        assert_eq!(t.logged(), ["SELECT 0", "SETBIT k 5 1"]);
    }

    #[test]
    fn offsets_and_bits_have_limits() {
        let mut t = Tester::new(crate::FAMILIES);
        let offset = "-ERR bit offset is not an integer or out of range";
        for line in [
            "SETBIT k -1 1",
            "SETBIT k 4294967296 1",
            "SETBIT k x 1",
            "GETBIT k #1",
            "GETBIT k 99999999999999999999",
        ] {
            t.check(line, offset);
        }
        for bit in ["2", "-1", "x", "01"] {
            t.check(&format!("SETBIT k 0 {bit}"), "-ERR bit is not an integer or out of range");
        }
        t.check("EXISTS k", ":0");
    }
}
