//! BITFIELD and BITFIELD_RO: a string as an array of integers of any width.

use config::NotifyEvents;
use engine::args::{Options, is};
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use keyspace::IntBuffer;
use resp::Args;

use super::bit::bit_offset;
use super::field::{Field, Overflow, WINDOW, put_window, window};

const GET_ARG: Arg = Arg::block("get-block", &[Arg::string("encoding"), Arg::integer("offset")]).token("GET");
const OVERFLOW_ARG: Arg = Arg::one_of(
    "overflow-block",
    &[Arg::word("wrap", "WRAP"), Arg::word("sat", "SAT"), Arg::word("fail", "FAIL")],
)
.token("OVERFLOW")
.optional();
const WRITE_ARG: Arg = Arg::one_of(
    "write-operation",
    &[
        Arg::block("set-block", &[Arg::string("encoding"), Arg::integer("offset"), Arg::integer("value")])
            .token("SET"),
        Arg::block(
            "incrby-block",
            &[Arg::string("encoding"), Arg::integer("offset"), Arg::integer("increment")],
        )
        .token("INCRBY"),
    ],
);

/// BITFIELD key [GET encoding offset | [OVERFLOW WRAP | SAT | FAIL] SET encoding offset value | INCRBY encoding
/// offset increment [...]]
pub const BITFIELD: Command = Command {
    name: "bitfield",
    group: Group::Bitmap,
    since: "3.2.0",
    summary: "Reads, sets and adds to integers of any width in a string.",
    complexity: "O(1) for each operation",
    arity: -2,
    flags: Flags::WRITE.union(Flags::DENYOOM),
    keys: &[KeySpec {
        notes: Some("This command allows both access and modification of the key"),
        ..KeySpec::first(
            KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE).union(KeyFlags::VARIABLE_FLAGS),
        )
    }],
    find_keys: Some(|args, visit| {
        let flags = match only_reads(args.from(2)) {
            true => KeyFlags::RO.union(KeyFlags::ACCESS),
            false => KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE),
        };
        visit(1, flags);
    }),
    args: &[
        Arg::key("key"),
        Arg::one_of("operation", &[GET_ARG, Arg::block("write", &[OVERFLOW_ARG, WRITE_ARG])])
            .optional()
            .multiple(),
    ],
    handler: Handler::Write(bitfield),
    ..Command::DEFAULT
};

/// Whether these operations change nothing; what is none may be anything.
fn only_reads(words: Args) -> bool {
    let mut at = 0;
    while let Some(word) = words.get(at) {
        at += match word {
            word if is(word, "GET") => 3,
            word if is(word, "OVERFLOW") => 2,
            _ => return false,
        };
    }
    at == words.len()
}

/// BITFIELD_RO key [GET encoding offset [GET encoding offset ...]]
pub const BITFIELD_RO: Command = Command {
    name: "bitfield_ro",
    group: Group::Bitmap,
    since: "6.0.0",
    summary: "Reads integers of any width in a string.",
    complexity: "O(1) for each operation",
    arity: -2,
    flags: Flags::READONLY.union(Flags::FAST),
    keys: &[KeySpec::first(KeyFlags::RO.union(KeyFlags::ACCESS))],
    args: &[Arg::key("key"), GET_ARG.optional().multiple_token()],
    handler: Handler::Read(bitfield_ro),
    ..Command::DEFAULT
};

/// One integer, and what is done with it.
struct Operation {
    field: Field,
    /// Where it begins, in bits.
    offset: usize,
    action: Action,
}

#[derive(Clone, Copy)]
enum Action {
    Get,
    Set(i64, Overflow),
    Add(i64, Overflow),
}

impl Operation {
    fn parse_all(cx: &KeyCx) -> Result<Vec<Operation>, Error> {
        let (mut options, mut overflow, mut all) = (Options::new(cx.args, 2), Overflow::Wrap, Vec::new());
        while let Some(word) = options.next() {
            let left = options.left();
            if is(word, "OVERFLOW") && left >= 1 {
                overflow = parse_overflow(options.value()?)?;
                continue;
            }
            let action: fn(i64, Overflow) -> Action = match () {
                () if is(word, "GET") && left >= 2 => |_, _| Action::Get,
                () if is(word, "SET") && left >= 3 => Action::Set,
                () if is(word, "INCRBY") && left >= 3 => Action::Add,
                () => return Err(Error::Syntax),
            };
            let field = Field::parse(options.value()?)?;
            let offset = match options.value()? {
                [b'#', index @ ..] => bit_offset(cx, index, field.bits() as i64)?,
                offset => bit_offset(cx, offset, 1)?,
            };
            let number = if is(word, "GET") { 0 } else { options.integer()? };
            all.push(Operation { field, offset, action: action(number, overflow) });
        }
        Ok(all)
    }

