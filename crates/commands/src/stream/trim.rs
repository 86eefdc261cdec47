//! XTRIM, and the options that it shares with XADD.

use config::NotifyEvents;
use data::Stream;
use data::stream::{Entries, Keep, StreamId, Trim};
use engine::args::{integer, is};
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use keyspace::Missing;
use resp::{Args, OwnedArgs};

use super::ids;

/// What is trimmed, as XADD and XTRIM take it.
pub(super) const TRIM: Arg = Arg::block(
    "trim",
    &[
        Arg::one_of("strategy", &[Arg::word("maxlen", "MAXLEN"), Arg::word("minid", "MINID").since("6.2.0")]),
        Arg::one_of("operator", &[Arg::word("equal", "="), Arg::word("approximately", "~")]).optional(),
        Arg::string("threshold"),
        Arg::integer("count").token("LIMIT").optional().since("6.2.0"),
    ],
);

/// XTRIM key MAXLEN | MINID [= | ~] threshold [LIMIT count]
pub const XTRIM: Command = Command {
    name: "xtrim",
    group: Group::Stream,
    since: "5.0.0",
    summary: "Removes entries at the front of a stream.",
    complexity: "O(N) where N is the number of entries removed, which go by whole nodes mostly",
    arity: -4,
    flags: Flags::WRITE,
    keys: &[KeySpec::first(KeyFlags::RW.union(KeyFlags::DELETE))],
    args: &[Arg::key("key"), TRIM],
    history: &[("6.2.0", "Strategy MINID and option LIMIT.")],
    tips: &["nondeterministic_output"],
    handler: Handler::Write(xtrim),
    ..Command::DEFAULT
};

/// A trim that was asked for, and where.
#[derive(Clone, Copy)]
pub(super) struct Request {
    pub trim: Trim,
    /// The argument that says how much stays; the one before it is `~` where only whole nodes go.
    threshold: usize,
    /// The argument LIMIT.
    limit: Option<usize>,
}

/// The options of XADD and XTRIM as far as they were read.
#[derive(Clone, Copy, Default)]
pub(super) struct Options {
    /// What stays, the argument that says so, and whether only whole nodes go.
    keep: Option<(Keep, usize, bool)>,
    /// The argument LIMIT, and the number behind it.
    limit: Option<(usize, u64)>,
}

impl Options {
    /// Reads an option at `at`; answers the index behind it, `None` if it is none of trimming.
    pub(super) fn accept(&mut self, args: Args, at: usize) -> Result<Option<usize>, Error> {
        let (word, Some(next)) = (args.at(at), args.get(at + 1)) else { return Ok(None) };
        let by_length = is(word, "MAXLEN");
        if by_length || is(word, "MINID") {
            if self.keep.is_some() {
                return Err(Error::text(
                    "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
                ));
            }
            let has_operator = args.len() > at + 2 && matches!(next, b"~" | b"=");
            let threshold = at + 1 + usize::from(has_operator);
            let arg = args.at(threshold);
            let keep = if by_length { Keep::Last(length(arg)?) } else { Keep::From(ids::id(arg)?) };
            self.keep = Some((keep, threshold, has_operator && next == b"~"));
            return Ok(Some(threshold + 1));
        }
        if is(word, "LIMIT") {
            let limit = u64::try_from(integer(next)?);
            let limit = limit.map_err(|_| Error::text("ERR The LIMIT argument must be >= 0."))?;
            self.limit = Some((at, limit));
            return Ok(Some(at + 2));
        }
        Ok(None)
    }

    /// Whether a LIMIT was read.
    pub(super) fn has_limit(&self) -> bool {
        self.limit.is_some()
    }

    /// What is asked for, if anything is; a node has at most `node_entries` entries, or any number for 0. Where a log is
    /// applied (`applies`), whose threshold is what is to stay, LIMIT is of no account.
    pub(super) fn finish(self, node_entries: usize, applies: bool) -> Result<Option<Request>, Error> {
        let Some((keep, threshold, whole_nodes)) = self.keep else {
            return match self.limit {
                None | Some((_, 0)) => Ok(None),
                Some(_) => Err(Error::text(
                    "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
                )),
            };
        };
        let limit = match self.limit {
            _ if applies => 0,
            Some(_) if !whole_nodes => return Err(LIMIT_OF_EXACT),
            Some((_, limit)) => limit,
            None if whole_nodes => default_limit(node_entries),
            None => 0,
        };
        let limit_at = self.limit.map(|(at, _)| at);
        Ok(Some(Request { trim: Trim { keep, whole_nodes, limit }, threshold, limit: limit_at }))
    }
}

