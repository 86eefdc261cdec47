//! Which backups to keep: a pure function of their times.
//!
//! A rule such as "daily, 30" divides time into calendar days (UTC) and keeps the newest backup of each of the newest 30
//! days *that have one*. What any rule keeps stays. Counting days that have a backup, not days that have passed, means that
//! backups which stopped coming are not thrown away; so do restic and Borg.
//!
//! The defaults are those that Redis's documentation recommends: every hour for a day, every day for a month.

use clap::Args;
use jiff::tz::TimeZone;
use jiff::{Timestamp, civil::Date};

/// How many to keep of what.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(next_help_heading = "Retention")]
pub struct Policy {
    /// Keep the newest N, whenever they were made
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub keep_last: usize,
    /// Keep the newest of each of the newest N hours that have one
    #[arg(long, value_name = "N", default_value_t = 24)]
    pub keep_hourly: usize,
    /// Likewise of N days
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub keep_daily: usize,
    /// Likewise of N weeks, which begin on Mondays
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub keep_weekly: usize,
    /// Likewise of N months
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub keep_monthly: usize,
    /// Likewise of N years
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub keep_yearly: usize,
}

impl Policy {
    /// Which of the backups of these times to keep, in the order in which they are given. Of any at all, the newest stays.
    pub fn keep(&self, times: &[Timestamp]) -> Vec<bool> {
        let mut newest_first: Vec<usize> = (0..times.len()).collect();
        newest_first.sort_by_key(|&index| std::cmp::Reverse((times[index], index)));
        let mut kept = vec![false; times.len()];
        for &index in newest_first.iter().take(self.keep_last.max(1)) {
            kept[index] = true;
        }
        let rules: [(usize, Calendar); 5] = [
            (self.keep_hourly, hour),
            (self.keep_daily, day),
            (self.keep_weekly, week),
            (self.keep_monthly, month),
            (self.keep_yearly, year),
        ];
        for (most, period) in rules {
            let (mut count, mut last) = (0, None);
            for &index in &newest_first {
                let this = Some(period(times[index]));
                if this != last && count < most {
                    kept[index] = true;
                    count += 1;
                }
                last = this;
            }
        }
        kept
    }
}

/// A span of the calendar: the date on which it begins, and the hour.
type Period = (Date, i8);

/// Which span of a kind a time is in.
type Calendar = fn(Timestamp) -> Period;

fn date(time: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(time).date()
}

fn hour(time: Timestamp) -> Period {
    (date(time), TimeZone::UTC.to_datetime(time).hour())
}

fn day(time: Timestamp) -> Period {
    (date(time), 0)
}

fn week(time: Timestamp) -> Period {
    let date = date(time);
    let monday = i64::from(date.weekday().to_monday_zero_offset());
    // The calendar has no days before the year -9999, which no clock shows.
    (date.checked_sub(jiff::Span::new().days(monday)).unwrap_or(date), 0)
}

fn month(time: Timestamp) -> Period {
    (date(time).first_of_month(), 0)
}

