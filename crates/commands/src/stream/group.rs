//! XGROUP: making groups and consumers, and removing them.

use config::NotifyEvents;
use data::Stream;
use data::stream::{Entries, Group as ConsumerGroup};
use engine::args::{integer, is};
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use keyspace::Missing;

use super::effects::Effects;
use super::{ids, modify_unwatched, no_group_of};
use crate::usage::{help, subcommand_error};

/// XGROUP subcommand
pub const XGROUP: Command = Command {
    name: "xgroup",
    group: Group::Stream,
    since: "5.0.0",
    summary: "Commands about a stream's groups of consumers.",
    complexity: "That of the subcommand",
    arity: -2,
    subcommands: &[CREATE, CREATECONSUMER, DELCONSUMER, DESTROY, help(Group::Stream, "5.0.0"), SETID],
    ..Command::DEFAULT
};

const ID: Arg = Arg::one_of("id-selector", &[Arg::string("id"), Arg::word("new-id", "$")]);

/// XGROUP CREATE key group id | $ [MKSTREAM] [ENTRIESREAD entries-read]
const CREATE: Command = Command {
    name: "create",
    group: Group::Stream,
    since: "5.0.0",
    summary: "Makes a group whose consumers get what comes behind an ID.",
    arity: -5,
    flags: Flags::WRITE.union(Flags::DENYOOM),
    keys: &[KeySpec::one(2, KeyFlags::RW.union(KeyFlags::INSERT))],
    args: &[
        Arg::key("key"),
        Arg::string("group"),
        ID,
        Arg::word("mkstream", "MKSTREAM").optional(),
        Arg::integer("entries-read").token("ENTRIESREAD").optional(),
    ],
    history: &[("7.0.0", "Option ENTRIESREAD.")],
    handler: Handler::Write(create),
    ..Command::DEFAULT
};

/// XGROUP CREATECONSUMER key group consumer
const CREATECONSUMER: Command = Command {
    name: "createconsumer",
    since: "6.2.0",
    summary: "Makes a consumer of a group.",
    arity: 5,
    args: &[Arg::key("key"), Arg::string("group"), Arg::string("consumer")],
    history: &[],
    handler: Handler::Write(create_consumer),
    ..CREATE
};

/// XGROUP DELCONSUMER key group consumer
const DELCONSUMER: Command = Command {
    name: "delconsumer",
    since: "5.0.0",
    summary: "Removes a consumer of a group, with what it has not acknowledged.",
    flags: Flags::WRITE,
    keys: &[KeySpec::one(2, KeyFlags::RW.union(KeyFlags::DELETE))],
    handler: Handler::Write(delete_consumer),
    ..CREATECONSUMER
};

/// XGROUP DESTROY key group
const DESTROY: Command = Command {
    name: "destroy",
    summary: "Removes a group.",
    complexity: "O(N) where N is the number of entries that are pending in it",
    arity: 4,
    args: &[Arg::key("key"), Arg::string("group")],
    handler: Handler::Write(destroy),
    ..DELCONSUMER
};

/// XGROUP SETID key group id | $ [ENTRIESREAD entries-read]
const SETID: Command = Command {
    name: "setid",
    summary: "Sets the ID behind which a group's consumers get what comes.",
    flags: Flags::WRITE,
    keys: &[KeySpec::one(2, KeyFlags::RW.union(KeyFlags::UPDATE))],
    args: &[
        Arg::key("key"),
        Arg::string("group"),
        ID,
        Arg::integer("entriesread").display("entries-read").token("ENTRIESREAD").optional(),
    ],
    history: &[("7.0.0", "Option ENTRIESREAD.")],
    handler: Handler::Write(set_id),
    ..CREATE
};

const NO_KEY: Error = Error::text(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM \
     option to create an empty stream automatically.",
);

/// The options of CREATE and SETID.
#[derive(Default)]
struct Options {
    make: bool,
    entries_read: Option<i64>,
}

impl Options {
    fn parse(cx: &KeyCx, can_make: bool) -> Result<Options, Error> {
        let (mut options, args, mut at) = (Options::default(), cx.args, 5);
        while let Some(word) = args.get(at) {
            match args.get(at + 1) {
                _ if can_make && is(word, "MKSTREAM") => options.make = true,
                Some(number) if is(word, "ENTRIESREAD") => {
                    let number = integer(number)?;
                    if number < -1 {
                        return Err(Error::text("ERR value for ENTRIESREAD must be positive or -1"));
                    }
                    options.entries_read = Some(number).filter(|number| *number >= 0);
                    at += 1;
                }
                _ => return Err(subcommand_error(args)),
            }
            at += 1;
        }
        Ok(options)
    }
}

