//! The keyspace: all partitions, and what concerns them as a whole.

#![allow(unsafe_code)]

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, Ordering::Relaxed};

use data::Step;
use rapidhash::v3::{RapidSecrets, rapidhash_v3_seeded};

use crate::access::AccessPolicy;
use crate::cut::Cut;
use crate::gate::{GateKey, Gates};
use crate::partition::{PARTITIONS, Partition};
use crate::table::{POSITION_BITS, Table};

/// Every key of every database.
pub struct Keyspace {
    partitions: Box<[Partition]>,
    databases: u32,
    secrets: RapidSecrets,
    /// The epoch of the last cut: entries with this tag were saved by it, or are younger.
    epoch: AtomicU8,
    /// The cut under way.
    pub cut: Cut,
    /// How accesses to entries are remembered.
    pub access: AccessPolicy,
    /// RESTORE takes payloads with a wrong checksum (DEBUG SET-SKIP-CHECKSUM-VALIDATION).
    pub trusts_payloads: AtomicBool,
    gates: Gates,
    counters: Box<[Counters]>,
    /// For each database a bit a partition: it may have keys there.
    occupied: Box<[[AtomicU64; PARTITIONS / 64]]>,
}

/// What one thread has counted; only that thread writes it.
#[repr(align(128))]
#[derive(Default)]
pub struct Counters {
    /// Keys added less keys removed, by database.
    keys: Box<[AtomicI64]>,
    /// The same of keys with an expiry.
    volatile: Box<[AtomicI64]>,
    /// The same of hashes with fields that are due one day.
    timed: Box<[AtomicI64]>,
    /// Keys deleted because they were due.
    pub expired: AtomicU64,
    /// Fields of hashes deleted because they were due.
    pub expired_fields: AtomicU64,
    /// Keys evicted to make room.
    pub evicted: AtomicU64,
    /// Lookups for reading that found a key.
    pub hits: AtomicU64,
    /// Lookups for reading that found none.
    pub misses: AtomicU64,
    /// Changes, as commands count them.
    pub changes: AtomicU64,
    /// The state of the thread's random numbers.
    random: AtomicU64,
}

/// Adds without an atomic read-modify-write: the counter has one writer.
#[inline]
pub(crate) fn bump(counter: &AtomicU64) {
    counter.store(counter.load(Relaxed) + 1, Relaxed);
}

#[inline]
fn add(counter: &AtomicI64, n: i64) {
    counter.store(counter.load(Relaxed) + n, Relaxed);
}

impl Counters {
    fn new(databases: u32, seed: u64) -> Counters {
        let zeros = || (0..databases).map(|_| AtomicI64::new(0)).collect();
        // xorshift stays at zero for ever.
        Counters {
            keys: zeros(),
            volatile: zeros(),
            timed: zeros(),
            random: AtomicU64::new(seed | 1),
            ..Counters::default()
        }
    }

    /// Random bits, good enough for sampling (xorshift64*).
    pub(crate) fn random(&self) -> u64 {
        let mut state = self.random.load(Relaxed);
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        self.random.store(state, Relaxed);
        state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    #[inline]
    pub(crate) fn count(&self, db: u32, keys: i64, volatile: i64) {
        add(&self.keys[db as usize], keys);
        if volatile != 0 {
            add(&self.volatile[db as usize], volatile);
        }
    }

    #[inline]
    pub(crate) fn count_timed(&self, db: u32, timed: i64) {
        if timed != 0 {
            add(&self.timed[db as usize], timed);
        }
    }
}

/// One thread's membership: its gate and its counters.
pub struct Member<'a> {
    /// The keyspace.
    pub keyspace: &'a Keyspace,
    /// The thread's way in.
    pub gate: GateKey<'a>,
    /// The thread's counters.
    pub counters: &'a Counters,
}

/// How many keys a database has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// All keys.
    pub keys: usize,
    /// Those with an expiry.
    pub volatile: usize,
    /// Hashes with fields that are due one day.
    pub timed: usize,
}

