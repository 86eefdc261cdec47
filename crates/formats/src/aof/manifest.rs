//! The manifest: which files an AOF consists of, and in which order.
//!
//! ```text
//! file appendonly.aof.2.base.rdb seq 2 type b       the base: at most one
//! file appendonly.aof.1.incr.aof seq 1 type h       history: replaced, to be deleted
//! file appendonly.aof.2.incr.aof seq 2 type i       increments, in ascending order
//! ```
//!
//! Each line is names and values by turns, of which those that are not known are skipped; a file's name may be quoted. Source
//! matched: Redis 7.2.6 `aofLoadManifestFromFile`, texts of errors included.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use resp::words;

/// The longest line, its end included, in bytes.
const MAX_LINE: usize = 1024;

/// A file of an AOF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name, without a folder.
    pub name: Vec<u8>,
    /// Its place among the bases or the increments; not 0.
    pub seq: i64,
}

impl File {
    /// Its name as a relative path.
    pub fn path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.name))
    }
}

/// What a base consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BaseFormat {
    /// An RDB file (`aof-use-rdb-preamble`).
    Rdb,
    /// Commands.
    Aof,
}

/// The files of an AOF.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    base: Option<File>,
    history: Vec<File>,
    incr: Vec<File>,
    /// The number that was last given to an increment; it may be history, or gone.
    last_incr: i64,
}

/// Why bytes are no manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// The number of the line, from 1, and what it says, unless that could not be told.
    pub line: Option<(usize, Vec<u8>)>,
}

/// What is wrong with a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ErrorKind {
    /// No line at all.
    #[error("Found an empty AOF manifest")]
    Empty,
    /// A line of more than 1024 bytes, or without an end.
    #[error("The AOF manifest file contains too long line")]
    LongLine,
    /// A line that is no names and values, or lacks one.
    #[error("Invalid AOF manifest file format")]
    Format,
    /// A file elsewhere.
    #[error("File can't be a path, just a filename")]
    Path,
    /// A second base.
    #[error("Found duplicate base file information")]
    SecondBase,
    /// An increment whose number is not above that of the one before it.
    #[error("Found a non-monotonic sequence number")]
    Order,
    /// Neither a base, an increment nor history.
    #[error("Unknown AOF file type")]
    Type,
}

/// In the words of Redis's log, without the headline `*** FATAL AOF MANIFEST FILE ERROR ***`.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((number, text)) = &self.line {
            let text = String::from_utf8_lossy(text);
            write!(f, "Reading the manifest file, at line {number}\n>>> '{text}'\n")?;
        }
        self.kind.fmt(f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.kind)
    }
}

/// The name of the manifest of an AOF (`appendfilename`).
pub fn file_name(aof: &str) -> String {
    format!("{aof}.manifest")
}

