//! XREAD: what has come since, and waiting for it; and the arguments that it shares with XREADGROUP.

use data::stream::StreamId;
use data::{Stream, Type};
use engine::args::{integer, is, timeout_ms};
use engine::blocking::{Nothing, Wait};
use engine::command::{Begin, Find};
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use resp::{Args, Encoder, OwnedArgs};

use super::ids;

/// XREAD [COUNT count] [BLOCK milliseconds] STREAMS key [key ...] id [id ...]
pub const XREAD: Command = Command {
    name: "xread",
    group: Group::Stream,
    since: "5.0.0",
    summary: "Returns the entries behind an ID of each of some streams; can wait for some.",
    complexity: "O(M) for each stream, where M is the number of entries returned",
    arity: -4,
    flags: Flags::BLOCKING.union(Flags::READONLY),
    keys: &[KeySpec {
        flags: READ,
        begin: Begin::Keyword("STREAMS", 1),
        find: Find::Range { last: -1, step: 1, limit: 2 },
        notes: None,
    }],
    find_keys: Some(find_keys),
    args: &[COUNT, BLOCK, STREAMS],
    handler: Handler::Read(xread),
    ..Command::DEFAULT
};

const READ: KeyFlags = KeyFlags::RO.union(KeyFlags::ACCESS);
pub(super) const COUNT: Arg = Arg::integer("count").token("COUNT").optional();
pub(super) const BLOCK: Arg = Arg::integer("milliseconds").token("BLOCK").optional();
pub(super) const STREAMS: Arg =
    Arg::block("streams", &[Arg::key("key").multiple(), Arg::string("ID").multiple()]).token("STREAMS");

/// Finds the keys as the command itself does, so that a group may be called `streams`.
fn find_keys(args: Args, visit: &mut dyn FnMut(usize, KeyFlags)) {
    let mut at = 1;
    while let Some(word) = args.get(at) {
        at += match word {
            _ if is(word, "BLOCK") || is(word, "COUNT") => 2,
            _ if is(word, "GROUP") => 3,
            _ if is(word, "NOACK") => 1,
            _ if is(word, "STREAMS") => break,
            _ => return,
        };
    }
    let keys = args.len().saturating_sub(at + 1) / 2;
    (at + 1..at + 1 + keys).for_each(|key| visit(key, READ));
}

/// What is asked for, but for the IDs.
pub(super) struct Request<'a> {
    args: Args<'a>,
    /// Until when to wait, if at all.
    block: Option<Option<i64>>,
    pub(super) most: usize,
    /// Group and consumer.
    pub(super) group: Option<(&'a [u8], &'a [u8])>,
    pub(super) acknowledged: bool,
    /// The first key's argument.
    first: usize,
    pub(super) streams: usize,
}

impl<'a> Request<'a> {
    pub(super) fn parse(args: Args<'a>, of_group: bool, now: i64) -> Result<Request<'a>, Error> {
        let mut request = Request {
            args,
            block: None,
            most: usize::MAX,
            group: None,
            acknowledged: true,
            first: 0,
            streams: 0,
        };
        let mut at = 1;
        while request.first == 0 {
            let (word, left) = (args.get(at).ok_or(Error::Syntax)?, args.len() - at - 1);
            at += 1;
            if is(word, "BLOCK") && left > 0 {
                request.block = Some(timeout_ms(args.at(at), now)?);
                at += 1;
            } else if is(word, "COUNT") && left > 0 {
                request.most = ids::most(integer(args.at(at))?);
                at += 1;
            } else if is(word, "STREAMS") && left > 0 {
                if !left.is_multiple_of(2) {
                    return Err(unbalanced(of_group));
                }
                (request.first, request.streams) = (at, left / 2);
            } else if is(word, "GROUP") && left > 1 {
                only_of_group(of_group, "GROUP")?;
                request.group = Some((args.at(at), args.at(at + 1)));
                at += 2;
            } else if is(word, "NOACK") {
                only_of_group(of_group, "NOACK")?;
                request.acknowledged = false;
            } else {
                return Err(Error::Syntax);
            }
        }
        if of_group && request.group.is_none() {
            return Err(Error::text("ERR Missing GROUP option for XREADGROUP"));
        }
        Ok(request)
    }

    pub(super) fn key(&self, stream: usize) -> &'a [u8] {
        self.args.at(self.first + stream)
    }

