//! XADD.

use config::NotifyEvents;
use data::Stream;
use data::stream::{AppendError, Entries, StreamId};
use engine::args::is;
use engine::{Arg, Command, Elements, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use keyspace::Missing;
use resp::{Args, OwnedArgs};

use super::ids;
use super::trim::{LIMIT_OF_EXACT, Options, Request, TRIM};

/// XADD key [NOMKSTREAM] [MAXLEN | MINID [= | ~] threshold [LIMIT count]] * | id field value [field value ...]
pub const XADD: Command = Command {
    name: "xadd",
    group: Group::Stream,
    since: "5.0.0",
    summary: "Adds an entry to a stream, which is made if it is not there.",
    complexity: "O(1), and O(N) for trimming N entries",
    arity: -5,
    flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
    keys: &[KeySpec {
        notes: Some("UPDATE instead of INSERT because of the optional trimming feature"),
        ..KeySpec::first(KeyFlags::RW.union(KeyFlags::UPDATE))
    }],
    elements: Elements::one(2),
    args: &[
        Arg::key("key"),
        Arg::word("nomkstream", "NOMKSTREAM").optional().since("6.2.0"),
        TRIM.optional(),
        Arg::one_of("id-selector", &[Arg::word("auto-id", "*"), Arg::string("id")]),
        Arg::block("data", &[Arg::string("field"), Arg::string("value")]).multiple(),
    ],
    history: &[
        ("6.2.0", "Options NOMKSTREAM, MINID and LIMIT."),
        ("7.0.0", "IDs of which only the time is given, as in `<ms>-*`."),
    ],
    tips: &["nondeterministic_output"],
    handler: Handler::Write(xadd),
    ..Command::DEFAULT
};

/// The ID that an entry is to get.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NewId {
    /// That of the moment.
    Now,
    /// One of this time.
    Of(u64),
    /// This one.
    This(StreamId),
}

impl NewId {
    fn parse(arg: &[u8]) -> Result<NewId, Error> {
        match StreamId::parse_time(arg) {
            _ if arg == b"*" => Ok(NewId::Now),
            Some(ms) => Ok(NewId::Of(ms)),
            None => ids::id(arg).map(NewId::This),
        }
    }

    /// The ID, for a stream that has these entries.
    fn choose(self, entries: &Entries, now: i64) -> Result<StreamId, Error> {
        if entries.counters().last_id == StreamId::MAX {
            return Err(Error::text(
                "ERR The stream has exhausted the last possible ID, unable to add more items",
            ));
        }
        let id = match self {
            NewId::Now => entries.next_id(now.max(0) as u64),
            NewId::Of(ms) => entries.next_id_of(ms),
            NewId::This(id) => Some(id),
        };
        id.ok_or(NOT_ABOVE)
    }
}

const NOT_ABOVE: Error =
    Error::text("ERR The ID specified in XADD is equal or smaller than the target stream top item");

/// What XADD asks for.
struct Addition {
    make: bool,
    trim: Option<Request>,
    id: NewId,
    /// The argument with the ID.
    id_at: usize,
}

impl Addition {
    fn parse(args: Args, node_entries: usize, applies: bool) -> Result<Addition, Error> {
        let (mut options, mut make, mut at) = (Options::default(), true, 2);
        let mut id = None;
        while let Some(word) = args.get(at).filter(|_| id.is_none()) {
            if word == b"*" {
                id = Some(NewId::Now);
            } else if let Some(next) = options.accept(args, at)? {
                at = next;
            } else if is(word, "NOMKSTREAM") {
                make = false;
                at += 1;
            } else {
                id = Some(NewId::parse(word)?);
            }
        }
        let trim = options.finish(node_entries, applies)?;
        if trim.is_none() && options.has_limit() {
            return Err(LIMIT_OF_EXACT);
        }
        let pairs = args.len().saturating_sub(at + 1);
        match id {
            Some(NewId::This(StreamId::MIN)) if pairs > 0 && pairs.is_multiple_of(2) => {
                Err(Error::text("ERR The ID specified in XADD must be greater than 0-0"))
            }
            Some(id) if pairs > 0 && pairs.is_multiple_of(2) => Ok(Addition { make, trim, id, id_at: at }),
            _ => Err(Error::Arity("xadd".into())),
        }
    }
}

fn xadd(cx: &mut KeyCx) -> Outcome {
    let (args, now, limits, records) = (cx.args, cx.now(), cx.limits(), cx.view.records);
    let addition = Addition::parse(args, limits.stream_node_max_entries, cx.applies())?;
    let (key, first) = (args.at(1), addition.id_at + 1);
    let missing = if addition.make { Missing::Create } else { Missing::Skip };
    let added: Option<Result<_, Error>> =
        cx.modify(key, missing, (NotifyEvents::STREAM, "xadd"), |stream: &mut Stream, change| {
            let entries = &mut stream.entries;
            let id = addition.id.choose(entries, now)?;
            let pairs = (first..args.len()).step_by(2).map(|at| (args.at(at), args.at(at + 1)));
            entries.append(id, pairs, &limits).map_err(refusal)?;
            change.count = 1;
            let removed = addition.trim.map_or(0, |request| entries.trim(&request.trim));
            let logged = records.then(|| logged(&addition, args, entries, id));
            Ok((id, removed, logged.flatten()))
        })?;
    let Some((id, removed, logged)) = added.transpose()? else {
        cx.reply.null();
        return Ok(());
    };
    cx.reply.bulk(&id.text());
    if removed > 0 {
        cx.notify(NotifyEvents::STREAM, "xtrim", key);
    }
    if let Some(logged) = logged {
        cx.log_instead(logged.as_args().iter());
    }
    Ok(())
}

