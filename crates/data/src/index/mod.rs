//! Finding items by their bytes: slots of 8 bytes in hash order, in segments that grow and split one at a time. Large
//! sets, hashes and sorted sets keep their members so.
//!
//! The leading bits of the hash choose a segment (extendible hashing: Fagin and others, 1979). A slot is the item's
//! address and, in the 16 bits that an address leaves free, a *tag*: the hash bits behind those that chose the
//! segment. Slots stand in the order of their tags, each as near as can be to its *home*, the tag scaled to the
//! segment's size (linear probing that keeps the order: Amble and Knuth, 1974). Three things follow:
//! - a search ends at the first larger tag, at load 7/8 after some four slots, and looks at items of equal tag only;
//! - growing by a quarter is one pass in order that looks at no item; no insertion pays for more than one segment;
//! - a scan walks in hash order, whole groups of equal tags at a time, whatever grows, splits or moves meanwhile.

mod segment;
mod slot;
#[cfg(test)]
mod tests;

use crate::Step;
use crate::hashing::hash;
use segment::{MAX_SLOTS, Segment, TAG_BITS};
pub(crate) use slot::Item;
use slot::{Slot, Tag};

/// Hash bits that a scan position keeps: the directory's, and a tag's.
const POSITION_BITS: u32 = 48;
/// The most directory bits.
const MAX_DEPTH: u32 = POSITION_BITS - TAG_BITS;
/// Items to a segment on average below which all are put into fewer.
const SPARSE: usize = 4;
/// How often chance may miss before the items of all segments are counted.
const TRIES: usize = 16;

/// Items by their hashes. It owns them.
#[derive(Clone)]
pub(crate) struct Index<T: Item> {
    segments: Vec<Segment<T>>,
    /// For each value of the leading `depth` bits the number of its segment.
    directory: Vec<u32>,
    depth: u32,
    len: usize,
}

/// Where an item stands; good until the index changes.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    segment: usize,
    slot: usize,
}

/// The first `depth` bits of a hash.
#[inline]
fn leading(hash: u64, depth: u32) -> usize {
    // In two steps, as it may be none.
    (hash >> 1 >> (u64::BITS - 1 - depth)) as usize
}

/// The position of a tag in the segment whose `depth` leading bits are these.
fn position_of(leading: u64, depth: u32, tag: Tag) -> u64 {
    leading << (POSITION_BITS - depth) | u64::from(tag) << (POSITION_BITS - depth - TAG_BITS)
}

impl<T: Item> Index<T> {
    /// An empty index.
    pub(crate) fn new() -> Self {
        Index { segments: vec![Segment::new()], directory: vec![0], depth: 0, len: 0 }
    }

