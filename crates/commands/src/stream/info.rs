//! XINFO: what a stream, its groups and their consumers consist of.

use std::sync::Arc;

use data::Stream;
use data::stream::{Consumer, Entries, Group as ConsumerGroup, StreamId};
use engine::args::{integer, is};
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use resp::{Args, Encoder};

use super::{ids, no_group_of};
use crate::usage::{help, subcommand_error};

/// XINFO subcommand
pub const XINFO: Command = Command {
    name: "xinfo",
    group: Group::Stream,
    since: "5.0.0",
    summary: "Commands that tell about streams and their groups.",
    complexity: "That of the subcommand",
    arity: -2,
    subcommands: &[CONSUMERS, GROUPS, help(Group::Stream, "5.0.0"), STREAM],
    ..Command::DEFAULT
};

/// XINFO STREAM key [FULL [COUNT count]]
const STREAM: Command = Command {
    name: "stream",
    group: Group::Stream,
    since: "5.0.0",
    summary: "Returns what a stream consists of; with FULL also its entries and groups.",
    complexity: "O(N) where N is the number of nodes, of about 100 entries each",
    arity: -3,
    flags: Flags::READONLY,
    keys: &[KeySpec::one(2, KeyFlags::RO.union(KeyFlags::ACCESS))],
    args: &[
        Arg::key("key"),
        Arg::block(
            "full-block",
            &[Arg::word("full", "FULL"), Arg::integer("count").token("COUNT").optional()],
        )
        .optional(),
    ],
    history: &[
        ("6.0.0", "Option FULL."),
        (
            "7.0.0",
            "Fields `max-deleted-entry-id`, `entries-added`, `recorded-first-entry-id`, `entries-read` and `lag`.",
        ),
        ("7.2.0", "Field `active-time`; `seen-time` is that of the last attempt."),
    ],
    handler: Handler::Read(stream),
    ..Command::DEFAULT
};

/// XINFO GROUPS key
const GROUPS: Command = Command {
    name: "groups",
    summary: "Returns a stream's groups.",
    complexity: "O(N) where N is the number of groups",
    arity: 3,
    args: &[Arg::key("key")],
    history: &[("7.0.0", "Fields `entries-read` and `lag`.")],
    handler: Handler::Read(groups),
    ..STREAM
};

/// XINFO CONSUMERS key group
const CONSUMERS: Command = Command {
    name: "consumers",
    summary: "Returns a group's consumers.",
    complexity: "O(N) where N is the number of consumers",
    arity: 4,
    args: &[Arg::key("key"), Arg::string("group")],
    history: &[("7.2.0", "Field `inactive`.")],
    tips: &["nondeterministic_output"],
    handler: Handler::Read(consumers),
    ..STREAM
};

/// Entries and pending entries that FULL shows where nobody says how many.
const DEFAULT_COUNT: i64 = 10;

/// Writes maps of names and values.
struct Fields<'r, 'c>(&'r mut Encoder<'c>);

impl Fields<'_, '_> {
    fn name(&mut self, name: &str) -> &mut Self {
        self.0.bulk(name.as_bytes());
        self
    }

    fn text(&mut self, name: &str, value: &[u8]) {
        self.name(name).0.bulk(value);
    }

    fn int(&mut self, name: &str, value: i64) {
        self.name(name).0.int(value);
    }

    fn id(&mut self, name: &str, value: StreamId) {
        self.text(name, &value.text());
    }

    fn int_or_null(&mut self, name: &str, value: Option<i64>) {
        match value {
            Some(value) => self.int(name, value),
            None => self.name(name).0.null(),
        }
    }
}

fn groups(cx: &mut KeyCx) -> Outcome {
    let stream = cx.view.read::<Stream>(cx.args.at(2))?.ok_or(Error::NoSuchKey)?;
    cx.reply.array(stream.groups.len());
    for (name, group) in &stream.groups {
        cx.reply.map(6);
        let mut fields = Fields(&mut cx.reply);
        fields.text("name", name);
        fields.int("consumers", group.consumers().len() as i64);
        fields.int("pending", group.pending().len() as i64);
        fields.id("last-delivered-id", group.last_id);
        fields.int_or_null("entries-read", group.entries_read);
        fields.int_or_null("lag", group.lag(&stream.entries));
    }
    Ok(())
}

