//! Writes to one large value while it is being saved: ours beside genuine redis-server, with a disk as it is and with a slow one.
//!
//! One client adds to a sorted set of 100 MB, again and again with a short rest, before BGSAVE, while it runs, and behind it. What
//! counts is how long it waits. The slow disk takes 10 MB/s (the library of `tests/faults`); redis-server writes past that library,
//! in another process at that, so for it there is no difference.

use crate::Done;
use crate::shell::{cargo, run, target};
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};
use suites::{Client, Kind, Server};

/// Members of the set, and bytes of each: 100 MB of members.
const MEMBERS: u64 = 1_000_000;
const MEMBER: usize = 100;
/// Members that are added at once.
const BATCH: u64 = 1_000;
/// Between two writes.
const REST: Duration = Duration::from_micros(500);
/// Before the save, and behind it.
const IDLE: Duration = Duration::from_secs(3);
/// A save that takes longer is none.
const LONGEST: Duration = Duration::from_secs(120);

/// Measures and prints a table.
///
/// # Errors
/// When a server does not start, or does not save.
pub fn large(program: &Path, scale: f64) -> Done {
    run(cargo().args(["build", "--quiet", "--package", "faults", "--locked"]))?;
    let library = target().join("debug/libfaults.so");
    println!("{:34}{:>8}{:>30}{:>12}", "ms a ZADD waits", "writes", "p50, p99, p99.9, longest", "save took");
    let contestants =
        [("ours, slow disk", program.to_path_buf(), true), ("ours", program.to_path_buf(), false)];
    let genuine = ("redis-server", Kind::Genuine.program(), false);
    for (label, program, is_slow) in contestants.into_iter().chain([genuine]) {
        measure(label, &program, is_slow.then_some(&library), (MEMBERS as f64 * scale) as u64)?;
    }
    Ok(())
}

fn measure(label: &str, program: &Path, slow: Option<&PathBuf>, members: u64) -> Done {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let calls = folder.path().join("calls");
    let environment = slow.map(|library| [("LD_PRELOAD", library.as_path()), ("FAULTS", calls.as_path())]);
    let server = Server::try_start::<&str>(program, &[], environment.as_ref().map_or(&[], |e| &e[..]))?;
    let mut client = server.client();
    for from in (0..members).step_by(BATCH as usize) {
        let mut line = vec!["ZADD".to_owned(), "large".to_owned()];
        line.extend((from..from + BATCH).flat_map(|n| [n.to_string(), member(n)]));
        client.call(&line);
    }
    fs::write(&calls, "slow").map_err(|error| error.to_string())?;
    let mut number = members;
    print(label, "before", &write(&mut client, &mut number, |took| took >= IDLE), None);
    let mut asks = server.client();
    let started = Instant::now();
    let reply = asks.line("BGSAVE");
    if reply.is_error() {
        return Err(format!("{label}: {reply}"));
    }
    let mut looked = Duration::ZERO;
    let mut is_over = false;
    let while_saving = write(&mut client, &mut number, |took| {
        // Rarely, since whoever answers this does not answer writes.
        if took > looked + Duration::from_millis(20) {
            looked = took;
            is_over = asks.line("INFO persistence").text().contains("rdb_bgsave_in_progress:0");
        }
        is_over || took > LONGEST
    });
    let took = started.elapsed();
    if !asks.line("INFO persistence").text().contains("rdb_last_bgsave_status:ok") || !is_over {
        return Err(format!("{label}: the save has failed, or does not end"));
    }
    print(label, "while saving", &while_saving, Some(took));
    print(label, "behind that", &write(&mut client, &mut number, |took| took >= IDLE), None);
    Ok(())
}

/// Adds members until it is over; answers how long each took, in order of that.
fn write(client: &mut Client, number: &mut u64, mut is_over: impl FnMut(Duration) -> bool) -> Vec<Duration> {
    let (started, mut waits) = (Instant::now(), Vec::new());
    while !is_over(started.elapsed()) {
        let began = Instant::now();
        client.call(&["ZADD", "large", &number.to_string(), &member(*number)]);
        waits.push(began.elapsed());
        *number += 1;
        thread::sleep(REST);
    }
    waits.sort();
    waits
}

fn print(label: &str, phase: &str, waits: &[Duration], save: Option<Duration>) {
    let at = |share: f64| {
        let place = (waits.len() as f64 * share) as usize;
        waits.get(place.min(waits.len().saturating_sub(1))).map_or(f64::NAN, |wait| wait.as_secs_f64() * 1e3)
    };
    let [p50, p99, p999, longest] = [0.5, 0.99, 0.999, 1.0].map(at);
    let save = save.map_or(String::new(), |save| format!("{:.1} s", save.as_secs_f64()));
    let waits_text = format!("{p50:.2}, {p99:.2}, {p999:.1}, {longest:.1}");
    println!("{:34}{:>8}{waits_text:>30}{save:>12}", format!("{label}, {phase}"), waits.len());
}

/// A member that does not compress well.
fn member(number: u64) -> String {
    let mut text = format!("member:{number:012}:");
    let mut state = number;
    while text.len() < MEMBER {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push_str(&format!("{:08x}", state >> 32));
    }
    text.truncate(MEMBER);
    text
}