    fn writes(&self) -> bool {
        !matches!(self.action, Action::Get)
    }

    /// The integer in a string.
    fn read(&self, bytes: &[u8]) -> i64 {
        self.field.read(window(bytes, self.offset / 8), self.offset % 8)
    }

    /// What the integer becomes, and what is replied; nothing if it would overflow and must not.
    fn outcome(&self, old: i64) -> Option<(i64, i64)> {
        match self.action {
            Action::Get => Some((old, old)),
            Action::Set(number, overflow) => {
                self.field.fit(self.field.to_store(number, overflow), overflow).map(|new| (new, old))
            }
            Action::Add(number, overflow) => {
                self.field.fit(old as i128 + number as i128, overflow).map(|new| (new, new))
            }
        }
    }

    /// Writes the integer into a string that is long enough.
    fn write(&self, bytes: &mut [u8], number: i64) {
        let at = self.offset / 8;
        let before: [u8; WINDOW] = window(bytes, at);
        put_window(bytes, at, self.field.write(before, self.offset % 8, number));
    }
}

fn parse_overflow(word: &[u8]) -> Result<Overflow, Error> {
    let names = [("WRAP", Overflow::Wrap), ("SAT", Overflow::Sat), ("FAIL", Overflow::Fail)];
    let known = names.into_iter().find(|(name, _)| is(word, name));
    known.map(|(_, overflow)| overflow).ok_or(Error::text("ERR Invalid OVERFLOW type specified"))
}

fn bitfield(cx: &mut KeyCx) -> Outcome {
    let operations = Operation::parse_all(cx)?;
    let end = operations.iter().filter(|o| o.writes()).map(|o| o.offset + o.field.bits()).max();
    match end {
        None => read_only(cx, &operations),
        Some(end) => read_and_write(cx, &operations, end.div_ceil(8)),
    }
}

fn bitfield_ro(cx: &mut KeyCx) -> Outcome {
    let operations = Operation::parse_all(cx)?;
    if operations.iter().any(Operation::writes) {
        return Err(Error::text("ERR BITFIELD_RO only supports the GET subcommand"));
    }
    read_only(cx, &operations)
}

fn read_only(cx: &mut KeyCx, operations: &[Operation]) -> Outcome {
    let mut buffer = IntBuffer::new();
    let value = cx.view.string(cx.args.at(1))?;
    let bytes = value.map_or(&[][..], |value| value.bytes(&mut buffer));
    cx.reply.array(operations.len());
    operations.iter().for_each(|operation| cx.reply.int(operation.read(bytes)));
    Ok(())
}

