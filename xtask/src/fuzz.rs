//! `cargo xtask fuzz`: the targets of `fuzz/`, run by cargo-fuzz on a nightly toolchain.

use crate::shell::{root, run, works};
use crate::{Done, wrong};
use lexopt::{Arg, Parser, ValueExt};
use std::fs;
use std::process::Command;

/// Runs one target, or each in turn.
///
/// # Errors
/// When cargo-fuzz is missing, the target unknown, or an input broke it.
pub fn fuzz(arguments: &mut Parser) -> Done {
    let (mut chosen, mut seconds) = (None, 60_u64);
    while let Some(argument) = arguments.next().map_err(wrong)? {
        match argument {
            Arg::Long("seconds") => {
                seconds = arguments.value().and_then(|value| value.parse()).map_err(wrong)?
            }
            Arg::Value(name) => chosen = Some(name.string().map_err(wrong)?),
            other => return Err(other.unexpected().to_string()),
        }
    }
    let known = targets()?;
    let chosen = match chosen {
        Some(name) if known.contains(&name) => vec![name],
        Some(name) => return Err(format!("no target {name:?}; there are {}", known.join(", "))),
        None => known,
    };
    if !works(Command::new("cargo").args(["+nightly", "fuzz", "--version"])) {
        return Err(
            "it needs `rustup toolchain install nightly` and `cargo install --locked cargo-fuzz`".into()
        );
    }
    for name in chosen {
        let limit = format!("-max_total_time={seconds}");
        run(Command::new("cargo")
            .args(["+nightly", "fuzz", "run", &name, "--", &limit])
            .current_dir(root()))?;
    }
    Ok(())
}

/// The targets are the files of `fuzz/fuzz_targets`.
fn targets() -> Done<Vec<String>> {
    let folder = root().join("fuzz/fuzz_targets");
    let entries = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let names =
        entries.filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_string_lossy().into_owned()));
    let mut names: Vec<String> = names.collect();
    names.sort();
    Ok(names)
}
