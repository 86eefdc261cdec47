//! The cut: a point in time of the whole keyspace that costs a moment, and the traversal that reads it at leisure.
//!
//! Every entry has a tag of 8 bits. A cut takes exclusive access, moves the epoch on by one, and is done: entries whose tag is
//! the epoch were saved already or are younger than the cut, all others belong to it. Only equality counts, never order.
//! A [`Traversal`] then goes through the tables a few entries at a time. Whoever changes an entry that it has not reached leaves
//! the *pre-image* first ([`View::touch_for_write`](crate::View)): a value that is about to go is moved to the traversal's queue,
//! a small one is copied there. Nobody ever copies a large one: the traversal *latches* it, which means that it does not change
//! until it is saved, reads it without any lock while others read it too, and commands that would change it are asked to wait
//! ([`View::must_wait`](crate::View::must_wait)).
//!
//! A cursor stands in each table, so SWAPDB moves it along; tables that FLUSHALL takes away are handed over as they are.
//! One cut at a time: the next can be taken when every entry has the epoch's tag, after a cancelled one too.

#![allow(unsafe_code)]

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering::Relaxed};

use data::ObjectRef;
use parking_lot::{Condvar, Mutex};

use crate::entry::{Entry, OwnedEntry, Str};
use crate::gate::Inside;
use crate::keyspace::{Keyspace, Member, Size};
use crate::partition::{Contents, PARTITIONS};
use crate::table::Table;
use crate::view::View;

/// Entries looked at in one hold of a partition's lock: some microseconds.
const SLICE: usize = 32;
/// Bytes of pre-images above which whoever would add one is asked to wait.
const MAX_QUEUED: usize = 32 << 20;
/// Allocations, and bytes, up to which a value is small: copied in some microseconds at most.
const SMALL: (usize, usize) = (64, 64 << 10);

/// An entry as it was at the cut.
#[derive(Clone, Copy, Debug)]
pub struct Image<'a> {
    /// The number that its database had.
    pub db: u32,
    /// The key.
    pub key: &'a [u8],
    /// The value.
    pub value: ImageValue<'a>,
    /// When it is due, in Unix milliseconds.
    pub expiry: Option<i64>,
    /// The 24 bits of LRU clock or LFU state.
    pub access: u32,
}

/// A value as it was at the cut.
#[derive(Clone, Copy, Debug)]
pub enum ImageValue<'a> {
    /// A string.
    Str(Str<'a>),
    /// A value of another type.
    Object(ObjectRef<'a>),
}

/// A copy of an entry as it was at the cut, or the entry itself where it has left its table.
#[derive(Debug)]
pub struct OwnedImage {
    db: u32,
    entry: OwnedEntry,
}

impl OwnedImage {
    /// What it is an image of.
    pub fn image(&self) -> Image<'_> {
        Image::of(self.db, self.entry.get())
    }

    /// Bytes of memory.
    pub fn footprint(&self) -> usize {
        self.entry.get().footprint()
    }
}

impl Image<'_> {
    /// All that is to know of an entry, so that its header need not be read again: readers note their accesses there.
    fn of<'a>(db: u32, entry: Entry) -> Image<'a> {
        let value = entry.object().map_or_else(|| ImageValue::Str(entry.str()), ImageValue::Object);
        Image { db, key: entry.key(), value, expiry: entry.expiry(), access: entry.access() }
    }
}

/// What the keyspace knows of the cut under way.
#[derive(Default)]
pub struct Cut {
    phase: AtomicU8,
    /// Bytes of the entries in the queue.
    queued: AtomicUsize,
    /// Somebody waits for a large value to be saved: the traversal is not to wait for anything itself.
    urgent: AtomicBool,
    /// Clients wait for a large value or for room.
    parked: AtomicBool,
    flow: Mutex<Flow>,
    latch: Mutex<Latch>,
    released: Condvar,
    /// Pre-images of large values that had to be copied, since no command had named their keys.
    pub stalls: AtomicUsize,
}

/// Every entry has the epoch's tag.
const IDLE: u8 = 0;
/// Entries with another tag are to be saved.
const SAVING: u8 = 1;
/// Entries with another tag are left over from a save that was cancelled.
const RETAGGING: u8 = 2;

/// What others leave for the traversal.
#[derive(Default)]
struct Flow {
    /// Pre-images.
    images: VecDeque<OwnedImage>,
    /// Large values that somebody waits to change: where they are now.
    wanted: VecDeque<(u32, Box<[u8]>)>,
    /// Tables that left the keyspace.
    detached: Vec<Table>,
}

/// The one large value that is being saved outside of all locks.
#[derive(Default)]
struct Latch {
    entry: Option<Entry>,
    /// It is saved: whoever holds its partition next sets the tag.
    saved: bool,
    /// It was to be freed meanwhile.
    owned: Option<OwnedEntry>,
}

