//! Unions, intersections and differences of sorted sets and sets.
//!
//! The order in which scores are added up is visible in their last digits, so it is Redis's: the smallest input first.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::ControlFlow;

use codec::listpack::Entry;
use data::Zset;
use engine::args::{Options, integer, is};
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};

use super::WITHSCORES;
use super::score::{number, reply_elements};
use super::store::{Source, reply_stored};

const NUMKEYS: Arg = Arg::integer("numkeys");
const WEIGHTS: Arg = Arg::integer("weight").token("WEIGHTS").optional().multiple();
const AGGREGATE: Arg =
    Arg::one_of("aggregate", &[Arg::word("sum", "SUM"), Arg::word("min", "MIN"), Arg::word("max", "MAX")])
        .token("AGGREGATE")
        .optional();
const STORE_KEYS: &[KeySpec] = &[
    KeySpec::one(1, KeyFlags::OW.union(KeyFlags::UPDATE)),
    KeySpec::counted(2, KeyFlags::RO.union(KeyFlags::ACCESS)),
];
const STORE_FLAGS: Flags = Flags::WRITE.union(Flags::DENYOOM);

/// ZUNION numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM | MIN | MAX] [WITHSCORES]
pub const ZUNION: Command = Command {
    name: "zunion",
    group: Group::SortedSet,
    since: "6.2.0",
    summary: "Returns the union of sorted sets.",
    complexity: "O(N)+O(M*log(M)) where N is the number of members of all inputs and M that of the result",
    arity: -3,
    flags: Flags::READONLY,
    keys: &[KeySpec::counted(1, KeyFlags::RO.union(KeyFlags::ACCESS))],
    args: &[NUMKEYS, Arg::key("key").multiple(), WEIGHTS, AGGREGATE, WITHSCORES],
    handler: Handler::Read(|cx| reply(cx, &UNION)),
    ..Command::DEFAULT
};

/// ZUNIONSTORE destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM | MIN | MAX]
pub const ZUNIONSTORE: Command = Command {
    name: "zunionstore",
    since: "2.0.0",
    summary: "Stores the union of sorted sets.",
    arity: -4,
    flags: STORE_FLAGS,
    keys: STORE_KEYS,
    args: &[Arg::key("destination"), NUMKEYS, Arg::key_of("key", 1).multiple(), WEIGHTS, AGGREGATE],
    handler: Handler::Write(|cx| store(cx, &UNION, "zunionstore")),
    ..ZUNION
};

/// ZINTER numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM | MIN | MAX] [WITHSCORES]
pub const ZINTER: Command = Command {
    name: "zinter",
    summary: "Returns the intersection of sorted sets.",
    complexity: "O(N*K)+O(M*log(M)) where N is the size of the smallest of K inputs and M that of the result",
    handler: Handler::Read(|cx| reply(cx, &INTERSECTION)),
    ..ZUNION
};

/// ZINTERSTORE destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM | MIN | MAX]
pub const ZINTERSTORE: Command = Command {
    name: "zinterstore",
    summary: "Stores the intersection of sorted sets.",
    complexity: ZINTER.complexity,
    handler: Handler::Write(|cx| store(cx, &INTERSECTION, "zinterstore")),
    ..ZUNIONSTORE
};

/// ZINTERCARD numkeys key [key ...] [LIMIT limit]
pub const ZINTERCARD: Command = Command {
    name: "zintercard",
    since: "7.0.0",
    summary: "Returns how many members the intersection of sorted sets has.",
    complexity: "O(N*K) where N is the size of the smallest of K inputs",
    args: &[NUMKEYS, Arg::key("key").multiple(), Arg::integer("limit").token("LIMIT").optional()],
    handler: Handler::Read(zintercard),
    ..ZUNION
};

/// ZDIFF numkeys key [key ...] [WITHSCORES]
pub const ZDIFF: Command = Command {
    name: "zdiff",
    summary: "Returns the members of the first sorted set that the others do not have.",
    complexity: "O(N*K + M*log(M)) where N is the size of the first of K inputs and M that of the result",
    args: &[NUMKEYS, Arg::key("key").multiple(), WITHSCORES],
    handler: Handler::Read(|cx| reply(cx, &DIFFERENCE)),
    ..ZUNION
};

