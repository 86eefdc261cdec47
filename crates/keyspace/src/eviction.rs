//! Which key to evict: the best of a pool that samples of the keyspace keep filling.
//!
//! As in Redis: each round samples a few keys of every database; the best ever seen wait in a pool, so that
//! a sample of five comes close to the true order over time. A candidate that was used since it entered the pool is
//! none any more. Keys stand where their hashes say, so the keys of one partition are as good a sample as any; what is
//! taken is whole neighbourhoods, each key of which was as likely. Whoever is due first needs no sample: the index of due
//! times knows the earliest of each partition.

use crate::entry::Entry;
use crate::keyspace::Keyspace;
use crate::partition::{NEVER, PARTITIONS};
use crate::view::{View, Why};

/// Candidates that are remembered.
const POOL: usize = 32;
/// Partitions picked at random before all are walked: those with keys are few.
const TRIES: usize = 64;

/// What makes a key a better candidate than another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// It was not used for longer.
    Idle,
    /// It is used less often.
    Rarity,
    /// It is due earlier.
    Due,
    /// Nothing.
    Chance,
}

/// Whom to evict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// What candidates are compared by.
    pub measure: Measure,
    /// Only keys with an expiry are candidates.
    pub volatile_only: bool,
}

/// What [`View::sample`] yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Among {
    /// Any keys.
    All,
    /// Keys with an expiry.
    Volatile,
    /// The keys that are due first.
    First,
}

impl Policy {
    fn among(self) -> Among {
        match (self.measure, self.volatile_only) {
            (Measure::Due, true) => Among::First,
            (_, true) => Among::Volatile,
            (_, false) => Among::All,
        }
    }

    /// How good a candidate an entry is; more is better.
    fn score(self, entry: Entry, keyspace: &Keyspace, now: i64, random: u64) -> u64 {
        match self.measure {
            Measure::Idle => crate::access::idle_seconds(entry.access(), now).into(),
            Measure::Rarity => (255 - keyspace.access.frequency(entry.access(), now).min(255)).into(),
            Measure::Due => entry.expiry().map_or(0, |at| u64::MAX - at.max(0) as u64),
            Measure::Chance => random,
        }
    }
}

struct Candidate {
    score: u64,
    db: u32,
    key: Box<[u8]>,
}

/// The candidates one thread remembers, the best last.
#[derive(Default)]
pub struct Pool {
    candidates: Vec<Candidate>,
    policy: Option<Policy>,
}

impl Pool {
    /// Forgets candidates that another policy has chosen.
    fn follow(&mut self, policy: Policy) {
        if self.policy.replace(policy) != Some(policy) {
            self.candidates.clear();
        }
    }

    fn offer(&mut self, score: u64, db: u32, key: &[u8]) {
        let is_full = self.candidates.len() == POOL;
        let is_known = |c: &Candidate| c.db == db && *c.key == *key;
        if is_full && self.candidates[0].score >= score || self.candidates.iter().any(is_known) {
            return;
        }
        if is_full {
            self.candidates.remove(0);
        }
        let place = self.candidates.partition_point(|c| c.score < score);
        self.candidates.insert(place, Candidate { score, db, key: key.into() });
    }
}

