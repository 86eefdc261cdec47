//! XREADGROUP: a group's consumers share what comes.

use data::Stream;
use data::stream::{Delivery, StreamId};
use engine::command::Begin;
use engine::{Arg, Command, Error, Flags, Handler, KeyCx, KeySpec, Outcome};
use resp::Encoder;

use super::effects::Effects;
use super::read::{BLOCK, COUNT, Reply, Request, STREAMS, XREAD};
use super::{ids, modify_unwatched, no_group};

/// XREADGROUP GROUP group consumer [COUNT count] [BLOCK milliseconds] [NOACK] STREAMS key [key ...] id [id ...]
pub const XREADGROUP: Command = Command {
    name: "xreadgroup",
    summary: "Gives a group's consumer entries of some streams that nobody got, or its own again; can wait for some.",
    arity: -7,
    flags: Flags::BLOCKING.union(Flags::WRITE),
    keys: &[KeySpec { begin: Begin::Keyword("STREAMS", 4), ..XREAD.keys[0] }],
    args: &[
        Arg::block("group-block", &[Arg::string("group"), Arg::string("consumer")]).token("GROUP"),
        COUNT,
        BLOCK,
        Arg::word("noack", "NOACK").optional(),
        STREAMS,
    ],
    handler: Handler::Write(xreadgroup),
    ..XREAD
};

/// Where XREADGROUP begins in a stream: `None` with what nobody got yet, an ID with what the consumer got behind it.
fn from(cx: &mut KeyCx, request: &Request, group: &[u8], stream: usize) -> Result<Option<StreamId>, Error> {
    let key = request.key(stream);
    if !cx.view.read::<Stream>(key)?.is_some_and(|found| found.groups.contains_key(group)) {
        return Err(no_group(key, group, " in XREADGROUP with GROUP option"));
    }
    let meaningless = |id| {
        Err(Error::err(format_args!(
            "The {id} ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by \
             specifying a proper ID, or use the > ID to get new messages. The {id} ID would just return an empty \
             result set."
        )))
    };
    match request.id(stream) {
        b"$" => meaningless('$'),
        b"+" => meaningless('+'),
        b">" => Ok(None),
        id => Ok(Some(ids::id(id)?).filter(|id| *id != StreamId::MAX)),
    }
}

fn xreadgroup(cx: &mut KeyCx) -> Outcome {
    let request = Request::parse(cx.args, true, cx.now())?;
    let Some((group, consumer)) = request.group else { return Err(Error::Syntax) };
    let froms = (0..request.streams)
        .map(|stream| from(cx, &request, group, stream))
        .collect::<Result<Vec<_>, _>>()?;
    let mut reply = Reply::begin(&cx.reply);
    for (stream, from) in froms.into_iter().enumerate() {
        let key = request.key(stream);
        let (mut effects, now) = (Effects::new(cx, key, group), cx.clock());
        modify_unwatched(cx, key, |stream, to| {
            let Some(found) = stream.groups.get_mut(group) else { return Ok(()) };
            let (consumer, created) = found.see(consumer, now);
            if created {
                effects.created(&consumer);
            }
            let delivery = Delivery { consumer, now, acknowledged: request.acknowledged, most: request.most };
            let mut reading =
                Reading { stream, group, delivery, effects: &mut effects, reply: &mut reply, key };
            match from {
                Some(after) => reading.again(after, to),
                None => reading.fresh(to),
            }
            Ok(())
        })?;
        effects.settle(cx);
    }
    if !reply.end(&mut cx.reply) {
        request.wait(cx, &[]);
    }
    Ok(())
}

/// A consumer's reading of one stream.
struct Reading<'r, 'a> {
    stream: &'r mut Stream,
    group: &'r [u8],
    delivery: Delivery,
    effects: &'r mut Effects<'a>,
    reply: &'r mut Reply,
    key: &'r [u8],
}

impl Reading<'_, '_> {
    /// Gives the consumer what it got already, from behind an ID on.
    fn again(&mut self, after: StreamId, to: &mut Encoder) {
        let parts = &mut **self.stream;
        let Some(group) = parts.groups.get_mut(self.group) else { return };
        self.reply.stream(to, self.key);
        let mark = to.mark();
        let start = after.next().unwrap_or(StreamId::MAX);
        let count =
            group.deliver_again(&parts.entries, &self.delivery, start, &mut |id, entry| match entry {
                Some(entry) => ids::reply_entry(to, entry),
                None => {
                    to.array(2);
                    to.bulk(&id.text());
                    to.null_array();
                }
            });
        to.deferred(mark, count);
    }

