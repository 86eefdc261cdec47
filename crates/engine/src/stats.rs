//! What is counted: by worker, so that counting is a plain addition, and summed up when somebody asks.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A counter with one writer: adding is a load and a store.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds; only the owning thread may.
    #[inline]
    pub fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    /// Keeps the largest of the values given; only the owning thread may.
    #[inline]
    pub fn raise(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).max(n), Relaxed);
    }

    /// The value.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    /// Back to zero.
    pub fn reset(&self) {
        self.0.store(0, Relaxed);
    }
}

/// Buckets of a histogram: 16 a power of two of nanoseconds, up to some 9 minutes.
const BUCKETS: usize = 16 * 36;

/// Durations by size, within 1/16: log-linear buckets, written by one thread and read by any (which is why it
/// is not a library's histogram).
pub struct Histogram(Box<[Counter]>);

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram((0..BUCKETS).map(|_| Counter::default()).collect())
    }
}

impl Histogram {
    fn bucket(nanos: u64) -> usize {
        if nanos < 16 {
            return nanos as usize;
        }
        let power = 63 - nanos.leading_zeros() as usize; // at least 4
        ((power - 3) * 16 + (nanos >> (power - 4)) as usize - 16).min(BUCKETS - 1)
    }

    /// The largest duration of a bucket, in nanoseconds.
    fn upper(bucket: usize) -> u64 {
        if bucket < 16 {
            return bucket as u64;
        }
        let (power, part) = (bucket / 16 + 3, bucket % 16);
        ((16 + part as u64 + 1) << (power - 4)) - 1
    }

    /// Counts a duration.
    #[inline]
    pub fn record(&self, nanos: u64) {
        self.0[Histogram::bucket(nanos)].add(1);
    }

    fn counts(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.0.iter().enumerate().map(|(i, c)| (Histogram::upper(i), c.get())).filter(|(_, n)| *n > 0)
    }

    fn reset(&self) {
        self.0.iter().for_each(Counter::reset);
    }
}

/// A sum of histograms at one moment.
#[derive(Default)]
pub struct Distribution(std::collections::BTreeMap<u64, u64>);

impl Distribution {
    /// How many durations.
    pub fn count(&self) -> u64 {
        self.0.values().sum()
    }

    /// The duration in nanoseconds that `percent` of all do not exceed.
    pub fn percentile(&self, percent: f64) -> u64 {
        let rank = (self.count() as f64 * percent / 100.0).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (upper, count) in &self.0 {
            seen += count;
            if seen >= rank {
                return *upper;
            }
        }
        0
    }

    /// How many do not exceed `nanos`.
    pub fn up_to(&self, nanos: u64) -> u64 {
        self.0.range(..=nanos).map(|(_, n)| n).sum()
    }
}

/// What is known of one command.
#[derive(Default)]
pub struct CommandStats {
    /// Runs.
    pub calls: Counter,
    /// Time they took, in nanoseconds.
    pub nanos: Counter,
    /// Refused before they ran.
    pub rejected: Counter,
    /// Failed while they ran.
    pub failed: Counter,
    latency: std::sync::OnceLock<Histogram>,
}

impl CommandStats {
    /// Counts a run.
    #[inline]
    pub fn ran(&self, nanos: u64, tracked: bool) {
        self.calls.add(1);
        self.nanos.add(nanos);
        if tracked {
            self.latency.get_or_init(Histogram::default).record(nanos);
        }
    }
}

/// The sums for one command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommandTotals {
    /// Runs.
    pub calls: u64,
    /// Time they took, in nanoseconds.
    pub nanos: u64,
    /// Refused before they ran.
    pub rejected: u64,
    /// Failed while they ran.
    pub failed: u64,
}

