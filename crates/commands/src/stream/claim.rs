//! XCLAIM and XAUTOCLAIM: giving a consumer what others got and do not acknowledge.

use data::Stream;
use data::stream::{Group as ConsumerGroup, Pending, StreamId};
use engine::args::{integer, is};
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use keyspace::parse_integer;
use resp::{Args, Encoder};
use std::sync::Arc;

use super::effects::Effects;
use super::{ids, modify_unwatched, no_group, shown};

/// XCLAIM key group consumer min-idle-time id [id ...] [IDLE ms] [TIME unix-time-milliseconds] [RETRYCOUNT count]
/// [FORCE] [JUSTID] [LASTID lastid]
pub const XCLAIM: Command = Command {
    name: "xclaim",
    group: Group::Stream,
    since: "5.0.0",
    summary: "Gives a consumer pending entries of others.",
    complexity: "O(log(N)) for each ID, where N is the number of pending entries",
    arity: -6,
    flags: Flags::WRITE.union(Flags::FAST),
    keys: &[KeySpec::first(KeyFlags::RW.union(KeyFlags::UPDATE))],
    args: &[
        Arg::key("key"),
        Arg::string("group"),
        Arg::string("consumer"),
        Arg::string("min-idle-time"),
        Arg::string("ID").multiple(),
        Arg::integer("ms").token("IDLE").optional(),
        Arg::unix_time("unix-time-milliseconds").token("TIME").optional(),
        Arg::integer("count").token("RETRYCOUNT").optional(),
        Arg::word("force", "FORCE").optional(),
        Arg::word("justid", "JUSTID").optional(),
        Arg::string("lastid").token("LASTID").optional(),
    ],
    tips: &["nondeterministic_output"],
    handler: Handler::Write(xclaim),
    ..Command::DEFAULT
};

/// XAUTOCLAIM key group consumer min-idle-time start [COUNT count] [JUSTID]
pub const XAUTOCLAIM: Command = Command {
    name: "xautoclaim",
    since: "6.2.0",
    summary: "Gives a consumer entries that are pending for long, from an ID on.",
    complexity: "O(N) where N is the number of pending entries looked at",
    keys: &[KeySpec::first(KeyFlags::RW.union(KeyFlags::DELETE))],
    args: &[
        Arg::key("key"),
        Arg::string("group"),
        Arg::string("consumer"),
        Arg::string("min-idle-time"),
        Arg::string("start"),
        Arg::integer("count").token("COUNT").optional(),
        Arg::word("justid", "JUSTID").optional(),
    ],
    history: &[("7.0.0", "Tells of entries that are gone and pending no more.")],
    handler: Handler::Write(xautoclaim),
    ..XCLAIM
};

/// Pending entries looked at for each that XAUTOCLAIM may give.
const ATTEMPTS: usize = 10;

/// Who claims, and how.
#[derive(Default)]
struct Claim {
    now: i64,
    /// Only what was given so many milliseconds ago.
    min_idle: i64,
    /// When it is said to be given.
    time: i64,
    /// How often it is said to be given; else once more.
    count: Option<u64>,
    /// Make it pending if it is not.
    force: bool,
    /// Reply IDs alone, and count no delivery.
    just_id: bool,
    last_id: StreamId,
}

impl Claim {
    fn new(min_idle: &[u8], command: &str, now: i64) -> Result<Claim, Error> {
        let min_idle = parse_integer(min_idle).ok_or_else(|| invalid("min-idle-time", command))?;
        Ok(Claim { now, min_idle: min_idle.max(0), time: now, ..Claim::default() })
    }

    /// Reads XCLAIM's options.
    fn options(&mut self, args: Args) -> Result<(), Error> {
        let (mut at, mut time) = (0, None);
        while let Some(word) = args.get(at) {
            at += 1;
            if is(word, "FORCE") {
                self.force = true;
                continue;
            } else if is(word, "JUSTID") {
                self.just_id = true;
                continue;
            }
            let option = ["IDLE", "TIME", "RETRYCOUNT", "LASTID"].into_iter().find(|option| is(word, option));
            let (Some(option), Some(value)) = (option, args.get(at)) else {
                let word = shown(word);
                return Err(Error::err(format_args!("Unrecognized XCLAIM option '{word}'")));
            };
            at += 1;
            if option == "LASTID" {
                self.last_id = ids::id(value)?;
                continue;
            }
            let value = parse_integer(value).ok_or_else(|| invalid(&format!("{option} option"), "XCLAIM"))?;
            match option {
                "IDLE" => time = Some(self.now.wrapping_sub(value)),
                "TIME" => time = Some(value),
                _ => self.count = u64::try_from(value).ok(),
            }
        }
        // A client's clock may go wrong: what is no time of the past is now. A log that is applied, where time stands still
        // at 0, says when it was.
        let is_sound = |time: &i64| *time >= 0 && (*time <= self.now || self.now == 0);
        self.time = time.filter(is_sound).unwrap_or(self.now);
        Ok(())
    }

