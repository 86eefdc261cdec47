//! Lists: one listpack while that is small ("listpack"), then a quicklist, which is a list of listpacks ("quicklist").
//!
//! How large a node may be says `list-max-listpack-size`; an element beyond that has a node of its own. A list comes
//! to be a quicklist when it would outgrow one node, and a listpack again when it has shrunk to half of one, as in
//! Redis's `t_list.c`, so that a list at the limit does not change to and fro. A quicklist keeps the limits that it began
//! with.
//!
//! Nodes may be compressed ([`quick`]), so elements are lent to a closure, node by node, and to no iterator.

mod fill;
mod node;
mod quick;
#[cfg(test)]
mod tests;

use std::ops::{ControlFlow, Range};

use codec::listpack::{Entry, Listpack};

use crate::Limits;
use crate::Step;
use fill::Fill;
use node::Node;
pub use node::NodeRef;
pub use quick::{Facts, Quicklist};

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

impl Default for List {
    fn default() -> List {
        List::Packed(Listpack::new())
    }
}

impl List {
    /// An empty list that is a quicklist, for elements whose number is not known. [`List::settle`] comes at the end of all.
    pub fn quick(limits: &Limits) -> List {
        List::Quick(Box::new(Quicklist::new(limits)))
    }

    /// The quicklist, if it is one.
    pub fn as_quick(&self) -> Option<&Quicklist> {
        if let List::Quick(quick) = self { Some(quick) } else { None }
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        match self {
            List::Packed(listpack) => listpack.view().len(),
            List::Quick(quick) => quick.len(),
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
            List::Quick(quick) => quick.footprint(),
        }
    }

    /// See [`crate::Value::ahead`].
    pub fn ahead(&self, _: Step, _: &[u8]) -> Option<usize> {
        Some(match self {
            List::Packed(listpack) => listpack.address(),
            List::Quick(quick) => std::ptr::from_ref(&**quick) as usize,
        })
    }

    /// See [`crate::Value::is_deep`].
    pub fn is_deep(&self) -> bool {
        false
    }

    /// See [`crate::Value::effort`].
    pub fn effort(&self) -> usize {
        match self {
            List::Packed(_) => 1,
            List::Quick(quick) => quick.node_count(),
        }
    }

    /// See [`crate::Value::each`].
    pub fn each(&self, visit: &mut dyn FnMut(&[&[u8]])) {
        self.visit(0..self.len(), End::Head, |entry| entry.with_bytes(|bytes| visit(&[bytes])));
    }

