//! XDEL and XSETID.

use config::NotifyEvents;
use data::Stream;
use data::stream::{Entries, StreamId};
use engine::args::{Options, is};
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use keyspace::Missing;

use super::{ids, modify_unwatched};

/// XDEL key id [id ...]
pub const XDEL: Command = Command {
    name: "xdel",
    group: Group::Stream,
    since: "5.0.0",
    summary: "Deletes entries of a stream.",
    complexity: "O(1) for each entry",
    arity: -3,
    flags: Flags::WRITE.union(Flags::FAST),
    keys: &[KeySpec::first(KeyFlags::RW.union(KeyFlags::DELETE))],
    args: &[Arg::key("key"), Arg::string("ID").multiple()],
    handler: Handler::Write(xdel),
    ..Command::DEFAULT
};

/// XSETID key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]
pub const XSETID: Command = Command {
    name: "xsetid",
    summary: "Sets a stream's counters; internal.",
    complexity: "O(1)",
    flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
    keys: &[KeySpec::first(KeyFlags::RW.union(KeyFlags::UPDATE))],
    args: &[
        Arg::key("key"),
        Arg::string("last-id"),
        Arg::integer("entries-added").token("ENTRIESADDED").optional().since("7.0.0"),
        Arg::string("max-deleted-id").token("MAXDELETEDID").optional().since("7.0.0"),
    ],
    history: &[("7.0.0", "Options ENTRIESADDED and MAXDELETEDID.")],
    handler: Handler::Write(xsetid),
    ..XDEL
};

fn xdel(cx: &mut KeyCx) -> Outcome {
    // As in Redis, where there is no stream its IDs are not looked at.
    let (key, args) = (cx.args.at(1), cx.args.from(2));
    let deleted =
        cx.modify(key, Missing::Skip, (NotifyEvents::STREAM, "xdel"), |stream: &mut Stream, change| {
            for id in ids::ids(args)? {
                change.count += u64::from(stream.entries.delete(id));
            }
            Ok::<_, Error>(change.count)
        })?;
    cx.reply.int(deleted.transpose()?.unwrap_or(0) as i64);
    Ok(())
}

/// What XSETID sets.
struct Setting {
    id: StreamId,
    added: Option<u64>,
    max_deleted: StreamId,
}

impl Setting {
    fn parse(cx: &KeyCx) -> Result<Setting, Error> {
        let id = ids::id(cx.args.at(2))?;
        let mut setting = Setting { id, added: None, max_deleted: StreamId::MIN };
        let mut options = Options::new(cx.args, 3);
        while let Some(word) = options.next() {
            if is(word, "ENTRIESADDED") {
                let added = u64::try_from(options.integer()?);
                setting.added = Some(added.map_err(|_| Error::text("ERR entries_added must be positive"))?);
            } else if is(word, "MAXDELETEDID") {
                setting.max_deleted = ids::id(options.value()?)?;
                if id < setting.max_deleted {
                    return Err(Error::text(
                        "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
                    ));
                }
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(setting)
    }

    fn check(&self, entries: &Entries) -> Result<(), Error> {
        let refuse = |text| Err(Error::text(text));
        if self.id < entries.counters().max_deleted_id {
            return refuse("ERR The ID specified in XSETID is smaller than current max_deleted_entry_id");
        }
        if entries.last_entry_id().is_some_and(|top| self.id < top) {
            return refuse("ERR The ID specified in XSETID is smaller than the target stream top item");
        }
        if !entries.is_empty() && self.added.is_some_and(|added| added < entries.len()) {
            return refuse(
                "ERR The entries_added specified in XSETID is smaller than the target stream length",
            );
        }
        Ok(())
    }
}

fn xsetid(cx: &mut KeyCx) -> Outcome {
    let (key, setting) = (cx.args.at(1), Setting::parse(cx)?);
    let set = modify_unwatched(cx, key, |stream, _| {
        setting.check(&stream.entries)?;
        stream.entries.set_counters(|counters| {
            counters.last_id = setting.id;
            counters.entries_added = setting.added.unwrap_or(counters.entries_added);
            if setting.max_deleted != StreamId::MIN {
                counters.max_deleted_id = setting.max_deleted;
            }
        });
        Ok(())
    })?;
    set.ok_or(Error::NoSuchKey)?;
    cx.reply.ok();
    cx.changed(1);
    cx.notify(NotifyEvents::STREAM, "xsetid", key);
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    const INVALID: &str = "-ERR Invalid stream ID specified as stream command argument";

    #[test]
    fn deleting() {
        let mut t = Tester::new(crate::FAMILIES);
        for id in 1..=4 {
            t.check(&format!("XADD s {id} f v"), &format!("${id}-0"));
        }
        t.check("XDEL s 1 3 3 9-9", ":2");
        t.check("XRANGE s - +", "[[$2-0, [$f, $v]], [$4-0, [$f, $v]]]");
        t.check("XDEL s 2 x", INVALID);
        t.check("XDEL none x", ":0");
        t.check("XDEL s 2 4", ":2");
        t.check("XLEN s", ":0");
        t.check("EXISTS s", ":1");
        t.check("TYPE s", "+stream");
        t.check("OBJECT ENCODING s", "$stream");
        t.check(
            "XADD s 4 f v",
            "-ERR The ID specified in XADD is equal or smaller than the target stream top item",
        );
        assert_eq!(t.logged().last().map(String::as_str), Some("XDEL s 2 4"));
    }

    #[test]
    fn setting_counters() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("XSETID s 1", "-ERR no such key");
        t.check("XADD s 5-5 f v", "$5-5");
        t.check("XADD s 6-0 f v", "$6-0");
        t.check("XDEL s 5-5", ":1");
        t.check("XSETID s 5-9", "-ERR The ID specified in XSETID is smaller than the target stream top item");
        t.check(
            "XSETID s 5-4",
            "-ERR The ID specified in XSETID is smaller than current max_deleted_entry_id",
        );
        t.check(
            "XSETID s 7 MAXDELETEDID 8",
            "-ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
        );
        t.check(
            "XSETID s 7 ENTRIESADDED 0",
            "-ERR The entries_added specified in XSETID is smaller than the target stream length",
        );
        t.check("XSETID s 7 ENTRIESADDED -1", "-ERR entries_added must be positive");
        t.check("XSETID s x", INVALID);
        t.check("XSETID s 7 ENTRIESADDED", "-ERR syntax error");
        t.check("XSETID s 7 WHAT 1", "-ERR syntax error");
        t.check("XSETID s 9-1 ENTRIESADDED 100 MAXDELETEDID 8", "+OK");
        t.check("XADD s 9-* f v", "$9-2");
        let info = t.reply("XINFO STREAM s");
        assert!(info.contains("$max-deleted-entry-id, $8-0, $entries-added, :101"), "{info}");
    }
}
