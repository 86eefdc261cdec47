//! Quicklists: nodes one behind the other, those in the middle compressed where `list-compress-depth` says so.
//!
//! That many nodes at either end stay as they are, as most commands work there; of the others every one is compressed by
//! LZF that is worth it ([`super::node`]). Where a command looks into one, a copy is expanded for as long as it looks; where it
//! changes one, the node itself, and compressed again behind the change. Fill and depth are those of the directives when
//! the quicklist began, as in Redis's `quicklist.c`.

use std::collections::VecDeque;
use std::ops::{ControlFlow, Range};

use codec::listpack::{Entry, Listpack};

use super::fill::Fill;
use super::node::{Node, NodeRef};
use super::{End, Limits};

/// Nodes, and how many elements they have in all.
#[derive(Clone, Debug)]
pub struct Quicklist {
    nodes: VecDeque<Node>,
    len: usize,
    /// As the directive says it.
    max_listpack_size: i64,
    depth: usize,
}

/// What DEBUG OBJECT tells of a quicklist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// How many nodes there are.
    pub nodes: usize,
    /// `list-max-listpack-size`, within its limits.
    pub max_listpack_size: i64,
    /// Whether nodes in the middle are compressed.
    pub compresses: bool,
    /// Bytes of all nodes, as if none were compressed.
    pub bytes: usize,
}

/// Nodes at the ends of the middle that a change of one or two nodes may have moved there.
const MOVED: usize = 2;

impl Quicklist {
    /// One without elements.
    pub fn new(limits: &Limits) -> Quicklist {
        Quicklist {
            nodes: VecDeque::new(),
            len: 0,
            max_listpack_size: limits.list_max_listpack_size.clamp(-5, 1 << 15),
            depth: limits.list_compress_depth,
        }
    }

