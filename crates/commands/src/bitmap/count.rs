//! BITCOUNT and BITPOS: how many bits are set in a range, and where the first one is.

use std::ops::Range;

use engine::args::{integer, is};
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use keyspace::IntBuffer;
use resp::Args;

use super::bits;
use crate::string::range::{clamped, clamped_in_order};

const UNIT: Arg =
    Arg::one_of("unit", &[Arg::word("byte", "BYTE"), Arg::word("bit", "BIT")]).optional().since("7.0.0");

/// BITCOUNT key [start end [BYTE | BIT]]
pub const BITCOUNT: Command = Command {
    name: "bitcount",
    group: Group::Bitmap,
    since: "2.6.0",
    summary: "Returns how many bits of a string are set.",
    complexity: "O(N)",
    arity: -2,
    flags: Flags::READONLY,
    keys: &[KeySpec::first(KeyFlags::RO.union(KeyFlags::ACCESS))],
    args: &[
        Arg::key("key"),
        Arg::block("range", &[Arg::integer("start"), Arg::integer("end"), UNIT]).optional(),
    ],
    history: &[("7.0.0", "Options BYTE and BIT.")],
    handler: Handler::Read(bitcount),
    ..Command::DEFAULT
};

/// BITPOS key bit [start [end [BYTE | BIT]]]
pub const BITPOS: Command = Command {
    name: "bitpos",
    since: "2.8.7",
    summary: "Returns where the first bit is that is set, or clear.",
    arity: -3,
    args: &[
        Arg::key("key"),
        Arg::integer("bit"),
        Arg::block(
            "range",
            &[Arg::integer("start"), Arg::block("end-unit-block", &[Arg::integer("end"), UNIT]).optional()],
        )
        .optional(),
    ],
    handler: Handler::Read(bitpos),
    ..BITCOUNT
};

/// Where to look, as the arguments say it.
struct BitRange {
    start: i64,
    /// The last place, if it was said.
    end: Option<i64>,
    /// Places are bits, not bytes.
    in_bits: bool,
}

/// How negative places are cut off at the ends: [`clamped`] or [`clamped_in_order`].
type Clamp = fn(i64, i64, usize) -> Range<usize>;

impl BitRange {
    /// Reads `[start [end [unit]]]`.
    fn parse(args: Args) -> Result<BitRange, Error> {
        if args.len() > 3 {
            return Err(Error::Syntax);
        }
        let start = args.get(0).map_or(Ok(0), integer)?;
        let in_bits = match args.get(2) {
            None => false,
            Some(word) if is(word, "BYTE") => false,
            Some(word) if is(word, "BIT") => true,
            Some(_) => return Err(Error::Syntax),
        };
        Ok(BitRange { start, end: args.get(1).map(integer).transpose()?, in_bits })
    }

    /// The bits that are meant, of `len` bytes.
    fn bits(&self, len: usize, clamp: Clamp) -> Range<usize> {
        let end = self.end.unwrap_or(-1);
        if self.in_bits {
            return clamp(self.start, end, len * 8);
        }
        let bytes = clamp(self.start, end, len);
        bytes.start * 8..bytes.end * 8
    }
}

fn bitcount(cx: &mut KeyCx) -> Outcome {
    if cx.args.len() == 3 {
        return Err(Error::Syntax); // a start without an end
    }
    let range = BitRange::parse(cx.args.from(2))?;
    let mut buffer = IntBuffer::new();
    let value = cx.view.string(cx.args.at(1))?;
    let bytes = value.map_or(&[][..], |value| value.bytes(&mut buffer));
    let count = bits::count_in(bytes, range.bits(bytes.len(), clamped_in_order));
    cx.reply.int(count as i64);
    Ok(())
}

fn bitpos(cx: &mut KeyCx) -> Outcome {
    let bit = match integer(cx.args.at(2))? {
        bit @ 0..=1 => bit == 1,
        _ => return Err(Error::text("ERR The bit argument must be 1 or 0.")),
    };
    let range = BitRange::parse(cx.args.from(3))?;
    let mut buffer = IntBuffer::new();
    let Some(value) = cx.view.string(cx.args.at(1))? else {
        cx.reply.int(if bit { -1 } else { 0 }); // nothing is zeros without end
        return Ok(());
    };
    let bytes = value.bytes(&mut buffer);
    let bits = range.bits(bytes.len(), clamped);
    let found = bits::find_in(bytes, bits.clone(), bit).or_else(|| {
        // Where no end was said, a string goes on with zeros.
        (!bit && range.end.is_none() && !bits.is_empty()).then_some(bits.end)
    });
    cx.reply.int(found.map_or(-1, |at| at as i64));
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn bits_are_counted() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("SET k foobar", "+OK");
        for (range, count) in [
            ("", 26),
            ("0 -1", 26),
            ("0 0", 4),
            ("1 1", 6),
            ("-2 -1", 7),
            ("-2 1", 0),
            ("-6 -7", 0),
            ("5 9223372036854775807", 4),
            ("1 1 BYTE", 6),
            ("5 30 bit", 17),
            ("0 -1 BIT", 26),
            ("-1 -1 BIT", 0),
            ("10 14 BIT", 4),
        ] {
            t.check(&format!("BITCOUNT k {range}"), &format!(":{count}"));
        }
        t.check("SET n 1", "+OK");
        t.check("BITCOUNT n", ":3");
        t.check("BITCOUNT none -6 -15 BIT", ":0");
    }

    #[test]
    fn the_first_bit_is_found() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("BITPOS none 0", ":0");
        t.check("BITPOS none 1", ":-1");
        t.check("SET k \"\\xff\\xf0\\x00\"", "+OK");
        for (args, at) in [
            ("0", 12),
            ("1", 0),
            ("1 2", -1),
            ("0 0 0", -1),
            ("0 0", 12),
            ("1 -1 -1", -1),
            ("0 -1", 16),
            ("0 3", -1),
            ("0 2 1", -1),
            ("1 9 11 BIT", 9),
            ("1 12 -1 BIT", -1),
            ("0 0 11 BIT", -1),
            ("0 0 12 BIT", 12),
            ("0 -5 -9 BIT", -1),
            ("1 1 -1 BYTE", 8),
        ] {
            t.check(&format!("BITPOS k {args}"), &format!(":{at}"));
        }
        t.check("SET ones \"\\xff\\xff\"", "+OK");
        t.check("BITPOS ones 0", ":16");
        t.check("BITPOS ones 0 1", ":16");
        t.check("BITPOS ones 0 2", ":-1");
        t.check("BITPOS ones 0 0 -1", ":-1");
        t.check("BITPOS ones 1 -9 -5", ":0");
        t.check("SET empty ''", "+OK");
        t.check("BITPOS empty 0", ":-1");
        t.check("BITPOS empty 1", ":-1");
    }

    #[test]
    fn arguments_are_judged_before_the_key() {
        let mut t = Tester::new(crate::FAMILIES);
        for line in [
            "BITCOUNT k x",
            "BITCOUNT k 0 1 x",
            "BITCOUNT k 0 1 BIT x",
            "BITPOS k 0 0 1 x",
            "BITPOS k 0 0 1 BIT x",
        ] {
            t.check(line, "-ERR syntax error");
        }
        for line in ["BITCOUNT k a 1", "BITCOUNT k 1 a", "BITPOS k x", "BITPOS k 0 a", "BITPOS k 0 0 b"] {
            t.check(line, "-ERR value is not an integer or out of range");
        }
        t.check("BITPOS k 2", "-ERR The bit argument must be 1 or 0.");
    }
}
