//! GET and MGET.

use engine::{Arg, Command, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use keyspace::Str;
use resp::Encoder;

/// GET key
pub const GET: Command = Command {
    name: "get",
    group: Group::String,
    summary: "Returns the string at a key.",
    arity: 2,
    flags: Flags::READONLY.union(Flags::FAST),
    keys: &[KeySpec::first(KeyFlags::RO.union(KeyFlags::ACCESS))],
    args: &[Arg::key("key")],
    handler: Handler::Read(get),
    ..Command::DEFAULT
};

/// MGET key [key ...]
pub const MGET: Command = Command {
    name: "mget",
    group: Group::String,
    summary: "Returns the strings at several keys at one moment.",
    complexity: "O(N) where N is the number of keys",
    arity: -2,
    flags: Flags::READONLY.union(Flags::FAST),
    keys: &[KeySpec::all(KeyFlags::RO.union(KeyFlags::ACCESS))],
    args: &[Arg::key("key").multiple()],
    tips: &["request_policy:multi_shard"],
    handler: Handler::Read(mget),
    ..Command::DEFAULT
};

/// Writes a string value.
pub fn reply_str(reply: &mut Encoder, value: Str) {
    match value {
        Str::Int(n) => reply.bulk_int(n),
        Str::Bytes(bytes) => reply.bulk(bytes),
    }
}

fn get(cx: &mut KeyCx) -> Outcome {
    match cx.view.string(cx.args.at(1))? {
        Some(value) => reply_str(&mut cx.reply, value),
        None => cx.reply.null(),
    }
    Ok(())
}

fn mget(cx: &mut KeyCx) -> Outcome {
    cx.reply.array(cx.args.len() - 1);
    for key in cx.args.from(1).iter() {
        // A key of another type has no string: that is no error here.
        match cx.view.string(key) {
            Ok(Some(value)) => reply_str(&mut cx.reply, value),
            _ => cx.reply.null(),
        }
    }
    Ok(())
}
