//! BITOP: strings combined bit by bit, the shorter ones filled up with zeros.

use config::NotifyEvents;
use engine::args::is;
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use keyspace::{Expire, IntBuffer, NewValue};

/// BITOP AND | OR | XOR | NOT destkey key [key ...]
pub const BITOP: Command = Command {
    name: "bitop",
    group: Group::Bitmap,
    since: "2.6.0",
    summary: "Combines strings bit by bit, stores the result, and returns its length.",
    complexity: "O(N)",
    arity: -4,
    flags: Flags::WRITE.union(Flags::DENYOOM),
    keys: &[
        KeySpec::one(2, KeyFlags::OW.union(KeyFlags::UPDATE)),
        KeySpec::range(3, -1, 1, KeyFlags::RO.union(KeyFlags::ACCESS)),
    ],
    args: &[
        Arg::one_of(
            "operation",
            &[
                Arg::word("and", "AND"),
                Arg::word("or", "OR"),
                Arg::word("xor", "XOR"),
                Arg::word("not", "NOT"),
            ],
        ),
        Arg::key("destkey"),
        Arg::key_of("key", 1).multiple(),
    ],
    handler: Handler::Write(bitop),
    ..Command::DEFAULT
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    And,
    Or,
    Xor,
    Not,
}

impl Operation {
    fn parse(word: &[u8]) -> Result<Operation, Error> {
        let names = [
            ("AND", Operation::And),
            ("OR", Operation::Or),
            ("XOR", Operation::Xor),
            ("NOT", Operation::Not),
        ];
        let known = names.into_iter().find(|(name, _)| is(word, name));
        known.map(|(_, operation)| operation).ok_or(Error::Syntax)
    }

    /// Works another string into the result so far.
    fn combine(self, result: &mut Vec<u8>, other: &[u8]) {
        result.resize(result.len().max(other.len()), 0);
        let (common, rest) = result.split_at_mut(other.len());
        let pairs = common.iter_mut().zip(other);
        match self {
            Operation::And => {
                pairs.for_each(|(a, b)| *a &= b);
                rest.fill(0);
            }
            Operation::Or => pairs.for_each(|(a, b)| *a |= b),
            Operation::Xor => pairs.for_each(|(a, b)| *a ^= b),
            Operation::Not => pairs.for_each(|(a, b)| *a = !b),
        }
    }
}

fn bitop(cx: &mut KeyCx) -> Outcome {
    let (operation, target, sources) = (Operation::parse(cx.args.at(1))?, cx.args.at(2), cx.args.from(3));
    if operation == Operation::Not && sources.len() != 1 {
        return Err(Error::text("ERR BITOP NOT must be called with a single source key."));
    }
    let (mut result, mut buffer) = (Vec::new(), IntBuffer::new());
    for (i, key) in sources.iter().enumerate() {
        let value = cx.view.string(key)?;
        let bytes = value.map_or(&[][..], |value| value.bytes(&mut buffer));
        // The first of several is what the others are worked into.
        let operation = if i == 0 && operation == Operation::And { Operation::Or } else { operation };
        operation.combine(&mut result, bytes);
    }
    let len = result.len();
    if len > 0 {
        cx.view.set(target, NewValue::modified_vec(&mut result), Expire::Never);
        cx.changed(1);
        cx.notify(NotifyEvents::STRING, "set", target);
    } else if cx.view.remove(target) {
        cx.changed(1);
        cx.notify(NotifyEvents::GENERIC, "del", target);
    }
    cx.reply.count(len);
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn operations() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("MSET a \"\\xf0\\xaa\\x01\" b \"\\xff\\x0f\" n 1", "+OK");
        t.check("EXPIRE n 100", ":1");
        for (operation, len, result) in [
            ("AND d a b", 3, "\\xf0\\x0a\\x00"),
            ("or d a b", 3, "\\xff\\xaf\\x01"),
            ("XOR d a b", 3, "\\x0f\\xa5\\x01"),
            ("NOT d b", 2, "\\x00\\xf0"),
            ("AND d b a b", 3, "\\xf0\\x0a\\x00"),
            ("AND d a none", 3, "\\x00\\x00\\x00"),
            ("OR d none a", 3, "\\xf0\\xaa\\x01"),
            ("XOR d a a a", 3, "\\xf0\\xaa\\x01"),
            ("NOT d d", 3, "\\x0f\\x55\\xfe"),
            ("OR n n none", 1, "1"),
        ] {
            t.check(&format!("BITOP {operation}"), &format!(":{len}"));
            let target = operation.split(' ').nth(1).unwrap_or_default();
            t.check(&format!("SET copy \"{result}\""), "+OK");
            t.check(&format!("BITOP XOR copy copy {target}"), &format!(":{len}"));
            t.check("BITCOUNT copy", ":0");
        }
        t.check("TTL n", ":-1");
    }

    #[test]
    fn long_strings_go_word_by_word() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("SETBIT a 80000 1", ":0");
        t.check("SETBIT b 40000 1", ":0");
        t.check("BITOP NOT a a", ":10001");
        t.check("BITCOUNT a", ":80007");
        t.check("BITOP AND d a b", ":10001");
        t.check("BITCOUNT d", ":1");
        t.check("BITOP XOR d a b a", ":10001");
        t.check("BITPOS d 1", ":40000");
    }

    #[test]
    fn nothing_makes_nothing() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("SET d x", "+OK");
        t.check("SET empty ''", "+OK");
        t.check("BITOP OR d none empty", ":0");
        t.check("EXISTS d", ":0");
        t.check("BITOP NOT d none", ":0");
        t.check("BITOP NAND d a b", "-ERR syntax error");
        t.check("BITOP NOT d a b", "-ERR BITOP NOT must be called with a single source key.");
    }
}
