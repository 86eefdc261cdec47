//! The table of alerts.

use super::Reading;
use super::readings as read;
use serde_json::{Value, json};
use std::fmt::Write;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Within its limits.
    #[default]
    Ok,
    /// Look at it.
    Warning,
    /// Act on it.
    Critical,
}

impl Level {
    /// `ok`, `warning`, `critical`.
    pub fn word(self) -> &'static str {
        match self {
            Level::Ok => "ok",
            Level::Warning => "warning",
            Level::Critical => "critical",
        }
    }
}

/// The table of document 003 that a rule is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Redis process running.
    Process,
    /// System metrics.
    System,
    /// Availability and queries.
    Availability,
    /// Performance.
    Performance,
    /// Errors.
    Errors,
    /// Not in document 003: clusters and Sentinels.
    Topology,
}

/// Which side of the threshold is bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breach {
    /// More than the threshold.
    Above,
    /// Less than the threshold.
    Below,
    /// Anything else than the threshold.
    Differs,
}

/// The unit of a rule's value and thresholds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A plain number.
    Count,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// Per cent.
    Percent,
    /// 1 if the rule's sentence is true, else 0.
    Flag,
}

impl Unit {
    /// The unit of measurement as Nagios writes it.
    pub fn symbol(self) -> &'static str {
        match self {
            Unit::Count | Unit::Flag => "",
            Unit::Seconds => "s",
            Unit::Bytes => "B",
            Unit::Percent => "%",
        }
    }
}

/// One alert.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its name in the configuration, in events and in performance data.
    pub id: &'static str,
    /// Where it is from.
    pub group: Group,
    /// What is measured, in words that end a sentence's subject; of a flag the sentence.
    pub metric: &'static str,
    /// The value; `None` where the rule does not apply.
    pub read: fn(&Reading<'_>) -> Option<f64>,
    /// Which side is bad.
    pub breach: Breach,
    /// Threshold of a warning; a rule without any threshold is off until the configuration gives it one.
    pub warning: Option<f64>,
    /// Threshold of a critical alert.
    pub critical: Option<f64>,
    /// Unit of the value.
    pub unit: Unit,
    /// Seconds that a breach must last.
    pub hold: u32,
    /// What to do.
    pub advice: &'static str,
}

