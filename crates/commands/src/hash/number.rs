//! HINCRBY and HINCRBYFLOAT.

use codec::longdouble::LongDouble;
use codec::number::I64Text;
use config::NotifyEvents;
use data::Hash;
use engine::args::integer;
use engine::{Arg, Command, Elements, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use keyspace::{Missing, parse_integer};

use super::forget_due;

/// HINCRBY key field increment
pub const HINCRBY: Command = Command {
    name: "hincrby",
    group: Group::Hash,
    since: "2.0.0",
    summary: "Adds to the integer in a field, which begins with 0.",
    arity: 4,
    flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
    keys: &[KeySpec::first(KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE))],
    elements: Elements::one(2),
    args: &[Arg::key("key"), Arg::string("field"), Arg::integer("increment")],
    handler: Handler::Write(hincrby),
    ..Command::DEFAULT
};

/// HINCRBYFLOAT key field increment
pub const HINCRBYFLOAT: Command = Command {
    name: "hincrbyfloat",
    since: "2.6.0",
    summary: "Adds to the number in a field, which begins with 0.",
    elements: Elements::one(2),
    args: &[Arg::key("key"), Arg::string("field"), Arg::double("increment")],
    handler: Handler::Write(hincrbyfloat),
    ..HINCRBY
};

/// Replaces the value of the field that the command names by what `change` makes of it; on an error nothing changes.
fn update(
    cx: &mut KeyCx,
    event: &'static str,
    change: impl FnOnce(Option<&[u8]>) -> Result<Vec<u8>, Error>,
) -> Result<Vec<u8>, Error> {
    let (args, limits, event) = (cx.args, cx.limits(), (NotifyEvents::HASH, event));
    forget_due(cx.view, cx.args.at(1), [args.at(2)].into_iter());
    let now = cx.now();
    let new = cx.modify(args.at(1), Missing::Create, event, |hash: &mut Hash, told| {
        let old = hash.get(args.at(2), now).map(|value| value.to_vec());
        let new = change(old.as_deref())?;
        hash.expect([args.at(2), &new].into_iter(), &limits);
        // A time that the field has stays.
        if !hash.set_value(args.at(2), &new) {
            hash.set(args.at(2), &new, &limits);
        }
        told.count = 1;
        Ok(new)
    })?;
    new.unwrap_or(Err(Error::Syntax))
}

fn hincrby(cx: &mut KeyCx) -> Outcome {
    let increment = integer(cx.args.at(3))?;
    let new = update(cx, "hincrby", |old| {
        let old = match old {
            Some(text) => parse_integer(text).ok_or(Error::text("ERR hash value is not an integer"))?,
            None => 0,
        };
        let new = old.checked_add(increment);
        let new = new.ok_or(Error::text("ERR increment or decrement would overflow"))?;
        Ok(I64Text::new(new).to_vec())
    })?;
    cx.reply.int(parse_integer(&new).unwrap_or_default());
    Ok(())
}

fn hincrbyfloat(cx: &mut KeyCx) -> Outcome {
    let (args, zero) = (cx.args, LongDouble::parse(b"0"));
    let increment = LongDouble::parse(args.at(3)).ok_or(Error::NotFloat)?;
    if !increment.is_finite() {
        return Err(Error::text("ERR value is NaN or Infinity"));
    }
    let new = update(cx, "hincrbyfloat", |old| {
        let not_float = Error::text("ERR hash value is not a float");
        let sum = old.map_or(zero, LongDouble::parse).ok_or(not_float)? + increment;
        if !sum.is_finite() {
            return Err(Error::NanOrInfinity);
        }
        let mut text = Vec::new();
        sum.write_human(&mut text);
        Ok(text)
    })?;
    // The sum and not the increment, so that no reader of the log needs to compute as we do.
    cx.log_instead([b"HSET", args.at(1), args.at(2), &new]);
    // Which takes the field's time away.
    if let Some(due) = cx.view.read::<Hash>(args.at(1))?.and_then(|hash| hash.find(args.at(2))?.due) {
        let due = I64Text::new(due);
        cx.log_instead([b"HPEXPIREAT", args.at(1), &*due, b"FIELDS", b"1", args.at(2)]);
    }
    cx.reply.bulk(&new);
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn sums() {
        for limit in ["512", "0"] {
            let mut t = Tester::new(crate::FAMILIES);
            t.check(&format!("CONFIG SET hash-max-listpack-entries {limit}"), "+OK");
            t.check("HINCRBY h n 5", ":5");
            t.check("HINCRBY h n -7", ":-2");
            t.check("HINCRBYFLOAT h n 2.5", "$0.5");
            t.check("HINCRBYFLOAT h f 1e2", "$100");
            t.check("HINCRBY h n 1", "-ERR hash value is not an integer");
            t.check("HSET h max 9223372036854775807 text x", ":2");
            t.check("HINCRBY h max 1", "-ERR increment or decrement would overflow");
            t.check("HINCRBY h max x", "-ERR value is not an integer or out of range");
            t.check("HINCRBYFLOAT h text 1", "-ERR hash value is not a float");
            t.check("HINCRBYFLOAT h f x", "-ERR value is not a valid float");
            t.check("HINCRBYFLOAT h f inf", "-ERR value is NaN or Infinity");
            t.check("HINCRBY none n x", "-ERR value is not an integer or out of range");
            t.check("EXISTS none", ":0");
        }
    }
}
