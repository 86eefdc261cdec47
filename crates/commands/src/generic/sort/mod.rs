//! SORT and SORT_RO: the elements of a list, set or sorted set in the order of their numbers or texts, or of what other
//! keys say about each ([`pattern`]). As Redis 7.2.6 `sort.c` sorts, down to which elements count as equal.
//!
//! The keys that patterns name depend on the elements, so nobody knows them before: with such a pattern the command
//! has late keys, and runs with exclusive access; without one it locks only the keys it names.

mod order;
mod pattern;
mod request;

use std::ops::Range;

use config::NotifyEvents;
use data::list::End;
use data::{List, Set, Type, Value, Zset};
use engine::command::{Begin, Find};
use engine::keys::FindKeys;
use engine::{Arg, Categories, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use keyspace::{Expire, NewValue, View};

use order::{Order, sorted};
use pattern::Pattern;
use request::{Request, places_of_stores};

const KEY: KeySpec = KeySpec::first(KeyFlags::RO.union(KeyFlags::ACCESS));
const LOOKED_UP: KeySpec = KeySpec {
    flags: KEY.flags,
    begin: Begin::Unknown,
    find: Find::Unknown,
    notes: Some("The keys of BY and GET depend on the elements that are sorted"),
};
const STORED: KeySpec = KeySpec {
    flags: KeyFlags::OW.union(KeyFlags::UPDATE),
    begin: Begin::Unknown,
    find: Find::Unknown,
    notes: Some("STORE may stand anywhere among the options"),
};

const BY: Arg = pattern_arg("by-pattern", "BY");
const GET: Arg = pattern_arg("get-pattern", "GET").multiple_token();
const LIMIT: Arg =
    Arg::block("limit", &[Arg::integer("offset"), Arg::integer("count")]).token("LIMIT").optional();
const ORDER: Arg = Arg::one_of("order", &[Arg::word("asc", "ASC"), Arg::word("desc", "DESC")]).optional();
const ALPHA: Arg = Arg::word("sorting", "ALPHA").optional();

const fn pattern_arg(name: &'static str, token: &'static str) -> Arg {
    let mut arg = Arg::pattern(name).display("pattern").token(token).optional();
    arg.key_spec = Some(1);
    arg
}

/// SORT key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA] [STORE destination]
pub const SORT: Command = Command {
    name: "sort",
    group: Group::Generic,
    since: "1.0.0",
    summary: "Returns or stores the elements of a list, set or sorted set in an order that the options ask for.",
    complexity: "O(N+M*log(M)) where N is the number of elements and M that of those returned; O(N) where nothing is \
                 sorted",
    arity: -2,
    flags: Flags::WRITE.union(Flags::DENYOOM),
    categories: Categories::SET
        .union(Categories::SORTEDSET)
        .union(Categories::LIST)
        .union(Categories::DANGEROUS),
    keys: &[KEY, LOOKED_UP, STORED],
    find_keys: Some(FIND_KEYS),
    late_keys: Some(|args| Request::parse(args, false, false).is_ok_and(|request| request.looks_up())),
    args: &[
        Arg::key("key"),
        BY,
        LIMIT,
        GET,
        ORDER,
        ALPHA,
        Arg::key_of("destination", 2).token("STORE").optional(),
    ],
    handler: Handler::Write(|cx| sort(cx, false)),
    ..Command::DEFAULT
};

/// SORT_RO key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA]
pub const SORT_RO: Command = Command {
    name: "sort_ro",
    since: "7.0.0",
    summary: "Returns the elements of a list, set or sorted set in an order that the options ask for.",
    flags: Flags::READONLY,
    keys: &[KEY, LOOKED_UP],
    find_keys: Some(|_, visit| visit(1, KEY.flags)),
    late_keys: Some(|args| Request::parse(args, true, false).is_ok_and(|request| request.looks_up())),
    args: &[Arg::key("key"), BY, LIMIT, GET, ORDER, ALPHA],
    handler: Handler::Read(|cx| sort(cx, true)),
    ..SORT
};

/// Of several destinations the last one counts.
const FIND_KEYS: FindKeys = |args, visit| {
    visit(1, KEY.flags);
    places_of_stores(args).last().inspect(|at| visit(*at, STORED.flags));
};

fn sort(cx: &mut KeyCx, read_only: bool) -> Outcome {
    let mut request = Request::parse(cx.args, read_only, cx.config.cluster_enabled)?;
    let elements = elements(cx.view, cx.args.at(1), &mut request)?;
    match request.store {
        Some(target) => store(cx, &request, target, &elements),
        None => reply(cx, &request, &elements),
    }
    Ok(())
}

/// The elements that are asked for, in order.
fn elements(view: &mut View, key: &[u8], request: &mut Request) -> Result<Vec<Box<[u8]>>, Error> {
    let Some(found) = view.get(key) else { return Ok(Vec::new()) };
    let source = match found.value_type() {
        Type::List => Source::List(found.value()?),
        Type::Set => Source::Set(found.value()?),
        Type::Zset => Source::Zset(found.value()?),
        _ => return Err(Error::WrongType),
    };
    let window = request.window(source.len());
    if matches!(source, Source::Set(_)) && request.unsorted && request.store.is_some() {
        // What is stored must not depend on the order that a set has in memory.
        (request.unsorted, request.alpha, request.by) = (false, true, None);
    }
    if request.unsorted {
        return Ok(source.part(window, request.descending));
    }
    let all = source.part(0..source.len(), false);
    let order = Order {
        by: request.by,
        alpha: request.alpha,
        descending: request.descending,
        binary: request.store.is_some(),
        stable: matches!(source, Source::List(_)),
    };
    let mut sorted = sorted(view, all, order)?;
    sorted.truncate(window.end);
    sorted.drain(..window.start);
    Ok(sorted)
}

/// What is sorted.
enum Source<'a> {
    List(&'a List),
    Set(&'a Set),
    Zset(&'a Zset),
}

impl Source<'_> {
    fn len(&self) -> usize {
        match self {
            Source::List(list) => list.len(),
            Source::Set(set) => set.len(),
            Source::Zset(zset) => zset.len(),
        }
    }

    /// The elements in a range of places; from the end on if `descending`, but a set has no end.
    fn part(&self, range: Range<usize>, descending: bool) -> Vec<Box<[u8]>> {
        let (len, count) = (self.len(), range.len());
        let from_start = if descending { len - range.end..len - range.start } else { range.clone() };
        let mut elements = Vec::with_capacity(count);
        let mut push = |element: &[u8]| elements.push(element.into());
        match self {
            Source::List(list) => {
                list.visit(from_start, End::Head, |element| element.with_bytes(&mut push));
            }
            Source::Zset(zset) => {
                zset.range(from_start).for_each(|(member, _)| member.with_bytes(&mut push));
            }
            Source::Set(set) => {
                let part = set.iter().skip(range.start).take(count);
                part.for_each(|member| member.with_bytes(&mut push));
                return elements;
            }
        }
        if descending {
            elements.reverse();
        }
        elements
    }
}

/// Visits the values that GET asks for, element by element; without GET the elements themselves.
fn each_value(
    view: &mut View,
    get: &[Pattern],
    elements: &[Box<[u8]>],
    mut visit: impl FnMut(Option<&[u8]>),
) {
    for element in elements {
        if get.is_empty() {
            visit(Some(element));
        }
        get.iter().for_each(|pattern| pattern.look_up(view, element, &mut visit));
    }
}

fn reply(cx: &mut KeyCx, request: &Request, elements: &[Box<[u8]>]) {
    let reply = &mut cx.reply;
    reply.array(elements.len() * request.get.len().max(1));
    each_value(cx.view, &request.get, elements, |value| reply.bulk_or_null(value));
}

/// Stores the values as a list, in which those that are missing are empty; no values delete the key.
fn store(cx: &mut KeyCx, request: &Request, target: &[u8], elements: &[Box<[u8]>]) {
    let limits = cx.limits();
    let mut list = List::quick(&limits);
    each_value(cx.view, &request.get, elements, |value| {
        list.push(End::Tail, value.unwrap_or_default());
    });
    list.settle(&limits);
    cx.reply.count(list.len());
    if !list.is_empty() {
        cx.changed(list.len() as u64);
        cx.view.set(target, NewValue::Object(list.into_object()), Expire::Never);
        cx.notify(NotifyEvents::LIST, "sortstore", target);
    } else if cx.view.remove(target) {
        cx.changed(1);
        cx.notify(NotifyEvents::GENERIC, "del", target);
    }
}

#[cfg(test)]
mod tests;
