//! The names of files that are not whole yet, and the end of those that never will be.
//!
//! A process that is killed leaves them behind. The next start removes those that are ours by name and that nobody holds a lock
//! on: whoever writes one does ([`NewFile`](super::NewFile)), and the system takes the lock away with the process. A process id
//! would not do: in a container it is the same each time, and elsewhere the process is not seen from here.
//!
//! Redis's own leftovers have other names (`temp-PID.rdb`), and stay.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use config::Config;
use rustix::fs::{FlockOperation, OFlags, flock};

/// What stands before and behind the two numbers in the name of a snapshot, and of the base of an append-only file.
const SNAPSHOT: [&str; 2] = ["temp-", ".rdb"];
const BASE: [&str; 2] = ["temp-rewriteaof-bg-", ".aof"];

/// The name of a snapshot until it is whole, by a number that no other one at work has.
pub fn snapshot(number: u64) -> PathBuf {
    name(SNAPSHOT, number)
}

/// The name of the base of an append-only file until it is whole.
pub fn base(number: u64) -> PathBuf {
    name(BASE, number)
}

fn name([start, end]: [&str; 2], number: u64) -> PathBuf {
    PathBuf::from(format!("{start}{}-{number}{end}", std::process::id()))
}

/// Says that a file is being written. Where the file system has no locks nobody is told, and what is left stays.
pub fn hold(file: &File) {
    let _ = flock(file, FlockOperation::NonBlockingLockExclusive);
}

/// Removes from the working directory what others have left there and nobody holds; answers the names.
///
/// # Errors
/// When the directory can't be read. A file that can't be removed stays.
pub fn remove_abandoned(config: &Config) -> io::Result<Vec<String>> {
    let mut removed = Vec::new();
    for entry in fs::read_dir(".")? {
        let Ok(name) = entry?.file_name().into_string() else { continue };
        let is_in_use = name == config.dbfilename || name == config.appendfilename;
        if is_ours(&name) && !is_in_use && remove(Path::new(&name)).is_ok() {
            removed.push(name);
        }
    }
    Ok(removed)
}

/// Whether only we give such names.
fn is_ours(name: &str) -> bool {
    [SNAPSHOT, BASE].iter().any(|[start, end]| {
        let numbers = name.strip_prefix(start).and_then(|rest| rest.strip_suffix(end));
        numbers
            .and_then(|numbers| numbers.split_once('-'))
            .is_some_and(|(pid, number)| is_number::<u32>(pid) && pid != "0" && is_number::<u64>(number))
    })
}

/// Whether this is a number as it is printed: no sign, no zeros in front.
fn is_number<N: std::str::FromStr + ToString>(text: &str) -> bool {
    text.parse::<N>().is_ok_and(|number| number.to_string() == text)
}

fn remove(path: &Path) -> io::Result<()> {
    // Neither what a link leads to, nor a pipe that nobody writes to.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    fs::remove_file(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_are_given_here_are_ours() {
        for path in [snapshot(0), snapshot(u64::MAX), base(0), base(17)] {
            assert!(is_ours(path.to_str().expect("text")), "{path:?}");
        }
        let others = [
            "dump.rdb",
            "temp-1.rdb",
            "temp-1700000000.1.rdb",
            "temp-0-1.rdb",
            "temp-01-1.rdb",
            "temp-1-01.rdb",
            "temp-+1-1.rdb",
            "temp-1-1.rdb.bak",
            "temp-1-1.aof",
            "temp-notes-1.rdb",
            "temp-1-1-1.rdb",
            "temp-rewriteaof-bg-1.aof",
            "temp-rewriteaof-1-1.aof",
            "temp-appendonly.aof.manifest",
            "my-temp-1-1.rdb",
        ];
        for name in others {
            assert!(!is_ours(name), "{name}");
        }
    }

    #[test]
    fn what_is_held_stays() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("temp-1-1.rdb");
        let file = File::create(&path).expect("made");
        hold(&file);
        assert!(remove(&path).is_err() && path.exists());
        drop(file);
        assert!(remove(&path).is_ok() && !path.exists());
        std::os::unix::fs::symlink("/dev/null", &path).expect("a link");
        assert!(remove(&path).is_err());
        fs::remove_file(&path).and_then(|()| fs::create_dir(&path)).expect("a directory");
        assert!(remove(&path).is_err() && path.exists());
    }
}