impl Cut {
    /// Whether there are entries to save.
    #[inline]
    pub fn is_saving(&self) -> bool {
        self.phase.load(Relaxed) == SAVING
    }

    /// Whether a cut is being read, or what is left of a cancelled one cleared away: another can't be taken.
    pub fn is_taken(&self) -> bool {
        self.phase.load(Relaxed) != IDLE
    }

    /// Whether somebody waits for a value that is being saved.
    pub fn is_urgent(&self) -> bool {
        self.urgent.load(Relaxed)
    }

    /// Bytes of pre-images that wait to be saved: memory that no eviction gives back.
    pub fn queued_bytes(&self) -> usize {
        self.queued.load(Relaxed)
    }

    /// Whether there are so many pre-images that no more should come for now.
    pub(crate) fn is_full(&self) -> bool {
        self.queued.load(Relaxed) > MAX_QUEUED
    }

    /// Gives up what is not saved yet.
    pub fn cancel(&self) {
        let _ = self.phase.compare_exchange(SAVING, RETAGGING, Relaxed, Relaxed);
    }

    /// Gives the cut up if tables that have left the keyspace are kept for it alone.
    pub fn give_up_detached(&self) {
        if self.is_saving() && !self.flow.lock().detached.is_empty() {
            self.cancel();
        }
    }

    /// Takes an entry of the cut that has left its table, and gives it back if it need not be saved any more.
    #[cold]
    pub(crate) fn keep(&self, db: u32, entry: OwnedEntry) -> Option<OwnedEntry> {
        let mut latch = self.latch.lock();
        if latch.entry == Some(entry.get()) {
            if latch.saved {
                *latch = Latch::default();
                return Some(entry);
            }
            latch.owned = Some(entry);
            return None;
        }
        drop(latch);
        if !self.is_saving() {
            return Some(entry);
        }
        self.queue(db, entry);
        None
    }

    fn queue(&self, db: u32, entry: OwnedEntry) {
        let image = OwnedImage { db, entry };
        self.queued.fetch_add(image.footprint(), Relaxed);
        self.flow.lock().images.push_back(image);
    }

    /// Takes some pre-images, about so many bytes at most, to be saved by whoever asks: any thread, at any time. It then says
    /// [`Cut::saved`].
    pub fn take_images(&self, bytes: usize, into: &mut Vec<OwnedImage>) {
        if self.queued.load(Relaxed) == 0 {
            return;
        }
        let (mut flow, mut taken) = (self.flow.lock(), 0);
        while taken < bytes
            && let Some(image) = flow.images.pop_front()
        {
            taken += image.footprint();
            into.push(image);
        }
    }

    /// Frees pre-images that are saved, and makes room for others.
    pub fn saved(&self, images: &mut Vec<OwnedImage>) {
        let bytes = images.iter().map(OwnedImage::footprint).sum();
        images.clear();
        self.queued.fetch_sub(bytes, Relaxed);
    }

    /// Saves an entry of the cut that is about to change: where it is latched, when that is done. The entry's partition is
    /// held. It is tagged in the end.
    #[cold]
    pub(crate) fn copy(&self, db: u32, entry: Entry, epoch: u8) {
        let mut latch = self.latch.lock();
        if latch.entry == Some(entry) {
            self.urgent.store(true, Relaxed);
            while !latch.saved {
                self.released.wait(&mut latch);
            }
            *latch = Latch::default();
        } else if self.is_saving() {
            drop(latch);
            self.stalls.fetch_add(is_large(entry) as usize, Relaxed);
            self.queue(db, OwnedEntry::copy(entry));
        }
        entry.set_tag(epoch);
    }

    /// Asks for a large value to be saved soon; somebody waits to change it.
    pub(crate) fn want(&self, db: u32, key: &[u8]) {
        let mut flow = self.flow.lock();
        if !flow.wanted.iter().any(|(d, k)| *d == db && **k == *key) {
            flow.wanted.push_back((db, key.into()));
        }
        self.urgent.store(true, Relaxed);
        self.parked.store(true, Relaxed);
    }

    /// Asks to be told when there is room for pre-images.
    pub(crate) fn await_room(&self) {
        self.parked.store(true, Relaxed);
    }

    /// Whether those who wait may try again; once.
    pub fn may_resume(&self) -> bool {
        self.parked.load(Relaxed)
            // Not at every little room: all that wait would come for it.
            && self.queued.load(Relaxed) <= MAX_QUEUED / 2
            && self.flow.lock().wanted.is_empty()
            && self.parked.swap(false, Relaxed)
    }

    /// Takes over a table that leaves the keyspace, and gives it back if there is nothing in it to save. The traversal of a
    /// cancelled cut may still be reading an entry of it.
    pub(crate) fn detach(&self, table: Table) -> Option<Table> {
        if table.cursor.is_none() {
            return Some(table);
        }
        self.flow.lock().detached.push(table);
        None
    }
}

