//! `pidfile`: the process's id in a file, for scripts that signal it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where the id of a daemon goes that names no file.
pub const DEFAULT_PATH: &str = "/var/run/redis.pid";

/// A pid file that was written. It stays when this is dropped: only an orderly shutdown removes it.
#[derive(Debug)]
pub struct PidFile(PathBuf);

impl PidFile {
    /// Writes the process's id and an end of line to `path`, over what is there. An error is worth a warning, no more.
    pub fn create(path: &Path) -> io::Result<PidFile> {
        fs::write(path, format!("{}\n", std::process::id()))?;
        Ok(PidFile(path.to_owned()))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Removes it, if it is still there.
    pub fn remove(self) {
        let _ = fs::remove_file(self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_the_pid_and_goes_when_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("redis.pid");
        fs::write(&path, "999999 and more").unwrap();
        let file = PidFile::create(&path).unwrap();
        assert_eq!(fs::read_to_string(file.path()).unwrap(), format!("{}\n", std::process::id()));
        file.remove();
        assert!(!path.exists());
    }

    #[test]
    fn a_path_that_cannot_be_written_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        assert!(PidFile::create(&dir.path().join("no/such/dir/pid")).is_err());
    }
}
