//! Simulated power cuts, a few of each kind; `cargo xtask power-cut --times N` has more.
//!
//! A test that finds nothing may have looked nowhere: servers that promise too much are tried too.

use suites::Kind;
use suites::power_cut::{Figures, Promise, Trial, run};
use suites::writers::Fsync;

use crate::faults;

const CUTS: u32 = 20;
const CLIENTS: usize = 10;
/// Enough for a broken promise to be found.
const MANY: u32 = 200;

fn trial(fsync: Option<Fsync>, promise: Promise, check: impl FnOnce(&Trial<'_>)) {
    let (program, library) = (Kind::Ours.program(), faults());
    check(&Trial {
        program: &program,
        library: &library,
        fsync,
        promise,
        clients: CLIENTS,
        cuts: CUTS,
        seed: 1,
        forgets_directories: false,
    });
}

fn keeps(trial: &Trial<'_>) -> Figures {
    let figures = run(trial).unwrap_or_else(|broken| panic!("{}", broken.what));
    // A disk that nobody writes to would lose nothing.
    assert!(figures.cuts >= CUTS && figures.loss.acknowledged > 100 && figures.renames > 2, "{figures:?}");
    figures
}

fn breaks(trial: &Trial<'_>, how: &[&str]) {
    let broken = run(trial).expect_err("a broken promise").what;
    assert!(how.iter().any(|how| broken.contains(how)), "{broken}");
}

#[test]
fn what_was_acknowledged_with_always_is_on_disk() {
    trial(Some(Fsync::Always), Promise::All, |trial| assert_eq!(keeps(trial).loss.lost, 0));
}

#[test]
fn what_is_on_disk_with_everysec_is_a_prefix() {
    trial(Some(Fsync::EverySec), Promise::Recent, |trial| _ = keeps(trial));
}

#[test]
fn a_snapshot_that_is_known_to_be_whole_is_on_disk() {
    trial(None, Promise::Snapshot, |trial| _ = keeps(trial));
}

#[test]
fn a_file_that_is_not_forced_to_disk_is_missed() {
    trial(Some(Fsync::No), Promise::All, |trial| {
        breaks(&Trial { cuts: MANY, ..trial.clone() }, &["lost", "did not start"]);
    });
}

#[test]
fn a_directory_that_is_not_forced_to_disk_is_missed() {
    for (fsync, promise) in [(Some(Fsync::Always), Promise::All), (None, Promise::Snapshot)] {
        trial(fsync, promise, |trial| {
            let forgets = Trial { cuts: MANY, forgets_directories: true, ..trial.clone() };
            breaks(&forgets, &["lost", "at the start", "did not start"]);
        });
    }
}
