//! A segment: up to a few thousand slots, sorted by hash.
//!
//! A slot is 8 bytes: a 16-bit *tag*, the next 16 bits of the hash, and the 48 bits of an entry's address, the last
//! three of which, always zero, tell how long the entry is instead, so that all its cache lines can be asked for at once.
//! An entry's *home* is its tag scaled to the capacity, and slots are kept in the order of their tags
//! (linear probing that keeps hash order, as Amble and Knuth described it in 1974). Three things follow:
//! - a lookup ends at the first larger tag, at load 7/8 after some four slots: one cache line, and only
//!   entries with an equal tag are looked at;
//! - growing is one pass in order without touching an entry, by any factor (here 1.25, so that slots
//!   take 10 bytes a key on average);
//! - SCAN walks in hash order, whole groups of equal tags at a time, whatever moves or grows meanwhile.
//!
//! Behind the homes stands a short tail for what the last homes displace; its last slot stays empty.

#![allow(unsafe_code)]

use data::Step;

use crate::entry::{Entry, prefetch};
use crate::expiry::DueHeap;

/// The most homes of a segment; above that it splits. 32 KiB of slots.
pub const MAX_HOMES: usize = 4096;
/// Homes of a new segment.
const MIN_HOMES: usize = 4;
const TAIL: usize = 32;

/// The bits of a slot that are an address, and those that tell how long the entry is.
const ADDRESS: u64 = (1 << 48) - 8;
const SPAN: u64 = 0b111;

/// Bytes of a cache line.
const LINE: u64 = 64;

/// Hash bits that a slot keeps.
pub type Tag = u16;

/// Where a segment's slots stand, for prefetching without the lock.
#[derive(Clone, Copy, Debug)]
pub struct Base {
    /// Address of the first slot.
    pub slots: u64,
    /// Number of homes.
    pub homes: u32,
}

impl Base {
    /// The address where a lookup of `tag` begins.
    #[inline]
    pub fn home_address(self, tag: Tag) -> u64 {
        self.slots + home(tag, self.homes as usize) as u64 * 8
    }
}

#[inline]
fn home(tag: Tag, homes: usize) -> usize {
    (tag as usize * homes) >> 16
}

#[inline]
fn slot_tag(slot: u64) -> Tag {
    (slot >> 48) as Tag
}

#[inline]
fn slot_entry(slot: u64) -> Entry {
    // SAFETY: slots that are not empty hold the address of a live entry, which this segment owns.
    unsafe { Entry::from_address(slot & ADDRESS) }
}

/// Bytes that the entry of a slot takes: rounded up to 16, and 128 stands for more.
#[inline]
fn slot_span(slot: u64) -> u64 {
    ((slot & SPAN) + 1) * 16
}

fn make_slot(tag: Tag, entry: Entry) -> u64 {
    let span = (entry.size() as u64 - 1) / 16;
    debug_assert!(
        entry.address() & !ADDRESS == 0,
        "user space addresses take 48 bits, and entries are aligned"
    );
    (tag as u64) << 48 | entry.address() | span.min(SPAN)
}

/// Slots in order; they do not own what they point to.
#[repr(C)]
struct Slots {
    /// `homes` slots and the tail; 0 is an empty one.
    all: Box<[u64]>,
    homes: usize,
}

impl Slots {
    /// Slots for nothing, which take no memory.
    fn none() -> Slots {
        Slots { all: Box::default(), homes: 0 }
    }

    fn new(homes: usize, tail: usize) -> Slots {
        let homes = homes.max(MIN_HOMES);
        Slots { all: vec![0; homes + tail.min(homes) + 1].into_boxed_slice(), homes }
    }

    /// `homes` homes or, where they do not suffice, more; filled with slots that come in order.
    fn filled(mut homes: usize, ordered: impl Iterator<Item = u64> + Clone) -> Slots {
        let mut tail = TAIL;
        loop {
            let mut slots = Slots::new(homes, tail);
            if slots.fill(ordered.clone()) {
                return slots;
            }
            // More room for the last homes: by homes, and where hardly any is taken, by the tail.
            if ordered.clone().count() * 4 > homes {
                homes = grown(homes);
            } else {
                tail *= 2;
                homes = homes.max(tail);
            }
        }
    }