/// The string is touched only where an integer changes: one that stays is no change, for nobody.
fn read_and_write(cx: &mut KeyCx, operations: &[Operation], len: usize) -> Outcome {
    let key = cx.args.at(1);
    let old = cx.view.get_for_write(key).map(|found| found.str()).transpose()?;
    let grows = old.is_none_or(|value| value.len() < len);
    if grows {
        cx.view.edit(key, len, |_| ())?;
    }
    let mut changes = 0;
    cx.reply.array(operations.len());
    for operation in operations {
        let value = cx.view.get_for_write(key).map(|found| found.str()).transpose()?;
        let old = value.map_or(0, |value| operation.read(value.bytes(&mut IntBuffer::new())));
        match operation.outcome(old) {
            None => cx.reply.null(),
            Some((new, reply)) => {
                cx.reply.int(reply);
                if new != old {
                    cx.view.edit(key, len, |bytes| operation.write(bytes, new))?;
                }
                changes += u64::from(new != old || grows && operation.writes());
            }
        }
    }
    // Growing is a change even if all operations fail: the log must tell it.
    let changes = changes.max(grows.into());
    if changes > 0 {
        cx.changed(changes);
        cx.notify(NotifyEvents::STRING, "setbit", key);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn integers_of_any_width() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("BITFIELD k", "[]");
        t.check("BITFIELD k GET u8 0", "[:0]");
        t.check("EXISTS k", ":0");
        t.check("BITFIELD k SET i8 0 -100 SET u8 #1 200 GET u8 0 get i8 #0", "[:0, :0, :156, :-100]");
        t.check("BITFIELD k SET i8 0 101 GET u16 0", "[:-100, :26056]");
        t.check("BITFIELD k INCRBY u4 12 1 INCRBY i5 100 1 GET u4 0", "[:9, :1, :6]");
        t.check("STRLEN k", ":14");
        t.check(
            "BITFIELD k SET i64 3 -1 GET i64 3 GET u63 4",
            "[:3334915524067852288, :-1, :9223372036854775807]",
        );
        t.check("BITFIELD_RO k GET i64 3 GET u1 999", "[:-1, :0]");
        t.check("SET n 12", "+OK");
        t.check("BITFIELD n GET u8 0 INCRBY u8 8 3", "[:49, :53]");
        t.check("GET n", "$15");
    }

    #[test]
    fn overflow() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("BITFIELD k SET u8 0 255", "[:0]");
        t.check("BITFIELD k INCRBY u8 0 2", "[:1]");
        t.check("BITFIELD k OVERFLOW SAT INCRBY u8 0 300 OVERFLOW wrap INCRBY u8 0 1", "[:255, :0]");
        t.check("BITFIELD k OVERFLOW FAIL INCRBY u8 0 -1 INCRBY u8 0 1", "[(nil), :1]");
        t.check("BITFIELD k OVERFLOW SAT SET u8 0 -1", "[:1]");
        t.check("BITFIELD k GET u8 0", "[:255]");
        t.check("BITFIELD k SET i8 0 127 INCRBY i8 0 1 OVERFLOW SAT INCRBY i8 0 -300", "[:-1, :-128, :-128]");
        t.check("BITFIELD k OVERFLOW FAIL SET i8 0 128", "[(nil)]");
        t.check(
            "BITFIELD k SET i64 0 9223372036854775807 INCRBY i64 0 1",
            "[:-9223372036854775808, :-9223372036854775808]",
        );
    }

    #[test]
    fn changes_are_told() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("BITFIELD k SET u8 0 7", "[:0]");
        t.check("WATCH k", "+OK");
        t.check("BITFIELD k SET u8 0 7 GET u8 0", "[:7, :7]");
        t.check("MULTI", "+OK");
        t.check("PING", "+QUEUED");
        t.check("EXEC", "[+PONG]");
        t.check("BITFIELD new OVERFLOW FAIL INCRBY u1 0 5", "[(nil)]");
        t.check("STRLEN new", ":1");
        assert_eq!(
            t.logged(),
            ["SELECT 0", "BITFIELD k SET u8 0 7", "BITFIELD new OVERFLOW FAIL INCRBY u1 0 5"]
        );
    }

    #[test]
    fn grammar() {
        let mut t = Tester::new(crate::FAMILIES);
        for line in [
            "BITFIELD k GET u8",
            "BITFIELD k SET u8 0",
            "BITFIELD k INCRBY u8 0",
            "BITFIELD k OVERFLOW",
            "BITFIELD k WHAT",
        ] {
            t.check(line, "-ERR syntax error");
        }
        let kind = "-ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.";
        t.check("BITFIELD k GET u64 0", kind);
        t.check("BITFIELD_RO k GET i65 0", kind);
        let offset = "-ERR bit offset is not an integer or out of range";
        for at in ["-1", "#-1", "x", "#", "4294967296", "#9223372036854775807"] {
            t.check(&format!("BITFIELD k GET u8 {at}"), offset);
        }
        t.check("BITFIELD k SET u8 0 x", "-ERR value is not an integer or out of range");
        t.check("BITFIELD k OVERFLOW WHAT GET u8 0", "-ERR Invalid OVERFLOW type specified");
        t.check("BITFIELD_RO k SET u8 0 1", "-ERR BITFIELD_RO only supports the GET subcommand");
        t.check("EXISTS k", ":0");
    }
}