macro_rules! worker_stats {
    ($($(#[$doc:meta])+ $name:ident,)+) => {
        /// What one worker counts.
        #[derive(Default)]
        #[repr(align(128))]
        pub struct WorkerStats {
            $($(#[$doc])+ pub $name: Counter,)+
            /// By command number.
            pub commands: Box<[CommandStats]>,
        }

        impl WorkerStats {
            /// Sets all to zero (CONFIG RESETSTAT).
            fn reset(&self) {
                $(self.$name.reset();)+
                self.reset_commands();
            }
        }
    };
}

worker_stats! {
    /// Commands run.
    processed,
    /// Connections accepted.
    connections,
    /// Connections refused for maxclients.
    rejected_connections,
    /// Bytes received.
    net_input,
    /// Bytes sent.
    net_output,
    /// Reads from sockets.
    reads,
    /// Writes to sockets.
    writes,
    /// Error replies.
    errors,
    /// Error replies to clients that must get none.
    unexpected_errors,
    /// Connections closed for a query buffer over its limit.
    query_limit_closed,
    /// Connections closed for an output buffer over its limit.
    output_limit_closed,
    /// Failed authentications.
    denied_auth,
    /// Turns of the event loop.
    cycles,
    /// Nanoseconds spent in turns of the event loop.
    cycle_nanos,
    /// Nanoseconds of those spent on commands.
    command_nanos,
    /// Nanoseconds of the longest turn.
    longest_cycle,
    /// The most commands in a turn.
    most_commands,
}

impl WorkerStats {
    /// Counts for so many commands.
    pub fn new(commands: usize) -> WorkerStats {
        let commands = (0..commands).map(|_| CommandStats::default()).collect();
        WorkerStats { commands, ..WorkerStats::default() }
    }

    /// Counts a turn of the event loop, waiting excluded.
    #[inline]
    pub fn turned(&self, nanos: u64) {
        self.cycles.add(1);
        self.cycle_nanos.add(nanos);
        self.longest_cycle.raise(nanos);
    }

    fn reset_commands(&self) {
        for c in &self.commands {
            [&c.calls, &c.nanos, &c.rejected, &c.failed].iter().for_each(|n| n.reset());
            c.latency.get().inspect(|h| h.reset());
        }
    }
}

/// All workers' counts.
pub struct Stats {
    workers: Box<[WorkerStats]>,
}

impl Stats {
    /// Counters for `workers` workers and `commands` commands.
    pub fn new(workers: usize, commands: usize) -> Stats {
        Stats { workers: (0..workers).map(|_| WorkerStats::new(commands)).collect() }
    }

    /// One worker's.
    pub fn worker(&self, number: usize) -> &WorkerStats {
        &self.workers[number]
    }

    /// The sum of a counter over all workers.
    pub fn total(&self, of: impl Fn(&WorkerStats) -> &Counter) -> u64 {
        self.workers.iter().map(|w| of(w).get()).sum()
    }

    /// The largest value of a counter of any worker.
    pub fn largest(&self, of: impl Fn(&WorkerStats) -> &Counter) -> u64 {
        self.workers.iter().map(|w| of(w).get()).max().unwrap_or(0)
    }

    /// The sums for a command.
    pub fn command(&self, id: usize) -> CommandTotals {
        let sum =
            |of: fn(&CommandStats) -> &Counter| self.workers.iter().map(|w| of(&w.commands[id]).get()).sum();
        CommandTotals {
            calls: sum(|c| &c.calls),
            nanos: sum(|c| &c.nanos),
            rejected: sum(|c| &c.rejected),
            failed: sum(|c| &c.failed),
        }
    }

    /// How long a command's runs took.
    pub fn latency(&self, id: usize) -> Distribution {
        let mut sum = Distribution::default();
        for histogram in self.workers.iter().filter_map(|w| w.commands[id].latency.get()) {
            histogram.counts().for_each(|(upper, n)| *sum.0.entry(upper).or_default() += n);
        }
        sum
    }

    /// Forgets how long a command's runs took (LATENCY RESET has its own events; CONFIG RESETSTAT resets these).
    pub fn reset(&self) {
        self.workers.iter().for_each(WorkerStats::reset);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_within_a_sixteenth() {
        for nanos in (0..200_000u64).chain((0..1000).map(|i| i * i * 977)) {
            let bucket = Histogram::bucket(nanos);
            let upper = Histogram::upper(bucket);
            assert!(upper >= nanos && upper as f64 <= nanos as f64 * (1.0 + 1.0 / 16.0), "{nanos}: {upper}");
            assert!(bucket <= Histogram::bucket(nanos + 1), "larger durations stand in later buckets");
        }
        let stats = Stats::new(2, 1);
        for worker in 0..2 {
            (1..=100).for_each(|n| stats.worker(worker).commands[0].ran(n * 1000, true));
        }
        let latency = stats.latency(0);
        assert_eq!((latency.count(), stats.command(0).calls), (200, 200));
        assert!((50_000..54_000).contains(&latency.percentile(50.0)), "{}", latency.percentile(50.0));
        stats.reset();
        assert_eq!(stats.latency(0).count(), 0);
    }
}
