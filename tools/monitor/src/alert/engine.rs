//! From rounds to events: pending, firing, resolved.

use super::{Level, Reading, Rule, Silence, Tuned, Unit};
use crate::collect::Round;
use crate::host::Host;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::Arc;

/// A breach is over once the value is this part of the threshold on its safe side,
const MARGIN: f64 = 0.1;
/// and has been for so many milliseconds.
const QUIET_MS: i64 = 60_000;
/// How often the host is looked at, milliseconds.
const HOST_EVERY_MS: i64 = 10_000;

/// An alert that begins, changes its level, or ends.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// Unix time in milliseconds.
    pub at: i64,
    /// The server.
    pub target: String,
    /// The rule's name.
    pub alert: &'static str,
    /// Its new level; `ok` when it ends.
    pub level: Level,
    /// The value, if there still is one.
    pub value: Option<f64>,
    /// One sentence.
    pub text: String,
    /// What to do.
    pub advice: &'static str,
    /// Whether a silence keeps it from the sinks.
    pub silenced: bool,
}

/// An alert that fires now.
pub type Standing = Event;

#[derive(Debug, Default)]
struct State {
    breached_since: Option<i64>,
    quiet_since: Option<i64>,
    firing: Option<Standing>,
}

/// Judges every round; time is that of the rounds.
#[derive(Default)]
pub struct Engine {
    rules: Tuned,
    silences: Vec<Silence>,
    states: HashMap<(String, &'static str), State>,
    before: HashMap<String, Arc<Round>>,
    hosts: HashMap<String, (i64, Option<Host>)>,
}

impl Engine {
    /// With the rules that are on.
    pub fn new(rules: Tuned, silences: Vec<Silence>) -> Self {
        Engine { rules, silences, ..Self::default() }
    }

    /// Takes a round in; the events that it makes.
    pub fn observe(&mut self, round: &Arc<Round>) -> Vec<Event> {
        let url = &round.target.url;
        let host = self.host(round);
        let before = self.before.get(url).cloned();
        let reading = Reading { round, before: before.as_deref(), host: host.as_ref() };
        let mut events = Vec::new();
        for rule in &self.rules {
            // Of a server that does not answer only that is known: what else fired goes on.
            if round.facts().is_none() && rule.id != "down" {
                continue;
            }
            let value = (rule.read)(&reading);
            let state = self.states.entry((url.clone(), rule.id)).or_default();
            if let Some(mut event) = state.step(rule, url, round.at, value) {
                if let Err(failure) = &round.outcome {
                    event.text = failure.to_string();
                }
                event.silenced = self.silences.iter().any(|silence| silence.covers(rule.id, url, round.at));
                if let Some(firing) = &mut state.firing {
                    *firing = event.clone();
                }
                events.push(event);
            }
        }
        if round.facts().is_some() {
            self.before.insert(url.clone(), round.clone());
        }
        events
    }

    /// The last round of a target that it answered.
    pub fn before(&self, url: &str) -> Option<Arc<Round>> {
        self.before.get(url).cloned()
    }

    /// What fires now, the worst first.
    pub fn standing(&self) -> Vec<&Standing> {
        let mut firing: Vec<&Standing> =
            self.states.values().filter_map(|state| state.firing.as_ref()).collect();
        firing.sort_by(|a, b| {
            b.level.cmp(&a.level).then_with(|| (&a.target, a.alert).cmp(&(&b.target, b.alert)))
        });
        firing
    }

    fn host(&mut self, round: &Round) -> Option<Host> {
        let facts = round.facts()?;
        let (at, host) = self.hosts.entry(round.target.url.clone()).or_insert((i64::MIN, None));
        if at.saturating_add(HOST_EVERY_MS) <= round.at {
            (*at, *host) = (round.at, Host::look(&round.target, facts));
        }
        host.clone()
    }
}

impl State {
    /// One value later: what changed, if anything did.
    fn step(&mut self, rule: &Rule, url: &str, at: i64, value: Option<f64>) -> Option<Event> {
        let margin = if self.firing.is_some() { MARGIN } else { 0.0 };
        let level = value.map_or(Level::Ok, |value| rule.judge(value, margin));
        if level == Level::Ok {
            self.breached_since = None;
            return self.calm(rule, url, at, value);
        }
        self.quiet_since = None;
        let since = *self.breached_since.get_or_insert(at);
        let before = self.firing.as_ref().map_or(Level::Ok, |firing| firing.level);
        let held = at - since >= i64::from(rule.hold) * 1000;
        // While it fires, a worse level must be reached without the margin.
        let level = value.map_or(level, |value| rule.judge(value, 0.0)).max(before);
        if !held || level <= before {
            return None;
        }
        let event = event(rule, url, at, level, value);
        self.firing = Some(event.clone());
        Some(event)
    }