    /// How many items there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    fn segment_of(&self, hash: u64) -> usize {
        self.directory[leading(hash, self.depth)] as usize
    }

    /// Finds the item of this hash that `is` the one looked for.
    #[inline]
    pub(crate) fn find(&self, hash: u64, is: impl Fn(T::Look<'_>) -> bool) -> Option<Place> {
        let segment = self.segment_of(hash);
        self.segments[segment].find(hash, is).map(|slot| Place { segment, slot })
    }

    /// See [`crate::Value::ahead`].
    pub(crate) fn ahead(&self, step: Step, item: &[u8]) -> Option<usize> {
        if step == Step::Start {
            return Some(std::ptr::from_ref(self) as usize);
        }
        let hash = hash(item);
        let segment = &self.segments[self.segment_of(hash)];
        if step == Step::Slot { Some(segment.home_address(hash)) } else { segment.likely(hash) }
    }

    /// The item at a place.
    pub(crate) fn at(&self, place: Place) -> Option<T::Look<'_>> {
        self.segments[place.segment].slots[place.slot].as_ref().map(Slot::look)
    }

    /// Adds an item that is not there yet.
    pub(crate) fn insert(&mut self, hash: u64, item: T) {
        let mut number = self.segment_of(hash);
        while self.segments[number].must_split() && self.segments[number].depth < MAX_DEPTH {
            self.split(hash);
            number = self.segment_of(hash);
        }
        self.segments[number].insert(hash, item);
        self.len += 1;
    }

    /// Splits the segment of a hash.
    fn split(&mut self, hash: u64) {
        let number = self.segment_of(hash);
        let depth = self.segments[number].depth;
        if depth == self.depth {
            self.directory = self.directory.iter().flat_map(|segment| [*segment; 2]).collect();
            self.depth += 1;
        }
        let high = self.segments[number].split();
        // The directory has as many entries for the segment as its further bits tell apart; the upper half moves on.
        let width = 1 << (self.depth - depth);
        let first = leading(hash, depth) * width;
        self.directory[first + width / 2..first + width].fill(self.segments.len() as u32);
        self.segments.push(high);
    }

    /// Takes the item at a place out.
    pub(crate) fn remove(&mut self, place: Place) -> Option<T> {
        let removed = self.segments[place.segment].remove(place.slot)?;
        self.len -= 1;
        if self.len < SPARSE * (self.segments.len() - 1) {
            self.gather();
        }
        Some(removed)
    }

    /// Puts the few items that are left into few segments.
    fn gather(&mut self) {
        for segment in std::mem::replace(self, Index::new()).segments {
            for slot in segment.slots.into_iter().flatten() {
                self.insert(T::hash(slot.look()), slot.into_item());
            }
        }
    }

    /// Lets `change` make another item of the one at a place, of the same hash.
    pub(crate) fn update<R>(&mut self, place: Place, change: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.segments[place.segment].update(place.slot, change)
    }

    /// The items, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = T::Look<'_>> {
        self.segments.iter().flat_map(|segment| &segment.slots).flatten().map(Slot::look)
    }

    /// An item picked by random numbers, each with the same chance.
    pub(crate) fn random(&self, mut random: impl FnMut() -> u64) -> Option<T::Look<'_>> {
        if self.len == 0 {
            return None;
        }
        for _ in 0..TRIES {
            // A random hash comes upon segments by their share of the hashes; how many items one has for its share decides.
            let hash = random().rotate_left(32) ^ random();
            let segment = &self.segments[self.segment_of(hash)];
            if random() % ((MAX_SLOTS as u64) << self.depth) < (segment.len as u64) << segment.depth {
                return segment.random(&mut random);
            }
        }
        // Few are left in many segments.
        let mut at = (random() % self.len as u64) as usize;
        let segment = self.segments.iter().find(|segment| match at.checked_sub(segment.len) {
            Some(behind) => {
                at = behind;
                false
            }
            None => true,
        });
        segment?.random(&mut random)
    }

    /// Visits about `count` items from a position on, 0 at the beginning; answers the position to go on with, which is
    /// 0 at the end.
    pub(crate) fn scan(&self, position: u64, count: usize, visit: &mut dyn FnMut(T::Look<'_>)) -> u64 {
        let (mut hash, mut left) = (position << (u64::BITS - POSITION_BITS), count.max(1));
        loop {
            let segment = &self.segments[self.segment_of(hash)];
            let prefix = leading(hash, segment.depth) as u64;
            let next = match segment.scan(segment.tag(hash), &mut left, visit) {
                Some(tag) => Some(position_of(prefix, segment.depth, tag)),
                None => (prefix + 1 < 1 << segment.depth).then(|| position_of(prefix + 1, segment.depth, 0)),
            };
            let Some(next) = next else { return 0 };
            if left == 0 {
                return next;
            }
            hash = next << (u64::BITS - POSITION_BITS);
        }
    }

    /// Bytes of memory, without the items.
    pub(crate) fn footprint(&self) -> usize {
        let slots: usize = self.segments.iter().map(|segment| segment.slots.len()).sum();
        slots * size_of::<Option<Slot<T>>>()
            + self.segments.capacity() * size_of::<Segment<T>>()
            + self.directory.capacity() * size_of::<u32>()
    }
}