    /// Makes a quicklist of a listpack that would outgrow one node if these elements were added.
    pub fn expect<'e>(&mut self, elements: impl Iterator<Item = &'e [u8]>, limits: &Limits) {
        let List::Packed(listpack) = self else { return };
        let (bytes, count) =
            elements.fold((0, 0), |(bytes, count), element| (bytes + element.len(), count + 1));
        let fill = Fill::new(limits.list_max_listpack_size);
        if !fill.admits(listpack.as_bytes().len() + bytes, listpack.view().len() + count) {
            self.make_quick(limits);
        }
    }

    fn make_quick(&mut self, limits: &Limits) {
        if let List::Packed(listpack) = self {
            let mut quick = Quicklist::new(limits);
            quick.append(Node::packed(std::mem::take(listpack)));
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
        if let Some(listpack) = quick.take_only(most) {
            *self = List::Packed(listpack);
        }
    }

    /// Adds an element at an end. Whoever adds calls [`List::expect`] first.
    #[inline]
    pub fn push(&mut self, end: End, element: &[u8]) {
        match self {
            List::Packed(listpack) => match end {
                End::Head => listpack.push_front(element),
                End::Tail => listpack.push_back(element),
            },
            List::Quick(quick) => quick.push(end, element),
        }
    }

    /// Lends the element at an index; -1 is the last.
    pub fn with<R>(&self, index: i64, work: impl FnOnce(Entry<'_>) -> R) -> Option<R> {
        let index = self.index(index)?;
        match self {
            List::Packed(listpack) => listpack.view().at(index as i64).map(work),
            List::Quick(quick) => quick.with(index, work),
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
    pub fn set(&mut self, index: i64, element: &[u8]) -> bool {
        let Some(index) = self.index(index) else { return false };
        match self {
            List::Packed(listpack) => {
                if let Some(position) = listpack.view().seek(index as i64) {
                    listpack.replace(position, element);
                }
            }
            List::Quick(quick) => quick.set(index, element),
        }
        true
    }

    /// Inserts an element in front of the one at `index`, counted from the head, or behind all. Whoever inserts calls
    /// [`List::expect`] first.
    pub fn insert(&mut self, index: usize, element: &[u8]) {
        match self {
            List::Packed(listpack) => {
                match listpack.view().seek(index as i64).filter(|_| index < listpack.view().len()) {
                    Some(position) => listpack.insert_before(position, element),
                    None => listpack.push_back(element),
                }
            }
            List::Quick(quick) => quick.insert(index, element),
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
        let mut found = self.find_equal(element, from, usize::MAX, 0, most);
        found.sort_unstable();
        // From the last on, so that the indices before stay true.
        found.iter().rev().for_each(|index| {
            self.remove(*index, 1);
        });
        found.len()
    }

    /// The indices of elements that are equal to one, in order from an end on: of the first `among` elements, without
    /// the first `skip` found, at most `most`.
    pub fn find_equal(
        &self,
        element: &[u8],
        from: End,
        among: usize,
        mut skip: usize,
        most: usize,
    ) -> Vec<usize> {
        let (element, len, mut found) = (Entry::Bytes(element).canonical(), self.len(), Vec::new());
        let among = among.min(len);
        let range = if from == End::Head { 0..among } else { len - among..len };
        let _ = self.walk(range, from, &mut |index, entry| {
            if found.len() == most {
                return ControlFlow::Break(());
            }
            if entry == element && skip > 0 {
                skip -= 1;
            } else if entry == element {
                found.push(index);
            }
            ControlFlow::Continue(())
        });
        found
    }

    /// Lends the elements in a range of indices, from either end of it.
    pub fn visit(&self, range: Range<usize>, from: End, mut visit: impl FnMut(Entry<'_>)) {
        let _ = self.walk(range, from, &mut |_, entry| {
            visit(entry);
            ControlFlow::Continue(())
        });
    }

    /// The same with the indices, until told to stop. Nodes outside the range are passed over whole.
    fn walk<F>(&self, range: Range<usize>, from: End, visit: &mut F) -> ControlFlow<()>
    where
        F: FnMut(usize, Entry<'_>) -> ControlFlow<()>,
    {
        match self {
            List::Packed(listpack) => NodeRef::Packed(listpack.view()).walk(0, &range, from, visit),
            List::Quick(quick) => quick.walk(&range, from, visit),
        }
    }

    /// Lends the nodes, as RDB files have them; a listpack is one.
    pub fn each_node(&self, mut visit: impl FnMut(NodeRef<'_>)) {
        match self {
            List::Packed(listpack) => visit(NodeRef::Packed(listpack.view())),
            List::Quick(quick) => quick.each_node(visit),
        }
    }

    /// How many nodes there are.
    pub fn node_count(&self) -> usize {
        match self {
            List::Packed(_) => 1,
            List::Quick(quick) => quick.node_count(),
        }
    }

    /// Adds the elements of a node out of an RDB file at the tail. [`List::settle`] comes at the end of all.
    pub fn append(&mut self, node: NodeRef<'_>, limits: &Limits) {
        self.make_quick(limits);
        let List::Quick(quick) = self else { return };
        match node {
            NodeRef::Packed(listpack) => quick.append(Node::packed(Listpack::trusted(listpack.as_bytes()))),
            NodeRef::Plain(element) => quick.push(End::Tail, element),
        }
    }
}