fn consumers(cx: &mut KeyCx) -> Outcome {
    let (key, name, now) = (cx.args.at(2), cx.args.at(3), cx.now());
    let stream = cx.view.read::<Stream>(key)?.ok_or(Error::NoSuchKey)?;
    let group = stream.groups.get(name).ok_or_else(|| no_group_of(key, name))?;
    cx.reply.array(group.consumers().len());
    for (name, consumer) in group.consumers() {
        cx.reply.map(4);
        let mut fields = Fields(&mut cx.reply);
        fields.text("name", name);
        fields.int("pending", consumer.pending().len() as i64);
        fields.int("idle", now.saturating_sub(consumer.seen_time).max(0));
        let inactive = if consumer.active_time == -1 { -1 } else { now.saturating_sub(consumer.active_time) };
        fields.int("inactive", inactive);
    }
    Ok(())
}

/// How many entries FULL asks for; `None` without FULL.
fn full_count(args: Args) -> Result<Option<usize>, Error> {
    let options = args.from(3);
    let count = match (options.len(), options.get(0), options.get(1)) {
        (0, ..) => return Ok(None),
        (1, Some(full), _) if is(full, "FULL") => DEFAULT_COUNT,
        (3, Some(full), Some(count)) if is(full, "FULL") && is(count, "COUNT") => integer(options.at(2))?,
        _ => return Err(subcommand_error(args)),
    };
    Ok(Some(ids::most(if count < 0 { DEFAULT_COUNT } else { count })))
}

fn stream(cx: &mut KeyCx) -> Outcome {
    let args = cx.args;
    let stream = cx.view.read::<Stream>(args.at(2))?.ok_or(Error::NoSuchKey)?;
    let full = full_count(args)?;
    cx.reply.map(if full.is_some() { 9 } else { 10 });
    reply_counters(&mut cx.reply, &stream.entries);
    let mut fields = Fields(&mut cx.reply);
    let Some(most) = full else {
        fields.int("groups", stream.groups.len() as i64);
        let mut entries = stream.entries.iter();
        for (name, entry) in
            [("first-entry", entries.next()), ("last-entry", stream.entries.iter().next_back())]
        {
            fields.name(name);
            match entry {
                Some(entry) => ids::reply_entry(fields.0, &entry),
                None => fields.0.null(),
            }
        }
        return Ok(());
    };
    ids::reply_entries(fields.name("entries").0, stream.entries.iter().take(most));
    fields.name("groups").0.array(stream.groups.len());
    for (name, group) in &stream.groups {
        reply_group(&mut cx.reply, name, group, &stream.entries, most);
    }
    Ok(())
}

fn reply_counters(to: &mut Encoder, entries: &Entries) {
    let (mut fields, counters) = (Fields(to), entries.counters());
    fields.int("length", counters.length as i64);
    fields.int("radix-tree-keys", entries.node_count() as i64);
    fields.int("radix-tree-nodes", entries.radix_nodes() as i64);
    fields.id("last-generated-id", counters.last_id);
    fields.id("max-deleted-entry-id", counters.max_deleted_id);
    fields.int("entries-added", counters.entries_added as i64);
    fields.id("recorded-first-entry-id", counters.first_id);
}

fn reply_group(to: &mut Encoder, name: &[u8], group: &ConsumerGroup, entries: &Entries, most: usize) {
    to.map(7);
    let mut fields = Fields(to);
    fields.text("name", name);
    fields.id("last-delivered-id", group.last_id);
    fields.int_or_null("entries-read", group.entries_read);
    fields.int_or_null("lag", group.lag(entries));
    fields.int("pel-count", group.pending().len() as i64);
    let to = &mut *fields.name("pending").0;
    to.array(group.pending().len().min(most));
    for (id, pending) in group.pending().iter().take(most) {
        to.array(4);
        to.bulk(&id.text());
        to.bulk(&pending.consumer);
        to.int(pending.delivery_time);
        to.int(pending.delivery_count as i64);
    }
    fields.name("consumers").0.array(group.consumers().len());
    for (name, consumer) in group.consumers() {
        reply_consumer(fields.0, (name, consumer), group, most);
    }
}