const NO_STRATEGY: &str = "ERR syntax error, XTRIM must be called with a trimming strategy";
pub(super) const LIMIT_OF_EXACT: Error =
    Error::text("ERR syntax error, LIMIT cannot be used without the special ~ option");

fn length(arg: &[u8]) -> Result<u64, Error> {
    u64::try_from(integer(arg)?).map_err(|_| Error::text("ERR The MAXLEN argument must be >= 0."))
}

/// The most entries that go at once where nobody says: about 100 nodes, so that it does not take long.
fn default_limit(node_entries: usize) -> u64 {
    match node_entries {
        0 => 10_000,
        entries => (entries as u64).saturating_mul(100).min(1_000_000),
    }
}

impl Request {
    /// The command as it is logged, exact: how much stays is what there is now. `id` takes the place of the argument
    /// at an index.
    pub(super) fn exactly(&self, args: Args, entries: &Entries, id: Option<(usize, StreamId)>) -> OwnedArgs {
        let threshold = match self.trim.keep {
            Keep::Last(_) => entries.len().to_string().into_bytes(),
            Keep::From(_) => entries.first_place().text().to_vec(),
        };
        let mut exact = OwnedArgs::default();
        for (at, arg) in args.iter().enumerate() {
            match at {
                _ if self.limit.is_some_and(|limit| at == limit || at == limit + 1) => {}
                _ if at == self.threshold => exact.push(&threshold),
                _ if at + 1 == self.threshold => exact.push(b"="),
                _ => match id.filter(|(place, _)| *place == at) {
                    Some((_, id)) => exact.push(&id.text()),
                    None => exact.push(arg),
                },
            }
        }
        exact
    }
}

fn xtrim(cx: &mut KeyCx) -> Outcome {
    let (args, mut options, mut at) = (cx.args, Options::default(), 2);
    while at < args.len() {
        at = options.accept(args, at)?.ok_or(Error::Syntax)?;
    }
    let request = options.finish(cx.limits().stream_node_max_entries, cx.applies())?;
    let request = request.ok_or(Error::text(NO_STRATEGY))?;
    let event = (NotifyEvents::STREAM, "xtrim");
    let removed = cx.modify(args.at(1), Missing::Skip, event, |stream: &mut Stream, change| {
        change.count = stream.entries.trim(&request.trim);
        let exact = request.trim.whole_nodes && change.count > 0;
        (change.count, exact.then(|| request.exactly(args, &stream.entries, None)))
    })?;
    let (count, exact) = removed.unwrap_or_default();
    cx.reply.int(count as i64);
    if let Some(exact) = exact {
        cx.log_instead(exact.as_args().iter());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn trimming() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("CONFIG SET stream-node-max-entries 10", "+OK");
        for id in 1..=35 {
            t.check(&format!("XADD s {id} f v"), &format!("${id}-0"));
        }
        t.check("XTRIM s MAXLEN ~ 22 LIMIT 9", ":0");
        t.check("XTRIM s MAXLEN ~ 22", ":10");
        t.check("XTRIM s MINID ~ 25 LIMIT 10", ":10");
        t.check("XTRIM s MINID = 22-1", ":2");
        t.check("XTRIM s MAXLEN 12", ":1");
        t.check("XTRIM s MAXLEN 12", ":0");
        t.check("XRANGE s - + COUNT 1", "[[$24-0, [$f, $v]]]");
        assert_eq!(
            t.logged()[36..],
            ["XTRIM s MAXLEN = 25", "XTRIM s MINID = 21-0", "XTRIM s MINID = 22-1", "XTRIM s MAXLEN 12"]
        );
        t.check("XTRIM none MAXLEN 0", ":0");
    }

    #[test]
    fn refusals() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("XTRIM s LIMIT 0", "-ERR syntax error, XTRIM must be called with a trimming strategy");
        t.check(
            "XTRIM s LIMIT 5",
            "-ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
        );
        t.check(
            "XTRIM s MAXLEN 5 LIMIT 5",
            "-ERR syntax error, LIMIT cannot be used without the special ~ option",
        );
        for line in
            ["XTRIM s WHAT 5", "XTRIM s MAXLEN 5 6", "XTRIM s MAXLEN 5 NOMKSTREAM", "XTRIM s MAXLEN 5 *"]
        {
            t.check(line, "-ERR syntax error");
        }
        t.check("XTRIM s MAXLEN ~", "-ERR value is not an integer or out of range");
    }
}
