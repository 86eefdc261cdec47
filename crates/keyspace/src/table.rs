//! A table: the entries that one database has in one partition, as segments under a directory.
//!
//! Extendible hashing: the leading bits of the hash choose a segment. A segment that is full splits in two,
//! and that is all that any insertion ever pays, some 100 µs at the very most, however many million keys
//! come to stand in one partition. Most tables have one segment and no directory to speak of.
//!
//! The hash given here is the key's hash without the bits that chose the partition, shifted to the left.

use data::Step;

use crate::cut::CutCursor;
use crate::entry::Entry;
use crate::segment::{Base, MAX_HOMES, Segment, homes_for};

/// Bits of the hash that a scan position keeps: the directory's and a tag's.
pub const POSITION_BITS: u32 = 36;
/// The most directory bits, which is 2^32 slots in one partition.
const MAX_DEPTH: u32 = POSITION_BITS - 16;

/// The entries of one database in one partition.
#[repr(C)]
pub struct Table {
    depth: u32,
    /// Segment number 0, which is all there is up to some 3,600 entries; it stands in the partition itself.
    first: Segment,
    /// Segments 1 and on.
    others: Vec<Segment>,
    /// For each value of the leading `depth` bits the number of its segment; empty while that is 0.
    directory: Vec<u32>,
    len: usize,
    /// Where a cut's traversal stands, while it has not been through.
    pub(crate) cursor: Option<CutCursor>,
}

/// Where an entry stands in its table; good until the table changes.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    segment: usize,
    index: usize,
}

impl Default for Table {
    fn default() -> Table {
        Table { first: Segment::new(0), others: vec![], directory: vec![], depth: 0, len: 0, cursor: None }
    }
}

impl Table {
    /// Entries in the table.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Entries with an expiry.
    pub fn volatile(&self) -> usize {
        self.segments().map(|s| s.volatile).sum()
    }

    /// Hashes with fields that are due one day.
    pub fn timed(&self) -> usize {
        self.segments().map(|s| s.timed).sum()
    }

    /// Bytes of memory that the index of due times takes, of what the table takes beside the entries.
    pub fn due_footprint(&self) -> usize {
        self.segments().map(|s| s.due.footprint()).sum()
    }

