//! The project's own chores: `cargo xtask TASK`.
//!
//! A task is a function from its arguments to a [`Done`]; [`TASKS`] is the one list of them.

mod bench;
mod conformance;
mod fuzz;
mod kill_loop;
mod needs;
mod power_cut;
mod shell;
mod test;

use lexopt::{Arg, Parser, ValueExt};
use std::env;
use std::process::ExitCode;

/// What a task ends with: nothing, or why it failed, for the user to read.
pub type Done<T = ()> = Result<T, String>;

struct Task {
    name: &'static str,
    arguments: &'static str,
    summary: &'static str,
    run: fn(&mut Parser) -> Done,
}

const TASKS: [Task; 7] = [
    Task {
        name: "test",
        arguments: "[--no-install] [--deny]",
        summary: "installs what the tests lack (apt-get, only when something is missing), checks format, lints \
                  and dependencies, and runs all tests",
        run: test::test,
    },
    Task {
        name: "differential",
        arguments: "[--commands N] [--seed N] [FAMILY]",
        summary: "long random command sequences, us against redis-server; --seed replays one round",
        run: test::differential,
    },
    Task {
        name: "fuzz",
        arguments: "[TARGET] [--seconds N]",
        summary: "runs a fuzz target (cargo-fuzz, nightly), all of them for 60 s each without a name",
        run: fuzz::fuzz,
    },
    Task {
        name: "bench",
        arguments: "[--rounds N] [--scale F] [--memory | --hit-rate | --load | --aof | --large] [--bin PATH] [NAME...]",
        summary: "measures our release build, with one and two threads, beside redis-server in the same run",
        run: bench::bench,
    },
    Task {
        name: "kill-loop",
        arguments: "[--times N] [--clients N] [--bin PATH]",
        summary: "kill -9 under clients that write, with appendfsync always and everysec: nothing acknowledged may \
                  be lost with the first, and only the end of the last two seconds with the second",
        run: kill_loop::kill_loop,
    },
    Task {
        name: "power-cut",
        arguments: "[--times N] [--clients N] [--seed N] [--bin PATH]",
        summary: "the power fails, in simulation, under clients that write: with appendfsync always, everysec, and with \
                  snapshots only; what is left is what was forced to disk, and of the rest any sectors",
        run: power_cut::power_cut,
    },
    Task {
        name: "conformance",
        arguments: "CHECKOUT_7.2 CHECKOUT_7.4 --runner PATH [--io-threads N] [--jobs N] [--bin PATH] [--only FILE]...",
        summary: "runs the upstream Tcl suites through a runner, compares what fails with docs/conformance-waiting.tsv, \
                  and writes both into docs/conformance.md",
        run: conformance::conformance,
    },
];

fn main() -> ExitCode {
    let mut arguments = Parser::from_env();
    let name = match arguments.next() {
        Ok(Some(Arg::Value(name))) => name.string().unwrap_or_default(),
        _ => return usage(),
    };
    let Some(task) = TASKS.iter().find(|task| task.name == name) else { return usage() };
    match (task.run)(&mut arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask {name}: {why}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("cargo xtask TASK, where TASK is one of");
    for Task { name, arguments, summary, .. } in &TASKS {
        eprintln!("\n  {name} {arguments}\n      {summary}");
    }
    ExitCode::from(2)
}

/// The text of an error of the argument parser.
fn wrong(error: lexopt::Error) -> String {
    error.to_string()
}

/// Whether this runs in a CI job: then it prints less of what succeeded.
fn in_ci() -> bool {
    env::var_os("CI").is_some()
}
