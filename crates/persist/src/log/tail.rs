//! The last increment of an append-only file, which grows: what could not be written, or not be forced to disk, is kept until
//! it is.
//!
//! After a failed write the file is cut back to whole commands, and the rest is tried again. After a failed fsync the system may
//! have dropped what it could not write and calls the pages clean, so a second fsync says nothing: the bytes since the last
//! one that worked are written again from memory. Where those are too many to keep, only a rewrite makes the file whole.
//! What the power may tear is announced as a [`Block`].

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use formats::aof::block::SECTOR;
use formats::aof::{self, Block, Checksums};

/// Bytes of commands behind which a checksum line is due.
const CHECKED: u64 = 4 << 10;
/// Bytes kept in memory until they are forced to disk; more are not.
const KEPT: usize = 32 << 20;
/// Bytes of an empty buffer that are kept for what comes next.
const ROOM: usize = 1 << 20;

/// A file that grows.
#[derive(Debug)]
pub struct Tail {
    file: File,
    /// Bytes of it that are whole commands, all written.
    len: u64,
    sums: Checksums,
    /// Bytes up to here are on disk.
    synced: u64,
    /// Bytes up to here are on disk, and the file says so.
    marked: u64,
    /// What is behind that; `None`: too much to keep.
    unsynced: Option<Vec<u8>>,
    /// A force to disk has failed since.
    sync_failed: bool,
    /// What could not be written.
    stuck: Vec<u8>,
    /// Empty: room for what is being written.
    block: Vec<u8>,
    /// The last time that was noted, in Unix seconds.
    noted: i64,
}

/// How commands are put down.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// With checksum lines (`aof-checksum`).
    pub checksums: bool,
    /// With this time in front, in Unix seconds, if it is another one than before (`aof-timestamp-enabled`).
    pub time: Option<i64>,
}

impl Tail {
    /// Makes a file, or goes on with one whose checksum so far is `sums`; what it has is forced to disk, since whoever wrote it
    /// may have been ended before that.
    ///
    /// # Errors
    /// Those of the system.
    pub fn open(path: &Path, sums: Checksums) -> io::Result<Tail> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        let len = sums.offset();
        if len > 0 {
            file.sync_all()?;
        }
        Ok(Tail {
            file,
            len,
            sums,
            synced: len,
            marked: len,
            unsynced: Some(Vec::new()),
            sync_failed: false,
            stuck: Vec::new(),
            block: Vec::new(),
            noted: 0,
        })
    }

    /// Bytes of the file.
    #[cfg(test)]
    fn len(&self) -> u64 {
        self.len
    }

    /// Whether something was written that is not forced to disk.
    pub fn is_dirty(&self) -> bool {
        self.synced < self.len
    }

    /// Whether something could not be written, or be forced to disk.
    pub fn is_failing(&self) -> bool {
        !self.stuck.is_empty() || self.sync_failed
    }

    /// Bytes of memory that it takes.
    pub fn footprint(&self) -> usize {
        let kept = self.unsynced.as_ref().map_or(0, Vec::capacity);
        kept + self.stuck.capacity() + self.block.capacity()
    }

    /// Bytes that could not be written.
    pub fn stuck_bytes(&self) -> usize {
        self.stuck.len()
    }

    /// Whether bytes may have been lost that nobody has any more.
    pub fn is_lost(&self) -> bool {
        self.sync_failed && self.unsynced.is_none()
    }

    /// Appends whole commands. After an error they are kept, and go before all others the next time.
    ///
    /// # Errors
    /// Those of the system.
    pub fn append(&mut self, commands: &[u8], style: Style) -> io::Result<()> {
        let mut before = std::mem::take(&mut self.stuck);
        if let Some(seconds) = style.time.filter(|seconds| !commands.is_empty() && *seconds != self.noted) {
            aof::timestamp(&mut before, seconds);
            self.noted = seconds;
        }
        if before.is_empty() && commands.is_empty() {
            return Ok(());
        }
        let mut block = std::mem::take(&mut self.block);
        let sums = self.put_down(&mut block, &[&before, commands], style);
        let written = self.file.write_all_at(&block, self.len);
        if written.is_ok() {
            self.accept(&block, sums);
        } else {
            // What is behind the whole commands is written over the next time, and a loader would cut it off.
            let _ = self.file.set_len(self.len);
            before.extend_from_slice(commands);
            self.stuck = before;
        }
        empty(&mut block);
        self.block = block;
        written
    }

    /// Puts commands down, with what belongs around them. Answers the checksum behind that.
    fn put_down(&mut self, block: &mut Vec<u8>, commands: &[&[u8]], style: Style) -> Checksums {
        let (len, mut sums) = (commands.iter().map(|part| part.len() as u64).sum(), self.sums);
        let is_due = len >= SECTOR || self.synced >= self.marked + CHECKED;
        if style.checksums && is_due {
            Block { synced: self.synced, len }.begin(block);
            self.marked = self.synced;
        }
        commands.iter().for_each(|part| block.extend_from_slice(part));
        match style.checksums {
            true => sums.seal(block, if is_due { 1 } else { CHECKED }),
            false => sums.update(block),
        }
        sums
    }

    fn accept(&mut self, block: &[u8], sums: Checksums) {
        self.len += block.len() as u64;
        self.sums = sums;
        if self.unsynced.as_ref().is_some_and(|kept| kept.len() + block.len() > KEPT) {
            self.unsynced = None;
        }
        if let Some(kept) = &mut self.unsynced {
            kept.extend_from_slice(block);
        }
    }

    /// Adds the checksum line that is still due, if there are to be any.
    ///
    /// # Errors
    /// Those of the system; the line is left out then.
    pub fn seal(&mut self, style: Style) -> io::Result<()> {
        if !style.checksums || self.sums.uncovered() == 0 || !self.stuck.is_empty() {
            return Ok(());
        }
        let (mut sums, mut line) = (self.sums, Vec::new());
        sums.seal(&mut line, 1);
        self.file.write_all_at(&line, self.len)?;
        self.accept(&line, sums);
        Ok(())
    }

    /// Forces everything to disk.
    ///
    /// # Errors
    /// Those of the system; nothing since the last time that worked can be relied on then.
    pub fn sync(&mut self) -> io::Result<()> {
        if self.sync_failed {
            self.write_again()?;
        }
        let synced = self.file.sync_data();
        self.sync_failed = synced.is_err();
        synced?;
        self.synced = self.len;
        empty(self.unsynced.get_or_insert_default());
        Ok(())
    }

    /// Writes again what a failed fsync may have lost.
    fn write_again(&mut self) -> io::Result<()> {
        let Some(kept) = &self.unsynced else {
            return Err(io::Error::other("what was written can't be relied on until the file is rewritten"));
        };
        self.file.write_all_at(kept, self.synced)
    }
}

