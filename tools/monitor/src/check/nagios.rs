//! The Nagios plugin's output: `SERVICE STATUS - text | 'label'=value[unit];warning;critical`.
//!
//! Source: the Nagios Plugin Development Guidelines: exit codes 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN; thresholds are ranges
//! (`80` alerts above, `300:` below, `1:1` on any other value); a `|` in the text would end it.

use crate::alert::{Breach, Level, Reading, Rule, Unit};
use serde_json::json;
use std::process::ExitCode;

/// What one rule found.
struct Finding<'a> {
    rule: &'a Rule,
    value: f64,
    level: Level,
}

/// Judges, prints, and returns the exit code.
pub(super) fn report(rules: &[Rule], reading: &Reading<'_>, as_json: bool) -> ExitCode {
    let found: Vec<Finding<'_>> = rules
        .iter()
        .filter_map(|rule| {
            (rule.read)(reading).map(|value| Finding { rule, value, level: rule.judge(value, 0.0) })
        })
        .collect();
    let worst = found.iter().map(|finding| finding.level).max().unwrap_or_default();
    println!("{}", if as_json { to_json(worst, &found, reading) } else { line(worst, &found, reading) });
    ExitCode::from(worst as u8)
}

/// `REDIS UNKNOWN - why`, exit code 3.
pub(super) fn unknown(why: &str) -> ExitCode {
    println!("REDIS UNKNOWN - {}", clean(why));
    ExitCode::from(3)
}

fn line(worst: Level, found: &[Finding<'_>], reading: &Reading<'_>) -> String {
    let status = worst.word().to_uppercase();
    let mut bad: Vec<&Finding<'_>> = found.iter().filter(|finding| finding.level > Level::Ok).collect();
    bad.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    let text = match &reading.round.outcome {
        Err(failure) => failure.to_string(),
        Ok(_) if bad.is_empty() => summary(reading),
        Ok(_) => bad
            .iter()
            .map(|finding| finding.rule.sentence(finding.level, finding.value))
            .collect::<Vec<_>>()
            .join(", "),
    };
    let data: Vec<String> = found.iter().map(performance).chain(counts(reading)).collect();
    format!("REDIS {status} - {}: {} | {}", reading.round.target.url, clean(&text), data.join(" "))
}

/// `7.4.1 master up 3 days, 12 clients, 1.02M used`
fn summary(reading: &Reading<'_>) -> String {
    let text = |field: &str| reading.round.facts().map_or("", |facts| facts.info.text(field)).to_owned();
    let (version, role) =
        reading.round.facts().map(|facts| (facts.version(), facts.role().to_owned())).unwrap_or_default();
    let (uptime, clients) = (text("uptime_in_seconds"), text("connected_clients"));
    // A Sentinel tells of no memory.
    let memory = Some(text("used_memory_human")).filter(|used| !used.is_empty());
    let memory = memory.map_or(String::new(), |used| format!(", {used} used"));
    format!("{version} {role} up {uptime} s, {clients} clients{memory}")
}

fn performance(finding: &Finding<'_>) -> String {
    let Finding { rule, value, .. } = finding;
    let range = |threshold: Option<f64>| match (threshold, rule.breach) {
        (None, _) => String::new(),
        (Some(limit), Breach::Above) => format!("{limit}"),
        (Some(limit), Breach::Below) => format!("{limit}:"),
        (Some(limit), Breach::Differs) => format!("{limit}:{limit}"),
    };
    let symbol = rule.unit.symbol();
    format!("'{}'={value}{symbol};{};{}", rule.id, range(rule.warning), range(rule.critical))
}

/// What a graph wants though no rule judges it; `c` marks counters.
fn counts(reading: &Reading<'_>) -> Vec<String> {
    let Some(facts) = reading.round.facts() else { return Vec::new() };
    let fields = [
        ("used_memory", Unit::Bytes.symbol()),
        ("connected_clients", ""),
        ("blocked_clients", ""),
        ("instantaneous_ops_per_sec", ""),
        ("total_commands_processed", "c"),
        ("keyspace_hits", "c"),
        ("keyspace_misses", "c"),
        ("evicted_keys", "c"),
        ("expired_keys", "c"),
    ];
    let shown = fields
        .iter()
        .filter_map(|(field, unit)| Some(format!("'{field}'={}{unit}", facts.info.number(field)?)));
    shown.chain([format!("'keys'={}", facts.info.keys())]).collect()
}

fn to_json(worst: Level, found: &[Finding<'_>], reading: &Reading<'_>) -> String {
    let alerts: Vec<_> = found
        .iter()
        .map(|finding| {
            let text = finding.rule.sentence(finding.level, finding.value);
            json!({"alert": finding.rule.id, "level": finding.level, "value": finding.value, "text": text, "advice": finding.rule.advice})
        })
        .collect();
    let failure = reading.round.outcome.as_ref().err().map(ToString::to_string);
    json!({"target": reading.round.target.url, "level": worst, "failure": failure, "alerts": alerts})
        .to_string()
}

/// Text that neither ends the line nor begins the performance data.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c == '|' || c.is_control() { '/' } else { c }).collect()
}