    pub(super) fn id(&self, stream: usize) -> &'a [u8] {
        self.args.at(self.first + self.streams + stream)
    }

    /// Waits for a stream at one of the keys if that was asked for, else says that there is nothing. The IDs are those
    /// to go on from.
    pub(super) fn wait(&self, cx: &mut KeyCx, after: &[StreamId]) {
        let Some(until) = self.block else { return cx.reply.null_array() };
        let keys = (0..self.streams).map(|stream| self.key(stream).into()).collect();
        let sees_loss = self.group.is_some();
        let wait = Wait { keys, wants: Type::Stream, sees_loss, until, at_once: Nothing::NullArray };
        cx.wait_with(wait, self.fixed(after));
    }

    /// The arguments with the last IDs of this moment in place of `$`.
    fn fixed(&self, after: &[StreamId]) -> OwnedArgs {
        let first = self.first + self.streams;
        let mut fixed = OwnedArgs::default();
        for (at, arg) in self.args.iter().enumerate() {
            match after.get(at.wrapping_sub(first)) {
                Some(id) if arg == b"$" => fixed.push(&id.text()),
                _ => fixed.push(arg),
            }
        }
        fixed
    }
}

fn unbalanced(of_group: bool) -> Error {
    let (name, id) = if of_group { ("xreadgroup", '>') } else { ("xread", '$') };
    Error::err(format_args!(
        "Unbalanced '{name}' list of streams: for each stream key an ID or '{id}' must be specified."
    ))
}

fn only_of_group(of_group: bool, option: &str) -> Result<(), Error> {
    let refusal = || {
        Error::err(format_args!(
            "The {option} option is only supported by XREADGROUP. You called XREAD instead."
        ))
    };
    of_group.then_some(()).ok_or_else(refusal)
}

/// The reply of streams that have something, under way.
pub(super) struct Reply {
    mark: usize,
    streams: usize,
}

impl Reply {
    pub(super) fn begin(to: &Encoder) -> Reply {
        Reply { mark: to.mark(), streams: 0 }
    }

    /// Begins the part of one stream.
    pub(super) fn stream(&mut self, to: &mut Encoder, key: &[u8]) {
        self.streams += 1;
        if !to.resp3() {
            to.array(2);
        }
        to.bulk(key);
    }

    /// Puts the head in front; answers whether any stream has something.
    pub(super) fn end(self, to: &mut Encoder) -> bool {
        if self.streams == 0 {
            return false;
        }
        let body = to.out.split_off(self.mark);
        if to.resp3() {
            to.map(self.streams)
        } else {
            to.array(self.streams)
        }
        to.raw(&body);
        true
    }
}

fn xread(cx: &mut KeyCx) -> Outcome {
    let request = Request::parse(cx.args, false, cx.now())?;
    let after =
        (0..request.streams).map(|stream| after(cx, &request, stream)).collect::<Result<Vec<_>, _>>()?;
    let mut reply = Reply::begin(&cx.reply);
    for (stream, after) in after.iter().enumerate() {
        let key = request.key(stream);
        let (Some(found), Some(start)) = (cx.view.read::<Stream>(key)?, after.next()) else { continue };
        let mut entries = found.entries.range(start..=StreamId::MAX).take(request.most).peekable();
        if entries.peek().is_some() {
            reply.stream(&mut cx.reply, key);
            ids::reply_entries(&mut cx.reply, entries);
        }
    }
    if !reply.end(&mut cx.reply) {
        request.wait(cx, &after);
    }
    Ok(())
}

