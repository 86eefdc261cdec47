//! The sorted set: members in the order of their scores, and of their bytes where scores are equal.
//!
//! A small one is a listpack, a large one a tree with ranks and an index. Ranges of every kind are ranges of ranks
//! here: [`Zset::ranks`] says which elements a range of scores or members means, [`Zset::range`] walks them.
//! Scores are never NaN. Source matched: Redis 7.2.6 `t_zset.c`, encodings and conversions included.

mod large;
mod member;
mod packed;
mod range;
mod text;
mod tree;

use std::ops::Range;

use codec::listpack::{Entry, Listpack, ListpackRef};

use crate::Limits;
use crate::Step;
use crate::distinct::all_differ;
use large::{Found, Large};
use range::Interval;
pub use range::{LexBound, LexRange, ScoreRange};
pub use text::text_17;

/// A sorted set.
#[derive(Clone)]
pub struct Zset(Form);

#[derive(Clone)]
enum Form {
    Packed(Listpack),
    Large(Box<Large>),
}

/// What [`Zset::add`] is to do with the score.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddOptions {
    /// Only add members.
    pub only_new: bool,
    /// Only change the scores of members.
    pub only_existing: bool,
    /// Only raise scores.
    pub only_greater: bool,
    /// Only lower scores.
    pub only_less: bool,
    /// Add to the member's score.
    pub increment: bool,
}

/// What [`Zset::add`] has done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Added {
    /// The member is new.
    New,
    /// It has another score now.
    Updated(f64),
    /// It had that score already.
    Same(f64),
    /// The options forbade it.
    Refused,
}

/// The increment and the score are opposite infinities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotANumber;

/// Why a listpack is no sorted set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsound {
    /// A member without a score.
    Odd,
    /// A score that is none.
    Score,
    /// A member that is there twice.
    Duplicate,
}

impl AddOptions {
    /// The score a member gets that has `before`; `None` if the options forbid it.
    fn score(self, before: f64, score: f64) -> Result<Option<f64>, NotANumber> {
        if self.only_new {
            return Ok(None);
        }
        let score = if self.increment { before + score } else { score };
        if score.is_nan() {
            return Err(NotANumber);
        }
        let refused = self.only_less && score >= before || self.only_greater && score <= before;
        Ok((!refused).then_some(score))
    }

    /// What becomes of a member that has `before`; `rescore` gives it another score.
    fn apply(self, before: f64, score: f64, rescore: impl FnOnce(f64)) -> Result<Added, NotANumber> {
        Ok(match self.score(before, score)? {
            None => Added::Refused,
            Some(score) if score == before => Added::Same(score),
            Some(score) => {
                rescore(score);
                Added::Updated(score)
            }
        })
    }
}

impl Default for Zset {
    fn default() -> Zset {
        Zset(Form::Packed(Listpack::new()))
    }
}

impl std::fmt::Debug for Zset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map()
            .entries(self.range(0..self.len()).map(|(member, score)| (member.to_vec(), score)))
            .finish()
    }
}

impl Zset {
    /// Takes a listpack of members and scores from outside, in order or not; it is copied where it is sound and small.
    pub fn from_listpack(listpack: ListpackRef<'_>, limits: &Limits) -> Result<Zset, Unsound> {
        let mut elements = Vec::with_capacity(listpack.len() / 2);
        let mut all = listpack.iter();
        while let Some(member) = all.next() {
            let score = packed::checked_score(all.next().ok_or(Unsound::Odd)?).ok_or(Unsound::Score)?;
            elements.push((member, score));
        }
        if !all_differ(elements.iter().map(|(member, _)| *member)) {
            return Err(Unsound::Duplicate);
        }
        let is_before = |a: Entry<'_>, b: Entry<'_>| b.with_bytes(|b| packed::compare(a, b).is_lt());
        let in_order = elements.is_sorted_by(|a, b| a.1 < b.1 || a.1 == b.1 && is_before(a.0, b.0));
        if in_order && elements.len() <= limits.zset_max_listpack_entries {
            return Ok(Zset(Form::Packed(Listpack::trusted(listpack.as_bytes()))));
        }
        let mut zset = Zset::default();
        zset.expect(elements.len(), 0, limits);
        for (member, score) in elements {
            member.with_bytes(|member| zset.insert(member, score, limits));
        }
        Ok(zset)
    }

