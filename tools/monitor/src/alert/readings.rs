//! What the rules read. The traps of these metrics are handled here, once:
//! counters count by their change, fragmentation only with enough memory for it to mean something, the last save only where saving
//! is configured and something has changed.

use crate::collect::Round;
use crate::facts::{Facts, Watched};
use crate::host::Host;

/// A small instance has a large ratio and no problem (document 000's sample: 5.45 at 834 KB).
const FRAGMENTATION_FROM: f64 = 100.0 * 1024.0 * 1024.0;

/// What there is to judge by.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// The round.
    pub round: &'a Round,
    /// The round of the same server before it, if it answered.
    pub before: Option<&'a Round>,
    /// The host, if the server is local.
    pub host: Option<&'a Host>,
}

impl Reading<'_> {
    fn facts(&self) -> Option<&Facts> {
        self.round.facts()
    }

    fn number(&self, field: &str) -> Option<f64> {
        self.facts()?.info.number(field)
    }

    /// A counter's growth a second since the round before; `None` after a restart.
    fn rate(&self, field: &str) -> Option<f64> {
        let (now, before) = (self.facts()?, self.before?.facts()?);
        let seconds = (self.round.at - self.before?.at) as f64 / 1000.0;
        let same = now.info.get("run_id") == before.info.get("run_id");
        let grown = now.info.number(field)? - before.info.number(field)?;
        (same && seconds > 0.0 && grown >= 0.0).then(|| grown / seconds)
    }

    fn watched(&self) -> Option<&[Watched]> {
        self.facts().filter(|facts| facts.is_sentinel()).map(|facts| facts.watched.as_slice())
    }
}

pub(super) fn down(reading: &Reading<'_>) -> Option<f64> {
    Some(f64::from(u8::from(reading.facts().is_none())))
}

pub(super) fn processes(reading: &Reading<'_>) -> Option<f64> {
    reading.host?.processes
}

pub(super) fn uptime(reading: &Reading<'_>) -> Option<f64> {
    reading.number("uptime_in_seconds")
}

pub(super) fn load(reading: &Reading<'_>) -> Option<f64> {
    reading.host?.load_per_core
}

pub(super) fn swap(reading: &Reading<'_>) -> Option<f64> {
    reading.host?.swap_used
}

pub(super) fn disk(reading: &Reading<'_>) -> Option<f64> {
    reading.host?.disk_used
}

pub(super) fn clients(reading: &Reading<'_>) -> Option<f64> {
    reading.number("connected_clients")
}

pub(super) fn since_save(reading: &Reading<'_>) -> Option<f64> {
    let saves = reading.facts()?.directive("save").is_some_and(|points| !points.is_empty());
    let changed = reading.number("rdb_changes_since_last_save")? > 0.0;
    let at = reading.number("rdb_last_save_time")?;
    (saves && changed).then(|| (reading.round.at as f64 / 1000.0 - at).max(0.0))
}

pub(super) fn save_failed(reading: &Reading<'_>) -> Option<f64> {
    let info = &reading.facts()?.info;
    let states = ["rdb_last_bgsave_status", "aof_last_write_status", "aof_last_bgrewrite_status"];
    let known: Vec<&str> = states.iter().filter_map(|field| info.get(field)).collect();
    (!known.is_empty()).then(|| f64::from(u8::from(known.contains(&"err"))))
}

pub(super) fn replicas(reading: &Reading<'_>) -> Option<f64> {
    reading
        .number("connected_slaves")
        .filter(|_| reading.facts().is_some_and(|facts| facts.role() == "master"))
}

pub(super) fn primary_io(reading: &Reading<'_>) -> Option<f64> {
    // -1 while the link is down: another rule's business.
    reading.number("master_last_io_seconds_ago").filter(|seconds| *seconds >= 0.0)
}

pub(super) fn latency(reading: &Reading<'_>) -> Option<f64> {
    Some(reading.facts()?.ping.as_secs_f64())
}

pub(super) fn memory(reading: &Reading<'_>) -> Option<f64> {
    let limit = reading.number("maxmemory").filter(|limit| *limit > 0.0)?;
    Some(100.0 * reading.number("used_memory")? / limit)
}

pub(super) fn fragmentation(reading: &Reading<'_>) -> Option<f64> {
    reading
        .number("mem_fragmentation_ratio")
        .filter(|_| reading.number("used_memory") > Some(FRAGMENTATION_FROM))
}

pub(super) fn evictions(reading: &Reading<'_>) -> Option<f64> {
    reading.rate("evicted_keys")
}

pub(super) fn rejected(reading: &Reading<'_>) -> Option<f64> {
    reading.rate("rejected_connections")
}

pub(super) fn misses(reading: &Reading<'_>) -> Option<f64> {
    reading.rate("keyspace_misses")
}

pub(super) fn max_clients(reading: &Reading<'_>) -> Option<f64> {
    let configured = || reading.facts()?.directive("maxclients")?.parse().ok();
    let limit = reading.number("maxclients").or_else(configured).filter(|limit: &f64| *limit > 0.0)?;
    Some(100.0 * clients(reading)? / limit)
}

