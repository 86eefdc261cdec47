//! LPOP, RPOP, LMPOP.

use codec::number::I64Text;
use config::NotifyEvents;
use data::List;
use data::list::End;
use engine::args::{Options, integer, is};
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use keyspace::Missing;
use resp::Encoder;

use super::read::reply_entry;
use super::{LEFT_OR_RIGHT, end};

/// The flags of a key that elements are popped from.
pub const POPPED: KeyFlags = KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE);

/// LPOP key [count]
pub const LPOP: Command = Command {
    name: "lpop",
    group: Group::List,
    since: "1.0.0",
    summary: "Removes elements from the head of a list and returns them.",
    complexity: "O(N) where N is the number of elements returned",
    arity: -2,
    flags: Flags::WRITE.union(Flags::FAST),
    keys: &[KeySpec::first(POPPED)],
    args: &[Arg::key("key"), Arg::integer("count").optional().since("6.2.0")],
    history: &[("6.2.0", "Takes a count.")],
    handler: Handler::Write(|cx| pop_one_or_more(cx, End::Head)),
    ..Command::DEFAULT
};

/// RPOP key [count]
pub const RPOP: Command = Command {
    name: "rpop",
    summary: "Removes elements from the tail of a list and returns them.",
    handler: Handler::Write(|cx| pop_one_or_more(cx, End::Tail)),
    ..LPOP
};

/// LMPOP numkeys key [key ...] LEFT | RIGHT [COUNT count]
pub const LMPOP: Command = Command {
    name: "lmpop",
    since: "7.0.0",
    summary: "Removes elements from the first list that is there and returns them.",
    complexity: "O(N+M) where N is the number of keys and M that of elements returned",
    arity: -4,
    flags: Flags::WRITE,
    keys: &[KeySpec::counted(1, POPPED)],
    args: &[
        Arg::integer("numkeys"),
        Arg::key("key").multiple(),
        Arg::one_of("where", LEFT_OR_RIGHT),
        Arg::integer("count").token("COUNT").optional(),
    ],
    history: &[],
    handler: Handler::Write(lmpop),
    ..LPOP
};

/// The event that a pop is told as, which is also the command that it is logged as.
pub fn event(end: End) -> &'static str {
    match end {
        End::Head => "lpop",
        End::Tail => "rpop",
    }
}

/// Removes up to `count` elements at an end and replies them behind what `head` replies, which is told how many.
/// Answers how many; `None` without a key.
pub fn pop(
    cx: &mut KeyCx,
    key: &[u8],
    end: End,
    count: usize,
    head: impl FnOnce(&mut Encoder, usize),
) -> Result<Option<usize>, Error> {
    let (limits, event) = (cx.limits(), (NotifyEvents::LIST, event(end)));
    cx.modify(key, Missing::Skip, event, |list: &mut List, change| {
        let count = count.min(list.len());
        head(change.reply, count);
        let first = match end {
            End::Head => 0,
            End::Tail => list.len() - count,
        };
        list.visit(first..first + count, end, |entry| reply_entry(change.reply, entry));
        change.count = list.remove(first, count) as u64;
        list.shrink(&limits);
        count
    })
}

fn pop_one_or_more(cx: &mut KeyCx, end: End) -> Outcome {
    let (key, args) = (cx.args.at(1), cx.args);
    if args.len() > 3 {
        return Err(Error::err(format_args!("wrong number of arguments for '{}' command", event(end))));
    }
    let Some(count) = args.get(2) else {
        if pop(cx, key, end, 1, |_, _| {})?.is_none() {
            cx.reply.null();
        }
        return Ok(());
    };
    let count = integer(count).ok().and_then(|count| usize::try_from(count).ok());
    let count = count.ok_or(Error::NotPositive)?;
    if pop(cx, key, end, count, |reply, count| reply.array(count))?.is_none() {
        cx.reply.null_array();
    }
    Ok(())
}

