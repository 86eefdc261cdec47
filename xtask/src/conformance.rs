//! `cargo xtask conformance`: the upstream Tcl suites against our binary, and what comes of it in docs/conformance.md.
//!
//! The runner is a program `RUNNER --out FOLDER --jobs N --config io-threads N [--skiptest NAME]... CHECKOUT BIN_FOLDER FILE...`
//! that leaves two files in FOLDER: `results.tsv` (file, passed, failed, aborted, seconds, ignored, status) and
//! `failures.txt` (`=== FILE`, then the failure's text, its first line naming the test).
//!
//! `docs/conformance-waiting.tsv` lists each test that does not pass: file, name (`*` is any run of characters), how it is
//! taken, and why. The task fails when another one fails, and when one of the list no longer does. Tests are known by
//! name, never by number; what breaks off a file or a block is known by its text. How a test is taken:
//!
//! | word | |
//! |---|---|
//! | `fails` | it must fail |
//! | `may` | it may: time or chance decides |
//! | `skips` | it is not run, for what it leaves behind would break the tests after it |
//!
//! A word with `@N` behind it holds at `io-threads N` only.

use crate::shell::{cargo, root, run, target, which};
use crate::{Done, wrong};
use lexopt::{Arg, Parser, ValueExt};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use suites::matches;

/// A version of the suite, with those of its files that concern what is there so far.
struct Suite {
    version: &'static str,
    files: &'static [&'static str],
}

const SUITES: [Suite; 2] = [
    Suite {
        version: "7.2",
        files: &[
            "unit/type/hash",
            "unit/type/incr",
            "unit/type/list",
            "unit/type/list-2",
            "unit/type/list-3",
            "unit/type/set",
            "unit/type/stream",
            "unit/type/stream-cgroups",
            "unit/type/string",
            "unit/type/zset",
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
            "unit/introspection-2",
            "unit/slowlog",
            "unit/querybuf",
            "unit/replybufsize",
            "unit/networking",
            "unit/limits",
            "unit/quit",
            "unit/geo",
            "unit/hyperloglog",
            "unit/sort",
            "unit/maxmemory",
            "unit/lazyfree",
            "unit/memefficiency",
            "unit/client-eviction",
            "unit/obuf-limits",
            "unit/dump",
            "unit/other",
            "unit/latency-monitor",
            "unit/oom-score-adj",
            "unit/violations",
            "unit/aofrw",
            "integration/rdb",
            "integration/aof",
            "integration/aof-multi-part",
            "integration/aof-race",
            "integration/convert-ziplist-hash-on-load",
            "integration/convert-ziplist-zset-on-load",
            "integration/convert-zipmap-hash-on-load",
            "integration/corrupt-dump",
            "integration/corrupt-dump-fuzzer",
            "integration/dismiss-mem",
            "integration/logging",
        ],
    },
    // What 7.4 has added, and where it decides otherwise than 7.2.
    Suite { version: "7.4", files: &["unit/type/hash-field-expire", "unit/introspection"] },
];

const WAITING: &str = "docs/conformance-waiting.tsv";
const PAGE: &str = "docs/conformance.md";

struct Options {
    /// Where each of [`SUITES`] is.
    checkouts: Vec<PathBuf>,
    runner: PathBuf,
    io_threads: u32,
    jobs: u32,
    program: Option<PathBuf>,
    /// Only these files.
    only: Vec<String>,
}

/// Runs the suites, compares their failures with the list, writes the page.
///
/// # Errors
/// When a test fails that the list does not name, or one that it names does not.
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
    let text = fs::read_to_string(root().join(WAITING)).map_err(|error| format!("{WAITING}: {error}"))?;
    let known = Waiting::parse(&text, options.io_threads)?;
    let mut report = Report::new(&known);
    for (suite, checkout) in SUITES.iter().zip(&options.checkouts) {
        for (number, job) in jobs(suite, &options, &known).iter().enumerate() {
            let out = folder.join(format!("{}-{number}", suite.version));
            let (results, failures) = run_job(job, &options, checkout, &bin, &out)?;
            report.add(suite, &results, &failures);
        }
    }
    if options.only.is_empty() {
        write_page(&report.page(), options.io_threads)?;
    }
    report.judged()
}