    fn fill(&mut self, ordered: impl Iterator<Item = u64>) -> bool {
        let mut free = 0;
        for slot in ordered {
            let index = home(slot_tag(slot), self.homes).max(free);
            if index + 1 >= self.all.len() {
                return false;
            }
            self.all[index] = slot;
            free = index + 1;
        }
        true
    }

    fn taken(&self) -> impl Iterator<Item = u64> + Clone + '_ {
        self.all.iter().copied().filter(|slot| *slot != 0)
    }

    /// Puts the slot in order among its neighbours, unless that would fill the last one.
    fn place(&mut self, slot: u64) -> Option<usize> {
        let tag = slot_tag(slot);
        let mut index = home(tag, self.homes);
        while self.all[index] != 0 && slot_tag(self.all[index]) <= tag {
            index += 1;
        }
        let free = index + self.all[index..].iter().position(|s| *s == 0)?;
        if free + 1 >= self.all.len() {
            return None;
        }
        self.all.copy_within(index..free, index + 1);
        self.all[index] = slot;
        Some(index)
    }

    /// Empties the slot at `index`; those behind it that are not at home move up.
    fn remove(&mut self, index: usize) {
        let mut hole = index;
        loop {
            let next = self.all[hole + 1];
            if next == 0 || home(slot_tag(next), self.homes) > hole {
                break;
            }
            self.all[hole] = next;
            hole += 1;
        }
        self.all[hole] = 0;
    }
}

/// One range of hashes: its slots, the entries, which it owns, and when they are due.
#[repr(C)]
pub struct Segment {
    /// Leading hash bits that all its entries share.
    pub depth: u32,
    slots: Slots,
    len: usize,
    /// Entries with an expiry.
    pub volatile: usize,
    /// Hashes with fields that are due one day.
    pub timed: usize,
    /// When they are due.
    pub due: DueHeap,
}

impl Segment {
    /// An empty segment of hashes that share `depth` leading bits.
    pub fn new(depth: u32) -> Segment {
        Segment { slots: Slots::none(), len: 0, depth, volatile: 0, timed: 0, due: DueHeap::default() }
    }

    /// The same with so many homes, at most [`MAX_HOMES`], that are still to be taken.
    pub fn with_homes(depth: u32, homes: usize) -> Segment {
        let mut segment = Segment::new(depth);
        segment.slots = Slots::new(homes.min(MAX_HOMES), TAIL);
        segment
    }

    /// How many entries there are.
    #[cfg(test)]
    pub fn count(&self) -> usize {
        self.len
    }

    /// Bytes of memory beside the entries.
    pub fn footprint(&self) -> usize {
        size_of::<Segment>() + self.slots.all.len() * 8 + self.due.footprint()
    }

    /// The tag of a hash, of which `depth` bits chose the segment.
    #[inline]
    pub fn tag(&self, hash: u64) -> Tag {
        ((hash << self.depth) >> 48) as Tag
    }

    /// Where the slots stand.
    pub fn base(&self) -> Base {
        Base { slots: self.slots.all.as_ptr() as u64, homes: self.slots.homes as u32 }
    }

    /// The index of the entry with this key.
    #[inline]
    pub fn find(&self, hash: u64, key: &[u8]) -> Option<usize> {
        let tag = self.tag(hash);
        let mut index = home(tag, self.slots.homes);
        while let Some(&slot) = self.slots.all.get(index)
            && slot != 0
            && slot_tag(slot) <= tag
        {
            if slot_tag(slot) == tag && slot_entry(slot).key() == key {
                return Some(index);
            }
            index += 1;
        }
        None
    }

    /// The first slot whose tag is that of `hash`: most likely the one looked for.
    #[inline]
    fn likely(&self, hash: u64) -> Option<u64> {
        let tag = self.tag(hash);
        let from = &self.slots.all[home(tag, self.slots.homes)..];
        let mut near = from.iter().take_while(|s| **s != 0 && slot_tag(**s) <= tag);
        near.find(|s| slot_tag(**s) == tag).copied()
    }

