//! `carnelian top`: servers at a glance, as rows like vmstat's (redis-stat's view, columns and options) or full-screen.
//!
//! Full-screen is for a terminal; rows come with `--plain`, `--csv`, `--json`, `--es`, a COUNT, or when nobody looks at a terminal.
//! Values of several servers are summed in one row.
#![allow(rustdoc::broken_intra_doc_links, reason = "doc comments of arguments are help texts")]

mod daemon;
mod elastic;
mod rows;
mod screen;

use crate::collect::{Collector, Settings};
use crate::target::{Secret, Target, Trust};
use crate::wire::Limits;
use clap::{Parser, ValueEnum};
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// `carnelian top`.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "carnelian top",
    no_binary_name = true,
    version,
    about = "Shows Redis-compatible servers at a glance: full-screen, or a row an interval like vmstat"
)]
pub struct Top {
    /// Servers (HOST[:PORT][/PASSWORD] or a URL), then INTERVAL in seconds (2), then how many rows (no end)
    #[arg(value_name = "HOST... [INTERVAL [COUNT]]")]
    pub words: Vec<String>,
    /// Password of servers that have none of their own
    #[arg(short, long, value_name = "PASSWORD", env = "REDISCLI_AUTH", hide_env_values = true)]
    pub auth: Option<String>,
    /// More columns
    #[arg(short, long)]
    pub verbose: bool,
    /// Lines of the table
    #[arg(long, value_enum, default_value_t = Style::Unicode)]
    pub style: Style,
    /// No colours
    #[arg(long)]
    pub no_color: bool,
    /// Rows instead of the full screen
    #[arg(long)]
    pub plain: bool,
    /// Rows as CSV: raw numbers, into FILE or to standard output
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "-")]
    pub csv: Option<PathBuf>,
    /// Rows as JSON objects, one a line: raw numbers
    #[arg(long)]
    pub json: bool,
    /// Send each server's numbers to Elasticsearch too: [http://]HOST[:PORT][/INDEX]
    #[arg(long, value_name = "URL")]
    pub es: Option<String>,
    /// Watch the servers' clusters, replicas and Sentinels too
    #[arg(long)]
    pub discover: bool,
    /// For servers behind rediss://.
    #[command(flatten)]
    pub trust: Trust,
    /// Serve the dashboard instead, on PORT: `carnelian monitor`
    #[arg(long, value_name = "PORT", num_args = 0..=1, require_equals = true, default_missing_value = "63790")]
    pub server: Option<u16>,
    /// With --server: go to the background, with a session of its own and without a terminal
    #[arg(long, requires = "server")]
    pub daemon: bool,
}

/// How a table is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Style {
    /// Box-drawing characters.
    Unicode,
    /// `+`, `-` and `|`.
    Ascii,
}

/// What the words say.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Servers; 127.0.0.1:6379 if none is named.
    pub targets: Vec<Target>,
    /// Between two rows.
    pub interval: Duration,
    /// Rows; `None` is no end.
    pub count: Option<u64>,
}

impl Top {
    /// Takes the words apart: up to two numbers at the end are interval and count.
    ///
    /// # Errors
    /// Names the word that is neither a server nor a number.
    pub fn plan(&self) -> Result<Plan, String> {
        let numbers = self.words.iter().rev().take(2).take_while(|word| word.parse::<f64>().is_ok()).count();
        let (hosts, numbers) = self.words.split_at(self.words.len() - numbers);
        let interval =
            numbers.first().map_or(Ok(Duration::from_secs(2)), |word| crate::args::seconds(word))?;
        let count = numbers
            .get(1)
            .map(|word| word.parse().map_err(|_| format!("'{word}' is no count")))
            .transpose()?;
        if let Some(number) = hosts.iter().find(|word| word.parse::<f64>().is_ok()) {
            return Err(format!("'{number}' is no server: INTERVAL and COUNT come last"));
        }
        let mut targets = hosts.iter().map(|word| self.target(word)).collect::<Result<Vec<_>, _>>()?;
        if targets.is_empty() {
            targets.push(self.target("127.0.0.1:6379")?);
        }
        Ok(Plan { targets, interval, count })
    }

    fn target(&self, word: &str) -> Result<Target, String> {
        let (place, password) = match word.split_once('/') {
            Some((place, password)) if !word.contains("://") => (place, Some(password)),
            _ => (word, None),
        };
        let mut target =
            Target::parse(place).map_err(|failure| format!("{}: {failure}", crate::target::redact(place)))?;
        let password = password.or(self.auth.as_deref()).filter(|password| !password.is_empty());
        let password = password.map(Secret::new);
        target.address.password = target.address.password.or(password);
        target.trust = self.trust.clone();
        Ok(target)
    }

    fn is_plain(&self, plan: &Plan) -> bool {
        let asked =
            self.plain || self.json || self.csv.is_some() || self.es.is_some() || plan.count.is_some();
        asked || !std::io::stdout().is_terminal()
    }
}

/// `carnelian top ARGS`; `args` begins after the tool's name. Exits with 2 on a bad command line, 1 if no server ever answered.
pub fn main(args: Vec<OsString>) -> ExitCode {
    let top = match Top::try_parse_from(args) {
        Ok(top) => top,
        Err(error) => return crate::complain(&error, &[]),
    };
    let plan = match top.plan() {
        Ok(plan) => plan,
        Err(why) => {
            eprintln!("carnelian top: {why}");
            return ExitCode::from(2);
        }
    };
    if let Some(port) = top.server {
        return match top.daemon && !daemon::is_one() {
            true => daemon::begin(port),
            false => crate::serve::run_for(plan.targets, port, plan.interval),
        };
    }
    let shown = crate::serve::runtime(1).and_then(|runtime| {
        let collector = runtime.block_on(async { start(&top, &plan) });
        match top.is_plain(&plan) {
            true => runtime.block_on(rows::run(&top, &plan, &collector)),
            false => screen::run(&top, &collector),
        }
    });
    match shown {
        Ok(code) => code,
        // The reader of a pipe has gone: that is how `| head` ends.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("carnelian top: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start(top: &Top, plan: &Plan) -> Arc<Collector> {
    let targets: Vec<(Target, bool)> = plan.targets.iter().map(|target| (target.clone(), true)).collect();
    let settings = Settings { interval: plan.interval, limits: Limits::default(), discover: top.discover };
    Collector::start(&targets, settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(words: &[&str]) -> Result<Plan, String> {
        Top::try_parse_from(words).unwrap().plan()
    }

    #[test]
    fn words_of_redis_stat() {
        let all = plan(&["a", "b:7000/secret", "1.5", "10"]).unwrap();
        assert_eq!(
            all.targets.iter().map(|target| target.endpoint.place()).collect::<Vec<_>>(),
            ["a:6379", "b:7000"]
        );
        assert_eq!(all.targets[1].password.as_ref().map(Secret::reveal), Some("secret"));
        assert_eq!((all.interval, all.count), (Duration::from_millis(1500), Some(10)));
        let none = plan(&["-a", "pw", "-v", "--csv", "--style=ascii"]).unwrap();
        assert_eq!(none.targets[0].endpoint.place(), "127.0.0.1:6379");
        assert_eq!(none.targets[0].password.as_ref().map(Secret::reveal), Some("pw"));
        assert_eq!((none.interval, none.count), (Duration::from_secs(2), None));
        assert!(plan(&["a", "0"]).is_err() && plan(&["a", "1", "1.5"]).is_err() && plan(&["a b"]).is_err());
        assert_eq!(plan(&["a", "2", "x"]), Err("'2' is no server: INTERVAL and COUNT come last".into()));
    }
}
