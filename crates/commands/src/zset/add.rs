//! ZADD and ZINCRBY.

use config::NotifyEvents;
use data::Zset;
use data::zset::{AddOptions, Added, NotANumber};
use engine::args::is;
use engine::{Arg, Command, Elements, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec};
use keyspace::Missing;
use resp::Args;

use super::score::{reply_score, score};

/// ZADD key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]
pub const ZADD: Command = Command {
    name: "zadd",
    group: Group::SortedSet,
    since: "1.2.0",
    summary: "Adds members to a sorted set, or gives them other scores.",
    complexity: "O(log(N)) for each member, where N is the number of members there are",
    arity: -4,
    flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
    keys: &[KeySpec::first(KeyFlags::RW.union(KeyFlags::UPDATE))],
    elements: Elements::each(3, 2),
    args: &[
        Arg::key("key"),
        Arg::one_of("condition", &[Arg::word("nx", "NX"), Arg::word("xx", "XX")]).optional().since("3.0.2"),
        Arg::one_of("comparison", &[Arg::word("gt", "GT"), Arg::word("lt", "LT")]).optional().since("6.2.0"),
        Arg::word("change", "CH").optional().since("3.0.2"),
        Arg::word("increment", "INCR").optional().since("3.0.2"),
        Arg::block("data", &[Arg::double("score"), Arg::string("member")]).multiple(),
    ],
    history: &[
        ("2.4.0", "Takes several members."),
        ("3.0.2", "Options XX, NX, CH and INCR."),
        ("6.2.0", "Options GT and LT."),
    ],
    handler: Handler::Write(|cx| {
        let request = Request::parse(cx.args)?;
        run(cx, &request).map(drop)
    }),
    ..Command::DEFAULT
};

/// ZINCRBY key increment member
pub const ZINCRBY: Command = Command {
    name: "zincrby",
    summary: "Adds to a member's score, which is 0 if the member is new.",
    complexity: "O(log(N)) where N is the number of members",
    arity: 4,
    keys: &[KeySpec::first(KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE))],
    elements: Elements::one(3),
    args: &[Arg::key("key"), Arg::integer("increment"), Arg::string("member")],
    history: &[],
    handler: Handler::Write(|cx| {
        let options = AddOptions { increment: true, ..AddOptions::default() };
        let elements = vec![(score(cx.args.at(2))?, cx.args.at(3))];
        run(cx, &Request { options, count_changed: false, elements }).map(drop)
    }),
    ..ZADD
};

/// What is to be added, and how.
pub(crate) struct Request<'a> {
    pub options: AddOptions,
    /// Whether the reply counts members whose score has changed.
    pub count_changed: bool,
    pub elements: Vec<(f64, &'a [u8])>,
}

