//! Trimming: removing entries at the front, by whole nodes as far as these go.

use codec::listpack::Position;

use super::node::{self, Node};
use super::{Entries, StreamId};

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
        while let Some((master, first)) = self.nodes.first() {
            let node = Node::new(master, first.view());
            let (length, live) = (self.counters.length, node.counts().0);
            if trim.keep.keeps_all(length) || trim.limit > 0 && removed + live > trim.limit {
                break;
            }
            let goes = match trim.keep {
                Keep::Last(count) => length - live >= count,
                Keep::From(id) => node.entries().next_back().is_none_or(|last| last.id < id),
            };
            if goes {
                self.nodes.remove(master);
                self.counters.length -= live;
                removed += live;
            } else {
                if !trim.whole_nodes {
                    let places = superfluous(node, trim.keep, length);
                    if let Some(first) = self.nodes.get_mut(master) {
                        node::delete(first, &places);
                    }
                    self.counters.length -= places.len() as u64;
                    removed += places.len() as u64;
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

/// The entries at the front of a node that do not stay, of a stream of `length`.
fn superfluous(node: Node<'_>, keep: Keep, length: u64) -> Vec<(Position, i64)> {
    let mut places = Vec::new();
    for entry in node.entries() {
        if keep.keeps(entry.id, length - places.len() as u64) {
            break;
        }
        if !entry.is_deleted {
            places.push(entry.place());
        }
    }
    places
}
