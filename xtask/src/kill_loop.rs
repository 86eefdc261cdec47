//! `cargo xtask kill-loop`: `kill -9` under clients that write, as often as wanted; the suites do the same a few times.

use crate::shell::release_server;
use crate::{Done, wrong};
use lexopt::{Arg, Parser, ValueExt};
use std::path::PathBuf;
use suites::Signal;
use suites::kill_loop;
use suites::writers::Fsync;

/// Kills the server, and prints what came of it.
///
/// # Errors
/// When the server can't be built. A broken promise is a panic that says which.
pub fn kill_loop(arguments: &mut Parser) -> Done {
    let (mut times, mut clients, mut program) = (1_000, 50, None);
    while let Some(argument) = arguments.next().map_err(wrong)? {
        match argument {
            Arg::Long("times") => times = arguments.value().and_then(|value| value.parse()).map_err(wrong)?,
            Arg::Long("clients") => {
                clients = arguments.value().and_then(|value| value.parse()).map_err(wrong)?
            }
            Arg::Long("bin") => program = Some(PathBuf::from(arguments.value().map_err(wrong)?)),
            other => return Err(other.unexpected().to_string()),
        }
    }
    let program = release_server(program)?;
    for fsync in [Fsync::Always, Fsync::EverySec] {
        let figures = kill_loop::run(&program, fsync, Signal::KILL, times, clients);
        println!(
            "{:9}{} kills, {} writes acknowledged, {} of them lost ({:.0} ms at most), start after {:.0} ms at most",
            fsync.name(),
            figures.kills,
            figures.loss.acknowledged,
            figures.loss.lost,
            figures.loss.longest.as_secs_f64() * 1e3,
            figures.longest_start.as_secs_f64() * 1e3,
        );
    }
    Ok(())
}
