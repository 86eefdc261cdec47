//! LLEN, LINDEX, LRANGE, LPOS.

use codec::listpack::Entry;
use data::List;
use data::list::End;
use engine::args::{Options, integer, is};
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use resp::Encoder;

/// LLEN key
pub const LLEN: Command = Command {
    name: "llen",
    group: Group::List,
    since: "1.0.0",
    summary: "Returns how many elements a list has.",
    arity: 2,
    flags: Flags::READONLY.union(Flags::FAST),
    keys: &[KeySpec::first(KeyFlags::RO)],
    args: &[Arg::key("key")],
    handler: Handler::Read(|cx| {
        let list = cx.view.read::<List>(cx.args.at(1))?;
        cx.reply.count(list.map_or(0, List::len));
        Ok(())
    }),
    ..Command::DEFAULT
};

/// LINDEX key index
pub const LINDEX: Command = Command {
    name: "lindex",
    summary: "Returns the element at an index of a list.",
    complexity: "O(N) where N is the number of nodes between the nearer end and the element",
    arity: 3,
    flags: Flags::READONLY,
    keys: &[KeySpec::first(KeyFlags::RO.union(KeyFlags::ACCESS))],
    args: &[Arg::key("key"), Arg::integer("index")],
    handler: Handler::Read(lindex),
    ..LLEN
};

/// LRANGE key start stop
pub const LRANGE: Command = Command {
    name: "lrange",
    summary: "Returns the elements of a list in a range of indices.",
    complexity: "O(S+N) where S is the number of nodes before the range and N that of elements in it",
    arity: 4,
    args: &[Arg::key("key"), Arg::integer("start"), Arg::integer("stop")],
    handler: Handler::Read(lrange),
    ..LINDEX
};

/// LPOS key element [RANK rank] [COUNT num-matches] [MAXLEN len]
pub const LPOS: Command = Command {
    name: "lpos",
    since: "6.0.6",
    summary: "Returns the indices of elements that are equal to one.",
    complexity: "O(N) where N is the number of elements looked at",
    arity: -3,
    args: &[
        Arg::key("key"),
        Arg::string("element"),
        Arg::integer("rank").token("RANK").optional(),
        Arg::integer("num-matches").token("COUNT").optional(),
        Arg::integer("len").token("MAXLEN").optional(),
    ],
    handler: Handler::Read(lpos),
    ..LINDEX
};

/// Writes an element as a bulk string.
pub fn reply_entry(reply: &mut Encoder, entry: Entry) {
    match entry {
        Entry::Int(number) => reply.bulk_int(number),
        Entry::Bytes(bytes) => reply.bulk(bytes),
    }
}

/// The indices from `start` to `stop` of `len` elements; negative ones count from the end.
pub fn range(start: i64, stop: i64, len: usize) -> std::ops::Range<usize> {
    let len = len as i64;
    let from_head = |index: i64| if index < 0 { index.saturating_add(len) } else { index };
    let (start, stop) = (from_head(start).max(0), from_head(stop).min(len - 1));
    if start > stop { 0..0 } else { start as usize..stop as usize + 1 }
}

fn lindex(cx: &mut KeyCx) -> Outcome {
    let list = cx.view.read::<List>(cx.args.at(1))?;
    let Some(list) = list else {
        cx.reply.null();
        return Ok(());
    };
    let index = integer(cx.args.at(2))?;
    if list.with(index, |entry| reply_entry(&mut cx.reply, entry)).is_none() {
        cx.reply.null();
    }
    Ok(())
}

fn lrange(cx: &mut KeyCx) -> Outcome {
    let (start, stop) = (integer(cx.args.at(2))?, integer(cx.args.at(3))?);
    let Some(list) = cx.view.read::<List>(cx.args.at(1))? else {
        cx.reply.array(0);
        return Ok(());
    };
    let range = range(start, stop, list.len());
    cx.reply.array(range.len());
    list.visit(range, End::Head, |entry| reply_entry(&mut cx.reply, entry));
    Ok(())
}

/// What LPOS asks for.
struct Search {
    /// Matches to pass over.
    skip: usize,
    from_tail: bool,
    /// How many to answer; `None` for one that is no array.
    count: Option<usize>,
    /// How many elements to look at.
    most: usize,
}

