//! Making room: `maxmemory`, and what happens when it is reached.
//!
//! As in Redis, memory is looked at before commands run. What is beyond the limit is evicted for as long as
//! `maxmemory-eviction-tenacity` allows, the rest by the clock; only where nothing may be evicted are commands that take
//! memory refused. The counters of memory are all threads' debt in common: each looks again after every key, so several
//! that evict at once go beyond the goal by a key each at the most.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use config::{Config, EvictionPolicy};
use keyspace::eviction::{Measure, Policy, Pool};
use keyspace::{Member, View};

use crate::engine::{Attention, Engine, unix_micros, unix_millis};
use crate::pipeline::settle_lost;

/// Keys evicted between two looks at the clock, in one stay inside the gate.
const SLICE: usize = 16;
/// How long to sleep while others free memory.
const NAP: Duration = Duration::from_millis(1);

/// Whether there is room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// There is.
    Enough,
    /// Not yet: there is more to evict than the time allowed.
    Soon,
    /// Memory is full, and nothing may be evicted.
    None,
}

/// How long memory was beyond the limit: INFO's `*_eviction_exceeded_time`.
#[derive(Default)]
pub struct Exceeded {
    /// Since when, in Unix microseconds; 0: it is not.
    since: AtomicI64,
    /// Microseconds before that.
    before: AtomicU64,
}

impl Exceeded {
    fn note(&self, exceeded: bool) {
        let since = self.since.load(Relaxed);
        if exceeded && since == 0 {
            // Whoever comes first has begun it.
            let _ = self.since.compare_exchange(0, unix_micros(), Relaxed, Relaxed);
        } else if !exceeded && since != 0 && self.since.swap(0, Relaxed) != 0 {
            self.before.fetch_add(elapsed(since), Relaxed);
        }
    }

    /// Milliseconds of the time that goes on; 0 if none does.
    pub fn current_millis(&self) -> u64 {
        match self.since.load(Relaxed) {
            0 => 0,
            since => elapsed(since) / 1000,
        }
    }

    /// Milliseconds altogether.
    pub fn total_millis(&self) -> u64 {
        self.before.load(Relaxed) / 1000 + self.current_millis()
    }

    pub(crate) fn reset(&self) {
        self.before.store(0, Relaxed);
        if self.since.load(Relaxed) != 0 {
            self.since.store(unix_micros(), Relaxed);
        }
    }
}

fn elapsed(since: i64) -> u64 {
    unix_micros().saturating_sub(since).max(0) as u64
}

/// Whom a policy evicts; `None`: nobody.
pub fn policy(policy: EvictionPolicy) -> Option<Policy> {
    use EvictionPolicy::*;
    let (measure, volatile_only) = match policy {
        NoEviction => return None,
        AllkeysLru => (Measure::Idle, false),
        AllkeysLfu => (Measure::Rarity, false),
        AllkeysRandom => (Measure::Chance, false),
        VolatileLru => (Measure::Idle, true),
        VolatileLfu => (Measure::Rarity, true),
        VolatileRandom => (Measure::Chance, true),
        VolatileTtl => (Measure::Due, true),
    };
    Some(Policy { measure, volatile_only })
}

/// How long one attempt may take: `maxmemory-eviction-tenacity` from 0 to 10 is up to half a millisecond, then 15 %
/// more for each step up to some two minutes, and 100 is for ever.
fn time_limit(tenacity: u32) -> Duration {
    match tenacity {
        0..=10 => Duration::from_micros(50 * u64::from(tenacity)),
        11..=99 => Duration::from_micros((500.0 * 1.15f64.powi(tenacity as i32 - 10)) as u64),
        _ => Duration::MAX,
    }
}

/// One thread's part in it: the candidates it remembers.
#[derive(Default)]
pub struct Evictor {
    pool: Pool,
}

impl Evictor {
    /// Evicts what is beyond `maxmemory`, and tells everyone whether memory is full. The thread is outside its gate. While data
    /// are loaded nothing is evicted: it may be needed by what follows.
    pub fn make_room(&mut self, engine: &'static Engine, member: &Member<'static>, config: &Config) -> Room {
        let counted = || memory::used().saturating_sub(engine.uncounted_memory()) as u64;
        let fits = || config.maxmemory == 0 || counted() <= config.maxmemory;
        if !fits() {
            // Tables that were flushed live on for a snapshot: memory goes first.
            engine.keyspace.cut.give_up_detached();
        }
        let room = if fits() || engine.loading.is_on() || engine.pause.is_paused(unix_millis()) {
            Room::Enough
        } else {
            let started = Instant::now();
            let room = self.evict(engine, member, config, fits);
            engine.note_latency("eviction-cycle", started.elapsed().as_nanos() as u64);
            room
        };
        engine.exceeded.note(room != Room::Enough);
        if engine.attends(Attention::FULL) != (room == Room::None) {
            engine.attend(Attention::FULL, room == Room::None);
        }
        room
    }

    fn evict(
        &mut self,
        engine: &'static Engine,
        member: &Member<'static>,
        config: &Config,
        fits: impl Fn() -> bool,
    ) -> Room {
        let Some(policy) = policy(config.maxmemory_policy) else { return Room::None };
        let (started, limit) = (Instant::now(), time_limit(config.maxmemory_eviction_tenacity));
        loop {
            let found = self.evict_slice(engine, member, policy, config.maxmemory_samples as usize, &fits);
            if fits() {
                return Room::Enough;
            }
            // What is on its way to be freed will make room.
            if !found && engine.lazy_free.pending.load(Relaxed) == 0 {
                return Room::None;
            }
            if started.elapsed() > limit {
                return if found { Room::Soon } else { Room::None };
            }
            if !found {
                std::thread::sleep(NAP.min(limit));
            }
        }
    }

    /// Evicts a few keys, until memory fits. Answers whether there was anything left to evict.
    fn evict_slice(
        &mut self,
        engine: &'static Engine,
        member: &Member<'static>,
        policy: Policy,
        samples: usize,
        fits: impl Fn() -> bool,
    ) -> bool {
        let inside = member.gate.enter();
        let mut view = View::new(member, &inside, unix_millis());
        view.records = engine.wants_losses();
        for _ in 0..SLICE {
            if !view.evict(&mut self.pool, policy, samples) {
                return false;
            }
            settle_lost(engine, &mut view);
            if fits() {
                break;
            }
        }
        view.unlock();
        engine.hand_over(&mut view);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenacity_is_a_time() {
        assert_eq!(time_limit(0), Duration::ZERO);
        assert_eq!(time_limit(10), Duration::from_micros(500));
        assert_eq!(time_limit(11), Duration::from_micros(575));
        assert!(time_limit(99) > Duration::from_secs(110) && time_limit(99) < Duration::from_secs(150));
        assert_eq!(time_limit(100), Duration::MAX);
    }

    #[test]
    fn the_time_beyond_the_limit_adds_up() {
        let exceeded = Exceeded::default();
        exceeded.note(false);
        assert_eq!((exceeded.current_millis(), exceeded.total_millis()), (0, 0));
        exceeded.note(true);
        exceeded.since.fetch_sub(5_000_000, Relaxed);
        exceeded.note(true);
        assert!(exceeded.current_millis() >= 5000);
        exceeded.note(false);
        assert_eq!(exceeded.current_millis(), 0);
        assert!(exceeded.total_millis() >= 5000);
        exceeded.reset();
        assert_eq!(exceeded.total_millis(), 0);
    }
}
