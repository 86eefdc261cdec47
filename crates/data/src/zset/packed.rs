//! A small sorted set: a listpack of members and scores by turns, in order, byte for byte as Redis keeps it.

use std::ops;

use codec::listpack::{Entry, Listpack, ListpackRef, Position, Positions};
use codec::number::{F64Text, parse_f64, parse_i64};

use super::range::Interval;

/// A score as it is written: as an integer where it is one, so that -0 becomes 0; else as text.
fn with_entry<R>(score: f64, write: impl FnOnce(Entry<'_>) -> R) -> R {
    const LIMIT: f64 = (1i64 << 62) as f64;
    let integer = score as i64;
    match score.abs() <= LIMIT && integer as f64 == score {
        true => write(Entry::Int(integer)),
        false => write(Entry::Bytes(&F64Text::new(score))),
    }
}

/// A score as it is read. What no sorted set holds reads as NaN, which loading has refused.
fn score_of(entry: Entry<'_>) -> f64 {
    match entry {
        Entry::Int(integer) => integer as f64,
        Entry::Bytes(text) => parse_f64(text).unwrap_or(f64::NAN),
    }
}

/// A score from outside, if it is one.
pub(super) fn checked_score(entry: Entry<'_>) -> Option<f64> {
    Some(score_of(entry)).filter(|score| !score.is_nan())
}

/// How a member lies to another one's bytes.
pub(super) fn compare(member: Entry<'_>, bytes: &[u8]) -> std::cmp::Ordering {
    member.with_bytes(|member| member.cmp(bytes))
}

/// Where a member is, and its score.
pub(super) fn find(listpack: ListpackRef<'_>, bytes: &[u8]) -> Option<(Position, f64)> {
    let at = listpack.find(listpack.first()?, bytes, 1)?;
    Some((at, score_of(listpack.get(listpack.next(at)?)?)))
}

/// A member's rank and score.
pub(super) fn rank(listpack: ListpackRef<'_>, bytes: &[u8]) -> Option<(usize, f64)> {
    let integer = parse_i64(bytes);
    let is = |member: &Entry<'_>| match member {
        Entry::Int(value) => integer == Some(*value),
        Entry::Bytes(member) => *member == bytes,
    };
    let found = elements(listpack).enumerate().find(|(_, (member, _))| is(member));
    found.map(|(rank, (_, score))| (rank, score))
}

/// Inserts a member that is not there yet.
pub(super) fn insert(listpack: &mut Listpack, bytes: &[u8], score: f64) {
    let is_behind = |(_, member, its): &(Position, Entry<'_>, f64)| {
        *its > score || *its == score && compare(*member, bytes).is_gt()
    };
    let behind = positions(listpack.view()).find(is_behind).map(|(at, ..)| at);
    match behind {
        Some(at) => {
            listpack.insert_before(at, bytes);
            with_entry(score, |entry| listpack.insert_after(at, entry));
        }
        None => push(listpack, bytes, score),
    }
}

/// Adds a member behind all others.
pub(super) fn push(listpack: &mut Listpack, bytes: &[u8], score: f64) {
    listpack.push_back(bytes);
    with_entry(score, |entry| listpack.push_back(entry));
}

/// Takes the member at a position out.
pub(super) fn remove(listpack: &mut Listpack, at: Position) {
    listpack.delete_from(at, 2);
}

/// Takes members out by their ranks.
pub(super) fn remove_ranks(listpack: &mut Listpack, ranks: ops::Range<usize>) {
    listpack.delete_range(2 * ranks.start as i64, 2 * ranks.len());
}

/// The ranks of the elements in a range.
pub(super) fn ranks(listpack: ListpackRef<'_>, range: &impl Interval) -> ops::Range<usize> {
    let (mut start, mut end) = (0, 0);
    for (rank, (member, score)) in elements(listpack).enumerate() {
        let (is_after, reaches) =
            member.with_bytes(|bytes| (range.is_after(score, bytes), range.reaches(score, bytes)));
        start = if is_after { rank + 1 } else { start };
        end = if reaches { rank + 1 } else { end };
    }
    start..end.max(start)
}

/// All members and scores, in order.
pub(super) fn elements(listpack: ListpackRef<'_>) -> Range<'_> {
    Range { positions: listpack.positions(), before: 0, left: usize::MAX, behind: 0 }
}

/// Those of some ranks, as far as they are there.
pub(super) fn range(listpack: ListpackRef<'_>, ranks: ops::Range<usize>) -> Range<'_> {
    let len = listpack.len() / 2;
    let end = ranks.end.min(len);
    let left = end.saturating_sub(ranks.start);
    Range { positions: listpack.positions(), before: ranks.start, left, behind: len - end }
}

/// Members, with where they are.
fn positions(listpack: ListpackRef<'_>) -> impl Iterator<Item = (Position, Entry<'_>, f64)> {
    let mut all = listpack.positions();
    std::iter::from_fn(move || {
        let ((at, member), (_, score)) = (all.next()?, all.next()?);
        Some((at, member, score_of(score)))
    })
}

/// Members and scores in order, from either end.
pub(super) struct Range<'a> {
    positions: Positions<'a>,
    /// Elements to pass over at the front, once that end is used.
    before: usize,
    /// Elements to give.
    left: usize,
    /// Elements to pass over at the back, once that end is used.
    behind: usize,
}

impl<'a> Iterator for Range<'a> {
    type Item = (Entry<'a>, f64);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        for _ in 0..2 * std::mem::take(&mut self.before) {
            self.positions.next()?;
        }
        let ((_, member), (_, score)) = (self.positions.next()?, self.positions.next()?);
        Some((member, score_of(score)))
    }
}

impl DoubleEndedIterator for Range<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        for _ in 0..2 * std::mem::take(&mut self.behind) {
            self.positions.next_back()?;
        }
        let ((_, score), (_, member)) = (self.positions.next_back()?, self.positions.next_back()?);
        Some((member, score_of(score)))
    }
}
