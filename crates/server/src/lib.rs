//! Workers, connections, cron and INFO: the running process

pub mod logging;
pub mod process;

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
        _ => {}
    }
    ExitCode::SUCCESS
}