/// A key, and the hash that says where it is.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    /// The key's bytes.
    pub bytes: &'a [u8],
    /// Its hash under the keyspace's seed.
    pub hash: u64,
}

impl Key<'_> {
    /// The number of its partition.
    #[inline]
    pub fn partition(&self) -> usize {
        partition_of(self.hash)
    }

    /// The hash within its partition.
    #[inline]
    pub fn within(&self) -> u64 {
        within(self.hash)
    }
}

const PARTITION_BITS: u32 = PARTITIONS.trailing_zeros();

/// The partition of a hash: its leading bits.
#[inline]
pub fn partition_of(hash: u64) -> usize {
    (hash >> (64 - PARTITION_BITS)) as usize
}

#[inline]
fn within(hash: u64) -> u64 {
    hash << PARTITION_BITS
}

impl Keyspace {
    /// An empty keyspace of `databases` databases, for at most `threads` threads at once.
    pub fn new(databases: u32, threads: usize) -> Keyspace {
        let mut seed = [0; 8];
        // Without randomness from the system keys still hash well, only predictably.
        let _ = getrandom::fill(&mut seed);
        let secrets = RapidSecrets::seed(u64::from_le_bytes(seed));
        let random = |thread: usize| rapidhash_v3_seeded(&thread.to_le_bytes(), &secrets);
        Keyspace {
            partitions: (0..PARTITIONS).map(|_| Partition::default()).collect(),
            databases,
            secrets,
            epoch: AtomicU8::new(1),
            cut: Cut::default(),
            access: AccessPolicy::default(),
            trusts_payloads: AtomicBool::new(false),
            gates: Gates::new(threads),
            counters: (0..threads).map(|thread| Counters::new(databases, random(thread))).collect(),
            occupied: (0..databases).map(|_| [const { AtomicU64::new(0) }; PARTITIONS / 64]).collect(),
        }
    }