    fn is_idle(&self, pending: &Pending) -> bool {
        self.min_idle == 0 || self.now.wrapping_sub(pending.delivery_time) >= self.min_idle
    }
}

fn invalid(argument: &str, command: &str) -> Error {
    Error::err(format_args!("Invalid {argument} argument for {command}"))
}

/// What becomes of an entry that is claimed.
enum Claimed {
    /// It is the consumer's.
    Given,
    /// It is gone, and pending no more.
    Gone,
    /// It is not pending, or not for long enough; or it is gone and was not pending.
    Left,
}

/// A claim under way in a group.
struct Claiming<'r, 'a> {
    stream: &'r mut Stream,
    group: &'r [u8],
    consumer: Arc<[u8]>,
    claim: &'r Claim,
    effects: &'r mut Effects<'a>,
}

impl<'r, 'a> Claiming<'r, 'a> {
    /// Begins: the consumer is seen, or made. There is no such group without a result.
    fn begin(
        stream: &'r mut Stream,
        (group, consumer): (&'r [u8], &[u8]),
        claim: &'r Claim,
        effects: &'r mut Effects<'a>,
    ) -> Option<Claiming<'r, 'a>> {
        let (consumer, created) = stream.groups.get_mut(group)?.see(consumer, claim.now);
        if created {
            effects.created(&consumer);
        }
        Some(Claiming { stream, group, consumer, claim, effects })
    }

    /// Claims one entry, and replies it if it is given.
    fn claim(&mut self, id: StreamId, to: &mut Encoder) -> Claimed {
        let parts = &mut **self.stream;
        let Some(group) = parts.groups.get_mut(self.group) else { return Claimed::Left };
        let Some(entry) = parts.entries.get(id) else { return self.forget(id) };
        let count = match group.pending().get(&id) {
            Some(pending) if self.claim.is_idle(pending) => pending.delivery_count,
            None if self.claim.force => 1,
            _ => return Claimed::Left,
        };
        let again = count.wrapping_add(u64::from(!self.claim.just_id));
        let pending = Pending {
            delivery_time: self.claim.time,
            delivery_count: self.claim.count.unwrap_or(again),
            consumer: self.consumer.clone(),
        };
        self.effects.claimed(id, &pending, group.last_id);
        self.effects.dirty += 1;
        group.assign(id, pending);
        group.note_active(&self.consumer, self.claim.now);
        if self.claim.just_id {
            to.bulk(&id.text());
        } else {
            ids::reply_entry(to, &entry);
        }
        Claimed::Given
    }

    /// Forgets that an entry is pending which is gone.
    fn forget(&mut self, id: StreamId) -> Claimed {
        let Some(group) = self.stream.groups.get_mut(self.group) else { return Claimed::Left };
        let Some(pending) = group.acknowledge(id) else { return Claimed::Left };
        self.effects.claimed(id, &pending, group.last_id);
        self.effects.dirty += 1;
        Claimed::Gone
    }
}

/// The group that a claim is about.
fn group_of<'s>(stream: &'s mut Stream, args: Args) -> Result<&'s mut ConsumerGroup, Error> {
    stream.groups.get_mut(args.at(2)).ok_or_else(|| no_group(args.at(1), args.at(2), ""))
}

fn xclaim(cx: &mut KeyCx) -> Outcome {
    let (args, now) = (cx.args, cx.clock());
    let mut effects = Effects::new(cx, args.at(1), args.at(2));
    let claimed = modify_unwatched(cx, args.at(1), |stream, to| {
        let group = group_of(stream, args)?;
        let mut claim = Claim::new(args.at(4), "XCLAIM", now)?;
        let ids: Vec<_> = args.from(5).iter().map_while(|arg| ids::id(arg).ok()).collect();
        claim.options(args.from(5 + ids.len()))?;
        let moves = claim.last_id > group.last_id;
        group.last_id = group.last_id.max(claim.last_id);
        let mark = to.mark();
        let names = (args.at(2), args.at(3));
        let Some(mut claiming) = Claiming::begin(stream, names, &claim, &mut effects) else { return Ok(()) };
        let (mut given, mut told) = (0, false);
        for id in ids {
            match claiming.claim(id, to) {
                Claimed::Given => (given, told) = (given + 1, true),
                Claimed::Gone => told = true,
                Claimed::Left => {}
            }
        }
        // Each claim tells where the group stands.
        if moves && !told {
            effects.moved(group_of(stream, args)?);
            effects.dirty += 1;
        }
        to.deferred(mark, given);
        Ok(())
    })?;
    claimed.ok_or_else(|| no_group(args.at(1), args.at(2), ""))?;
    effects.settle(cx);
    Ok(())
}