/// Changes a group that must be there.
fn modify_group<R>(
    cx: &mut KeyCx,
    work: impl FnOnce(&mut ConsumerGroup, &Entries) -> Result<R, Error>,
) -> Result<R, Error> {
    let (key, name) = (cx.args.at(2), cx.args.at(3));
    let worked = modify_unwatched(cx, key, |stream, _| {
        let parts = &mut **stream;
        let group = parts.groups.get_mut(name).ok_or_else(|| no_group_of(key, name))?;
        work(group, &parts.entries)
    })?;
    worked.ok_or(NO_KEY)
}

fn create(cx: &mut KeyCx) -> Outcome {
    let (args, options) = (cx.args, Options::parse(cx, true)?);
    let (key, name, event) = (args.at(2), args.at(3), (NotifyEvents::STREAM, "xgroup-create"));
    let is_there = cx.view.read::<Stream>(key)?.is_some();
    if !is_there && !options.make {
        return Err(NO_KEY);
    }
    if args.len() > 8 {
        return Err(subcommand_error(args));
    }
    let make = |stream: &mut Stream| {
        let id = match args.at(4) {
            b"$" => stream.entries.counters().last_id,
            id => ids::id(id)?,
        };
        if stream.groups.contains_key(name) {
            return Err(Error::text("BUSYGROUP Consumer Group name already exists"));
        }
        stream.groups.insert(name.into(), ConsumerGroup::new(id, options.entries_read));
        Ok(())
    };
    if is_there {
        modify_unwatched(cx, key, |stream, _| make(stream))?.ok_or(NO_KEY)?;
        cx.changed(1);
        cx.notify(event.0, event.1, key);
    } else {
        let made = cx.modify(key, Missing::Create, event, |stream: &mut Stream, change| {
            make(stream)?;
            change.count = 1;
            Ok::<_, Error>(())
        })?;
        made.ok_or(NO_KEY)??;
    }
    cx.reply.ok();
    Ok(())
}

fn create_consumer(cx: &mut KeyCx) -> Outcome {
    let (args, now) = (cx.args, cx.clock());
    let mut effects = Effects::new(cx, args.at(2), args.at(3));
    let created = modify_group(cx, |group, _| {
        let is_new = !group.consumers().contains_key(args.at(4));
        Ok(is_new.then(|| group.see(args.at(4), now).0))
    })?;
    cx.reply.flag(created.is_some());
    if let Some(consumer) = created {
        effects.created(&consumer);
    }
    effects.settle(cx);
    Ok(())
}

fn delete_consumer(cx: &mut KeyCx) -> Outcome {
    let consumer = cx.args.at(4);
    let removed = modify_group(cx, |group, _| Ok(group.remove_consumer(consumer)))?;
    if removed.is_some() {
        cx.changed(1);
        cx.notify(NotifyEvents::STREAM, "xgroup-delconsumer", cx.args.at(2));
    }
    cx.reply.count(removed.unwrap_or(0));
    Ok(())
}

fn destroy(cx: &mut KeyCx) -> Outcome {
    let (key, name) = (cx.args.at(2), cx.args.at(3));
    let destroyed = modify_unwatched(cx, key, |stream, _| Ok(stream.groups.remove(name)))?.ok_or(NO_KEY)?;
    cx.reply.flag(destroyed.is_some());
    if destroyed.is_some() {
        cx.changed(1);
        cx.notify(NotifyEvents::STREAM, "xgroup-destroy", key);
        // Whoever waits for entries of this group is told that it is gone.
        let db = cx.view.db;
        cx.view.ready.push_back((db, key.into()));
    }
    Ok(())
}

