//! DUMP and RESTORE: a value as bytes that any server of the family reads.

use std::sync::atomic::Ordering::Relaxed;

use codec::number::I64Text;
use config::NotifyEvents;
use data::Limits;
use engine::args::{Options, integer, is};
use engine::{Arg, Categories, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use formats::dump::{self, Refused, Value};
use formats::rdb;
use keyspace::{Expire, NewValue, Str};

/// DUMP key
pub const DUMP: Command = Command {
    name: "dump",
    group: Group::Generic,
    since: "2.6.0",
    summary: "Returns a value as bytes for RESTORE.",
    complexity: "O(N) where N is the size of the value",
    arity: 2,
    flags: Flags::READONLY,
    keys: &[KeySpec::first(KeyFlags::RO.union(KeyFlags::ACCESS))],
    args: &[Arg::key("key")],
    tips: &["nondeterministic_output"],
    handler: Handler::Read(dump_key),
    ..Command::DEFAULT
};

/// RESTORE key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]
pub const RESTORE: Command = Command {
    name: "restore",
    group: Group::Generic,
    since: "2.6.0",
    summary: "Makes a key from the bytes that DUMP has returned.",
    complexity: "O(N) where N is the size of the value; O(N*log(N)) for sorted sets",
    arity: -4,
    flags: Flags::WRITE.union(Flags::DENYOOM),
    categories: Categories::DANGEROUS,
    keys: &[KeySpec::first(KeyFlags::OW.union(KeyFlags::UPDATE))],
    args: &[
        Arg::key("key"),
        Arg::integer("ttl"),
        Arg::string("serialized-value"),
        Arg::word("replace", "REPLACE").optional().since("3.0.0"),
        Arg::word("absttl", "ABSTTL").optional().since("5.0.0"),
        Arg::integer("seconds").token("IDLETIME").optional().since("5.0.0"),
        Arg::integer("frequency").token("FREQ").optional().since("5.0.0"),
    ],
    history: &[
        ("3.0.0", "Option REPLACE."),
        ("5.0.0", "Option ABSTTL."),
        ("5.0.0", "Options IDLETIME and FREQ."),
    ],
    handler: Handler::Write(restore),
    ..Command::DEFAULT
};

/// RESTORE-ASKING, with RESTORE's arguments: sent to a node that imports the key's slot.
pub const RESTORE_ASKING: Command = Command {
    name: "restore-asking",
    group: Group::Server,
    since: "3.0.0",
    summary: "RESTORE for keys of a slot that is being imported; internal.",
    flags: RESTORE.flags.union(Flags::ASKING),
    categories: Categories::KEYSPACE.union(Categories::DANGEROUS),
    ..RESTORE
};

fn dump_key(cx: &mut KeyCx) -> Outcome {
    let Some(found) = cx.view.get(cx.args.at(1)) else {
        cx.reply.null();
        return Ok(());
    };
    cx.reply.bulk(&match (found.object(), found.str()) {
        (Some(object), _) => dump::object(object),
        (None, Ok(Str::Bytes(bytes))) => dump::string(bytes),
        (None, Ok(Str::Int(number))) => dump::integer(number),
        (None, Err(wrong)) => return Err(wrong.into()),
    });
    Ok(())
}

/// What is told of the key's past use.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PastUse {
    Unsaid,
    Idle(i64),
    Frequency(u8),
}

struct RestoreOptions {
    replace: bool,
    absolute: bool,
    past_use: PastUse,
}

impl RestoreOptions {
    fn parse(cx: &KeyCx) -> Result<RestoreOptions, Error> {
        let mut said = RestoreOptions { replace: false, absolute: false, past_use: PastUse::Unsaid };
        let mut options = Options::new(cx.args, 4);
        while let Some(word) = options.next() {
            if is(word, "REPLACE") {
                said.replace = true;
            } else if is(word, "ABSTTL") {
                said.absolute = true;
            } else if is(word, "IDLETIME") && !matches!(said.past_use, PastUse::Frequency(_)) {
                let seconds = options.integer()?;
                if seconds < 0 {
                    return Err(Error::text("ERR Invalid IDLETIME value, must be >= 0"));
                }
                said.past_use = PastUse::Idle(seconds);
            } else if is(word, "FREQ") && !matches!(said.past_use, PastUse::Idle(_)) {
                let counter = u8::try_from(options.integer()?);
                let counter =
                    counter.map_err(|_| Error::text("ERR Invalid FREQ value, must be >= 0 and <= 255"))?;
                said.past_use = PastUse::Frequency(counter);
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(said)
    }
}

/// The value in a payload.
fn decode<'a>(payload: &'a [u8], limits: &Limits, trusted: bool) -> Result<Value<'a>, Error> {
    match dump::verify(payload) {
        Err(Refused::Checksum) if trusted => {}
        verified => {
            verified.map_err(|_| Error::text("ERR DUMP payload version or checksum are wrong"))?;
        }
    }
    // Not only the body: as in Redis, a damaged value may reach into the footer.
    dump::decode(payload, limits).map_err(|how| Error::BadData(how.to_string()))
}

