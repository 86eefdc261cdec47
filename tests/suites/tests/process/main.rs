//! The server as a process: how it is started, where it listens, what it does when memory is full, how it ends.
//!
//! `CARNELIAN_BIN=redis-server` runs the same tests on genuine redis-server.

mod config_file;
mod eviction;
mod lifecycle;
mod listening;

use suites::{Finished, Kind, run};

/// Our program with these arguments, to its end.
fn ours(args: &[&str], input: &str) -> Finished {
    run(Kind::Ours.command().args(args), input.as_bytes())
}

/// Genuine redis-server with these arguments, to its end.
fn genuine(args: &[&str], input: &str) -> Finished {
    run(Kind::Genuine.command().args(args), input.as_bytes())
}
