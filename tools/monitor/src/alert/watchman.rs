//! The task that feeds rounds to the engine and events to the sinks, and keeps the last ones for the views. What changed about a server
//! (failovers, slot moves, restarts) is noted here too: with the alerts these are the marks on the charts.

use super::{Engine, Event, Sinks, Standing};
use crate::collect::Collector;
use crate::file::Configuration;
use crate::history::{Mark, Writer, changes};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::broadcast::error::RecvError;

/// Events that the views can look back on.
const REMEMBERED: usize = 500;

/// The engine at work.
pub struct Watchman {
    state: Mutex<State>,
    sinks: Sinks,
    history: Option<Arc<Writer>>,
}

struct State {
    engine: Engine,
    past: VecDeque<Event>,
    marks: VecDeque<Mark>,
}

impl Watchman {
    /// Begins to judge the collector's rounds; ends with the collector or when dropped.
    pub fn start(
        collector: &Collector,
        configuration: Configuration,
        history: Option<Arc<Writer>>,
    ) -> Arc<Self> {
        let engine = Engine::new(configuration.rules, configuration.silences);
        let state = Mutex::new(State { engine, past: VecDeque::new(), marks: VecDeque::new() });
        let watchman = Arc::new(Watchman { state, sinks: Sinks::start(configuration.sinks), history });
        let mut rounds = collector.subscribe();
        let weak: Weak<Self> = Arc::downgrade(&watchman);
        tokio::spawn(async move {
            loop {
                let round = match rounds.recv().await {
                    Ok(round) => round,
                    Err(RecvError::Lagged(_)) => continue,
                    Err(RecvError::Closed) => return,
                };
                let Some(watchman) = weak.upgrade() else { return };
                let before = watchman.lock().engine.before(&round.target.url);
                if let Some((old, new)) = before.as_ref().and_then(|before| before.facts()).zip(round.facts())
                {
                    let found = changes(old, new).into_iter();
                    found.for_each(|change| watchman.mark(change.at(round.at, &round.target.url)));
                }
                let events = watchman.lock().engine.observe(&round);
                events.into_iter().for_each(|event| watchman.tell(event));
            }
        });
        watchman
    }

    /// What fires now, the worst first.
    pub fn standing(&self) -> Vec<Standing> {
        self.lock().engine.standing().into_iter().cloned().collect()
    }

    /// The last events, newest first.
    pub fn past(&self) -> Vec<Event> {
        self.lock().past.iter().rev().cloned().collect()
    }

    /// What happened since `from` (Unix milliseconds), oldest first, as far as is remembered.
    pub fn marks(&self, from: i64) -> Vec<Mark> {
        self.lock().marks.iter().filter(|mark| mark.at >= from).cloned().collect()
    }

    fn tell(&self, event: Event) {
        self.sinks.send(&event);
        self.mark(Mark {
            at: event.at,
            target: event.target.clone(),
            kind: "alert".into(),
            text: event.text.clone(),
        });
        remember(&mut self.lock().past, event);
    }

    fn mark(&self, mark: Mark) {
        if mark.kind != "alert" {
            tracing::info!("{}: {}", mark.target, mark.text);
        }
        if let Some(history) = &self.history
            && !history.mark(mark.clone())
        {
            tracing::warn!("history: the disk is too slow, an event is lost");
        }
        remember(&mut self.lock().marks, mark);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn remember<T>(past: &mut VecDeque<T>, event: T) {
    if past.len() == REMEMBERED {
        past.pop_front();
    }
    past.push_back(event);
}
