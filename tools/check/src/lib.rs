//! `carnelian check-rdb` and `carnelian check-aof`: what a snapshot or an append-only file holds, and what is wrong with it.
//!
//! Both answer in the lines and exit codes of redis-check-rdb and redis-check-aof, which scripts look at; `--json` prints
//! one object instead, with statistics. [`rdb`] decodes every value, so that damage inside one is found where there is
//! no checksum; [`aof`] also verifies the checksum lines of our own files, and repairs by cutting off what is not whole.
//! Behaviour matched: Redis 7.2.6 `redis-check-rdb.c` and `redis-check-aof.c`; what differs is said where it does.

pub mod aof;
mod args;
mod output;
pub mod rdb;

use std::ffi::OsString;
use std::process::ExitCode;

use args::{Asked, Options};
use output::Output;

/// `carnelian check-rdb`; `argv[0]` is the program as it was called.
pub fn rdb_main(argv: Vec<OsString>) -> ExitCode {
    run("check-rdb", argv, &args::parse_rdb, &rdb::run)
}

/// `carnelian check-aof`; `argv[0]` is the program as it was called.
pub fn aof_main(argv: Vec<OsString>) -> ExitCode {
    run("check-aof", argv, &args::parse_aof, &aof::run)
}

/// Runs a tool, which answers whether the file is sound.
fn run(
    name: &str,
    argv: Vec<OsString>,
    parse: &dyn Fn(&[OsString]) -> Asked,
    check: &dyn Fn(&Options, &Output) -> bool,
) -> ExitCode {
    let program = argv.first().map_or_else(|| name.into(), |program| program.to_string_lossy().into_owned());
    match parse(argv.get(1..).unwrap_or_default()) {
        Asked::Check(options) if check(&options, &Output::new(options.json)) => ExitCode::SUCCESS,
        Asked::Check(_) => ExitCode::FAILURE,
        Asked::Version => {
            output::print(format_args!("carnelian-{name} {}\n", env!("CARGO_PKG_VERSION")));
            ExitCode::SUCCESS
        }
        Asked::Help(usage) => {
            output::print(format_args!("Usage: {program} {usage}\n"));
            ExitCode::SUCCESS
        }
        Asked::Nothing(usage) => {
            eprintln!("Usage: {program} {usage}");
            ExitCode::FAILURE
        }
        Asked::Wrong(what) => {
            output::print(format_args!("{what}\n"));
            ExitCode::FAILURE
        }
    }
}