/// Reads XAUTOCLAIM's options: how many entries to give at most.
fn autoclaim_options(claim: &mut Claim, args: Args) -> Result<usize, Error> {
    /// So that all that is counted stays within 64 bits.
    const MOST: i64 = i64::MAX / 16;
    let (mut most, mut at) = (100, 6);
    while let Some(word) = args.get(at) {
        match args.get(at + 1) {
            Some(count) if is(word, "COUNT") => {
                let count = integer(count).ok().filter(|count| (1..=MOST).contains(count));
                most = count.ok_or(Error::text("ERR COUNT must be > 0"))? as usize;
                at += 1;
            }
            _ if is(word, "JUSTID") => claim.just_id = true,
            _ => return Err(Error::Syntax),
        }
        at += 1;
    }
    Ok(most)
}

fn xautoclaim(cx: &mut KeyCx) -> Outcome {
    let (args, now) = (cx.args, cx.clock());
    let mut claim = Claim::new(args.at(4), "XAUTOCLAIM", now)?;
    let start = ids::start(args.at(5))?;
    let mut most = autoclaim_options(&mut claim, args)?;
    let mut effects = Effects::new(cx, args.at(1), args.at(2));
    let claimed = modify_unwatched(cx, args.at(1), |stream, to| {
        let attempts = most.saturating_mul(ATTEMPTS);
        let looked_at = group_of(stream, args)?.pending().range(start..).map(|(id, _)| *id);
        let pending: Vec<_> = looked_at.take(attempts.saturating_add(1)).collect();
        let names = (args.at(2), args.at(3));
        let Some(mut claiming) = Claiming::begin(stream, names, &claim, &mut effects) else { return Ok(()) };
        to.array(3);
        let (mark, mut given, mut gone, mut at) = (to.mark(), 0, Vec::new(), 0);
        while at < pending.len().min(attempts) && most > 0 {
            let id = pending[at];
            at += 1;
            match claiming.claim(id, to) {
                Claimed::Given => given += 1,
                Claimed::Gone => gone.push(id.text()),
                Claimed::Left => continue,
            }
            most -= 1;
        }
        to.deferred(mark, given);
        let body = to.out.split_off(mark);
        to.bulk(&pending.get(at).copied().unwrap_or(StreamId::MIN).text());
        to.raw(&body);
        to.bulks(gone.iter());
        Ok(())
    })?;
    claimed.ok_or_else(|| no_group(args.at(1), args.at(2), ""))?;
    effects.settle(cx);
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    /// Five entries, all of which ann got.
    fn tester() -> Tester {
        let mut t = Tester::new(crate::FAMILIES);
        for id in 1..=5 {
            t.check(&format!("XADD s {id} f {id}"), &format!("${id}-0"));
        }
        t.check("XGROUP CREATE s g 0", "+OK");
        t.reply("XREADGROUP GROUP g ann STREAMS s >");
        t
    }

    fn counts(t: &mut Tester) -> Vec<String> {
        // ID, consumer, and how often it was given; the time is left out.
        let reply = t.reply("XPENDING s g - + 10");
        let entries = reply.trim_matches(['[', ']']).split("], [").map(|entry| {
            let parts: Vec<_> = entry.split(", ").collect();
            if parts.len() < 4 { entry.to_owned() } else { [parts[0], parts[1], parts[3]].join(" ") }
        });
        entries.collect()
    }

    #[test]
    fn claiming() {
        let mut t = tester();
        t.check("XCLAIM s g bob 0 1 2-0 9", "[[$1-0, [$f, $1]], [$2-0, [$f, $2]]]");
        t.check("XCLAIM s g bob 3600000 3", "[]");
        t.check("XCLAIM s g bob 0 3 JUSTID", "[$3-0]");
        t.check("XCLAIM s g bob 0 4 RETRYCOUNT 7 IDLE 5 JUSTID", "[$4-0]");
        assert_eq!(
            counts(&mut t),
            ["$1-0 $bob :2", "$2-0 $bob :2", "$3-0 $bob :1", "$4-0 $bob :7", "$5-0 $ann :1"]
        );
        t.check("XDEL s 2 5", ":2");
        t.check("XCLAIM s g ann 0 2 3 5", "[[$3-0, [$f, $3]]]");
        t.check("XACK s g 1 4 9", ":2");
        assert_eq!(counts(&mut t), ["$3-0 $ann :2"]);
        t.check("XCLAIM s g bob 0 1 FORCE JUSTID", "[$1-0]");
        t.check("XCLAIM s g bob 0 4 9 FORCE TIME 5 LASTID 8", "[[$4-0, [$f, $4]]]");
        assert_eq!(counts(&mut t), ["$1-0 $bob :1", "$3-0 $ann :2", "$4-0 $bob :2"]);
        assert!(
            t.logged().last().is_some_and(
                |line| line == "XCLAIM s g bob 0 4-0 TIME 5 RETRYCOUNT 2 FORCE JUSTID LASTID 8-0"
            )
        );
        t.check("XCLAIM s g bob 0 4 LASTID 9 IDLE x", "-ERR Invalid IDLE option argument for XCLAIM");
        t.check("XCLAIM s g bob 3600000 3 LASTID 9", "[]");
        assert!(t.logged().last().is_some_and(|line| line.starts_with("XGROUP SETID s g 9-0 ENTRIESREAD ")));
        let own = t.reply("XPENDING s g (1 + 10 bob");
        assert!(own.starts_with("[[$4-0, $bob, :") && !own.contains("ann"), "{own}");
    }

    #[test]
    fn claiming_what_is_old() {
        let mut t = tester();
        t.check("XDEL s 2 4", ":2");
        t.check("XAUTOCLAIM s g bob 3600000 -", "[$0-0, [], [$2-0, $4-0]]");
        t.check("XAUTOCLAIM s g bob 0 - COUNT 1", "[$3-0, [[$1-0, [$f, $1]]], []]");
        t.check("XAUTOCLAIM s g bob 0 (1 COUNT 1 JUSTID", "[$5-0, [$3-0], []]");
        t.check("XAUTOCLAIM s g bob 0 5", "[$0-0, [[$5-0, [$f, $5]]], []]");
        assert_eq!(counts(&mut t), ["$1-0 $bob :2", "$3-0 $bob :1", "$5-0 $bob :2"]);
        t.check("XAUTOCLAIM s g bob 0 9", "[$0-0, [], []]");
    }

    #[test]
    fn refusals() {
        let mut t = tester();
        for (line, error) in [
            ("XCLAIM none g c 0 1", "NOGROUP No such key 'none' or consumer group 'g'"),
            ("XCLAIM s no c x 1", "NOGROUP No such key 's' or consumer group 'no'"),
            ("XCLAIM s g c x 1", "ERR Invalid min-idle-time argument for XCLAIM"),
            ("XCLAIM s g c 0 1 what", "ERR Unrecognized XCLAIM option 'what'"),
            ("XCLAIM s g c 0 1 TIME", "ERR Unrecognized XCLAIM option 'TIME'"),
            ("XCLAIM s g c 0 1 TIME x", "ERR Invalid TIME option argument for XCLAIM"),
            ("XCLAIM s g c 0 1 RETRYCOUNT x", "ERR Invalid RETRYCOUNT option argument for XCLAIM"),
            ("XCLAIM s g c 0 1 LASTID x", "ERR Invalid stream ID specified as stream command argument"),
            ("XAUTOCLAIM s g c x 1", "ERR Invalid min-idle-time argument for XAUTOCLAIM"),
            ("XAUTOCLAIM s g c 0 x", "ERR Invalid stream ID specified as stream command argument"),
            ("XAUTOCLAIM s g c 0 0 COUNT 0", "ERR COUNT must be > 0"),
            ("XAUTOCLAIM s g c 0 0 COUNT", "ERR syntax error"),
            ("XAUTOCLAIM s no c 0 0", "NOGROUP No such key 's' or consumer group 'no'"),
            ("XPENDING s no", "NOGROUP No such key 's' or consumer group 'no'"),
            ("XPENDING s g - +", "ERR syntax error"),
            ("XPENDING s g IDLE 0 - +", "ERR syntax error"),
            ("XPENDING s g - + x", "ERR value is not an integer or out of range"),
        ] {
            t.check(line, &format!("-{error}"));
        }
        t.check("XACK s no x", ":0");
        t.check("XACK s g x", "-ERR Invalid stream ID specified as stream command argument");
        t.check("XPENDING s g + - 10", "[]");
        t.check("XPENDING s g - + 10 nobody", "[]");
        t.check("XPENDING s g IDLE 3600000 - + 10 ann", "[]");
        t.check("XPENDING s g - + 0", "[]");
    }
}
