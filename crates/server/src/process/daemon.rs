//! `daemonize yes`: going on in the background, as daemonize() in Redis's server.c does.
//!
//! The process forks, the parent exits with 0, and the child leads a session of its own, its standard streams on
//! /dev/null. The working directory and the umask stay: paths in the configuration are relative to the directory.
#![allow(unsafe_code)]

use std::fs::OpenOptions;
use std::io;

use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};

/// Returns in the child only. Call it before any thread is started: a fork copies the calling one alone, and locks
/// that others hold would stay locked for ever; that is checked.
pub fn daemonize() -> io::Result<()> {
    if !super::is_single_threaded() {
        return Err(io::Error::other("cannot daemonize once threads are running"));
    }
    // SAFETY: there is no other thread whose locks or half-done work the child could inherit.
    match unsafe { libc::fork() } {
        -1 => return Err(io::Error::last_os_error()),
        0 => {}
        _parent => std::process::exit(0),
    }
    // It fails only for a process that already leads its group, which a fresh child never does.
    let _ = rustix::process::setsid();
    if let Ok(null) = OpenOptions::new().read(true).write(true).open("/dev/null") {
        dup2_stdin(&null)?;
        dup2_stdout(&null)?;
        dup2_stderr(&null)?;
    }
    Ok(())
}

// What it does is tested in tests/single_threaded.rs, where a process has one thread.

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_threads_refuses() {
        // The test's thread is not the only one.
        let error = daemonize().unwrap_err();
        assert_eq!(error.to_string(), "cannot daemonize once threads are running");
    }
}
