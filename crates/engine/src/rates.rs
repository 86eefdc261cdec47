//! How fast counters grow: the `instantaneous_*` fields of INFO.
//!
//! The cron looks at each counter about ten times a second; a rate is the mean of the last [`SAMPLES`] growths, so it
//! follows a change within two seconds. As Redis's `trackInstantaneousMetric`.

use parking_lot::Mutex;

use crate::stats::{Counter, Stats};

/// Growths that a rate is the mean of.
const SAMPLES: usize = 16;

/// Rates of what the workers count.
#[derive(Default)]
pub struct Rates(Mutex<Meters>);

#[derive(Default)]
struct Meters {
    commands: Meter,
    input: Meter,
    output: Meter,
    cycles: Meter,
    cycle_time: Meter,
}

/// What the cron has done; its thread counts.
#[derive(Default)]
pub struct Rounds {
    /// Rounds.
    pub count: Counter,
    /// Nanoseconds that they took.
    pub nanos: Counter,
}

/// The rates at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    /// Commands a second.
    pub commands: u64,
    /// Bytes received a second.
    pub input: u64,
    /// Bytes sent a second.
    pub output: u64,
    /// Turns of the event loops a second.
    pub cycles: u64,
    /// Microseconds that a turn takes.
    pub cycle_micros: u64,
}

impl Rates {
    /// Looks at the counters; `now` in Unix microseconds. A round of the cron is a turn as well, as in Redis, whose event loop
    /// runs it.
    pub fn sample(&self, stats: &Stats, cron: &Rounds, now: u64) {
        const SECOND: u64 = 1_000_000;
        let mut meters = self.0.lock();
        let cycles = stats.total(|w| &w.cycles) + cron.count.get();
        let nanos = stats.total(|w| &w.cycle_nanos) + cron.nanos.get();
        meters.commands.sample(stats.total(|w| &w.processed), now, SECOND);
        meters.input.sample(stats.total(|w| &w.net_input), now, SECOND);
        meters.output.sample(stats.total(|w| &w.net_output), now, SECOND);
        meters.cycles.sample(cycles, now, SECOND);
        meters.cycle_time.sample(nanos / 1000, cycles, 1);
    }

    /// The rates of late.
    pub fn get(&self) -> Rate {
        let meters = self.0.lock();
        Rate {
            commands: meters.commands.rate(),
            input: meters.input.rate(),
            output: meters.output.rate(),
            cycles: meters.cycles.rate(),
            cycle_micros: meters.cycle_time.rate(),
        }
    }

    /// Forgets all samples (CONFIG RESETSTAT, which sets the counters to zero).
    pub fn reset(&self) {
        *self.0.lock() = Meters::default();
    }
}

/// The growth of one counter over a base, which is the time or another counter.
#[derive(Default)]
struct Meter {
    /// Base and value at the last sample.
    last: Option<(u64, u64)>,
    samples: [u64; SAMPLES],
    next: usize,
}

impl Meter {
    /// Notes by how much the value grew, for `unit` of the base.
    fn sample(&mut self, value: u64, base: u64, unit: u64) {
        if let Some((last_base, last_value)) = self.last.replace((base, value)) {
            let (over, growth) = (base.saturating_sub(last_base), value.saturating_sub(last_value));
            self.samples[self.next] = growth.saturating_mul(unit).checked_div(over).unwrap_or(0);
            self.next = (self.next + 1) % SAMPLES;
        }
    }

    fn rate(&self) -> u64 {
        self.samples.iter().sum::<u64>() / SAMPLES as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_the_mean_of_the_last_growths() {
        let (stats, rates, cron) = (Stats::new(1, 0), Rates::default(), Rounds::default());
        let worker = stats.worker(0);
        for tick in 0..=SAMPLES as u64 {
            rates.sample(&stats, &cron, 1 + tick * 100_000);
            worker.processed.add(50);
            worker.cycles.add(3);
            worker.cycle_nanos.add(7_000_000);
            cron.count.add(1);
            cron.nanos.add(1_000_000);
        }
        let rate = rates.get();
        assert_eq!((rate.commands, rate.cycles, rate.cycle_micros, rate.input), (500, 40, 2000, 0));
        rates.reset();
        assert_eq!(rates.get(), Rate::default());
    }
}
