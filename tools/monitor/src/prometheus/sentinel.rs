//! A Sentinel's view as metrics: `redis_sentinel_*`.

use super::{Exposition, number};
use crate::facts::{Facts, Record, Watched};

pub(super) fn describe(text: &mut Exposition, facts: &Facts) {
    for field in ["masters", "tilt", "running_scripts", "scripts_queue_length", "simulate_failure_flags"] {
        let name = format!("sentinel_{field}");
        if let Some(value) = facts.info.get(&name).and_then(number) {
            text.gauge(&name, &format!("The field {name}"), &[], value);
        }
    }
    facts.watched.iter().for_each(|watched| describe_watched(text, watched));
}

fn describe_watched(text: &mut Exposition, watched: &Watched) {
    let field = |name: &str| watched.primary.get(name).map_or("", String::as_str);
    let address = format!("{}:{}", field("ip"), field("port"));
    let labels = [("master_name", watched.name()), ("master_address", address.as_str())];
    for (name, from, unit, help) in ROWS {
        if let Some(value) = number(field(from)) {
            text.gauge(name, help, &labels, value / unit);
        }
    }
    let up = |record: &&Record| {
        !record.get("flags").is_none_or(|flags| flags.contains("down") || flags.contains("disconnected"))
    };
    let healthy = |records: &[Record]| records.iter().filter(up).count() as f64;
    text.gauge("sentinel_master_ok_slaves", "Replicas that are up", &labels, healthy(&watched.replicas));
    // The Sentinel that is asked is one of those that watch.
    let sentinels = number(field("num-other-sentinels")).unwrap_or(0.0) + 1.0;
    text.gauge("sentinel_master_sentinels", "Sentinels that watch the primary", &labels, sentinels);
    text.gauge(
        "sentinel_master_ok_sentinels",
        "Sentinels that are up",
        &labels,
        healthy(&watched.sentinels) + 1.0,
    );
    let status = status(field("flags"));
    let [name, address] = labels;
    let is_ok = f64::from(u8::from(status == "ok"));
    text.gauge(
        "sentinel_master_status",
        "Whether the primary is up",
        &[name, address, ("master_status", status)],
        is_ok,
    );
    if let Some(quorum) = &watched.quorum {
        let message = match quorum {
            Ok(text) | Err(text) => text.as_str(),
        };
        let usable = f64::from(u8::from(quorum.is_ok()));
        let labels = [name, ("message", message)];
        text.gauge("sentinel_master_ckquorum_status", "SENTINEL CKQUORUM's answer", &labels, usable);
    }
    for peer in &watched.sentinels {
        let part = |name: &'static str| (name, peer.get(name).map_or("", String::as_str));
        let labels = [name, address, part("name"), part("ip"), part("port"), part("runid"), part("flags")];
        text.gauge("sentinel_peer_info", "Another Sentinel of the primary", &labels, 1.0);
    }
}

/// `ok`, `sdown` or `odown`, as INFO's `master0:...status=` says it.
fn status(flags: &str) -> &'static str {
    let has = |flag| flags.split(',').any(|own| own == flag);
    if has("o_down") {
        "odown"
    } else if has("s_down") {
        "sdown"
    } else {
        "ok"
    }
}

/// Metric, field of SENTINEL MASTERS, what divides it, help.
#[rustfmt::skip]
const ROWS: [(&str, &str, f64, &str); 7] = [
    ("sentinel_master_slaves", "num-slaves", 1.0, "Replicas of the primary"),
    ("sentinel_master_config_epoch", "config-epoch", 1.0, "Grows with each failover"),
    ("sentinel_master_last_ok_ping_reply_seconds", "last-ok-ping-reply", 1000.0, "Since the primary answered"),
    ("sentinel_master_setting_ckquorum", "quorum", 1.0, "The quorum"),
    ("sentinel_master_setting_down_after_milliseconds", "down-after-milliseconds", 1.0, "The directive of that name"),
    ("sentinel_master_setting_failover_timeout", "failover-timeout", 1.0, "The directive of that name"),
    ("sentinel_master_setting_parallel_syncs", "parallel-syncs", 1.0, "The directive of that name"),
];
