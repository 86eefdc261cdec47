//! `carnelian backup` and `restore` beside genuine redis-server and our own: what is taken comes back, what is damaged does not, and
//! nothing is left where something went wrong. S3 has a suite of its own, in tools/backup.

mod hostile;
mod kept;
mod servers;

use std::path::Path;
use std::process::Command;

use serde_json::Value as Json;
use suites::{Finished, Kind, Server, run};

/// A command line of the tool, with nothing of this process's environment that it would look at.
fn tool(line: &str) -> Command {
    let mut command = Command::new(Kind::Ours.program());
    for name in ["REDISCLI_AUTH", "CARNELIAN_BACKUP_PASSPHRASE"] {
        command.env_remove(name);
    }
    command.args(line.split_whitespace());
    command
}

/// Runs the tool in a folder.
fn carnelian(folder: &Path, line: &str) -> Finished {
    run(tool(line).current_dir(folder), b"")
}

/// What a command line answers as JSON; it must end with this code.
fn json(folder: &Path, line: &str, code: i32) -> Json {
    let finished = carnelian(folder, &format!("{line} --json"));
    assert_eq!(finished.code, Some(code), "{line}: {}{}", finished.stdout, finished.stderr);
    serde_json::from_str(&finished.stdout).expect("JSON")
}

fn url(server: &Server) -> String {
    format!("redis://127.0.0.1:{}", server.port())
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// What is in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
