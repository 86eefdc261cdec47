//! Prometheus: every number that a server told and the exporter has a name for, with that very value.

use crate::{ROLES, Recorded, part, recorded};
use monitor::prometheus::{Details, Exposition, all, describe};
use std::collections::BTreeMap;

/// The samples of a round: name with labels, and value.
fn samples(recorded: &Recorded) -> BTreeMap<String, f64> {
    let mut text = Exposition::new();
    let details =
        Details { include_config_metrics: true, export_client_list: true, export_client_port: false };
    describe(&mut text, &recorded.round(), details);
    let text = text.render();
    let samples =
        text.lines().filter(|line| !line.starts_with('#')).map(|line| line.rsplit_once(' ').unwrap());
    samples.map(|(sample, value)| (sample.to_owned(), value.parse().unwrap())).collect()
}

/// The exporter's numbers of words.
fn number(text: &str) -> Option<f64> {
    match text {
        "ok" | "yes" | "up" => Some(1.0),
        "err" | "fail" | "no" | "down" => Some(0.0),
        text => text.parse().ok(),
    }
}

#[test]
fn every_field_with_a_metric_is_exported_with_its_value() {
    for recorded in recorded(&ROLES) {
        let (name, samples) = (&recorded.name, samples(&recorded));
        let mut told = recorded.info();
        if let Some(state) = recorded.tape.text(&["CLUSTER", "INFO"]) {
            told.extend(state.lines().filter_map(|line| line.split_once(':')));
        }
        let rows: BTreeMap<&str, &str> = all().map(|metric| (metric.field, metric.name)).collect();
        let own_name = |field: &str| field.starts_with("cluster_") || field.starts_with("sentinel_");
        let mut compared = 0;
        for (field, text) in &told {
            let metric = rows.get(field).copied().or_else(|| own_name(field).then_some(*field));
            // No metric: the exporter has none either, or (the time since a Sentinel's tilt) none yet.
            let Some(metric) = metric.filter(|_| *field != "sentinel_tilt_since_seconds") else { continue };
            let expected = number(text).unwrap_or_else(|| panic!("{name}: {field} is {text}"));
            assert_eq!(samples.get(&format!("redis_{metric}")), Some(&expected), "{name}: {field}");
            compared += 1;
        }
        let least = if recorded.role == "sentinel" { 30 } else { 80 };
        assert!(compared > least, "{name}: only {compared} fields compared");
        assert_eq!(samples["redis_up"], 1.0, "{name}");
    }
}

#[test]
fn composed_fields_are_exported_part_by_part() {
    for recorded in recorded(&["primary", "replica", "cluster"]) {
        let (name, samples) = (&recorded.name, samples(&recorded));
        let check = |sample: String, expected: f64| {
            assert_eq!(samples.get(&sample), Some(&expected), "{name}: {sample}");
        };
        let mut commands = 0;
        for (field, text) in recorded.info() {
            let value = |label: &str| part(text, label).parse::<f64>().unwrap();
            if let Some(command) = field.strip_prefix("cmdstat_") {
                check(format!("redis_commands_total{{cmd=\"{command}\"}}"), value("calls"));
                check(
                    format!("redis_commands_duration_seconds_total{{cmd=\"{command}\"}}"),
                    value("usec") / 1e6,
                );
                commands += 1;
            } else if let Some(error) = field.strip_prefix("errorstat_") {
                check(format!("redis_errors_total{{err=\"{error}\"}}"), value("count"));
            } else if let Some(command) = field.strip_prefix("latency_percentiles_usec_") {
                for quantile in ["50", "99", "99.9"] {
                    let sample = format!(
                        "redis_latency_percentiles_usec{{cmd=\"{command}\",quantile=\"{quantile}\"}}"
                    );
                    check(sample, value(&format!("p{quantile}")));
                }
            } else if field.starts_with("db") && text.starts_with("keys=") {
                check(format!("redis_db_keys{{db=\"{field}\"}}"), value("keys"));
                check(format!("redis_db_keys_expiring{{db=\"{field}\"}}"), value("expires"));
                check(format!("redis_db_avg_ttl_seconds{{db=\"{field}\"}}"), value("avg_ttl") / 1000.0);
            } else if field == "slave0" {
                let labels = format!(
                    "{{slave_ip=\"{}\",slave_port=\"{}\",slave_state=\"{}\"}}",
                    part(text, "ip"),
                    part(text, "port"),
                    part(text, "state")
                );
                check(format!("redis_connected_slave_offset_bytes{labels}"), value("offset"));
                check(format!("redis_connected_slave_lag_seconds{labels}"), value("lag"));
            }
        }
        assert!(commands >= 2, "{name}: only {commands} commands");
        if recorded.role == "primary" {
            check("redis_slowlog_length".into(), 1.0);
            check("redis_config_maxmemory".into(), 104_857_600.0);
        }
        if recorded.role == "replica" {
            let labels = format!(
                "{{master_host=\"{}\",master_port=\"{}\"}}",
                recorded.field("master_host"),
                recorded.field("master_port")
            );
            check(format!("redis_master_link_up{labels}"), 1.0);
            check(format!("redis_slave_repl_offset{labels}"), recorded.number("slave_repl_offset"));
        }
    }
}

#[test]
fn a_sentinels_metrics() {
    for sentinel in recorded(&["sentinel"]) {
        let (name, samples) = (&sentinel.name, samples(&sentinel));
        let told = sentinel.field("master0");
        let labels = format!("{{master_name=\"mymaster\",master_address=\"{}\"}}", part(told, "address"));
        for (metric, expected) in [
            ("slaves", 1.0),
            ("ok_slaves", 1.0),
            ("sentinels", 2.0),
            ("ok_sentinels", 2.0),
            ("setting_ckquorum", 2.0),
            ("setting_down_after_milliseconds", 30_000.0),
            ("setting_failover_timeout", 180_000.0),
            ("setting_parallel_syncs", 1.0),
        ] {
            assert_eq!(
                samples.get(&format!("redis_sentinel_master_{metric}{labels}")),
                Some(&expected),
                "{name}: {metric}"
            );
        }
        let status =
            format!("redis_sentinel_master_status{},master_status=\"ok\"}}", labels.trim_end_matches('}'));
        assert_eq!(samples.get(&status), Some(&1.0), "{name}");
        let quorum = |sample: &&String| sample.starts_with("redis_sentinel_master_ckquorum_status{");
        assert_eq!(samples.keys().find(quorum).map(|sample| samples[sample]), Some(1.0), "{name}");
    }
}