/// All alerts. Thresholds are those that document 003 suggests; where it suggests none, the rule is off.
#[rustfmt::skip]
pub const RULES: &[Rule] = &[
    rule("down", Group::Process, "the server does not answer", read::down).above(None, Some(0.0)).unit(Unit::Flag).hold(3)
        .advice("Look at the server's log and whether its process runs; then at network, password and maxclients."),
    rule("process-count", Group::Process, "number of processes for the port", read::processes).differs(Some(1.0), None).hold(10)
        .advice("Two daemons on one port or a stray one: stop what the service manager does not know."),
    rule("uptime", Group::Process, "uptime", read::uptime).below(Some(300.0), None).unit(Unit::Seconds)
        .advice("The server has restarted: if nobody did that, look for crashes, the OOM killer and the service manager's restarts."),
    rule("load", Group::System, "load per core", read::load).above(Some(4.0), None).hold(60)
        .advice("The host has more to run than cores: find the process with top, or move instances away."),
    rule("swap", Group::System, "used swap", read::swap).above(Some(128.0 * MIB), None).unit(Unit::Bytes).hold(60)
        .advice("A data store that swaps is slow: lower maxmemory or give the host more memory."),
    rule("disk", Group::System, "used disk space", read::disk).above(Some(85.0), Some(95.0)).unit(Unit::Percent).hold(30)
        .advice("Snapshots and AOF rewrites need as much free space as they write: remove old files or grow the disk."),
    rule("min-clients", Group::Availability, "number of connected clients", read::clients).below(None, None).hold(30)
        .advice("Fewer applications than expected are connected: look at them and at the network."),
    rule("last-save", Group::Availability, "time since the last save", read::since_save).above(Some(3600.0), None).unit(Unit::Seconds)
        .advice("Changes would be lost in a crash: see rdb_last_bgsave_status and the log, then BGSAVE."),
    rule("save-failed", Group::Availability, "a save or AOF write has failed", read::save_failed).above(None, Some(0.0)).unit(Unit::Flag).hold(3)
        .advice("The server cannot write its files and may refuse writes: see its log for disk space and permissions."),
    rule("replicas", Group::Availability, "number of connected replicas", read::replicas).differs(None, None).hold(30)
        .advice("A replica is gone or one too many came: compare INFO replication with the plan."),
    rule("primary-io", Group::Availability, "time since the primary was heard", read::primary_io).above(Some(30.0), None).unit(Unit::Seconds)
        .advice("The primary is silent: look at it and at the network between them."),
    rule("latency", Group::Performance, "time that PING took", read::latency).above(Some(0.2), Some(1.0)).unit(Unit::Seconds).hold(5)
        .advice("See SLOWLOG GET and LATENCY DOCTOR: slow commands, saving, swapping and a full CPU are the usual causes."),
    rule("memory", Group::Performance, "used part of maxmemory", read::memory).above(Some(80.0), Some(90.0)).unit(Unit::Percent).hold(60)
        .advice("Raise maxmemory, shorten lifetimes, or accept evictions by the policy; at 100 % noeviction refuses writes."),
    rule("fragmentation", Group::Performance, "fragmentation ratio", read::fragmentation).above(Some(1.5), None).hold(60)
        .advice("The process holds more memory than its data: activedefrag yes, MEMORY PURGE, or a restart behind a failover."),
    rule("evictions", Group::Performance, "evicted keys a second", read::evictions).above(None, None)
        .advice("Keys are removed before their time: raise maxmemory or store less."),
    rule("rejected", Group::Errors, "rejected connections a second", read::rejected).above(Some(0.0), None)
        .advice("maxclients is reached: look for clients that leak connections (CLIENT LIST), or raise it with the file limit."),
    rule("max-clients", Group::Errors, "used part of maxclients", read::max_clients).above(Some(80.0), Some(95.0)).unit(Unit::Percent).hold(30)
        .advice("Soon connections will be refused: look for clients that leak connections, or raise maxclients."),
    rule("misses", Group::Errors, "missed lookups a second", read::misses).above(None, None)
        .advice("Clients ask for keys that are not there: expired, evicted or never written."),
    rule("link-down", Group::Errors, "time that the link to the primary is down", read::link_down).above(Some(60.0), None).unit(Unit::Seconds)
        .advice("The replica grows stale and will need a resynchronisation: look at the primary, masterauth and the network."),
    rule("replica-lag", Group::Topology, "time since a replica acknowledged", read::replica_lag).above(Some(10.0), None).unit(Unit::Seconds).hold(10)
        .advice("A replica falls behind: look at its CPU, disk and network, and at client-output-buffer-limit replica."),
    rule("cluster-state", Group::Topology, "the cluster is not ok", read::cluster_down).above(None, Some(0.0)).unit(Unit::Flag).hold(3)
        .advice("Slots are not served: CLUSTER INFO and `cli --cluster check` show which; bring their nodes back or fix."),
    rule("slots-failing", Group::Topology, "number of slots on failing nodes", read::slots_failing).above(Some(0.0), None).hold(3)
        .advice("A node does not answer its peers: look at it before its slots fail."),
    rule("sentinel-primary", Group::Topology, "number of primaries that the Sentinel sees down", read::sentinel_down).above(None, Some(0.0)).hold(3)
        .advice("Look at the primary and whether the failover goes on: SENTINEL MASTERS and the Sentinels' logs."),
    rule("sentinel-quorum", Group::Topology, "number of primaries without a quorum of Sentinels", read::no_quorum).above(Some(0.0), None).hold(10)
        .advice("A failover would not be authorised: bring the missing Sentinels back."),
];

const MIB: f64 = 1024.0 * 1024.0;

const fn rule(
    id: &'static str,
    group: Group,
    metric: &'static str,
    read: fn(&Reading<'_>) -> Option<f64>,
) -> Rule {
    let (breach, unit) = (Breach::Above, Unit::Count);
    Rule { id, group, metric, read, breach, warning: None, critical: None, unit, hold: 0, advice: "" }
}

impl Rule {
    const fn above(self, warning: Option<f64>, critical: Option<f64>) -> Self {
        Rule { breach: Breach::Above, warning, critical, ..self }
    }

    const fn below(self, warning: Option<f64>, critical: Option<f64>) -> Self {
        Rule { breach: Breach::Below, warning, critical, ..self }
    }

    const fn differs(self, warning: Option<f64>, critical: Option<f64>) -> Self {
        Rule { breach: Breach::Differs, warning, critical, ..self }
    }

    const fn unit(self, unit: Unit) -> Self {
        Rule { unit, ..self }
    }

    const fn hold(self, hold: u32) -> Self {
        Rule { hold, ..self }
    }

    const fn advice(self, advice: &'static str) -> Self {
        Rule { advice, ..self }
    }

    /// The level of a value. `margin` moves each threshold to its safe side by that part of it: 0 to judge a value that
    /// was fine, more to judge whether a breach is over.
    pub fn judge(&self, value: f64, margin: f64) -> Level {
        let breached = |threshold: Option<f64>| {
            threshold.is_some_and(|limit| match self.breach {
                Breach::Above => value > limit * (1.0 - margin),
                Breach::Below => value < limit * (1.0 + margin),
                Breach::Differs => value != limit,
            })
        };
        match (breached(self.critical), breached(self.warning)) {
            (true, _) => Level::Critical,
            (_, true) => Level::Warning,
            _ => Level::Ok,
        }
    }

    /// `used part of maxmemory is 95 % (critical above 90 %)`
    pub fn sentence(&self, level: Level, value: f64) -> String {
        if self.unit == Unit::Flag {
            let denial = if level == Level::Ok { ": no" } else { "" };
            return format!("{}{denial}", self.metric);
        }
        let shown = quantity(value, self.unit);
        let threshold = match level {
            Level::Ok => None,
            Level::Warning => self.warning,
            Level::Critical => self.critical,
        };
        match threshold {
            Some(limit) => format!(
                "{} is {shown} ({} {} {})",
                self.metric,
                level.word(),
                self.side(),
                quantity(limit, self.unit)
            ),
            None => format!("{} is {shown}", self.metric),
        }
    }

    fn side(&self) -> &'static str {
        match self.breach {
            Breach::Above => "above",
            Breach::Below => "below",
            Breach::Differs => "unless",
        }
    }
}

