//! When the volatile entries of a segment are due: a heap of 8 bytes an entry.
//!
//! An element is a due time and the tag of the entry it is about, not a pointer, so nothing needs to be
//! found and mended when an entry goes or changes. The rule: **for every volatile entry there is an element
//! with its tag that is not later than its expiry.** Elements may be stale: an expiry that moved later leaves
//! its element, which is renewed when it comes up; one of a deleted key finds nobody. Stale ones never
//! outnumber the live ones by more than 64: the segment then builds the heap afresh. A hash whose fields are due one day
//! has an element too, for the first of them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::segment::Tag;

/// The latest time an element can hold: 48 bits of milliseconds, some 8,900 years.
const LATEST: i64 = (1 << 48) - 1;

/// Elements that stand for a heap of any size.
const SAMPLE: usize = 8;

/// Due times in Unix milliseconds, the earliest first.
#[derive(Default)]
pub struct DueHeap {
    elements: BinaryHeap<Reverse<u64>>,
    /// How many there were when it was built: all of them live.
    built: usize,
}

/// Stale elements that are borne however few are live.
const STALE: usize = 64;

impl DueHeap {
    /// A heap of these elements.
    pub fn built(elements: Vec<(i64, Tag)>) -> DueHeap {
        let built = elements.len();
        let elements = elements.into_iter().map(|(at, tag)| Reverse(element(at, tag))).collect();
        DueHeap { elements, built }
    }

    /// How many elements there are, stale ones included.
    pub fn count(&self) -> usize {
        self.elements.len()
    }

    /// Whether it has grown so much that most elements may be stale.
    pub fn may_be_stale(&self) -> bool {
        self.count() > 2 * self.built + STALE
    }

    /// Bytes of memory.
    pub fn footprint(&self) -> usize {
        self.elements.capacity() * 8
    }

    /// The times of a few elements, at most [`SAMPLE`], spread over the heap; stale ones included.
    pub fn sample(&self) -> impl Iterator<Item = i64> + '_ {
        self.elements.iter().step_by(self.count() / SAMPLE + 1).map(|e| (e.0 >> 16) as i64)
    }

    /// Adds an element. Grows by an eighth, as a million of these stand beside each other.
    pub fn push(&mut self, at: i64, tag: Tag) {
        if self.elements.len() == self.elements.capacity() {
            self.elements.reserve_exact(self.elements.len() / 8 + 4);
        }
        self.elements.push(Reverse(element(at, tag)));
    }

    /// The earliest due time.
    pub fn earliest(&self) -> Option<i64> {
        self.first().map(|(at, _)| at)
    }

    /// The earliest element.
    pub fn first(&self) -> Option<(i64, Tag)> {
        self.elements.peek().map(|e| ((e.0 >> 16) as i64, e.0 as Tag))
    }

    /// Takes the earliest element if it is due by `now`.
    pub fn pop_due(&mut self, now: i64) -> Option<Tag> {
        if self.earliest()? > now { None } else { self.elements.pop().map(|e| e.0 as Tag) }
    }

    /// Every element's tag, stale ones included, in the heap's own order, which is roughly that of the due times; from
    /// the element with this number on, the count of elements aside.
    pub fn tags_from(&self, start: u64) -> impl Iterator<Item = Tag> + '_ {
        let elements = self.elements.as_slice();
        let (behind, first) = elements.split_at((start % elements.len().max(1) as u64) as usize);
        first.iter().chain(behind).map(|e| e.0 as Tag)
    }
}

fn element(at: i64, tag: Tag) -> u64 {
    (at.clamp(0, LATEST) as u64) << 16 | tag as u64
}
