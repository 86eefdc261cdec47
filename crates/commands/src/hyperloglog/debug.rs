//! PFDEBUG and PFSELFTEST: what a HyperLogLog holds, and whether they work.

use data::hyperloglog::{Encoding, Hyperloglog, Opcode, Registers, self_test};
use engine::args::is;
use engine::table::shown;
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome, ServerCx};

use super::{parse, sound, store};

/// PFDEBUG subcommand key
pub const PFDEBUG: Command = Command {
    name: "pfdebug",
    group: Group::Hyperloglog,
    since: "2.8.9",
    summary: "Shows or changes how a HyperLogLog is encoded, for debugging.",
    complexity: "O(1), as every HyperLogLog has as many registers",
    arity: 3,
    flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::ADMIN).union(Flags::SYSTEM),
    keys: &[KeySpec::one(2, KeyFlags::RW.union(KeyFlags::ACCESS))],
    args: &[Arg::string("subcommand"), Arg::key("key")],
    handler: Handler::Write(pfdebug),
    ..Command::DEFAULT
};

/// PFSELFTEST
pub const PFSELFTEST: Command = Command {
    name: "pfselftest",
    group: Group::Hyperloglog,
    since: "2.8.9",
    summary: "Tests on a million elements that HyperLogLogs count them well.",
    complexity: "O(1), but it takes long",
    flags: Flags::ADMIN.union(Flags::SYSTEM),
    handler: Handler::Server(pfselftest),
    ..Command::DEFAULT
};

fn pfdebug(cx: &mut KeyCx) -> Outcome {
    let (word, key) = (cx.args.at(1), cx.args.at(2));
    let found = cx.view.get_for_write(key).ok_or(Error::text("ERR The specified key does not exist"))?;
    let log = parse(found.str()?)?;
    if is(word, "GETREG") {
        let mut registers = Registers::default();
        sound(registers.merge(log))?;
        let log = Hyperloglog::from(log);
        make_dense(cx, key, log)?;
        cx.reply.array(registers.iter().len());
        registers.iter().for_each(|register| cx.reply.int(register.into()));
    } else if is(word, "DECODE") {
        if log.encoding() == Encoding::Dense {
            return Err(Error::text("ERR HLL encoding is not sparse"));
        }
        let decoded: Vec<String> = log.opcodes().map(text).collect();
        cx.reply.bulk(decoded.join(" ").as_bytes());
    } else if is(word, "ENCODING") {
        cx.reply.simple(log.encoding().name());
    } else if is(word, "TODENSE") {
        let log = Hyperloglog::from(log);
        let converted = make_dense(cx, key, log)?;
        cx.reply.flag(converted);
    } else {
        return Err(Error::err(format_args!("Unknown PFDEBUG subcommand '{}'", shown(word, usize::MAX))));
    }
    Ok(())
}

/// Makes a key's HyperLogLog dense; answers whether it was sparse.
fn make_dense(cx: &mut KeyCx, key: &[u8], mut log: Hyperloglog) -> Result<bool, Error> {
    let converted = sound(log.make_dense())?;
    if converted {
        store(cx, key, log);
        cx.changed(1);
    }
    Ok(converted)
}

fn text(opcode: Opcode) -> String {
    match opcode {
        Opcode::Zero(run) => format!("z:{run}"),
        Opcode::Xzero(run) => format!("Z:{run}"),
        Opcode::Val { rank, run } => format!("v:{rank},{run}"),
    }
}

fn pfselftest(cx: &mut ServerCx) -> Outcome {
    let seed = cx.view.random();
    self_test(seed).map_err(|failure| Error::err(format_args!("TESTFAILED {failure}")))?;
    cx.reply().ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn encodings() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("PFADD h a ab", ":1");
        t.check("PFDEBUG decode h", "$Z:719 v:1,1 Z:11991 v:2,1 Z:3672");
        t.check("PFDEBUG ENCODING h", "+sparse");
        t.check("PFDEBUG TODENSE h", ":1");
        t.check("PFDEBUG TODENSE h", ":0");
        t.check("PFDEBUG ENCODING h", "+dense");
        t.check("PFDEBUG DECODE h", "-ERR HLL encoding is not sparse");
        t.check("PFCOUNT h", ":2");
        t.check("PFDEBUG NOSUCH h", "-ERR Unknown PFDEBUG subcommand 'NOSUCH'");
        t.check("PFDEBUG NOSUCH none", "-ERR The specified key does not exist");
        t.check("PFDEBUG GETREG", "-ERR wrong number of arguments for 'pfdebug' command");
    }

    #[test]
    fn registers() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("PFADD h ab a", ":1");
        for encoding in ["+dense", "+dense"] {
            let reply = t.reply("PFDEBUG GETREG h");
            let registers: Vec<&str> = reply.trim_matches(['[', ']']).split(", ").collect();
            assert_eq!((registers.len(), registers[719], registers[12711]), (16384, ":1", ":2"));
            assert_eq!(registers.iter().filter(|register| **register == ":0").count(), 16382);
            t.check("PFDEBUG ENCODING h", encoding);
        }
    }

    #[test]
    fn self_test() {
        Tester::new(crate::FAMILIES).check("PFSELFTEST", "+OK");
    }
}
