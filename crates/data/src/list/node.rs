//! A node of a quicklist: a listpack of some elements, or one element that is too large for one.

use codec::blob::Blob;
use codec::listpack::{self, Entry, Listpack, ListpackRef};

use super::Fill;

/// A node. Never empty while it stands in a list.
#[derive(Clone, Debug)]
pub struct Node {
    body: Body,
    len: u32,
}

#[derive(Clone, Debug)]
enum Body {
    Packed(Listpack),
    Plain(Blob),
}

/// What a node holds, as RDB files have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeRef<'a> {
    /// Several elements.
    Packed(ListpackRef<'a>),
    /// One large element.
    Plain(&'a [u8]),
}

impl Node {
    /// A node of one element.
    pub fn of(element: &[u8], fill: Fill) -> Node {
        if fill.is_large(element) {
            return Node { body: Body::Plain(Blob::new(element)), len: 1 };
        }
        let mut listpack = Listpack::new();
        listpack.push_back(element);
        Node::packed(listpack)
    }

    /// A node of a listpack's elements.
    pub fn packed(listpack: Listpack) -> Node {
        let len = listpack.view().len() as u32;
        Node { body: Body::Packed(listpack), len }
    }

    /// How many elements it has.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// What it holds.
    pub fn view(&self) -> NodeRef<'_> {
        match &self.body {
            Body::Packed(listpack) => NodeRef::Packed(listpack.view()),
            Body::Plain(bytes) => NodeRef::Plain(bytes),
        }
    }

    /// Its listpack, if it has one.
    pub fn into_packed(self) -> Option<Listpack> {
        match self.body {
            Body::Packed(listpack) => Some(listpack),
            Body::Plain(_) => None,
        }
    }

    /// Bytes on the heap.
    pub fn footprint(&self) -> usize {
        match &self.body {
            Body::Packed(listpack) => listpack.footprint(),
            Body::Plain(bytes) => bytes.footprint(),
        }
    }

    /// Whether it takes one more element.
    pub fn admits(&self, element: &[u8], fill: Fill) -> bool {
        match &self.body {
            Body::Packed(listpack) if !fill.is_large(element) => {
                fill.admits(listpack.as_bytes().len() + element.len() + OVERHEAD, self.len() + 1)
            }
            _ => false,
        }
    }

    /// Puts an element that it admits in front of the one with this index, or behind all.
    pub fn insert(&mut self, index: usize, element: &[u8]) {
        let Body::Packed(listpack) = &mut self.body else { return };
        match listpack.view().seek(index as i64).filter(|_| index < self.len as usize) {
            Some(position) => listpack.insert_before(position, element),
            None => listpack.push_back(element),
        }
        self.len += 1;
    }

    /// Replaces an element where the node stays within its limit; else `false`.
    pub fn replace(&mut self, index: usize, element: &[u8], fill: Fill) -> bool {
        let Body::Packed(listpack) = &mut self.body else {
            let stays = fill.is_large(element);
            if stays {
                self.body = Body::Plain(Blob::new(element));
            }
            return stays;
        };
        let fits = fill.admits(listpack.as_bytes().len() + element.len() + OVERHEAD, self.len as usize);
        let Some(position) = listpack.view().seek(index as i64).filter(|_| fits && !fill.is_large(element))
        else {
            return false;
        };
        listpack.replace(position, element);
        true
    }

    /// Removes up to `count` elements from the one with this index on; tells how many. The node may be empty then.
    pub fn remove(&mut self, index: usize, count: usize) -> usize {
        let removed = match &mut self.body {
            Body::Packed(listpack) => listpack.delete_range(index as i64, count),
            Body::Plain(_) => count.min(1),
        };
        self.len -= removed as u32;
        removed
    }

    /// Splits off the elements from the one with this index on, which is neither the first nor behind the last.
    pub fn split(&mut self, index: usize) -> Node {
        let mut tail = Listpack::new();
        self.view().iter().skip(index).for_each(|entry| tail.push_back(entry));
        self.remove(index, self.len());
        Node::packed(tail)
    }
}

/// What Redis adds to an element's length when it asks whether a node takes it.
const OVERHEAD: usize = 8;

impl<'a> NodeRef<'a> {
    /// The elements, from either end.
    pub fn iter(self) -> Iter<'a> {
        match self {
            NodeRef::Packed(listpack) => Iter::Packed(listpack.iter()),
            NodeRef::Plain(bytes) => Iter::Plain(Some(bytes)),
        }
    }
}

/// The elements of a node.
pub enum Iter<'a> {
    /// Of a listpack.
    Packed(listpack::Iter<'a>),
    /// Of one large element.
    Plain(Option<&'a [u8]>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        match self {
            Iter::Packed(elements) => elements.next(),
            Iter::Plain(element) => element.take().map(Entry::Bytes),
        }
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        match self {
            Iter::Packed(elements) => elements.next_back(),
            Iter::Plain(element) => element.take().map(Entry::Bytes),
        }
    }
}
