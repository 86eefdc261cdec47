//! Finding a member by its bytes: slots of 8 bytes in hash order, in segments that grow and split one at a time.
//!
//! The leading bits of the hash choose a segment (extendible hashing: Fagin and others, 1979). A slot is the member's
//! address and, in the 16 bits that an address leaves free, a *tag*: the hash bits behind those that chose the
//! segment. Slots stand in the order of their tags, each as near as can be to its *home*, the tag scaled to the
//! segment's size (linear probing that keeps the order: Amble and Knuth, 1974). Three things follow:
//! - a search ends at the first larger tag, at load 7/8 after some four slots, and looks at members of equal tag only;
//! - growing by a quarter is one pass in order that looks at no member; no insertion pays for more than one segment;
//! - a scan walks in hash order, whole groups of equal tags at a time, whatever grows, splits or moves meanwhile.

use super::member::{Member, Owned, Tag, Tagged};

/// The most homes of a segment; above that it splits. 8 KiB of slots.
const MAX_HOMES: usize = 1024;
/// Homes of a new segment.
const MIN_HOMES: usize = 16;
/// Slots behind the homes, for what the last homes displace; the last one stays empty.
const TAIL: usize = 16;
/// Hash bits that a scan position keeps: the directory's, and a tag's.
const POSITION_BITS: u32 = 48;
const TAG_BITS: u32 = Tag::BITS;
/// The most directory bits.
const MAX_DEPTH: u32 = POSITION_BITS - TAG_BITS;

/// Members by their hashes. It owns them.
pub(super) struct Index {
    segments: Vec<Segment>,
    /// For each value of the leading `depth` bits the number of its segment.
    directory: Vec<u32>,
    depth: u32,
}

/// Where a member stands; good until the index changes.
#[derive(Clone, Copy)]
pub(super) struct Place {
    segment: usize,
    slot: usize,
}

/// One range of hashes.
struct Segment {
    /// Leading hash bits that all its members share.
    depth: u32,
    homes: usize,
    len: usize,
    /// `homes` slots and the tail.
    slots: Box<[Option<Tagged>]>,
}

/// The first `depth` bits of a hash.
#[inline]
fn leading(hash: u64, depth: u32) -> usize {
    // In two steps, as it may be none.
    (hash >> 1 >> (u64::BITS - 1 - depth)) as usize
}

#[inline]
fn home(tag: Tag, homes: usize) -> usize {
    (usize::from(tag) * homes) >> TAG_BITS
}

/// The position of a tag in the segment whose `depth` leading bits are these.
fn position_of(leading: u64, depth: u32, tag: Tag) -> u64 {
    leading << (POSITION_BITS - depth) | u64::from(tag) << (POSITION_BITS - depth - TAG_BITS)
}

/// The next size up: by a half while small, then by a quarter, and exactly to the size that splits.
fn grown(homes: usize) -> usize {
    let next = if homes < 64 { homes + homes / 2 } else { homes + homes / 4 };
    if homes < MAX_HOMES { next.min(MAX_HOMES) } else { next }
}

impl Segment {
    fn new(depth: u32, homes: usize, tail: usize) -> Segment {
        let slots = std::iter::repeat_with(|| None).take(homes + tail).collect();
        Segment { depth, homes, len: 0, slots }
    }

    /// A segment with room for some more than these members, which come in the order of their tags.
    fn filled(depth: u32, homes: usize, mut members: Vec<Tagged>) -> Segment {
        let mut tail = TAIL;
        loop {
            let mut segment = Segment::new(depth, homes.max(MIN_HOMES), tail);
            match segment.fill(members) {
                Ok(()) => return segment,
                // So many equal tags that only a longer tail holds them.
                Err(back) => (members, tail) = (back, tail * 2),
            }
        }
    }

    /// Puts members in order into empty slots; gives them back where they do not fit.
    fn fill(&mut self, members: Vec<Tagged>) -> Result<(), Vec<Tagged>> {
        let (homes, last) = (self.homes, self.slots.len() - 1);
        let ends = members.iter().fold(0, |free, member| free.max(home(member.tag(), homes)) + 1);
        if ends > last {
            return Err(members);
        }
        let mut free = 0;
        self.len = members.len();
        for member in members {
            let at = free.max(home(member.tag(), homes));
            self.slots[at] = Some(member);
            free = at + 1;
        }
        Ok(())
    }

    fn tag(&self, hash: u64) -> Tag {
        ((hash << self.depth) >> (u64::BITS - TAG_BITS)) as Tag
    }

    #[inline]
    fn find(&self, hash: u64, is: impl Fn(&Member) -> bool) -> Option<usize> {
        let tag = self.tag(hash);
        let from = home(tag, self.homes);
        for (at, slot) in self.slots[from..].iter().enumerate() {
            match slot {
                Some(member) if member.tag() < tag => {}
                Some(member) if member.tag() == tag => {
                    if is(&member.member()) {
                        return Some(from + at);
                    }
                }
                _ => break,
            }
        }
        None
    }