impl Search {
    fn parse(cx: &KeyCx) -> Result<Search, Error> {
        let mut search = Search { skip: 0, from_tail: false, count: None, most: usize::MAX };
        let mut options = Options::new(cx.args, 3);
        while let Some(word) = options.next() {
            if is(word, "RANK") {
                let rank = options.integer()?;
                if rank == 0 {
                    return Err(Error::err(
                        "RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list",
                    ));
                }
                if rank == i64::MIN {
                    return Err(Error::NotBetween(-i64::MAX, i64::MAX));
                }
                search.skip = usize::try_from(rank.unsigned_abs() - 1).unwrap_or(usize::MAX);
                search.from_tail = rank < 0;
            } else if is(word, "COUNT") {
                search.count = Some(natural(options.value()?, "COUNT can't be negative")?);
            } else if is(word, "MAXLEN") {
                search.most = match natural(options.value()?, "MAXLEN can't be negative")? {
                    0 => usize::MAX,
                    most => most,
                };
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(search)
    }

    /// The indices of what was found.
    fn run(&self, list: &List, element: &[u8]) -> Vec<usize> {
        let wanted = match self.count {
            None => 1,
            Some(0) => usize::MAX,
            Some(count) => count,
        };
        let from = if self.from_tail { End::Tail } else { End::Head };
        list.find_equal(element, from, self.most, self.skip, wanted)
    }
}

/// Redis has one error for what is negative and for what is no number.
fn natural(arg: &[u8], error: &'static str) -> Result<usize, Error> {
    integer(arg).ok().and_then(|number| usize::try_from(number).ok()).ok_or_else(|| Error::err(error))
}

fn lpos(cx: &mut KeyCx) -> Outcome {
    let search = Search::parse(cx)?;
    let list = cx.view.read::<List>(cx.args.at(1))?;
    let found = list.map_or(Vec::new(), |list| search.run(list, cx.args.at(2)));
    match (search.count, found.first()) {
        (Some(_), _) => {
            cx.reply.array(found.len());
            found.iter().for_each(|index| cx.reply.count(*index));
        }
        (None, Some(index)) => cx.reply.count(*index),
        (None, None) => cx.reply.null(),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    fn filled(size: &str) -> Tester {
        let mut t = Tester::new(crate::FAMILIES);
        t.check(&format!("CONFIG SET list-max-listpack-size {size}"), "+OK");
        t.check("RPUSH l a b c 1 2 3 c c", ":8");
        t
    }

    #[test]
    fn ranges_and_indices() {
        for size in ["-2", "2"] {
            let mut t = filled(size);
            t.check("LLEN l", ":8");
            t.check("LLEN none", ":0");
            t.check("LRANGE l 1 3", "[$b, $c, $1]");
            t.check("LRANGE l -3 -1", "[$3, $c, $c]");
            t.check("LRANGE l 5 2", "[]");
            t.check("LRANGE l -100 0", "[$a]");
            t.check("LRANGE l -9223372036854775808 9223372036854775807", "[$a, $b, $c, $1, $2, $3, $c, $c]");
            t.check("LRANGE none 0 1", "[]");
            t.check("LRANGE none x 1", "-ERR value is not an integer or out of range");
            t.check("LINDEX l 4", "$2");
            t.check("LINDEX l -1", "$c");
            t.check("LINDEX l 8", "(nil)");
            t.check("LINDEX l -9223372036854775808", "(nil)");
            t.check("LINDEX none 0", "(nil)");
            t.check("LINDEX l x", "-ERR value is not an integer or out of range");
        }
    }

    #[test]
    fn positions() {
        for size in ["-2", "2"] {
            let mut t = filled(size);
            t.check("LPOS l c", ":2");
            t.check("LPOS l 2", ":4");
            t.check("LPOS l c RANK 2", ":6");
            t.check("LPOS l c RANK -1", ":7");
            t.check("LPOS l c COUNT 0", "[:2, :6, :7]");
            t.check("LPOS l c COUNT 2 RANK -1", "[:7, :6]");
            t.check("LPOS l c COUNT 0 MAXLEN 7", "[:2, :6]");
            t.check("LPOS l c RANK 4", "(nil)");
            t.check("LPOS none c", "(nil)");
            t.check("LPOS none c COUNT 1", "[]");
            t.check("LPOS l c COUNT -1", "-ERR COUNT can't be negative");
            t.check("LPOS l c MAXLEN -1", "-ERR MAXLEN can't be negative");
            t.check("LPOS l c RANK", "-ERR syntax error");
            t.check("LPOS l c RANK 0", "-ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list");
            t.check(
                "LPOS l c RANK -9223372036854775808",
                "-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
            );
        }
    }
}
