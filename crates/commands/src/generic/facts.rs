//! TYPE and TOUCH.

use engine::{Arg, Command, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};

use super::del::EXISTS;

/// TYPE key
pub const TYPE: Command = Command {
    name: "type",
    group: Group::Generic,
    summary: "Returns the type of a key's value.",
    arity: 2,
    flags: Flags::READONLY.union(Flags::FAST),
    keys: &[KeySpec::first(KeyFlags::RO)],
    args: &[Arg::key("key")],
    handler: Handler::Read(|cx| {
        let name = cx.view.peek(cx.args.at(1)).map_or("none", |found| found.value_type().name());
        cx.reply.simple(name);
        Ok(())
    }),
    ..Command::DEFAULT
};

/// TOUCH key [key ...]
pub const TOUCH: Command = Command {
    name: "touch",
    since: "3.2.1",
    summary: "Notes an access to keys and answers how many there are.",
    history: &[],
    handler: Handler::Read(touch),
    ..EXISTS
};

fn touch(cx: &mut KeyCx) -> Outcome {
    let count = cx.args.from(1).iter().filter(|key| cx.view.get(key).is_some()).count();
    cx.reply.count(count);
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn types_and_touches() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("TYPE k", "+none");
        t.check("SET k v", "+OK");
        t.check("TYPE k", "+string");
        t.check("TOUCH k none k", ":2");
    }
}
