//! How well eviction chooses: the hit rate of a cache under a Zipf-distributed load, which is what LRU and LFU are for.
//!
//! A client reads keys and sets those that it misses. Once at the same `maxmemory`, where whoever keeps a key in fewer
//! bytes keeps more of them; once with ours set so low that both keep as many, where only the choice counts.

use crate::Done;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};
use suites::{Client, Kind, Server, Value};

/// Keys that are asked for.
const UNIVERSE: usize = 300_000;
/// Exponent of the Zipf distribution: the key of rank r is asked for in proportion to r^-0.9.
const SKEW: f64 = 0.9;
/// Requests in all, of which the first half only warms the cache.
const REQUESTS: usize = 3_000_000;
/// Requests of one pipeline.
const BATCH: usize = 500;
/// From one pipeline to the next: clocks of a second tell more in a longer run, so all runs take the same time.
const PACE: Duration = Duration::from_micros(2500);
/// Bytes of a value.
const VALUE: usize = 100;
/// What redis-server may use for data; about a fifth of the universe fits.
const MAXMEMORY: u64 = 16 << 20;

/// What came out of a run.
struct Cache {
    hit_rate: f64,
    keys: f64,
    /// Bytes that a key takes.
    per_key: f64,
    /// Bytes in use when there was no key yet.
    empty: f64,
}

/// Measures and prints a table.
///
/// # Errors
/// When a server does not start or answers nonsense.
pub fn hit_rate(program: &Path) -> Done {
    let ranks = Zipf::new();
    println!("{:14}{:22}{:>16}{:>16}{:>12}", "policy", "", "ours", "redis-server", "keys");
    for policy in ["allkeys-lru", "allkeys-lfu"] {
        let genuine = run(&Kind::Genuine.program(), policy, MAXMEMORY, &ranks)?;
        let ours = run(program, policy, MAXMEMORY, &ranks)?;
        print_row(policy, "same maxmemory", &ours, &genuine);
        let limit = ours.empty + ours.per_key * genuine.keys;
        let nearly = run(program, policy, limit as u64, &ranks)?;
        let ours =
            run(program, policy, (limit + nearly.per_key * (genuine.keys - nearly.keys)) as u64, &ranks)?;
        print_row(policy, "same number of keys", &ours, &genuine);
    }
    Ok(())
}

fn print_row(policy: &str, what: &str, ours: &Cache, genuine: &Cache) {
    let keys = format!("{:.0}/{:.0}", ours.keys, genuine.keys);
    let (first, second) = (ours.hit_rate * 100.0, genuine.hit_rate * 100.0);
    println!("{policy:14}{what:22}{first:14.2} %{second:14.2} %  {keys}");
}

fn run(program: &Path, policy: &str, maxmemory: u64, ranks: &Zipf) -> Done<Cache> {
    let server = Server::start_program(program, &["--maxmemory-policy", policy]);
    let mut client = server.client();
    let empty = used_memory(&mut client)?;
    client.call(&["CONFIG", "SET", "maxmemory", &maxmemory.to_string()]);
    let started = Instant::now();
    let (mut random, value) = (Random(88_172_645_463_325_252), "x".repeat(VALUE));
    let mut hits = 0;
    for batch in 0..REQUESTS / BATCH {
        thread::sleep((PACE * batch as u32).saturating_sub(started.elapsed()));
        let keys: Vec<String> = (0..BATCH).map(|_| format!("key:{}", ranks.pick(random.next()))).collect();
        let found = pipeline(&mut client, keys.iter().map(|key| vec!["GET", key]))?;
        let missed = || keys.iter().zip(&found).filter(|(_, found)| found.is_null()).map(|(key, _)| key);
        if batch >= REQUESTS / BATCH / 2 {
            hits += BATCH - missed().count();
        }
        pipeline(&mut client, missed().map(|key| vec!["SET", key, &value]))?;
    }
    let keys = client.call(&["DBSIZE"]).integer().unwrap_or(0) as f64;
    let per_key = (used_memory(&mut client)? - empty) / keys;
    Ok(Cache { hit_rate: hits as f64 / (REQUESTS / 2) as f64, keys, per_key, empty })
}

fn pipeline<'a>(client: &mut Client, commands: impl Iterator<Item = Vec<&'a str>>) -> Done<Vec<Value>> {
    let lost = |error: std::io::Error| format!("the connection was lost: {error}");
    let (mut request, mut count) = (Vec::new(), 0);
    for command in commands {
        request.extend_from_slice(format!("*{}\r\n", command.len()).as_bytes());
        for word in command {
            request.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
        }
        count += 1;
    }
    client.send_raw(&request).map_err(lost)?;
    (0..count).map(|_| client.read().map_err(lost)).collect()
}

fn used_memory(client: &mut Client) -> Done<f64> {
    let info = client.call(&["INFO", "memory"]).text();
    let field = info.lines().find_map(|line| line.strip_prefix("used_memory:")?.trim().parse().ok());
    field.ok_or_else(|| "INFO without used_memory".into())
}

/// Ranks by their cumulated shares.
struct Zipf(Vec<f64>);

impl Zipf {
    fn new() -> Zipf {
        let mut sum = 0.0;
        let mut shares: Vec<f64> = (1..=UNIVERSE)
            .map(|rank| {
                sum += (rank as f64).powf(-SKEW);
                sum
            })
            .collect();
        shares.iter_mut().for_each(|share| *share /= sum);
        Zipf(shares)
    }

    fn pick(&self, random: u64) -> usize {
        let point = (random >> 11) as f64 / (1u64 << 53) as f64;
        self.0.partition_point(|share| *share < point)
    }
}

/// The same sequence for everybody (xorshift64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
