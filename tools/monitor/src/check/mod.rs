//! `carnelian monitor check`: one look at one server, for Nagios and for collectd.

mod collectd;
mod nagios;

use crate::alert::{Reading, Rule, Tuning, tune};
use crate::collect::{Probe, Round, now_ms};
use crate::host::Host;
use crate::target::{Target, Trust};
use crate::wire::Limits;
use clap::{Args, ValueEnum};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// What `check` takes.
#[derive(Debug, Args)]
pub struct Check {
    /// The server
    #[arg(value_name = "URL")]
    pub url: String,
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Nagios)]
    pub format: Format,
    /// Warn beyond this: ALERT=VALUE, repeatable; `carnelian monitor rules` names the alerts
    #[arg(long, short, value_name = "ALERT=VALUE", value_parser = threshold)]
    pub warning: Vec<(String, f64)>,
    /// Critical beyond this: ALERT=VALUE, repeatable
    #[arg(long, short, value_name = "ALERT=VALUE", value_parser = threshold)]
    pub critical: Vec<(String, f64)>,
    /// Check these alone: an alert's name, repeatable
    #[arg(long, value_name = "ALERT")]
    pub only: Vec<String>,
    /// Leave these out: an alert's name, repeatable
    #[arg(long, value_name = "ALERT")]
    pub skip: Vec<String>,
    /// Seconds that the server has to answer
    #[arg(long, short, value_name = "SECONDS", default_value = "3", value_parser = crate::args::seconds)]
    pub timeout: Duration,
    /// Look twice, so many seconds apart: counters (evictions, rejected, misses) alert on their change only then
    #[arg(long, value_name = "SECONDS", value_parser = crate::args::seconds)]
    pub delta: Option<Duration>,
    /// Variable that has the password, so that it stands in no process list
    #[arg(long, value_name = "NAME", default_value = "REDISCLI_AUTH")]
    pub password_env: String,
    /// For servers behind rediss://.
    #[command(flatten)]
    pub trust: Trust,
    /// With collectd: end after so many values lists (0: never)
    #[arg(long, default_value_t = 0)]
    pub count: u64,
}

/// Whose plugin it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One line and an exit code of 0-3 (OK, WARNING, CRITICAL, UNKNOWN), with performance data.
    Nagios,
    /// The exec plugin's PUTVAL lines, once an interval.
    Collectd,
    /// One JSON object with the levels and values; exit code as with Nagios.
    Json,
}

fn threshold(text: &str) -> Result<(String, f64), String> {
    let (id, value) = text.split_once('=').ok_or("expected ALERT=VALUE")?;
    let value =
        value.parse::<f64>().ok().filter(|value| value.is_finite()).ok_or("the value is no number")?;
    Ok((id.to_owned(), value))
}

impl Check {
    /// The rules to check, in the order of the table.
    fn rules(&self) -> Result<Vec<Rule>, String> {
        let mut tunings: BTreeMap<String, Tuning> = BTreeMap::new();
        for (id, value) in &self.warning {
            tunings.entry(id.clone()).or_default().set_warning(*value);
        }
        for (id, value) in &self.critical {
            tunings.entry(id.clone()).or_default().set_critical(*value);
        }
        // Unknown names in the lists are errors too.
        for id in self.only.iter().chain(&self.skip) {
            tunings.entry(id.clone()).or_default();
        }
        let mut rules = tune(&tunings)?;
        rules.retain(|rule| self.only.is_empty() || self.only.iter().any(|id| id == rule.id));
        rules.retain(|rule| !self.skip.iter().any(|id| id == rule.id));
        Ok(rules)
    }

    fn target(&self) -> Result<Target, String> {
        let mut target = Target::parse(&self.url).map_err(|failure| failure.to_string())?;
        target.trust = self.trust.clone();
        if target.password.is_none() {
            let password = std::env::var(&self.password_env).ok().filter(|password| !password.is_empty());
            target.address.password = password.map(crate::target::Secret::new);
        }
        Ok(target)
    }
}

/// Runs the check. UNKNOWN (3) if it cannot be made: a bad URL, a bad threshold.
pub fn run(check: &Check) -> ExitCode {
    let prepared = check.target().and_then(|target| Ok((target, check.rules()?)));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let (target, rules, runtime) = match (prepared, runtime) {
        (Ok((target, rules)), Ok(runtime)) => (target, rules, runtime),
        (Err(why), _) => return nagios::unknown(&why),
        (_, Err(error)) => return nagios::unknown(&error.to_string()),
    };
    runtime.block_on(async {
        let limits = Limits { time: check.timeout, ..Limits::default() };
        let mut probe = Probe::new(target.clone(), limits, Duration::from_secs(60));
        if check.format == Format::Collectd {
            return collectd::run(&mut probe, &target, check.count).await;
        }
        let mut before = None;
        if let Some(delta) = check.delta {
            before = Some(round(&mut probe, &target).await);
            tokio::time::sleep(delta).await;
        }
        let now = round(&mut probe, &target).await;
        let host = now.facts().and_then(|facts| Host::look(&target, facts));
        let reading = Reading { round: &now, before: before.as_ref(), host: host.as_ref() };
        nagios::report(&rules, &reading, check.format == Format::Json)
    })
}

async fn round(probe: &mut Probe, target: &Target) -> Round {
    let started = Instant::now();
    let outcome = probe.round().await;
    Round { at: now_ms(), target: target.clone(), discovered: false, took: started.elapsed(), outcome }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        check: Check,
    }

    fn rules(arguments: &[&str]) -> Result<Vec<Rule>, String> {
        Line::try_parse_from([&["check", "redis://h"], arguments].concat()).unwrap().check.rules()
    }

    #[test]
    fn thresholds_and_selections() {
        let tuned = rules(&["-w", "min-clients=5", "-c", "memory=99"]).unwrap();
        assert_eq!(tuned.iter().find(|rule| rule.id == "min-clients").unwrap().warning, Some(5.0));
        assert_eq!(tuned.iter().find(|rule| rule.id == "memory").unwrap().critical, Some(99.0));
        let only: Vec<&str> = rules(&["--only", "memory", "--only", "uptime", "--skip", "uptime"])
            .unwrap()
            .iter()
            .map(|rule| rule.id)
            .collect();
        assert_eq!(only, ["memory"]);
        assert!(rules(&["--skip", "nonsense"]).is_err());
        assert!(Line::try_parse_from(["check", "h", "-w", "memory=inf"]).is_err());
    }
}
