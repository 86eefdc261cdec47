//! What redis-benchmark is asked to do.

use super::datasets::{BIG_KEYS, Command, KEYS, big_value, keys_of_64_bytes};

/// One measured kind of work.
pub struct Workload {
    /// Its name on the command line and in the table.
    pub name: &'static str,
    /// Requests that a client sends before it waits for replies.
    pub pipeline: u32,
    /// Requests of one round.
    pub requests: u64,
    /// What must be there before.
    preload: Option<Preload>,
    /// Arguments of redis-benchmark; `VALUE` stands for 1 KiB.
    arguments: &'static str,
}

type Preload = (&'static str, u64, Command);

const SMALL: Option<Preload> = Some(("1M keys of 64 bytes", KEYS, keys_of_64_bytes));
const BIG: Option<Preload> = Some(("200k keys of 1 KiB", BIG_KEYS, big_value));

const fn workload(
    name: &'static str,
    pipeline: u32,
    requests: u64,
    preload: Option<Preload>,
    arguments: &'static str,
) -> Workload {
    Workload { name, pipeline, requests, preload, arguments }
}

const TEN_KEYS: &str = "-r 1000000 MGET key:__rand_int__ key:__rand_int__ key:__rand_int__ key:__rand_int__ \
                        key:__rand_int__ key:__rand_int__ key:__rand_int__ key:__rand_int__ key:__rand_int__ \
                        key:__rand_int__";

/// All of them, in the order of the table.
pub const WORKLOADS: [Workload; 13] = [
    workload("ping-p1", 1, 150_000, None, "-t ping_mbulk"),
    workload("get-p1", 1, 150_000, SMALL, "-t get -d 64 -r 1000000"),
    workload("set-p1", 1, 150_000, SMALL, "-t set -d 64 -r 1000000"),
    workload("get-p16", 16, 1_200_000, SMALL, "-t get -d 64 -r 1000000"),
    workload("set-p16", 16, 1_200_000, SMALL, "-t set -d 64 -r 1000000"),
    workload("get-p64", 64, 2_500_000, SMALL, "-t get -d 64 -r 1000000"),
    workload("set-p64", 64, 2_500_000, SMALL, "-t set -d 64 -r 1000000"),
    workload("get1k-p16", 16, 800_000, BIG, "-r 200000 GET big:__rand_int__"),
    workload("set1k-p16", 16, 800_000, BIG, "-r 200000 SET big:__rand_int__ VALUE"),
    workload("incr-p16", 16, 1_000_000, None, "-r 1000000 INCR counter:__rand_int__"),
    workload("incr1-p16", 16, 1_000_000, None, "INCR one-hot-counter"),
    workload("mget10-p16", 16, 150_000, SMALL, TEN_KEYS),
    workload("mset10-p16", 16, 150_000, SMALL, "-t mset -r 1000000"),
];

impl Workload {
    /// Requests of one round of this scale.
    pub fn requests_at(&self, scale: f64) -> u64 {
        ((self.requests as f64 * scale) as u64).max(1_000)
    }

    /// Arguments of redis-benchmark, word by word.
    pub fn arguments(&self) -> impl Iterator<Item = String> {
        self.arguments
            .split_whitespace()
            .map(|word| if word == "VALUE" { "x".repeat(1024) } else { word.to_string() })
    }
}

/// What these need, each once.
pub fn preloads(workloads: &[&Workload]) -> Vec<Preload> {
    let mut all: Vec<Preload> = Vec::new();
    for preload in workloads.iter().filter_map(|workload| workload.preload) {
        if all.iter().all(|(label, ..)| *label != preload.0) {
            all.push(preload);
        }
    }
    all
}
