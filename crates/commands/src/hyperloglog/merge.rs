//! PFMERGE: the union of HyperLogLogs.

use config::NotifyEvents;
use data::hyperloglog::{Encoding, Hyperloglog, Registers};
use engine::{Arg, Command, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};

use super::{parse, sound, store};

/// PFMERGE destkey [sourcekey [sourcekey ...]]
pub const PFMERGE: Command = Command {
    name: "pfmerge",
    group: Group::Hyperloglog,
    since: "2.8.9",
    summary: "Merges HyperLogLogs into one, which may be there already.",
    complexity: "O(N) for N keys, each of which takes long",
    arity: -2,
    flags: Flags::WRITE.union(Flags::DENYOOM),
    keys: &[
        KeySpec::first(KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::INSERT)),
        KeySpec::range(2, -1, 1, KeyFlags::RO.union(KeyFlags::ACCESS)),
    ],
    args: &[Arg::key("destkey"), Arg::key_of("sourcekey", 1).optional().multiple()],
    handler: Handler::Write(pfmerge),
    ..Command::DEFAULT
};

fn pfmerge(cx: &mut KeyCx) -> Outcome {
    let (target, mut registers, mut dense) = (cx.args.at(1), Registers::default(), false);
    for key in cx.args.from(1).iter() {
        if let Some(value) = cx.view.string(key)? {
            let log = parse(value)?;
            dense |= log.encoding() == Encoding::Dense;
            sound(registers.merge(log))?;
        }
    }
    let mut merged = match cx.view.get_for_write(target).map(|found| found.str()).transpose()? {
        None => Hyperloglog::default(),
        Some(value) => parse(value)?.into(),
    };
    if dense {
        sound(merged.make_dense())?;
    }
    for pattern in registers.patterns() {
        sound(merged.add(pattern, cx.config.hll_sparse_max_bytes))?;
    }
    merged.mark_stale();
    store(cx, target, merged);
    cx.changed(1);
    // As a PFADD of many elements.
    cx.notify(NotifyEvents::STRING, "pfadd", target);
    cx.reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn merges() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("PFMERGE d", "+OK");
        t.check("PFCOUNT d", ":0");
        t.check("PFADD a 1 2 3", ":1");
        t.check("PFADD b 3 4 5", ":1");
        t.check("EXPIRE d 100", ":1");
        t.check("PFMERGE d a none b", "+OK");
        t.check("PFCOUNT d", ":5");
        t.check_in("TTL d", 99..=100);
        t.check("PFDEBUG ENCODING d", "+sparse");
        t.check("PFMERGE b", "+OK");
        t.check("PFMERGE a a a b", "+OK");
        t.check("PFCOUNT a", ":5");
        t.check("PFDEBUG TODENSE b", ":1");
        t.check("PFMERGE d b", "+OK");
        t.check("PFDEBUG ENCODING d", "+dense");
        t.check("PFMERGE new b", "+OK");
        t.check("PFDEBUG ENCODING new", "+dense");
        t.check("PFCOUNT new", ":3");
    }

    #[test]
    fn a_merge_may_outgrow_sparse() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("CONFIG SET hll-sparse-max-bytes 27", "+OK");
        t.check("PFADD a 1 2 3", ":1");
        t.check("PFADD b 4 5 6", ":1");
        t.check("PFDEBUG ENCODING b", "+sparse");
        t.check("PFMERGE d a b", "+OK");
        t.check("PFDEBUG ENCODING d", "+dense");
        t.check("PFCOUNT d", ":6");
        // Whoever reads the log has limits of its own.
        t.check("DEL d", ":1");
    }
}
