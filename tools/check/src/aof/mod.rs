//! Checking an append-only file: one file of commands, with or without an RDB in front, or all parts that a manifest lists.
//!
//! Stricter than redis-check-aof in three things: a command of no arguments is an error, as Redis does not load it; an
//! annotation that the end of the file cuts is one, as Redis would append to that line; and checksum lines are verified.

mod log;
mod part;
mod report;

use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use formats::aof::Manifest;

pub use report::{Part, Problem, Report, Status, Style};

use crate::args::Options;
use crate::output::{Output, reason};
use part::{Place, check_part};

/// The check ends here: the file is not sound, or cannot be repaired. What was printed last says why.
struct Stop;

/// What the parts of a check have in common.
struct Job<'a> {
    options: &'a Options,
    out: &'a Output,
    report: Report,
}

/// Checks the file and prints; answers whether it is sound now.
pub(crate) fn run(options: &Options, out: &Output) -> bool {
    let mut job = Job { options, out, report: Report::default() };
    let done = job.check();
    out.end();
    job.report.ok = done.is_ok();
    out.report(&job.report);
    job.report.ok
}

impl Job<'_> {
    /// Says why the check ends.
    fn stop<T>(&mut self, why: impl Display) -> Result<T, Stop> {
        self.out.line(&why);
        self.report.error = Some(why.to_string());
        Err(Stop)
    }

    fn check(&mut self) -> Result<(), Stop> {
        let path = &self.options.path;
        let style = match style(path) {
            Ok(style) => style,
            Err(error) => {
                return self.stop(format_args!("Cannot open file {}: {}", path.display(), reason(&error)));
            }
        };
        self.report.style = Some(style);
        match style {
            Style::MultiPart => self.check_parts(path),
            Style::OldStyle => self.check_one(path, false),
            Style::OldStyleWithRdb => self.check_one(path, true),
        }
    }

    fn check_one(&mut self, path: &Path, is_rdb: bool) -> Result<(), Stop> {
        self.out.line("Start checking Old-Style AOF");
        let name = path.display().to_string();
        let place = Place { name: &name, path, kind: "AOF", is_rdb, is_last: true };
        check_part(self, &place)
    }

    fn check_parts(&mut self, path: &Path) -> Result<(), Stop> {
        self.out.line("Start checking Multi Part AOF");
        let parsed = fs::read(path).map_err(|error| reason(&error));
        let parsed = parsed.and_then(|text| Manifest::parse(&text).map_err(|error| error.to_string()));
        let manifest = match parsed {
            Ok(manifest) => manifest,
            Err(error) => {
                return self.stop(format_args!("\n*** FATAL AOF MANIFEST FILE ERROR ***\n\n{error}\n"));
            }
        };
        let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
        let count = manifest.files().count();
        for (index, file) in manifest.files().enumerate() {
            let is_base = index == 0 && manifest.base().is_some();
            let (name, path) = (file.path().display().to_string(), folder.join(file.path()));
            let is_rdb = is_base && self.starts_as_rdb(&path)?;
            if is_base {
                let format = if is_rdb { "RDB" } else { "RESP" };
                self.out.line(format_args!("Start to check BASE AOF ({format} format)."));
            } else if index == usize::from(manifest.base().is_some()) {
                self.out.line("Start to check INCR files.");
            }
            let kind = if is_base { "BASE AOF" } else { "INCR AOF" };
            check_part(self, &Place { name: &name, path: &path, kind, is_rdb, is_last: index + 1 == count })?;
        }
        self.out.line("All AOF files and manifest are valid");
        Ok(())
    }

    fn starts_as_rdb(&mut self, path: &Path) -> Result<bool, Stop> {
        match starts_as_rdb(path) {
            Ok(is_rdb) => Ok(is_rdb),
            Err(error) => self.stop(format_args!("Cannot open file {}: {}", path.display(), reason(&error))),
        }
    }
}

/// What kind of file it is.
fn style(path: &Path) -> io::Result<Style> {
    Ok(if is_manifest(path)? {
        Style::MultiPart
    } else if starts_as_rdb(path)? {
        Style::OldStyleWithRdb
    } else {
        Style::OldStyle
    })
}

/// Whether the first line that is no comment begins as in a manifest.
fn is_manifest(path: &Path) -> io::Result<bool> {
    const LINE: u64 = 1024;
    let mut file = BufReader::new(File::open(path)?);
    let mut line = Vec::new();
    loop {
        line.clear();
        let count = file.by_ref().take(LINE).read_until(b'\n', &mut line)?;
        if count == 0 || !line.starts_with(b"#") {
            return Ok(line.starts_with(b"file"));
        }
    }
}

/// Whether an RDB file of Redis or of Valkey begins here.
fn starts_as_rdb(path: &Path) -> io::Result<bool> {
    let mut start = Vec::new();
    File::open(path)?.take(9).read_to_end(&mut start)?;
    Ok(start.len() >= 8 && (start.starts_with(b"REDIS") || start.starts_with(b"VALKEY")))
}
