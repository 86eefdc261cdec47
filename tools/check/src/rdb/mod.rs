//! Checking an RDB file: every item is read, every value decoded, and the checksum compared.

mod report;
mod words;

use std::fs::File;
use std::io::Read;
use std::time::{SystemTime, UNIX_EPOCH};

use data::Limits;
use formats::rdb::file::{Checksum, Entry, FileReader, Item, ReadError};
use formats::rdb::{self, ErrorKind};

pub use report::{Count, Database, Key, Problem, Report};

use crate::args::Options;
use crate::output::{Output, reason};

/// Problems that a report in JSON has at most; lines end with the first, as Redis's.
const MOST_PROBLEMS: usize = 100;

/// Items between two looks at the progress.
const STEP: u64 = 4096;

/// Checks the file and prints; answers whether it is sound.
pub(crate) fn run(options: &Options, out: &Output) -> bool {
    let name = options.path.display();
    out.line(format_args!("[offset 0] Checking RDB file {name}"));
    let file = match File::open(&options.path) {
        Ok(file) => file,
        Err(error) => {
            // On standard error, as redis-check-rdb says nothing more on the other.
            eprintln!("Cannot open file {name}: {}", reason(&error));
            let problem = Problem { error: reason(&error), doing: "start", ..Problem::default() };
            out.report(&Report { errors: vec![problem], ..Report::default() });
            return false;
        }
    };
    out.begin(file.metadata().map_or(0, |metadata| metadata.len()));
    let (report, ..) = check(file, out);
    out.end();
    out.report(&report);
    report.ok
}

/// Checks a file that begins where the source stands, and prints; gives the report, the bytes that were read behind
/// the file's end, and the source.
pub(crate) fn check<R: Read>(source: R, out: &Output) -> (Report, Vec<u8>, R) {
    let mut reader = FileReader::new(source, true);
    let mut check = Check::new(if out.json { MOST_PROBLEMS } else { 1 });
    loop {
        let seen = match reader.next() {
            Ok(Some(item)) => check.take_in(item),
            Ok(None) => break,
            Err(error) => Err(check.problem(&error)),
        };
        let offset = reader.offset() as u64;
        match seen {
            Ok(None) => {}
            Ok(Some(text)) => out.line(format_args!("[offset {offset}] {text}")),
            Err(problem) if problem.passable && check.report.errors.len() + 1 < check.most => {
                check.report.errors.push(problem);
            }
            Err(problem) => {
                let (rest, source) = reader.into_rest();
                check.fail(problem, &rest, out);
                return (check.report, rest, source);
            }
        }
        check.items += 1;
        if check.items.is_multiple_of(STEP) {
            out.reached(offset);
        }
    }
    check.report.ok = check.report.errors.is_empty();
    check.report.size = reader.offset() as u64;
    if check.report.ok {
        out.line(format_args!("[offset {}] \\o/ RDB looks OK! \\o/", check.report.size));
        words::statistics(&check.report, out);
    }
    let (rest, source) = reader.into_rest();
    (check.report, rest, source)
}

/// A check under way.
struct Check {
    report: Report,
    most: usize,
    items: u64,
    /// Unix milliseconds.
    now: i64,
    limits: Limits,
}

impl Check {
    fn new(most: usize) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        Self { report: Report::default(), most, items: 0, now, limits: Limits::default() }
    }

    /// Counts an item; gives the line that tells of it, if there is one.
    fn take_in(&mut self, item: Item<'_>) -> Result<Option<String>, Problem> {
        let report = &mut self.report;
        Ok(match item {
            Item::Version(version) => {
                report.version = version;
                None
            }
            Item::Aux { name, value } => {
                let (name, value) = (words::text(name), words::text(value));
                let line = format!("AUX FIELD {name} = '{value}'");
                report.aux.insert(name, value);
                Some(line)
            }
            Item::Function(_) => {
                report.functions += 1;
                None
            }
            Item::ModuleAux(module) => Some(format!("MODULE AUX for: {module}")),
            Item::Database(number) => Some(format!("Selecting DB ID {number}")),
            Item::Sizes { .. } | Item::SlotSizes { .. } => None,
            Item::Key(entry) => return self.take_in_key(entry).map(|()| None),
            Item::End(checksum) => {
                report.checksum = Some(words::checksum(checksum));
                match checksum {
                    Checksum::Verified => Some("Checksum OK".into()),
                    Checksum::Unverified => {
                        Some("RDB file was saved with checksum disabled: no check performed.".into())
                    }
                    Checksum::Absent => None,
                }
            }
        })
    }

    fn take_in_key(&mut self, entry: Entry<'_>) -> Result<(), Problem> {
        let Entry { database, key, expiry, value, .. } = entry;
        let expires = expiry.is_some();
        self.report.keys += 1;
        let read = value.read(&self.limits);
        let key = words::text(key);
        match read {
            Ok(_) => {}
            // What a module wrote can be skipped, and is whole.
            Err(rdb::Error { kind: ErrorKind::Module(_), .. }) => {}
            Err(error) => {
                let key_type = words::key_type(value.value_type);
                let doing = "read-object-value";
                let offset = error.offset as u64;
                let error = words::error(&error, self.report.version);
                return Err(Problem {
                    offset,
                    error,
                    doing,
                    key: Some(key),
                    key_type: Some(key_type),
                    passable: true,
                });
            }
        }
        self.report.expires += u64::from(expires);
        self.report.already_expired += u64::from(expiry.is_some_and(|expiry| expiry < self.now));
        self.report.count(database, key, value.value_type, value.bytes.len() as u64, expires);
        Ok(())
    }

    fn problem(&self, error: &ReadError) -> Problem {
        match error {
            ReadError::Io(error) => Problem { error: reason(error), ..Problem::default() },
            ReadError::Format(error) => {
                // Behind a string that does not expand, a key's or one about the file, the next item can be read.
                let passable = error.kind == ErrorKind::Lzf;
                let doing = if passable { "read-key" } else { "" };
                let text = words::error(error, self.report.version);
                Problem { offset: error.offset as u64, error: text, doing, passable, ..Problem::default() }
            }
        }
    }

    /// Tells of the problem that ends the check; `rest` begins with the item that it is in.
    fn fail(&mut self, mut problem: Problem, rest: &[u8], out: &Output) {
        if problem.doing.is_empty() {
            let is_start = self.report.version == 0;
            (problem.doing, problem.key_type, problem.key) = words::doing(rest, is_start);
            // Its key was read.
            self.report.keys += u64::from(problem.key.is_some());
        }
        words::problem(&problem, out);
        words::statistics(&self.report, out);
        self.report.errors.push(problem);
    }
}