    /// Asks for the cache lines of the entry that a lookup of `hash` will most likely look at.
    #[inline]
    pub fn prefetch_entry(&self, hash: u64) {
        if let Some(slot) = self.likely(hash) {
            let (first, span) = (slot & ADDRESS, slot_span(slot));
            let last = first + span - 1;
            let mut line = first & !(LINE - 1);
            while line <= last {
                prefetch(line);
                line += LINE;
            }
        }
    }

    /// Asks for the cache line where the slot of a new entry will stand.
    #[inline]
    pub fn prefetch_home(&self, hash: u64) {
        prefetch(self.base().home_address(self.tag(hash)));
    }

    /// Asks for what a lookup of an element reads at this step in that entry's value, if it is a collection. What the step
    /// before asked for is read. Answers whether there are further steps.
    #[inline]
    pub fn prefetch_element(&self, hash: u64, step: Step, element: &[u8]) -> bool {
        let Some(object) = self.likely(hash).and_then(|slot| slot_entry(slot).object()) else { return false };
        if let Some(address) = object.ahead(step, element) {
            prefetch(address as u64);
            prefetch(address as u64 + LINE);
        }
        object.is_deep()
    }

    /// The entry at `index`.
    #[inline]
    pub fn at(&self, index: usize) -> Entry {
        slot_entry(self.slots.all[index])
    }

    /// Puts another entry of the same hash at `index`; answers the old one.
    pub fn replace(&mut self, index: usize, entry: Entry) -> Entry {
        let old = self.slots.all[index];
        self.slots.all[index] = make_slot(slot_tag(old), entry);
        slot_entry(old)
    }

    /// Whether one more entry would ask for more homes than [`MAX_HOMES`].
    pub fn must_split(&self) -> bool {
        self.slots.homes >= MAX_HOMES && self.is_loaded()
    }

    fn is_loaded(&self) -> bool {
        (self.len + 1) * 8 > self.slots.homes * 7
    }

    /// Adds an entry whose key is not there yet; answers its index.
    pub fn insert(&mut self, hash: u64, entry: Entry) -> usize {
        if self.is_loaded() {
            self.resize(grown(self.slots.homes));
        }
        let slot = make_slot(self.tag(hash), entry);
        loop {
            if let Some(index) = self.slots.place(slot) {
                self.len += 1;
                return index;
            }
            // The tail is full: rare, and mended by more room.
            self.resize(grown(self.slots.homes));
        }
    }

    /// Takes the entry at `index` out.
    pub fn remove(&mut self, index: usize) -> Entry {
        let entry = self.at(index);
        self.slots.remove(index);
        self.len -= 1;
        if self.len == 0 {
            // A thousand partitions without a key are to take no memory.
            (self.slots, self.due) = (Slots::none(), DueHeap::default());
        }
        if self.len * 8 < self.slots.homes && self.slots.homes > 8 * MIN_HOMES {
            self.resize(self.len * 2);
        }
        entry
    }

    /// Moves all slots, in order, to another number of homes. Touches no entry.
    fn resize(&mut self, homes: usize) {
        self.slots = Slots::filled(homes, self.slots.taken());
    }

    /// Divides the entries by the next bit of their hashes; `self` keeps those with 0.
    ///
    /// Each tag moves on by a bit, so each key is hashed again: some 4,000 at most.
    pub fn split(&mut self, hash_of: impl Fn(&[u8]) -> u64) -> Segment {
        let depth = self.depth + 1;
        let mut halves: [Vec<u64>; 2] = [Vec::new(), Vec::new()];
        let entries: Vec<Entry> = self.entries().collect();
        for (i, entry) in entries.iter().enumerate() {
            if let Some(ahead) = entries.get(i + 8) {
                prefetch(ahead.address());
            }
            let hash = hash_of(entry.key());
            let half = (hash << self.depth >> 63) as usize;
            halves[half].push(make_slot(((hash << depth) >> 48) as Tag, *entry));
        }
        let [low, high] = halves.map(|half| Segment::built(half, depth));
        // The old slots own nothing any more.
        self.slots = Slots::none();
        *self = low;
        high
    }

