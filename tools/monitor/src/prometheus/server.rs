//! A server's INFO, logs and configuration as metrics.

use super::{Exposition, Kind, metric_of, number};
use crate::facts::{Facts, Field, Info, Parts};

/// Databases that get a sample even when empty are as many as `databases` says; a liar's number ends here.
const MAX_DATABASES: u32 = 1024;
/// Where the configuration does not say, the exporter shows so many.
const DEFAULT_DATABASES: u32 = 16;

pub(super) fn describe(text: &mut Exposition, facts: &Facts, at: i64) {
    fields(text, &facts.info);
    instance(text, facts, at);
    databases(text, facts);
    replication(text, &facts.info);
    commands(text, &facts.info);
    modules(text, &facts.info);
    logs(text, facts);
    command_log(text, facts);
    configuration(text, facts);
    if let Some(cluster) = &facts.cluster {
        cluster.state.iter().for_each(|(name, value)| field(text, name, value));
    }
    let connect = facts.connect.as_secs_f64();
    text.gauge("exporter_last_scrape_connect_time_seconds", "How long connecting took", &[], connect);
    text.gauge("exporter_last_ping_time_seconds", "How long PING took", &[], facts.ping.as_secs_f64());
}

fn fields(text: &mut Exposition, info: &Info) {
    info.fields().iter().for_each(|own| field(text, &own.name, &own.value));
    if let Some(usec) = info.number("latest_fork_usec") {
        text.gauge("latest_fork_seconds", "INFO latest_fork_usec in seconds", &[], usec / 1e6);
    }
}

/// One field by the table; those of the `cluster_` family without a row keep their name.
fn field(text: &mut Exposition, name: &str, value: &str) {
    let Some(value) = number(value) else { return };
    let help = format!("The field {name}");
    match metric_of(name) {
        Some(metric) => text.add(metric.kind, metric.name, &help, "", &[], value),
        None if name.starts_with("cluster_") && is_name(name) => text.gauge(name, &help, &[], value),
        None => {}
    }
}

