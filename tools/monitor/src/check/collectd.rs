//! The collectd exec plugin: `PUTVAL "host/redis-INSTANCE/TYPE" interval=N time:value`, once an interval.
//!
//! Source: collectd-exec(5) and the types that collectd's own redis plugin uses, so that its graphs fit. collectd sets
//! COLLECTD_HOSTNAME and COLLECTD_INTERVAL. A server that does not answer gives no value lists: collectd then reports missing values.

use crate::collect::{Probe, now_ms};
use crate::facts::Facts;
use crate::target::Target;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::MissedTickBehavior;

/// collectd's type and type instance, and the INFO fields: two for a type with two values.
const ROWS: [(&str, &[&str]); 17] = [
    ("uptime", &["uptime_in_seconds"]),
    ("current_connections-clients", &["connected_clients"]),
    ("current_connections-slaves", &["connected_slaves"]),
    ("blocked_clients", &["blocked_clients"]),
    ("memory", &["used_memory"]),
    ("memory-rss", &["used_memory_rss"]),
    ("memory_lua", &["used_memory_lua"]),
    ("volatile_changes", &["rdb_changes_since_last_save"]),
    ("total_connections", &["total_connections_received"]),
    ("total_operations", &["total_commands_processed"]),
    ("operations_per_second", &["instantaneous_ops_per_sec"]),
    ("expired_keys", &["expired_keys"]),
    ("evicted_keys", &["evicted_keys"]),
    ("pubsub-channels", &["pubsub_channels"]),
    ("cache_result-hits", &["keyspace_hits"]),
    ("cache_result-misses", &["keyspace_misses"]),
    ("if_octets", &["total_net_input_bytes", "total_net_output_bytes"]),
];

/// Prints value lists until `count` were printed (0: for ever) or nobody reads them.
pub(super) async fn run(probe: &mut Probe, target: &Target, count: u64) -> ExitCode {
    let interval = std::env::var("COLLECTD_INTERVAL").ok().and_then(|text| text.parse::<f64>().ok());
    let interval = interval.filter(|seconds| (0.1..=86_400.0).contains(seconds)).unwrap_or(10.0);
    let host = std::env::var("COLLECTD_HOSTNAME").unwrap_or_else(|_| "localhost".into());
    let mut ticks = tokio::time::interval(Duration::from_secs_f64(interval));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut printed = 0;
    while count == 0 || printed < count {
        ticks.tick().await;
        match probe.round().await {
            Ok(facts) => {
                let lists = value_lists(&host, &instance(target), interval, now_ms() / 1000, &facts);
                let mut out = std::io::stdout().lock();
                if out.write_all(lists.as_bytes()).and_then(|()| out.flush()).is_err() {
                    return ExitCode::SUCCESS;
                }
            }
            Err(failure) => eprintln!("{}: {failure}", target.url),
        }
        printed += 1;
    }
    ExitCode::SUCCESS
}

/// The address without what an identifier may not have.
fn instance(target: &Target) -> String {
    target
        .endpoint
        .place()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || ".:_".contains(c) { c } else { '_' })
        .collect()
}

fn value_lists(host: &str, instance: &str, interval: f64, at: i64, facts: &Facts) -> String {
    let mut lines = String::new();
    let mut put = |kind: &str, values: &[f64]| {
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        let line = format!(
            "PUTVAL \"{host}/redis-{instance}/{kind}\" interval={interval} {at}:{}\n",
            values.join(":")
        );
        lines.push_str(&line);
    };
    for (kind, fields) in ROWS {
        let values: Option<Vec<f64>> = fields.iter().map(|field| facts.info.number(field)).collect();
        if let Some(values) = values {
            put(kind, &values);
        }
    }
    for (number, parts) in facts.info.databases() {
        if let Some(keys) = parts.number("keys") {
            put(&format!("records-db{number}"), &[keys]);
        }
    }
    put("response_time", &[facts.ping.as_secs_f64()]);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Info;

    #[test]
    fn value_lists_as_collectd_reads_them() {
        let info = Info::parse("used_memory:1024\ndb0:keys=3,expires=0\nused_memory_rss:nan\n");
        let facts = Facts { info, ..Facts::default() };
        let target = Target::parse("unix:///run/redis.sock").unwrap();
        let text = value_lists("web1", &instance(&target), 10.0, 1_700_000_000, &facts);
        let expected = concat!(
            "PUTVAL \"web1/redis-_run_redis.sock/memory\" interval=10 1700000000:1024\n",
            "PUTVAL \"web1/redis-_run_redis.sock/records-db0\" interval=10 1700000000:3\n",
            "PUTVAL \"web1/redis-_run_redis.sock/response_time\" interval=10 1700000000:0\n",
        );
        assert_eq!(text, expected);
    }
}
