//! One range of hashes: slots in the order of their tags, each as near as can be to its home.

use super::slot::{Item, Slot, Tag};

/// The most homes of a segment; above that it splits. 8 KiB of slots.
const MAX_HOMES: usize = 1024;
/// Homes of a new segment.
const MIN_HOMES: usize = 16;
/// Slots behind the homes, for what the last homes displace; the last one stays empty.
const TAIL: usize = 16;
/// The most slots, and more than the most items.
pub(super) const MAX_SLOTS: usize = MAX_HOMES + TAIL;
pub(super) const TAG_BITS: u32 = Tag::BITS;

/// Items whose hashes share the leading bits.
#[derive(Clone)]
pub(super) struct Segment<T: Item> {
    /// Leading hash bits that all its items share.
    pub(super) depth: u32,
    homes: usize,
    pub(super) len: usize,
    /// `homes` slots and the tail.
    pub(super) slots: Box<[Option<Slot<T>>]>,
}

#[inline]
fn home(tag: Tag, homes: usize) -> usize {
    (usize::from(tag) * homes) >> TAG_BITS
}

/// The next size up: by a half while small, then by a quarter, and exactly to the size that splits.
fn grown(homes: usize) -> usize {
    let next = if homes < 64 { homes + homes / 2 } else { homes + homes / 4 };
    if homes < MAX_HOMES { next.min(MAX_HOMES) } else { next }
}

impl<T: Item> Segment<T> {
    fn with_homes(depth: u32, homes: usize, tail: usize) -> Self {
        let slots = std::iter::repeat_with(|| None).take(homes + tail).collect();
        Segment { depth, homes, len: 0, slots }
    }

    /// A segment with room for some more than these items, which come in the order of their tags.
    fn filled(depth: u32, homes: usize, mut items: Vec<Slot<T>>) -> Self {
        let mut tail = TAIL;
        loop {
            let mut segment = Segment::with_homes(depth, homes.max(MIN_HOMES), tail);
            match segment.fill(items) {
                Ok(()) => return segment,
                // So many equal tags that only a longer tail holds them.
                Err(back) => (items, tail) = (back, tail * 2),
            }
        }
    }

    /// Puts items in order into empty slots; gives them back where they do not fit.
    fn fill(&mut self, items: Vec<Slot<T>>) -> Result<(), Vec<Slot<T>>> {
        let (homes, last) = (self.homes, self.slots.len() - 1);
        let ends = items.iter().fold(0, |free, item| free.max(home(item.tag(), homes)) + 1);
        if ends > last {
            return Err(items);
        }
        let mut free = 0;
        self.len = items.len();
        for item in items {
            let at = free.max(home(item.tag(), homes));
            self.slots[at] = Some(item);
            free = at + 1;
        }
        Ok(())
    }

    /// An empty segment.
    pub(super) fn new() -> Self {
        Segment::with_homes(0, MIN_HOMES, TAIL)
    }

    /// The tag of a hash here.
    pub(super) fn tag(&self, hash: u64) -> Tag {
        ((hash << self.depth) >> (u64::BITS - TAG_BITS)) as Tag
    }