/// Whether copying a value takes longer than a command should.
pub(crate) fn is_large(entry: Entry) -> bool {
    let large = |object: ObjectRef| object.effort() > SMALL.0 || object.footprint() > SMALL.1;
    entry.object().is_some_and(large)
}

/// Where a traversal stands within a table.
#[derive(Clone, Copy, Debug)]
pub struct CutCursor {
    /// The number that the table's database had at the cut.
    db: u32,
    /// The position in hash order, as [`Table::scan`] has it.
    position: u64,
}

impl CutCursor {
    /// The number that the table's database had at the cut.
    pub(crate) fn db(self) -> u32 {
        self.db
    }
}

impl Keyspace {
    /// Takes a cut, by exclusive access; `None` while the traversal of the one before goes on.
    ///
    /// # Panics
    /// Where the view is not one of everything.
    pub fn cut(&self, everything: &View) -> Option<Traversal<'_>> {
        assert!(everything.is_exclusive(), "a cut needs exclusive access");
        self.cut.phase.compare_exchange(IDLE, SAVING, Relaxed, Relaxed).ok()?;
        self.cut.stalls.store(0, Relaxed);
        let epoch = self.advance_epoch();
        let sizes: Vec<Size> = (0..self.databases()).map(|db| self.size(db)).collect();
        for partition in 0..PARTITIONS {
            // SAFETY: exclusive access; no other reference to the contents lives.
            let contents = unsafe { self.partition(partition).contents() };
            for (db, table) in contents.tables_mut().filter(|(_, table)| !table.is_empty()) {
                table.cursor = Some(CutCursor { db, position: 0 });
            }
        }
        Some(Traversal { keyspace: self, epoch, partition: 0, sizes, seen: 0 })
    }
}

impl View<'_> {
    /// Visits every entry, database by database, by exclusive access.
    ///
    /// # Panics
    /// Where the view is not one of everything.
    pub fn each_image(&mut self, visit: &mut dyn FnMut(Image<'_>)) {
        assert!(self.is_exclusive(), "all there is takes exclusive access");
        let keyspace = self.keyspace();
        for (db, partition) in (0..keyspace.databases()).flat_map(|db| (0..PARTITIONS).map(move |p| (db, p)))
        {
            // SAFETY: exclusive access, and `self` is borrowed.
            let contents = unsafe { keyspace.partition(partition).contents() };
            contents
                .table(db)
                .into_iter()
                .flat_map(Table::entries)
                .for_each(|entry| visit(Image::of(db, entry)));
        }
    }
}

/// Reads a cut, step by step, in one thread beside all others. After [`Cut::cancel`] too it goes on until it is done: the next
/// cut begins where every entry is tagged.
pub struct Traversal<'a> {
    keyspace: &'a Keyspace,
    epoch: u8,
    /// Partitions below are done.
    partition: usize,
    sizes: Vec<Size>,
    seen: usize,
}

