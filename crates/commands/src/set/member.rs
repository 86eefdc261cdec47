//! SADD, SREM, SCARD, SMEMBERS, SISMEMBER, SMISMEMBER, SMOVE.

use config::NotifyEvents;
use data::Set;
use engine::{Arg, Command, Elements, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use keyspace::Missing;

use crate::list::reply_entry;

/// SADD key member [member ...]
pub const SADD: Command = Command {
    name: "sadd",
    group: Group::Set,
    since: "1.0.0",
    summary: "Adds members to a set, which it makes where there is none.",
    complexity: "O(N) where N is the number of members to add",
    arity: -3,
    flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
    keys: &[KeySpec::first(KeyFlags::RW.union(KeyFlags::INSERT))],
    elements: Elements::each(2, 1),
    args: &[Arg::key("key"), Arg::string("member").multiple()],
    history: &[("2.4.0", "Takes several members.")],
    handler: Handler::Write(sadd),
    ..Command::DEFAULT
};

/// SREM key member [member ...]
pub const SREM: Command = Command {
    name: "srem",
    summary: "Removes members from a set, which goes with its last.",
    complexity: "O(N) where N is the number of members to remove",
    flags: Flags::WRITE.union(Flags::FAST),
    keys: &[KeySpec::first(KeyFlags::RW.union(KeyFlags::DELETE))],
    elements: Elements::each(2, 1),
    handler: Handler::Write(srem),
    ..SADD
};

/// SCARD key
pub const SCARD: Command = Command {
    name: "scard",
    group: Group::Set,
    since: "1.0.0",
    summary: "Returns how many members a set has.",
    arity: 2,
    flags: Flags::READONLY.union(Flags::FAST),
    keys: &[KeySpec::first(KeyFlags::RO)],
    args: &[Arg::key("key")],
    handler: Handler::Read(|cx| {
        let set = cx.view.read::<Set>(cx.args.at(1))?;
        cx.reply.count(set.map_or(0, Set::len));
        Ok(())
    }),
    ..Command::DEFAULT
};

/// SMEMBERS key
pub const SMEMBERS: Command = Command {
    name: "smembers",
    summary: "Returns all members of a set.",
    complexity: "O(N) where N is the number of members",
    flags: Flags::READONLY,
    keys: &[KeySpec::first(KeyFlags::RO.union(KeyFlags::ACCESS))],
    tips: &["nondeterministic_output_order"],
    handler: Handler::Read(|cx| {
        let set = cx.view.read::<Set>(cx.args.at(1))?;
        cx.reply.set(set.map_or(0, Set::len));
        set.into_iter().flat_map(Set::iter).for_each(|member| reply_entry(&mut cx.reply, member));
        Ok(())
    }),
    ..SCARD
};

/// SISMEMBER key member
pub const SISMEMBER: Command = Command {
    name: "sismember",
    summary: "Tells whether a set has a member.",
    arity: 3,
    elements: Elements::one(2),
    args: &[Arg::key("key"), Arg::string("member")],
    handler: Handler::Read(|cx| {
        let set = cx.view.read::<Set>(cx.args.at(1))?;
        cx.reply.flag(set.is_some_and(|set| set.contains(cx.args.at(2))));
        Ok(())
    }),
    ..SCARD
};

/// SMISMEMBER key member [member ...]
pub const SMISMEMBER: Command = Command {
    name: "smismember",
    since: "6.2.0",
    summary: "Tells of each of several members whether a set has it.",
    complexity: "O(N) where N is the number of members asked for",
    arity: -3,
    keys: &[KeySpec::first(KeyFlags::RO.union(KeyFlags::ACCESS))],
    elements: Elements::each(2, 1),
    args: &[Arg::key("key"), Arg::string("member").multiple()],
    handler: Handler::Read(|cx| {
        let (set, members) = (cx.view.read::<Set>(cx.args.at(1))?, cx.args.from(2));
        cx.reply.array(members.len());
        members.iter().for_each(|member| cx.reply.flag(set.is_some_and(|set| set.contains(member))));
        Ok(())
    }),
    ..SCARD
};

/// SMOVE source destination member
pub const SMOVE: Command = Command {
    name: "smove",
    summary: "Moves a member from a set to another.",
    complexity: "O(1)",
    arity: 4,
    flags: Flags::WRITE.union(Flags::FAST),
    keys: &[
        KeySpec::first(KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE)),
        KeySpec::one(2, KeyFlags::RW.union(KeyFlags::INSERT)),
    ],
    args: &[Arg::key("source"), Arg::key_of("destination", 1), Arg::string("member")],
    history: &[],
    handler: Handler::Write(smove),
    ..SADD
};

