//! The two ends of a range as arguments: ranks, scores with `(`, members with `[`, `(`, `-` and `+`.

use std::ops::{Bound, Range};

use codec::number::parse_f64;
use data::Zset;
use data::zset::{LexBound, LexRange, ScoreRange};
use engine::Error;
use engine::args::integer;

/// A range of members, not yet of any set.
pub enum Span<'a> {
    /// By rank, inclusive; negative ones count from the end.
    Ranks(i64, i64),
    /// By score.
    Scores(ScoreRange),
    /// By member.
    Members(LexRange<'a>),
}

impl<'a> Span<'a> {
    /// From rank to rank.
    pub fn ranks(start: &[u8], stop: &[u8]) -> Result<Span<'a>, Error> {
        Ok(Span::Ranks(integer(start)?, integer(stop)?))
    }

    /// From score to score.
    pub fn scores(min: &[u8], max: &[u8]) -> Result<Span<'a>, Error> {
        let range = score_bound(min).zip(score_bound(max)).map(|(min, max)| ScoreRange { min, max });
        range.map(Span::Scores).ok_or(Error::text("ERR min or max is not a float"))
    }

    /// From member to member.
    pub fn members(min: &'a [u8], max: &'a [u8]) -> Result<Span<'a>, Error> {
        let range = lex_bound(min).zip(lex_bound(max)).map(|(min, max)| LexRange { min, max });
        range.map(Span::Members).ok_or(Error::text("ERR min or max not valid string range item"))
    }

    /// The ranks that it means in a set.
    pub fn within(&self, zset: &Zset) -> Range<usize> {
        match self {
            Span::Ranks(start, stop) => ranks_within(*start, *stop, zset.len()),
            Span::Scores(range) => zset.ranks_by_score(range),
            Span::Members(range) => zset.ranks_by_lex(range),
        }
    }
}

fn ranks_within(start: i64, stop: i64, len: usize) -> Range<usize> {
    let from_start = |rank: i64| if rank < 0 { rank + len as i64 } else { rank };
    let start = from_start(start).max(0) as usize;
    let end = from_start(stop).saturating_add(1).clamp(0, len as i64) as usize;
    start.min(end)..end
}

fn score_bound(arg: &[u8]) -> Option<Bound<f64>> {
    match arg {
        [b'(', rest @ ..] => strtod(rest).map(Bound::Excluded),
        _ => strtod(arg).map(Bound::Included),
    }
}

/// A number as C's `strtod` reads the whole of a string: space in front is passed over, nothing is 0, and what is too
/// large is infinite.
fn strtod(text: &[u8]) -> Option<f64> {
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    if text.is_empty() {
        return Some(0.0);
    }
    let digits = text.trim_ascii_start();
    let beyond = || std::str::from_utf8(digits).ok()?.parse().ok();
    parse_f64(digits).or_else(beyond).filter(|number| !number.is_nan())
}

fn lex_bound(arg: &[u8]) -> Option<LexBound<'_>> {
    match arg {
        b"-" => Some(LexBound::First),
        b"+" => Some(LexBound::Last),
        [b'[', member @ ..] => Some(LexBound::Included(member)),
        [b'(', member @ ..] => Some(LexBound::Excluded(member)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_as_c_reads_them() {
        for (text, bound) in [
            ("1.5", Bound::Included(1.5)),
            ("(1.5", Bound::Excluded(1.5)),
            ("", Bound::Included(0.0)),
            ("(", Bound::Excluded(0.0)),
            (" 2", Bound::Included(2.0)),
            ("+inf", Bound::Included(f64::INFINITY)),
            ("(-Infinity", Bound::Excluded(f64::NEG_INFINITY)),
            ("0x10", Bound::Included(16.0)),
            ("1e400", Bound::Included(f64::INFINITY)),
            ("1e-400", Bound::Included(0.0)),
        ] {
            assert_eq!(score_bound(text.as_bytes()), Some(bound), "{text}");
        }
        for text in ["x", "nan", "((1", "1 ", " ", "1x", "--1"] {
            assert_eq!(score_bound(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn ranks_from_either_end() {
        assert_eq!(ranks_within(0, -1, 5), 0..5);
        assert_eq!(ranks_within(-3, 3, 5), 2..4);
        assert_eq!(ranks_within(-9, 9, 5), 0..5);
        assert!(ranks_within(3, 1, 5).is_empty() && ranks_within(5, 9, 5).is_empty());
        assert!(ranks_within(0, -9, 5).is_empty() && ranks_within(i64::MAX, i64::MIN, 5).is_empty());
        assert_eq!(ranks_within(i64::MIN, i64::MAX, 5), 0..5);
    }
}
