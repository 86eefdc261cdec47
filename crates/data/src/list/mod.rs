//! Lists: one listpack while that is small ("listpack"), then a quicklist, which is a list of listpacks ("quicklist").
//!
//! How large a node may be says `list-max-listpack-size`; an element beyond that has a node of its own. A list comes
//! to be a quicklist when it would outgrow one node, and a listpack again when it has shrunk to half of one, as in
//! Redis's `t_list.c`, so that a list at the limit does not change to and fro.

mod node;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use codec::listpack::{Entry, Listpack};

use crate::Limits;
use node::Node;
pub use node::NodeRef;

/// An end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The left one, where index 0 is.
    Head,
    /// The right one.
    Tail,
}

/// A list.
#[derive(Clone, Debug)]
pub enum List {
    /// Few elements.
    Packed(Listpack),
    /// Many, or large ones.
    Quick(Box<Quicklist>),
}

/// Nodes, and how many elements they have in all.
#[derive(Clone, Debug, Default)]
pub struct Quicklist {
    nodes: VecDeque<Node>,
    len: usize,
}

/// How much a node takes: the directive `list-max-listpack-size`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    bytes: usize,
    elements: usize,
}

impl Fill {
    /// The bytes of a node that is limited by its elements (Redis's SIZE_SAFETY_LIMIT).
    const SAFETY: usize = 8192;

    /// By the directive's value: elements if positive, 4 to 64 KiB for -1 to -5.
    pub fn new(directive: i64) -> Fill {
        match directive {
            0.. => Fill {
                bytes: Fill::SAFETY,
                elements: usize::try_from(directive.max(1)).unwrap_or(usize::MAX),
            },
            _ => Fill { bytes: 2048 << directive.max(-5).unsigned_abs(), elements: usize::MAX },
        }
    }

    fn admits(self, bytes: usize, elements: usize) -> bool {
        bytes <= self.bytes && elements <= self.elements
    }

    fn is_large(self, element: &[u8]) -> bool {
        element.len() > self.bytes
    }

    fn half(self) -> Fill {
        Fill {
            bytes: self.bytes / 2,
            elements: if self.elements == usize::MAX { usize::MAX } else { self.elements / 2 },
        }
    }
}

impl Default for List {
    fn default() -> List {
        List::Packed(Listpack::new())
    }
}

impl List {
    /// An empty list that is a quicklist, for elements whose number is not known. [`List::settle`] comes at the end of all.
    pub fn quick() -> List {
        List::Quick(Box::default())
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        match self {
            List::Packed(listpack) => listpack.view().len(),
            List::Quick(quick) => quick.len,
        }
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        match self {
            List::Packed(_) => "listpack",
            List::Quick(_) => "quicklist",
        }
    }

    /// Bytes of memory on the heap.
    pub fn footprint(&self) -> usize {
        match self {
            List::Packed(listpack) => listpack.footprint(),
            List::Quick(quick) => {
                let nodes: usize = quick.nodes.iter().map(Node::footprint).sum();
                nodes + size_of::<Quicklist>() + quick.nodes.capacity() * size_of::<Node>()
            }
        }
    }

    /// See [`crate::Value::effort`].
    pub fn effort(&self) -> usize {
        match self {
            List::Packed(_) => 1,
            List::Quick(quick) => quick.nodes.len(),
        }
    }

    /// See [`crate::Value::each`].
    pub fn each(&self, visit: &mut dyn FnMut(&[&[u8]])) {
        self.iter().for_each(|entry| entry.with_bytes(|bytes| visit(&[bytes])));
    }

