//! Bytes on the heap behind one thin pointer: a listpack's or an intset's.
//!
//! A key with a small collection holds just this pointer, and the allocation is as long as the bytes need, with four
//! more in front for their number: `Vec` would spend 24 bytes beside the key, and its spare room besides. Growing asks
//! the allocator each time; within a size class (every 8 bytes, for small ones) it has nothing to do.

#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error, realloc};
use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// The bytes in front that hold the length.
const LENGTH: usize = 4;
const ALIGN: usize = 8;

/// Bytes that are owned, up to 4 GiB of them; an empty one allocates too.
pub struct Blob(NonNull<u8>);

// SAFETY: it owns its bytes, as a `Vec<u8>` does.
unsafe impl Send for Blob {}
// SAFETY: as above.
unsafe impl Sync for Blob {}

/// What is allocated for so many bytes.
///
/// # Panics
/// Beyond 4 GiB.
fn layout(len: usize) -> Layout {
    assert!(u32::try_from(len).is_ok(), "a blob stays below 4 GiB");
    Layout::from_size_align((LENGTH + len).next_multiple_of(ALIGN), ALIGN).expect("below 4 GiB")
}

impl Blob {
    /// A copy of `bytes`.
    ///
    /// # Panics
    /// Beyond 4 GiB.
    pub fn new(bytes: &[u8]) -> Self {
        let layout = layout(bytes.len());
        // SAFETY: the layout is not empty, and has room for the length and the bytes.
        unsafe {
            let Some(p) = NonNull::new(alloc(layout)) else { handle_alloc_error(layout) };
            p.cast::<u32>().write(bytes.len() as u32);
            p.as_ptr().add(LENGTH).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            Self(p)
        }
    }

    /// The pointer, which owns the bytes from now on.
    pub fn into_pointer(self) -> NonNull<u8> {
        ManuallyDrop::new(self).0
    }

    /// The blob again.
    ///
    /// # Safety
    /// The pointer came from [`Blob::into_pointer`], and the blob is taken back once.
    pub unsafe fn from_pointer(pointer: NonNull<u8>) -> Self {
        Self(pointer)
    }

    /// The bytes of the blob behind a pointer.
    ///
    /// # Safety
    /// The pointer came from [`Blob::into_pointer`], and the blob lives and stays as it is as long as its bytes are used.
    #[inline]
    pub unsafe fn bytes_behind<'a>(pointer: NonNull<u8>) -> &'a [u8] {
        // SAFETY: `new` and `resize` wrote the length and as many bytes.
        unsafe {
            let len = pointer.cast::<u32>().read() as usize;
            std::slice::from_raw_parts(pointer.as_ptr().add(LENGTH), len)
        }
    }

    /// Bytes of memory that a blob of so many bytes takes, the pointer not counted.
    pub fn footprint_of(len: usize) -> usize {
        layout(len).size()
    }

    /// Where it stands in memory: for prefetching.
    #[inline]
    pub fn address(&self) -> usize {
        self.0.as_ptr() as usize
    }

    /// Bytes of memory that it takes, the pointer not counted.
    pub fn footprint(&self) -> usize {
        layout(self.len()).size()
    }

    /// Makes the `old` bytes at an offset `new` ones, of no particular value.
    ///
    /// # Panics
    /// Outside the bytes, or beyond 4 GiB.
    pub fn resize_gap(&mut self, at: usize, old: usize, new: usize) {
        let len = self.len();
        if new > old {
            self.resize(len + (new - old));
            self.copy_within(at + old..len, at + new);
        } else if new < old {
            self.copy_within(at + old..len, at + new);
            self.resize(len - (old - new));
        }
    }

    /// Makes it `len` bytes long; new ones are zero.
    fn resize(&mut self, len: usize) {
        let (before, now) = (self.len(), layout(len));
        // SAFETY: the allocation has the layout of its present length; what is new in it is written before anyone reads.
        unsafe {
            if now != layout(before) {
                let grown = realloc(self.0.as_ptr(), layout(before), now.size());
                let Some(p) = NonNull::new(grown) else { handle_alloc_error(now) };
                self.0 = p;
            }
            if len > before {
                self.0.as_ptr().add(LENGTH + before).write_bytes(0, len - before);
            }
            self.0.cast::<u32>().write(len as u32);
        }
    }
}

impl Drop for Blob {
    fn drop(&mut self) {
        // SAFETY: allocated with the layout of this length, and given back once.
        unsafe { dealloc(self.0.as_ptr(), layout(self.len())) }
    }
}

impl Deref for Blob {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the blob is borrowed as long as its bytes are.
        unsafe { Self::bytes_behind(self.0) }
    }
}

impl DerefMut for Blob {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`; the exclusive borrow makes the caller the only one here.
        unsafe {
            let len = self.0.cast::<u32>().read() as usize;
            std::slice::from_raw_parts_mut(self.0.as_ptr().add(LENGTH), len)
        }
    }
}

impl Clone for Blob {
    fn clone(&self) -> Self {
        Self::new(self)
    }
}

impl PartialEq for Blob {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Blob {}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn gaps_open_and_close_as_in_a_vec(
            start in prop::collection::vec(any::<u8>(), 0..40),
            edits in prop::collection::vec((any::<prop::sample::Index>(), 0usize..30, 0usize..30), 0..20),
        ) {
            let (mut blob, mut model) = (Blob::new(&start), start);
            for (at, old, new) in edits {
                let at = at.index(model.len() + 1);
                let old = old.min(model.len() - at);
                blob.resize_gap(at, old, new);
                blob[at..at + new].fill(7);
                model.splice(at..at + old, std::iter::repeat_n(7, new));
                prop_assert_eq!(&*blob, model.as_slice());
                prop_assert_eq!(&blob.clone(), &blob);
                prop_assert_eq!(blob.footprint(), (model.len() + 4).next_multiple_of(8));
            }
        }
    }
}