    #[inline]
    pub(super) fn find(&self, hash: u64, is: impl Fn(T::Look<'_>) -> bool) -> Option<usize> {
        let tag = self.tag(hash);
        let from = home(tag, self.homes);
        for (at, slot) in self.slots[from..].iter().enumerate() {
            match slot {
                Some(item) if item.tag() < tag => {}
                Some(item) if item.tag() == tag => {
                    if is(item.look()) {
                        return Some(from + at);
                    }
                }
                _ => break,
            }
        }
        None
    }

    /// Where a lookup begins.
    pub(super) fn home_address(&self, hash: u64) -> usize {
        std::ptr::from_ref(&self.slots[home(self.tag(hash), self.homes)]) as usize
    }

    /// The address of the first item with the tag of `hash`: most likely the one looked for.
    pub(super) fn likely(&self, hash: u64) -> Option<usize> {
        let tag = self.tag(hash);
        let near = self.slots[home(tag, self.homes)..].iter().map_while(Option::as_ref);
        near.take_while(|slot| slot.tag() <= tag).find(|slot| slot.tag() == tag).map(Slot::address)
    }

    fn is_loaded(&self) -> bool {
        (self.len + 1) * 8 > self.homes * 7
    }

    /// Whether one more item would ask for more homes than a segment may have.
    pub(super) fn must_split(&self) -> bool {
        self.is_loaded() && self.homes >= MAX_HOMES
    }

    /// Adds an item.
    pub(super) fn insert(&mut self, hash: u64, item: T) {
        if self.is_loaded() {
            self.resize(grown(self.homes));
        }
        let mut slot = Slot::new(item, self.tag(hash));
        while let Err(back) = self.place(slot) {
            slot = back;
            self.resize(grown(self.homes));
        }
    }

    /// Puts an item in its place; gives it back where the tail is full.
    fn place(&mut self, item: Slot<T>) -> Result<(), Slot<T>> {
        let (tag, last) = (item.tag(), self.slots.len() - 1);
        let behind = |slot: &Option<Slot<T>>| slot.as_ref().is_none_or(|other| other.tag() > tag);
        let from = home(tag, self.homes);
        let Some(at) = self.slots[from..last].iter().position(behind).map(|at| from + at) else {
            return Err(item);
        };
        let Some(free) = self.slots[at..last].iter().position(Option::is_none) else { return Err(item) };
        self.slots[at..=at + free].rotate_right(1);
        self.slots[at] = Some(item);
        self.len += 1;
        Ok(())
    }

    /// Takes an item out; those behind it that are not at home move up.
    pub(super) fn remove(&mut self, at: usize) -> Option<T> {
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
        Some(removed.into_item())
    }

    /// Lets `change` make another item of the one at a slot, of the same hash.
    pub(super) fn update<R>(&mut self, at: usize, change: impl FnOnce(&mut T) -> R) -> Option<R> {
        let slot = self.slots[at].take()?;
        let (tag, mut item) = (slot.tag(), slot.into_item());
        let result = change(&mut item);
        self.slots[at] = Some(Slot::new(item, tag));
        Some(result)
    }

    /// An item picked by random numbers; `None` if there is none.
    pub(super) fn random(&self, random: &mut impl FnMut() -> u64) -> Option<T::Look<'_>> {
        if self.len == 0 {
            return None;
        }
        loop {
            if let Some(slot) = &self.slots[(random() % self.slots.len() as u64) as usize] {
                return Some(slot.look());
            }
        }
    }

    /// Moves all items, in order, to another number of homes. Looks at none.
    fn resize(&mut self, homes: usize) {
        let items = self.take();
        *self = Segment::filled(self.depth, homes, items);
    }

    fn take(&mut self) -> Vec<Slot<T>> {
        self.slots.iter_mut().filter_map(Option::take).collect()
    }

    /// Divides the items by the next bit of their hashes; `self` keeps those with 0. Each tag moves on by a bit, so
    /// each item is hashed again.
    pub(super) fn split(&mut self) -> Self {
        let depth = self.depth + 1;
        let mut halves = [Vec::new(), Vec::new()];
        for slot in self.take() {
            let hash = T::hash(slot.look());
            let half = (hash << self.depth >> 63) as usize;
            let tag = ((hash << depth) >> (u64::BITS - TAG_BITS)) as Tag;
            halves[half].push(Slot::new(slot.into_item(), tag));
        }
        let [low, high] = halves.map(|mut half| {
            half.sort_by_key(Slot::tag);
            Segment::filled(depth, half.len() * 5 / 4, half)
        });
        *self = low;
        high
    }

    /// Visits whole groups of equal tags from `tag` on until `left` is 0. Answers the tag to go on with.
    pub(super) fn scan(&self, tag: Tag, left: &mut usize, visit: &mut dyn FnMut(T::Look<'_>)) -> Option<Tag> {
        let mut done = None;
        for item in self.slots[home(tag, self.homes)..].iter().flatten().filter(|m| m.tag() >= tag) {
            if *left == 0 && done != Some(item.tag()) {
                return Some(item.tag());
            }
            visit(item.look());
            *left = left.saturating_sub(1);
            done = Some(item.tag());
        }
        None
    }
}
