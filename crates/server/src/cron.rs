//! What happens by the clock: due keys, eviction, samples, the end of a pause.
//!
//! A thread of its own, so that a worker's turn is never longer for it. It enters the keyspace like any other.

use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use engine::eviction::{Evictor, Room};
use engine::pipeline::expire_due;
use engine::{Engine, unix_millis};
use keyspace::PARTITIONS;

/// Between two rounds: keys are gone about this long after they are due, at the latest.
const ROUND: Duration = Duration::from_millis(100);
/// Between two rounds while there is something to evict.
const PAUSE: Duration = Duration::from_millis(1);
/// Due keys deleted in one hold of a lock.
const SLICE: usize = 16;

/// Works until the process ends.
pub fn run(engine: &'static Engine) {
    let _counted = memory::register_thread();
    let member = engine.keyspace.join();
    // The partition to begin with, so that a round that runs out of time starves none.
    let mut next = 0;
    let (mut evictor, mut rest) = (Evictor::default(), ROUND);
    loop {
        std::thread::sleep(rest);
        if engine.cron_paused.load(Relaxed) {
            continue;
        }
        let (now, started) = (unix_millis(), Instant::now());
        if engine.pause.has_ended(now) {
            engine.resume_clients();
        }
        let is_loading = engine.loading.is_on();
        if engine.active_expire.load(Relaxed) && !engine.pause.is_paused(now) && !is_loading {
            next = expire_round(engine, &member, next, now);
            let spent = started.elapsed().as_nanos() as u64;
            engine.expire_nanos.add(spent);
            engine.note_latency("expire-cycle", spent);
        }
        // Where commands have left something to evict, no round is waited for.
        let is_full = !is_loading && evictor.make_room(engine, &member, &engine.config()) == Room::Soon;
        rest = if is_full { PAUSE } else { ROUND };
        engine.sample();
        if !is_loading && let Ok(storage) = engine.persistence.storage() {
            storage.tick();
        }
        engine.cron.count.add(1);
        engine.cron.nanos.add(started.elapsed().as_nanos() as u64);
    }
}

/// Deletes what is due, in at most a quarter of the round's time (more by active-expire-effort). Answers where
/// to begin the next round.
fn expire_round(engine: &'static Engine, member: &keyspace::Member<'static>, from: usize, now: i64) -> usize {
    let effort = engine.config().active_expire_effort.clamp(1, 10);
    let budget = ROUND * (25 + 2 * (effort - 1)) / 100;
    let started = Instant::now();
    for step in 0..PARTITIONS {
        let partition = (from + step) % PARTITIONS;
        while engine.keyspace.partition(partition).earliest_due() <= now {
            if !expire_due(engine, member, partition, SLICE) {
                break;
            }
            if started.elapsed() > budget {
                return partition;
            }
        }
    }
    from
}
