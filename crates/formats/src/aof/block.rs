//! Blocks: what is appended at once, and what the power may tear.
//!
//! A disk writes sectors, in any order. When the power fails, sectors may be missing of what was written and not yet forced to
//! disk: a file that has grown has zeros there. Commands in front of such a hole are whole and those behind it may be; and a
//! hole in the middle of a long value looks like one. So an append that a hole can hide in begins with an annotation,
//!
//! ```text
//! #BK:SYNCED LENGTH
//! ```
//!
//! which says that LENGTH bytes behind the line are one block, which a checksum line ends. Of a block whose end is missing a loader
//! takes what is whole, as of any file, if no sector of it may be missing; otherwise nothing.
//! SYNCED is up to where the file was on disk when the block was written. A hole before an offset that some later block calls
//! synced was made by something else than a power cut, and is not passed over.
//!
//! The idea that a torn write is known by a sector of zeros is that of etcd's write-ahead log.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;

use codec::number::parse_i64;

use super::annotation::{BLOCK, CHECKSUM};

/// Bytes that a disk writes as a whole, at least.
pub const SECTOR: u64 = 512;

/// Bytes that are searched at once.
const CHUNK: usize = 1 << 20;
/// Bytes behind a hole of which nothing says when they were written: more than two seconds' appends that are too short to be
/// announced.
const MOST_UNKNOWN: u64 = 4 << 20;
/// The longest annotation of a block.
const LONGEST: usize = 48;

/// What the line in front of a block says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Bytes of the file that were on disk when it was written.
    pub synced: u64,
    /// Bytes behind the line, up to the checksum line.
    pub len: u64,
}

impl Block {
    /// Appends the line.
    pub fn begin(self, out: &mut Vec<u8>) {
        out.extend_from_slice(BLOCK);
        // Writing to memory does not fail.
        let _ = write!(out, "{} {}\r\n", self.synced, self.len);
    }

    /// Reads a line, without its end.
    pub fn parse(line: &[u8]) -> Option<Block> {
        let numbers = line.strip_prefix(BLOCK)?;
        let space = numbers.iter().position(|byte| *byte == b' ')?;
        let number = |digits| parse_i64(digits).and_then(|number| u64::try_from(number).ok());
        Some(Block { synced: number(&numbers[..space])?, len: number(&numbers[space + 1..])? })
    }
}

/// Whether a file can't be read on in `stopped`, a record or a block, because the power failed before that was on disk: there is a
/// sector of zeros in it, and nothing says that it was on disk. That nothing says so means something only where blocks are
/// announced (`is_announced`: there were some before, or this is one).
///
/// # Errors
/// Those of the system.
pub fn is_torn(path: &Path, stopped: &Range<u64>, is_announced: bool) -> io::Result<bool> {
    let file = File::open(path)?;
    let Some(hole) = first_hole(&file, stopped)? else { return Ok(false) };
    let rest = file.metadata()?.len().saturating_sub(stopped.end);
    Ok(match behind(&file, hole)? {
        Behind::Synced => false,
        Behind::Unsynced | Behind::Zeros => true,
        Behind::Checked => rest <= MOST_UNKNOWN,
        // Where not even the first sector is there, nothing could announce them.
        Behind::Unknown => (is_announced || hole == 0) && rest <= MOST_UNKNOWN,
    })
}

/// Whether a file has a sector of zeros behind an offset.
///
/// # Errors
/// Those of the system.
pub fn has_hole(path: &Path, from: u64) -> io::Result<bool> {
    Ok(first_hole(&File::open(path)?, &(from..u64::MAX))?.is_some())
}

/// What is behind a hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Behind {
    /// A block that was written when the place of the hole was on disk.
    Synced,
    /// One that was written before.
    Unsynced,
    /// No byte that is not zero.
    Zeros,
    /// No block, but a checksum line that is where it says: blocks are announced in this file.
    Checked,
    /// Bytes, and none of this.
    Unknown,
}

/// Where the first sector of zeros begins, or what of it is in this range.
fn first_hole(mut file: &File, stopped: &Range<u64>) -> io::Result<Option<u64>> {
    file.seek(SeekFrom::Start(stopped.start))?;
    let (mut at, mut sector) = (stopped.start, Vec::new());
    while at < stopped.end {
        sector.clear();
        let read = file.take(SECTOR - at % SECTOR).read_to_end(&mut sector)?;
        if read == 0 {
            return Ok(None);
        }
        if sector.iter().all(|byte| *byte == 0) {
            return Ok(Some(at));
        }
        at += read as u64;
    }
    Ok(None)
}

