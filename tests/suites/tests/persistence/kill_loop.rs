//! The kill loop, a few kills of each kind; `cargo xtask kill-loop --times N` has more.

use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use suites::kill_loop::run;
use suites::writers::Fsync;
use suites::{Client, Kind, Server};

const KILLS: u32 = 20;
const CLIENTS: usize = 50;

#[test]
fn what_was_acknowledged_is_there_after_a_kill_with_always() {
    let figures = run(&Kind::Ours.program(), Fsync::Always, Signal::KILL, KILLS, CLIENTS);
    assert_eq!((figures.kills, figures.loss.lost), (KILLS, 0));
    // A loop in which nobody gets to write would find nothing.
    assert!(figures.loss.acknowledged > u64::from(KILLS) * CLIENTS as u64, "{figures:?}");
}

#[test]
fn what_is_there_after_a_kill_with_everysec_is_a_prefix() {
    let figures = run(&Kind::Ours.program(), Fsync::EverySec, Signal::KILL, KILLS, CLIENTS);
    assert!(figures.loss.acknowledged > u64::from(KILLS) * CLIENTS as u64, "{figures:?}");
}

#[test]
fn a_shutdown_loses_nothing_that_was_acknowledged() {
    let figures = run(&Kind::Ours.program(), Fsync::EverySec, Signal::TERM, KILLS, CLIENTS);
    assert_eq!((figures.kills, figures.loss.lost), (KILLS, 0));
    assert!(figures.loss.acknowledged > u64::from(KILLS) * CLIENTS as u64, "{figures:?}");
}

/// Nothing is forced to disk, but all is written before it is acknowledged, as by redis-server.
#[test]
fn what_was_acknowledged_outlives_the_process_without_any_fsync() {
    for threads in ["1", "2"] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let dir = folder.path().to_string_lossy();
        let log = ["--appendonly", "yes", "--appendfsync", "no", "--dir", &dir, "--io-threads", threads];
        let mut told = [0; 8];
        for _ in 0..KILLS / 4 {
            let mut server = Server::start(Kind::Ours, &log);
            thread::scope(|scope| {
                for (number, told) in told.iter_mut().enumerate() {
                    let client = server.client();
                    scope.spawn(move || *told = count_until_killed(client, number).max(*told));
                }
                thread::sleep(Duration::from_millis(30));
                server.signal(Signal::KILL);
                server.wait();
            });
        }
        let server = Server::start(Kind::Ours, &log);
        let mut client = server.client();
        for (number, told) in told.iter().enumerate() {
            let found = client.line(&format!("GET counter:{number}")).text().parse::<i64>();
            assert!(
                *told > 0 && found.as_ref().is_ok_and(|found| found >= told),
                "{told} told, {found:?} found"
            );
        }
    }
}

/// Counts up, several steps at a time, until the server is gone. Answers the last that it has told.
fn count_until_killed(mut client: Client, number: usize) -> i64 {
    let steps = format!("INCR counter:{number}\r\n").repeat(10);
    let mut told = 0;
    while client.send_raw(steps.as_bytes()).is_ok() {
        for _ in 0..10 {
            let Some(count) = client.read().ok().and_then(|reply| reply.integer()) else { return told };
            told = count;
        }
    }
    told
}
