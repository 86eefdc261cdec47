//! Which members a range names: by their scores, or by their bytes where all scores are one.
//!
//! Both come down to two questions that are monotone along the order of the set: is this element before the range,
//! and is it not yet behind it. So a range is two searches for a rank, in any encoding.

use std::ops::Bound;

/// What a range by score or by bytes must answer.
pub(super) trait Interval {
    /// Whether an element lies before the range.
    fn is_after(&self, score: f64, member: &[u8]) -> bool;

    /// Whether an element does not lie behind the range.
    fn reaches(&self, score: f64, member: &[u8]) -> bool;
}

/// A range of scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreRange {
    /// The lowest; not NaN.
    pub min: Bound<f64>,
    /// The highest; not NaN.
    pub max: Bound<f64>,
}

/// A range of members, which means something where all have one score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LexRange<'a> {
    /// The first.
    pub min: LexBound<'a>,
    /// The last.
    pub max: LexBound<'a>,
}

/// An end of a range of members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LexBound<'a> {
    /// Before every member: `-`.
    First,
    /// Behind every member: `+`.
    Last,
    /// At this one: `[member`.
    Included(&'a [u8]),
    /// Next to this one: `(member`.
    Excluded(&'a [u8]),
}

impl Interval for ScoreRange {
    #[inline]
    fn is_after(&self, score: f64, _: &[u8]) -> bool {
        match self.min {
            Bound::Included(min) => score < min,
            Bound::Excluded(min) => score <= min,
            Bound::Unbounded => false,
        }
    }

    #[inline]
    fn reaches(&self, score: f64, _: &[u8]) -> bool {
        match self.max {
            Bound::Included(max) => score <= max,
            Bound::Excluded(max) => score < max,
            Bound::Unbounded => true,
        }
    }
}

impl Interval for LexRange<'_> {
    #[inline]
    fn is_after(&self, _: f64, member: &[u8]) -> bool {
        match self.min {
            LexBound::First => false,
            LexBound::Last => true,
            LexBound::Included(min) => member < min,
            LexBound::Excluded(min) => member <= min,
        }
    }

    #[inline]
    fn reaches(&self, _: f64, member: &[u8]) -> bool {
        match self.max {
            LexBound::First => false,
            LexBound::Last => true,
            LexBound::Included(max) => member <= max,
            LexBound::Excluded(max) => member < max,
        }
    }
}