    /// Makes this thread a member: it may enter from now on.
    pub fn join(&self) -> Member<'_> {
        let gate = self.gates.take();
        let counters = &self.counters[gate.number()];
        Member { keyspace: self, gate, counters }
    }

    /// Number of databases.
    pub fn databases(&self) -> u32 {
        self.databases
    }

    /// Hashes a key.
    #[inline]
    pub fn key<'k>(&self, bytes: &'k [u8]) -> Key<'k> {
        Key { bytes, hash: self.hash(bytes) }
    }

    /// The hash of a key's bytes.
    #[inline]
    pub fn hash(&self, bytes: &[u8]) -> u64 {
        rapidhash_v3_seeded(bytes, &self.secrets)
    }

    /// The hash of a key's bytes within its partition.
    pub(crate) fn hash_within(&self, bytes: &[u8]) -> u64 {
        within(self.hash(bytes))
    }

    /// A partition by its number.
    #[inline]
    pub fn partition(&self, number: usize) -> &Partition {
        &self.partitions[number]
    }

    /// The epoch of the last cut.
    #[inline]
    pub fn epoch(&self) -> u8 {
        self.epoch.load(Relaxed)
    }

    /// Begins another epoch: from here on entries with another tag are older. Called under exclusive access.
    pub(crate) fn advance_epoch(&self) -> u8 {
        let next = self.epoch().checked_add(1).unwrap_or(1);
        self.epoch.store(next, Relaxed);
        next
    }

    /// First stage of a prefetch: the slot where the key's lookup begins. Needs neither gate nor lock.
    #[inline]
    pub fn prefetch_slot(&self, hash: u64) {
        let partition = &self.partitions[partition_of(hash)];
        crate::entry::prefetch(partition.hint((within(hash) >> 48) as u16));
    }

    /// Second stage: the entry itself. Skipped if the partition is contended. The caller is inside its gate.
    #[inline]
    pub fn prefetch_entry(&self, db: u32, hash: u64) {
        self.peek_table(db, hash, Table::prefetch_entry);
    }

    /// Further stages, for commands of collections: what a lookup of an element reads at this step in the value. As the second.
    /// Answers whether there are further steps.
    #[inline]
    pub fn prefetch_element(&self, db: u32, hash: u64, step: Step, element: &[u8]) -> bool {
        self.peek_table(db, hash, |table, hash| table.prefetch_element(hash, step, element)).unwrap_or(false)
    }

    /// Looks at a table, unless it is contended.
    #[inline]
    pub(crate) fn peek_table<R>(&self, db: u32, hash: u64, work: impl FnOnce(&Table, u64) -> R) -> Option<R> {
        let partition = &self.partitions[partition_of(hash)];
        if !partition.try_lock() {
            return None;
        }
        // SAFETY: the lock was taken above, and is given back here.
        unsafe {
            let result = partition.contents().table(db).map(|table| work(table, within(hash)));
            partition.unlock();
            result
        }
    }

    /// Keys of a database, by the threads' counters: exact while nobody writes.
    pub fn size(&self, db: u32) -> Size {
        let sum = |of: &dyn Fn(&Counters) -> &AtomicI64| -> usize {
            self.counters.iter().map(|c| of(c).load(Relaxed)).sum::<i64>().max(0) as usize
        };
        let db = db as usize;
        Size {
            keys: sum(&|c| &c.keys[db]),
            volatile: sum(&|c| &c.volatile[db]),
            timed: sum(&|c| &c.timed[db]),
        }
    }

    /// The sum of a counter over all threads.
    pub fn total(&self, of: impl Fn(&Counters) -> &AtomicU64) -> u64 {
        self.counters.iter().map(|c| of(c).load(Relaxed)).sum()
    }

    /// Sets what is counted of keys and lookups to zero, for every thread (CONFIG RESETSTAT).
    pub fn reset_statistics(&self) {
        for c in &self.counters {
            [&c.expired, &c.expired_fields, &c.evicted, &c.hits, &c.misses]
                .iter()
                .for_each(|n| n.store(0, Relaxed));
        }
    }

    #[inline]
    pub(crate) fn mark_occupied(&self, db: u32, partition: usize, occupied: bool) {
        let word = &self.occupied[db as usize][partition / 64];
        let bit = 1 << (partition % 64);
        if occupied {
            word.fetch_or(bit, Relaxed);
        } else {
            word.fetch_and(!bit, Relaxed);
        }
    }

    /// Whether a partition may have keys of a database.
    pub(crate) fn is_occupied(&self, db: u32, partition: usize) -> bool {
        self.occupied[db as usize][partition / 64].load(Relaxed) >> (partition % 64) & 1 == 1
    }

    /// The first partition from `from` on that may have keys of a database.
    pub fn next_occupied(&self, db: u32, from: usize) -> Option<usize> {
        let words = &self.occupied[db as usize];
        let mut mask = !0u64 << (from % 64);
        for (i, word) in words.iter().enumerate().skip(from / 64) {
            let bits = word.load(Relaxed) & mask;
            if bits != 0 {
                return Some(i * 64 + bits.trailing_zeros() as usize);
            }
            mask = !0;
        }
        None
    }

    /// Exclusive access to every partition.
    pub fn exclusive<'a>(&'a self, member: &Member<'a>) -> Exclusive<'a> {
        Exclusive { keyspace: self, counters: member.counters, _closed: member.gate.close() }
    }
}

/// Exclusive access: every partition may be used, none is locked, and nobody else is inside.
pub struct Exclusive<'a> {
    /// The keyspace.
    pub keyspace: &'a Keyspace,
    pub(crate) counters: &'a Counters,
    _closed: crate::gate::Closed<'a>,
}

/// A SCAN cursor: a partition and a position in hash order within it; 0 is both the start and the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Number of the partition.
    pub partition: usize,
    /// Position within, of [`POSITION_BITS`] bits.
    pub position: u64,
}

impl Cursor {
    /// Reads a client's number; any is allowed, and one that is no place of ours ends the scan.
    pub fn from_number(number: u64) -> Cursor {
        let partition = (number >> POSITION_BITS) as usize;
        Cursor { partition, position: number & ((1 << POSITION_BITS) - 1) }
    }

    /// The number a client is given.
    pub fn number(self) -> u64 {
        (self.partition as u64) << POSITION_BITS | self.position
    }
}
