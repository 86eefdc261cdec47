//! Long random command sequences, sent to our server and to genuine redis-server 7.0; every reply is
//! compared, and in the end all that the servers hold.
//!
//! One test a family of commands, one text a family ([`grammar`]). A failing round is shrunk to what still
//! fails and printed as commands; all rounds run, one report a command that differs.
//!
//! - `SEED=n` plays only the round with that seed; a report names it.
//! - `DIFFERENTIAL_COMMANDS=n` sets the length, all families together (`cargo xtask differential`).
//! - `CARNELIAN_BIN=redis-server` plays genuine against genuine: the suite's own check.
//!
//! What may differ stands in `tests/suites/differences.toml`, with its reason.

mod atoms;
mod grammar;
mod plan;
mod rules;
mod run;
mod shrink;

use grammar::Grammar;
use plan::Step;
use rules::Rules;
use run::{Divergence, Pair};
use std::collections::BTreeMap;
use std::env;
use std::fmt::Write as _;
use std::io::Write as _;
use suites::Kind;

const STRING: &str = include_str!("grammar/string.txt");
const BITMAP: &str = include_str!("grammar/bitmap.txt");
const GENERIC: &str = include_str!("grammar/generic.txt");
const HASH: &str = include_str!("grammar/hash.txt");
const LIST: &str = include_str!("grammar/list.txt");
const CONNECTION: &str = include_str!("grammar/connection.txt");
const SET: &str = include_str!("grammar/set.txt");
const ZSET: &str = include_str!("grammar/zset.txt");
const STREAM: &str = include_str!("grammar/stream.txt");
const HYPERLOGLOG: &str = include_str!("grammar/hyperloglog.txt");
const SORT: &str = include_str!("grammar/sort.txt");
const GEO: &str = include_str!("grammar/geo.txt");
const TRANSACTIONS: &str = include_str!("grammar/transactions.txt");

/// Commands of one round: long enough to build state, short enough to shrink.
const ROUND: usize = 500;

/// Commands of all families together, unless told otherwise.
const COMMANDS: u64 = 50_000;

/// Reports after which a family gives up.
const MOST_REPORTS: usize = 12;

#[test]
fn string() {
    family("string", 25, &[STRING]);
}

#[test]
fn bitmap() {
    family("bitmap", 15, &[BITMAP]);
}

#[test]
fn generic() {
    family("generic", 20, &[GENERIC]);
}

#[test]
fn connection() {
    family("connection", 10, &[CONNECTION]);
}

#[test]
fn transactions() {
    family("transactions", 15, &[TRANSACTIONS]);
}

#[test]
fn hash() {
    family("hash", 20, &[HASH]);
}

#[test]
fn list() {
    family("list", 25, &[LIST]);
}

#[test]
fn set() {
    family("set", 20, &[SET]);
}

#[test]
fn zset() {
    family("zset", 25, &[ZSET]);
}

#[test]
fn geo() {
    family("geo", 15, &[GEO]);
}

#[test]
fn stream() {
    family("stream", 40, &[STREAM]);
}

#[test]
fn hyperloglog() {
    family("hyperloglog", 15, &[HYPERLOGLOG]);
}

#[test]
fn sort() {
    family("sort", 15, &[SORT]);
}

#[test]
fn mixed() {
    family("mixed", 20, &[STRING, BITMAP, GENERIC, CONNECTION, HASH, LIST, SET, ZSET, STREAM, TRANSACTIONS]);
}

/// Plays a family's share, in percent, of all commands.
fn family(name: &str, share: u64, texts: &[&str]) {
    let grammar = Grammar::parse(texts);
    let rules = Rules::parse(include_str!("../../differences.toml"));
    let mut pair = Pair::start();
    let mut reports: BTreeMap<String, String> = BTreeMap::new();
    for seed in seeds(share) {
        let steps = plan::round(&grammar, seed, ROUND);
        let Some(found) = pair.play(&steps, &rules) else { continue };
        if !reports.contains_key(&found.command) {
            let command = found.command.clone();
            let (steps, found) = shrink::shrink(&steps, found, |steps| pair.play(steps, &rules));
            reports.insert(command, report(name, seed, &steps, &found));
        }
        if reports.len() == MOST_REPORTS {
            break;
        }
    }
    if !Kind::Ours.is_genuine() && env::var_os("SEED").is_none() {
        warn_of_unused(&rules, name);
    }
    assert!(reports.is_empty(), "{}", reports.into_values().collect::<String>());
}

/// The seeds of a family's rounds: one given, or as many as make up its share.
fn seeds(share: u64) -> std::ops::Range<u64> {
    let number =
        |name| env::var(name).ok().map(|text| text.parse::<u64>().unwrap_or_else(|e| panic!("{name}: {e}")));
    match number("SEED") {
        Some(seed) => seed..seed + 1,
        None => {
            1..1 + (number("DIFFERENTIAL_COMMANDS").unwrap_or(COMMANDS) * share / 100).div_ceil(ROUND as u64)
        }
    }
}

fn report(family: &str, seed: u64, steps: &[Step], found: &Divergence) -> String {
    let mut text = format!("\n{family}: SEED={seed} differs at {}\n", found.asked);
    for step in steps {
        let written = match step {
            Step::Wait => writeln!(text, "      wait"),
            Step::Batch { connection, requests } => {
                requests.iter().try_for_each(|request| writeln!(text, "  c{connection}> {request}"))
            }
        };
        written.expect("writing to a string");
    }
    text + &format!("    ours:    {}\n    genuine: {}\n", found.ours, found.genuine)
}

/// Past libtest's capture: a warning of a passing test would not be seen.
fn warn_of_unused(rules: &Rules, family: &str) {
    for unused in rules.unused(family) {
        // A closed stderr leaves nobody to warn.
        let _ = writeln!(std::io::stderr(), "warning: differences.toml: unused in {family}: {unused}");
    }
}
