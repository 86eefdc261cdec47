//! LATENCY DOCTOR: what was slow, in words, and what may help.

use std::fmt::Write as _;

use config::Config;
use engine::latency::Series;

/// Advice by event: when it applies, and what it says.
type Advice = (&'static [&'static str], fn(&Config) -> bool, &'static str);

const ADVICE: &[Advice] = &[
    (
        &["command"],
        |config| config.slowlog_log_slower_than < 0,
        "Turn the slow log on (CONFIG SET slowlog-log-slower-than <microseconds>): it names the commands.",
    ),
    (
        &["command"],
        |config| {
            let micros = u64::try_from(config.slowlog_log_slower_than).unwrap_or(0);
            micros / 1000 > config.latency_monitor_threshold
        },
        "The slow log begins above the threshold of this monitor. Lower slowlog-log-slower-than to see all commands \
         that are counted here.",
    ),
    (
        &["command"],
        |config| config.slowlog_log_slower_than >= 0,
        "SLOWLOG GET shows the commands that took so long, with their arguments.",
    ),
    (
        &["command", "expire-cycle"],
        |_| true,
        "Large collections take long to delete in one piece. UNLINK, and the lazyfree-lazy-* directives, leave that to \
         the background.",
    ),
    (
        &["fast-command"],
        |_| true,
        "These commands do next to nothing: the process was kept from running. Look for other programs on the machine, \
         for a hypervisor that gives it too little, and for swapping; `redis-cli --intrinsic-latency 100` measures \
         what the machine can do.",
    ),
];

/// The report; `now` in Unix seconds.
pub fn report(events: &[(&'static str, Series)], config: &Config, now: i64) -> String {
    if events.is_empty() {
        return match config.latency_monitor_threshold {
            0 => "The latency monitor is off. CONFIG SET latency-monitor-threshold <milliseconds> turns it on: events \
                  that take at least so long are recorded then.\n"
                .into(),
            millis => format!("Nothing has taken {millis} ms or longer.\n"),
        };
    }
    let mut out = String::from("What was slow:\n\n");
    for (number, (event, series)) in events.iter().enumerate() {
        let _ = writeln!(out, "{}. {event}: {}", number + 1, Summary::of(series, now));
    }
    let applies = |(about, when, _): &&Advice| events.iter().any(|(e, _)| about.contains(e)) && when(config);
    let advice: Vec<&str> = ADVICE.iter().filter(applies).map(|(_, _, text)| *text).collect();
    if !advice.is_empty() {
        out.push_str("\nWhat may help:\n\n");
        advice.iter().for_each(|text| out.push_str(&format!("- {text}\n")));
    }
    out
}

/// A series in a few numbers.
struct Summary {
    samples: u64,
    mean: u64,
    deviation: u64,
    /// Seconds between two samples.
    period: f64,
    worst: u64,
}

impl Summary {
    fn of(series: &Series, now: i64) -> Summary {
        let values = || series.samples.iter().map(|s| s.millis);
        let samples = series.samples.len().max(1) as u64;
        let mean = values().sum::<u64>() / samples;
        let deviation = values().map(|value| value.abs_diff(mean)).sum::<u64>() / samples;
        let seconds = (now - series.samples.front().map_or(now, |s| s.time)).max(1);
        Summary { samples, mean, deviation, period: seconds as f64 / samples as f64, worst: series.worst }
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} spikes (mean {} ms, mean deviation {} ms, one in {:.2} s). The worst ever took {} ms.",
            self.samples, self.mean, self.deviation, self.period, self.worst
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::latency::Sample;

    #[test]
    fn advice_follows_from_events_and_configuration() {
        let mut config = Config { latency_monitor_threshold: 100, ..Config::default() };
        assert_eq!(report(&[], &config, 0), "Nothing has taken 100 ms or longer.\n");
        let samples =
            [(10, 100), (14, 300)].iter().map(|(time, millis)| Sample { time: *time, millis: *millis });
        let series = Series { samples: samples.collect(), worst: 400 };
        let events = [("command", series.clone())];
        let text = report(&events, &config, 20);
        let summary = "1. command: 2 spikes (mean 200 ms, mean deviation 100 ms, one in 5.00 s). The worst ever took 400 ms.";
        assert!(text.contains(summary) && text.contains("SLOWLOG GET"), "{text}");
        config.slowlog_log_slower_than = -1;
        let text = report(&events, &config, 20);
        assert!(text.contains("Turn the slow log on") && !text.contains("SLOWLOG GET"), "{text}");
        assert!(report(&[("fast-command", series)], &config, 20).contains("intrinsic-latency"));
    }
}
