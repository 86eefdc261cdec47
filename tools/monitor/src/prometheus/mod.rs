//! Prometheus: a round's facts as redis_exporter's metrics.
//!
//! Its Grafana board and its mixin work unchanged: same names, labels and units. With one target the samples carry
//! no label for it, as the exporter's do not; with several each carries `instance` (scrape with `honor_labels: true`).

mod details;
mod keys;
mod modules;
mod sentinel;
mod server;
mod table;
mod text;

pub use details::Details;
pub use keys::{KeyChecks, check_keys};
pub use table::{Kind, METRICS, Metric, all, metric_of, number};
pub use text::{CONTENT_TYPE, Exposition};

use crate::collect::Round;
use crate::facts::Facts;
use crate::wire::Failure;
use std::time::Duration;

/// Everything that one round says, and how the asking went.
pub fn describe(text: &mut Exposition, round: &Round, details: Details) {
    describe_asking(text, round.took, round.outcome.as_ref().err());
    if let Some(facts) = round.facts() {
        describe_facts(text, facts, round.at);
        details.describe(text, facts, round.at);
    }
}

/// `redis_up` and the exporter's own metrics of a scrape.
fn describe_asking(text: &mut Exposition, took: Duration, failure: Option<&Failure>) {
    let error = failure.map(ToString::to_string).unwrap_or_default();
    let failed = f64::from(u8::from(failure.is_some()));
    text.gauge("up", "Whether the server answered", &[], 1.0 - failed);
    text.gauge("exporter_last_scrape_error", "Why the last round failed", &[("err", &error)], failed);
    let seconds = took.as_secs_f64();
    text.gauge("exporter_last_scrape_duration_seconds", "How long the last round took", &[], seconds);
}

/// The facts alone; `at` is the Unix time in milliseconds of the round.
fn describe_facts(text: &mut Exposition, facts: &Facts, at: i64) {
    server::describe(text, facts, at);
    if facts.is_sentinel() {
        sentinel::describe(text, facts);
    }
}