/// What is done with an entry that stays where it is; it may take its time.
type Save<'s> = &'s mut dyn FnMut(Image<'_>);

impl<'a> Traversal<'a> {
    /// How many keys each database had at the cut.
    pub fn sizes(&self) -> &[Size] {
        &self.sizes
    }

    /// Keys seen so far; of pre-images knows who takes them.
    pub fn seen(&self) -> usize {
        self.seen
    }

    /// Goes on: some entries that were not seen before are copied into `copies`, or, where they are large, given to `save`.
    /// Answers whether there are more. When there are none, and no pre-images either, [`Traversal::end`] ends the cut.
    pub fn step(&mut self, member: &Member<'a>, copies: &mut Vec<OwnedImage>, save: Save) -> bool {
        if self.save_wanted(member, save) {
            return true;
        }
        // Nobody waits who could be served: those who come now say so again.
        self.keyspace.cut.urgent.store(false, Relaxed);
        if let Some(table) = self.take_detached() {
            self.save_detached(table, save);
            return true;
        }
        let before = copies.len();
        let more = self.save_slice(member, copies, save);
        self.seen += copies.len() - before;
        more || !self.keyspace.cut.flow.lock().detached.is_empty()
    }

    /// Ends a cut that was read, or given up.
    ///
    /// # Panics
    /// Where there are entries left to step over.
    pub fn end(self) {
        let cut = &self.keyspace.cut;
        let mut flow = cut.flow.lock();
        assert!(self.partition == PARTITIONS && flow.detached.is_empty(), "a cut ends when it is read");
        // After a cancelled one there may be some that nobody has taken.
        let mut left: Vec<OwnedImage> = flow.images.drain(..).collect();
        flow.wanted.clear();
        drop(flow);
        cut.saved(&mut left);
        cut.phase.store(IDLE, Relaxed);
    }

    /// Saves a large value that somebody waits to change. Answers whether there was one.
    fn save_wanted(&mut self, member: &Member<'a>, save: Save) -> bool {
        let Some((db, key)) = self.keyspace.cut.flow.lock().wanted.pop_front() else { return false };
        let key = self.keyspace.key(&key);
        let inside = member.gate.enter();
        let mut hold = Hold::new(self.keyspace, key.partition(), &inside);
        let found = hold.contents().table(db).and_then(|table| {
            let origin = table.cursor?.db;
            let entry = table.at(table.find(key.within(), key.bytes)?);
            (entry.tag() != self.epoch).then_some((origin, entry))
        });
        if let Some((origin, entry)) = found {
            self.save_large(member, (key.partition(), hold, inside), origin, entry, save);
        }
        true
    }

    fn take_detached(&self) -> Option<Table> {
        self.keyspace.cut.flow.lock().detached.pop()
    }

    fn save_detached(&mut self, table: Table, save: Save) {
        let Some(CutCursor { db, .. }) = table.cursor else { return };
        for entry in table.entries().filter(|entry| entry.tag() != self.epoch) {
            if !self.keyspace.cut.is_saving() {
                return;
            }
            save(Image::of(db, entry));
            self.seen += 1;
        }
    }

    /// Copies the next few entries of the tables. Answers whether there may be more.
    fn save_slice(&mut self, member: &Member<'a>, copies: &mut Vec<OwnedImage>, save: Save) -> bool {
        let Some(partition) = self.next_partition() else { return false };
        let inside = member.gate.enter();
        let mut hold = Hold::new(self.keyspace, partition, &inside);
        let Some((table, CutCursor { db, position })) = hold.contents().unsaved() else {
            self.partition += 1;
            return true;
        };
        let (is_saving, epoch) = (self.keyspace.cut.is_saving(), self.epoch);
        let mut large = None;
        let next = table.scan(position, &mut { SLICE }, &mut |entry| {
            if entry.tag() == epoch {
                return;
            }
            if is_saving && is_large(entry) {
                large = large.or(Some(entry));
                return;
            }
            if is_saving {
                copies.push(OwnedImage { db, entry: OwnedEntry::copy(entry) });
            }
            entry.set_tag(epoch);
        });
        match large {
            // The slice is seen again, until there is no large one left in it.
            Some(entry) => self.save_large(member, (partition, hold, inside), db, entry, save),
            None => {
                table.cursor = next.map(|position| CutCursor { db, position });
                drop((hold, inside));
            }
        }
        true
    }

    fn next_partition(&self) -> Option<usize> {
        Some(self.partition).filter(|partition| *partition < PARTITIONS)
    }

    /// Latches an entry of a partition that is held, and saves it after all is unlocked.
    fn save_large(
        &mut self,
        member: &Member<'a>,
        (partition, hold, inside): (usize, Hold<'_>, Inside<'_>),
        db: u32,
        entry: Entry,
        save: Save,
    ) {
        let cut = &self.keyspace.cut;
        *cut.latch.lock() = Latch { entry: Some(entry), ..Latch::default() };
        let image = Image::of(db, entry);
        drop(hold);
        drop(inside);
        save(image);
        self.seen += 1;
        let owned = {
            let mut latch = cut.latch.lock();
            latch.saved = true;
            if latch.owned.is_some() {
                latch.entry = None;
            }
            latch.owned.take()
        };
        cut.released.notify_all();
        drop(owned);
        let inside = member.gate.enter();
        let _hold = Hold::new(self.keyspace, partition, &inside);
        // Whoever has changed or freed it meanwhile has taken it out of the latch.
        if let Some(entry) = std::mem::take(&mut *cut.latch.lock()).entry {
            entry.set_tag(self.epoch);
        }
    }
}

impl Drop for Traversal<'_> {
    /// Nobody saves pre-images for a traversal that has failed.
    fn drop(&mut self) {
        self.keyspace.cut.cancel();
    }
}

/// A partition that the traversal has locked.
struct Hold<'h> {
    keyspace: &'h Keyspace,
    partition: usize,
}

impl<'h> Hold<'h> {
    /// Locks it; the thread is inside its gate.
    fn new(keyspace: &'h Keyspace, partition: usize, _inside: &Inside<'_>) -> Hold<'h> {
        keyspace.partition(partition).lock();
        Hold { keyspace, partition }
    }

    fn contents(&mut self) -> &mut Contents {
        // SAFETY: the lock is held for as long as `self` lives, which is borrowed while the contents are.
        unsafe { self.keyspace.partition(self.partition).contents() }
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        // SAFETY: `new` has locked it.
        unsafe { self.keyspace.partition(self.partition).unlock() }
    }
}