pub(super) fn link_down(reading: &Reading<'_>) -> Option<f64> {
    match reading.facts()?.info.get("master_link_status")? {
        // -1: it was never up; the server's own uptime bounds how long that is.
        "down" => match reading.number("master_link_down_since_seconds") {
            Some(seconds) if seconds >= 0.0 => Some(seconds),
            _ => uptime(reading),
        },
        _ => Some(0.0),
    }
}

pub(super) fn replica_lag(reading: &Reading<'_>) -> Option<f64> {
    let replicas = reading.facts()?.info.replicas().filter(|replica| replica.get("state") == Some("online"));
    replicas.filter_map(|replica| replica.number("lag")).reduce(f64::max)
}

pub(super) fn cluster_down(reading: &Reading<'_>) -> Option<f64> {
    let state = reading.facts()?.cluster.as_ref()?.get("cluster_state")?;
    Some(f64::from(u8::from(state != "ok")))
}

pub(super) fn slots_failing(reading: &Reading<'_>) -> Option<f64> {
    let cluster = reading.facts()?.cluster.as_ref()?;
    Some(cluster.number("cluster_slots_pfail")? + cluster.number("cluster_slots_fail")?)
}

pub(super) fn sentinel_down(reading: &Reading<'_>) -> Option<f64> {
    let is_down =
        |watched: &&Watched| watched.primary.get("flags").is_some_and(|flags| flags.contains("_down"));
    Some(reading.watched()?.iter().filter(is_down).count() as f64)
}

pub(super) fn no_quorum(reading: &Reading<'_>) -> Option<f64> {
    Some(reading.watched()?.iter().filter(|watched| matches!(watched.quorum, Some(Err(_)))).count() as f64)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::facts::{Cluster, Info};
    use crate::target::Target;
    use std::sync::Arc;
    use std::time::Duration;

    /// A round of a server that said `info`, at `at` milliseconds, with `config`.
    pub fn round(at: i64, info: &str, config: &[(&str, &str)]) -> Round {
        let config = config.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let facts = Facts { info: Info::parse(info), config: Arc::new(config), ..Facts::default() };
        let target = Target::parse("redis://10.0.0.1").unwrap();
        Round { at, target, discovered: false, took: Duration::ZERO, outcome: Ok(facts) }
    }

    fn one(read: fn(&Reading<'_>) -> Option<f64>, info: &str, config: &[(&str, &str)]) -> Option<f64> {
        read(&Reading { round: &round(10_000_000, info, config), before: None, host: None })
    }

    #[test]
    fn counters_count_by_their_change_and_not_over_a_restart() {
        let (before, now) =
            (round(1000, "run_id:a\nevicted_keys:500", &[]), round(3000, "run_id:a\nevicted_keys:510", &[]));
        assert_eq!(evictions(&Reading { round: &now, before: Some(&before), host: None }), Some(5.0));
        assert_eq!(evictions(&Reading { round: &now, before: None, host: None }), None);
        let restarted = round(4000, "run_id:b\nevicted_keys:0", &[]);
        assert_eq!(evictions(&Reading { round: &restarted, before: Some(&now), host: None }), None);
    }

    #[test]
    fn the_traps() {
        assert_eq!(one(fragmentation, "used_memory:853752\nmem_fragmentation_ratio:5.45", &[]), None);
        assert_eq!(one(fragmentation, "used_memory:200000000\nmem_fragmentation_ratio:2.5", &[]), Some(2.5));
        let info = "rdb_last_save_time:1000\nrdb_changes_since_last_save:1";
        assert_eq!(one(since_save, info, &[("save", "")]), None);
        assert_eq!(one(since_save, info, &[("save", "3600 1")]), Some(9000.0));
        assert_eq!(
            one(since_save, "rdb_last_save_time:1000\nrdb_changes_since_last_save:0", &[("save", "3600 1")]),
            None
        );
        assert_eq!(one(memory, "used_memory:5\nmaxmemory:0", &[]), None);
        assert_eq!(one(primary_io, "master_last_io_seconds_ago:-1", &[]), None);
        assert_eq!(one(max_clients, "connected_clients:50", &[("maxclients", "100")]), Some(50.0));
    }

    #[test]
    fn links_lags_and_clusters() {
        assert_eq!(one(link_down, "master_link_status:up", &[]), Some(0.0));
        assert_eq!(
            one(link_down, "master_link_status:down\nmaster_link_down_since_seconds:61", &[]),
            Some(61.0)
        );
        assert_eq!(
            one(
                link_down,
                "master_link_status:down\nmaster_link_down_since_seconds:-1\nuptime_in_seconds:9",
                &[]
            ),
            Some(9.0)
        );
        assert_eq!(
            one(
                replica_lag,
                "slave0:state=online,lag=3\nslave1:state=online,lag=12\nslave2:state=wait_bgsave,lag=99",
                &[]
            ),
            Some(12.0)
        );
        assert_eq!(one(save_failed, "rdb_last_bgsave_status:err\naof_last_write_status:ok", &[]), Some(1.0));
        let mut round = round(0, "", &[]);
        let cluster = Cluster::parse("", "cluster_state:fail\ncluster_slots_pfail:2\ncluster_slots_fail:3\n");
        round.outcome.as_mut().unwrap().cluster = Some(cluster);
        let reading = Reading { round: &round, before: None, host: None };
        assert_eq!((cluster_down(&reading), slots_failing(&reading)), (Some(1.0), Some(5.0)));
    }
}