fn is_name(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn instance(text: &mut Exposition, facts: &Facts, at: i64) {
    let info = &facts.info;
    let named = [
        "role",
        "redis_version",
        "redis_build_id",
        "redis_mode",
        "os",
        "maxmemory_policy",
        "tcp_port",
        "run_id",
        "process_id",
    ];
    let labels = named.map(|name| match name {
        "redis_mode" => (name, facts.mode()),
        name => (name, info.text(name)),
    });
    text.gauge("instance_info", "What the server is", &labels, 1.0);
    if let Some(uptime) = info.number("uptime_in_seconds") {
        let started = (at / 1000) as f64 - uptime;
        text.gauge("start_time_seconds", "Unix time of the server's start", &[], started);
    }
}

fn databases(text: &mut Exposition, facts: &Facts) {
    let configured =
        facts.directive("databases").and_then(|text| text.parse().ok()).unwrap_or(DEFAULT_DATABASES);
    let shown: Vec<(&str, Parts<'_>)> = facts.info.databases().collect();
    let empty = (0..configured.min(MAX_DATABASES)).map(|number| number.to_string());
    for number in empty.filter(|number| !shown.iter().any(|(own, _)| own == number)) {
        database(text, &number, &Parts::of(""));
    }
    shown.iter().for_each(|(number, parts)| database(text, number, parts));
}

fn database(text: &mut Exposition, number: &str, parts: &Parts<'_>) {
    let name = format!("db{number}");
    let labels = [("db", name.as_str())];
    text.gauge("db_keys", "Keys of a database", &labels, parts.number("keys").unwrap_or(0.0));
    text.gauge("db_keys_expiring", "Keys that expire", &labels, parts.number("expires").unwrap_or(0.0));
    if let Some(cached) = parts.number("cached_keys") {
        text.gauge("db_keys_cached", "Keys that are in memory", &labels, cached);
    }
    if let Some(millis) = parts.number("avg_ttl") {
        text.gauge("db_avg_ttl_seconds", "Average time that keys have left", &labels, millis / 1000.0);
    }
}

fn replication(text: &mut Exposition, info: &Info) {
    for replica in info.replicas() {
        let label = |name| replica.get(name).unwrap_or_default();
        let labels =
            [("slave_ip", label("ip")), ("slave_port", label("port")), ("slave_state", label("state"))];
        if let Some(offset) = replica.number("offset") {
            text.gauge("connected_slave_offset_bytes", "What a replica acknowledged", &labels, offset);
        }
        if let Some(lag) = replica.number("lag") {
            text.gauge("connected_slave_lag_seconds", "Since a replica acknowledged", &labels, lag);
        }
    }
    if info.get("role") != Some("slave") {
        return;
    }
    let labels = [("master_host", info.text("master_host")), ("master_port", info.text("master_port"))];
    for (name, field, help) in [
        ("master_link_up", "master_link_status", "Whether the link to the primary is up"),
        ("master_last_io_seconds_ago", "master_last_io_seconds_ago", "Since the primary was heard"),
        ("master_sync_in_progress", "master_sync_in_progress", "Whether a full synchronisation runs"),
        ("slave_repl_offset", "slave_repl_offset", "The replica's offset"),
    ] {
        if let Some(value) = info.get(field).and_then(number) {
            text.gauge(name, help, &labels, value);
        }
    }
    let [host, port] = labels;
    let labels = [host, port, ("read_only", info.text("slave_read_only"))];
    text.gauge("slave_info", "What kind of replica it is", &labels, 1.0);
}

/// `cmdstat_*`, `latency_percentiles_usec_*` and `errorstat_*`.
fn commands(text: &mut Exposition, info: &Info) {
    for Field { name, value, .. } in info.fields() {
        let parts = Parts::of(value);
        if let Some(command) = name.strip_prefix("cmdstat_") {
            command_calls(text, command, &parts);
        } else if let Some(command) = name.strip_prefix("latency_percentiles_usec_") {
            command_percentiles(text, info, command, value);
        } else if let Some((error, count)) = name.strip_prefix("errorstat_").zip(parts.number("count")) {
            text.counter("errors_total", "Error replies by their first word", &[("err", error)], count);
        }
    }
}

fn command_calls(text: &mut Exposition, command: &str, parts: &Parts<'_>) {
    let labels = [("cmd", command)];
    for (name, part, unit, help) in [
        ("commands_total", "calls", 1.0, "Calls of a command"),
        ("commands_duration_seconds_total", "usec", 1e6, "Time spent in a command"),
        ("commands_rejected_calls_total", "rejected_calls", 1.0, "Calls refused before they ran"),
        ("commands_failed_calls_total", "failed_calls", 1.0, "Calls that ended in an error"),
    ] {
        if let Some(value) = parts.number(part) {
            text.counter(name, help, &labels, value / unit);
        }
    }
}

fn command_percentiles(text: &mut Exposition, info: &Info, command: &str, value: &str) {
    let name = "latency_percentiles_usec";
    let help = "Percentiles of a command's duration in microseconds";
    let quantiles = value.split(',').filter_map(|part| part.strip_prefix('p')?.split_once('='));
    for (quantile, usec) in quantiles.filter_map(|(quantile, text)| Some((quantile, number(text)?))) {
        text.add(Kind::Summary, name, help, "", &[("cmd", command), ("quantile", quantile)], usec);
    }
    let Some(calls) = info.get(&format!("cmdstat_{command}")) else { return };
    for (suffix, part) in [("_sum", "usec"), ("_count", "calls")] {
        if let Some(value) = Parts::of(calls).number(part) {
            text.add(Kind::Summary, name, help, suffix, &[("cmd", command)], value);
        }
    }
}

/// `module:name=x,ver=1,api=1,filters=0,usedby=[],using=[]`
fn modules(text: &mut Exposition, info: &Info) {
    for field in info.fields().iter().filter(|field| field.name == "module") {
        let parts = Parts::of(&field.value);
        let names = ["name", "ver", "api", "filters", "usedby", "using"];
        let labels = names.map(|name| (name, parts.get(name).unwrap_or_default()));
        text.gauge("module_info", "A loaded module", &labels, 1.0);
    }
}

/// Valkey's log of slow calls, large requests and large replies.
fn command_log(text: &mut Exposition, facts: &Facts) {
    for (directive, name) in [
        ("commandlog-execution-slower-than", "commandlog_execution_slower_than"),
        ("commandlog-request-larger-than", "commandlog_request_larger_than"),
        ("commandlog-reply-larger-than", "commandlog_reply_larger_than"),
        ("commandlog-slow-execution-max-len", "commandlog_slow_execution_max_len"),
        ("commandlog-large-request-max-len", "commandlog_large_request_max_len"),
        ("commandlog-large-reply-max-len", "commandlog_large_reply_max_len"),
    ] {
        if let Some(value) = facts.directive(directive).and_then(number) {
            text.gauge(name, &format!("The directive {directive}"), &[], value);
        }
    }
    let names =
        ["commandlog_slow_length", "commandlog_large_request_length", "commandlog_large_reply_length"];
    for (name, len) in names.into_iter().zip(facts.commandlog.into_iter().flatten()) {
        text.gauge(name, "Entries of the command log", &[], len as f64);
    }
}

fn logs(text: &mut Exposition, facts: &Facts) {
    if let Some(len) = facts.slowlog.len {
        let newest = facts.slowlog.entries.first();
        let took = newest.map_or(0.0, |call| call.took_us as f64 / 1e6);
        text.gauge("slowlog_length", "Entries of the slow log", &[], len as f64);
        text.gauge(
            "slowlog_last_id",
            "Number of the newest entry",
            &[],
            newest.map_or(0.0, |call| call.id as f64),
        );
        text.gauge("last_slow_execution_duration_seconds", "How long the newest entry took", &[], took);
    }
    for spike in &facts.spikes {
        let labels = [("event_name", spike.event.as_str())];
        text.gauge("latency_spike_last", "Unix time of the last spike", &labels, spike.at as f64);
        let seconds = spike.last_ms as f64 / 1000.0;
        text.gauge("latency_spike_duration_seconds", "How long the last spike took", &labels, seconds);
    }
}

fn configuration(text: &mut Exposition, facts: &Facts) {
    for directive in ["maxmemory", "maxclients", "io-threads"] {
        if let Some(value) = facts.directive(directive).and_then(number) {
            let name = format!("config_{}", directive.replace('-', "_"));
            text.gauge(&name, &format!("The directive {directive}"), &[], value);
        }
    }
    let limits = facts.directive("client-output-buffer-limit").unwrap_or_default();
    for limit in limits.split_ascii_whitespace().collect::<Vec<_>>().chunks_exact(4) {
        let [class, hard, soft, seconds] = limit else { continue };
        for (which, value) in [("hard", hard), ("soft", soft)] {
            if let Some(bytes) = number(value) {
                let labels = [("class", *class), ("limit", which)];
                text.gauge("config_client_output_buffer_limit_bytes", "Output buffer limits", &labels, bytes);
            }
        }
        if let Some(seconds) = number(seconds) {
            let labels = [("class", *class), ("limit", "soft")];
            let help = "How long the soft limit may be exceeded";
            text.gauge("config_client_output_buffer_limit_overcome_seconds", help, &labels, seconds);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn what_no_server_of_the_tests_has() {
        let info = "# Modules\nmodule:name=search,ver=20606,api=1,filters=0,usedby=[],using=[ReJSON],options=[]\n# Keyspace\ndb0:keys=3,expires=0,avg_ttl=0,cached_keys=2\n";
        let config = vec![("commandlog-reply-larger-than".to_owned(), "1048576".to_owned())];
        let facts = Facts {
            info: Info::parse(info),
            config: Arc::new(config),
            commandlog: Some([1, 2, 3]),
            ..Facts::default()
        };
        let mut text = Exposition::new();
        describe(&mut text, &facts, 0);
        let text = text.render();
        for line in [
            "redis_module_info{name=\"search\",ver=\"20606\",api=\"1\",filters=\"0\",usedby=\"[]\",using=\"[ReJSON]\"} 1",
            "redis_db_keys_cached{db=\"db0\"} 2",
            "redis_commandlog_reply_larger_than 1048576",
            "redis_commandlog_large_reply_length 3",
        ] {
            assert!(text.lines().any(|own| own == line), "{line} is missing: {text}");
        }
    }
}
