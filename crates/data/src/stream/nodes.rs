//! The nodes of a stream under their master IDs: the last one, which entries are added to, at hand, all others in a tree.
//!
//! Most streams are written at their end, and a short one has no other node: neither takes a way through the tree.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use codec::listpack::Listpack;

use super::StreamId;

/// Nodes in the order of their master IDs.
#[derive(Clone, Debug, Default)]
pub(super) struct Nodes {
    /// All but the last.
    sealed: BTreeMap<StreamId, Listpack>,
    /// There is none only if there is no node at all.
    last: Option<(StreamId, Listpack)>,
}

impl Nodes {
    pub(super) fn len(&self) -> usize {
        self.sealed.len() + usize::from(self.last.is_some())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.last.is_none()
    }

    /// Bytes of memory that the tree takes beside the nodes.
    pub(super) fn footprint(&self) -> usize {
        super::map_footprint::<StreamId, Listpack>(self.sealed.len())
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (StreamId, &Listpack)> {
        self.range(StreamId::MIN..=StreamId::MAX)
    }

    /// Those with master IDs in a range.
    pub(super) fn range(
        &self,
        ids: RangeInclusive<StreamId>,
    ) -> impl DoubleEndedIterator<Item = (StreamId, &Listpack)> + use<'_> {
        let last = self.last.iter().filter({
            let ids = ids.clone();
            move |(master, _)| ids.contains(master)
        });
        let sealed = self.sealed.range(ids).map(|(master, node)| (*master, node));
        sealed.chain(last.map(|(master, node)| (*master, node)))
    }

    /// The master ID of the node where an entry of this ID is, if it is anywhere.
    pub(super) fn master_of(&self, id: StreamId) -> Option<StreamId> {
        match self.last {
            Some((master, _)) if master <= id => Some(master),
            _ => self.sealed.range(..=id).next_back().map(|(master, _)| *master),
        }
    }

    pub(super) fn get_mut(&mut self, master: StreamId) -> Option<&mut Listpack> {
        match &mut self.last {
            Some((last, node)) if *last == master => Some(node),
            _ => self.sealed.get_mut(&master),
        }
    }

    pub(super) fn first(&self) -> Option<(StreamId, &Listpack)> {
        let first = self.sealed.first_key_value().map(|(master, node)| (*master, node));
        first.or_else(|| self.last())
    }

    #[inline]
    pub(super) fn last(&self) -> Option<(StreamId, &Listpack)> {
        self.last.as_ref().map(|(master, node)| (*master, node))
    }

    #[inline]
    pub(super) fn last_mut(&mut self) -> Option<(StreamId, &mut Listpack)> {
        self.last.as_mut().map(|(master, node)| (*master, node))
    }

    /// Adds a node whose master ID is above all others.
    pub(super) fn push(&mut self, master: StreamId, node: Listpack) {
        debug_assert!(self.last().is_none_or(|(last, _)| last < master));
        self.sealed.extend(self.last.replace((master, node)));
    }

    pub(super) fn remove(&mut self, master: StreamId) {
        match self.last {
            Some((last, _)) if last == master => self.last = self.sealed.pop_last(),
            _ => drop(self.sealed.remove(&master)),
        }
    }
}