/// The name under which a new manifest is written, before it replaces the old.
pub fn temporary_file_name(aof: &str) -> String {
    format!("temp-{aof}.manifest")
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        if text.is_empty() {
            return Err(Error { kind: ErrorKind::Empty, line: None });
        }
        let mut manifest = Self::default();
        for (index, line) in lines(text).enumerate() {
            if line.starts_with(b"#") {
                continue;
            }
            let until_nul = line.split(|byte| *byte == 0).next().unwrap_or_default();
            if !until_nul.ends_with(b"\n") {
                return Err(Error { kind: ErrorKind::LongLine, line: None });
            }
            let line = trim(until_nul);
            let wrong = |kind| Error { kind, line: Some((index + 1, line.to_vec())) };
            let (file, file_type) = parse_line(line).map_err(wrong)?;
            manifest.add(file, file_type).map_err(wrong)?;
        }
        Ok(manifest)
    }

    fn add(&mut self, file: File, file_type: u8) -> Result<(), ErrorKind> {
        match file_type {
            b'b' if self.base.is_some() => return Err(ErrorKind::SecondBase),
            b'b' => self.base = Some(file),
            b'h' => self.history.push(file),
            b'i' if file.seq <= self.last_incr => return Err(ErrorKind::Order),
            b'i' => {
                self.last_incr = file.seq;
                self.incr.push(file);
            }
            _ => return Err(ErrorKind::Type),
        }
        Ok(())
    }

    /// The manifest as text: the base, history, increments.
    pub fn format(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let base = self.base.iter().map(|file| (file, 'b'));
        let history = self.history.iter().map(|file| (file, 'h'));
        let incr = self.incr.iter().map(|file| (file, 'i'));
        for (file, file_type) in base.chain(history).chain(incr) {
            out.extend_from_slice(b"file ");
            match !file.name.is_empty() && file.name.iter().all(is_plain) {
                true => out.extend_from_slice(&file.name),
                false => out.extend_from_slice(&words::quoted(&file.name)),
            }
            out.extend_from_slice(format!(" seq {} type {file_type}\n", file.seq).as_bytes());
        }
        out
    }

    /// The manifest of an AOF that was one file, as before Redis 7.0: that is the base.
    pub fn of_single_file(aof: &str) -> Self {
        Self { base: Some(File { name: aof.into(), seq: 1 }), ..Self::default() }
    }

    /// The base.
    pub fn base(&self) -> Option<&File> {
        self.base.as_ref()
    }

    /// The increments, in ascending order.
    pub fn incr(&self) -> &[File] {
        &self.incr
    }

    /// Files that others have replaced.
    pub fn history(&self) -> &[File] {
        &self.history
    }

    /// The files to load, in order: the base and the increments.
    pub fn files(&self) -> impl DoubleEndedIterator<Item = &File> {
        self.base.iter().chain(&self.incr)
    }

    /// Whether there is nothing to load.
    pub fn is_empty(&self) -> bool {
        self.files().next().is_none()
    }

    /// Makes a new base of an AOF (`appendfilename`) of this format, `AOF.2.base.rdb` or `AOF.2.base.aof`; the old one
    /// becomes history.
    pub fn new_base(&mut self, aof: &str, format: BaseFormat) -> &File {
        let last = self.base.as_ref().map_or(0, |base| base.seq);
        self.history.splice(0..0, self.base.take());
        let suffix = match format {
            BaseFormat::Rdb => "base.rdb",
            BaseFormat::Aof => "base.aof",
        };
        let file = self.next_file(aof, last, suffix);
        self.base.insert(file)
    }

    /// Adds an increment, `AOF.2.incr.aof`.
    pub fn new_incr(&mut self, aof: &str) -> &File {
        let file = self.next_file(aof, self.last_incr, "incr.aof");
        self.last_incr = file.seq;
        self.incr.push_mut(file)
    }

    /// The increments become history, all but this many of the last: what was appended since the new base's cut.
    pub fn retire_incr(&mut self, kept: usize) {
        let retired = self.incr.len().saturating_sub(kept);
        self.history.splice(0..0, self.incr.drain(..retired));
    }

    /// Forgets the history, whose files can be deleted once a manifest without them is on disk.
    pub fn take_history(&mut self) -> Vec<File> {
        std::mem::take(&mut self.history)
    }

    /// The file behind the one of this number. Its name is none of the others', some of which are still to be deleted.
    fn next_file(&self, aof: &str, last: i64, suffix: &str) -> File {
        let named = |seq: &i64| format!("{aof}.{seq}.{suffix}").into_bytes();
        let is_free =
            |seq: &i64| self.history.iter().chain(self.files()).all(|other| other.name != named(seq));
        let seq = (last.saturating_add(1)..=i64::MAX).find(is_free).unwrap_or(i64::MAX);
        File { name: named(&seq), seq }
    }
}

/// Whether a name of such bytes stands for itself. (Redis writes a `'` bare, and cannot read that.)
fn is_plain(byte: &u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'\'')
}

/// Lines with their ends, cut where Redis's buffer ends: the rest of a longer one is a line of its own.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|byte| *byte == b'\n').flat_map(|line| line.chunks(MAX_LINE))
}

fn trim(line: &[u8]) -> &[u8] {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let start = line.iter().position(|byte| !is_blank(byte)).unwrap_or(line.len());
    let end = line.iter().rposition(|byte| !is_blank(byte)).map_or(start, |last| last + 1);
    &line[start..end]
}

/// A file and its type. The last of several values of a name counts; more names than these may come with later versions.
fn parse_line(line: &[u8]) -> Result<(File, u8), ErrorKind> {
    let words = words::split(line).filter(|words| words.len() >= 6 && words.len() % 2 == 0);
    let words = words.ok_or(ErrorKind::Format)?;
    let (mut name, mut seq, mut file_type) = (None, 0, None);
    for pair in words.chunks_exact(2) {
        let [key, value] = pair else { continue };
        if key.eq_ignore_ascii_case(b"file") {
            if value.iter().any(|byte| matches!(byte, b'/' | b'\\')) {
                return Err(ErrorKind::Path);
            }
            name = Some(value.clone());
        } else if key.eq_ignore_ascii_case(b"seq") {
            seq = leading_integer(value);
        } else if key.eq_ignore_ascii_case(b"type") {
            file_type = value.first().copied();
        }
    }
    match (name, seq, file_type) {
        (Some(name), 1.. | ..=-1, Some(file_type)) => Ok((File { name, seq }, file_type)),
        _ => Err(ErrorKind::Format),
    }
}

/// C's `atoll`: white space, a sign and digits, whatever follows; the nearest that fits.
fn leading_integer(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    digits.iter().take_while(|byte| byte.is_ascii_digit()).fold(0i64, |value, digit| {
        let digit = i64::from(digit - b'0');
        let shifted = value.saturating_mul(10);
        if negative { shifted.saturating_sub(digit) } else { shifted.saturating_add(digit) }
    })
}