impl View<'_> {
    /// Evicts one key of any database: the best of what the pool and a sample of `samples` keys a database know. Answers
    /// whether there was any candidate. Locks partitions as it needs them, and keeps the evicted key's.
    pub fn evict(&mut self, pool: &mut Pool, policy: Policy, samples: usize) -> bool {
        pool.follow(policy);
        let here = self.db;
        let evicted = loop {
            if !self.offer_samples(pool, policy, samples) {
                break false;
            }
            if self.evict_best(pool, policy) {
                break true;
            }
        };
        self.db = here;
        evicted
    }

    /// Evicts the pool's best candidate that is still one.
    fn evict_best(&mut self, pool: &mut Pool, policy: Policy) -> bool {
        while let Some(Candidate { score, db, key }) = pool.candidates.pop() {
            self.db = db;
            let (keyspace, now) = (self.keyspace(), self.now);
            self.lock_one(keyspace.key(&key).partition());
            let still = self.entry(&key).is_some_and(|entry| {
                (entry.expiry().is_some() || !policy.volatile_only)
                    && (policy.measure == Measure::Chance || policy.score(entry, keyspace, now, 0) >= score)
            });
            if still {
                self.lose(&key, Why::Evicted);
                return true;
            }
        }
        false
    }

    /// Offers samples of every database that has candidates to the pool. Answers whether any has.
    fn offer_samples(&mut self, pool: &mut Pool, policy: Policy, samples: usize) -> bool {
        let keyspace = self.keyspace();
        let mut found = false;
        for db in 0..keyspace.databases() {
            let size = keyspace.size(db);
            if (if policy.volatile_only { size.volatile } else { size.keys }) > 0 {
                self.db = db;
                found |= self.offer_samples_of_db(pool, policy, samples);
            }
        }
        found
    }

    fn offer_samples_of_db(&mut self, pool: &mut Pool, policy: Policy, samples: usize) -> bool {
        let mut left = samples;
        for _ in 0..TRIES {
            let partition = self.random() as usize % PARTITIONS;
            self.offer_sample(pool, policy, partition, &mut left);
            if left == 0 {
                return true;
            }
        }
        // Keys are few and far between: any will do.
        let start = self.random() as usize % PARTITIONS;
        for step in 0..PARTITIONS {
            if left < samples {
                return true;
            }
            self.offer_sample(pool, policy, (start + step) % PARTITIONS, &mut left);
        }
        left < samples
    }

    /// Offers up to `left` keys of one partition.
    fn offer_sample(&mut self, pool: &mut Pool, policy: Policy, partition: usize, left: &mut usize) {
        let (keyspace, db, now) = (self.keyspace(), self.db, self.now);
        let has_volatile = || keyspace.partition(partition).earliest_due() != NEVER;
        if !keyspace.is_occupied(db, partition) || policy.volatile_only && !has_volatile() {
            return;
        }
        self.lock_one(partition);
        let mut luck = self.random();
        self.sample(partition, policy.among(), luck, *left, &mut |entry| {
            luck = luck.wrapping_mul(0x2545_f491_4f6c_dd1d).rotate_left(31);
            pool.offer(policy.score(entry, keyspace, now, luck), db, entry.key());
            *left = left.saturating_sub(1);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::NewValue;
    use crate::view::Expire;
    use std::collections::BTreeSet;

    /// A keyspace of `keys` keys in each of two databases, of which `prepare` says expiry and access bits.
    fn filled(keys: u32, prepare: impl Fn(u32) -> (Expire, u32)) -> Keyspace {
        let keyspace = Keyspace::new(2, 1);
        with(&keyspace, |view| {
            for db in 0..2 {
                view.db = db;
                for n in 0..keys {
                    let (expire, access) = prepare(n);
                    view.lock_one(view.keyspace().key(&n.to_be_bytes()).partition());
                    view.set(&n.to_be_bytes(), NewValue::Int(0), expire);
                    view.set_access(&n.to_be_bytes(), access);
                }
            }
        });
        keyspace
    }

    const NOW: i64 = 1_000_000_000;

    fn with<R>(keyspace: &Keyspace, work: impl FnOnce(&mut View) -> R) -> R {
        let member = keyspace.join();
        let inside = member.gate.enter();
        let mut view = View::new(&member, &inside, NOW);
        view.records = true;
        work(&mut view)
    }

    /// The numbers of the keys that are evicted, in order.
    fn evicted(keyspace: &Keyspace, policy: Policy, count: usize) -> Vec<u32> {
        let mut pool = Pool::default();
        with(keyspace, |view| {
            for _ in 0..count {
                assert!(view.evict(&mut pool, policy, 5));
            }
            let number = |key: &[u8]| u32::from_be_bytes(key.try_into().expect("four bytes"));
            view.lost.iter().map(|lost| number(&lost.key)).collect()
        })
    }

    fn mean(numbers: &[u32]) -> f64 {
        numbers.iter().map(|n| *n as f64).sum::<f64>() / numbers.len() as f64
    }

    #[test]
    fn the_worst_by_each_measure_go_first() {
        let clock = (NOW / 1000) as u32;
        // The smaller its number, the longer has a key been idle, the rarer is it, the earlier is it due.
        let by_age = filled(2000, |n| (Expire::At(NOW + 1000 + n as i64), clock - 4000 + n));
        for measure in [Measure::Idle, Measure::Due] {
            for volatile_only in [false, true] {
                let gone = evicted(&by_age, Policy { measure, volatile_only }, 300);
                assert!(mean(&gone) < 650.0, "{measure:?}: {}", mean(&gone));
            }
        }
        let minutes = (NOW / 60_000) as u32 % 65536;
        let by_use = filled(2000, |n| (Expire::Never, (minutes << 8) | (n / 8)));
        by_use.access.set(true, 10, 1);
        let gone = evicted(&by_use, Policy { measure: Measure::Rarity, volatile_only: false }, 300);
        assert!(mean(&gone) < 650.0, "rarity: {}", mean(&gone));
        let gone = evicted(&by_use, Policy { measure: Measure::Chance, volatile_only: false }, 300);
        assert!((800.0..1200.0).contains(&mean(&gone)), "chance: {}", mean(&gone));
    }

    #[test]
    fn only_volatile_keys_where_only_they_may_go_and_then_none() {
        let keyspace = filled(1000, |n| (if n % 100 == 0 { Expire::At(NOW + 5) } else { Expire::Never }, 0));
        for measure in [Measure::Idle, Measure::Chance, Measure::Due] {
            let gone = evicted(&keyspace, Policy { measure, volatile_only: true }, 6);
            assert!(gone.iter().all(|n| n % 100 == 0), "{gone:?}");
        }
        let policy = Policy { measure: Measure::Rarity, volatile_only: true };
        let rest = evicted(&keyspace, policy, 2);
        assert!(rest.iter().all(|n| n % 100 == 0), "{rest:?}");
        with(&keyspace, |view| assert!(!view.evict(&mut Pool::default(), policy, 5)));
        assert_eq!((keyspace.size(0).keys, keyspace.size(1).volatile), (990, 0));
    }

    #[test]
    fn every_key_goes_in_the_end_and_is_told() {
        let keyspace = filled(50, |_| (Expire::Never, 0));
        let gone = evicted(&keyspace, Policy { measure: Measure::Idle, volatile_only: false }, 100);
        assert_eq!(gone.iter().collect::<BTreeSet<_>>().len(), 50);
        assert_eq!((keyspace.size(0).keys, keyspace.size(1).keys), (0, 0));
        assert_eq!(keyspace.total(|c| &c.evicted), 100);
    }

    #[test]
    fn a_candidate_that_was_used_since_stays() {
        let keyspace = filled(3, |_| (Expire::Never, (NOW / 1000) as u32 - 100));
        let policy = Policy { measure: Measure::Idle, volatile_only: false };
        let mut pool = Pool::default();
        with(&keyspace, |view| assert!(view.evict(&mut pool, policy, 5)));
        let left = |view: &mut View, db| {
            (0..3u32)
                .filter(|n| {
                    view.in_db(db, |view| {
                        view.lock_one(view.keyspace().key(&n.to_be_bytes()).partition());
                        view.get(&n.to_be_bytes()).is_some()
                    })
                })
                .count()
        };
        with(&keyspace, |view| {
            // All are in the pool; those of database 0 are used.
            let used = left(view, 0);
            let others = 5 - used;
            (0..others).for_each(|_| assert!(view.evict(&mut pool, policy, 5)));
            assert_eq!(left(view, 0), used);
        });
    }
}
