//! The kill loop, a few kills of each kind; `cargo xtask kill-loop --times N` has more.

use rustix::process::Signal;
use suites::Kind;
use suites::kill_loop::run;
use suites::writers::Fsync;

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
