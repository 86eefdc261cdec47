//! Data on disk, on live servers: points in time, kills, disks that fail, damaged files, and genuine redis-server both ways.

mod both_ways;
mod damage;
mod disk_errors;
mod kill_loop;
mod power_cut;
mod snapshot;
mod temporary;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::{env, fs};

use suites::{Client, Kind, run};

/// A field of INFO.
fn info(client: &mut Client, field: &str) -> String {
    let info = client.line("INFO").text();
    let value = info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    value.unwrap_or_else(|| panic!("{field} in INFO")).to_owned()
}

/// What is in the directory of the append-only file, but for the manifest.
fn append_only_file(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("appendonlydir")).into_iter().flatten();
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.filter(|path| path.extension().is_none_or(|extension| extension != "manifest")).collect()
}

/// Files that are only there until they are whole.
fn temporary_files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("temp-")).collect()
}

/// The library that lets calls fail and keeps a journal of them, built beside our binary.
fn faults() -> PathBuf {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        let cargo = env::var_os("CARGO").unwrap_or("cargo".into());
        let built =
            run(Command::new(cargo).args(["build", "--quiet", "--locked", "--package", "faults"]), b"");
        assert_eq!(built.code, Some(0), "{}", built.stderr);
        Kind::Ours.program().with_file_name("libfaults.so")
    };
    LIBRARY.get_or_init(build).clone()
}
