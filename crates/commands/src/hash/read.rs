//! HGET, HMGET, HGETALL, HKEYS, HVALS, HLEN, HSTRLEN, HEXISTS.

use codec::listpack::Entry;
use data::Hash;
use data::hash::Shown;
use engine::{Arg, Command, Elements, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};

use keyspace::View;
use resp::Args;

use super::forget_due;
use crate::list::reply_entry;

/// HGET key field
pub const HGET: Command = Command {
    name: "hget",
    group: Group::Hash,
    since: "2.0.0",
    summary: "Returns the value of a field.",
    arity: 3,
    flags: Flags::READONLY.union(Flags::FAST),
    keys: &[KeySpec::first(KeyFlags::RO.union(KeyFlags::ACCESS))],
    elements: Elements::one(2),
    args: &[Arg::key("key"), Arg::string("field")],
    handler: Handler::Read(|cx| {
        match value(cx.view, cx.args)? {
            Some(value) => reply_entry(&mut cx.reply, value),
            None => cx.reply.null(),
        }
        Ok(())
    }),
    ..Command::DEFAULT
};

/// HMGET key field [field ...]
pub const HMGET: Command = Command {
    name: "hmget",
    summary: "Returns the values of fields.",
    complexity: "O(N) where N is the number of fields asked for",
    arity: -3,
    elements: Elements::each(2, 1),
    args: &[Arg::key("key"), Arg::string("field").multiple()],
    handler: Handler::Read(hmget),
    ..HGET
};

/// HGETALL key
pub const HGETALL: Command = Command {
    name: "hgetall",
    summary: "Returns all fields and their values.",
    complexity: "O(N) where N is the number of fields",
    arity: 2,
    flags: Flags::READONLY,
    args: &[Arg::key("key")],
    tips: &["nondeterministic_output_order"],
    handler: Handler::Read(hgetall),
    ..HGET
};

/// HKEYS key
pub const HKEYS: Command = Command {
    name: "hkeys",
    summary: "Returns all fields.",
    handler: Handler::Read(|cx| reply_halves(cx, |shown| shown.name)),
    ..HGETALL
};

/// HVALS key
pub const HVALS: Command = Command {
    name: "hvals",
    summary: "Returns the values of all fields.",
    handler: Handler::Read(|cx| reply_halves(cx, |shown| shown.value)),
    ..HGETALL
};

/// HLEN key
pub const HLEN: Command = Command {
    name: "hlen",
    summary: "Returns how many fields a hash has.",
    arity: 2,
    keys: &[KeySpec::first(KeyFlags::RO)],
    args: &[Arg::key("key")],
    handler: Handler::Read(|cx| {
        let hash = cx.view.read::<Hash>(cx.args.at(1))?;
        cx.reply.count(hash.map_or(0, Hash::len));
        Ok(())
    }),
    ..HGET
};

/// HSTRLEN key field
pub const HSTRLEN: Command = Command {
    name: "hstrlen",
    since: "3.2.0",
    summary: "Returns the length of a field's value, in bytes.",
    keys: &[KeySpec::first(KeyFlags::RO)],
    handler: Handler::Read(|cx| {
        let value = value(cx.view, cx.args)?;
        cx.reply.count(value.map_or(0, Entry::len));
        Ok(())
    }),
    ..HGET
};

/// HEXISTS key field
pub const HEXISTS: Command = Command {
    name: "hexists",
    summary: "Tells whether a field is there.",
    keys: &[KeySpec::first(KeyFlags::RO)],
    handler: Handler::Read(|cx| {
        let value = value(cx.view, cx.args)?;
        cx.reply.flag(value.is_some());
        Ok(())
    }),
    ..HGET
};

/// The value of the one field that a command names.
fn value<'v>(view: &'v mut View, args: Args) -> Result<Option<Entry<'v>>, Error> {
    let (key, field, now) = (args.at(1), args.at(2), view.now);
    forget_due(view, key, [field].into_iter());
    Ok(view.read::<Hash>(key)?.and_then(|hash| hash.get(field, now)))
}

fn hmget(cx: &mut KeyCx) -> Outcome {
    reply_values(cx, cx.args.from(2))
}

/// Replies the values of fields at the command's key.
pub fn reply_values(cx: &mut KeyCx, fields: Args) -> Outcome {
    forget_due(cx.view, cx.args.at(1), fields.iter());
    let now = cx.now();
    let hash = cx.view.read::<Hash>(cx.args.at(1))?;
    cx.reply.array(fields.len());
    for field in fields.iter() {
        match hash.and_then(|hash| hash.get(field, now)) {
            Some(value) => reply_entry(&mut cx.reply, value),
            None => cx.reply.null(),
        }
    }
    Ok(())
}

fn hgetall(cx: &mut KeyCx) -> Outcome {
    let now = cx.now();
    let Some(hash) = cx.view.read::<Hash>(cx.args.at(1))? else {
        cx.reply.map(0);
        return Ok(());
    };
    cx.reply.map(hash.count_at(now));
    for shown in hash.iter_at(now) {
        reply_entry(&mut cx.reply, shown.name);
        reply_entry(&mut cx.reply, shown.value);
    }
    Ok(())
}

fn reply_halves(cx: &mut KeyCx, half: for<'a> fn(Shown<'a>) -> Entry<'a>) -> Outcome {
    let now = cx.now();
    let Some(hash) = cx.view.read::<Hash>(cx.args.at(1))? else {
        cx.reply.array(0);
        return Ok(());
    };
    cx.reply.array(hash.count_at(now));
    hash.iter_at(now).for_each(|shown| reply_entry(&mut cx.reply, half(shown)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn reading() {
        for limit in ["512", "0"] {
            let mut t = Tester::new(crate::FAMILIES);
            t.check(&format!("CONFIG SET hash-max-listpack-entries {limit}"), "+OK");
            t.check("HSET h a 12", ":1");
            t.check("HGET h a", "$12");
            t.check("HGET h b", "(nil)");
            t.check("HGET none a", "(nil)");
            t.check("HMGET none a b", "[(nil), (nil)]");
            t.check_both("HGETALL h", "[$a, $12]", "{$a: $12}");
            t.check_both("HGETALL none", "[]", "{}");
            t.check("HKEYS h", "[$a]");
            t.check("HVALS h", "[$12]");
            t.check("HKEYS none", "[]");
            t.check("HLEN h", ":1");
            t.check("HLEN none", ":0");
            t.check("HSTRLEN h a", ":2");
            t.check("HSTRLEN h b", ":0");
            t.check("HEXISTS h a", ":1");
            t.check("HEXISTS none a", ":0");
        }
    }

    #[test]
    fn refusals() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("SET s x", "+OK");
        for line in [
            "HGET s a",
            "HMGET s a",
            "HGETALL s",
            "HKEYS s",
            "HVALS s",
            "HLEN s",
            "HSTRLEN s a",
            "HEXISTS s a",
        ] {
            t.check(line, "-WRONGTYPE Operation against a key holding the wrong kind of value");
        }
    }
}