    fn is_loaded(&self) -> bool {
        (self.len + 1) * 8 > self.homes * 7
    }

    /// Adds a member; gives it back where the tail is full.
    fn insert(&mut self, member: Tagged) -> Result<(), Tagged> {
        let (tag, last) = (member.tag(), self.slots.len() - 1);
        let behind = |slot: &Option<Tagged>| slot.as_ref().is_none_or(|other| other.tag() > tag);
        let from = home(tag, self.homes);
        let Some(at) = self.slots[from..last].iter().position(behind).map(|at| from + at) else {
            return Err(member);
        };
        let Some(free) = self.slots[at..last].iter().position(Option::is_none) else { return Err(member) };
        self.slots[at..=at + free].rotate_right(1);
        self.slots[at] = Some(member);
        self.len += 1;
        Ok(())
    }

    /// Takes a member out; those behind it that are not at home move up.
    fn remove(&mut self, at: usize) -> Option<Owned> {
        let removed = self.slots[at].take()?;
        let mut hole = at;
        while let Some(Some(next)) = self.slots.get(hole + 1)
            && home(next.tag(), self.homes) <= hole
        {
            self.slots.swap(hole, hole + 1);
            hole += 1;
        }
        self.len -= 1;
        if self.len * 8 < self.homes && self.homes > 8 * MIN_HOMES {
            self.resize(self.len * 2);
        }
        Some(removed.into_owned())
    }

    /// Moves all members, in order, to another number of homes. Looks at none.
    fn resize(&mut self, homes: usize) {
        let members = self.take();
        *self = Segment::filled(self.depth, homes, members);
    }

    fn take(&mut self) -> Vec<Tagged> {
        self.slots.iter_mut().filter_map(Option::take).collect()
    }

    /// Divides the members by the next bit of their hashes; `self` keeps those with 0. Each tag moves on by a bit, so
    /// each member is hashed again.
    fn split(&mut self, hash: impl Fn(&[u8]) -> u64) -> Segment {
        let depth = self.depth + 1;
        let mut halves = [Vec::new(), Vec::new()];
        for member in self.take() {
            let hash = hash(member.member().bytes());
            let half = (hash << self.depth >> 63) as usize;
            let tag = ((hash << depth) >> (u64::BITS - TAG_BITS)) as Tag;
            halves[half].push(member.into_owned().tagged(tag));
        }
        let [low, high] = halves.map(|mut half| {
            half.sort_by_key(Tagged::tag);
            Segment::filled(depth, half.len() * 5 / 4, half)
        });
        *self = low;
        high
    }

    /// Visits whole groups of equal tags from `tag` on until `left` is 0. Answers the tag to go on with.
    fn scan(&self, tag: Tag, left: &mut usize, visit: &mut dyn FnMut(&Member)) -> Option<Tag> {
        let mut done = None;
        for member in self.slots[home(tag, self.homes)..].iter().flatten().filter(|m| m.tag() >= tag) {
            if *left == 0 && done != Some(member.tag()) {
                return Some(member.tag());
            }
            visit(&member.member());
            *left = left.saturating_sub(1);
            done = Some(member.tag());
        }
        None
    }
}

impl Index {
    /// An empty index.
    pub(super) fn new() -> Index {
        Index { segments: vec![Segment::new(0, MIN_HOMES, TAIL)], directory: vec![0], depth: 0 }
    }

    fn segment_of(&self, hash: u64) -> usize {
        self.directory[leading(hash, self.depth)] as usize
    }

    /// Finds the member of this hash that `is` the one looked for.
    #[inline]
    pub(super) fn find(&self, hash: u64, is: impl Fn(&Member) -> bool) -> Option<Place> {
        let segment = self.segment_of(hash);
        self.segments[segment].find(hash, is).map(|slot| Place { segment, slot })
    }

    /// The member at a place.
    pub(super) fn at(&self, place: Place) -> Option<Member> {
        self.segments[place.segment].slots[place.slot].as_ref().map(Tagged::member)
    }

    /// Adds a member that is not there yet.
    pub(super) fn insert(&mut self, hash: u64, member: Owned, hash_of: impl Fn(&[u8]) -> u64) {
        let mut number = self.segment_of(hash);
        while self.segments[number].is_loaded() && self.segments[number].homes >= MAX_HOMES {
            if self.segments[number].depth == MAX_DEPTH {
                break;
            }
            self.split(hash, &hash_of);
            number = self.segment_of(hash);
        }
        let segment = &mut self.segments[number];
        if segment.is_loaded() {
            segment.resize(grown(segment.homes));
        }
        let mut member = member.tagged(segment.tag(hash));
        while let Err(back) = segment.insert(member) {
            member = back;
            segment.resize(grown(segment.homes));
        }
    }

