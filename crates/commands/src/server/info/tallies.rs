//! INFO's sections with a line for each command or error: Commandstats, Errorstats and Latencystats.

use super::Field;
use super::sources::Sources;

pub const COMMANDS: &[Field] = &[Field::Each(commands)];
pub const ERRORS: &[Field] = &[Field::Each(errors)];
pub const LATENCIES: &[Field] = &[Field::Each(latencies)];

fn commands(s: &mut Sources) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for row in s.engine.table.all() {
        let totals = s.engine.stats.command(row.id);
        if totals.calls + totals.rejected + totals.failed == 0 {
            continue;
        }
        let micros = totals.nanos / 1000;
        let each = if totals.calls == 0 { 0.0 } else { micros as f64 / totals.calls as f64 };
        let value = format!(
            "calls={},usec={micros},usec_per_call={each:.2},rejected_calls={},failed_calls={}",
            totals.calls, totals.rejected, totals.failed
        );
        lines.push((format!("cmdstat_{}", safe(&row.full_name)), value));
    }
    lines
}

fn errors(s: &mut Sources) -> Vec<(String, String)> {
    s.engine
        .errors
        .all()
        .iter()
        .map(|(code, n)| (format!("errorstat_{}", safe(code)), format!("count={n}")))
        .collect()
}

fn latencies(s: &mut Sources) -> Vec<(String, String)> {
    if !s.config.latency_tracking {
        return vec![];
    }
    let mut lines = Vec::new();
    for row in s.engine.table.all() {
        let latency = s.engine.stats.latency(row.id);
        if latency.count() == 0 {
            continue;
        }
        let percentiles = s.config.latency_tracking_info_percentiles.iter().map(|percent| {
            let micros = latency.percentile(*percent) as f64 / 1000.0;
            format!("p{}={micros:.3}", trimmed(*percent))
        });
        let value = percentiles.collect::<Vec<_>>().join(",");
        lines.push((format!("latency_percentiles_usec_{}", safe(&row.full_name)), value));
    }
    lines
}

/// At most six decimals, none that is a trailing zero.
fn trimmed(number: f64) -> String {
    format!("{number:.6}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A name without the characters that would end it or its line.
fn safe(name: &str) -> String {
    name.replace(['#', ':', '\n', '\r'], "_")
}
