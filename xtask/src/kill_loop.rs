//! `cargo xtask kill-loop`: `kill -9` under clients that write, as often as wanted; the suites do the same a few times.

use crate::shell::{cargo, run, target};
use crate::{Done, wrong};
use lexopt::{Arg, Parser};
use std::path::PathBuf;
use suites::kill_loop::{self, Fsync};

/// Kills the server, and prints what came of it.
///
/// # Errors
/// When the server can't be built. A broken promise is a panic that says which.
pub fn kill_loop(arguments: &mut Parser) -> Done {
    let (mut times, mut clients, mut program) = (1_000, 50, None);
    while let Some(argument) = arguments.next().map_err(wrong)? {
        let mut value = || arguments.value().map_err(wrong);
        let number = |value: std::ffi::OsString| {
            value.to_str().and_then(|text| text.parse().ok()).ok_or("a number is wanted")
        };
        match argument {
            Arg::Long("times") => times = number(value()?)?,
            Arg::Long("clients") => clients = number(value()?)?,
            Arg::Long("bin") => program = Some(PathBuf::from(value()?)),
            other => return Err(other.unexpected().to_string()),
        }
    }
    let program = match program {
        Some(program) => program,
        None => {
            run(cargo().args(["build", "--release", "--package", "carnelian", "--locked"]))?;
            target().join("release/carnelian")
        }
    };
    for fsync in [Fsync::Always, Fsync::EverySec] {
        let figures = kill_loop::run(&program, fsync, times, clients as usize);
        println!(
            "{:9}{} kills, {} writes acknowledged, {} of them lost ({:.0} ms at most), start after {:.0} ms at most",
            fsync.name(),
            figures.kills,
            figures.acknowledged,
            figures.lost,
            figures.longest_loss.as_secs_f64() * 1e3,
            figures.longest_start.as_secs_f64() * 1e3,
        );
    }
    Ok(())
}
