//! The stream: entries that are added at one end, each a list of fields with values under an ID that grows, and groups
//! of consumers who share the reading.
//!
//! Entries are packed into nodes (see `node`), which RDB files hold byte for byte; groups remember who was given what.
//! Source matched: Redis 7.2.6 `t_stream.c`, its nodes and its counting included.

mod entries;
mod group;
mod id;
mod node;
mod nodes;
mod radix;
mod trim;

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

pub use entries::{AppendError, Counters, Entries, Unsound};
pub use group::{Consumer, Delivery, Group, Pending};
pub use id::{IdText, StreamId};
pub use node::Entry;
pub use trim::{Keep, Trim};

use crate::Step;

/// A stream: its [`Parts`].
#[derive(Clone, Debug, Default)]
pub struct Stream(Box<Parts>);

/// What a stream consists of.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    /// Its entries.
    pub entries: Entries,
    /// Its groups of consumers, by name.
    pub groups: BTreeMap<Box<[u8]>, Group>,
}

impl Deref for Stream {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl DerefMut for Stream {
    fn deref_mut(&mut self) -> &mut Parts {
        &mut self.0
    }
}

impl Stream {
    /// Never: a stream without entries stays.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// What OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        "stream"
    }

    /// Bytes of memory on the heap, the nodes' estimated from some where there are many.
    pub fn footprint(&self) -> usize {
        let groups: usize = self.groups.iter().map(|(name, group)| name.len() + group.footprint()).sum();
        size_of::<Parts>()
            + self.entries.footprint()
            + groups
            + map_footprint::<Box<[u8]>, Group>(self.groups.len())
    }

    /// See [`crate::Value::ahead`].
    pub fn ahead(&self, step: Step, _: &[u8]) -> Option<usize> {
        match step {
            Step::Start => Some(std::ptr::from_ref(&*self.0) as usize),
            Step::Slot => Some(self.entries.nodes.last()?.1.address()),
            Step::Element => {
                self.entries.nodes.last().map(|(_, node)| node.address() + node.as_bytes().len())
            }
        }
    }

    /// See [`crate::Value::is_deep`].
    pub fn is_deep(&self) -> bool {
        true
    }

    /// See [`crate::Value::effort`].
    pub fn effort(&self) -> usize {
        1 + self.entries.node_count() + self.groups.values().map(Group::effort).sum::<usize>()
    }

    /// See [`crate::Value::each`]: the entries.
    pub fn each(&self, visit: &mut dyn FnMut(&[&[u8]])) {
        self.entries.each(visit);
    }
}

/// Bytes that a B-tree of so many elements takes, about: its nodes are filled to three quarters.
fn map_footprint<K, V>(len: usize) -> usize {
    len * size_of::<(K, V)>() * 4 / 3
}

#[cfg(test)]
mod tests;
