//! Where results come from and go to: sets and sorted sets as sources, a sorted set at a destination.

use std::ops::ControlFlow;

use config::NotifyEvents;
use data::{Set, Value, Zset};
use engine::{Error, KeyCx};
use keyspace::{Expire, NewValue, View};

/// Puts a sorted set at the key `destination`, whatever was there, and replies how many members it has; an empty one
/// deletes the key. `changes` is what one that is not empty counts for.
pub fn reply_stored(cx: &mut KeyCx, destination: &[u8], zset: Zset, event: &'static str, changes: u64) {
    cx.reply.count(zset.len());
    if !zset.is_empty() {
        cx.view.set(destination, NewValue::Object(zset.into_object()), Expire::Never);
        cx.notify(NotifyEvents::ZSET, event, destination);
        cx.changed(changes);
    } else if cx.view.remove(destination) {
        cx.notify(NotifyEvents::GENERIC, "del", destination);
        cx.changed(1);
    }
}

/// A key whose members and scores are taken; those of a set all have the score 1.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    /// No key.
    Missing,
    /// A sorted set.
    Zset(&'a Zset),
    /// A set.
    Set(&'a Set),
}

impl<'a> Source<'a> {
    /// The keys' values. Lookups are counted, and due keys go, before any value is borrowed.
    pub(super) fn all<'k>(
        view: &'a mut View,
        keys: impl Iterator<Item = &'k [u8]> + Clone,
    ) -> Result<Vec<Source<'a>>, Error> {
        for key in keys.clone() {
            view.get(key);
        }
        let view = &*view;
        keys.map(|key| Source::of(view, key)).collect()
    }

    fn of(view: &'a View, key: &[u8]) -> Result<Source<'a>, Error> {
        if let Ok(zset) = view.beside::<Zset>(key) {
            return Ok(zset.map_or(Source::Missing, Source::Zset));
        }
        Ok(view.beside::<Set>(key)?.map_or(Source::Missing, Source::Set))
    }

    /// How many members there are.
    pub(super) fn len(self) -> usize {
        match self {
            Source::Missing => 0,
            Source::Zset(zset) => zset.len(),
            Source::Set(set) => set.len(),
        }
    }

    /// A member's score.
    pub(super) fn score(self, member: &[u8]) -> Option<f64> {
        match self {
            Source::Missing => None,
            Source::Zset(zset) => zset.score(member),
            Source::Set(set) => set.contains(member).then_some(1.0),
        }
    }

    /// Visits the members and their scores, until told to stop.
    pub(super) fn each(self, mut visit: impl FnMut(&[u8], f64) -> ControlFlow<()>) {
        match self {
            Source::Missing => {}
            Source::Zset(zset) => {
                let mut all = zset.range(0..zset.len());
                let _ = all.try_for_each(|(member, score)| member.with_bytes(|member| visit(member, score)));
            }
            Source::Set(set) => {
                let _ = set.iter().try_for_each(|member| member.with_bytes(|member| visit(member, 1.0)));
            }
        }
    }
}
