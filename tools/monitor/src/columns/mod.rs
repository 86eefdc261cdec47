//! The one table of columns: what `top` shows, history keeps and the dashboard charts.
//!
//! redis-stat's columns under its names, what its `-v` adds, and traffic and response time.

mod number;

pub use number::human;

use crate::collect::Round;
use crate::facts::Info;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A server's last two rounds.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a> {
    /// The round before; `None` at first.
    pub before: Option<&'a Round>,
    /// The newest.
    pub now: &'a Round,
}

impl Sample<'_> {
    fn info(&self) -> Option<&Info> {
        self.now.facts().map(|facts| &facts.info)
    }

    fn gauge(&self, field: &str) -> Option<f64> {
        self.info()?.number(field)
    }

    /// A counter's growth a second; `None` at first and after a restart.
    fn rate(&self, field: &str) -> Option<f64> {
        let before = self.before?;
        let seconds = (self.now.at - before.at) as f64 / 1000.0;
        let grown = self.gauge(field)? - before.facts()?.info.number(field)?;
        (seconds > 0.0 && grown >= 0.0).then(|| grown / seconds)
    }
}

/// The last two rounds that each server answered: what rates are made of.
#[derive(Default)]
pub struct Pairs(BTreeMap<String, (Option<Arc<Round>>, Arc<Round>)>);

impl Pairs {
    /// Takes the newest rounds in; one that is known already changes nothing, a server that failed leaves.
    pub fn update(&mut self, rounds: Vec<Arc<Round>>) {
        self.0
            .retain(|url, _| rounds.iter().any(|round| round.target.url == *url && round.facts().is_some()));
        for round in rounds.into_iter().filter(|round| round.facts().is_some()) {
            let before = match self.0.get(&round.target.url) {
                Some((_, known)) if known.at == round.at => continue,
                Some((_, known)) => Some(known.clone()),
                None => None,
            };
            self.0.insert(round.target.url.clone(), (before, round));
        }
    }

    /// One sample a server.
    pub fn samples(&self) -> impl Iterator<Item = Sample<'_>> {
        self.0.values().map(|(before, now)| Sample { before: before.as_deref(), now })
    }
}