fn options(arguments: &mut Parser) -> Done<Options> {
    let mut options = Options {
        checkouts: Vec::new(),
        runner: PathBuf::new(),
        io_threads: 1,
        jobs: 1,
        program: None,
        only: Vec::new(),
    };
    while let Some(argument) = arguments.next().map_err(wrong)? {
        match argument {
            Arg::Long("runner") => options.runner = PathBuf::from(arguments.value().map_err(wrong)?),
            Arg::Long("bin") => options.program = Some(PathBuf::from(arguments.value().map_err(wrong)?)),
            Arg::Long("io-threads") => {
                options.io_threads = arguments.value().and_then(|value| value.parse()).map_err(wrong)?
            }
            Arg::Long("jobs") => {
                options.jobs = arguments.value().and_then(|value| value.parse()).map_err(wrong)?
            }
            Arg::Long("only") => {
                options.only.push(arguments.value().and_then(|value| value.string()).map_err(wrong)?)
            }
            Arg::Value(value) => options.checkouts.push(PathBuf::from(value)),
            other => return Err(other.unexpected().to_string()),
        }
    }
    if options.runner.as_os_str().is_empty() {
        return Err("--runner PATH is missing".into());
    }
    if options.checkouts.len() != SUITES.len() {
        let versions = SUITES.map(|suite| suite.version).join(" and of ");
        return Err(format!("checkouts are due: of {versions}"));
    }
    Ok(options)
}

/// A folder with every redis-* name: ours where we have the tool, Debian's for the rest.
fn link_programs(bin: &Path, options: &Options) -> Done {
    const OURS: [&str; 4] = ["redis-server", "redis-sentinel", "redis-check-rdb", "redis-check-aof"];
    let program = match &options.program {
        Some(program) => program.clone(),
        None => {
            run(cargo().args(["build", "--package", "carnelian", "--locked"]))?;
            target().join("debug/carnelian")
        }
    };
    let program = program.canonicalize().map_err(|error| format!("{}: {error}", program.display()))?;
    let debian = ["redis-cli", "redis-benchmark"].into_iter().filter_map(|name| Some((name, which(name)?)));
    for (name, path) in OURS.map(|name| (name, program.clone())).into_iter().chain(debian) {
        symlink(&path, bin.join(name)).map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(())
}

/// One call of the runner.
#[derive(Debug, Default, PartialEq, Eq)]
struct Job {
    files: Vec<String>,
    /// Tests that are not run.
    skips: Vec<String>,
}

/// The calls for a suite: the runner skips tests by name in every file, so a file with skips has a call of its own.
fn jobs(suite: &Suite, options: &Options, known: &Waiting) -> Vec<Job> {
    let wanted = |file: &&&str| options.only.is_empty() || options.only.contains(&suite.file(file));
    let (mut together, mut alone) = (Job::default(), Vec::new());
    for file in suite.files.iter().filter(wanted) {
        let skips = known.skips(&suite.file(file));
        match skips.is_empty() {
            true => together.files.push(file.to_string()),
            false => alone.push(Job { files: vec![file.to_string()], skips }),
        }
    }
    if !together.files.is_empty() {
        alone.push(together);
    }
    alone
}

/// Calls the runner; answers the two files that it leaves.
fn run_job(job: &Job, options: &Options, checkout: &Path, bin: &Path, out: &Path) -> Done<(String, String)> {
    let mut runner = Command::new(&options.runner);
    runner.arg("--out").arg(out).args(["--jobs", &options.jobs.to_string()]);
    runner.args(["--config", "io-threads", &options.io_threads.to_string()]);
    job.skips.iter().for_each(|test| _ = runner.args(["--skiptest", test]));
    // It fails when any test does; which ones may is decided by the list.
    let ran = run(runner.arg(checkout).arg(bin).args(&job.files));
    let read =
        |name: &str| fs::read_to_string(out.join(name)).map_err(|error| format!("{name}: {error} ({ran:?})"));
    Ok((read("results.tsv")?, read("failures.txt")?))
}

impl Suite {
    /// A file's name in the list and on the page: that of the first suite's as it is, others' behind their version.
    fn file(&self, file: &str) -> String {
        if self.version == SUITES[0].version { file.to_string() } else { format!("{}:{file}", self.version) }
    }
}

/// The tests that do not pass, at one number of threads.
struct Waiting(Vec<Entry>);

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    file: String,
    test: String,
    taken: Taken,
    reason: String,
}

/// How a test is taken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Taken {
    Fails,
    May,
    Skips,
}

