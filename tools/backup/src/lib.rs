//! `carnelian backup` and `carnelian restore`: a server's snapshot to a folder or to S3, and back.
//!
//! The tool knows a server by the wire alone, ours, genuine Redis or Valkey, and a snapshot by its bytes:
//!
//! - [`source`] is where a snapshot comes from: a full synchronisation, BGSAVE and the file on this machine, or a file;
//! - [`seal`] compresses, encrypts ([`keys`]) and sums it, [`inspect`] looks at it as it goes by;
//! - [`store`] is where backups are kept, each beside its [`manifest`], which makes it one; [`catalogue`] finds and reads them back;
//! - [`retention`] says which to keep; [`take`], [`show`], [`prune`](mod@prune) and [`restore`] are what the user asks for.
//!
//! Everything streams: memory is bounded by a few parts of an upload and the largest value. Nothing prints a password.

pub mod args;
pub mod catalogue;
pub mod error;
pub mod inspect;
pub mod keys;
pub mod manifest;
pub mod output;
pub mod prune;
pub mod restore;
pub mod retention;
pub mod seal;
pub mod show;
pub mod source;
pub mod store;
pub mod take;

use std::ffi::OsString;
use std::process::ExitCode;

use args::{Backup, Restore, Task};
use clap::Parser;
use error::Result;
use output::Output;

/// `carnelian backup ARGS`; `args` begins after the tool's name. Exits with 2 on a bad command line.
pub fn backup_main(args: Vec<OsString>) -> ExitCode {
    let parsed = match Backup::try_parse_from(args) {
        Ok(parsed) => parsed,
        Err(error) => return complain(&error),
    };
    match parsed.task {
        Some(Task::List(list)) => run("backup", list.json, |out| show::list(&list, out)),
        Some(Task::Verify(verify)) => run("backup", verify.json, |out| show::verify(&verify, out)),
        Some(Task::Prune(prune)) => run("backup", prune.json, |out| prune::run(&prune, out)),
        None => run("backup", parsed.take.json, |out| take::run(&parsed.take, out)),
    }
}

/// `carnelian restore ARGS`; `args` begins after the tool's name. Exits with 2 on a bad command line.
pub fn restore_main(args: Vec<OsString>) -> ExitCode {
    match Restore::try_parse_from(args) {
        Ok(options) => run("restore", options.json, |out| restore::run(&options, out)),
        Err(error) => complain(&error),
    }
}

fn run(tool: &'static str, json: bool, task: impl FnOnce(&mut Output) -> Result<()>) -> ExitCode {
    let mut out = Output::new(tool, json);
    let ended = task(&mut out);
    out.finish(ended)
}

/// Prints clap's help, version or error.
fn complain(error: &clap::Error) -> ExitCode {
    // A closed pipe is no reason to fail differently.
    let _ = error.print();
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}