fn set_id(cx: &mut KeyCx) -> Outcome {
    let (args, options) = (cx.args, Options::parse(cx, false)?);
    modify_group(cx, |group, entries| {
        if args.len() > 7 {
            return Err(subcommand_error(args));
        }
        group.last_id = match args.at(4) {
            b"$" => entries.counters().last_id,
            id => ids::id_or_end(id, 0)?,
        };
        group.entries_read = options.entries_read;
        Ok(())
    })?;
    cx.reply.ok();
    cx.changed(1);
    cx.notify(NotifyEvents::STREAM, "xgroup-setid", args.at(2));
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn groups_and_consumers() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("XGROUP CREATE s g $ MKSTREAM", "+OK");
        t.check("XADD s 5 f v", "$5-0");
        t.check("XGROUP CREATE s h $ ENTRIESREAD 1", "+OK");
        t.check("XGROUP CREATE s g 0", "-BUSYGROUP Consumer Group name already exists");
        t.check("XGROUP CREATECONSUMER s g ann", ":1");
        t.check("XGROUP CREATECONSUMER s g ann", ":0");
        assert!(t.reply("XREADGROUP GROUP g ann STREAMS s >").contains("5-0"));
        t.check("XGROUP DELCONSUMER s g ann", ":1");
        t.check("XGROUP DELCONSUMER s g ann", ":0");
        t.check("XPENDING s g", "[:0, (nil), (nil), (nil)]");
        t.check("XGROUP SETID s g 3 ENTRIESREAD 7", "+OK");
        t.check("XGROUP SETID s h -", "+OK");
        t.check_both(
            "XINFO GROUPS s",
            "[[$name, $g, $consumers, :0, $pending, :0, $last-delivered-id, $3-0, $entries-read, :7, $lag, :-6], \
             [$name, $h, $consumers, :0, $pending, :0, $last-delivered-id, $0-0, $entries-read, (nil), $lag, :1]]",
            "[{$name: $g, $consumers: :0, $pending: :0, $last-delivered-id: $3-0, $entries-read: :7, $lag: :-6}, \
             {$name: $h, $consumers: :0, $pending: :0, $last-delivered-id: $0-0, $entries-read: (nil), $lag: :1}]",
        );
        t.check("XGROUP DESTROY s g", ":1");
        t.check("XGROUP DESTROY s g", ":0");
        assert_eq!(t.logged().last().map(String::as_str), Some("XGROUP DESTROY s g"));
    }

    #[test]
    fn refusals() {
        let mut t = Tester::new(crate::FAMILIES);
        let no_key = "-ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use \
                      the MKSTREAM option to create an empty stream automatically.";
        for line in
            ["CREATE s g 0", "SETID s g 0", "DESTROY s g", "CREATECONSUMER s g c", "DELCONSUMER s g c"]
        {
            t.check(&format!("XGROUP {line}"), no_key);
        }
        t.check(
            "XGROUP CREATE s g x MKSTREAM",
            "-ERR Invalid stream ID specified as stream command argument",
        );
        t.check("EXISTS s", ":0");
        t.check("XADD s 1 f v", "$1-0");
        let no_group = "-NOGROUP No such consumer group 'g' for key name 's'";
        for line in ["SETID s g 0", "CREATECONSUMER s g c", "DELCONSUMER s g c"] {
            t.check(&format!("XGROUP {line}"), no_group);
        }
        t.check("XGROUP CREATE s g 0 ENTRIESREAD -2", "-ERR value for ENTRIESREAD must be positive or -1");
        t.check("XGROUP CREATE s g 0 ENTRIESREAD x", "-ERR value is not an integer or out of range");
        let unknown = |sub: &str| {
            format!("-ERR unknown subcommand or wrong number of arguments for '{sub}'. Try XGROUP HELP.")
        };
        t.check("XGROUP CREATE s g 0 WHAT", &unknown("CREATE"));
        t.check("XGROUP create s g 0 MKSTREAM MKSTREAM MKSTREAM MKSTREAM", &unknown("create"));
        t.check("XGROUP SETID s g 0 MKSTREAM", &unknown("SETID"));
        t.check("XGROUP CREATE s g", "-ERR wrong number of arguments for 'xgroup|create' command");
        t.check("SET k x", "+OK");
        t.check(
            "XGROUP CREATE k g 0 MKSTREAM",
            "-WRONGTYPE Operation against a key holding the wrong kind of value",
        );
        assert!(t.reply("XGROUP HELP").contains("CREATE <key> <group> (<id>|$) [MKSTREAM]"));
    }

    #[test]
    fn groups_do_not_concern_watchers() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("XADD s 1 f v", "$1-0");
        t.client(1).check("WATCH s", "+OK");
        t.client(0).check("XGROUP CREATE s g 0", "+OK");
        assert!(t.reply("XREADGROUP GROUP g c STREAMS s >").contains("1-0"));
        t.check("XACK s g 1", ":1");
        t.client(1).check("MULTI", "+OK");
        t.check("EXEC", "[]");
        t.check("WATCH s", "+OK");
        t.client(0).check("XADD s 2 f v", "$2-0");
        t.client(1).check("MULTI", "+OK");
        t.check("EXEC", "(nil)");
    }
}
