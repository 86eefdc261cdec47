//! The task that feeds rounds to the engine and events to the sinks, and keeps the last ones for the views.

use super::{Engine, Event, Sinks, Standing};
use crate::collect::Collector;
use crate::file::Configuration;
use crate::history::Writer;
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
}

impl Watchman {
    /// Begins to judge the collector's rounds; ends with the collector or when dropped.
    pub fn start(
        collector: &Collector,
        configuration: Configuration,
        history: Option<Arc<Writer>>,
    ) -> Arc<Self> {
        let engine = Engine::new(configuration.rules, configuration.silences);
        let state = Mutex::new(State { engine, past: VecDeque::new() });
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

    fn tell(&self, event: Event) {
        self.sinks.send(&event);
        if let Some(history) = &self.history {
            history.event(event.clone());
        }
        let mut state = self.lock();
        if state.past.len() == REMEMBERED {
            state.past.pop_front();
        }
        state.past.push_back(event);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