impl Waiting {
    fn parse(text: &str, io_threads: u32) -> Done<Waiting> {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let mut entries = Vec::new();
        for line in lines {
            let wrong = |what| format!("{WAITING}: {what} in {line:?}");
            let [file, test, word, reason] = line.split('\t').collect::<Vec<_>>()[..] else {
                return Err(wrong("four columns were due"));
            };
            let (word, threads) = match word.split_once('@') {
                Some((word, threads)) => (word, Some(threads)),
                None => (word, None),
            };
            let taken = match word {
                "fails" => Taken::Fails,
                "may" => Taken::May,
                "skips" => Taken::Skips,
                _ => return Err(wrong("fails, may or skips was due")),
            };
            if threads.is_none_or(|threads| threads == io_threads.to_string()) {
                entries.push(Entry { file: file.into(), test: test.into(), taken, reason: reason.into() });
            }
        }
        Ok(Waiting(entries))
    }

    /// The entry of a test that was run and failed.
    fn entry(&self, file: &str, test: &str) -> Option<&Entry> {
        self.0.iter().find(|e| e.taken != Taken::Skips && e.file == file && matches(&e.test, test))
    }

    /// The tests of a file that are not run.
    fn skips(&self, file: &str) -> Vec<String> {
        let skips = self.0.iter().filter(|e| e.taken == Taken::Skips && e.file == file);
        skips.map(|e| e.test.clone()).collect()
    }
}

/// What the runs were like.
struct Report<'a> {
    known: &'a Waiting,
    /// A row a file: name; passed, failed, aborted.
    rows: Vec<(String, [u64; 3])>,
    /// The entries that a failure was found for.
    met: BTreeSet<&'a Entry>,
    /// Reason, then file, then the tests that did not pass for it.
    waiting: BTreeMap<&'a str, BTreeMap<String, BTreeSet<String>>>,
    unexpected: Vec<String>,
}