/// ZDIFFSTORE destination numkeys key [key ...]
pub const ZDIFFSTORE: Command = Command {
    name: "zdiffstore",
    since: "6.2.0",
    summary: "Stores the members of the first sorted set that the others do not have.",
    complexity: ZDIFF.complexity,
    args: &[Arg::key("destination"), NUMKEYS, Arg::key_of("key", 1).multiple()],
    handler: Handler::Write(|cx| store(cx, &DIFFERENCE, "zdiffstore")),
    ..ZUNIONSTORE
};

/// Members and scores in no particular order.
type Elements = Vec<(Vec<u8>, f64)>;

/// How inputs are combined, and whether scores are.
struct Operation {
    combine: fn(Vec<Input>, Aggregate) -> Elements,
    weighs: bool,
}

const UNION: Operation = Operation { combine: union, weighs: true };
const INTERSECTION: Operation = Operation { combine: intersection, weighs: true };
const DIFFERENCE: Operation = Operation { combine: difference, weighs: false };

/// How the scores of one member become one.
#[derive(Clone, Copy)]
enum Aggregate {
    Sum,
    Min,
    Max,
}

impl Aggregate {
    fn parse(word: &[u8]) -> Result<Aggregate, Error> {
        match word {
            _ if is(word, "SUM") => Ok(Aggregate::Sum),
            _ if is(word, "MIN") => Ok(Aggregate::Min),
            _ if is(word, "MAX") => Ok(Aggregate::Max),
            _ => Err(Error::Syntax),
        }
    }

    fn combine(self, score: f64, other: f64) -> f64 {
        match self {
            Aggregate::Sum => or_zero(score + other),
            Aggregate::Min if other < score => other,
            Aggregate::Max if other > score => other,
            Aggregate::Min | Aggregate::Max => score,
        }
    }
}

/// What is no number (infinities that cancel, zero times one) counts as 0.
fn or_zero(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// An input with its weight.
#[derive(Clone, Copy)]
struct Input<'a> {
    source: Source<'a>,
    weight: f64,
}

/// How many keys an argument says there are.
fn key_count(cx: &KeyCx, at: usize, command: &str) -> Result<usize, Error> {
    let count = integer(cx.args.at(at))?;
    if count < 1 {
        return Err(Error::err(format_args!("at least 1 input key is needed for '{command}' command")));
    }
    usize::try_from(count).ok().filter(|count| *count < cx.args.len() - at).ok_or(Error::Syntax)
}

/// What stands behind the keys.
struct Extras {
    weights: Vec<f64>,
    aggregate: Aggregate,
    with_scores: bool,
}

