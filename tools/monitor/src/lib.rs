//! `carnelian monitor` and `carnelian top`: one collector, many views.
//!
//! The monitor watches ours, genuine Redis, Valkey and Sentinel, and knows a server by the wire alone:
//!
//! - [`wire`] asks (bounded in time and memory), [`target`] says whom, [`facts`] is what they said;
//! - [`collect`] asks everyone once an interval and feeds all views;
//! - [`contract`] is the JSON document of `GET /metrics/redis`, [`prometheus`] the metrics of redis_exporter;
//! - [`web`] serves them.
//!
//! Everything logs to stderr and nothing logs a password.

pub mod args;
pub mod collect;
pub mod contract;
pub mod facts;
pub mod prometheus;
pub mod serve;
pub mod target;
pub mod web;
pub mod wire;

use clap::Parser;
use std::ffi::OsString;
use std::process::ExitCode;

/// `carnelian monitor ARGS`; `args` begins after the tool's name. Exits with 2 on a bad command line.
pub fn main(args: Vec<OsString>) -> ExitCode {
    let parsed = match args::Monitor::try_parse_from(args) {
        Ok(parsed) => parsed,
        Err(error) => return complain(&error),
    };
    match parsed.task {
        Some(task) => match task {},
        None => serve::run(parsed.serve),
    }
}

/// Prints clap's help, version or error; the first two are successes.
fn complain(error: &clap::Error) -> ExitCode {
    // A closed pipe is no reason to fail differently.
    let _ = error.print();
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}
