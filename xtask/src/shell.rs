//! Running other programs, and saying so.

use crate::Done;
use std::env;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The workspace's folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is in the workspace")
}

/// Cargo's folder for what it builds.
pub fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// The cargo that runs us, in the workspace.
pub fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Runs a command to its end, showing what it is and what it says.
///
/// # Errors
/// When it cannot be started or fails.
pub fn run(command: &mut Command) -> Done {
    let shown = shown(command);
    eprintln!("> {shown}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{shown}` failed ({status})")),
        Err(error) => Err(format!("`{shown}`: {error}")),
    }
}

/// The release build of the server, or what is given in its place.
///
/// # Errors
/// When it can't be built.
pub fn release_server(given: Option<PathBuf>) -> Done<PathBuf> {
    match given {
        Some(program) => Ok(program),
        None => {
            run(cargo().args(["build", "--release", "--package", "carnelian", "--locked"]))?;
            Ok(target().join("release/carnelian"))
        }
    }
}

/// Runs a command as [`run`] does and hands each line of its standard output to `each`, beside showing it.
///
/// # Errors
/// As [`run`].
pub fn run_with_lines(command: &mut Command, mut each: impl FnMut(&str)) -> Done {
    let shown = shown(command);
    eprintln!("> {shown}");
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(|error| format!("`{shown}`: {error}"))?;
    let stdout = child.stdout.take().ok_or("no pipe to the command")?;
    for line in BufReader::new(stdout).split(b'\n') {
        let line = line.map_err(|error| format!("`{shown}`: {error}"))?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        each(&line);
    }
    std::io::stdout().flush().map_err(|error| error.to_string())?;
    match child.wait() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{shown}` failed ({status})")),
        Err(error) => Err(format!("`{shown}`: {error}")),
    }
}

/// Whether a command can be started and succeeds; its output is not shown.
pub fn works(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// The path of a program, looked for as a shell does.
pub fn which(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

fn shown(command: &Command) -> String {
    let words = [command.get_program()].into_iter().chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