impl<'a> Request<'a> {
    fn parse(args: Args<'a>) -> Result<Request<'a>, Error> {
        let (mut options, mut count_changed, mut first) = (AddOptions::default(), false, 2);
        while let Some(word) = args.get(first) {
            match word {
                _ if is(word, "NX") => options.only_new = true,
                _ if is(word, "XX") => options.only_existing = true,
                _ if is(word, "CH") => count_changed = true,
                _ if is(word, "INCR") => options.increment = true,
                _ if is(word, "GT") => options.only_greater = true,
                _ if is(word, "LT") => options.only_less = true,
                _ => break,
            }
            first += 1;
        }
        check(options, args.len() - first)?;
        let element = |at| Ok((score(args.at(at))?, args.at(at + 1)));
        let elements = (first..args.len()).step_by(2).map(element).collect::<Result<_, Error>>()?;
        Ok(Request { options, count_changed, elements })
    }
}

/// Whether the options go together, and with so many arguments behind them.
fn check(options: AddOptions, left: usize) -> Result<(), Error> {
    let AddOptions { only_new, only_existing, only_greater, only_less, increment } = options;
    if left == 0 || !left.is_multiple_of(2) {
        return Err(Error::Syntax);
    }
    if only_new && only_existing {
        return Err(Error::text("ERR XX and NX options at the same time are not compatible"));
    }
    if u8::from(only_new) + u8::from(only_greater) + u8::from(only_less) > 1 {
        return Err(Error::text("ERR GT, LT, and/or NX options at the same time are not compatible"));
    }
    if increment && left > 2 {
        return Err(Error::text("ERR INCR option supports a single increment-element pair"));
    }
    Ok(())
}

/// What has come of it.
#[derive(Default)]
struct Tally {
    added: usize,
    updated: usize,
    /// The score of the last member, unless the options forbade to touch it.
    last: Option<f64>,
}

impl Tally {
    fn count(&mut self, added: Added, score: f64) {
        self.last = match added {
            Added::New => Some(score),
            Added::Updated(score) | Added::Same(score) => Some(score),
            Added::Refused => None,
        };
        self.added += usize::from(added == Added::New);
        self.updated += usize::from(matches!(added, Added::Updated(_)));
    }
}

/// Adds what is asked for to the first key, and replies; answers whether anything has changed.
pub(crate) fn run(cx: &mut KeyCx, request: &Request) -> Result<bool, Error> {
    let (options, limits) = (request.options, cx.limits());
    let missing = if options.only_existing { Missing::Skip } else { Missing::Create };
    let event = (NotifyEvents::ZSET, if options.increment { "zincr" } else { "zadd" });
    let tally = cx.modify(cx.args.at(1), missing, event, |zset: &mut Zset, change| {
        let longest =
            request.elements.first().filter(|_| zset.is_empty()).map_or(0, |(_, member)| member.len());
        zset.expect(request.elements.len(), longest, &limits);
        let mut tally = Tally::default();
        for &(score, member) in &request.elements {
            tally.count(zset.add(member, score, options, &limits)?, score);
        }
        change.count = (tally.added + tally.updated) as u64;
        Ok::<_, NotANumber>(tally)
    })?;
    let nan = |_| Error::text("ERR resulting score is not a number (NaN)");
    let tally = tally.transpose().map_err(nan)?.unwrap_or_default();
    match tally.last {
        _ if !options.increment => {
            cx.reply.count(tally.added + if request.count_changed { tally.updated } else { 0 });
        }
        Some(score) => reply_score(&mut cx.reply, score),
        None => cx.reply.null(),
    }
    Ok(tally.added + tally.updated > 0)
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn options() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("ZADD z 1 a 2 b", ":2");
        t.check("ZADD z 5 a 3 c", ":1");
        t.check("ZADD z CH 6 a 4 d 3 c", ":2");
        t.check("ZADD z NX 9 a 5 e", ":1");
        t.check("ZADD z XX CH 7 a 9 new", ":1");
        t.check("ZADD z GT CH 6 a 8 b", ":1");
        t.check("ZADD z LT CH 9 a 1 b", ":1");
        t.check_both("ZMSCORE z a b c d e new", "[$7, $1, $3, $4, $5, (nil)]", "[,7, ,1, ,3, ,4, ,5, (nil)]");
        t.check("ZADD none XX 1 a", ":0");
        t.check("EXISTS none", ":0");
        assert_eq!(t.logged().last().map(String::as_str), Some("ZADD z LT CH 9 a 1 b"));
    }

    #[test]
    fn increments() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check_both("ZINCRBY z 1.5 a", "$1.5", ",1.5");
        t.check_both("ZADD z INCR 1 a", "$2.5", ",2.5");
        t.check("ZADD z NX INCR 1 a", "(nil)");
        t.check("ZADD z XX INCR 1 b", "(nil)");
        t.check("ZADD z GT INCR -1 a", "(nil)");
        t.check_both("ZADD z GT INCR 0.5 b", "$0.5", ",0.5");
        t.check_both("ZINCRBY z inf b", "$inf", ",inf");
        t.check("ZINCRBY z -inf b", "-ERR resulting score is not a number (NaN)");
        t.check("ZADD none XX INCR 1 a", "(nil)");
        t.check("ZINCRBY z x a", "-ERR value is not a valid float");
    }

    #[test]
    fn refusals() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("ZADD z 1", "-ERR wrong number of arguments for 'zadd' command");
        t.check("ZADD z 1 a 2", "-ERR syntax error");
        t.check("ZADD z NX CH", "-ERR syntax error");
        t.check("ZADD z NX XX 1 a", "-ERR XX and NX options at the same time are not compatible");
        for pair in ["GT LT", "NX GT", "LT NX"] {
            let refused = "-ERR GT, LT, and/or NX options at the same time are not compatible";
            t.check(&format!("ZADD z {pair} 1 a"), refused);
        }
        t.check("ZADD z INCR 1 a 2 b", "-ERR INCR option supports a single increment-element pair");
        t.check("ZADD z 1 a nan b", "-ERR value is not a valid float");
        t.check("ZADD z 1 a 1e400 b", "-ERR value is not a valid float");
        t.check("EXISTS z", ":0");
    }

    #[test]
    fn encodings() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("CONFIG SET zset-max-listpack-entries 2 zset-max-listpack-value 3", "+OK");
        t.check("ZADD z 1 a 2 b", ":2");
        t.check("OBJECT ENCODING z", "$listpack");
        t.check("ZADD z 1 a 2 b 3 a", ":0");
        t.check("OBJECT ENCODING z", "$skiplist");
        t.check("ZADD long 1 abcd", ":1");
        t.check("OBJECT ENCODING long", "$skiplist");
        t.check("ZADD more 1 a 1 b", ":2");
        t.check("ZADD more 1 c", ":1");
        t.check("OBJECT ENCODING more", "$skiplist");
        t.check("ZREM more a b", ":2");
        t.check("OBJECT ENCODING more", "$skiplist");
    }
}
