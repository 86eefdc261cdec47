//! A member of a large sorted set: its score and its bytes in one allocation behind a thin pointer.
//!
//! ```text
//!  0        8        9
//! +--------+--------+-----------------+-------+
//! | score  | length | length, if long | bytes |
//! | f64    | u8     | u64, opt.       |       |
//! +--------+--------+-----------------+-------+
//! ```
//!
//! The tree and the index both point here, so a member is stored once; one of 16 bytes takes 32. A `Box<[u8]>` would
//! be twice as wide a pointer in both, and could not be owned by two.

#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::ptr::NonNull;

use crate::hashing::hash;
use crate::index::Item;

const LENGTH: usize = size_of::<f64>();
const SHORT: usize = LENGTH + 1;
const LONG: usize = SHORT + size_of::<u64>();
/// What the short length says of a member that is longer than it can say.
const IS_LONG: u8 = u8::MAX;

/// A member that is owned: the index has these, and a member goes with its owner.
pub(super) struct Owned(Member);

/// A pointer to a member, good as long as its owner is: the tree has these. [`super::large::Large`] lets no copy out,
/// and takes a member out of its tree before it drops the owner.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Member(NonNull<u8>);

// SAFETY: a member is plain memory that its sorted set owns.
unsafe impl Send for Member {}
// SAFETY: as above; nothing changes behind a shared borrow of the set.
unsafe impl Sync for Member {}

/// Where the bytes begin.
fn header(len: usize) -> usize {
    if len < usize::from(IS_LONG) { SHORT } else { LONG }
}

fn layout(len: usize) -> Layout {
    let size = header(len) + len;
    Layout::from_size_align(size.next_multiple_of(8), 8).expect("a member that is in memory fits there again")
}

impl Owned {
    /// Allocates a member.
    pub(super) fn new(bytes: &[u8], score: f64) -> Owned {
        let (len, layout) = (bytes.len(), layout(bytes.len()));
        // SAFETY: the layout has room for the header and the bytes, which `header` keeps apart.
        unsafe {
            let Some(p) = NonNull::new(alloc(layout)) else { handle_alloc_error(layout) };
            p.cast::<f64>().write(score);
            p.add(LENGTH).write(len.min(usize::from(IS_LONG)) as u8);
            if header(len) == LONG {
                p.add(SHORT).cast::<u64>().write_unaligned(len as u64);
            }
            p.add(header(len)).as_ptr().copy_from_nonoverlapping(bytes.as_ptr(), len);
            Owned(Member(p))
        }
    }
}

// SAFETY: a member is one allocation behind its pointer, and a look at it is that pointer.
unsafe impl Item for Owned {
    type Look<'a> = Member;

    fn into_pointer(self) -> NonNull<u8> {
        ManuallyDrop::new(self).0.0
    }

    unsafe fn from_pointer(pointer: NonNull<u8>) -> Self {
        Owned(Member(pointer))
    }

    unsafe fn look<'a>(pointer: NonNull<u8>) -> Self::Look<'a> {
        Member(pointer)
    }

    fn hash(member: Member) -> u64 {
        hash(member.bytes())
    }
}

impl Deref for Owned {
    type Target = Member;

    fn deref(&self) -> &Member {
        &self.0
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        let layout = layout(self.len());
        // SAFETY: allocated by `new` with this layout, and given back once, by its only owner.
        unsafe { dealloc(self.0.0.as_ptr(), layout) }
    }
}

impl Member {
    fn len(self) -> usize {
        // SAFETY: a live member has a header, and the wide length where the short one says so.
        unsafe {
            match self.0.add(LENGTH).read() {
                IS_LONG => self.0.add(SHORT).cast::<u64>().read_unaligned() as usize,
                short => usize::from(short),
            }
        }
    }

    /// The member's bytes.
    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        let len = self.len();
        // SAFETY: `new` wrote as many bytes behind the header; they live as long as who holds the pointer.
        unsafe { std::slice::from_raw_parts(self.0.add(header(len)).as_ptr(), len) }
    }

    /// Its score.
    #[inline]
    pub(super) fn score(&self) -> f64 {
        // SAFETY: `new` wrote it.
        unsafe { self.0.cast::<f64>().read() }
    }

    /// Changes its score; the set is borrowed exclusively then.
    pub(super) fn set_score(self, score: f64) {
        // SAFETY: as in `score`, and nobody else looks.
        unsafe { self.0.cast::<f64>().write(score) }
    }

    /// Bytes of memory that it takes.
    pub(super) fn footprint(&self) -> usize {
        layout(self.len()).size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_keeps_its_bytes() {
        for len in [0, 1, 7, 15, 16, 254, 255, 256, 70_000] {
            let bytes: Vec<u8> = (0..len).map(|i| i as u8).collect();
            let member = Owned::new(&bytes, -1.5);
            assert_eq!((member.bytes(), member.score()), (&bytes[..], -1.5));
            member.set_score(2.0);
            assert_eq!((member.bytes(), member.score()), (&bytes[..], 2.0));
            assert!((len + 9..len + 25).contains(&member.footprint()));
            let pointer = member.into_pointer();
            // SAFETY: the pointer is that of a moment ago, and the member is taken back once.
            assert_eq!(unsafe { Owned::from_pointer(pointer) }.bytes(), bytes);
        }
        assert_eq!(layout(15).size(), 24);
    }
}
