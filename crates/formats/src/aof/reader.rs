//! Reading an AOF from anything that bytes can be read from.

use std::io::{self, Read};

use codec::number::parse_i64;
use resp::Args;

use super::annotation;
use super::block::Block;
use super::checksum::Checksums;
use super::command::{Command, Progress};
use super::error::{Cut, Error, ErrorKind, ReadError};

/// Bytes that are read at once.
const CHUNK: usize = 256 << 10;

/// Room that the window keeps once a large command has gone through it, in bytes.
const LARGEST_IDLE: usize = 4 * CHUNK;

/// One thing in a file. Bytes are borrowed from the reader.
#[derive(Clone, Copy)]
pub enum Record<'a> {
    /// A command: its name and what follows, at least the name.
    Command(Args<'a>),
    /// When the commands behind it ran, in Unix seconds.
    Timestamp(i64),
    /// A checksum line that is right: all before it is as it was written.
    Checksum,
    /// A block begins.
    Block(Block),
    /// Another annotation, which means nothing: the line without its end.
    Other(&'a [u8]),
}

/// Reads a file, 256 KiB at once, from a source that need not be buffered.
///
/// Holds the bytes of one record and what was read behind it; a large argument takes memory only as its bytes come.
/// Behind an error, the same error comes again.
#[derive(Debug)]
pub struct Reader<R> {
    source: R,
    /// The window: the first `filled` are bytes of the file, of which those before `start` are done with.
    window: Vec<u8>,
    filled: usize,
    start: usize,
    /// Where in the file the window begins.
    before: u64,
    command: Command,
    verify: bool,
    /// The checksum up to some place in the window, at most `start`.
    sums: Checksums,
    /// Up to where in the file a checksum line says that all is as it was written.
    verified: u64,
    checksums: u64,
}

/// A record that lies in the window, by where it begins.
enum Found {
    Command(usize),
    Checksum,
    Annotation(usize),
}

/// What the bytes so far hold.
enum Step {
    Whole(Found),
    /// Nothing whole. If nothing follows, this is what is wrong: nothing where a file may end.
    Part(Option<Error>),
}

impl<R: Read> Reader<R> {
    /// A reader of a file that begins where the source stands. With `verify`, a checksum line that is wrong is an
    /// error; without, it is passed over like any annotation.
    pub fn new(source: R, verify: bool) -> Self {
        Self::behind(0, Vec::new(), source, verify)
    }

    /// A reader of the commands behind an RDB, which ended at this offset: with the bytes that were read behind it, and
    /// the source, as [`FileReader::into_rest`](crate::rdb::file::FileReader::into_rest) gives them.
    pub fn behind(offset: u64, rest: Vec<u8>, source: R, verify: bool) -> Self {
        Self {
            source,
            filled: rest.len(),
            window: rest,
            start: 0,
            before: offset,
            command: Command::default(),
            verify,
            sums: Checksums::new(offset),
            verified: offset,
            checksums: 0,
        }
    }

    /// The next record; nothing behind the last.
    ///
    /// # Errors
    /// Those of the source, and what is wrong with the file; [`offset`](Self::offset) is then where the last record ended
    /// that is whole.
    #[allow(clippy::should_implement_trait, reason = "records are borrowed, which no iterator allows")]
    pub fn next(&mut self) -> Result<Option<Record<'_>>, ReadError> {
        self.command.clear();
        loop {
            let cut = match self.find()? {
                Step::Whole(found) => return Ok(Some(self.record(found))),
                Step::Part(cut) => cut,
            };
            if !self.fill()? {
                return cut.map_or(Ok(None), |error| Err(self.truncated(error).into()));
            }
        }
    }

    /// Where in the file the last record ended that was taken.
    pub fn offset(&self) -> u64 {
        self.before + self.start as u64
    }

    /// Up to where in the file a checksum line that is right says that all is as it was written; where the commands
    /// begin, if there is none.
    pub fn verified(&self) -> u64 {
        self.verified
    }

    /// How many checksum lines were right.
    pub fn checksums(&self) -> u64 {
        self.checksums
    }

    /// Behind an error, how many line ends there are between [`offset`](Self::offset) and what is wrong.
    pub fn lines_passed(&self) -> u64 {
        self.command.lines()
    }

    /// The checksum up to [`offset`](Self::offset), with which to append to the file.
    pub fn sums(&self) -> Checksums {
        let mut sums = self.sums;
        sums.update(&self.window[self.summed()..self.start]);
        sums
    }

    /// Takes the next record if all of it is there.
    fn find(&mut self) -> Result<Step, Error> {
        let record = &self.window[self.start..self.filled];
        match record.first() {
            None => return Ok(Step::Part(None)),
            Some(b'*') => {}
            Some(&annotation::START) => return self.find_annotation(),
            Some(other) => return Err(self.error(ErrorKind::Start(*other))),
        }
        let here = self.offset();
        let behind = |error: Error| Error { offset: here + error.offset, ..error };
        match self.command.parse(record).map_err(behind)? {
            Progress::Whole(len) => Ok(Step::Whole(Found::Command(self.take(len)))),
            Progress::Part(error) => Ok(Step::Part(Some(behind(error)))),
        }
    }

    fn find_annotation(&mut self) -> Result<Step, Error> {
        let line = &self.window[self.start..self.filled];
        let longest = &line[..line.len().min(annotation::LONGEST)];
        let Some(end) = longest.iter().position(|byte| *byte == b'\n') else {
            return match line.len() < annotation::LONGEST {
                true => Ok(Step::Part(Some(self.error(Cut::Annotation.into())))),
                false => Err(self.error(ErrorKind::LongAnnotation)),
            };
        };
        let len = end + 1;
        if !line.starts_with(annotation::CHECKSUM) {
            return Ok(Step::Whole(Found::Annotation(self.take(len))));
        }
        match self.check(len) {
            true => Ok(Step::Whole(Found::Checksum)),
            false if self.verify => Err(self.error(ErrorKind::Checksum { from: self.verified })),
            false => Ok(Step::Whole(Found::Annotation(self.take(len)))),
        }
    }

    /// Takes a checksum line of this length if it is the one that belongs here.
    fn check(&mut self, len: usize) -> bool {
        self.sums = self.sums();
        let (mut ahead, mut expected) = (self.sums, Vec::new());
        ahead.append_line(&mut expected);
        let is_right = self.window[self.start..][..len] == expected;
        if is_right {
            self.take(len);
            self.sums = ahead;
            self.verified = self.offset();
            self.checksums += 1;
        }
        is_right
    }

    /// Goes behind a record of this length; answers where in the window it lies.
    fn take(&mut self, len: usize) -> usize {
        let at = self.start;
        self.start += len;
        at
    }

    fn record(&self, found: Found) -> Record<'_> {
        match found {
            Found::Command(at) => {
                Record::Command(Args::new(&self.window[at..self.start], &self.command.spans))
            }
            Found::Checksum => Record::Checksum,
            Found::Annotation(at) => {
                let line = self.window[at..self.start].strip_suffix(b"\n").unwrap_or_default();
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                let seconds = line.strip_prefix(annotation::TIMESTAMP).and_then(parse_i64);
                let block = || Block::parse(line).map(Record::Block);
                seconds.map(Record::Timestamp).or_else(block).unwrap_or(Record::Other(line))
            }
        }
    }

    /// Reads some bytes; answers whether there were any.
    fn fill(&mut self) -> io::Result<bool> {
        self.forget();
        if self.filled == self.window.len() {
            self.window.resize((2 * self.filled).max(CHUNK), 0);
        }
        loop {
            match self.source.read(&mut self.window[self.filled..]) {
                Ok(count) => {
                    self.filled += count;
                    return Ok(count > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Lets go of the bytes that are done with.
    fn forget(&mut self) {
        if self.start == 0 {
            return;
        }
        self.sums = self.sums();
        self.window.copy_within(self.start..self.filled, 0);
        self.before += self.start as u64;
        self.filled -= self.start;
        self.start = 0;
        if self.window.len() > LARGEST_IDLE && self.filled < CHUNK {
            self.window.truncate(LARGEST_IDLE);
            self.window.shrink_to_fit();
        }
    }

    /// Up to where in the window bytes are in the checksum.
    fn summed(&self) -> usize {
        (self.sums.offset() - self.before) as usize
    }

    fn error(&self, kind: ErrorKind) -> Error {
        Error { offset: self.offset(), kind }
    }

    /// What is wrong with a file that ends within the record at `start`, all of which is in the window: if a checksum line
    /// within it stands where it says that it does, the file was whole up to there.
    fn truncated(&self, error: Error) -> Error {
        let record = &self.window[self.start..self.filled];
        let mut within = (1..record.len()).filter(|at| record[*at..].starts_with(annotation::CHECKSUM));
        let line = within.find_map(|at| {
            let offset = self.offset() + at as u64;
            let text = format!("{offset} ");
            record[at + annotation::CHECKSUM.len()..].starts_with(text.as_bytes()).then_some(offset)
        });
        line.filter(|_| self.verify).map_or(error, |line| Error { kind: ErrorKind::Length { line }, ..error })
    }
}