/// The ID behind which XREAD looks in a stream.
fn after(cx: &mut KeyCx, request: &Request, stream: usize) -> Result<StreamId, Error> {
    let found = cx.view.read::<Stream>(request.key(stream))?;
    match request.id(stream) {
        b"$" => Ok(found.map_or(StreamId::MIN, |found| found.entries.counters().last_id)),
        b"+" => {
            let last = found.and_then(|found| found.entries.last_entry_id());
            Ok(last.and_then(StreamId::previous).unwrap_or(StreamId::MIN))
        }
        b">" => Err(Error::text(
            "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.",
        )),
        id => ids::id(id),
    }
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    const ONE: &str = "[[$s, [[$1-0, [$f, $v]]]]]";
    const ONE_3: &str = "{$s: [[$1-0, [$f, $v]]]}";

    #[test]
    fn reading_what_is_behind() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("XADD s 1 f v", "$1-0");
        t.check("XADD s 2 g w", "$2-0");
        t.check("XADD t 1 x y", "$1-0");
        t.check_both("XREAD COUNT 1 STREAMS s 0", ONE, ONE_3);
        t.check_both(
            "XREAD STREAMS none s t 0 1-0 0",
            "[[$s, [[$2-0, [$g, $w]]]], [$t, [[$1-0, [$x, $y]]]]]",
            "{$s: [[$2-0, [$g, $w]]], $t: [[$1-0, [$x, $y]]]}",
        );
        t.check("XREAD STREAMS s t $ 5", "(nil)");
        t.check("XREAD STREAMS s 18446744073709551615-18446744073709551615", "(nil)");
        t.check_both("XREAD COUNT 9 STREAMS s +", "[[$s, [[$2-0, [$g, $w]]]]]", "{$s: [[$2-0, [$g, $w]]]}");
        t.check("XDEL s 2", ":1");
        t.check_both("XREAD STREAMS s +", ONE, ONE_3);
        t.check("XDEL s 1", ":1");
        t.check("XREAD STREAMS s +", "(nil)");
        t.check("XREAD STREAMS s 0", "(nil)");
    }

    #[test]
    fn waiting_for_entries() {
        let mut t = Tester::new(crate::FAMILIES);
        t.client(1).check("XREAD BLOCK 0 STREAMS other s $ $", "");
        t.client(2).check("XREAD COUNT 5 BLOCK 1000 STREAMS s +", "");
        t.client(3).check("XREAD BLOCK 0 STREAMS s 1-0", "");
        t.client(0).check("XADD s 1 f v", "$1-0");
        t.check_received(1, Some(ONE), Some(ONE_3));
        t.check_received(2, Some(ONE), Some(ONE_3));
        t.check_received(3, None, None);
        t.client(1).check("XREAD BLOCK 0 STREAMS s $", "");
        t.client(0).check("DEL s", ":1");
        t.check("SET s x", "+OK");
        t.check("DEL s", ":1");
        t.check("XADD s 1 f v", "$1-0");
        t.check_received(1, None, None);
        t.check("XADD s 2 f v", "$2-0");
        let two = (Some("[[$s, [[$2-0, [$f, $v]]]]]"), Some("{$s: [[$2-0, [$f, $v]]]}"));
        t.check_received(1, two.0, two.1);
        t.check_received(3, two.0, two.1);
        t.client(1).check("XREAD BLOCK 10 STREAMS s $", "");
        t.time_out(1);
        t.check_received(1, Some("(nil)"), Some("(nil)"));
        t.client(0).check("MULTI", "+OK");
        t.check("XREAD BLOCK 0 STREAMS s $", "+QUEUED");
        t.check("EXEC", "[(nil)]");
    }

    #[test]
    fn refusals() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("XADD s 1 f v", "$1-0");
        t.check("XGROUP CREATE s g 0", "+OK");
        t.check("SET k x", "+OK");
        for (line, error) in [
            (
                "XREAD COUNT 1 STREAMS s",
                "ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be specified.",
            ),
            (
                "XREADGROUP GROUP g c COUNT 1 STREAMS s",
                "ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be specified.",
            ),
            ("XREAD BLOCK x STREAMS s 0", "ERR timeout is not an integer or out of range"),
            ("XREAD BLOCK -1 STREAMS s 0", "ERR timeout is negative"),
            ("XREAD COUNT x STREAMS s 0", "ERR value is not an integer or out of range"),
            ("XREAD COUNT 1 BLOCK 0", "ERR syntax error"),
            ("XREAD WHAT STREAMS s 0", "ERR syntax error"),
            ("XREAD COUNT 1 STREAMS", "ERR syntax error"),
            (
                "XREAD GROUP g c STREAMS s 0",
                "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.",
            ),
            (
                "XREAD NOACK STREAMS s 0",
                "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.",
            ),
            ("XREADGROUP COUNT 1 NOACK STREAMS s 0 1 0", "ERR Missing GROUP option for XREADGROUP"),
            (
                "XREAD STREAMS s >",
                "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.",
            ),
            ("XREAD STREAMS s x", "ERR Invalid stream ID specified as stream command argument"),
            ("XREAD STREAMS s k 0 0", "WRONGTYPE Operation against a key holding the wrong kind of value"),
            (
                "XREADGROUP GROUP no c STREAMS s >",
                "NOGROUP No such key 's' or consumer group 'no' in XREADGROUP with GROUP option",
            ),
        ] {
            t.check(line, &format!("-{error}"));
        }
        let meaningless = t.reply("XREADGROUP GROUP g c STREAMS s $");
        assert!(
            meaningless.starts_with("-ERR The $ ID is meaningless in the context of XREADGROUP:"),
            "{meaningless}"
        );
        t.check("XINFO CONSUMERS s g", "[]");
    }
}