    /// Makes a quicklist of a listpack that would outgrow one node if these elements were added.
    pub fn expect<'e>(&mut self, elements: impl Iterator<Item = &'e [u8]>, limits: &Limits) {
        let List::Packed(listpack) = self else { return };
        let (bytes, count) =
            elements.fold((0, 0), |(bytes, count), element| (bytes + element.len(), count + 1));
        let fill = Fill::new(limits.list_max_listpack_size);
        if !fill.admits(listpack.as_bytes().len() + bytes, listpack.view().len() + count) {
            let mut quick = Quicklist::default();
            quick.take(std::mem::take(listpack));
            *self = List::Quick(Box::new(quick));
        }
    }

    /// Makes a listpack of a quicklist that has shrunk to half a node: called after elements were removed.
    pub fn shrink(&mut self, limits: &Limits) {
        self.join(Fill::new(limits.list_max_listpack_size).half());
    }

    /// Makes a listpack of a quicklist of one node: called after a list was read from elsewhere.
    pub fn settle(&mut self, limits: &Limits) {
        self.join(Fill::new(limits.list_max_listpack_size));
    }

    fn join(&mut self, most: Fill) {
        let List::Quick(quick) = self else { return };
        let [node] = quick.nodes.make_contiguous() else { return };
        let NodeRef::Packed(listpack) = node.view() else { return };
        if most.admits(listpack.as_bytes().len(), listpack.len()) {
            let node = quick.nodes.pop_front();
            *self = List::Packed(node.and_then(Node::into_packed).unwrap_or_default());
        }
    }

    /// Adds an element at an end. Whoever adds calls [`List::expect`] first.
    #[inline]
    pub fn push(&mut self, end: End, element: &[u8], limits: &Limits) {
        match self {
            List::Packed(listpack) => match end {
                End::Head => listpack.push_front(element),
                End::Tail => listpack.push_back(element),
            },
            List::Quick(quick) => quick.push(end, element, Fill::new(limits.list_max_listpack_size)),
        }
    }

    /// The element at an index; -1 is the last.
    pub fn get(&self, index: i64) -> Option<Entry<'_>> {
        let index = self.index(index)?;
        match self {
            List::Packed(listpack) => listpack.view().at(index as i64),
            List::Quick(quick) => {
                let (node, within) = quick.find(index)?;
                quick.nodes[node].view().iter().nth(within)
            }
        }
    }

    /// An index counted from the head, if there is such an element.
    fn index(&self, index: i64) -> Option<usize> {
        let len = self.len() as i64;
        let from_head = if index < 0 { len.checked_add(index)? } else { index };
        (0..len).contains(&from_head).then_some(from_head as usize)
    }

    /// Replaces the element at an index; answers whether there was one. Whoever replaces calls [`List::expect`] first, and
    /// [`List::shrink`] then.
    pub fn set(&mut self, index: i64, element: &[u8], limits: &Limits) -> bool {
        let Some(index) = self.index(index) else { return false };
        match self {
            List::Packed(listpack) => {
                if let Some(position) = listpack.view().seek(index as i64) {
                    listpack.replace(position, element);
                }
            }
            List::Quick(quick) => {
                let fill = Fill::new(limits.list_max_listpack_size);
                let Some((node, within)) = quick.find(index) else { return false };
                if !quick.nodes[node].replace(within, element, fill) {
                    quick.insert(index, element, fill);
                    quick.remove(index + 1, 1);
                }
            }
        }
        true
    }

    /// Inserts an element in front of the one at `index`, counted from the head, or behind all. Whoever inserts calls
    /// [`List::expect`] first.
    pub fn insert(&mut self, index: usize, element: &[u8], limits: &Limits) {
        match self {
            List::Packed(listpack) => {
                match listpack.view().seek(index as i64).filter(|_| index < listpack.view().len()) {
                    Some(position) => listpack.insert_before(position, element),
                    None => listpack.push_back(element),
                }
            }
            List::Quick(quick) => quick.insert(index, element, Fill::new(limits.list_max_listpack_size)),
        }
    }

    /// Removes up to `count` elements from the one at `index` on, counted from the head; tells how many.
    pub fn remove(&mut self, index: usize, count: usize) -> usize {
        match self {
            List::Packed(listpack) if index < listpack.view().len() => {
                listpack.delete_range(index as i64, count)
            }
            List::Packed(_) => 0,
            List::Quick(quick) => quick.remove(index, count),
        }
    }

    /// Removes elements that are equal to one, at most `most`, from an end on; tells how many.
    pub fn remove_equal(&mut self, element: &[u8], from: End, most: usize) -> usize {
        let element = Entry::Bytes(element).canonical();
        let equal = |(index, entry): (usize, Entry<'_>)| (entry == element).then_some(index);
        let mut found: Vec<usize> = match from {
            End::Head => self.iter().enumerate().filter_map(equal).take(most).collect(),
            End::Tail => {
                let indices = (0..self.len()).rev().zip(self.iter().rev());
                indices.filter_map(equal).take(most).collect()
            }
        };
        found.sort_unstable();
        // From the last on, so that the indices before stay true.
        found.iter().rev().for_each(|index| {
            self.remove(*index, 1);
        });
        found.len()
    }

    /// The elements, from either end.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Entry<'_>> {
        self.nodes().flat_map(NodeRef::iter)
    }

    /// Elements from an index on, counted from the head: nodes before it are passed over whole.
    pub fn iter_from(&self, index: usize) -> impl Iterator<Item = Entry<'_>> {
        let (node, within) = match self {
            List::Packed(_) => (0, index),
            List::Quick(quick) => quick.find(index).unwrap_or((quick.nodes.len(), 0)),
        };
        self.nodes().skip(node).flat_map(NodeRef::iter).skip(within)
    }

    /// The nodes, as RDB files have them; a listpack is one.
    pub fn nodes(&self) -> impl DoubleEndedIterator<Item = NodeRef<'_>> {
        let (one, many) = match self {
            List::Packed(listpack) => (Some(NodeRef::Packed(listpack.view())), None),
            List::Quick(quick) => (None, Some(quick.nodes.iter().map(Node::view))),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }

    /// How many nodes there are.
    pub fn node_count(&self) -> usize {
        match self {
            List::Packed(_) => 1,
            List::Quick(quick) => quick.nodes.len(),
        }
    }

    /// Adds the elements of a node out of an RDB file at the tail. [`List::settle`] comes at the end of all.
    pub fn append(&mut self, node: NodeRef<'_>, limits: &Limits) {
        if let List::Packed(listpack) = self {
            let mut quick = Quicklist::default();
            quick.take(std::mem::take(listpack));
            *self = List::Quick(Box::new(quick));
        }
        let List::Quick(quick) = self else { return };
        match node {
            NodeRef::Packed(listpack) => quick.take(Listpack::trusted(listpack.as_bytes())),
            NodeRef::Plain(element) => {
                quick.push(End::Tail, element, Fill::new(limits.list_max_listpack_size))
            }
        }
    }
}

impl Quicklist {
    /// Takes a listpack over as the last node.
    fn take(&mut self, listpack: Listpack) {
        let node = Node::packed(listpack);
        if node.len() > 0 {
            self.len += node.len();
            self.nodes.push_back(node);
        }
    }

    fn push(&mut self, end: End, element: &[u8], fill: Fill) {
        let (node, index) = match end {
            End::Head => (self.nodes.front_mut(), 0),
            End::Tail => (self.nodes.back_mut(), usize::MAX),
        };
        match node.filter(|node| node.admits(element, fill)) {
            Some(node) => node.insert(index, element),
            None if end == End::Head => self.nodes.push_front(Node::of(element, fill)),
            None => self.nodes.push_back(Node::of(element, fill)),
        }
        self.len += 1;
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

    fn insert(&mut self, index: usize, element: &[u8], fill: Fill) {
        let Some((number, within)) = self.find(index) else { return self.push(End::Tail, element, fill) };
        self.len += 1;
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

    fn remove(&mut self, index: usize, count: usize) -> usize {
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
        removed
    }
}