/// What LMPOP and BLMPOP ask for.
pub struct Request {
    /// The number of keys.
    pub keys: usize,
    end: End,
    count: usize,
}

impl Request {
    /// Reads what stands from the number of keys on.
    pub fn parse(cx: &KeyCx, at: usize) -> Result<Request, Error> {
        let positive = |arg: &[u8], error: &'static str| {
            let number = integer(arg).ok().and_then(|number| usize::try_from(number).ok());
            number.filter(|number| *number > 0).ok_or(Error::text(error))
        };
        let keys = positive(cx.args.at(at), "ERR numkeys should be greater than 0")?;
        let mut options = Options::new(cx.args, keys.saturating_add(at + 1));
        let (end, mut count) = (end(options.value()?)?, None);
        while let Some(word) = options.next() {
            if count.is_some() || !is(word, "COUNT") {
                return Err(Error::Syntax);
            }
            count = Some(positive(options.value()?, "ERR count should be greater than 0")?);
        }
        Ok(Request { keys, end, count: count.unwrap_or(1) })
    }

    /// Pops from the first key that is there, of those from argument `first` on; answers whether there is one.
    pub fn run(&self, cx: &mut KeyCx, first: usize) -> Result<bool, Error> {
        for key in cx.args.from(first).iter().take(self.keys) {
            let head = |reply: &mut Encoder, count: usize| {
                reply.array(2);
                reply.bulk(key);
                reply.array(count);
            };
            if let Some(popped) = pop(cx, key, self.end, self.count, head)? {
                cx.log_instead([event(self.end).as_bytes(), key, &I64Text::new(popped as i64)]);
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn lmpop(cx: &mut KeyCx) -> Outcome {
    let request = Request::parse(cx, 1)?;
    if !request.run(cx, 2)? {
        cx.reply.null_array();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn from_either_end() {
        for size in ["-2", "2"] {
            let mut t = Tester::new(crate::FAMILIES);
            t.check(&format!("CONFIG SET list-max-listpack-size {size}"), "+OK");
            t.check("RPUSH l a b c 1 2 3", ":6");
            t.check("LPOP l", "$a");
            t.check("RPOP l", "$3");
            t.check("LPOP l 2", "[$b, $c]");
            t.check("RPOP l 0", "[]");
            t.check("RPOP l 9", "[$2, $1]");
            t.check("EXISTS l", ":0");
            t.check("LPOP l", "(nil)");
            t.check("LPOP l 1", "(nil)");
        }
    }

    #[test]
    fn refusals() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("LPOP l 1 2", "-ERR wrong number of arguments for 'lpop' command");
        for count in ["-1", "x"] {
            t.check(&format!("RPOP l {count}"), "-ERR value is out of range, must be positive");
        }
        t.check("SET s x", "+OK");
        t.check("LPOP s", "-WRONGTYPE Operation against a key holding the wrong kind of value");
        for numkeys in ["0", "-1", "x"] {
            t.check(&format!("LMPOP {numkeys} l LEFT"), "-ERR numkeys should be greater than 0");
        }
        for line in
            ["LMPOP 2 l LEFT", "LMPOP 1 l UP", "LMPOP 1 l LEFT COUNT", "LMPOP 1 l LEFT COUNT 1 COUNT 1"]
        {
            t.check(line, "-ERR syntax error");
        }
        t.check("LMPOP 9223372036854775807 l LEFT", "-ERR syntax error");
        t.check("LMPOP 1 l LEFT COUNT 0", "-ERR count should be greater than 0");
    }

    #[test]
    fn the_first_of_several_keys() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("RPUSH b x y z", ":3");
        t.check("LMPOP 2 a b LEFT", "[$b, [$x]]");
        t.check("LMPOP 2 a b right COUNT 9", "[$b, [$z, $y]]");
        t.check("LMPOP 2 a b LEFT", "(nil)");
        assert_eq!(t.logged()[2..], ["lpop b 1", "rpop b 2"]);
    }
}