/// A value with its unit, for people.
pub fn quantity(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Bytes => format!("{:.0} MiB", value / MIB),
        Unit::Percent => format!("{value:.1} %"),
        Unit::Seconds if value > 0.0 && value < 0.001 => format!("{:.0} µs", value * 1e6),
        Unit::Seconds if value < 10.0 => format!("{} s", (value * 1000.0).round() / 1000.0),
        Unit::Seconds => format!("{value:.0} s"),
        Unit::Count | Unit::Flag => format!("{}", (value * 100.0).round() / 100.0),
    }
}

/// The table for programs.
pub fn as_json() -> Value {
    let rule = |rule: &Rule| {
        json!({
            "alert": rule.id, "metric": rule.metric, "breach": rule.side(), "unit": rule.unit.symbol(),
            "warning": rule.warning, "critical": rule.critical, "for": rule.hold, "advice": rule.advice,
        })
    };
    Value::Array(RULES.iter().map(rule).collect())
}

/// The table as Markdown, for docs/monitor/alerts.md.
pub fn documentation() -> String {
    let mut text = String::from(
        "| Alert | From table | Fires when | Warning | Critical | For | What to do |\n|---|---|---|---|---|---|---|\n",
    );
    for rule in RULES {
        let limit = |threshold: Option<f64>| match threshold {
            None => "-".into(),
            Some(_) if rule.unit == Unit::Flag => "yes".into(),
            Some(limit) => quantity(limit, rule.unit),
        };
        let condition = match rule.unit {
            Unit::Flag => rule.metric.to_owned(),
            _ => format!("{} is {}", rule.metric, rule.side()),
        };
        // Writing into a String cannot fail.
        let _ = writeln!(
            text,
            "| `{}` | {:?} | {condition} | {} | {} | {} s | {} |",
            rule.id,
            rule.group,
            limit(rule.warning),
            limit(rule.critical),
            rule.hold,
            rule.advice
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_every_rule_has_advice() {
        let mut ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), RULES.len());
        assert!(RULES.iter().all(|rule| rule.advice.ends_with('.')));
    }

    #[test]
    fn judges_each_side_with_its_margin() {
        let memory = RULES.iter().find(|rule| rule.id == "memory").unwrap();
        assert_eq!(
            [79.0, 81.0, 91.0].map(|value| memory.judge(value, 0.0)),
            [Level::Ok, Level::Warning, Level::Critical]
        );
        assert_eq!(memory.judge(79.0, 0.1), Level::Warning);
        let uptime = RULES.iter().find(|rule| rule.id == "uptime").unwrap();
        assert_eq!(
            (uptime.judge(299.0, 0.0), uptime.judge(300.0, 0.0), uptime.judge(310.0, 0.1)),
            (Level::Warning, Level::Ok, Level::Warning)
        );
        let count = RULES.iter().find(|rule| rule.id == "process-count").unwrap();
        assert_eq!((count.judge(2.0, 0.1), count.judge(1.0, 0.1)), (Level::Warning, Level::Ok));
        assert_eq!(
            memory.sentence(Level::Critical, 95.0),
            "used part of maxmemory is 95.0 % (critical above 90.0 %)"
        );
        assert_eq!(memory.sentence(Level::Ok, 5.0), "used part of maxmemory is 5.0 %");
        let down = RULES.iter().find(|rule| rule.id == "down").unwrap();
        assert_eq!(down.sentence(Level::Ok, 0.0), "the server does not answer: no");
    }

    #[test]
    fn the_documentation_is_this_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/monitor/alerts.md");
        let page = std::fs::read_to_string(path).unwrap();
        assert!(
            page.contains(&documentation()),
            "put the output of `carnelian monitor rules` into docs/monitor/alerts.md"
        );
    }
}
