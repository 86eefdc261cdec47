//! How long a start from an RDB file takes: ours beside genuine redis-server, from the same file.
//!
//! The file is genuine redis-server's own, with values that do not compress. Each server is started by turns; what counts is the
//! time from its start to the first reply that is no LOADING, and beside it what the server itself logs.

use super::datasets::{self, Command};
use crate::Done;
use std::path::Path;
use std::time::Instant;
use suites::{Kind, Server};

/// Keys of the file, unless `--scale` asks for others.
const KEYS: f64 = 5e6;

/// What files there are to load, by their names on the command line.
const FILES: [(&str, &str, f64, Command); 2] = [
    ("strings", "16 B key, 64 B value", 1.0, string),
    ("hashes", "hash of 8 fields, 8 + 16 B each", 0.2, hash),
];

/// Measures and prints a table.
///
/// # Errors
/// When a server does not start or does not load the file.
pub fn load(program: &Path, rounds: usize, scale: f64, names: &[String]) -> Done {
    println!("{:34}{:>10}{:>12}{:>14}{:>8}", "seconds to load", "keys", "ours", "redis-server", "ratio");
    for (name, label, share, command) in FILES {
        if !names.is_empty() && !names.iter().any(|wanted| wanted == name) {
            continue;
        }
        let keys = (KEYS * share * scale) as u64;
        let writer = Server::start(Kind::Genuine, &["--enable-debug-command", "yes"]);
        eprintln!("making a file of {keys} keys");
        datasets::feed(&writer, keys, command)?;
        let saved = writer.client().line("SAVE");
        if saved.is_error() {
            return Err(format!("SAVE: {saved}"));
        }
        let (mut ours, mut genuine) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            ours.push(start(program, writer.folder(), keys)?);
            genuine.push(start(&Kind::Genuine.program(), writer.folder(), keys)?);
        }
        let row = |what: &str, time: fn(&Times) -> f64| {
            let (ours, genuine) = (median(&ours, time), median(&genuine, time));
            println!("{what:34}{keys:>10}{ours:12.2}{genuine:14.2}{:8.2}", ours / genuine);
        };
        row(label, |times| times.to_answer);
        row("    as the server logs it", |times| times.logged);
    }
    Ok(())
}

/// Seconds that a start took.
struct Times {
    to_answer: f64,
    logged: f64,
}

fn start(program: &Path, folder: &Path, keys: u64) -> Done<Times> {
    let started = Instant::now();
    let server = Server::start_program(program, &["--dir", &folder.to_string_lossy()]);
    let to_answer = started.elapsed().as_secs_f64();
    let loaded = server.client().line("DBSIZE").integer();
    if loaded != Some(keys as i64) {
        return Err(format!("{} has loaded {loaded:?} keys, not {keys}", program.display()));
    }
    let printed = server.printed();
    let logged = printed.lines().find_map(|line| {
        let (_, rest) = line.split_once("DB loaded from disk: ")?;
        rest.strip_suffix(" seconds")?.parse().ok()
    });
    let logged = logged.ok_or_else(|| format!("{} does not say how long it took", program.display()))?;
    Ok(Times { to_answer, logged })
}

fn median(times: &[Times], value: fn(&Times) -> f64) -> f64 {
    let mut values: Vec<f64> = times.iter().map(value).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Sixteen hexadecimal digits that look like any others (splitmix64).
fn digits(number: u64) -> String {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    format!("{:016x}", mixed ^ mixed >> 31)
}

fn string(number: u64) -> Vec<String> {
    let value = (0..4).map(|part| digits(4 * number + part)).collect();
    vec!["SET".into(), format!("key:{number:012}"), value]
}

fn hash(number: u64) -> Vec<String> {
    let fields = (0..8).flat_map(|field| [format!("field:{field:02}"), digits(8 * number + field)]);
    ["HSET".into(), format!("key:{number:012}")].into_iter().chain(fields).collect()
}
