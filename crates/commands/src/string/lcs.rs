//! LCS: the longest common subsequence of two strings.
//!
//! The textbook's table: the longest subsequence of each pair of prefixes, from those one byte shorter. Which of
//! several equally long ones is answered, and how it falls into matches, follows from the way back through the
//! table, which is Redis's: on a tie the second string's byte is dropped.

use std::ops::Range;

use engine::args::{Options, is};
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use keyspace::Str;
use resp::Encoder;

/// LCS key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]
pub const LCS: Command = Command {
    name: "lcs",
    group: Group::String,
    since: "7.0.0",
    summary: "Returns the longest common subsequence of two strings.",
    complexity: "O(N*M) where N and M are the lengths of the strings",
    arity: -3,
    flags: Flags::READONLY,
    keys: &[KeySpec::range(1, 1, 1, KeyFlags::RO.union(KeyFlags::ACCESS))],
    args: &[
        Arg::key("key1"),
        Arg::key("key2"),
        Arg::word("len", "LEN").optional(),
        Arg::word("idx", "IDX").optional(),
        Arg::integer("min-match-len").token("MINMATCHLEN").optional(),
        Arg::word("withmatchlen", "WITHMATCHLEN").optional(),
    ],
    handler: Handler::Read(lcs),
    ..Command::DEFAULT
};

#[derive(Default)]
struct LcsOptions {
    len: bool,
    idx: bool,
    min_match_len: usize,
    with_match_len: bool,
}

impl LcsOptions {
    fn parse(cx: &KeyCx) -> Result<LcsOptions, Error> {
        let (mut options, mut found) = (Options::new(cx.args, 3), LcsOptions::default());
        while let Some(word) = options.next() {
            if is(word, "IDX") {
                found.idx = true;
            } else if is(word, "LEN") {
                found.len = true;
            } else if is(word, "WITHMATCHLEN") {
                found.with_match_len = true;
            } else if is(word, "MINMATCHLEN") {
                found.min_match_len = options.integer()?.max(0) as usize;
            } else {
                return Err(Error::Syntax);
            }
        }
        if found.len && found.idx {
            return Err(Error::text("ERR If you want both the length and indexes, please just use IDX."));
        }
        Ok(found)
    }
}

fn lcs(cx: &mut KeyCx) -> Outcome {
    let (a, b) = match (text(cx, 1), text(cx, 2)) {
        (Ok(a), Ok(b)) => (a, b),
        _ => return Err(Error::text("ERR The specified keys must contain string values")),
    };
    let options = LcsOptions::parse(cx)?;
    let table = Table::new(&a, &b, cx.max_string())?;
    if options.idx {
        reply_matches(&mut cx.reply, &table, &options);
    } else if options.len {
        cx.reply.count(table.longest());
    } else {
        let mut pieces: Vec<_> = table.matches().map(|m| &a[m.a]).collect();
        pieces.reverse();
        cx.reply.bulk(&pieces.concat());
    }
    Ok(())
}

fn text(cx: &mut KeyCx, index: usize) -> Result<Vec<u8>, Error> {
    Ok(cx.view.string(cx.args.at(index))?.map_or_else(Vec::new, Str::to_vec))
}

fn reply_matches(reply: &mut Encoder, table: &Table, options: &LcsOptions) {
    let matches: Vec<Match> = table.matches().filter(|m| m.a.len() >= options.min_match_len).collect();
    reply.map(2);
    reply.bulk(b"matches");
    reply.array(matches.len());
    for found in matches {
        reply.array(2 + options.with_match_len as usize);
        for range in [&found.a, &found.b] {
            reply.array(2);
            reply.count(range.start);
            reply.count(range.end - 1);
        }
        if options.with_match_len {
            reply.count(found.a.len());
        }
    }
    reply.bulk(b"len");
    reply.count(table.longest());
}

/// A stretch that both strings have, and where.
struct Match {
    a: Range<usize>,
    b: Range<usize>,
}

/// Of each pair of prefixes the length of the longest common subsequence.
struct Table<'a> {
    a: &'a [u8],
    b: &'a [u8],
    /// Row by row, one for each prefix of `a`.
    lengths: Vec<u32>,
}

