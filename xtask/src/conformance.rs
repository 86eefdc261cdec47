//! `cargo xtask conformance`: an upstream Tcl suite against our binary, and its counts in docs/conformance.md.
//!
//! The runner is a program `RUNNER --out FOLDER --config io-threads N CHECKOUT BIN_FOLDER FILE...` that leaves
//! two files in FOLDER: `results.tsv` (file, passed, failed, aborted, seconds, ignored, status) and
//! `failures.txt` (`=== FILE`, then the failure's text, its first line naming the test).
//!
//! `docs/conformance-waiting.tsv` lists the tests that may fail: file, name (`*` is any run of characters), and
//! what they wait for. The task fails when another one does. Tests are known by name, never by number.

use crate::shell::{cargo, root, run, target, which};
use crate::{Done, wrong};
use lexopt::{Arg, Parser, ValueExt};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use suites::matches;

/// The files of the suite that concern what is there so far.
const FILES: [&str; 19] = [
    "unit/type/string",
    "unit/type/incr",
    "unit/keyspace",
    "unit/expire",
    "unit/scan",
    "unit/protocol",
    "unit/auth",
    "unit/bitops",
    "unit/bitfield",
    "unit/multi",
    "unit/pause",
    "unit/info",
    "unit/info-command",
    "unit/introspection",
    "unit/slowlog",
    "unit/querybuf",
    "unit/networking",
    "unit/limits",
    "unit/quit",
];

const WAITING: &str = "docs/conformance-waiting.tsv";
const PAGE: &str = "docs/conformance.md";

struct Options {
    checkout: PathBuf,
    runner: PathBuf,
    io_threads: u32,
    program: Option<PathBuf>,
    files: Vec<String>,
}

/// Runs the suite, compares its failures with the list, writes the counts.
///
/// # Errors
/// When a test fails that the list does not name.
pub fn conformance(arguments: &mut Parser) -> Done {
    let options = options(arguments)?;
    let folder = target().join(format!("conformance/io-threads-{}", options.io_threads));
    let cannot = |error: std::io::Error| format!("{}: {error}", folder.display());
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(cannot)?;
    }
    let bin = folder.join("bin");
    fs::create_dir_all(&bin).map_err(cannot)?;
    link_programs(&bin, &options)?;
    let mut runner = Command::new(&options.runner);
    runner.arg("--out").arg(&folder).args(["--config", "io-threads", &options.io_threads.to_string()]);
    // It fails when any test does; which ones may is decided below.
    let ran = run(runner.arg(&options.checkout).arg(&bin).args(&options.files));
    let read = |name: &str| {
        fs::read_to_string(folder.join(name)).map_err(|error| format!("{name}: {error} ({ran:?})"))
    };
    let waiting = Waiting::parse(
        &fs::read_to_string(root().join(WAITING)).map_err(|error| format!("{WAITING}: {error}"))?,
    )?;
    let results = read("results.tsv")?;
    let report = Report::new(&results, &read("failures.txt")?, &waiting);
    write_page(&report.page(), options.io_threads)?;
    report.judged()
}

fn options(arguments: &mut Parser) -> Done<Options> {
    let (mut checkout, mut runner, mut program, mut io_threads, mut files) =
        (None, None, None, 1, Vec::new());
    while let Some(argument) = arguments.next().map_err(wrong)? {
        match argument {
            Arg::Long("runner") => runner = Some(PathBuf::from(arguments.value().map_err(wrong)?)),
            Arg::Long("bin") => program = Some(PathBuf::from(arguments.value().map_err(wrong)?)),
            Arg::Long("io-threads") => {
                io_threads = arguments.value().and_then(|value| value.parse()).map_err(wrong)?
            }
            Arg::Value(value) if checkout.is_none() => checkout = Some(PathBuf::from(value)),
            Arg::Value(value) => files.push(value.string().map_err(wrong)?),
            other => return Err(other.unexpected().to_string()),
        }
    }
    if files.is_empty() {
        files.extend(FILES.map(String::from));
    }
    let missing = |what| move || format!("{what} is missing");
    Ok(Options {
        checkout: checkout.ok_or_else(missing("CHECKOUT"))?,
        runner: runner.ok_or_else(missing("--runner PATH"))?,
        io_threads,
        program,
        files,
    })
}

/// A folder with every redis-* name: ours where we have the tool, Debian's for the rest.
fn link_programs(bin: &Path, options: &Options) -> Done {
    let program = match &options.program {
        Some(program) => program.clone(),
        None => {
            run(cargo().args(["build", "--package", "carnelian", "--locked"]))?;
            target().join("debug/carnelian")
        }
    };
    let program = program.canonicalize().map_err(|error| format!("{}: {error}", program.display()))?;
    let debian = ["redis-cli", "redis-benchmark"].into_iter().filter_map(|name| Some((name, which(name)?)));
    for (name, path) in [("redis-server", program)].into_iter().chain(debian) {
        symlink(&path, bin.join(name)).map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(())
}

/// The tests that may fail.
struct Waiting(Vec<Entry>);

struct Entry {
    file: String,
    test: String,
    reason: String,
}

impl Waiting {
    fn parse(text: &str) -> Done<Waiting> {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let entries = lines.map(|line| match line.split('\t').collect::<Vec<_>>()[..] {
            [file, test, reason] => Ok(Entry { file: file.into(), test: test.into(), reason: reason.into() }),
            _ => Err(format!("{WAITING}: three columns were due in {line:?}")),
        });
        entries.collect::<Done<Vec<_>>>().map(Waiting)
    }

    fn reason(&self, file: &str, test: &str) -> Option<&str> {
        let entry = self.0.iter().find(|entry| entry.file == file && matches(&entry.test, test));
        entry.map(|entry| entry.reason.as_str())
    }
}

/// What a run was like.
struct Report<'a> {
    /// A row a file: name, passed, failed, aborted.
    rows: Vec<Vec<&'a str>>,
    /// Reason, then the tests that wait for it.
    waiting: BTreeMap<&'a str, Vec<String>>,
    unexpected: Vec<String>,
}

