//! The running process: workers, connections, the cron, and everything around them.
//!
//! [`start`] brings it up in Redis's order; a [`worker`] is one thread with one poller and its [`connection`]s;
//! the [`door`] lets connections in; the [`cron`] does what happens by the clock; [`host`] is what the engine asks
//! of the process; [`process`] and [`logging`] are the process itself.

pub mod connection;
pub mod cron;
pub mod door;
pub mod host;
pub mod logging;
pub mod pool;
pub mod process;
pub mod start;
pub mod worker;

use std::ffi::OsString;
use std::process::ExitCode;

/// Runs the server; `argv[0]` is the program as it was called.
pub fn main(argv: Vec<OsString>) -> ExitCode {
    let program = argv.first().map_or_else(|| "carnelian".into(), |program| program.to_string_lossy());
    match argv.get(1).and_then(|argument| argument.to_str()) {
        Some("-v" | "--version") => println!("{}", process::version::line()),
        Some("-h" | "--help") => {
            eprint!("{}", process::help::text(&program));
            return ExitCode::FAILURE;
        }
        Some("--check-system") => return process::system_check::main(),
        _ => return start::serve(&argv),
    }
    ExitCode::SUCCESS
}