    /// When some of the volatile entries are due, in Unix milliseconds.
    pub fn sample_due(&self) -> impl Iterator<Item = i64> + '_ {
        self.segments().flat_map(|s| s.due.sample())
    }

    /// Bytes of memory beside the entries.
    pub fn footprint(&self) -> usize {
        self.segments().map(Segment::footprint).sum::<usize>() + self.directory.capacity() * 4
    }

    /// Where lookups begin, while one segment holds all.
    pub fn base(&self) -> Option<Base> {
        (self.depth == 0).then(|| self.first.base())
    }

    #[inline]
    fn segment(&self, number: usize) -> &Segment {
        if number == 0 { &self.first } else { &self.others[number - 1] }
    }

    #[inline]
    fn segment_mut(&mut self, number: usize) -> &mut Segment {
        if number == 0 { &mut self.first } else { &mut self.others[number - 1] }
    }

    fn segments(&self) -> impl Iterator<Item = &Segment> {
        std::iter::once(&self.first).chain(&self.others)
    }

    #[inline]
    fn segment_of(&self, hash: u64) -> usize {
        if self.depth == 0 { 0 } else { self.directory[(hash >> (64 - self.depth)) as usize] as usize }
    }

    /// Makes room for about so many entries while there are none, so that none of them has to move on the way there. They
    /// may be more or fewer in the end.
    pub fn expect(&mut self, entries: usize) {
        if !self.is_empty() {
            return;
        }
        let mut depth = 0;
        while homes_for(entries >> depth) > MAX_HOMES && depth < MAX_DEPTH {
            depth += 1;
        }
        let (homes, segments) = (homes_for(entries >> depth), 1u32 << depth);
        self.depth = depth;
        self.first = Segment::with_homes(depth, homes);
        self.others = (1..segments).map(|_| Segment::with_homes(depth, homes)).collect();
        self.directory = if depth == 0 { vec![] } else { (0..segments).collect() };
    }

    /// Where the entry with this key is.
    #[inline]
    pub fn find(&self, hash: u64, key: &[u8]) -> Option<Place> {
        let segment = self.segment_of(hash);
        self.segment(segment).find(hash, key).map(|index| Place { segment, index })
    }

    /// Asks for the cache lines of the entry that a lookup of `hash` will most likely look at.
    #[inline]
    pub fn prefetch_entry(&self, hash: u64) {
        self.segment(self.segment_of(hash)).prefetch_entry(hash);
    }

    /// Asks for the cache line where the slot of a new entry will stand.
    #[inline]
    pub fn prefetch_home(&self, hash: u64) {
        self.segment(self.segment_of(hash)).prefetch_home(hash);
    }

    /// See [`Segment::prefetch_element`].
    #[inline]
    pub fn prefetch_element(&self, hash: u64, step: Step, element: &[u8]) -> bool {
        self.segment(self.segment_of(hash)).prefetch_element(hash, step, element)
    }

    /// The entry at `place`.
    #[inline]
    pub fn at(&self, place: Place) -> Entry {
        self.segment(place.segment).at(place.index)
    }

    /// Adds an entry whose key is not there yet. `hash_of` hashes keys as `hash` was.
    pub fn insert(&mut self, hash: u64, entry: Entry, hash_of: impl Fn(&[u8]) -> u64) -> Place {
        let mut segment = self.segment_of(hash);
        while self.segment(segment).must_split() && self.segment(segment).depth < MAX_DEPTH {
            self.split(segment, &hash_of);
            segment = self.segment_of(hash);
        }
        let index = self.segment_mut(segment).insert(hash, entry);
        self.len += 1;
        let into = self.segment_mut(segment);
        into.volatile += usize::from(entry.expiry().is_some());
        into.timed += usize::from(entry.is_timed());
        if let Some(at) = entry.due() {
            into.note_due(hash, at);
        }
        Place { segment, index }
    }

    fn split(&mut self, segment: usize, hash_of: &impl Fn(&[u8]) -> u64) {
        if self.depth == 0 {
            self.directory = vec![0];
        }
        if self.segment(segment).depth == self.depth {
            self.directory = self.directory.iter().flat_map(|s| [*s, *s]).collect();
            self.depth += 1;
        }
        let high = self.segment_mut(segment).split(hash_of);
        self.others.push(high);
        let (depth, number) = (self.segment(segment).depth, self.others.len() as u32);
        for (prefix, s) in self.directory.iter_mut().enumerate() {
            if *s as usize == segment && prefix >> (self.depth - depth) & 1 == 1 {
                *s = number;
            }
        }
    }

    /// Puts another entry with the same key in its place, and keeps the expiries' index true; answers the old one.
    pub fn replace(&mut self, place: Place, hash: u64, entry: Entry) -> Entry {
        let segment = self.segment_mut(place.segment);
        let old = segment.replace(place.index, entry);
        segment.volatile += usize::from(entry.expiry().is_some());
        segment.volatile -= usize::from(old.expiry().is_some());
        // A value that has moved to the new entry is asked there; the old one still says what it was.
        segment.timed += usize::from(entry.is_timed());
        segment.timed -= usize::from(old.is_timed());
        self.renew_due(place, hash, old.due(), entry.due());
        old
    }

    /// Tells the index of expiries that an entry's has changed; what moved later keeps its old element.
    pub fn renew_due(&mut self, place: Place, hash: u64, before: Option<i64>, after: Option<i64>) {
        if let Some(at) = after
            && before.is_none_or(|earlier| at < earlier)
        {
            self.segment_mut(place.segment).note_due(hash, at);
        }
    }

    /// Draws the conclusions when the fields of a hash were changed where it stands.
    pub fn renew_fields(&mut self, place: Place, hash: u64, was_timed: bool, was_due: Option<i64>) {
        let entry = self.at(place);
        let segment = self.segment_mut(place.segment);
        segment.timed += usize::from(entry.is_timed());
        segment.timed -= usize::from(was_timed);
        self.renew_due(place, hash, was_due, entry.due());
    }

    /// Takes an entry out.
    pub fn remove(&mut self, place: Place) -> Entry {
        let segment = self.segment_mut(place.segment);
        let entry = segment.remove(place.index);
        segment.volatile -= usize::from(entry.expiry().is_some());
        segment.timed -= usize::from(entry.is_timed());
        self.len -= 1;
        entry
    }

    /// The earliest time at which an entry may be due.
    pub fn earliest_due(&self) -> Option<i64> {
        self.segments().filter_map(|s| s.due.earliest()).min()
    }

    /// A key that is due by `now`, or a hash of which a field is, and where it is; renews the elements of those that have
    /// moved later. Whoever takes one of several due fields sees to it that the others keep an element.
    pub fn next_due(&mut self, now: i64) -> Option<Place> {
        for (number, segment) in std::iter::once(&mut self.first).chain(&mut self.others).enumerate() {
            while let Some(tag) = segment.due.pop_due(now) {
                let mut found = None;
                for index in segment.group(tag) {
                    match segment.at(index).due() {
                        // The others of the group keep an element: this pass pops one at a time.
                        Some(at) if at <= now && found.is_none() => found = Some(index),
                        Some(at) => segment.due.push(at, tag),
                        None => {}
                    }
                }
                if let Some(index) = found {
                    return Some(Place { segment: number, index });
                }
            }
        }
        None
    }

    /// Visits about `count` entries from scan position `from` on, in hash order, equal positions always together.
    /// Answers where to go on, or `None` at the end. An entry that is there from the first call of a scan to
    /// its last is visited, however the table grows meanwhile.
    pub fn scan(&self, from: u64, count: &mut usize, visit: &mut dyn FnMut(Entry)) -> Option<u64> {
        let mut position = from << (64 - POSITION_BITS);
        loop {
            let segment = self.segment(self.segment_of(position));
            let prefix = if segment.depth == 0 { 0 } else { position >> (64 - segment.depth) };
            if let Some(tag) = segment.scan(segment.tag(position), count, visit) {
                let next = prefix << 16 | tag as u64;
                return Some(next << (POSITION_BITS - 16 - segment.depth));
            }
            if prefix + 1 == 1 << segment.depth {
                return None;
            }
            position = (prefix + 1) << (64 - segment.depth);
            if *count == 0 {
                return Some(position >> (64 - POSITION_BITS));
            }
        }
    }

    /// Visits about `count` neighbours, the first where `random` says; all if there are no more.
    pub fn sample(&self, random: u64, count: usize, visit: &mut dyn FnMut(Entry)) {
        let mut left = count.min(self.len);
        let start = random >> (64 - POSITION_BITS);
        if self.scan(start, &mut left, visit).is_none() && left > 0 {
            self.scan(0, &mut left, visit);
        }
    }

    /// Visits about `count` entries with an expiry, perhaps fewer: of a segment that `random` picks any, or those that are
    /// due first.
    pub fn sample_volatile(&mut self, random: u64, first: bool, count: usize, visit: &mut dyn FnMut(Entry)) {
        let mut number = self.segment_of(random);
        if self.segment(number).volatile == 0 {
            let Some(other) = self.segments().position(|segment| segment.volatile > 0) else { return };
            number = other;
        }
        let segment = self.segment_mut(number);
        if first {
            segment.settle_due();
        }
        let mut left = count;
        for tag in segment.due.tags_from(if first { 0 } else { random }) {
            for entry in segment.group(tag).map(|index| segment.at(index)).filter(|e| e.expiry().is_some()) {
                visit(entry);
                left = left.saturating_sub(1);
            }
            if left == 0 {
                return;
            }
        }
    }

    /// Every entry.
    pub fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        self.segments().flat_map(Segment::entries)
    }

    /// An entry picked at random; `random` yields fresh bits.
    pub fn random(&self, mut random: impl FnMut() -> u64) -> Option<Entry> {
        if self.is_empty() {
            return None;
        }
        loop {
            // A random hash chooses segments by the share of hashes they hold.
            let segment = self.segment(self.segment_of(random().rotate_left(32)));
            if let Some(entry) = segment.random(&mut random) {
                return Some(entry);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::NewValue;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, HashSet};

    /// A hash that spreads, or one that piles everything up in a corner.
    fn hash(key: &[u8], bits: u32) -> u64 {
        let spread = rapidhash::v3::rapidhash_v3(key);
        if bits == 64 { spread } else { spread >> (64 - bits) << (64 - bits) }
    }

    fn entry(key: &[u8], value: i64, expiry: Option<i64>) -> Entry {
        Entry::new(key, NewValue::Int(value), expiry, 0, 0)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn it_is_a_map(expected in prop_oneof![Just(0usize), 0usize..20_000], bits in prop_oneof![Just(64u32), Just(3), Just(14)], ops in proptest::collection::vec((0u16..400, 0u8..4, 0i64..50), 1..1500)) {
            let (mut table, mut model) = (Table::default(), BTreeMap::<Vec<u8>, (i64, Option<i64>)>::new());
            table.expect(expected);
            for (key, op, number) in ops {
                let key = key.to_be_bytes().to_vec();
                let (h, of) = (hash(&key, bits), |k: &[u8]| hash(k, bits));
                let expiry = (number % 3 == 0).then_some(number);
                match (op, table.find(h, &key)) {
                    (0, Some(place)) => {
                        let old = table.replace(place, h, entry(&key, number, expiry));
                        // SAFETY: it has left the table.
                        #[allow(unsafe_code)]
                        unsafe { old.free() };
                        model.insert(key, (number, expiry));
                    }
                    (1, Some(place)) => {
                        let old = table.remove(place);
                        // SAFETY: it has left the table.
                        #[allow(unsafe_code)]
                        unsafe { old.free() };
                        prop_assert!(model.remove(&key).is_some());
                    }
                    (0 | 2, None) => {
                        table.insert(h, entry(&key, number, expiry), of);
                        prop_assert!(model.insert(key, (number, expiry)).is_none());
                    }
                    (_, found) => prop_assert_eq!(found.map(|p| table.at(p).key()), model.get_key_value(&key).map(|(k, _)| &k[..])),
                }
                prop_assert_eq!(table.len(), model.len());
                prop_assert_eq!(table.volatile(), model.values().filter(|v| v.1.is_some()).count());
            }
            let mut seen: Vec<Vec<u8>> = table.entries().map(|e| e.key().to_vec()).collect();
            seen.sort();
            prop_assert!(seen.iter().eq(model.keys()));
            // All that is due by 25 comes up, and nothing else.
            let mut due = vec![];
            while let Some(place) = table.next_due(25) {
                let gone = table.remove(place);
                due.push(gone.key().to_vec());
                // SAFETY: it has left the table.
                #[allow(unsafe_code)]
                unsafe { gone.free() };
            }
            due.sort();
            let expected: Vec<_> = model.iter().filter(|(_, v)| v.1.is_some_and(|at| at <= 25)).map(|(k, _)| k.clone()).collect();
            prop_assert_eq!(due, expected);
        }

        #[test]
        fn a_scan_misses_nobody_who_stays(stay in 1usize..9000, come in 0usize..9000, step in 1usize..300) {
            let mut table = Table::default();
            let of = |k: &[u8]| hash(k, 64);
            let add = |table: &mut Table, n: usize| {
                let key = n.to_string().into_bytes();
                table.insert(of(&key), entry(&key, 0, None), of);
            };
            (0..stay).for_each(|n| add(&mut table, n));
            let (mut seen, mut position, mut newcomers) = (HashSet::new(), Some(0), stay..stay + come);
            while let Some(from) = position {
                let mut count = step;
                position = table.scan(from, &mut count, &mut |e| { seen.insert(e.key().to_vec()); });
                newcomers.by_ref().take(step).for_each(|n| add(&mut table, n));
            }
            for n in 0..stay {
                prop_assert!(seen.contains(n.to_string().as_bytes()), "{} of {}", n, stay);
            }
        }
    }

    #[test]
    fn one_partition_may_hold_a_million() {
        let mut table = Table::default();
        let of = |k: &[u8]| hash(k, 64);
        for n in 0..1_000_000u32 {
            let key = n.to_be_bytes();
            table.insert(of(&key), entry(&key, n as i64, None), of);
        }
        assert!(table.segments().all(|s| s.count() <= 4096));
        assert!((0..1_000_000u32).all(|n| table.find(of(&n.to_be_bytes()), &n.to_be_bytes()).is_some()));
        assert!(table.footprint() < 12_500_000, "slots take 10 to 12 bytes a key: {}", table.footprint());
        let mut seed = 1u64;
        assert!(
            table
                .random(|| {
                    seed = seed.wrapping_mul(6364136223846793005).wrapping_add(99);
                    seed >> 20
                })
                .is_some()
        );
    }
}