impl<'a> Report<'a> {
    fn new(results: &'a str, failures: &str, known: &'a Waiting) -> Report<'a> {
        let rows = results.lines().map(|line| line.split('\t').take(4).collect()).collect();
        let mut report = Report { rows, waiting: BTreeMap::new(), unexpected: Vec::new() };
        for (file, test) in failed_tests(failures) {
            let shown = format!("{file}: {test}");
            match known.reason(&file, &test) {
                Some(reason) => report.waiting.entry(reason).or_default().push(shown),
                None => report.unexpected.push(shown),
            }
        }
        report
    }

    fn page(&self) -> String {
        let mut page = String::from("| file | passed | failed | cut short |\n|---|---|---|---|\n");
        let sum = |column: usize| {
            self.rows.iter().filter_map(|row| row.get(column)?.parse::<u64>().ok()).sum::<u64>()
        };
        let all = format!("| all | {} | {} | {} |\n", sum(1), sum(2), sum(3));
        self.rows
            .iter()
            .for_each(|row| page += &format!("| {} |\n", row.join(" | ")).replacen("| ", "| ", 1));
        page += &all;
        for (reason, tests) in &self.waiting {
            write!(page, "\nWaiting for {reason}:\n\n").expect("writing to a string");
            tests.iter().for_each(|test| page += &format!("- {test}\n"));
        }
        page
    }

    fn judged(&self) -> Done {
        if self.unexpected.is_empty() {
            return Ok(());
        }
        Err(format!("these fail and are not in {WAITING}:\n{}", self.unexpected.join("\n")))
    }
}

/// File and test of each failure: `FAIL [err]: NAME in tests/FILE.tcl`, or the first line as it is.
fn failed_tests(failures: &str) -> Vec<(String, String)> {
    let blocks = failures.split("=== ").filter(|block| !block.trim().is_empty());
    let named = blocks.map(|block| {
        let (file, text) = block.split_once('\n').unwrap_or((block, ""));
        let first = text.lines().next().unwrap_or_default();
        let name = first.split_once("]: ").map_or(first, |(_, name)| name);
        let name = name.rsplit_once(" in tests/").map_or(name, |(name, _)| name);
        (file.trim().to_string(), name.trim().to_string())
    });
    named.collect()
}

/// Replaces what stands between this run's markers in the page, or adds it at the end.
fn write_page(section: &str, io_threads: u32) -> Done {
    let path = root().join(PAGE);
    let old = fs::read_to_string(&path).unwrap_or_else(|_| "# Conformance\n".to_string());
    let begin = format!("<!-- io-threads {io_threads}: written by cargo xtask conformance -->\n");
    let end = format!("<!-- end of io-threads {io_threads} -->\n");
    fs::write(&path, replaced(&old, &begin, &end, section)).map_err(|error| format!("{PAGE}: {error}"))
}

fn replaced(old: &str, begin: &str, end: &str, section: &str) -> String {
    let (before, after) = match (old.split_once(begin), old.split_once(end)) {
        (Some((before, _)), Some((_, after))) => (before.to_string(), after),
        _ => (format!("{old}\n"), ""),
    };
    format!("{before}{begin}\n{section}\n{end}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILURES: &str = "=== unit/info\nFAIL  [err]: stats: x in tests/unit/info.tcl\nExpected 1\n\
                            === unit/expire\nFAIL  [err]: lists in a in tests/unit/expire.tcl\n";

    #[test]
    fn failures_are_known_by_file_and_name() {
        let expected = [("unit/info", "stats: x"), ("unit/expire", "lists in a")];
        assert_eq!(failed_tests(FAILURES), expected.map(|(file, test)| (file.to_string(), test.to_string())));
    }

    #[test]
    fn what_is_not_listed_fails_the_run() {
        let known = Waiting::parse("# file\ttest\twaits for\nunit/expire\tlists*\tlists\n").expect("a list");
        let report = Report::new("unit/info\t1\t1\t0\t0.1\t0\tdone\n", FAILURES, &known);
        assert_eq!(report.unexpected, ["unit/info: stats: x"]);
        assert!(report.judged().is_err());
        assert!(
            report.page().contains("| unit/info | 1 | 1 | 0 |\n| all | 1 | 1 | 0 |\n"),
            "{}",
            report.page()
        );
        assert!(
            report.page().contains("Waiting for lists:\n\n- unit/expire: lists in a\n"),
            "{}",
            report.page()
        );
    }

    #[test]
    fn a_section_is_replaced_and_the_rest_kept() {
        let once = replaced("# Title\n", "<b>\n", "<e>\n", "one\n") + "tail\n";
        let twice = replaced(&once, "<b>\n", "<e>\n", "two\n");
        assert_eq!(twice, "# Title\n\n<b>\n\ntwo\n\n<e>\ntail\n");
    }
}