    fn built(mut half: Vec<u64>, depth: u32) -> Segment {
        half.sort_unstable_by_key(|slot| slot_tag(*slot));
        let slots = Slots::filled(half.len() * 5 / 4, half.iter().copied());
        let mut segment = Segment::new(depth);
        (segment.slots, segment.len) = (slots, half.len());
        segment.rebuild_due();
        segment
    }

    /// Counts the volatile and the timed afresh, and gives each its one place among the due.
    fn rebuild_due(&mut self) {
        self.volatile = self.entries().filter(|entry| entry.expiry().is_some()).count();
        self.timed = self.entries().filter(|entry| entry.is_timed()).count();
        let due = |slot| Some((slot_entry(slot).due()?, slot_tag(slot)));
        self.due = DueHeap::built(self.slots.taken().filter_map(due).collect());
    }

    /// Notes that the entry with this hash is due at `at`; forgets what is stale when that has become the most.
    pub fn note_due(&mut self, hash: u64, at: i64) {
        self.due.push(at, self.tag(hash));
        if self.due.may_be_stale() {
            self.rebuild_due();
        }
    }

    /// Makes the first element among the due a true one: those of keys that have gone or moved later lie in front, above
    /// all where the first due are evicted.
    pub fn settle_due(&mut self) {
        while let Some((noted, tag)) = self.due.first() {
            let due = self.group(tag).filter_map(|index| self.at(index).due()).min();
            if due.is_some_and(|at| at <= noted) {
                return;
            }
            self.due.pop_due(noted);
            if let Some(at) = due {
                self.due.push(at, tag);
            }
        }
    }

    /// The indices of the entries with this tag, in ascending order.
    pub fn group(&self, tag: Tag) -> std::ops::Range<usize> {
        let slots = &self.slots.all;
        let mut start = home(tag, self.slots.homes);
        while slots.get(start).is_some_and(|s| *s != 0 && slot_tag(*s) < tag) {
            start += 1;
        }
        let len = slots[start..].iter().take_while(|s| **s != 0 && slot_tag(**s) == tag).count();
        start..start + len
    }

    /// Visits whole groups of equal tags from `tag` on until at least `count` entries were seen. Answers the
    /// tag to go on with, or `None` at the end.
    pub fn scan(&self, tag: Tag, count: &mut usize, visit: &mut dyn FnMut(Entry)) -> Option<Tag> {
        let mut index = self.group(tag).start;
        while index < self.slots.all.len() {
            let slot = self.slots.all[index];
            if slot == 0 {
                index += 1;
                continue;
            }
            if *count == 0 {
                return Some(slot_tag(slot));
            }
            let end = self.group(slot_tag(slot)).end;
            for i in index..end {
                visit(self.at(i));
                *count = count.saturating_sub(1);
            }
            index = end;
        }
        None
    }

    /// Every entry, in hash order.
    pub fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        self.slots.taken().map(slot_entry)
    }

    /// An entry picked with equal chances, if there is one; `random` yields fresh bits.
    pub fn random(&self, mut random: impl FnMut() -> u64) -> Option<Entry> {
        if self.len == 0 {
            return None;
        }
        loop {
            let slot = self.slots.all[(random() % self.slots.all.len() as u64) as usize];
            if slot != 0 {
                return Some(slot_entry(slot));
            }
        }
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        for entry in self.entries() {
            // SAFETY: a segment owns its entries, and it goes.
            unsafe { entry.free() }
        }
    }
}

/// Homes that suffice for about so many entries: chance puts some more in one segment than in another.
pub fn homes_for(entries: usize) -> usize {
    (entries + 2 * entries.isqrt()) * 8 / 7 + 1
}

/// The next size up: by a half while small, then by a quarter, and exactly to the size that splits.
fn grown(homes: usize) -> usize {
    let next = if homes < 64 { homes + homes / 2 } else { homes + homes / 4 };
    if homes < MAX_HOMES { next.min(MAX_HOMES) } else { next }
}