fn year(time: Timestamp) -> Period {
    (date(time).first_of_year(), 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn policy(counts: [usize; 6]) -> Policy {
        let [keep_last, keep_hourly, keep_daily, keep_weekly, keep_monthly, keep_yearly] = counts;
        Policy { keep_last, keep_hourly, keep_daily, keep_weekly, keep_monthly, keep_yearly }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn kept(counts: [usize; 6], times: &[&str]) -> Vec<usize> {
        let times: Vec<Timestamp> = times.iter().map(|time| at(time)).collect();
        let kept = policy(counts).keep(&times);
        (0..times.len()).filter(|&index| kept[index]).collect()
    }

    #[test]
    fn calendars() {
        let times = [
            "2024-12-30T00:00:00Z", // A Monday: a week with the two behind it.
            "2024-12-31T23:59:59Z",
            "2025-01-01T00:00:00Z",
            "2025-01-01T00:30:00Z",
            "2025-01-01T01:00:00Z",
            "2025-03-01T12:00:00Z",
        ];
        assert_eq!(kept([0; 6], &times), [5], "the newest stays");
        assert_eq!(kept([2, 0, 0, 0, 0, 0], &times), [4, 5]);
        assert_eq!(kept([0, 3, 0, 0, 0, 0], &times), [3, 4, 5]);
        assert_eq!(kept([0, 0, 9, 0, 0, 0], &times), [0, 1, 4, 5]);
        assert_eq!(kept([0, 0, 0, 9, 0, 0], &times), [4, 5]);
        assert_eq!(kept([0, 0, 0, 0, 9, 0], &times), [1, 4, 5]);
        assert_eq!(kept([0, 0, 0, 0, 0, 9], &times), [1, 5]);
        assert_eq!(kept([0; 6], &[]), [0; 0]);
    }

    /// Hourly backups for 60 days, with the documents' rule.
    #[test]
    fn hourly_for_a_day_daily_for_a_month() {
        let start = at("2026-01-01T00:05:00Z");
        let times: Vec<Timestamp> =
            (0..60 * 24).map(|hour| start + jiff::SignedDuration::from_hours(hour)).collect();
        let kept = policy([0, 24, 30, 0, 0, 0]).keep(&times);
        assert!(kept[times.len() - 24..].iter().all(|kept| *kept), "the last day's are all there");
        assert_eq!(kept.iter().filter(|kept| **kept).count(), 24 + 29);
        assert!(kept[30 * 24 + 23] && !kept[29 * 24 + 23], "30 days back, and no more");
    }

    fn some_times() -> impl Strategy<Value = Vec<Timestamp>> {
        // Minutes over three months, and wider apart.
        let second = prop_oneof![0..8_000_000i64, -9_000_000_000..9_000_000_000i64];
        prop::collection::vec(second.prop_map(|s| Timestamp::from_second(s).expect("in range")), 0..200)
    }

    fn pick(times: &[Timestamp], kept: &[bool]) -> Vec<Timestamp> {
        let mut picked: Vec<_> = times.iter().zip(kept).filter(|(_, kept)| **kept).map(|(t, _)| *t).collect();
        picked.sort();
        picked
    }

    proptest! {
        #[test]
        fn what_every_policy_does(times in some_times(), counts in prop::array::uniform6(0..40usize)) {
            let policy = policy(counts);
            let kept = policy.keep(&times);
            prop_assert_eq!(kept.len(), times.len());
            let left = pick(&times, &kept);
            // The newest is never removed.
            prop_assert_eq!(left.last(), times.iter().max());
            prop_assert!(left.len() <= counts.iter().sum::<usize>().max(1));
            // Pruning again removes nothing more.
            prop_assert!(policy.keep(&left).iter().all(|kept| *kept));
            // The order in which backups are listed means nothing.
            let backwards: Vec<_> = times.iter().rev().copied().collect();
            prop_assert_eq!(pick(&backwards, &policy.keep(&backwards)), left.clone());
            // Each of the newest periods is represented, by its newest.
            for (most, period) in [(counts[1], hour as Calendar), (counts[2], day), (counts[3], week), (counts[4], month), (counts[5], year)] {
                let mut newest = std::collections::BTreeMap::<Period, Timestamp>::new();
                for time in &times {
                    let entry = newest.entry(period(*time)).or_insert(*time);
                    *entry = (*entry).max(*time);
                }
                for time in newest.values().rev().take(most) {
                    prop_assert!(left.contains(time));
                }
            }
            // To keep more is to remove less.
            let more = Policy { keep_hourly: policy.keep_hourly + 1, keep_daily: policy.keep_daily + 5, ..policy.clone() };
            prop_assert!(more.keep(&times).iter().zip(&kept).all(|(more, kept)| *more || !kept));
        }
    }
}
