//! TTL, PTTL, EXPIRETIME and PEXPIRETIME: when a key is due, from now or as a Unix time.

use engine::{Arg, Command, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};

/// TTL key
pub const TTL: Command = Command {
    name: "ttl",
    group: Group::Generic,
    summary: "Returns the seconds until a key expires.",
    arity: 2,
    flags: Flags::READONLY.union(Flags::FAST),
    keys: &[KeySpec::first(KeyFlags::RO.union(KeyFlags::ACCESS))],
    args: &[Arg::key("key")],
    history: &[("2.8.0", "Answers -2 where there is no key.")],
    tips: &["nondeterministic_output"],
    handler: Handler::Read(|cx| ttl(cx, |at, now| seconds((at - now).max(0)))),
    ..Command::DEFAULT
};

/// PTTL key
pub const PTTL: Command = Command {
    name: "pttl",
    since: "2.6.0",
    summary: "Returns the milliseconds until a key expires.",
    handler: Handler::Read(|cx| ttl(cx, |at, now| (at - now).max(0))),
    ..TTL
};

/// EXPIRETIME key
pub const EXPIRETIME: Command = Command {
    name: "expiretime",
    since: "7.0.0",
    summary: "Returns when a key expires, as a Unix time in seconds.",
    history: &[],
    tips: &[],
    handler: Handler::Read(|cx| ttl(cx, |at, _| seconds(at.max(0)))),
    ..TTL
};

/// PEXPIRETIME key
pub const PEXPIRETIME: Command = Command {
    name: "pexpiretime",
    summary: "Returns when a key expires, as a Unix time in milliseconds.",
    handler: Handler::Read(|cx| ttl(cx, |at, _| at.max(0))),
    ..EXPIRETIME
};

/// Milliseconds as seconds, rounded half up.
fn seconds(millis: i64) -> i64 {
    millis / 1000 + (millis % 1000 >= 500) as i64
}

/// Answers what `show` makes of expiry and now; -1 for a key that does not expire, -2 where there is none.
fn ttl(cx: &mut KeyCx, show: fn(i64, i64) -> i64) -> Outcome {
    let now = cx.now();
    let answer = match cx.view.peek(cx.args.at(1)).map(|found| found.expiry()) {
        None => -2,
        Some(None) => -1,
        Some(Some(at)) => show(at, now),
    };
    cx.reply.int(answer);
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn what_is_due_when() {
        let mut t = Tester::new(crate::FAMILIES);
        for command in ["TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME"] {
            t.check(&format!("{command} none"), ":-2");
            t.check("SET k v", "+OK");
            t.check(&format!("{command} k"), ":-1");
        }
        t.check("PEXPIREAT k 4102444800499", ":1");
        t.check("EXPIRETIME k", ":4102444800");
        t.check("PEXPIREAT k 4102444800500", ":1");
        t.check("EXPIRETIME k", ":4102444801");
        t.check("PEXPIRETIME k", ":4102444800500");
        t.check("PEXPIRE k 1000000", ":1");
        t.check_in("PTTL k", 990_000..=1_000_000);
        t.check_in("TTL k", 990..=1000);
    }
}
