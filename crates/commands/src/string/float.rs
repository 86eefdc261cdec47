//! INCRBYFLOAT: a counter in x87 extended precision, as Redis on x86 computes it, on every processor.

use codec::longdouble::LongDouble;
use config::NotifyEvents;
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use keyspace::{IntBuffer, NewValue};

/// INCRBYFLOAT key increment
pub const INCRBYFLOAT: Command = Command {
    name: "incrbyfloat",
    group: Group::String,
    since: "2.6.0",
    summary: "Adds to the number at a key, which is 0 if it is missing.",
    arity: 3,
    flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
    keys: &[KeySpec::first(KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE))],
    args: &[Arg::key("key"), Arg::double("increment")],
    handler: Handler::Write(incrbyfloat),
    ..Command::DEFAULT
};

fn incrbyfloat(cx: &mut KeyCx) -> Outcome {
    let (key, increment) = (cx.args.at(1), cx.args.at(2));
    let parse = |bytes: &[u8]| LongDouble::parse(bytes).ok_or(Error::NotFloat);
    let mut sum = Vec::new();
    let text = &mut sum;
    cx.view.update(key, move |old| {
        let old = match old {
            Some(value) => parse(value.bytes(&mut IntBuffer::new()))?,
            None => parse(b"0")?,
        };
        let sum = old + parse(increment)?;
        if !sum.is_finite() {
            return Err(Error::NanOrInfinity);
        }
        sum.write_human(text);
        Ok(NewValue::bytes(text, false))
    })?;
    cx.changed(1);
    cx.notify(NotifyEvents::STRING, "incrbyfloat", key);
    // The sum and not the increment, so that no reader of the log needs to compute as we do.
    cx.log_instead([b"SET", key, &sum, b"KEEPTTL"]);
    cx.reply.bulk(&sum);
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn numbers_add_up() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("INCRBYFLOAT k 3", "$3");
        t.check("INCR k", ":4");
        t.check("EXPIRE k 100", ":1");
        t.check("INCRBYFLOAT k 0.25", "$4.25");
        t.check_in("TTL k", 90..=100);
        t.check("INCRBYFLOAT k -1.1e1", "$-6.75");
        t.check("INCRBYFLOAT tenth 0.1", "$0.1");
        t.check("INCRBYFLOAT tenth 0.2", "$0.3");
        t.check("INCRBYFLOAT k x", "-ERR value is not a valid float");
        t.check("INCRBYFLOAT k ' 1'", "-ERR value is not a valid float");
        t.check("INCRBYFLOAT k inf", "-ERR increment would produce NaN or Infinity");
        t.check("INCRBYFLOAT k 1e4933", "-ERR value is not a valid float");
        t.check("SET text abc", "+OK");
        t.check("INCRBYFLOAT text 1", "-ERR value is not a valid float");
        t.check("GET k", "$-6.75");
    }

    #[test]
    fn the_log_has_the_sum() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("INCRBYFLOAT k 1.5", "$1.5");
        assert_eq!(t.logged(), ["SELECT 0", "SET k 1.5 KEEPTTL"]);
    }
}
