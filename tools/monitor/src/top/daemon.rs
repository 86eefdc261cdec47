//! `--daemon`: the same command again, as a process that no terminal ends.
//!
//! The new process has the same arguments and a variable that says what it is; it leaves the terminal's session itself, since
//! only a process can do that for itself.

use std::env;
use std::process::{Command, ExitCode, Stdio};

/// Set for the process in the background.
const MARK: &str = "CARNELIAN_TOP_DAEMON";

/// Whether this is the process in the background; it takes a session of its own then.
pub(super) fn is_one() -> bool {
    let marked = env::var_os(MARK).is_some();
    if marked {
        // It fails only for the leader of a group, which no terminal's signals reach either.
        let _ = rustix::process::setsid();
    }
    marked
}

/// Starts it, and says its number.
pub(super) fn begin(port: u16) -> ExitCode {
    let started = env::current_exe().and_then(|program| {
        Command::new(program)
            .args(env::args_os().skip(1))
            .env(MARK, "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
    });
    match started {
        Ok(child) => {
            println!("process {} serves http://127.0.0.1:{port}", child.id());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("carnelian top: no process in the background: {error}");
            ExitCode::FAILURE
        }
    }
}
