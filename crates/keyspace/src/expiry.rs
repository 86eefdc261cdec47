//! When the volatile entries of a segment are due: a heap of 8 bytes an entry.
//!
//! An element is a due time and the tag of the entry it is about, not a pointer, so nothing needs to be
//! found and mended when an entry goes or changes. The rule: **for every volatile entry there is an element
//! with its tag that is not later than its expiry.** Elements may be stale: an expiry that moved later leaves
//! its element, which is renewed when it comes up; one of a deleted key finds nobody. Stale ones never
//! outnumber the live ones by more than 64: the segment then builds the heap afresh.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::segment::Tag;

/// The latest time an element can hold: 48 bits of milliseconds, some 8,900 years.
const LATEST: i64 = (1 << 48) - 1;

/// Elements that stand for a heap of any size.
const SAMPLE: usize = 8;

/// Due times in Unix milliseconds, the earliest first.
#[derive(Default)]
pub struct DueHeap(BinaryHeap<Reverse<u64>>);

impl DueHeap {
    /// A heap of these elements.
    pub fn built(elements: Vec<(i64, Tag)>) -> DueHeap {
        DueHeap(elements.into_iter().map(|(at, tag)| Reverse(element(at, tag))).collect())
    }

    /// How many elements there are, stale ones included.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Bytes of memory.
    pub fn footprint(&self) -> usize {
        self.0.capacity() * 8
    }

    /// The times of a few elements, at most [`SAMPLE`], spread over the heap; stale ones included.
    pub fn sample(&self) -> impl Iterator<Item = i64> + '_ {
        self.0.iter().step_by(self.count() / SAMPLE + 1).map(|e| (e.0 >> 16) as i64)
    }

    /// Adds an element. Grows by an eighth, as a million of these stand beside each other.
    pub fn push(&mut self, at: i64, tag: Tag) {
        if self.0.len() == self.0.capacity() {
            self.0.reserve_exact(self.0.len() / 8 + 4);
        }
        self.0.push(Reverse(element(at, tag)));
    }

    /// The earliest due time.
    pub fn earliest(&self) -> Option<i64> {
        self.first().map(|(at, _)| at)
    }

    /// The earliest element.
    pub fn first(&self) -> Option<(i64, Tag)> {
        self.0.peek().map(|e| ((e.0 >> 16) as i64, e.0 as Tag))
    }

    /// Takes the earliest element.
    pub fn pop(&mut self) -> Option<Tag> {
        self.0.pop().map(|e| e.0 as Tag)
    }

    /// Takes the earliest element if it is due by `now`.
    pub fn pop_due(&mut self, now: i64) -> Option<Tag> {
        if self.earliest()? > now { None } else { self.pop() }
    }

    /// Every element's tag, stale ones included, in an order that `random` begins.
    pub fn tags_from(&self, random: u64) -> impl Iterator<Item = Tag> + '_ {
        let elements = self.0.as_slice();
        let (behind, first) = elements.split_at((random % elements.len().max(1) as u64) as usize);
        first.iter().chain(behind).map(|e| e.0 as Tag)
    }
}

fn element(at: i64, tag: Tag) -> u64 {
    (at.clamp(0, LATEST) as u64) << 16 | tag as u64
}
