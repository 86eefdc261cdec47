//! A node of a quicklist: a listpack of some elements, or one element that is too large for one; either may be
//! compressed. Which nodes are worth it decides Redis's `quicklist.c`: those of 48 bytes that become shorter by more than 8.

use std::ops::{ControlFlow, Range};

use codec::blob::Blob;
use codec::listpack::{self, Entry, Listpack, ListpackRef};
use codec::lzf;

use super::End;
use super::fill::Fill;

/// Bytes of the shortest node that is compressed (Redis's MIN_COMPRESS_BYTES).
const MIN_COMPRESSED: usize = 48;
/// Bytes that compression must save, and one more (MIN_COMPRESS_IMPROVE).
const MIN_SAVED: usize = 8;

/// A node. Never empty while it stands in a list.
#[derive(Clone, Debug)]
pub struct Node {
    body: Body,
    len: u32,
    /// Compression was tried, in vain.
    is_incompressible: bool,
}

#[derive(Clone, Debug)]
enum Body {
    Packed(Listpack),
    Plain(Blob),
    Compressed {
        /// An LZF stream.
        stream: Blob,
        /// Bytes that it expands to.
        size: u32,
        /// Of a plain node.
        is_plain: bool,
    },
}

/// A node to look into: itself, or an expanded copy.
pub enum Expanded<'a> {
    /// It was not compressed.
    Itself(&'a Node),
    /// It was.
    Copy(Node),
}

