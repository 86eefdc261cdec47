//! HRANDFIELD.

use data::Hash;
use data::hash::Shown;
use engine::args::{integer_in, is};
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};

use resp::Encoder;

use crate::list::reply_entry;
use crate::random::{Random, distinct};

/// HRANDFIELD key [count [WITHVALUES]]
pub const HRANDFIELD: Command = Command {
    name: "hrandfield",
    group: Group::Hash,
    since: "6.2.0",
    summary: "Returns fields picked at random.",
    complexity: "O(N) where N is the number of fields returned, or that there are if the count is positive",
    arity: -2,
    flags: Flags::READONLY,
    keys: &[KeySpec::first(KeyFlags::RO.union(KeyFlags::ACCESS))],
    args: &[
        Arg::key("key"),
        Arg::block("options", &[Arg::integer("count"), Arg::word("withvalues", "WITHVALUES").optional()])
            .optional(),
    ],
    tips: &["nondeterministic_output"],
    handler: Handler::Read(hrandfield),
    ..Command::DEFAULT
};

const OUT_OF_RANGE: Error = Error::text("ERR value is out of range");

/// The count and whether values are asked for; `None` without a count.
fn parse(cx: &KeyCx) -> Result<Option<(i64, bool)>, Error> {
    let Some(count) = cx.args.get(2) else { return Ok(None) };
    let count = integer_in(count, -i64::MAX..=i64::MAX)?;
    let with_values = match cx.args.get(3) {
        None => false,
        Some(word) if cx.args.len() == 4 && is(word, "WITHVALUES") => true,
        Some(_) => return Err(Error::Syntax),
    };
    if with_values && count.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(OUT_OF_RANGE);
    }
    Ok(Some((count, with_values)))
}

fn hrandfield(cx: &mut KeyCx) -> Outcome {
    let (key, most, mut random) = (cx.args.at(1), cx.max_string(), Random::new(cx.view.random()));
    let options = parse(cx)?;
    // All that are due go first, so that whatever is picked is there.
    cx.view.expire_fields(key, |hash, now| hash.expire(now, usize::MAX));
    let Some((count, with_values)) = options else {
        match cx.view.read::<Hash>(key)?.and_then(|hash| hash.random(|| random.bits())) {
            Some(shown) => reply_entry(&mut cx.reply, shown.name),
            None => cx.reply.null(),
        }
        return Ok(());
    };
    let Some(hash) = cx.view.read::<Hash>(key)? else {
        cx.reply.array(0);
        return Ok(());
    };
    let (len, many) = (hash.len(), usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX));
    if count < 0 {
        // The reply has as many fields as are asked for; nobody could take more than this.
        if many > most {
            return Err(OUT_OF_RANGE);
        }
        let picks = (0..many).filter_map(|_| hash.random(|| random.bits()));
        reply(&mut cx.reply, many, picks, with_values);
    } else if many >= len {
        reply(&mut cx.reply, len, hash.iter(), with_values);
    } else {
        let all: Vec<_> = hash.iter().collect();
        reply(
            &mut cx.reply,
            many,
            distinct(&mut random, many, len).into_iter().map(|index| all[index]),
            with_values,
        );
    }
    Ok(())
}

/// Writes so many fields, with their values behind them or, in RESP3, in pairs.
fn reply<'a>(reply: &mut Encoder, count: usize, fields: impl Iterator<Item = Shown<'a>>, with_values: bool) {
    let pairs = with_values && reply.resp3();
    reply.array(if with_values && !pairs { 2 * count } else { count });
    for shown in fields {
        if pairs {
            reply.array(2);
        }
        reply_entry(reply, shown.name);
        if with_values {
            reply_entry(reply, shown.value);
        }
    }
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn counts() {
        for limit in ["512", "0"] {
            let mut t = Tester::new(crate::FAMILIES);
            t.check(&format!("CONFIG SET hash-max-listpack-entries {limit}"), "+OK");
            t.check("HSET h a 1", ":1");
            t.check("HRANDFIELD h", "$a");
            t.check("HRANDFIELD h -3", "[$a, $a, $a]");
            t.check_both("HRANDFIELD h -2 WITHVALUES", "[$a, $1, $a, $1]", "[[$a, $1], [$a, $1]]");
            t.check("HRANDFIELD h 5", "[$a]");
            t.check("HRANDFIELD h 0", "[]");
            t.check("HRANDFIELD none", "(nil)");
            t.check("HRANDFIELD none 3", "[]");
            t.check("HSET h b 2 c 3 d 4", ":3");
            let three = t.reply("HRANDFIELD h 3");
            assert_eq!(three.matches('$').count(), 3);
            assert!(
                ["a", "b", "c", "d"].iter().filter(|field| three.contains(**field)).count() == 3,
                "{three}"
            );
            t.check("HRANDFIELD h 1 VALUES", "-ERR syntax error");
            t.check("HRANDFIELD h 1 WITHVALUES x", "-ERR syntax error");
            t.check("HRANDFIELD h x", "-ERR value is not an integer or out of range");
            t.check("HRANDFIELD h 9223372036854775807 WITHVALUES", "-ERR value is out of range");
            t.check("HRANDFIELD h -9223372036854775807", "-ERR value is out of range");
        }
    }
}
