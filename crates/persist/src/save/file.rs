//! A file that is there as a whole or not at all: written under a temporary name, forced to disk, and then renamed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::Advice;

use super::temporary;

/// Bytes after which what was written is forced to disk, where that is done bit by bit (Redis's `REDIS_AUTOSYNC_BYTES`).
const SYNC_BYTES: u64 = 4 << 20;
/// Bytes a second that a file in the background grows by at most, so that the disk has time for others.
const PACE: f64 = 500e6;

/// A file on its way.
#[derive(Debug)]
pub struct NewFile {
    file: File,
    /// Where it is until it is whole.
    temporary: PathBuf,
    written: u64,
    synced: u64,
    /// Force it to disk bit by bit.
    incremental: bool,
    /// Since when it is written at no more than the pace.
    paced: Option<Instant>,
    published: bool,
}

impl NewFile {
    /// Makes a file under a temporary name, replacing what is left there from another time.
    ///
    /// # Errors
    /// Those of the system.
    pub fn create(temporary: PathBuf, incremental: bool) -> io::Result<NewFile> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(&temporary)?;
        temporary::hold(&file);
        Ok(NewFile { file, temporary, written: 0, synced: 0, incremental, paced: None, published: false })
    }

    /// From here on it is written at a moderate pace.
    pub fn pace(&mut self) {
        self.paced = Some(Instant::now());
    }

    /// Bytes written.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Forces what was written to disk, and leaves no trace of it in the page cache, where data in use has its place.
    fn sync_data(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        self.synced = self.written;
        // Advice: where it is not taken, nothing is wrong.
        let _ = rustix::fs::fadvise(&self.file, 0, None, Advice::DontNeed);
        Ok(())
    }

    fn keep_pace(&self) {
        if let Some(since) = self.paced {
            let due = Duration::from_secs_f64(self.written as f64 / PACE);
            std::thread::sleep(due.saturating_sub(since.elapsed()));
        }
    }

    /// Gives it its name, with everything on disk.
    ///
    /// # Errors
    /// Those of the system; a file of that name is as it was then.
    pub fn publish(mut self, name: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        let _ = rustix::fs::fadvise(&self.file, 0, None, Advice::DontNeed);
        fs::rename(&self.temporary, name)?;
        self.published = true;
        sync_directory_of(name)
    }
}

/// Forces the names in a file's directory to disk.
pub fn sync_directory_of(file: &Path) -> io::Result<()> {
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.written += count as u64;
        if self.incremental && self.written - self.synced >= SYNC_BYTES {
            self.sync_data()?;
        }
        self.keep_pace();
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.published {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_there_as_a_whole_or_not_at_all() {
        let dir = tempfile::tempdir().expect("a directory");
        let (temporary, name) = (dir.path().join("temp"), dir.path().join("file"));
        fs::write(&name, "old").expect("written");
        let mut half = NewFile::create(temporary.clone(), true).expect("made");
        half.write_all(b"half").expect("written");
        drop(half);
        assert_eq!((fs::read(&name).expect("there"), temporary.exists()), (b"old".to_vec(), false));
        let mut whole = NewFile::create(temporary.clone(), true).expect("made");
        let bytes = vec![7; 9 << 20];
        whole.write_all(&bytes).expect("written");
        whole.publish(&name).expect("renamed");
        assert_eq!((fs::read(&name).expect("there"), temporary.exists()), (bytes, false));
    }
}