/// Where a column's number comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// An INFO field, summed over the servers.
    Gauge(&'static str),
    /// The largest of an INFO field.
    Largest(&'static str),
    /// A counter's growth a second, summed.
    Rate(&'static str),
    /// A counter of seconds as per cent of the time that passed, summed.
    Busy(&'static str),
    /// Keys of all databases.
    Keys,
    /// The round's PING in milliseconds, the largest.
    Ping,
    /// Hits of all lookups since the last row, per cent.
    HitRate,
}

/// How a column's number is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `25.8k`
    Count,
    /// `5.69GB`
    Bytes,
    /// `28`
    Whole,
    /// `1.25`
    Ratio,
}

/// A column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its head.
    pub name: &'static str,
    /// Where from.
    pub source: Source,
    /// How written.
    pub shape: Shape,
    /// Only with `-v`.
    pub verbose: bool,
    /// What it says.
    pub help: &'static str,
}

const fn usual(name: &'static str, source: Source, shape: Shape, help: &'static str) -> Column {
    Column { name, source, shape, verbose: false, help }
}

const fn more(name: &'static str, source: Source, shape: Shape, help: &'static str) -> Column {
    Column { name, source, shape, verbose: true, help }
}

use Shape::{Bytes, Count, Ratio, Whole};
use Source::{Busy, Gauge, HitRate, Keys, Largest, Ping, Rate};

/// All columns after the time.
#[rustfmt::skip]
pub const COLUMNS: &[Column] = &[
    usual("us", Busy("used_cpu_user"), Whole, "CPU time in user space, per cent of one core"),
    usual("sy", Busy("used_cpu_sys"), Whole, "CPU time in the kernel, per cent of one core"),
    usual("cl", Gauge("connected_clients"), Count, "connected clients"),
    usual("bcl", Gauge("blocked_clients"), Count, "clients in blocking calls"),
    usual("mem", Gauge("used_memory"), Bytes, "memory of the data"),
    usual("rss", Gauge("used_memory_rss"), Bytes, "memory of the process"),
    more("frag", Largest("mem_fragmentation_ratio"), Ratio, "fragmentation, the largest"),
    usual("keys", Keys, Count, "keys in all databases"),
    usual("cmd/s", Rate("total_commands_processed"), Count, "commands a second"),
    more("cmd", Gauge("total_commands_processed"), Count, "commands since the start"),
    usual("exp/s", Rate("expired_keys"), Count, "expired keys a second"),
    more("exp", Gauge("expired_keys"), Count, "expired keys since the start"),
    usual("evt/s", Rate("evicted_keys"), Count, "evicted keys a second"),
    more("evt", Gauge("evicted_keys"), Count, "evicted keys since the start"),
    usual("hit%/s", HitRate, Whole, "lookups that found their key, per cent"),
    usual("hit/s", Rate("keyspace_hits"), Count, "hits a second"),
    more("hit", Gauge("keyspace_hits"), Count, "hits since the start"),
    usual("mis/s", Rate("keyspace_misses"), Count, "misses a second"),
    more("mis", Gauge("keyspace_misses"), Count, "misses since the start"),
    more("rej/s", Rate("rejected_connections"), Count, "rejected connections a second"),
    usual("aofcs", Gauge("aof_current_size"), Bytes, "size of the AOF"),
    more("aofbs", Gauge("aof_base_size"), Bytes, "size of the AOF after its last rewrite"),
    more("chsv", Gauge("rdb_changes_since_last_save"), Count, "changes since the last save"),
    more("in/s", Rate("total_net_input_bytes"), Bytes, "bytes received a second"),
    more("out/s", Rate("total_net_output_bytes"), Bytes, "bytes sent a second"),
    more("ping", Ping, Ratio, "milliseconds that PING took, the largest"),
    more("psch", Gauge("pubsub_channels"), Count, "channels with subscribers"),
    more("psp", Gauge("pubsub_patterns"), Count, "subscribed patterns"),
];

impl Column {
    /// The columns of a view.
    pub fn shown(verbose: bool) -> Vec<&'static Column> {
        COLUMNS.iter().filter(|column| verbose || !column.verbose).collect()
    }

    /// The number over all servers; `None` if none of them has it.
    pub fn value<'a>(&self, samples: impl Iterator<Item = Sample<'a>> + Clone) -> Option<f64> {
        let sum = |read: &dyn Fn(&Sample<'a>) -> Option<f64>| {
            samples.clone().filter_map(|sample| read(&sample)).reduce(|a, b| a + b)
        };
        match self.source {
            Gauge(field) => sum(&|sample| sample.gauge(field)),
            Largest(field) => samples.clone().filter_map(|sample| sample.gauge(field)).reduce(f64::max),
            Rate(field) => sum(&|sample| sample.rate(field)),
            Busy(field) => sum(&|sample| sample.rate(field).map(|rate| rate * 100.0)),
            Ping => {
                let pings = samples
                    .clone()
                    .filter_map(|sample| Some(sample.now.facts()?.ping.as_secs_f64() * 1000.0));
                pings.reduce(f64::max)
            }
            Keys => sum(&|sample| sample.info().map(Info::keys)),
            HitRate => {
                let (hits, misses) = (
                    sum(&|sample| sample.rate("keyspace_hits"))?,
                    sum(&|sample| sample.rate("keyspace_misses"))?,
                );
                (hits + misses > 0.0).then(|| 100.0 * hits / (hits + misses))
            }
        }
    }

    /// The number for people; `-` if there is none.
    pub fn text(&self, value: Option<f64>) -> String {
        let Some(value) = value else { return "-".into() };
        match self.shape {
            Count => human(value, ""),
            Bytes => human(value, "B"),
            Whole => format!("{value:.0}"),
            Ratio => format!("{value:.2}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Facts;
    use crate::target::Target;
    use std::time::Duration;

    fn round(at: i64, info: &str) -> Round {
        let facts = Facts { info: Info::parse(info), ..Facts::default() };
        let target = Target::parse("redis://h").unwrap();
        Round { at, target, discovered: false, took: Duration::ZERO, outcome: Ok(facts) }
    }

    fn value(name: &str, samples: &[Sample<'_>]) -> Option<f64> {
        COLUMNS.iter().find(|column| column.name == name).unwrap().value(samples.iter().copied())
    }

    #[test]
    fn sums_over_servers_and_rates_over_time() {
        let (a, b) = (
            round(0, "used_cpu_user:1.0\nkeyspace_hits:0\nkeyspace_misses:0"),
            round(
                2000,
                "used_cpu_user:2.0\nkeyspace_hits:30\nkeyspace_misses:10\nmem_fragmentation_ratio:2\ndb0:keys=3",
            ),
        );
        let first = Sample { before: None, now: &a };
        let next = Sample { before: Some(&a), now: &b };
        assert_eq!(value("us", &[next, next]), Some(100.0));
        assert_eq!(value("us", &[first]), None);
        assert_eq!((value("hit/s", &[next]), value("hit%/s", &[next])), (Some(15.0), Some(75.0)));
        assert_eq!((value("frag", &[next, next]), value("keys", &[next, next])), (Some(2.0), Some(6.0)));
        let restarted = round(4000, "keyspace_hits:1\nkeyspace_misses:0");
        assert_eq!(value("hit/s", &[Sample { before: Some(&b), now: &restarted }]), None);
        assert_eq!(
            value(
                "hit%/s",
                &[Sample { before: Some(&a), now: &round(1, "keyspace_hits:0\nkeyspace_misses:0") }]
            ),
            None
        );
    }
}
