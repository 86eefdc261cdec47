//! RENAME and RENAMENX: a value and its expiry under another name.

use config::NotifyEvents;
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec};

const FROM: KeySpec = KeySpec::one(1, KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE));

/// RENAME key newkey
pub const RENAME: Command = Command {
    name: "rename",
    group: Group::Generic,
    summary: "Renames a key, over whatever has the new name.",
    arity: 3,
    flags: Flags::WRITE,
    keys: &[FROM, KeySpec::one(2, KeyFlags::OW.union(KeyFlags::UPDATE))],
    args: &[Arg::key("key"), Arg::key_of("newkey", 1)],
    handler: Handler::Write(|cx| {
        rename(cx, true)?;
        cx.reply.ok();
        Ok(())
    }),
    ..Command::DEFAULT
};

/// RENAMENX key newkey
pub const RENAMENX: Command = Command {
    name: "renamenx",
    summary: "Renames a key unless there is one of the new name.",
    flags: Flags::WRITE.union(Flags::FAST),
    keys: &[FROM, KeySpec::one(2, KeyFlags::OW.union(KeyFlags::INSERT))],
    history: &[("3.2.0", "A key's own name is no error.")],
    handler: Handler::Write(|cx| {
        let renamed = rename(cx, false)?;
        cx.reply.flag(renamed);
        Ok(())
    }),
    ..RENAME
};

/// Renames the first key to the second; answers whether it did.
fn rename(cx: &mut KeyCx, replace: bool) -> Result<bool, Error> {
    let (from, to) = (cx.args.at(1), cx.args.at(2));
    if cx.view.get_for_write(from).is_none() {
        return Err(Error::NoSuchKey);
    }
    if from == to || !replace && cx.view.contains(to) {
        return Ok(false);
    }
    cx.view.rename(from, to);
    cx.changed(1);
    cx.notify(NotifyEvents::GENERIC, "rename_from", from);
    cx.notify(NotifyEvents::GENERIC, "rename_to", to);
    Ok(true)
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn names_change() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("RENAME a b", "-ERR no such key");
        t.check("RENAMENX a b", "-ERR no such key");
        t.check("RENAME a a", "-ERR no such key");
        t.check("SET a 1 PXAT 4102444800000", "+OK");
        t.check("RENAME a a", "+OK");
        t.check("RENAMENX a a", ":0");
        t.check("SET b 2", "+OK");
        t.check("RENAMENX a b", ":0");
        t.check("RENAME a b", "+OK");
        t.check("MGET a b", "[(nil), $1]");
        t.check("PEXPIRETIME b", ":4102444800000");
        t.check("RENAMENX b a", ":1");
        t.check("EXISTS a b", ":1");
        t.check("SET b 3", "+OK");
        t.check("RENAME b a", "+OK");
        t.check("TTL a", ":-1");
    }

    #[test]
    fn watchers_of_both_names_hear_of_it() {
        for watched in ["a", "b"] {
            let mut t = Tester::new(crate::FAMILIES);
            t.check("SET a 1", "+OK");
            t.check(&format!("WATCH {watched}"), "+OK");
            t.client(1).check("RENAME a b", "+OK");
            t.client(0).check("MULTI", "+OK");
            t.check("EXEC", "(nil)");
        }
    }
}