fn sadd(cx: &mut KeyCx) -> Outcome {
    let (members, limits, event) = (cx.args.from(2), cx.limits(), (NotifyEvents::SET, "sadd"));
    let added = cx.modify(cx.args.at(1), Missing::Create, event, |set: &mut Set, change| {
        set.expect(members.len(), members.at(0), &limits);
        change.count = members.iter().filter(|member| set.insert(member, &limits)).count() as u64;
        change.count
    })?;
    cx.reply.int(added.unwrap_or(0) as i64);
    Ok(())
}

fn srem(cx: &mut KeyCx) -> Outcome {
    let (members, event) = (cx.args.from(2), (NotifyEvents::SET, "srem"));
    let removed = cx.modify(cx.args.at(1), Missing::Skip, event, |set: &mut Set, change| {
        change.count = members.iter().filter(|member| set.remove(member)).count() as u64;
        change.count
    })?;
    cx.reply.int(removed.unwrap_or(0) as i64);
    Ok(())
}

fn smove(cx: &mut KeyCx) -> Outcome {
    let (source, destination, member, limits) = (cx.args.at(1), cx.args.at(2), cx.args.at(3), cx.limits());
    let Some(found) = cx.view.get_for_write(source) else {
        cx.reply.flag(false);
        return Ok(());
    };
    let is_there = found.value::<Set>()?.contains(member);
    if let Some(found) = cx.view.get_for_write(destination) {
        found.value::<Set>()?;
    }
    cx.reply.flag(is_there);
    if !is_there || source == destination {
        return Ok(());
    }
    cx.modify(source, Missing::Skip, (NotifyEvents::SET, "srem"), |set: &mut Set, change| {
        change.count = set.remove(member).into();
    })?;
    cx.modify(destination, Missing::Create, (NotifyEvents::SET, "sadd"), |set: &mut Set, change| {
        set.expect(1, member, &limits);
        change.count = set.insert(member, &limits).into();
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn members() {
        for limit in ["128", "0"] {
            let mut t = Tester::new(crate::FAMILIES);
            t.check(&format!("CONFIG SET set-max-listpack-entries {limit}"), "+OK");
            t.check("SADD s 1 2 2", ":2");
            t.check("OBJECT ENCODING s", "$intset");
            t.check("SADD s a", ":1");
            t.check("OBJECT ENCODING s", if limit == "0" { "$hashtable" } else { "$listpack" });
            t.check("SADD s a 1", ":0");
            t.check("SCARD s", ":3");
            t.check("SCARD none", ":0");
            t.check("SISMEMBER s a", ":1");
            t.check("SISMEMBER s b", ":0");
            t.check("SMISMEMBER s a b 1", "[:1, :0, :1]");
            t.check("SMISMEMBER none a", "[:0]");
            t.check("SREM s 1 2 x", ":2");
            t.check_both("SMEMBERS s", "[$a]", "~[$a]");
            t.check_both("SMEMBERS none", "[]", "~[]");
            t.check("SREM s a", ":1");
            t.check("EXISTS s", ":0");
            t.check("SREM s a", ":0");
        }
    }

    #[test]
    fn moves() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("SADD a x y", ":2");
        t.check("SMOVE a b x", ":1");
        t.check("SMOVE a b x", ":0");
        t.check("SMOVE a a y", ":1");
        t.check("SMOVE none b x", ":0");
        t.check("SADD b y", ":1");
        t.check("SMOVE a b y", ":1");
        t.check("EXISTS a", ":0");
        t.check("SCARD b", ":2");
        t.check("SET s x", "+OK");
        t.check("SMOVE b s x", "-WRONGTYPE Operation against a key holding the wrong kind of value");
        t.check("SCARD b", ":2");
        for line in [
            "SADD s a",
            "SREM s a",
            "SCARD s",
            "SMEMBERS s",
            "SISMEMBER s a",
            "SMISMEMBER s a",
            "SMOVE s b a",
        ] {
            t.check(line, "-WRONGTYPE Operation against a key holding the wrong kind of value");
        }
    }
}