fn refusal(error: AppendError) -> Error {
    match error {
        AppendError::NotAbove => NOT_ABOVE,
        AppendError::TooLarge => Error::text("ERR Elements are too large to be stored"),
    }
}

/// The command with the ID that was chosen and the trim that was made; `None` where it says all that itself.
fn logged(addition: &Addition, args: Args, entries: &Entries, id: StreamId) -> Option<OwnedArgs> {
    match addition.trim.filter(|request| request.trim.whole_nodes) {
        Some(request) => Some(request.exactly(args, entries, Some((addition.id_at, id)))),
        None if matches!(addition.id, NewId::This(_)) => None,
        None => {
            let (text, place) = (id.text(), addition.id_at);
            Some(args.iter().enumerate().map(|(at, arg)| if at == place { &text } else { arg }).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn ids() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("XADD s 5-3 f v", "$5-3");
        t.check("XADD s 5-* f v", "$5-4");
        t.check("XADD s 6 f v", "$6-0");
        t.check("XADD s 7-* f v g w", "$7-0");
        let low = "-ERR The ID specified in XADD is equal or smaller than the target stream top item";
        for id in ["7-0", "6-9", "6-*", "1"] {
            t.check(&format!("XADD s {id} f v"), low);
        }
        t.check("XLEN s", ":4");
        t.check("XRANGE s 6 +", "[[$6-0, [$f, $v]], [$7-0, [$f, $v, $g, $w]]]");
        assert_eq!(
            t.logged()[1..],
            ["XADD s 5-3 f v", "XADD s 5-4 f v", "XADD s 6 f v", "XADD s 7-0 f v g w"]
        );
        let now = t.reply("XADD clock * f v");
        assert!(now.ends_with("-0") && now.len() > 13, "{now}");
        t.check(
            "XADD s 18446744073709551615-18446744073709551614 f v",
            "$18446744073709551615-18446744073709551614",
        );
        t.check("XADD s * f v", "$18446744073709551615-18446744073709551615");
        let full = "-ERR The stream has exhausted the last possible ID, unable to add more items";
        t.check("XADD s * f v", full);
        t.check("XADD t 3-18446744073709551615 f v", "$3-18446744073709551615");
        t.check("XADD t 3-* f v", low);
        // Two servers see two clocks: what they made of `*` must not be compared.
        t.check("DEL clock", ":1");
    }

    #[test]
    fn refusals() {
        let mut t = Tester::new(crate::FAMILIES);
        let arity = "-ERR wrong number of arguments for 'xadd' command";
        for line in [
            "XADD s * f",
            "XADD s 0-0 f v g",
            "XADD s MAXLEN 5 *",
            "XADD s NOMKSTREAM * f",
            "XADD s NOMKSTREAM NOMKSTREAM NOMKSTREAM",
        ] {
            t.check(line, arity);
        }
        let invalid = "-ERR Invalid stream ID specified as stream command argument";
        for line in [
            "XADD s x f v",
            "XADD s - f v",
            "XADD s + f v",
            "XADD s 1--1 f v",
            "XADD s *-1 f v",
            "XADD s MINID x * f v",
        ] {
            t.check(line, invalid);
        }
        t.check("XADD s 0-0 f v", "-ERR The ID specified in XADD must be greater than 0-0");
        t.check("XADD s NOMKSTREAM 1 f v", "(nil)");
        t.check("EXISTS s", ":0");
        t.check("SET k v", "+OK");
        t.check("XADD k 1 f v", "-WRONGTYPE Operation against a key holding the wrong kind of value");
        t.check("XADD s MAXLEN -1 * f v", "-ERR The MAXLEN argument must be >= 0.");
        t.check("XADD s MAXLEN x * f v", "-ERR value is not an integer or out of range");
        t.check("XADD s MAXLEN ~ 1 LIMIT -1 * f v", "-ERR The LIMIT argument must be >= 0.");
        let both = "-ERR syntax error, MAXLEN and MINID options at the same time are not compatible";
        t.check("XADD s MAXLEN 1 MINID 1 * f v", both);
        let exact = "-ERR syntax error, LIMIT cannot be used without the special ~ option";
        t.check("XADD s MAXLEN = 1 LIMIT 5 * f v", exact);
        t.check("XADD s LIMIT 0 * f v", exact);
        let alone = "-ERR syntax error, LIMIT cannot be used without specifying a trimming strategy";
        t.check("XADD s LIMIT 1 * f v", alone);
        t.check("EXISTS s", ":0");
    }

    #[test]
    fn trimming_while_adding() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("CONFIG SET stream-node-max-entries 3", "+OK");
        for id in 1..=10 {
            t.check(&format!("XADD s {id} f v"), &format!("${id}-0"));
        }
        t.check("XADD s MAXLEN ~ 5 LIMIT 3 11-* f v", "$11-0");
        t.check("XLEN s", ":8");
        t.check("XADD s maxlen ~ 5 12 f v", "$12-0");
        t.check("XADD s MINID = 11 13 f v", "$13-0");
        t.check("XADD s MINID ~ 13 14 f v", "$14-0");
        t.check("XRANGE s - +", "[[$13-0, [$f, $v]], [$14-0, [$f, $v]]]");
        t.check("XADD s NOMKSTREAM MAXLEN 0 15 f v", "$15-0");
        t.check("XLEN s", ":0");
        assert_eq!(
            t.logged()[11..],
            [
                "XADD s MAXLEN = 8 11-0 f v",
                "XADD s maxlen = 6 12-0 f v",
                "XADD s MINID = 11 13 f v",
                "XADD s MINID = 13-0 14-0 f v",
                "XADD s NOMKSTREAM MAXLEN 0 15 f v"
            ]
        );
    }
}
