//! `cargo xtask power-cut`: the power fails under clients that write, on paper, as often as wanted; the suites do the same a
//! few times.

use crate::shell::{cargo, release_server, run, target};
use crate::{Done, wrong};
use lexopt::{Arg, Parser, ValueExt};
use std::path::PathBuf;
use suites::power_cut::{self, Promise, Trial};
use suites::writers::Fsync;

/// Lets the power fail, and prints what came of it.
///
/// # Errors
/// When the server can't be built, and the first promise that is broken; what was on the disk then is kept.
pub fn power_cut(arguments: &mut Parser) -> Done {
    let (mut cuts, mut clients, mut seed, mut program) = (300, 20, 1, None);
    while let Some(argument) = arguments.next().map_err(wrong)? {
        let number = |arguments: &mut Parser| arguments.value().and_then(|value| value.parse::<u32>());
        match argument {
            Arg::Long("times") => cuts = number(arguments).map_err(wrong)?,
            Arg::Long("clients") => clients = number(arguments).map_err(wrong)? as usize,
            Arg::Long("seed") => seed = number(arguments).map_err(wrong)?.into(),
            Arg::Long("bin") => program = Some(PathBuf::from(arguments.value().map_err(wrong)?)),
            other => return Err(other.unexpected().to_string()),
        }
    }
    let program = release_server(program)?;
    run(cargo().args(["build", "--quiet", "--package", "faults", "--locked"]))?;
    let library = target().join("debug/libfaults.so");
    let trials = [
        ("always", Some(Fsync::Always), Promise::All),
        ("everysec", Some(Fsync::EverySec), Promise::Recent),
        ("snapshots", None, Promise::Snapshot),
    ];
    for (name, fsync, promise) in trials {
        let (program, library) = (&program, &library);
        let forgets_directories = false;
        let trial = Trial { program, library, fsync, promise, clients, cuts, seed, forgets_directories };
        let figures = power_cut::run(&trial)
            .map_err(|broken| format!("{name}: {}\nSee {}", broken.what, broken.disk.keep().display()))?;
        println!(
            "{name:10}{} power cuts, {} writes acknowledged until then, {} of them lost ({:.0} ms at most)",
            figures.cuts,
            figures.loss.acknowledged,
            figures.loss.lost,
            figures.loss.longest.as_secs_f64() * 1e3,
        );
    }
    Ok(())
}