fn behind(mut file: &File, hole: u64) -> io::Result<Behind> {
    file.seek(SeekFrom::Start(hole))?;
    let (mut window, mut start, mut found) = (Vec::new(), hole, Behind::Zeros);
    loop {
        let read = file.take(CHUNK as u64).read_to_end(&mut window)?;
        if found == Behind::Zeros && window.iter().any(|byte| *byte != 0) {
            found = Behind::Unknown;
        }
        for block in blocks(&window) {
            if block.synced > hole {
                return Ok(Behind::Synced);
            }
            found = Behind::Unsynced;
        }
        if found == Behind::Unknown && has_checksum(&window, start) {
            found = Behind::Checked;
        }
        if read == 0 {
            return Ok(found);
        }
        // A line may lie across the end.
        let done = window.len().saturating_sub(LONGEST);
        window.drain(..done);
        start += done as u64;
    }
}

/// What lines say that begin blocks, wherever they stand.
fn blocks(bytes: &[u8]) -> impl Iterator<Item = Block> {
    annotations(bytes, BLOCK)
        .filter_map(|(_, line)| Block::parse(&line[..line.iter().position(|byte| *byte == b'\r')?]))
}

/// Whether there is a checksum line that stands where it says, in bytes that begin at an offset.
fn has_checksum(bytes: &[u8], start: u64) -> bool {
    let stands = |at: usize| format!("{} ", start + at as u64).into_bytes();
    annotations(bytes, CHECKSUM).any(|(at, line)| line[CHECKSUM.len()..].starts_with(&stands(at)))
}

/// What may be annotations that begin so, and where they stand.
fn annotations<'b>(bytes: &'b [u8], start: &'static [u8]) -> impl Iterator<Item = (usize, &'b [u8])> {
    let starts = bytes.windows(start.len()).enumerate().filter(move |(_, found)| *found == start);
    starts.map(|(at, _)| (at, &bytes[at..bytes.len().min(at + LONGEST)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_say_what_was_meant() {
        for block in [Block { synced: 0, len: 0 }, Block { synced: 1 << 40, len: 77 }] {
            let mut line = Vec::new();
            block.begin(&mut line);
            assert!(line.len() <= LONGEST);
            assert_eq!(Block::parse(line.strip_suffix(b"\r\n").expect("its end")), Some(block));
        }
        for line in ["#BK:", "#BK:1", "#BK:1 ", "#BK:-1 2", "#BK:1 x", "#CK:1 2"] {
            assert_eq!(Block::parse(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn a_hole_is_torn_unless_it_was_on_disk() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("file");
        let torn = |bytes: &[u8], from, to| {
            std::fs::write(&path, bytes).expect("written");
            is_torn(&path, &(from..to), true).expect("read")
        };
        let mut bytes = vec![b'x'; 4096];
        assert!(!torn(&bytes, 100, 4095), "no hole");
        bytes[1024..1536].fill(0);
        assert!(torn(&bytes, 100, 1025) && torn(&bytes, 100, 4095) && torn(&bytes, 1100, 1101));
        assert!(!torn(&bytes, 100, 1024), "behind what is wrong");
        bytes[1030] = 1;
        assert!(!torn(&bytes, 100, 4095), "no whole sector");
        bytes[1030] = 0;
        for (synced, expected) in [(1024, true), (1025, false)] {
            let mut line = Vec::new();
            Block { synced, len: 5 }.begin(&mut line);
            bytes[3000..3000 + line.len()].copy_from_slice(&line);
            assert_eq!(torn(&bytes, 100, 4095), expected);
        }
    }

    #[test]
    fn a_hole_in_a_file_without_blocks_is_damage() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("file");
        let mut bytes = vec![0; 4096];
        std::fs::write(&path, &bytes).expect("written");
        assert!(is_torn(&path, &(0..9), false).expect("read"), "nothing but a length");
        bytes.resize(5 << 20, b'x');
        std::fs::write(&path, &bytes).expect("written");
        assert!(!is_torn(&path, &(0..9), false).expect("read"), "too much that says nothing");
        bytes[5000..5012].copy_from_slice(b"#CK:5001 abc");
        std::fs::write(&path, &bytes).expect("written");
        assert!(!is_torn(&path, &(0..9), false).expect("read"), "a line that is elsewhere");
        bytes[5000..5012].copy_from_slice(b"#CK:5000 abc");
        std::fs::write(&path, &bytes).expect("written");
        bytes.truncate(100 << 10);
        std::fs::write(&path, &bytes).expect("written");
        assert!(is_torn(&path, &(0..9), false).expect("read"));
    }
}
