//! Trimming: removing entries at the front, by whole nodes as far as these go.

use std::collections::btree_map::OccupiedEntry;

use codec::listpack::Listpack;

use super::node::{self, Node};
use super::{Entries, StreamId};

type OccupiedNode<'a> = OccupiedEntry<'a, StreamId, Listpack>;

/// What trimming keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The last entries, so many.
    Last(u64),
    /// Those from an ID on.
    From(StreamId),
}

/// How entries are trimmed at the front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trim {
    /// What stays.
    pub keep: Keep,
    /// Only nodes that go as a whole, so that more may stay.
    pub whole_nodes: bool,
    /// The most entries that go; 0 is no limit.
    pub limit: u64,
}

impl Keep {
    /// Whether all entries are to stay of so many.
    fn keeps_all(self, length: u64) -> bool {
        matches!(self, Keep::Last(count) if length <= count)
    }

    /// Whether an entry is to stay, of so many that are left.
    fn keeps(self, id: StreamId, length: u64) -> bool {
        self.keeps_all(length) || matches!(self, Keep::From(first) if id >= first)
    }
}

impl Entries {
    /// Trims entries at the front; answers how many.
    pub fn trim(&mut self, trim: &Trim) -> u64 {
        let mut removed = 0;
        while let Some(mut first) = self.nodes.first_entry() {
            let (length, live) = (self.counters.length, node(&first).counts().0);
            if trim.keep.keeps_all(length) || trim.limit > 0 && removed + live > trim.limit {
                break;
            }
            let goes = match trim.keep {
                Keep::Last(count) => length - live >= count,
                Keep::From(id) => node(&first).entries().next_back().is_none_or(|last| last.id < id),
            };
            if goes {
                first.remove();
                self.counters.length -= live;
                removed += live;
            } else {
                if !trim.whole_nodes {
                    let count = trim_node(&mut first, trim.keep, length);
                    self.counters.length -= count;
                    removed += count;
                }
                break;
            }
        }
        if removed > 0 {
            self.find_first();
        }
        removed
    }
}

fn node<'a>(entry: &'a OccupiedNode<'_>) -> Node<'a> {
    Node::new(*entry.key(), entry.get().view())
}

/// Deletes entries at the front of a node, of a stream of `length`; answers how many.
fn trim_node(first: &mut OccupiedNode<'_>, keep: Keep, length: u64) -> u64 {
    let mut places = Vec::new();
    for entry in node(first).entries() {
        if keep.keeps(entry.id, length - places.len() as u64) {
            break;
        }
        if !entry.is_deleted {
            places.push(entry.place());
        }
    }
    node::delete(first.get_mut(), &places);
    places.len() as u64
}