fn restore(cx: &mut KeyCx) -> Outcome {
    let (key, payload) = (cx.args.at(1), cx.args.at(3));
    let options = RestoreOptions::parse(cx)?;
    if !options.replace && cx.view.contains(key) {
        return Err(Error::BusyKey);
    }
    let expire = expiry(cx, options.absolute)?;
    let trusted = cx.view.keyspace().trusts_payloads.load(Relaxed);
    let value = decode(payload, &cx.limits(), trusted)?;
    cx.reply.ok();
    if let Expire::At(at) = expire
        && at <= cx.now()
        && !cx.view.keeps_due
    {
        delete_replaced(cx, key);
        return Ok(());
    }
    match value {
        Value::String(rdb::Str::Int(number)) => cx.view.set(key, NewValue::Int(number.into()), expire),
        Value::String(rdb::Str::Bytes(bytes)) => cx.view.set(key, NewValue::parse(&bytes), expire),
        Value::Object(object) => cx.view.set(key, NewValue::Object(object), expire),
    };
    note_past_use(cx, key, options.past_use);
    cx.changed(1);
    cx.notify(NotifyEvents::GENERIC, "restore", key);
    if let Expire::At(at) = expire
        && !options.absolute
    {
        let (args, at) = (cx.args, I64Text::new(at));
        let (head, options) = ([args.at(0), key, &at, payload], args.from(4));
        cx.log_instead(head.into_iter().chain(options.iter()).chain([&b"ABSTTL"[..]]));
    }
    Ok(())
}

/// When the key will be due, from the argument: 0 is never.
fn expiry(cx: &KeyCx, absolute: bool) -> Result<Expire, Error> {
    let ttl = integer(cx.args.at(2))?;
    match ttl {
        ..0 => Err(Error::text("ERR Invalid TTL value, must be >= 0")),
        0 => Ok(Expire::Never),
        _ if absolute => Ok(Expire::At(ttl)),
        // As in Redis, a sum beyond 64 bits comes out before all time.
        _ => Ok(Expire::At(ttl.wrapping_add(cx.now()))),
    }
}

/// What is due already is not made, but it does replace.
fn delete_replaced(cx: &mut KeyCx, key: &[u8]) {
    if cx.view.remove(key) {
        cx.changed(1);
        cx.notify(NotifyEvents::GENERIC, "del", key);
        let delete: &[u8] = if cx.config.lazyfree_lazy_server_del { b"UNLINK" } else { b"DEL" };
        cx.log_instead([delete, key]);
    }
}

fn note_past_use(cx: &mut KeyCx, key: &[u8], past_use: PastUse) {
    let (access, now) = (&cx.view.keyspace().access, cx.now());
    let bits = match past_use {
        PastUse::Unsaid => None,
        PastUse::Idle(seconds) => access.idle_for(seconds, now),
        PastUse::Frequency(counter) => access.with_frequency(counter, now),
    };
    if let Some(bits) = bits {
        cx.view.set_access(key, bits);
    }
}

#[cfg(test)]
mod tests {
    use config::{Config, EvictionPolicy, ProtectedAction};
    use engine::testing::{Session, Tester};

    /// The payload of "hello", as redis-server 7.0.15 writes it.
    const HELLO: &str = "\"\\x00\\x05hello\\n\\x00cr\\xdfve4 \\n\"";

    #[test]
    fn what_is_dumped_can_be_restored() {
        let mut session = Session::new(crate::FAMILIES, Config::default());
        let client = session.connect();
        let long = "some words again and ".repeat(300);
        for value in ["", "12", "-70000", "9223372036854775807", "text", &long] {
            assert_eq!(session.run(client, &[b"SET", b"k", value.as_bytes()]), "+OK");
            let reply = session.send(client, b"DUMP k\r\n");
            let start = reply.iter().position(|b| *b == b'\n').expect("a bulk string") + 1;
            let payload = &reply[start..reply.len() - 2];
            assert_eq!(session.run(client, &[b"RESTORE", b"copy", b"0", payload, b"REPLACE"]), "+OK");
            assert_eq!(session.run(client, &[b"GET", b"copy"]), format!("${value}"));
        }
        assert_eq!(session.run(client, &[b"DUMP", b"none"]), "(nil)");
    }