    /// The listpack that it is, if it is one.
    pub fn as_listpack(&self) -> Option<ListpackRef<'_>> {
        match &self.0 {
            Form::Packed(listpack) => Some(listpack.view()),
            Form::Large(_) => None,
        }
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Packed(listpack) => listpack.view().len() / 2,
            Form::Large(large) => large.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        match &self.0 {
            Form::Packed(_) => "listpack",
            Form::Large(_) => "skiplist",
        }
    }

    /// Bytes of memory on the heap, estimated from some members where there are many.
    pub fn footprint(&self) -> usize {
        match &self.0 {
            Form::Packed(listpack) => listpack.footprint(),
            Form::Large(large) => large.footprint(),
        }
    }

    /// See [`crate::Value::ahead`].
    pub fn ahead(&self, step: Step, element: &[u8]) -> Option<usize> {
        match &self.0 {
            Form::Packed(listpack) => Some(listpack.address()),
            Form::Large(large) => large.ahead(step, element),
        }
    }

    /// See [`crate::Value::is_deep`].
    pub fn is_deep(&self) -> bool {
        matches!(self.0, Form::Large(_))
    }

    /// See [`crate::Value::effort`].
    pub fn effort(&self) -> usize {
        match &self.0 {
            Form::Packed(_) => 1,
            Form::Large(large) => large.len(),
        }
    }

    /// See [`crate::Value::each`]. The scores' text is that of Redis's digests; -0 counts as 0.
    pub fn each(&self, visit: &mut dyn FnMut(&[&[u8]])) {
        for (member, score) in self.range(0..self.len()) {
            member.with_bytes(|member| visit(&[member, text_17(score + 0.0).as_bytes()]));
        }
    }

    /// Says that `members` are about to be added, the first or longest of `longest` bytes: a set that will be large
    /// becomes so at once.
    pub fn expect(&mut self, members: usize, longest: usize, limits: &Limits) {
        if members > limits.zset_max_listpack_entries || longest > limits.zset_max_listpack_value {
            self.enlarge();
        }
    }

    /// The large form, made from the small one if it is not there yet.
    fn enlarge(&mut self) -> &mut Large {
        if let Form::Packed(listpack) = &self.0 {
            let mut large = Large::new();
            for (member, score) in packed::elements(listpack.view()) {
                member.with_bytes(|bytes| {
                    if let Found::Absent(place) = large.entry(bytes) {
                        place.insert(score);
                    }
                });
            }
            self.0 = Form::Large(Box::new(large));
        }
        match &mut self.0 {
            Form::Large(large) => large,
            Form::Packed(_) => unreachable!("just made large"),
        }
    }

    /// Gives a member a score, or does with it what the options say. A score that is no number never gets in.
    pub fn add(
        &mut self,
        member: &[u8],
        score: f64,
        options: AddOptions,
        limits: &Limits,
    ) -> Result<Added, NotANumber> {
        if score.is_nan() {
            return Err(NotANumber);
        }
        match &mut self.0 {
            Form::Packed(listpack) => match packed::find(listpack.view(), member) {
                Some((at, before)) => {
                    return options.apply(before, score, |score| {
                        packed::remove(listpack, at);
                        packed::insert(listpack, member, score);
                    });
                }
                None if options.only_existing => return Ok(Added::Refused),
                None if has_room(listpack, member, limits) => {
                    packed::insert(listpack, member, score);
                    return Ok(Added::New);
                }
                None => self.enlarge(),
            },
            Form::Large(large) => large,
        };
        match self.enlarge().entry(member) {
            Found::Present(found) => options.apply(found.score(), score, |score| found.rescore(score)),
            Found::Absent(_) if options.only_existing => Ok(Added::Refused),
            Found::Absent(place) => {
                place.insert(score);
                Ok(Added::New)
            }
        }
    }

    /// Adds a member with a score that is a number; answers whether it is new, and leaves one that is not as it is.
    pub fn insert(&mut self, member: &[u8], score: f64, limits: &Limits) -> bool {
        let options = AddOptions { only_new: true, ..AddOptions::default() };
        self.add(member, score, options, limits) == Ok(Added::New)
    }

    /// Takes a member out; answers whether it was there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match &mut self.0 {
            Form::Packed(listpack) => {
                let found = packed::find(listpack.view(), member);
                found.inspect(|(at, _)| packed::remove(listpack, *at)).is_some()
            }
            Form::Large(large) => large.remove(member),
        }
    }

    /// A member's score.
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match &self.0 {
            Form::Packed(listpack) => packed::find(listpack.view(), member).map(|(_, score)| score),
            Form::Large(large) => large.score(member),
        }
    }

    /// A member's rank, from 0, and its score.
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        match &self.0 {
            Form::Packed(listpack) => packed::rank(listpack.view(), member),
            Form::Large(large) => large.rank(member),
        }
    }

    /// The ranks of the elements whose scores are in a range.
    pub fn ranks_by_score(&self, range: &ScoreRange) -> Range<usize> {
        self.ranks(range)
    }

    /// The ranks of the members in a range; where scores differ, of no particular meaning.
    pub fn ranks_by_lex(&self, range: &LexRange<'_>) -> Range<usize> {
        self.ranks(range)
    }

    fn ranks(&self, range: &impl Interval) -> Range<usize> {
        match &self.0 {
            Form::Packed(listpack) => packed::ranks(listpack.view(), range),
            Form::Large(large) => large.ranks(range),
        }
    }

    /// The elements of these ranks, as far as they are there, in order, from either end.
    pub fn range(&self, ranks: Range<usize>) -> Iter<'_> {
        match &self.0 {
            Form::Packed(listpack) => Iter(Walk::Packed(packed::range(listpack.view(), ranks))),
            Form::Large(large) => Iter(Walk::Large(large.range(ranks))),
        }
    }

    /// Takes the elements of these ranks out, as far as they are there; answers how many.
    pub fn remove_ranks(&mut self, ranks: Range<usize>) -> usize {
        let ranks = ranks.start.min(self.len())..ranks.end.min(self.len());
        match &mut self.0 {
            _ if ranks.is_empty() => {}
            Form::Packed(listpack) => packed::remove_ranks(listpack, ranks.clone()),
            Form::Large(large) => large.remove_ranks(ranks.clone()),
        }
        ranks.len()
    }

    /// Visits about `count` elements from a cursor on, all of a small set; answers the cursor to go on with, 0 at the
    /// end. What is there all the time is visited at least once, whatever is added or removed meanwhile.
    pub fn scan(&self, cursor: u64, count: usize, visit: &mut dyn FnMut(&[u8], f64)) -> u64 {
        match &self.0 {
            Form::Packed(listpack) => {
                for (member, score) in packed::elements(listpack.view()) {
                    member.with_bytes(|member| visit(member, score));
                }
                0
            }
            Form::Large(large) => large.scan(cursor, count, visit),
        }
    }
}

/// Whether one more member leaves the set small.
fn has_room(listpack: &Listpack, member: &[u8], limits: &Limits) -> bool {
    listpack.view().len() / 2 < limits.zset_max_listpack_entries
        && member.len() <= limits.zset_max_listpack_value
        && listpack.fits(member.len())
}

/// Members and their scores in order, from either end.
pub struct Iter<'a>(Walk<'a>);

enum Walk<'a> {
    Packed(packed::Range<'a>),
    Large(large::Iter<'a>),
}

fn bytes<'a>((bytes, score): (&'a [u8], f64)) -> (Entry<'a>, f64) {
    (Entry::Bytes(bytes), score)
}

impl<'a> Iterator for Iter<'a> {
    type Item = (Entry<'a>, f64);

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Walk::Packed(elements) => elements.next(),
            Walk::Large(members) => members.next().map(bytes),
        }
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Walk::Packed(elements) => elements.next_back(),
            Walk::Large(members) => members.next_back().map(bytes),
        }
    }
}

#[cfg(test)]
mod tests;
