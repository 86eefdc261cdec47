//! A large sorted set: its members once, under a tree that has them in order and an index that finds them by bytes.

use std::ops::Range;

use crate::Step;
use crate::hashing::hash;
use crate::index::Index;

use super::member::{Member, Owned};
use super::range::Interval;
use super::tree::{Members, Tree};

/// A sorted set of any size. The index owns the members; the tree only knows where they are.
pub struct Large {
    index: Index<Owned>,
    tree: Tree,
}

/// Elements that an estimate looks at.
const SAMPLE: usize = 64;

/// What there is of a member, or where it would come.
pub(super) enum Found<'a> {
    /// It is there.
    Present(Present<'a>),
    /// It is not.
    Absent(Absent<'a>),
}

/// A member that is there.
pub(super) struct Present<'a> {
    member: Member,
    tree: &'a mut Tree,
}

/// A member that is not there yet.
pub(super) struct Absent<'a> {
    set: &'a mut Large,
    bytes: &'a [u8],
    hash: u64,
}

impl Present<'_> {
    pub(super) fn score(&self) -> f64 {
        self.member.score()
    }

    pub(super) fn rescore(self, score: f64) {
        self.tree.rescore(self.member, score);
    }
}

impl Absent<'_> {
    pub(super) fn insert(self, score: f64) {
        let member = Owned::new(self.bytes, score);
        self.set.tree.insert(*member);
        self.set.index.insert(self.hash, member);
    }
}

impl Large {
    pub(super) fn new() -> Large {
        Large { index: Index::new(), tree: Tree::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.tree.len()
    }

    /// Looks a member up, to change it or to add it.
    pub(super) fn entry<'a>(&'a mut self, bytes: &'a [u8]) -> Found<'a> {
        let hash = hash(bytes);
        let place = self.index.find(hash, |member| member.bytes() == bytes);
        match place.and_then(|place| self.index.at(place)) {
            Some(member) => Found::Present(Present { member, tree: &mut self.tree }),
            None => Found::Absent(Absent { set: self, bytes, hash }),
        }
    }

    pub(super) fn ahead(&self, step: Step, member: &[u8]) -> Option<usize> {
        self.index.ahead(step, member)
    }

    fn find(&self, bytes: &[u8]) -> Option<Member> {
        self.index.at(self.index.find(hash(bytes), |member| member.bytes() == bytes)?)
    }

    pub(super) fn score(&self, bytes: &[u8]) -> Option<f64> {
        self.find(bytes).map(|member| member.score())
    }

    pub(super) fn rank(&self, bytes: &[u8]) -> Option<(usize, f64)> {
        let score = self.score(bytes)?;
        Some((self.tree.rank_of(score, bytes), score))
    }

    pub(super) fn remove(&mut self, bytes: &[u8]) -> bool {
        let place = self.index.find(hash(bytes), |member| member.bytes() == bytes);
        let Some((place, member)) = place.and_then(|place| Some((place, self.index.at(place)?))) else {
            return false;
        };
        self.tree.remove(member);
        self.index.remove(place);
        true
    }

    pub(super) fn remove_ranks(&mut self, ranks: Range<usize>) {
        let mut left = ranks.len();
        while left > 0 {
            let removed = self.tree.remove_run(ranks.start, left);
            left -= removed.len();
            for member in removed {
                let place = self.index.find(hash(member.bytes()), |other| other == member);
                place.and_then(|place| self.index.remove(place));
            }
        }
    }

    pub(super) fn ranks(&self, range: &impl Interval) -> Range<usize> {
        let start = self.tree.rank_where(|score, member| range.is_after(score, member.bytes()));
        let end = self.tree.rank_where(|score, member| range.reaches(score, member.bytes()));
        start..end.max(start)
    }

    pub(super) fn range(&self, ranks: Range<usize>) -> Iter<'_> {
        Iter(self.tree.range(ranks))
    }

    /// Visits some members from a cursor on; answers the cursor to go on with, which is 0 at the end.
    pub(super) fn scan(&self, cursor: u64, count: usize, visit: &mut dyn FnMut(&[u8], f64)) -> u64 {
        self.index.scan(cursor, count, &mut |member| visit(member.bytes(), member.score()))
    }

    /// Bytes on the heap, the members' estimated from some of them.
    pub(super) fn footprint(&self) -> usize {
        let sampled = self.len().min(SAMPLE);
        let sample: usize = self.tree.range(0..sampled).map(Member::footprint).sum();
        let members = sample * self.len() / sampled.max(1);
        size_of::<Large>() + self.index.footprint() + self.tree.footprint() + members
    }
}

impl Clone for Large {
    fn clone(&self) -> Large {
        let mut copy = Large::new();
        for (bytes, score) in self.range(0..self.len()) {
            if let Found::Absent(place) = copy.entry(bytes) {
                place.insert(score);
            }
        }
        copy
    }
}

/// Members and their scores in order, from either end.
pub(super) struct Iter<'a>(Members<'a>);

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a [u8], f64);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|member| (member.bytes(), member.score()))
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(|member| (member.bytes(), member.score()))
    }
}