    fn calm(&mut self, rule: &Rule, url: &str, at: i64, value: Option<f64>) -> Option<Event> {
        self.firing.as_ref()?;
        let since = *self.quiet_since.get_or_insert(at);
        if at - since < QUIET_MS {
            return None;
        }
        *self = State::default();
        Some(event(rule, url, at, Level::Ok, value))
    }
}

fn event(rule: &Rule, url: &str, at: i64, level: Level, value: Option<f64>) -> Event {
    let text = match (level, value) {
        (Level::Ok, _) if rule.unit == Unit::Flag => format!("no more: {}", rule.metric),
        (Level::Ok, Some(value)) => {
            format!("{} is fine again: {}", rule.metric, super::rules::quantity(value, rule.unit))
        }
        (_, Some(value)) => rule.sentence(level, value),
        (_, None) => format!("{} is no concern any more", rule.metric),
    };
    Event {
        at,
        target: url.to_owned(),
        alert: rule.id,
        level,
        value,
        text,
        advice: rule.advice,
        silenced: false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::readings::tests::round;
    use super::*;
    use crate::alert::{RULES, tune};
    use crate::wire::Failure;

    fn engine(id: &str) -> Engine {
        Engine::new(RULES.iter().filter(|rule| rule.id == id).copied().collect(), vec![])
    }

    fn memory(engine: &mut Engine, second: i64, percent: u32) -> Vec<Level> {
        let round = Arc::new(round(second * 1000, &format!("maxmemory:100\nused_memory:{percent}"), &[]));
        engine.observe(&round).iter().map(|event| event.level).collect()
    }

    #[test]
    fn a_breach_must_hold_and_must_be_gone_for_a_while() {
        let mut engine = engine("memory");
        assert_eq!(memory(&mut engine, 0, 85), []);
        assert_eq!(memory(&mut engine, 30, 70), [], "an interruption starts the time anew");
        assert_eq!(memory(&mut engine, 40, 85), []);
        assert_eq!(memory(&mut engine, 99, 85), []);
        assert_eq!(memory(&mut engine, 100, 85), [Level::Warning]);
        assert_eq!(memory(&mut engine, 101, 85), [], "said once");
        assert_eq!(memory(&mut engine, 102, 95), [Level::Critical]);
        assert_eq!(memory(&mut engine, 103, 78), [], "within the margin it goes on");
        assert_eq!(engine.standing().len(), 1);
        assert_eq!(memory(&mut engine, 104, 50), []);
        assert_eq!(memory(&mut engine, 130, 95), [], "back before it was quiet long enough");
        assert_eq!(memory(&mut engine, 140, 50), []);
        assert_eq!(memory(&mut engine, 200, 50), [Level::Ok]);
        assert!(engine.standing().is_empty());
    }

    #[test]
    fn a_dead_server_keeps_its_other_alerts() {
        let mut engine = Engine::new(tune(&Default::default()).unwrap(), vec![]);
        let young = Arc::new(round(0, "uptime_in_seconds:5", &[]));
        assert_eq!(engine.observe(&young)[0].alert, "uptime");
        for second in 1..=4 {
            let dead = Round { outcome: Err(Failure::Timeout("reply")), ..round(second * 1000, "", &[]) };
            let events = engine.observe(&Arc::new(dead));
            assert_eq!(events.len(), usize::from(second == 4), "down holds 3 s");
        }
        let standing: Vec<&str> = engine.standing().iter().map(|event| event.alert).collect();
        assert_eq!(standing, ["down", "uptime"], "the worst first");
    }

    #[test]
    fn silenced_events_say_so() {
        let mut engine = Engine::new(tune(&Default::default()).unwrap(), vec![Silence::default()]);
        let event = &engine.observe(&Arc::new(round(0, "uptime_in_seconds:5", &[])))[0];
        assert!(event.silenced && event.text.contains("5 s (warning below 300 s)"), "{}", event.text);
    }
}