impl<'a> Table<'a> {
    /// The table, if it takes at most `limit` bytes.
    fn new(a: &'a [u8], b: &'a [u8], limit: usize) -> Result<Table<'a>, Error> {
        let cells = (a.len() + 1).checked_mul(b.len() + 1);
        if cells.and_then(|cells| cells.checked_mul(size_of::<u32>())).is_none_or(|bytes| bytes > limit) {
            return Err(Error::text(
                "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
            ));
        }
        let (cells, mut lengths) = (cells.unwrap_or_default(), Vec::new());
        lengths.try_reserve_exact(cells).map_err(|_| {
            Error::text("ERR Insufficient memory, failed allocating transient memory for LCS")
        })?;
        lengths.resize(cells, 0);
        let mut table = Table { a, b, lengths };
        table.fill();
        Ok(table)
    }

    fn fill(&mut self) {
        let width = self.b.len() + 1;
        let mut rest = &mut self.lengths[..];
        for byte in self.a {
            let (above, below) = rest.split_at_mut(width);
            for (j, other) in self.b.iter().enumerate() {
                below[j + 1] = if byte == other { above[j] + 1 } else { above[j + 1].max(below[j]) };
            }
            rest = below;
        }
    }

    fn at(&self, i: usize, j: usize) -> u32 {
        self.lengths[i * (self.b.len() + 1) + j]
    }

    fn longest(&self) -> usize {
        self.at(self.a.len(), self.b.len()) as usize
    }

    /// The stretches that make up the subsequence, the last one first.
    fn matches(&self) -> impl Iterator<Item = Match> + '_ {
        let (mut i, mut j) = (self.a.len(), self.b.len());
        std::iter::from_fn(move || {
            while i > 0 && j > 0 && self.a[i - 1] != self.b[j - 1] {
                if self.at(i - 1, j) > self.at(i, j - 1) { i -= 1 } else { j -= 1 }
            }
            let end = (i, j);
            while i > 0 && j > 0 && self.a[i - 1] == self.b[j - 1] {
                (i, j) = (i - 1, j - 1);
            }
            (i < end.0).then_some(Match { a: i..end.0, b: j..end.1 })
        })
    }
}

#[cfg(test)]
mod tests {
    use config::Config;
    use engine::testing::Tester;

    #[test]
    fn the_longest_common_subsequence() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("MSET a ohmytext b mynewtext n 12345 m 135", "+OK");
        t.check("LCS a b", "$mytext");
        t.check("LCS a b LEN", ":6");
        t.check("LCS n m", "$135");
        t.check("LCS a none", "$");
        t.check("LCS a none LEN", ":0");
        let all = "[[[:4, :7], [:5, :8]], [[:2, :3], [:0, :1]]]";
        t.check_both(
            "LCS a b IDX",
            &format!("[$matches, {all}, $len, :6]"),
            &format!("{{$matches: {all}, $len: :6}}"),
        );
        let long = "[[[:4, :7], [:5, :8], :4]]";
        t.check_both(
            "LCS a b IDX MINMATCHLEN 3 WITHMATCHLEN",
            &format!("[$matches, {long}, $len, :6]"),
            &format!("{{$matches: {long}, $len: :6}}"),
        );
        t.check_both("LCS none none IDX", "[$matches, [], $len, :0]", "{$matches: [], $len: :0}");
        t.check("LCS a b MINMATCHLEN -5 WITHMATCHLEN", "$mytext");
    }

    #[test]
    fn what_it_refuses() {
        let mut t =
            Tester::with_config(crate::FAMILIES, Config { proto_max_bulk_len: 100, ..Config::default() });
        t.check("MSET a 1234 b 5678", "+OK");
        t.check("LCS a b", "$");
        t.check("SET b 56789", "+OK");
        t.check(
            "LCS a b LEN",
            "-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
        );
        t.check("LCS a b LEN IDX", "-ERR If you want both the length and indexes, please just use IDX.");
        t.check("LCS a b MINMATCHLEN", "-ERR syntax error");
        t.check("LCS a b MINMATCHLEN x", "-ERR value is not an integer or out of range");
        t.check("LCS a b WHAT", "-ERR syntax error");
    }
}
