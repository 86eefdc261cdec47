//! `carnelian monitor faina`: statistics of a MONITOR log, what redis-faina prints.
//!
//! MONITOR tells when a command began, not how long it took: the times here are the gaps to the next line, which on a busy
//! server are about the durations and on an idle one are not. Memory is bounded: counts of rare names are dropped once there are too
//! many ([`Top`]), times go into a histogram of three digits.

mod line;
mod top;

pub use line::Call;
pub use top::Top;

use clap::Args;
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::ExitCode;

/// Longest line that is looked at; the rest of a longer one is skipped.
const MAX_LINE: u64 = 1 << 20;
/// Longest gap in microseconds that the histogram tells apart: an hour.
const MAX_GAP: u64 = 3_600_000_000;

/// What `faina` takes.
#[derive(Debug, Args)]
pub struct Faina {
    /// A MONITOR log; standard input if left out or `-`
    #[arg(value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// What ends a key's prefix
    #[arg(long, default_value = ":")]
    pub prefix_delimiter: String,
    /// Accepted for redis-faina's sake: every version's lines are told apart
    #[arg(long, value_name = "VERSION")]
    pub redis_version: Option<String>,
    /// How many of each list
    #[arg(long, default_value_t = 8)]
    pub top: usize,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Reads, counts, prints. Exits with 1 if the input cannot be read.
pub fn run(args: &Faina) -> ExitCode {
    let read = match args.input.as_deref() {
        None => read(io::stdin().lock(), args),
        Some(path) if path.as_os_str() == "-" => read(io::stdin().lock(), args),
        Some(path) => File::open(path).and_then(|file| read(BufReader::new(file), args)),
    };
    match read {
        Ok(statistics) if args.json => println!("{}", statistics.to_json(args.top)),
        Ok(statistics) => print!("{}", statistics.to_text(args.top)),
        Err(error) => {
            let name = args.input.as_ref().map_or("-".into(), |path| path.display().to_string());
            eprintln!("carnelian monitor faina: {name}: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn read(mut input: impl BufRead, args: &Faina) -> io::Result<Statistics> {
    let mut statistics = Statistics::new(&args.prefix_delimiter);
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        if input.by_ref().take(MAX_LINE).read_until(b'\n', &mut bytes)? == 0 {
            return Ok(statistics);
        }
        if !bytes.ends_with(b"\n") && bytes.len() as u64 == MAX_LINE {
            skip_line(&mut input)?;
        }
        statistics.add(String::from_utf8_lossy(&bytes).trim_end());
    }
}

fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    let mut rest = Vec::new();
    while input.by_ref().take(MAX_LINE).read_until(b'\n', &mut rest)? > 0 && !rest.ends_with(b"\n") {
        rest.clear();
    }
    Ok(())
}

/// What a log says.
pub struct Statistics {
    delimiter: String,
    lines: u64,
    skipped: u64,
    first: Option<f64>,
    last: Option<Call>,
    keys: Top,
    prefixes: Top,
    commands: Top,
    gaps: Option<Histogram<u32>>,
    spent: HashMap<String, f64>,
    slowest: Vec<(f64, String)>,
}

/// How many slow calls are kept.
const SLOWEST: usize = 100;

impl Statistics {
    /// Of an empty log.
    pub fn new(delimiter: &str) -> Self {
        Statistics {
            delimiter: delimiter.to_owned(),
            lines: 0,
            skipped: 0,
            first: None,
            last: None,
            keys: Top::default(),
            prefixes: Top::default(),
            commands: Top::default(),
            gaps: Histogram::new_with_bounds(1, MAX_GAP, 3).ok(),
            spent: HashMap::new(),
            slowest: Vec::new(),
        }
    }

    /// Takes a line in; what is none (the `OK` at the start) is counted as skipped.
    pub fn add(&mut self, line: &str) {
        let Some(call) = Call::parse(line) else {
            self.skipped += u64::from(!line.is_empty() && line != "OK" && line != "+OK");
            return;
        };
        self.lines += 1;
        self.first.get_or_insert(call.at);
        self.commands.add(&call.command);
        if let Some(key) = &call.key {
            self.keys.add(key);
            if let Some((prefix, _)) =
                key.split_once(self.delimiter.as_str()).filter(|_| !self.delimiter.is_empty())
            {
                self.prefixes.add(prefix);
            }
        }
        if let Some(before) = self.last.replace(call) {
            self.time(before);
        }
    }

    /// The gap from `call` to the line after it.
    fn time(&mut self, call: Call) {
        let Some(next) = &self.last else { return };
        let gap = ((next.at - call.at) * 1e6).max(0.0);
        if let Some(gaps) = &mut self.gaps {
            gaps.saturating_record(gap as u64);
        }
        // Names of commands come from the log: a hostile one shall not fill the memory.
        if self.spent.len() < 4096 || self.spent.contains_key(&call.command) {
            *self.spent.entry(call.command).or_default() += gap;
        }
        if self.slowest.len() < SLOWEST || self.slowest.last().is_some_and(|(least, _)| gap > *least) {
            let place = self.slowest.partition_point(|(other, _)| *other >= gap);
            self.slowest.insert(place, (gap, call.text.chars().take(300).collect()));
            self.slowest.truncate(SLOWEST);
        }
    }

    fn seconds(&self) -> f64 {
        self.first.zip(self.last.as_ref()).map_or(0.0, |(first, last)| last.at - first)
    }

    /// Commands a second over the log; 0 if it is too short to say.
    fn rate(&self) -> f64 {
        if self.seconds() > 0.0 { self.lines as f64 / self.seconds() } else { 0.0 }
    }

    fn percentiles(&self) -> [(&'static str, u64); 4] {
        let at = |quantile| self.gaps.as_ref().map_or(0, |gaps| gaps.value_at_quantile(quantile));
        [("Median", at(0.5)), ("75%", at(0.75)), ("90%", at(0.9)), ("99%", at(0.99))]
    }

    fn heaviest(&self, top: usize) -> Vec<(&str, f64)> {
        let mut all: Vec<(&str, f64)> =
            self.spent.iter().map(|(name, spent)| (name.as_str(), *spent)).collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
        all.truncate(top);
        all
    }

    /// For people: redis-faina's sections in its order.
    pub fn to_text(&self, top: usize) -> String {
        let mut text = String::new();
        let share =
            |count: u64| format!("{count}\t({:.2}%)", 100.0 * count as f64 / self.lines.max(1) as f64);
        let counted = |list: &Top| {
            list.most(top).into_iter().map(|(name, count)| (name.to_owned(), share(count))).collect()
        };
        let overall = vec![
            ("Lines Processed".to_owned(), self.lines.to_string()),
            ("Commands/Sec".to_owned(), format!("{:.2}", self.rate())),
        ];
        section(&mut text, "Overall Stats", overall);
        section(&mut text, "Top Prefixes", counted(&self.prefixes));
        section(&mut text, "Top Keys", counted(&self.keys));
        section(&mut text, "Top Commands", counted(&self.commands));
        let times = self.percentiles().map(|(name, gap)| (name.to_owned(), gap.to_string()));
        section(&mut text, "Command Time (microsecs)", times.into());
        let heaviest =
            self.heaviest(top).into_iter().map(|(name, spent)| (name.to_owned(), format!("{spent:.2}")));
        section(&mut text, "Heaviest Commands (microsecs)", heaviest.collect());
        let slowest = self.slowest.iter().take(top).map(|(gap, call)| (format!("{gap:.2}"), call.clone()));
        section(&mut text, "Slowest Calls", slowest.collect());
        text
    }

    /// For programs: the same facts.
    pub fn to_json(&self, top: usize) -> Value {
        let list = |list: &Top| {
            list.most(top)
                .into_iter()
                .map(|(name, count)| json!({"name": name, "count": count}))
                .collect::<Vec<_>>()
        };
        let times = self.percentiles();
        json!({
            "lines": self.lines,
            "skipped": self.skipped,
            "seconds": self.seconds(),
            "commands_per_second": self.rate(),
            "prefixes": list(&self.prefixes),
            "keys": list(&self.keys),
            "commands": list(&self.commands),
            "time_us": {"p50": times[0].1, "p75": times[1].1, "p90": times[2].1, "p99": times[3].1},
            "heaviest_us": self.heaviest(top).into_iter().map(|(name, spent)| json!({"name": name, "us": spent})).collect::<Vec<_>>(),
            "slowest_us": self.slowest.iter().take(top).map(|(gap, call)| json!({"us": gap, "call": call})).collect::<Vec<_>>(),
        })
    }
}

fn section(text: &mut String, title: &str, rows: Vec<(String, String)>) {
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    // Writing into a String cannot fail.
    let _ = writeln!(text, "{title}\n{}", "=".repeat(40));
    for (name, value) in rows {
        let _ = writeln!(text, "{name:width$}\t{value}");
    }
    let _ = writeln!(text, "\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = concat!(
        "OK\n",
        "1339518083.000000 [0 127.0.0.1:60866] \"get\" \"user:1\"\n",
        "1339518083.000100 [0 127.0.0.1:60866] \"GET\" \"user:2\"\n",
        "1339518083.000300 (db 3) \"SET\" \"plain\" \"v\"\n",
        "garbage\n",
        "1339518083.500300 [0 lua] \"get\" \"user:1\"\n",
    );

    fn statistics() -> Statistics {
        let mut statistics = Statistics::new(":");
        LOG.lines().for_each(|line| statistics.add(line));
        statistics
    }

    #[test]
    fn counts_prefixes_keys_commands_and_gaps() {
        let json = statistics().to_json(8);
        assert_eq!((&json["lines"], &json["skipped"]), (&json!(4), &json!(1)));
        assert_eq!(json["prefixes"], json!([{"name": "user", "count": 3}]));
        assert_eq!(json["keys"][0], json!({"name": "user:1", "count": 2}));
        assert_eq!(json["commands"], json!([{"name": "GET", "count": 3}, {"name": "SET", "count": 1}]));
        assert_eq!(json["heaviest_us"][0]["name"], "SET");
        assert_eq!(json["slowest_us"][0]["call"], "\"SET\" \"plain\" \"v\"");
        let median = json["time_us"]["p50"].as_u64().unwrap();
        assert!((195..=205).contains(&median), "{median}");
    }

    #[test]
    fn text_has_the_sections_of_redis_faina() {
        let text = statistics().to_text(1);
        let titles: Vec<&str> = text.split("\n\n\n").filter_map(|part| part.lines().next()).collect();
        let expected = [
            "Overall Stats",
            "Top Prefixes",
            "Top Keys",
            "Top Commands",
            "Command Time (microsecs)",
            "Heaviest Commands (microsecs)",
            "Slowest Calls",
        ];
        assert_eq!(titles, expected);
        assert!(text.contains("GET\t3\t(75.00%)") && text.contains("Lines Processed\t4"), "{text}");
    }

    #[test]
    fn an_empty_log_and_a_long_line_are_no_trouble() {
        assert!(Statistics::new("").to_text(3).contains("Commands/Sec   \t0.00"));
        let long =
            [b"1.0 [0 x] \"SET\" \"a\" \"".as_slice(), &[b'x'; 3 << 20], b"\"\n1.1 [0 x] \"GET\" \"a\"\n"]
                .concat();
        let args =
            Faina { input: None, prefix_delimiter: ":".into(), redis_version: None, top: 8, json: false };
        assert_eq!(read(long.as_slice(), &args).unwrap().lines, 2);
    }
}
