//! `carnelian monitor` and `carnelian top`: one collector, many views.
//!
//! The monitor watches ours, genuine Redis, Valkey and Sentinel, and knows a server by the wire alone:
//!
//! - [`wire`] asks (bounded in time and memory), [`target`] says whom, [`facts`] is what they said;
//! - [`collect`] asks everyone once an interval and feeds all views;
//! - [`contract`] is the JSON document of `GET /metrics/redis`, [`prometheus`] the metrics of redis_exporter;
//! - [`alert`] is the table of alerts and what becomes of them, [`check`] the same for Nagios and collectd;
//! - [`columns`] is the table of numbers that views show, [`history`] keeps them in SQLite;
//! - [`top`] is the terminal's view, [`faina`] the statistics of a MONITOR log;
//! - [`console`] runs a visitor's command and [`sample`] looks for top keys; [`audit`] is the log of changes;
//! - [`web`] serves them all, [`file`](mod@file) configures it.
//!
//! Everything logs to stderr and nothing logs a password.

pub mod alert;
pub mod args;
pub mod audit;
pub mod check;
pub mod collect;
pub mod columns;
pub mod console;
pub mod contract;
pub mod facts;
pub mod faina;
pub mod file;
pub mod history;
pub mod host;
pub mod prometheus;
pub mod sample;
pub mod serve;
pub mod target;
pub mod top;
pub mod web;
pub mod wire;

use args::{Monitor, Task};
use clap::Parser;
use std::ffi::OsString;
use std::process::ExitCode;

/// `carnelian monitor ARGS`; `args` begins after the tool's name. Exits with 2 on a bad command line.
pub fn main(args: Vec<OsString>) -> ExitCode {
    let parsed = match Monitor::try_parse_from(&args) {
        Ok(parsed) => parsed,
        Err(error) => return complain(&error, &args),
    };
    match parsed.task {
        Some(Task::Check(check)) => check::run(&check),
        Some(Task::Faina(faina)) => faina::run(&faina),
        Some(Task::Rules { json }) => {
            match json {
                true => println!("{}", alert::as_json()),
                false => print!("{}", alert::documentation()),
            }
            ExitCode::SUCCESS
        }
        None => serve::run(&parsed.serve),
    }
}

/// `carnelian top ARGS`; `args` begins after the tool's name.
pub fn top_main(args: Vec<OsString>) -> ExitCode {
    top::main(args)
}

/// Prints clap's help, version or error. The first two are successes; an error is 2, of a Nagios plugin 3 (UNKNOWN).
pub(crate) fn complain(error: &clap::Error, args: &[OsString]) -> ExitCode {
    // A closed pipe is no reason to fail differently.
    let _ = error.print();
    match args.first() {
        Some(task) if task == "check" && error.use_stderr() => ExitCode::from(3),
        _ => u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from),
    }
}
