//! What commands ran lately: the growth of INFO's commandstats over about the last minute.

use super::Round;
use crate::facts::Parts;
use std::collections::{HashMap, VecDeque};

/// Between two remembered states, milliseconds.
const EVERY: i64 = 10_000;
/// States that are kept: a minute, and one to begin from.
const KEPT: usize = 7;
/// Commands that a state remembers; a lying server's list ends here.
const MAX_COMMANDS: usize = 1_000;

/// A command's share of the time since an earlier state.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Recent {
    /// `get`, `config|get`
    pub command: String,
    /// Calls a second.
    pub calls: f64,
    /// Microseconds spent in it a second.
    pub usec: f64,
}

#[derive(Debug)]
struct State {
    at: i64,
    run_id: String,
    commands: HashMap<String, (f64, f64)>,
}

/// One server's states, oldest first.
#[derive(Debug, Default)]
pub struct Activity(VecDeque<State>);

impl Activity {
    /// Takes a round in; most are no states.
    pub fn observe(&mut self, round: &Round) {
        let due = self.0.back().is_none_or(|state| round.at >= state.at.saturating_add(EVERY));
        let Some(state) = due.then(|| State::of(round)).flatten() else { return };
        if self.0.back().is_some_and(|before| before.run_id != state.run_id) {
            self.0.clear();
        }
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(state);
    }

    /// What ran between the oldest state and `round`, the busiest first; nothing before there are two rounds, and after a restart.
    pub fn recent(&self, round: &Round) -> Vec<Recent> {
        let (Some(before), Some(now)) = (self.0.front(), State::of(round)) else { return Vec::new() };
        let seconds = (now.at - before.at) as f64 / 1000.0;
        if seconds <= 0.0 || before.run_id != now.run_id {
            return Vec::new();
        }
        let grown = now.commands.into_iter().filter_map(|(command, (calls, usec))| {
            let (old_calls, old_usec) = before.commands.get(&command).copied().unwrap_or_default();
            let (calls, usec) = (calls - old_calls, usec - old_usec);
            // RESETSTAT makes counters smaller.
            (calls > 0.0).then(|| Recent { command, calls: calls / seconds, usec: usec.max(0.0) / seconds })
        });
        let mut recent: Vec<Recent> = grown.collect();
        recent.sort_by(|a, b| b.usec.total_cmp(&a.usec).then_with(|| a.command.cmp(&b.command)));
        recent
    }
}

impl State {
    fn of(round: &Round) -> Option<Self> {
        let info = &round.facts()?.info;
        let counted = info.fields().iter().filter_map(|field| {
            let (command, parts) = (field.name.strip_prefix("cmdstat_")?, Parts::of(&field.value));
            Some((command.to_owned(), (parts.number("calls")?, parts.number("usec")?)))
        });
        let commands = counted.take(MAX_COMMANDS).collect();
        Some(State { at: round.at, run_id: info.text("run_id").to_owned(), commands })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Facts, Info};
    use crate::target::Target;
    use std::time::Duration;

    fn round(at: i64, info: &str) -> Round {
        let facts = Facts { info: Info::parse(info), ..Facts::default() };
        let target = Target::parse("redis://h").unwrap();
        Round { at, target, discovered: false, took: Duration::ZERO, outcome: Ok(facts) }
    }

    #[test]
    fn growth_over_the_last_minute() {
        let mut activity = Activity::default();
        let info = |calls: i64| {
            format!("run_id:a\ncmdstat_get:calls={calls},usec={}\ncmdstat_set:calls=1,usec=1", calls * 3)
        };
        for second in 0..200 {
            activity.observe(&round(second * 1000, &info(second * 10)));
        }
        assert_eq!(activity.0.len(), KEPT);
        let recent = activity.recent(&round(199_000, &info(1990)));
        assert_eq!(recent, [Recent { command: "get".into(), calls: 10.0, usec: 30.0 }]);
        let restarted = round(200_000, "run_id:b\ncmdstat_get:calls=5,usec=5");
        assert_eq!(activity.recent(&restarted), []);
        activity.observe(&restarted);
        assert_eq!(activity.0.len(), 1);
        assert_eq!(activity.recent(&round(201_000, "run_id:b")), []);
    }
}