fn reply_consumer(
    to: &mut Encoder,
    (name, consumer): (&Arc<[u8]>, &Consumer),
    group: &ConsumerGroup,
    most: usize,
) {
    to.map(5);
    let mut fields = Fields(to);
    fields.text("name", name);
    fields.int("seen-time", consumer.seen_time);
    fields.int("active-time", consumer.active_time);
    fields.int("pel-count", consumer.pending().len() as i64);
    let to = &mut *fields.name("pending").0;
    let own = consumer.pending().iter().filter_map(|id| Some((id, group.pending().get(id)?)));
    to.array(consumer.pending().len().min(most));
    for (id, pending) in own.take(most) {
        to.array(3);
        to.bulk(&id.text());
        to.int(pending.delivery_time);
        to.int(pending.delivery_count as i64);
    }
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn streams() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("XADD s 1 f v", "$1-0");
        t.check("XADD s 2 g w", "$2-0");
        t.check("XADD s 3 h x", "$3-0");
        t.check("XDEL s 1", ":1");
        t.check_both(
            "XINFO STREAM s",
            "[$length, :2, $radix-tree-keys, :1, $radix-tree-nodes, :2, $last-generated-id, $3-0, \
             $max-deleted-entry-id, $1-0, $entries-added, :3, $recorded-first-entry-id, $2-0, $groups, :0, \
             $first-entry, [$2-0, [$g, $w]], $last-entry, [$3-0, [$h, $x]]]",
            "{$length: :2, $radix-tree-keys: :1, $radix-tree-nodes: :2, $last-generated-id: $3-0, \
             $max-deleted-entry-id: $1-0, $entries-added: :3, $recorded-first-entry-id: $2-0, $groups: :0, \
             $first-entry: [$2-0, [$g, $w]], $last-entry: [$3-0, [$h, $x]]}",
        );
        t.check("XTRIM s MAXLEN 0", ":2");
        let info = t.reply("XINFO STREAM s");
        assert!(info.ends_with("$radix-tree-nodes, :1, $last-generated-id, $3-0, $max-deleted-entry-id, $1-0, $entries-added, :3, $recorded-first-entry-id, $0-0, $groups, :0, $first-entry, (nil), $last-entry, (nil)]"), "{info}");
    }

    #[test]
    fn everything() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("XADD s 1 f v", "$1-0");
        t.check("XADD s 2 g w", "$2-0");
        t.check("XGROUP CREATE s g 0", "+OK");
        t.check("XCLAIM s g ann 0 1 2 FORCE JUSTID TIME 5", "[$1-0, $2-0]");
        let full = t.reply("XINFO STREAM s FULL COUNT 1");
        let (head, seen) = full.split_once("$seen-time, :").expect("a consumer");
        assert!(head.ends_with(
            "$entries, [[$1-0, [$f, $v]]], $groups, [[$name, $g, $last-delivered-id, $0-0, $entries-read, (nil), \
             $lag, :2, $pel-count, :2, $pending, [[$1-0, $ann, :5, :1]], $consumers, [[$name, $ann, "
        ), "{head}");
        assert!(seen.ends_with(", $pel-count, :2, $pending, [[$1-0, :5, :1]]]]]]]"), "{seen}");
        let (seen, active) = seen.split_once(", $active-time, :").expect("active");
        assert!(active.starts_with(seen), "{active}");
        let consumers = t.reply("XINFO CONSUMERS s g");
        assert!(consumers.starts_with("[[$name, $ann, $pending, :2, $idle, :"), "{consumers}");
        t.check("XGROUP CREATECONSUMER s g bob", ":1");
        assert!(t.reply("XINFO CONSUMERS s g").ends_with("$inactive, :-1]]"));
    }

    #[test]
    fn refusals() {
        let mut t = Tester::new(crate::FAMILIES);
        for line in ["STREAM s", "STREAM s WHAT", "GROUPS s", "CONSUMERS s g"] {
            t.check(&format!("XINFO {line}"), "-ERR no such key");
        }
        t.check("XADD s 1 f v", "$1-0");
        t.check("XINFO CONSUMERS s g", "-NOGROUP No such consumer group 'g' for key name 's'");
        let unknown = "-ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO HELP.";
        for options in ["WHAT", "FULL COUNT", "FULL COUNT 1 2", "COUNT 1 FULL"] {
            t.check(&format!("XINFO STREAM s {options}"), unknown);
        }
        t.check("XINFO STREAM s FULL COUNT x", "-ERR value is not an integer or out of range");
        assert!(t.reply("XINFO HELP").contains("STREAM <key> [FULL [COUNT <count>]]"));
    }
}
