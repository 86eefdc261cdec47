//! The latency monitor: when each kind of event took longer than `latency-monitor-threshold`, for LATENCY.
//!
//! An event has a series of at most [`LENGTH`] samples, one a second: of several in one second the worst stays. As
//! Redis's latency.c.

use std::collections::{BTreeMap, VecDeque};

use parking_lot::Mutex;

/// Samples that a series keeps.
const LENGTH: usize = 160;

/// Series by event.
#[derive(Default)]
pub struct LatencyMonitor(Mutex<BTreeMap<&'static str, Series>>);

/// The samples of one event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Series {
    /// The oldest first.
    pub samples: VecDeque<Sample>,
    /// The worst ever, in milliseconds.
    pub worst: u64,
}

/// The worst of one second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Unix seconds.
    pub time: i64,
    /// Milliseconds.
    pub millis: u64,
}

impl LatencyMonitor {
    /// Notes that an event took `millis`; the caller has compared with the threshold. `time` in Unix seconds.
    pub fn record(&self, event: &'static str, millis: u64, time: i64) {
        let mut events = self.0.lock();
        let series = events.entry(event).or_default();
        series.worst = series.worst.max(millis);
        match series.samples.back_mut() {
            Some(last) if last.time == time => last.millis = last.millis.max(millis),
            _ => {
                if series.samples.len() == LENGTH {
                    series.samples.pop_front();
                }
                series.samples.push_back(Sample { time, millis });
            }
        }
    }

    /// Every event with its samples.
    pub fn all(&self) -> Vec<(&'static str, Series)> {
        self.0.lock().iter().map(|(event, series)| (*event, series.clone())).collect()
    }

    /// The samples of an event.
    pub fn series(&self, event: &[u8]) -> Option<Series> {
        let events = self.0.lock();
        events.iter().find(|(name, _)| name.as_bytes() == event).map(|(_, series)| series.clone())
    }

    /// Forgets the events that `is_chosen` names. Answers how many there were.
    pub fn reset(&self, is_chosen: impl Fn(&[u8]) -> bool) -> usize {
        let mut events = self.0.lock();
        let before = events.len();
        events.retain(|name, _| !is_chosen(name.as_bytes()));
        before - events.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_keeps_its_worst_and_a_series_its_latest() {
        let monitor = LatencyMonitor::default();
        [5, 9, 7].iter().for_each(|millis| monitor.record("command", *millis, 100));
        let series = monitor.series(b"command").expect("recorded");
        assert_eq!((series.samples.len(), series.samples[0]), (1, Sample { time: 100, millis: 9 }));
        (101..101 + LENGTH as i64).for_each(|time| monitor.record("command", 1, time));
        let series = monitor.series(b"command").expect("recorded");
        assert_eq!((series.samples.len(), series.samples[0].time, series.worst), (LENGTH, 101, 9));
        assert_eq!((monitor.reset(|e| e == b"other"), monitor.reset(|_| true)), (0, 1));
        assert!(monitor.all().is_empty());
    }
}