impl<'a> Report<'a> {
    fn new(known: &'a Waiting) -> Report<'a> {
        let (rows, met, unexpected) = (Vec::new(), BTreeSet::new(), Vec::new());
        Report { known, rows, met, waiting: BTreeMap::new(), unexpected }
    }

    /// Takes over what one call of the runner has left.
    fn add(&mut self, suite: &Suite, results: &str, failures: &str) {
        for line in results.lines() {
            let mut columns = line.split('\t');
            let file = suite.file(columns.next().unwrap_or_default());
            let mut count = || columns.next().and_then(|count| count.parse().ok()).unwrap_or(0);
            for skipped in self.known.0.iter().filter(|e| e.taken == Taken::Skips && e.file == file) {
                self.explain(skipped, skipped.test.clone());
            }
            self.rows.push((file, [count(), count(), count()]));
        }
        for (file, test) in failed_tests(failures) {
            let file = suite.file(&file);
            match self.known.entry(&file, &test) {
                Some(entry) => self.explain(entry, test),
                None => self.unexpected.push(format!("{file}: {test}")),
            }
        }
    }

    fn explain(&mut self, entry: &'a Entry, test: String) {
        self.met.insert(entry);
        let test = if entry.taken == Taken::Skips { format!("{test} (not run)") } else { test };
        self.waiting.entry(&entry.reason).or_default().entry(entry.file.clone()).or_default().insert(test);
    }

    fn page(&self) -> String {
        let mut page = String::from("| file | passed | failed | cut short |\n|---|---|---|---|\n");
        let mut sums = [0; 3];
        let mut rows = self.rows.clone();
        rows.sort();
        for (file, counts) in rows {
            (0..3).for_each(|column| sums[column] += counts[column]);
            row(&mut page, &file, counts);
        }
        row(&mut page, "all", sums);
        for (reason, files) in &self.waiting {
            let count: usize = files.values().map(BTreeSet::len).sum();
            write!(page, "\n**{reason}** ({count}):\n\n").expect("writing to a string");
            for (file, tests) in files {
                let tests: Vec<&str> = tests.iter().map(String::as_str).collect();
                writeln!(page, "- {file}: {}", tests.join(" · ")).expect("writing to a string");
            }
        }
        page
    }

    fn judged(&self) -> Done {
        let was_run = |entry: &&Entry| self.rows.iter().any(|(file, _)| *file == entry.file);
        let passed = self.known.0.iter().filter(was_run).filter(|entry| entry.taken == Taken::Fails);
        let passed = passed.filter(|entry| !self.met.contains(entry));
        let passed: Vec<String> = passed.map(|entry| format!("{}: {}", entry.file, entry.test)).collect();
        match (&self.unexpected[..], &passed[..]) {
            ([], []) => Ok(()),
            ([], passed) => Err(format!("these pass and are in {WAITING}:\n{}", passed.join("\n"))),
            (failed, _) => Err(format!("these fail and are not in {WAITING}:\n{}", failed.join("\n"))),
        }
    }
}

fn row(page: &mut String, file: &str, [passed, failed, cut]: [u64; 3]) {
    writeln!(page, "| {file} | {passed} | {failed} | {cut} |").expect("writing to a string");
}

/// File and test of each failure: `FAIL [err]: NAME in tests/FILE.tcl`, or the first line as it is.
fn failed_tests(failures: &str) -> Vec<(String, String)> {
    let blocks = failures.split("\n=== ").map(|block| block.strip_prefix("=== ").unwrap_or(block));
    let blocks = blocks.filter(|block| !block.trim().is_empty());
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
    let section = format!("## The upstream suites at `io-threads {io_threads}`\n\n{section}");
    fs::write(&path, replaced(&old, &begin, &end, &section)).map_err(|error| format!("{PAGE}: {error}"))
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

    /// The report of a run of two files with these failures, by a list.
    fn judged(list: &str) -> (Done, String) {
        let known = Waiting::parse(list, 1).expect("a list");
        let mut report = Report::new(&known);
        let results = "unit/info\t1\t1\t0\t0.1\t0\tdone\nunit/expire\t2\t1\t0\t0.1\t0\tdone\n";
        report.add(&SUITES[0], results, FAILURES);
        (report.judged(), report.page())
    }

    #[test]
    fn a_failure_must_be_listed_and_what_is_listed_must_fail() {
        let info = "# file\ttest\ttaken\treason\nunit/info\tstats: x\tfails\tscripts\n";
        let (judged_, page) = judged(&format!("{info}unit/expire\tlists*\tmay\tlists\n"));
        assert_eq!(judged_, Ok(()));
        let table = "| unit/expire | 2 | 1 | 0 |\n| unit/info | 1 | 1 | 0 |\n| all | 3 | 2 | 0 |\n";
        assert!(page.contains(table), "{page}");
        assert!(page.contains("**lists** (1):\n\n- unit/expire: lists in a\n"), "{page}");
        let failed = judged(info).0.expect_err("one is not listed");
        assert_eq!(failed.lines().last(), Some("unit/expire: lists in a"));
        let more = format!("{info}unit/expire\tlists*\tfails\tlists\nunit/expire\tother\tfails\tx\n");
        let passed = judged(&more).0.expect_err("one has passed");
        assert_eq!(passed.lines().last(), Some("unit/expire: other"));
        let elsewhere = more.replace("other\tfails", "other\tfails@4");
        assert_eq!(judged(&elsewhere).0, Ok(()), "it is due to fail at four threads");
    }

    #[test]
    fn a_file_with_skips_has_a_call_of_its_own() {
        let known = Waiting::parse("b\ttest\tskips\tleaves a mess\n7.4:a\tx\tskips\ty\n", 1).expect("a list");
        let suite = Suite { version: "7.2", files: &["a", "b", "c"] };
        let options = Options {
            checkouts: Vec::new(),
            runner: PathBuf::new(),
            io_threads: 1,
            jobs: 1,
            program: None,
            only: Vec::new(),
        };
        let job = |files: &[&str], skips: &[&str]| Job {
            files: files.iter().map(|file| file.to_string()).collect(),
            skips: skips.iter().map(|test| test.to_string()).collect(),
        };
        assert_eq!(jobs(&suite, &options, &known), [job(&["b"], &["test"]), job(&["a", "c"], &[])]);
        let later = Suite { version: "7.4", files: &["a"] };
        assert_eq!(jobs(&later, &options, &known), [job(&["a"], &["x"])]);
    }

    #[test]
    fn a_section_is_replaced_and_the_rest_kept() {
        let once = replaced("# Title\n", "<b>\n", "<e>\n", "one\n") + "tail\n";
        let twice = replaced(&once, "<b>\n", "<e>\n", "two\n");
        assert_eq!(twice, "# Title\n\n<b>\n\ntwo\n\n<e>\ntail\n");
    }
}