    /// Gives the consumer what nobody got yet, if there is anything.
    fn fresh(&mut self, to: &mut Encoder) {
        let parts = &mut **self.stream;
        let Some(group) = parts.groups.get_mut(self.group) else { return };
        if parts.entries.last_entry_id().is_none_or(|last| last <= group.last_id) {
            return;
        }
        self.reply.stream(to, self.key);
        let (mark, mut given) = (to.mark(), Vec::new());
        let count = group.deliver(&parts.entries, &self.delivery, &mut |entry| {
            ids::reply_entry(to, entry);
            given.push(entry.id);
        });
        to.deferred(mark, count);
        for id in given {
            if let Some(pending) = group.pending().get(&id).filter(|_| self.delivery.acknowledged) {
                self.effects.claimed(id, pending, id);
            }
        }
        self.effects.moved(group);
        self.effects.dirty += 1;
    }
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    const ONE: &str = "[[$s, [[$1-0, [$f, $v]]]]]";
    const ONE_3: &str = "{$s: [[$1-0, [$f, $v]]]}";

    #[test]
    fn groups_share_entries() {
        let mut t = Tester::new(crate::FAMILIES);
        for id in 1..=3 {
            t.check(&format!("XADD s {id} f {id}"), &format!("${id}-0"));
        }
        t.check("XGROUP CREATE s g 0", "+OK");
        let got = |id: &str| {
            (format!("[[$s, [[${id}-0, [$f, ${id}]]]]]"), format!("{{$s: [[${id}-0, [$f, ${id}]]]}}"))
        };
        let (two, three) = got("1");
        t.check_both("XREADGROUP GROUP g ann COUNT 1 STREAMS s >", &two, &three);
        let (two, three) = got("2");
        t.check_both("XREADGROUP GROUP g bob COUNT 1 STREAMS s >", &two, &three);
        t.check_both("XREADGROUP GROUP g bob STREAMS s 0", &two, &three);
        t.check_both("XREADGROUP GROUP g bob STREAMS s 2", "[[$s, []]]", "{$s: []}");
        t.check("XDEL s 2", ":1");
        t.check_both(
            "XREADGROUP GROUP g bob STREAMS s 0",
            "[[$s, [[$2-0, (nil)]]]]",
            "{$s: [[$2-0, (nil)]]}",
        );
        let (two, three) = got("3");
        t.check_both("XREADGROUP GROUP g eve NOACK STREAMS s >", &two, &three);
        t.check("XREADGROUP GROUP g eve STREAMS s >", "(nil)");
        t.check("XPENDING s g", "[:2, $1-0, $2-0, [[$ann, $1], [$bob, $1]]]");
        let mut logged = t.logged();
        logged.retain(|line| line != "MULTI" && line != "EXEC");
        let time = logged[6].split(' ').nth(7).expect("a time").to_owned();
        assert_eq!(
            logged[5..8],
            [
                "XGROUP CREATECONSUMER s g ann".to_owned(),
                format!("XCLAIM s g ann 0 1-0 TIME {time} RETRYCOUNT 1 FORCE JUSTID LASTID 1-0"),
                "XGROUP SETID s g 1-0 ENTRIESREAD 1".to_owned(),
            ]
        );
        assert_eq!(logged[12..], ["XGROUP CREATECONSUMER s g eve", "XGROUP SETID s g 3-0 ENTRIESREAD 3"]);
    }

    #[test]
    fn who_waits_in_a_group_sees_it_go() {
        let mut t = Tester::new(crate::FAMILIES);
        let gone = "-NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option";
        let wait = |t: &mut Tester| {
            t.client(0).check("XGROUP CREATE s g $ MKSTREAM", "+OK");
            t.client(1).check("XREADGROUP GROUP g c BLOCK 0 STREAMS s >", "");
            t.client(2).check("XREADGROUP GROUP g d BLOCK 0 STREAMS s >", "");
            t.client(0);
        };
        wait(&mut t);
        t.check("XADD s 1 f v", "$1-0");
        t.check_received(1, Some(ONE), Some(ONE_3));
        t.check_received(2, None, None);
        t.check("XGROUP DESTROY s g", ":1");
        t.check_received(2, Some(gone), Some(gone));
        let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value";
        for (line, reply, told) in [
            ("DEL s", ":1", gone),
            ("SET s x", "+OK", wrong),
            ("FLUSHALL", "+OK", gone),
            ("PEXPIREAT s 1", ":1", gone),
            ("RENAME s other", "+OK", gone),
        ] {
            wait(&mut t);
            t.check(line, reply);
            t.check_received(1, Some(told), Some(told));
            t.check_received(2, Some(told), Some(told));
            t.reply("DEL s");
        }
    }

    #[test]
    fn groups_may_be_called_streams() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("XGROUP CREATE s streams 0 MKSTREAM", "+OK");
        t.check("XREADGROUP COUNT 1 GROUP streams block STREAMS s >", "(nil)");
        t.check("COMMAND GETKEYS XREADGROUP COUNT 1 GROUP streams block STREAMS s >", "[$s]");
        t.check("COMMAND GETKEYS XREAD BLOCK 0 STREAMS a b 0 0", "[$a, $b]");
        t.check("COMMAND GETKEYS XREAD COUNT 0 STREAMS a b 0", "[$a]");
    }
}