/// Empties a buffer that is used again, and gives back what it has too much.
pub fn empty(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.shrink_to(ROOM);
}

#[cfg(test)]
mod tests {
    use super::*;
    use formats::aof::{Reader, Record};

    const PLAIN: Style = Style { checksums: false, time: None };

    fn set(n: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        aof::command(&mut bytes, ["SET", &n.to_string(), &"v".repeat(n)].iter());
        bytes
    }

    #[test]
    fn what_is_appended_can_be_read_and_gone_on_with() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a.aof");
        let style = Style { checksums: true, time: Some(1_700_000_000) };
        let mut sums = Checksums::default();
        for round in 0..3 {
            let mut tail = Tail::open(&path, sums).expect("opened");
            (0..300).for_each(|n| tail.append(&set(n), style).expect("written"));
            tail.seal(style).expect("written");
            assert!(tail.is_dirty());
            tail.sync().expect("synced");
            assert!(!tail.is_dirty());
            let mut reader = Reader::new(File::open(&path).expect("there"), true);
            let (mut commands, mut times) = (0, 0);
            while let Some(record) = reader.next().expect("whole") {
                match record {
                    Record::Command(args) => {
                        assert_eq!(args.at(1), (commands % 300).to_string().as_bytes());
                        commands += 1;
                    }
                    Record::Timestamp(seconds) => times += (seconds == 1_700_000_000) as i32,
                    _ => {}
                }
            }
            assert_eq!((commands, times), (300 * (round + 1), round + 1));
            assert_eq!((reader.verified(), reader.offset()), (tail.len(), tail.len()));
            sums = reader.sums();
        }
    }

    #[test]
    fn what_cannot_be_written_is_kept() {
        // A device that is always full.
        let mut tail = Tail::open(Path::new("/dev/full"), Checksums::default()).expect("opened");
        assert!(tail.append(&set(1), PLAIN).is_err() && tail.is_failing());
        assert!(tail.append(&set(2), PLAIN).is_err());
        assert_eq!((tail.len(), tail.stuck_bytes()), (0, set(1).len() + set(2).len()));
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a.aof");
        tail.file = File::create(&path).expect("made");
        tail.append(&set(3), PLAIN).expect("written");
        assert!(!tail.is_failing());
        assert_eq!(std::fs::read(&path).expect("there"), [set(1), set(2), set(3)].concat());
    }
}