impl Expanded<'_> {
    /// What it holds.
    pub fn view(&self) -> NodeRef<'_> {
        match self {
            Expanded::Itself(node) => node.view(),
            Expanded::Copy(node) => node.view(),
        }
    }
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
            return Node::from(Body::Plain(Blob::new(element)), 1);
        }
        let mut listpack = Listpack::new();
        listpack.push_back(element);
        Node::packed(listpack)
    }

    /// A node of a listpack's elements.
    pub fn packed(listpack: Listpack) -> Node {
        let len = listpack.view().len() as u32;
        Node::from(Body::Packed(listpack), len)
    }

    fn from(body: Body, len: u32) -> Node {
        Node { body, len, is_incompressible: false }
    }

    /// How many elements it has.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// To look into.
    pub fn expanded(&self) -> Expanded<'_> {
        if !self.is_compressed() {
            return Expanded::Itself(self);
        }
        let mut copy = self.clone();
        copy.expand();
        Expanded::Copy(copy)
    }

    /// What it holds: nothing while it is compressed.
    fn view(&self) -> NodeRef<'_> {
        match &self.body {
            Body::Packed(listpack) => NodeRef::Packed(listpack.view()),
            Body::Plain(bytes) => NodeRef::Plain(bytes),
            Body::Compressed { .. } => NodeRef::Plain(&[]),
        }
    }

    /// Whether it is compressed.
    pub fn is_compressed(&self) -> bool {
        matches!(self.body, Body::Compressed { .. })
    }

    /// Compresses it where that is worth it.
    pub fn compress(&mut self) {
        let (bytes, is_plain) = match &self.body {
            Body::Packed(listpack) => (listpack.view().as_bytes(), false),
            Body::Plain(bytes) => (&**bytes, true),
            Body::Compressed { .. } => return,
        };
        let Ok(size) = u32::try_from(bytes.len()) else { return };
        if self.is_incompressible || bytes.len() < MIN_COMPRESSED {
            return;
        }
        let stream = lzf::compress(bytes, bytes.len());
        match stream.filter(|stream| stream.len() + MIN_SAVED < bytes.len()) {
            Some(stream) => self.body = Body::Compressed { stream: Blob::new(&stream), size, is_plain },
            None => self.is_incompressible = true,
        }
    }

    /// Expands it, to be changed.
    pub fn expand(&mut self) {
        self.is_incompressible = false;
        let Body::Compressed { stream, size, is_plain } = &self.body else { return };
        let bytes = lzf::decompress(stream, *size as usize).expect("what was compressed here expands");
        self.body = match is_plain {
            true => Body::Plain(Blob::new(&bytes)),
            false => Body::Packed(Listpack::trusted(&bytes)),
        };
    }

    /// Whether nothing is left to compress.
    #[cfg(test)]
    pub fn is_as_small_as_can_be(&self) -> bool {
        self.is_compressed() || self.is_incompressible || self.size() < MIN_COMPRESSED
    }

    /// Takes its listpack out, if it has one; the node is empty then.
    pub fn take_packed(&mut self) -> Option<Listpack> {
        match &mut self.body {
            Body::Packed(listpack) => Some(std::mem::take(listpack)),
            Body::Plain(_) | Body::Compressed { .. } => None,
        }
    }

    /// Bytes of what it holds, expanded.
    pub fn size(&self) -> usize {
        match &self.body {
            Body::Packed(listpack) => listpack.as_bytes().len(),
            Body::Plain(bytes) => bytes.len(),
            Body::Compressed { size, .. } => *size as usize,
        }
    }

    /// Bytes on the heap.
    pub fn footprint(&self) -> usize {
        match &self.body {
            Body::Packed(listpack) => listpack.footprint(),
            Body::Plain(bytes) | Body::Compressed { stream: bytes, .. } => bytes.footprint(),
        }
    }

    /// Whether it takes one more element.
    pub fn admits(&self, element: &[u8], fill: Fill) -> bool {
        let is_plain = matches!(self.body, Body::Plain(_) | Body::Compressed { is_plain: true, .. });
        !is_plain
            && !fill.is_large(element)
            && fill.admits(self.size() + element.len() + OVERHEAD, self.len() + 1)
    }

    /// Puts an element that it admits in front of the one with this index, or behind all.
    pub fn insert(&mut self, index: usize, element: &[u8]) {
        self.expand();
        let Body::Packed(listpack) = &mut self.body else { return };
        match listpack.view().seek(index as i64).filter(|_| index < self.len as usize) {
            Some(position) => listpack.insert_before(position, element),
            None => listpack.push_back(element),
        }
        self.len += 1;
    }

    /// Replaces an element where the node stays within its limit; else `false`.
    pub fn replace(&mut self, index: usize, element: &[u8], fill: Fill) -> bool {
        self.expand();
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
        self.expand();
        let removed = match &mut self.body {
            Body::Packed(listpack) => listpack.delete_range(index as i64, count),
            Body::Plain(_) | Body::Compressed { .. } => count.min(1),
        };
        self.len -= removed as u32;
        removed
    }

    /// Splits off the elements from the one with this index on, which is neither the first nor behind the last.
    pub fn split(&mut self, index: usize) -> Node {
        self.expand();
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

    /// How many elements it has.
    fn len(self) -> usize {
        match self {
            NodeRef::Packed(listpack) => listpack.len(),
            NodeRef::Plain(_) => 1,
        }
    }

    /// Visits the elements in a range of the list's indices, of which its own begin at `base`, from either end.
    pub(super) fn walk<F>(
        self,
        base: usize,
        range: &Range<usize>,
        from: End,
        visit: &mut F,
    ) -> ControlFlow<()>
    where
        F: FnMut(usize, Entry<'_>) -> ControlFlow<()>,
    {
        let end = base + self.len();
        let (start, stop) = (range.start.clamp(base, end), range.end.clamp(base, end));
        let count = stop.saturating_sub(start);
        match from {
            End::Head => {
                let mut part = (start..).zip(self.iter().skip(start - base).take(count));
                part.try_for_each(|(index, entry)| visit(index, entry))
            }
            End::Tail => {
                let mut part = (0..stop).rev().zip(self.iter().rev().skip(end - stop).take(count));
                part.try_for_each(|(index, entry)| visit(index, entry))
            }
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