impl Extras {
    fn parse(mut options: Options, keys: usize, weighs: bool, stores: bool) -> Result<Extras, Error> {
        let mut extras = Extras { weights: vec![1.0; keys], aggregate: Aggregate::Sum, with_scores: false };
        while let Some(word) = options.next() {
            if weighs && is(word, "WEIGHTS") && options.left() >= keys {
                for weight in &mut extras.weights {
                    *weight =
                        number(options.value()?).ok_or(Error::text("ERR weight value is not a float"))?;
                }
            } else if weighs && is(word, "AGGREGATE") && options.left() >= 1 {
                extras.aggregate = Aggregate::parse(options.value()?)?;
            } else if !stores && is(word, "WITHSCORES") {
                extras.with_scores = true;
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(extras)
    }
}

/// The result for the keys counted at argument `at`, and whether scores are asked for.
fn run(cx: &mut KeyCx, at: usize, operation: &Operation, command: &str) -> Result<(Elements, bool), Error> {
    let (args, keys) = (cx.args, key_count(cx, at, command)?);
    let sources = Source::all(cx.view, args.from(at + 1).iter().take(keys))?;
    let options = Options::new(args, at + 1 + keys);
    let extras = Extras::parse(options, keys, operation.weighs, at > 1)?;
    let inputs = sources.iter().zip(&extras.weights).map(|(&source, &weight)| Input { source, weight });
    Ok(((operation.combine)(inputs.collect(), extras.aggregate), extras.with_scores))
}

fn reply(cx: &mut KeyCx, operation: &Operation) -> Outcome {
    let command = String::from_utf8_lossy(cx.args.at(0)).to_ascii_lowercase();
    let (mut elements, with_scores) = run(cx, 1, operation, &command)?;
    // No score is NaN, and -0 equals 0.
    elements.sort_by(|a, b| a.1.partial_cmp(&b.1).unwrap_or(Ordering::Equal).then_with(|| a.0.cmp(&b.0)));
    let each = elements.iter().map(|(member, score)| (Entry::Bytes(member), *score));
    reply_elements(&mut cx.reply, elements.len(), each, with_scores);
    Ok(())
}

fn store(cx: &mut KeyCx, operation: &Operation, command: &'static str) -> Outcome {
    let limits = cx.limits();
    let (elements, _) = run(cx, 2, operation, command)?;
    let longest = elements.iter().map(|(member, _)| member.len()).max().unwrap_or(0);
    let mut zset = Zset::default();
    zset.expect(elements.len(), longest, &limits);
    for (member, score) in &elements {
        zset.insert(member, *score, &limits);
    }
    reply_stored(cx, cx.args.at(1), zset, command, 1);
    Ok(())
}

fn union(mut inputs: Vec<Input>, aggregate: Aggregate) -> Elements {
    inputs.sort_by_key(|input| input.source.len());
    let mut scores: HashMap<Vec<u8>, f64> = HashMap::new();
    for input in inputs {
        input.source.each(|member, score| {
            let score = or_zero(input.weight * score);
            match scores.get_mut(member) {
                Some(before) => *before = aggregate.combine(*before, score),
                None => {
                    scores.insert(member.to_vec(), score);
                }
            }
            ControlFlow::Continue(())
        });
    }
    scores.into_iter().collect()
}

fn intersection(inputs: Vec<Input>, aggregate: Aggregate) -> Elements {
    let mut common = vec![];
    intersect(inputs, aggregate, |member, score| {
        common.push((member.to_vec(), score));
        ControlFlow::Continue(())
    });
    common
}

/// Visits each member that all inputs have, with its score.
fn intersect(
    mut inputs: Vec<Input>,
    aggregate: Aggregate,
    mut visit: impl FnMut(&[u8], f64) -> ControlFlow<()>,
) {
    inputs.sort_by_key(|input| input.source.len());
    let Some((smallest, others)) = inputs.split_first() else { return };
    smallest.source.each(|member, score| {
        let score = others.iter().try_fold(or_zero(smallest.weight * score), |score, other| {
            Some(aggregate.combine(score, other.weight * other.source.score(member)?))
        });
        score.map_or(ControlFlow::Continue(()), |score| visit(member, score))
    });
}

fn difference(inputs: Vec<Input>, _: Aggregate) -> Elements {
    let mut left = vec![];
    let Some((first, others)) = inputs.split_first() else { return left };
    first.source.each(|member, score| {
        if others.iter().all(|other| other.source.score(member).is_none()) {
            left.push((member.to_vec(), score));
        }
        ControlFlow::Continue(())
    });
    left
}

fn zintercard(cx: &mut KeyCx) -> Outcome {
    let (args, keys) = (cx.args, key_count(cx, 1, "zintercard")?);
    let sources = Source::all(cx.view, args.from(2).iter().take(keys))?;
    let (mut options, mut limit) = (Options::new(args, 2 + keys), 0);
    while let Some(word) = options.next() {
        if !is(word, "LIMIT") {
            return Err(Error::Syntax);
        }
        let number = integer(options.value()?).ok().and_then(|limit| usize::try_from(limit).ok());
        limit = number.ok_or(Error::text("ERR LIMIT can't be negative"))?;
    }
    let mut count = 0;
    let inputs = sources.into_iter().map(|source| Input { source, weight: 1.0 });
    intersect(inputs.collect(), Aggregate::Sum, |_, _| {
        count += 1;
        if count == limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    cx.reply.count(count);
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    fn filled() -> Tester {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("ZADD a 1 x 2 y 3 z", ":3");
        t.check("ZADD b 10 y 20 z 30 w", ":3");
        t
    }

    #[test]
    fn unions() {
        let mut t = filled();
        t.check("ZUNION 2 a b", "[$x, $y, $z, $w]");
        t.check_both(
            "ZUNION 1 b WITHSCORES",
            "[$y, $10, $z, $20, $w, $30]",
            "[[$y, ,10], [$z, ,20], [$w, ,30]]",
        );
        t.check("ZUNIONSTORE d 2 a b WEIGHTS 2 0.5 AGGREGATE MAX", ":4");
        t.check_both(
            "ZRANGE d 0 -1 WITHSCORES",
            "[$x, $2, $y, $5, $z, $10, $w, $15]",
            "[[$x, ,2], [$y, ,5], [$z, ,10], [$w, ,15]]",
        );
        t.check("ZUNIONSTORE d 3 a none b AGGREGATE min", ":4");
        t.check("ZRANGE d 0 2", "[$x, $y, $z]");
        t.check("ZUNIONSTORE a 2 a a", ":3");
        t.check_both("ZSCORE a y", "$4", ",4");
        t.check("ZUNIONSTORE d 1 none", ":0");
        t.check("EXISTS d", ":0");
    }

    #[test]
    fn intersections() {
        let mut t = filled();
        t.check_both("ZINTER 2 a b WITHSCORES", "[$y, $12, $z, $23]", "[[$y, ,12], [$z, ,23]]");
        t.check("ZINTER 3 a b none", "[]");
        t.check("ZINTERSTORE d 2 a b WEIGHTS 1 -1", ":2");
        t.check_both("ZMSCORE d y z", "[$-8, $-17]", "[,-8, ,-17]");
        t.check("ZINTERCARD 2 a b", ":2");
        t.check("ZINTERCARD 2 a b LIMIT 1", ":1");
        t.check("ZINTERCARD 2 a b LIMIT 0", ":2");
        t.check("ZINTERSTORE d 2 a none", ":0");
        t.check("EXISTS d", ":0");
    }

    #[test]
    fn differences() {
        let mut t = filled();
        t.check_both("ZDIFF 2 a b WITHSCORES", "[$x, $1]", "[[$x, ,1]]");
        t.check("ZDIFF 2 none b", "[]");
        t.check("ZDIFF 2 a a", "[]");
        t.check("ZDIFFSTORE b 2 b a", ":1");
        t.check_both("ZSCORE b w", "$30", ",30");
        t.check("ZDIFFSTORE b 2 a a", ":0");
        t.check("EXISTS b", ":0");
    }

    #[test]
    fn what_is_no_number_counts_as_zero() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("ZADD a inf x", ":1");
        t.check("ZADD b -inf x", ":1");
        t.check_both("ZUNION 2 a b WITHSCORES", "[$x, $0]", "[[$x, ,0]]");
        t.check_both("ZINTER 2 a b WEIGHTS 0 1 WITHSCORES", "[$x, $-inf]", "[[$x, ,-inf]]");
        t.check_both("ZUNION 1 a WEIGHTS 0 WITHSCORES", "[$x, $0]", "[[$x, ,0]]");
    }

    #[test]
    fn refusals() {
        let mut t = filled();
        t.check("ZUNION 0 a", "-ERR at least 1 input key is needed for 'zunion' command");
        t.check("zINTERstore d -1 a", "-ERR at least 1 input key is needed for 'zinterstore' command");
        t.check("ZINTERCARD 0 a", "-ERR at least 1 input key is needed for 'zintercard' command");
        t.check("ZDIFF x a", "-ERR value is not an integer or out of range");
        for line in [
            "ZUNION 3 a b",
            "ZUNION 2 a b WEIGHTS 1",
            "ZUNION 2 a b AGGREGATE avg",
            "ZUNION 2 a b AGGREGATE",
            "ZUNIONSTORE d 2 a b WITHSCORES",
            "ZDIFF 2 a b WEIGHTS 1 1",
            "ZDIFFSTORE d 2 a b WITHSCORES",
            "ZINTERCARD 2 a b WITHSCORES",
            "ZINTERCARD 2 a b LIMIT",
        ] {
            t.check(line, "-ERR syntax error");
        }
        t.check("ZUNION 2 a b WEIGHTS 1 x", "-ERR weight value is not a float");
        for limit in ["-1", "x"] {
            t.check(&format!("ZINTERCARD 2 a b LIMIT {limit}"), "-ERR LIMIT can't be negative");
        }
        t.check("SET s x", "+OK");
        t.check("ZUNION 2 a s what", "-WRONGTYPE Operation against a key holding the wrong kind of value");
    }
}