    /// Splits the segment of a hash.
    fn split(&mut self, hash: u64, hash_of: impl Fn(&[u8]) -> u64) {
        let number = self.segment_of(hash);
        let depth = self.segments[number].depth;
        if depth == self.depth {
            self.directory = self.directory.iter().flat_map(|segment| [*segment; 2]).collect();
            self.depth += 1;
        }
        let high = self.segments[number].split(hash_of);
        // The directory has as many entries for the segment as its further bits tell apart; the upper half moves on.
        let width = 1 << (self.depth - depth);
        let first = leading(hash, depth) * width;
        self.directory[first + width / 2..first + width].fill(self.segments.len() as u32);
        self.segments.push(high);
    }

    /// Takes the member at a place out.
    pub(super) fn remove(&mut self, place: Place) -> Option<Owned> {
        self.segments[place.segment].remove(place.slot)
    }

    /// Visits about `count` members from a position on, 0 at the beginning; answers the position to go on with, which is
    /// 0 at the end.
    pub(super) fn scan(&self, position: u64, count: usize, visit: &mut dyn FnMut(&Member)) -> u64 {
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

    /// Bytes of memory, without the members.
    pub(super) fn footprint(&self) -> usize {
        let slots: usize = self.segments.iter().map(|segment| segment.slots.len()).sum();
        slots * size_of::<Option<Tagged>>()
            + self.segments.capacity() * size_of::<Segment>()
            + self.directory.capacity() * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    /// A hash of few values, so that tags are equal and segments lopsided: the number in the member's text.
    fn hash(bytes: &[u8]) -> u64 {
        let number: u64 =
            std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok()).expect("a number");
        (number / 7).wrapping_mul(0x9e37_79b9_7f4a_7c15) & !(0xffff << 40)
    }

    fn insert(index: &mut Index, number: u64) {
        let text = number.to_string();
        index.insert(hash(text.as_bytes()), Owned::new(text.as_bytes(), number as f64), hash);
    }

    fn find(index: &Index, number: u64) -> Option<Place> {
        let text = number.to_string();
        index.find(hash(text.as_bytes()), |member| member.bytes() == text.as_bytes())
    }

    fn check(index: &Index, numbers: &BTreeSet<u64>) {
        assert_eq!(index.segments.iter().map(|segment| segment.len).sum::<usize>(), numbers.len());
        for segment in &index.segments {
            let tags: Vec<_> = segment.slots.iter().flatten().map(Tagged::tag).collect();
            assert!(
                tags.is_sorted()
                    && tags.len() == segment.len
                    && segment.slots.last().is_some_and(Option::is_none)
            );
        }
        for number in numbers {
            let place = find(index, *number).expect("found");
            assert_eq!(index.at(place).map(|member| member.score()), Some(*number as f64));
        }
    }

    #[test]
    fn grows_in_parts_and_shrinks() {
        let (mut index, numbers): (_, BTreeSet<u64>) = (Index::new(), (0..20_000).collect());
        numbers.iter().for_each(|number| insert(&mut index, *number));
        check(&index, &numbers);
        assert!(index.segments.len() > 20);
        let slots = index.footprint();
        for number in 100..20_000 {
            let place = find(&index, number).expect("found");
            assert_eq!(index.remove(place).map(|member| member.score()), Some(number as f64));
        }
        check(&index, &(0..100).collect());
        assert!(index.footprint() * 4 < slots);
    }

    proptest! {
        #[test]
        fn agrees_with_a_set(changes in prop::collection::vec((0..400u64, any::<bool>()), 0..600)) {
            let (mut index, mut model) = (Index::new(), BTreeSet::new());
            for (number, add) in changes {
                let found = find(&index, number);
                prop_assert_eq!(found.is_some(), model.contains(&number));
                match found {
                    None if add => insert(&mut index, number),
                    Some(place) if !add => drop(index.remove(place)),
                    _ => continue,
                }
                if add { model.insert(number); } else { model.remove(&number); }
            }
            check(&index, &model);
        }

        /// What is there all the time is seen, however the index grows between the calls; and nothing twice unless it
        /// has grown.
        #[test]
        fn scans_miss_nothing(first in 1..3000u64, more in 0..3000u64, count in 1..400usize, at: u64) {
            let mut index = Index::new();
            (0..first).for_each(|number| insert(&mut index, number));
            let (mut seen, mut position, mut calls) = (BTreeMap::<u64, usize>::new(), 0, 0);
            loop {
                position = index.scan(position, count, &mut |member| {
                    *seen.entry(member.score() as u64).or_default() += 1;
                });
                calls += 1;
                if position == 0 {
                    break;
                }
                if calls == 1 {
                    (first..first + more).for_each(|number| insert(&mut index, number));
                }
            }
            prop_assert!((0..first).all(|number| seen.contains_key(&number)));
            prop_assert!(seen.values().all(|times| *times == 1));
            prop_assert!(calls <= (first + more) as usize / count + 2);
            index.scan(at & ((1 << POSITION_BITS) - 1), count, &mut |_| ());
        }
    }
}
