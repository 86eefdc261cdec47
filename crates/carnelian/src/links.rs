//! `carnelian install-links DIR`: the names of Redis's programs, as symbolic links to this one.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::ExitCode;

use crate::TOOLS;

/// Makes the links in the directory that is the only argument, and says which.
pub fn main(arguments: &[OsString]) -> ExitCode {
    let [directory] = arguments else {
        eprintln!("Usage: carnelian install-links DIR");
        return ExitCode::FAILURE;
    };
    match install(Path::new(directory)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("carnelian: {e}");
            ExitCode::FAILURE
        }
    }
}

fn install(directory: &Path) -> io::Result<()> {
    let program = std::env::current_exe()?;
    for tool in TOOLS.iter().filter(|tool| tool.in_redis) {
        let link = directory.join(format!("redis-{}", tool.name));
        make(&program, &link).map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", link.display())))?;
        writeln!(io::stdout(), "{} -> {}", link.display(), program.display())?;
    }
    Ok(())
}

/// Replaces a link, for instance to an older build; anything else, such as a genuine redis-server, stays untouched.
fn make(program: &Path, link: &Path) -> io::Result<()> {
    match fs::symlink_metadata(link) {
        Ok(found) if !found.is_symlink() => return Err(io::Error::other("exists and is not a link")),
        Ok(_) => fs::remove_file(link)?,
        Err(_) => {}
    }
    symlink(program, link)
}
