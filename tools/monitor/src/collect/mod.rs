//! The collector: one round an interval of every target, and every view is fed from it.
//!
//! Each target has a task of its own, so a dead one costs the others nothing. A round's facts name the server's
//! neighbours (its cluster, its replicas, what it watches as a Sentinel); those that are not watched yet become targets with the same
//! credentials. Two names of one server are told by their `run_id`: the discovered one goes.
//!
//! The newest round of each target is in [`Collector::rounds`]; [`Collector::subscribe`] gives all as they arrive.

mod activity;
mod probe;

pub use activity::{Activity, Recent};
pub use probe::Probe;

use crate::facts::Facts;
use crate::target::Target;
use crate::wire::{Failure, Limits};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::broadcast;
use tokio::task::AbortHandle;
use tokio::time::MissedTickBehavior;

/// More targets than this are not discovered: a lying server cannot make us ask the whole network.
const MAX_TARGETS: usize = 1024;
/// A discovered target that did not answer for so many rounds, and that nobody names any more, is forgotten.
const FORGET_AFTER: u32 = 600;

/// How to collect.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Between the starts of two rounds.
    pub interval: Duration,
    /// What a server may cost.
    pub limits: Limits,
    /// Whether targets bring their neighbours.
    pub discover: bool,
}

/// One round of one target.
#[derive(Debug)]
pub struct Round {
    /// Unix time in milliseconds at its end.
    pub at: i64,
    /// Who was asked.
    pub target: Target,
    /// Whether a neighbour named it rather than the operator.
    pub discovered: bool,
    /// How long it took.
    pub took: Duration,
    /// What it said.
    pub outcome: Result<Facts, Failure>,
}

impl Round {
    /// The facts, if the server answered.
    pub fn facts(&self) -> Option<&Facts> {
        self.outcome.as_ref().ok()
    }
}

/// Watches all targets until it is dropped.
pub struct Collector {
    settings: Settings,
    watched: Mutex<Watched>,
    feed: broadcast::Sender<Arc<Round>>,
}

#[derive(Default)]
struct Watched {
    by_url: BTreeMap<String, Watch>,
    /// Discovered URLs that are other names of watched servers.
    aliases: BTreeSet<String>,
}

struct Watch {
    task: AbortHandle,
    newest: Option<Arc<Round>>,
    activity: Activity,
}

impl Collector {
    /// Begins to watch `targets`; the flag of each says whether to discover its neighbours.
    pub fn start(targets: &[(Target, bool)], settings: Settings) -> Arc<Self> {
        let (feed, _) = broadcast::channel(4096);
        let collector = Arc::new(Collector { settings, watched: Mutex::default(), feed });
        for (target, discover) in targets {
            collector.watch(target.clone(), *discover && settings.discover, false);
        }
        collector
    }

    /// The time between two rounds.
    pub fn interval(&self) -> Duration {
        self.settings.interval
    }

    /// The newest round of each target that had one, by URL.
    pub fn rounds(&self) -> Vec<Arc<Round>> {
        self.lock().by_url.values().filter_map(|watch| watch.newest.clone()).collect()
    }

    /// The newest round of one target.
    pub fn round(&self, url: &str) -> Option<Arc<Round>> {
        self.lock().by_url.get(url)?.newest.clone()
    }

    /// The commands that a target ran in about the last minute, the busiest first.
    pub fn recent_commands(&self, url: &str) -> Vec<Recent> {
        let watched = self.lock();
        let watch = watched.by_url.get(url);
        let recent = watch.and_then(|watch| Some(watch.activity.recent(watch.newest.as_ref()?)));
        recent.unwrap_or_default()
    }

    /// All rounds from now on. A subscriber that is too slow misses the oldest.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Round>> {
        self.feed.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watch(self: &Arc<Self>, target: Target, discover: bool, discovered: bool) {
        let mut watched = self.lock();
        let full = watched.by_url.len() >= MAX_TARGETS;
        if full || watched.by_url.contains_key(&target.url) || watched.aliases.contains(&target.url) {
            return;
        }
        let url = target.url.clone();
        let task = tokio::spawn(run(Arc::downgrade(self), self.settings, target, discover, discovered));
        watched
            .by_url
            .insert(url, Watch { task: task.abort_handle(), newest: None, activity: Activity::default() });
    }

    /// Takes a round in. `false` if the target is another name of one that is watched already.
    fn accept(self: &Arc<Self>, round: Round, discover: bool) -> bool {
        let url = round.target.url.clone();
        if round.discovered && self.is_watched_elsewhere(&round) {
            let mut watched = self.lock();
            watched.by_url.remove(&url);
            if watched.aliases.len() < MAX_TARGETS {
                watched.aliases.insert(url);
            }
            return false;
        }
        let neighbours = round.facts().filter(|_| discover).map(Facts::neighbours).unwrap_or_default();
        for (host, port) in neighbours {
            self.watch(round.target.sibling(&host, port), discover, true);
        }
        let round = Arc::new(round);
        if let Some(watch) = self.lock().by_url.get_mut(&url) {
            watch.activity.observe(&round);
            watch.newest = Some(round.clone());
        }
        // No subscriber is no error: the views that poll have their newest round.
        let _ = self.feed.send(round);
        true
    }

    fn is_watched_elsewhere(&self, round: &Round) -> bool {
        let Some(id) = round.facts().and_then(|facts| facts.info.get("run_id")) else { return false };
        let same = |other: &Round| other.facts().and_then(|facts| facts.info.get("run_id")) == Some(id);
        let watched = self.lock();
        let mut others = watched.by_url.iter().filter(|(url, _)| **url != round.target.url);
        others.any(|(_, watch)| watch.newest.as_deref().is_some_and(same))
    }

    fn forget(&self, url: &str) {
        self.lock().by_url.remove(url);
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.lock().by_url.values().for_each(|watch| watch.task.abort());
    }
}

/// The task of one target.
async fn run(
    collector: Weak<Collector>,
    settings: Settings,
    target: Target,
    discover: bool,
    discovered: bool,
) {
    let mut probe = Probe::new(target.clone(), settings.limits, Duration::from_secs(60));
    let mut ticks = tokio::time::interval(settings.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failures = 0;
    loop {
        ticks.tick().await;
        let started = tokio::time::Instant::now();
        let outcome = probe.round().await;
        failures = log_change(&target.url, &outcome, failures);
        let Some(collector) = collector.upgrade() else { return };
        if discovered && failures > FORGET_AFTER {
            return collector.forget(&target.url);
        }
        let round =
            Round { at: now_ms(), target: target.clone(), discovered, took: started.elapsed(), outcome };
        if !collector.accept(round, discover) {
            return;
        }
    }
}

/// Logs the first failure and the recovery, not every round; returns the failures in a row.
fn log_change(url: &str, outcome: &Result<Facts, Failure>, failures: u32) -> u32 {
    match outcome {
        Err(failure) if failures == 0 => tracing::warn!("{url}: {failure}"),
        Ok(_) if failures > 0 => tracing::info!("{url}: answers again"),
        _ => {}
    }
    if outcome.is_ok() { 0 } else { failures.saturating_add(1) }
}

/// Unix time in milliseconds.
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