    #[test]
    fn restored_keys_expire() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check(&format!("RESTORE k 0 {HELLO}"), "+OK");
        t.check("GET k", "$hello");
        t.check("TTL k", ":-1");
        t.check(&format!("RESTORE k 0 {HELLO}"), "-BUSYKEY Target key name already exists.");
        t.check(&format!("RESTORE k 1000000 {HELLO} replace"), "+OK");
        t.check_in("PTTL k", 900_000..=1_000_000);
        t.check(&format!("RESTORE k 4102444800000 {HELLO} REPLACE ABSTTL"), "+OK");
        t.check("PEXPIRETIME k", ":4102444800000");
        t.check(&format!("RESTORE k 1 {HELLO} ABSTTL REPLACE"), "+OK");
        t.check("EXISTS k", ":0");
        t.check(&format!("RESTORE k 1 {HELLO} ABSTTL"), "+OK");
        t.check(&format!("RESTORE k 9223372036854775807 {HELLO}"), "+OK");
        t.check("EXISTS k", ":0");
        assert_eq!(t.logged().last().map(String::as_str), Some("DEL k"));
    }

    #[test]
    fn past_use() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check(&format!("RESTORE k 0 {HELLO} IDLETIME 1000"), "+OK");
        t.check_in("OBJECT IDLETIME k", 1000..=1010);
        t.check(&format!("RESTORE k 0 {HELLO} REPLACE FREQ 100"), "+OK");
        t.check_in("OBJECT IDLETIME k", 0..=10);
        let config = Config { maxmemory_policy: EvictionPolicy::AllkeysLfu, ..Config::default() };
        let mut t = Tester::with_config(crate::FAMILIES, config);
        t.check(&format!("RESTORE k 0 {HELLO} FREQ 100"), "+OK");
        t.check_in("OBJECT FREQ k", 99..=100);
    }

    #[test]
    fn a_wrong_checksum_is_taken_on_order_and_a_damaged_value_never() {
        let config = Config { enable_debug_command: ProtectedAction::Yes, ..Config::default() };
        let mut session = Session::new(crate::FAMILIES, config);
        let client = session.connect();
        let mut restore = |switch: &[u8], payload: &[u8]| {
            let switched = session.run(client, &[b"DEBUG", b"SET-SKIP-CHECKSUM-VALIDATION", switch]);
            assert_eq!(switched, "+OK");
            session.run(client, &[b"RESTORE", b"k", b"0", payload, b"REPLACE"])
        };
        let (wrong, damaged) = (b"\x00\x05Hello\n\x0012345678", b"\x10\x03abc\n\x0012345678");
        assert_eq!(restore(b"1", wrong), "+OK");
        assert_eq!(restore(b"1", damaged), "-ERR Bad data format");
        assert_eq!(restore(b"0", wrong), "-ERR DUMP payload version or checksum are wrong");
        assert_eq!(session.run(client, &[b"GET", b"k"]), "$Hello");
    }

    #[test]
    fn what_is_refused() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("RESTORE k 0 short", "-ERR DUMP payload version or checksum are wrong");
        t.check(
            "RESTORE k 0 \"\\x00\\x05hello\\n\\x00cr\\xdfve4 \\x0b\"",
            "-ERR DUMP payload version or checksum are wrong",
        );
        t.check(&format!("RESTORE k -1 {HELLO}"), "-ERR Invalid TTL value, must be >= 0");
        t.check(&format!("RESTORE k x {HELLO}"), "-ERR value is not an integer or out of range");
        t.check(&format!("RESTORE k 0 {HELLO} IDLETIME -1"), "-ERR Invalid IDLETIME value, must be >= 0");
        t.check(&format!("RESTORE k 0 {HELLO} FREQ 256"), "-ERR Invalid FREQ value, must be >= 0 and <= 255");
        t.check(&format!("RESTORE k 0 {HELLO} FREQ x"), "-ERR value is not an integer or out of range");
        for options in ["FREQ 1 IDLETIME 1", "IDLETIME 1 FREQ 1", "FREQ", "WHAT"] {
            t.check(&format!("RESTORE k 0 {HELLO} {options}"), "-ERR syntax error");
        }
        t.check("EXISTS k", ":0");
    }
}
