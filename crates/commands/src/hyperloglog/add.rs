//! PFADD: elements into a HyperLogLog.

use config::NotifyEvents;
use data::hyperloglog::{Encoding, Hyperloglog, HyperloglogRef, Pattern, add_dense};
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};

use super::{parse, sound, store};

/// PFADD key [element [element ...]]
pub const PFADD: Command = Command {
    name: "pfadd",
    group: Group::Hyperloglog,
    since: "2.8.9",
    summary: "Adds elements to a HyperLogLog, and tells whether its count may have changed.",
    complexity: "O(1) for each element",
    arity: -2,
    flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
    keys: &[KeySpec::first(KeyFlags::RW.union(KeyFlags::INSERT))],
    args: &[Arg::key("key"), Arg::string("element").optional().multiple()],
    handler: Handler::Write(pfadd),
    ..Command::DEFAULT
};

fn pfadd(cx: &mut KeyCx) -> Outcome {
    let (key, patterns) = (cx.args.at(1), cx.args.from(2).iter().map(Pattern::of));
    let changes = match cx.view.get_for_write(key).map(|found| found.str()).transpose()? {
        None => {
            let mut log = Hyperloglog::default();
            log.mark_stale();
            let raised = add(cx, key, log, patterns)?;
            // That there is a key now counts too.
            raised + 1
        }
        Some(value) => {
            let log = parse(value)?;
            match (first_raising(log, patterns.clone())?, log.encoding()) {
                (None, _) => 0,
                (Some(first), Encoding::Dense) => {
                    cx.view.edit(key, 0, |bytes| add_dense(bytes, patterns.skip(first)))?
                }
                (Some(first), Encoding::Sparse) => {
                    let log = Hyperloglog::from(log);
                    add(cx, key, log, patterns.skip(first))?
                }
            }
        }
    };
    if changes > 0 {
        cx.changed(changes);
        cx.notify(NotifyEvents::STRING, "pfadd", key);
    }
    cx.reply.flag(changes > 0);
    Ok(())
}

/// The first of these that changes anything: most elements of a HyperLogLog that counts many do not.
fn first_raising(
    log: HyperloglogRef,
    patterns: impl Iterator<Item = Pattern>,
) -> Result<Option<usize>, Error> {
    for (at, pattern) in patterns.enumerate() {
        if sound(log.is_raised_by(pattern))? {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

/// Adds elements and stores the HyperLogLog; answers how many have raised a register.
fn add(
    cx: &mut KeyCx,
    key: &[u8],
    mut log: Hyperloglog,
    patterns: impl Iterator<Item = Pattern>,
) -> Result<u64, Error> {
    let mut raised = 0;
    for pattern in patterns {
        raised += u64::from(sound(log.add(pattern, cx.config.hll_sparse_max_bytes))?);
    }
    store(cx, key, log);
    Ok(raised)
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn elements_are_added() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("PFADD h", ":1");
        t.check("PFADD h", ":0");
        t.check("STRLEN h", ":18");
        t.check("PFADD h a b c", ":1");
        t.check("PFADD h a b c", ":0");
        t.check("PFADD h a d", ":1");
        t.check("PFCOUNT h", ":4");
        t.check("OBJECT ENCODING h", "$raw");
        t.check("EXPIRE h 100", ":1");
        t.check("PFADD h e", ":1");
        t.check_in("TTL h", 99..=100);
        t.check("PFADD", "-ERR wrong number of arguments for 'pfadd' command");
    }

    #[test]
    fn sparse_becomes_dense() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("CONFIG SET hll-sparse-max-bytes 24", "+OK");
        t.check("PFADD h a", ":1");
        t.check("PFADD h b", ":1");
        t.check("PFDEBUG ENCODING h", "+sparse");
        t.check("PFADD h a c d", ":1");
        t.check("PFDEBUG ENCODING h", "+dense");
        t.check("STRLEN h", ":12304");
        t.check("PFADD h a b c d", ":0");
        t.check("PFADD h a b e", ":1");
        t.check("PFCOUNT h", ":5");
        t.check("PFCOUNT h", ":5");
        t.check("COPY h copy", ":1");
        t.check("PFADD h f g", ":1");
        t.check("PFCOUNT copy", ":5");
        // The log says which elements were added, and whoever reads it has limits of its own.
        t.check("DEL h copy", ":2");
    }

    #[test]
    fn what_is_no_hyperloglog() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("MSET empty '' int 123 text HYLL", "+OK");
        t.check("SET other \"HYLL\\x02aaaaaaaaaaaaaaaa\"", "+OK");
        t.check("SET dense \"HYLL\\x00aaaaaaaaaaaaaaaa\"", "+OK");
        let refusal = "-WRONGTYPE Key is not a valid HyperLogLog string value.";
        for key in ["empty", "int", "text", "other", "dense"] {
            for line in [
                format!("PFADD {key} a"),
                format!("PFCOUNT {key}"),
                format!("PFCOUNT none {key}"),
                format!("PFMERGE d {key}"),
                format!("PFMERGE {key}"),
                format!("PFDEBUG DECODE {key}"),
            ] {
                t.check(&line, refusal);
            }
        }
        t.check("RPUSH l a", ":1");
        let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value";
        for line in
            ["PFADD l a", "PFCOUNT l", "PFCOUNT none l", "PFMERGE l", "PFMERGE d l", "PFDEBUG GETREG l"]
        {
            t.check(line, wrong);
        }
    }

    #[test]
    fn corrupt_registers() {
        let mut t = Tester::new(crate::FAMILIES);
        let corrupt = "-INVALIDOBJ Corrupted HLL object detected";
        t.check("SET h \"HYLL\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x80\"", "+OK");
        for line in
            ["PFADD h a", "PFCOUNT h", "PFCOUNT h h", "PFMERGE h", "PFDEBUG GETREG h", "PFDEBUG TODENSE h"]
        {
            t.check(line, corrupt);
        }
        t.check("PFDEBUG DECODE h", "$");
        // An element changes nothing either if the next one finds no register.
        t.check("APPEND h \"\\x43\\xe7\"", ":18");
        t.check("PFADD h ab abcdefghi", corrupt);
        t.check("STRLEN h", ":18");
        t.check("PFADD h ab", ":1");
        t.check("PFCOUNT h", corrupt);
    }
}
