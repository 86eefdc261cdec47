//! `cargo xtask test`: everything that must hold before a change is done; `cargo xtask differential`.

use crate::shell::{cargo, run, run_with_lines, works};
use crate::{Done, in_ci, needs, wrong};
use lexopt::{Arg, Parser, ValueExt};

/// The whole check. Later steps run even when earlier ones fail; the end says which did.
///
/// # Errors
/// When something is missing, or a step failed.
pub fn test(arguments: &mut Parser) -> Done {
    let (mut install, mut deny) = (true, false);
    while let Some(argument) = arguments.next().map_err(wrong)? {
        match argument {
            Arg::Long("no-install") => install = false,
            Arg::Long("deny") => deny = true,
            other => return Err(other.unexpected().to_string()),
        }
    }
    needs::meet(install)?;
    let lints = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
    let steps = [
        ("format", run(cargo().args(["fmt", "--all", "--check"]))),
        ("lints", run(cargo().args(lints))),
        ("dependencies", dependencies(deny)),
        ("tests", tests()),
    ];
    let failed: Vec<String> =
        steps.into_iter().filter_map(|(step, done)| Some(format!("{step}: {}", done.err()?))).collect();
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n")) }
}

/// Licences, bans and sources, where cargo-deny is at hand: compiling it takes minutes. `--deny` installs it, and
/// looks for advisories too, which takes a way to their database on GitHub.
fn dependencies(whole: bool) -> Done {
    let installed = || works(cargo().args(["deny", "--version"]));
    if whole && !installed() {
        run(cargo().args(["install", "--locked", "cargo-deny"]))?;
    }
    if !installed() {
        eprintln!(
            "skipped: cargo deny check (cargo-deny is not installed; `cargo xtask test --deny` does that)"
        );
        return Ok(());
    }
    run(cargo().args([
        "deny",
        "--workspace",
        "check",
        "--hide-inclusion-graph",
        "licenses",
        "bans",
        "sources",
    ]))?;
    if whole { run(cargo().args(["deny", "--workspace", "check", "advisories"])) } else { Ok(()) }
}

/// The binary that the live suites start.
fn build() -> Done {
    run(cargo().args(["build", "--package", "carnelian", "--locked"]))
}

/// All tests of the workspace, which builds the binary too, as that has tests of its own; the runner's summary lines
/// come again at the end.
fn tests() -> Done {
    let mut summary = Summary::default();
    let mut command = cargo();
    command.args(["test", "--workspace", "--locked", "--no-fail-fast"]);
    if in_ci() {
        command.env("RUST_BACKTRACE", "0");
    }
    let done = run_with_lines(&mut command, |line| summary.read(line));
    summary.show();
    done
}

#[derive(Default)]
struct Summary {
    lines: Vec<String>,
    failures: Vec<String>,
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Summary {
    /// Takes in a line of libtest: `test NAME ... FAILED`, or `test result: ok. 3 passed; 0 failed; ...`.
    fn read(&mut self, line: &str) {
        if let Some(name) = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED")) {
            self.failures.push(name.to_string());
        }
        let Some((_, counts)) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for count in counts.split("; ") {
            let Some((number, what)) = count.split_once(' ') else { continue };
            let number = number.parse().unwrap_or(0);
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
        if !line.contains(" 0 passed; 0 failed;") {
            self.lines.push(line.to_string());
        }
    }

    fn show(&self) {
        println!("\n--- summary of all test binaries ---");
        self.lines.iter().for_each(|line| println!("{line}"));
        self.failures.iter().for_each(|name| println!("FAILED {name}"));
        println!("total: {} passed; {} failed; {} ignored", self.passed, self.failed, self.ignored);
    }
}

/// The differential suite alone, as long as one wants.
///
/// # Errors
/// When the servers differ.
pub fn differential(arguments: &mut Parser) -> Done {
    build()?;
    let mut command = cargo();
    command.args(["test", "--package", "suites", "--test", "differential", "--"]);
    while let Some(argument) = arguments.next().map_err(wrong)? {
        match argument {
            Arg::Long("commands") => command.env("DIFFERENTIAL_COMMANDS", number(arguments)?),
            Arg::Long("seed") => command.env("SEED", number(arguments)?),
            Arg::Value(family) => command.arg("--exact").arg(family),
            other => return Err(other.unexpected().to_string()),
        };
    }
    run(&mut command)
}

fn number(arguments: &mut Parser) -> Done<String> {
    let number: u64 = arguments.value().and_then(|value| value.parse()).map_err(wrong)?;
    Ok(number.to_string())
}

#[cfg(test)]
mod tests {
    use super::Summary;

    #[test]
    fn counts_of_all_binaries_add_up() {
        let mut summary = Summary::default();
        for line in [
            "test a ... ok",
            "test b::c ... FAILED",
            "test result: FAILED. 3 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: ok. 4 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
        ] {
            summary.read(line);
        }
        assert_eq!((summary.passed, summary.failed, summary.ignored), (7, 1, 2));
        assert_eq!((summary.failures.as_slice(), summary.lines.len()), (&["b::c".to_string()][..], 2));
    }
}