    fn fill(&self) -> Fill {
        Fill::new(self.max_listpack_size)
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many nodes there are.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// Bytes of memory on the heap, its own included.
    pub fn footprint(&self) -> usize {
        let nodes: usize = self.nodes.iter().map(Node::footprint).sum();
        nodes + size_of::<Quicklist>() + self.nodes.capacity() * size_of::<Node>()
    }

    /// What DEBUG OBJECT tells.
    pub fn facts(&self) -> Facts {
        Facts {
            nodes: self.nodes.len(),
            max_listpack_size: self.max_listpack_size,
            compresses: self.depth > 0,
            bytes: self.nodes.iter().map(Node::size).sum(),
        }
    }

    /// Lends the nodes in order.
    pub(super) fn each_node(&self, mut visit: impl FnMut(NodeRef<'_>)) {
        self.nodes.iter().for_each(|node| visit(node.expanded().view()));
    }

    /// Takes the listpack out if it is the only node and within a limit.
    pub(super) fn take_only(&mut self, most: Fill) -> Option<Listpack> {
        let is_only = self.nodes.len() == 1;
        let node = self.nodes.front_mut().filter(|node| is_only && most.admits(node.size(), node.len()))?;
        node.expand();
        node.take_packed()
    }

    /// Adds a whole node at the tail, unless it is empty.
    pub(super) fn append(&mut self, node: Node) {
        if node.len() > 0 {
            self.len += node.len();
            self.nodes.push_back(node);
            self.balance(0..0);
        }
    }

    pub(super) fn push(&mut self, end: End, element: &[u8]) {
        let fill = self.fill();
        self.len += 1;
        let (node, index) = match end {
            End::Head => (self.nodes.front_mut(), 0),
            End::Tail => (self.nodes.back_mut(), usize::MAX),
        };
        match node.filter(|node| node.admits(element, fill)) {
            Some(node) => return node.insert(index, element),
            None if end == End::Head => self.nodes.push_front(Node::of(element, fill)),
            None => self.nodes.push_back(Node::of(element, fill)),
        }
        self.balance(0..0);
    }

    /// The node of the element at an index, and its index there; from the nearer end.
    fn find(&self, index: usize) -> Option<(usize, usize)> {
        if index >= self.len {
            return None;
        }
        if index < self.len / 2 {
            let mut left = index;
            for (number, node) in self.nodes.iter().enumerate() {
                if left < node.len() {
                    return Some((number, left));
                }
                left -= node.len();
            }
            return None;
        }
        let mut behind = self.len - index;
        for (number, node) in self.nodes.iter().enumerate().rev() {
            if behind <= node.len() {
                return Some((number, node.len() - behind));
            }
            behind -= node.len();
        }
        None
    }

    pub(super) fn with<R>(&self, index: usize, work: impl FnOnce(Entry<'_>) -> R) -> Option<R> {
        let (node, within) = self.find(index)?;
        self.nodes[node].expanded().view().iter().nth(within).map(work)
    }

    /// See [`super::List::visit`].
    pub(super) fn walk<F>(&self, range: &Range<usize>, from: End, visit: &mut F) -> ControlFlow<()>
    where
        F: FnMut(usize, Entry<'_>) -> ControlFlow<()>,
    {
        let ends = (!range.is_empty()).then(|| (self.find(range.start), self.find(range.end - 1)));
        let Some((Some((first, within)), Some((last, _)))) = ends else { return ControlFlow::Continue(()) };
        // The index of a node's first element, in front of the first node or behind the last one.
        let mut base = range.start - within;
        match from {
            End::Head => {
                for node in self.nodes.range(first..=last) {
                    node.expanded().view().walk(base, range, from, visit)?;
                    base += node.len();
                }
            }
            End::Tail => {
                base += self.nodes.range(first..=last).map(Node::len).sum::<usize>();
                for node in self.nodes.range(first..=last).rev() {
                    base -= node.len();
                    node.expanded().view().walk(base, range, from, visit)?;
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// Replaces the element at an index that is there.
    pub(super) fn set(&mut self, index: usize, element: &[u8]) {
        let Some((number, within)) = self.find(index) else { return };
        let fill = self.fill();
        if self.nodes[number].replace(within, element, fill) {
            self.balance(number..number + 1);
        } else {
            self.insert(index, element);
            self.remove(index + 1, 1);
        }
    }

    pub(super) fn insert(&mut self, index: usize, element: &[u8]) {
        let Some((number, within)) = self.find(index) else { return self.push(End::Tail, element) };
        self.len += 1;
        self.insert_at(number, within, element);
        self.balance(number.saturating_sub(1)..number + 3);
    }

    fn insert_at(&mut self, number: usize, within: usize, element: &[u8]) {
        let fill = self.fill();
        if self.nodes[number].admits(element, fill) {
            return self.nodes[number].insert(within, element);
        }
        if within == 0 {
            match number.checked_sub(1).map(|before| &mut self.nodes[before]) {
                Some(before) if before.admits(element, fill) => before.insert(usize::MAX, element),
                _ => self.nodes.insert(number, Node::of(element, fill)),
            }
            return;
        }
        let tail = self.nodes[number].split(within);
        self.nodes.insert(number + 1, tail);
        if self.nodes[number].admits(element, fill) {
            self.nodes[number].insert(usize::MAX, element);
        } else {
            self.nodes.insert(number + 1, Node::of(element, fill));
        }
    }

    pub(super) fn remove(&mut self, index: usize, count: usize) -> usize {
        let Some((first, mut within)) = self.find(index) else { return 0 };
        let (mut left, mut number) = (count.min(self.len - index), first);
        let removed = left;
        let mut empty = number..number;
        while left > 0 {
            let node = &mut self.nodes[number];
            if within == 0 && left >= node.len() {
                left -= node.len();
                empty = if empty.is_empty() { number..number + 1 } else { empty.start..number + 1 };
            } else {
                left -= node.remove(within, left);
            }
            (number, within) = (number + 1, 0);
        }
        self.nodes.drain(empty);
        self.len -= removed;
        self.balance(first..first + 2);
        removed
    }

    /// After a change: expands the nodes at the ends, and compresses those of the middle that were changed or have come
    /// to be there.
    fn balance(&mut self, changed: Range<usize>) {
        let (len, depth) = (self.nodes.len(), self.depth);
        if depth == 0 {
            return;
        }
        let end = depth.min(len);
        self.nodes.range_mut(..end).for_each(Node::expand);
        self.nodes.range_mut(len - end..).for_each(Node::expand);
        let middle = depth..len.saturating_sub(depth);
        let moved = (middle.start..middle.start + MOVED).chain(middle.end.saturating_sub(MOVED)..middle.end);
        for number in moved.chain(changed) {
            if middle.contains(&number) {
                self.nodes[number].compress();
            }
        }
    }

    /// Whether the ends are expanded and the middle is compressed as far as that is worth it.
    #[cfg(test)]
    pub(super) fn is_balanced(&self) -> bool {
        let middle = self.depth..self.nodes.len().saturating_sub(self.depth);
        self.nodes.iter().enumerate().all(|(number, node)| match self.depth > 0 && middle.contains(&number) {
            true => node.is_as_small_as_can_be(),
            false => !node.is_compressed(),
        })
    }
}
