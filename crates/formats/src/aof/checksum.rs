//! The checksum of an AOF so far, and the lines that say it.

use std::io::Write;

use codec::crc64::Crc64;

/// The CRC-64 of a file's bytes from its start (that of the commands, where an RDB stands in front of them), and how
/// far it goes: what a writer keeps beside an open file, and a reader gives it so that it can go on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Checksums {
    crc: Crc64,
    offset: u64,
    uncovered: u64,
}

impl Checksums {
    /// Those of commands that begin at an offset of their file, which is 0 unless an RDB stands in front of them.
    pub fn new(offset: u64) -> Self {
        Self { offset, ..Self::default() }
    }

    /// Up to where in the file it goes.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How many of the bytes have no checksum line behind them yet.
    pub fn uncovered(&self) -> u64 {
        self.uncovered
    }

    /// Takes the file's next bytes in.
    pub fn update(&mut self, bytes: &[u8]) {
        self.crc.update(bytes);
        self.offset += bytes.len() as u64;
        self.uncovered += bytes.len() as u64;
    }

    /// Takes in whole commands that are about to be appended to the file, and adds a line to them if `least` bytes or more
    /// have none behind them: with 1 whenever there is something new.
    pub fn seal(&mut self, commands: &mut Vec<u8>, least: u64) {
        self.update(commands);
        if self.uncovered >= least.max(1) {
            self.append_line(commands);
        }
    }

    /// Appends the line that belongs here.
    pub(super) fn append_line(&mut self, out: &mut Vec<u8>) {
        let start = out.len();
        // Writing to memory does not fail.
        let _ = write!(out, "#CK:{} {:016x}\r\n", self.offset, self.crc.value());
        self.update(&out[start..]);
        self.uncovered = 0;
    }
}
