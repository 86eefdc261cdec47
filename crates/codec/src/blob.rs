//! Bytes on the heap behind one thin pointer: a listpack's, an intset's, a member's.
//!
//! A key with a small collection holds just this pointer, and the allocation is the smallest that has room for the bytes
//! and their number: `Vec` would spend 24 bytes beside the key, and its spare room besides. What is asked for is a size
//! class of the allocator, so that within one growing has nothing to do, and does not ask.
//!
//! The number is the allocation's first four bytes. They stand in front of the bytes ([`Blob`]) or, where the bytes begin
//! with it anyway, as a listpack's do, are the first of them ([`SizedBlob`]).

#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error, realloc};
use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut, Range};
use std::ptr::NonNull;

/// The bytes that hold the number, a `u32` in the machine's order, which is little-endian.
const LENGTH: usize = 4;
const ALIGN: usize = 8;

/// Bytes that are owned, up to 4 GiB of them; an empty one allocates too.
pub type Blob = Bytes<LENGTH>;

/// The same, of which the first four are their number, as a little-endian `u32`.
pub type SizedBlob = Bytes<0>;

/// Bytes of which the first stands `FROM` bytes behind the beginning of the allocation: 0 or 4.
pub struct Bytes<const FROM: usize>(NonNull<u8>);

// SAFETY: it owns its bytes, as a `Vec<u8>` does.
unsafe impl<const FROM: usize> Send for Bytes<FROM> {}
// SAFETY: as above.
unsafe impl<const FROM: usize> Sync for Bytes<FROM> {}

/// The next of jemalloc's size classes: multiples of 16 up to 128, and from there on four to each doubling.
#[inline]
fn size_class(size: usize) -> usize {
    match size {
        0..=8 => 8,
        9..=128 => size.next_multiple_of(16),
        _ => size.next_multiple_of(size.next_power_of_two() / 8),
    }
}

impl<const FROM: usize> Bytes<FROM> {
    /// Bytes that are not to be written but by the type itself: they hold the number.
    const HELD: usize = LENGTH - FROM;

    /// What is allocated for so many bytes.
    ///
    /// # Panics
    /// Beyond 4 GiB.
    #[inline]
    fn layout(len: usize) -> Layout {
        assert!(u32::try_from(len).is_ok(), "a blob stays below 4 GiB");
        Layout::from_size_align(size_class(FROM + len), ALIGN).expect("a few GiB at most")
    }

    /// A copy of `bytes`.
    ///
    /// # Panics
    /// Beyond 4 GiB, and below four bytes where these are their number.
    pub fn new(bytes: &[u8]) -> Self {
        assert!(bytes.len() >= Self::HELD, "the bytes begin with their number");
        let layout = Self::layout(bytes.len());
        // SAFETY: the layout is not empty, and has room for the length and the bytes.
        unsafe {
            let Some(p) = NonNull::new(alloc(layout)) else { handle_alloc_error(layout) };
            p.as_ptr().add(FROM).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            p.cast::<u32>().write(bytes.len() as u32);
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
    /// The pointer came from [`Bytes::into_pointer`] of the same type, and the blob is taken back once.
    pub unsafe fn from_pointer(pointer: NonNull<u8>) -> Self {
        Self(pointer)
    }

    /// The bytes of the blob behind a pointer.
    ///
    /// # Safety
    /// The pointer came from [`Bytes::into_pointer`] of the same type, and the blob lives and stays as it is as long as its
    /// bytes are used.
    #[inline]
    pub unsafe fn bytes_behind<'a>(pointer: NonNull<u8>) -> &'a [u8] {
        // SAFETY: `new` and `resize` wrote the length and as many bytes.
        unsafe {
            let len = pointer.cast::<u32>().read() as usize;
            std::slice::from_raw_parts(pointer.as_ptr().add(FROM), len)
        }
    }

    /// Bytes of memory that a blob of so many bytes takes, the pointer not counted.
    pub fn footprint_of(len: usize) -> usize {
        Self::layout(len).size()
    }

    /// Where it stands in memory: for prefetching.
    #[inline]
    pub fn address(&self) -> usize {
        self.0.as_ptr() as usize
    }

    /// Bytes of memory that it takes, the pointer not counted.
    pub fn footprint(&self) -> usize {
        Self::footprint_of(self.len())
    }

    /// Some of the bytes, to write.
    ///
    /// # Panics
    /// Outside the bytes, and on those that are their number.
    pub fn range_mut(&mut self, range: Range<usize>) -> &mut [u8] {
        assert!(range.start >= Self::HELD, "the number of bytes is not written by hand");
        // SAFETY: the number, on which the others depend, is not among those handed out.
        unsafe { &mut self.all_mut()[range] }
    }

    /// All bytes, to write.
    ///
    /// # Safety
    /// Those that are their number stay as they are.
    #[inline]
    unsafe fn all_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes_behind`; the exclusive borrow makes the caller the only one here.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_ptr().add(FROM), self.len()) }
    }

    /// Makes the `old` bytes at an offset `new` ones, of no particular value.
    ///
    /// # Panics
    /// Outside the bytes, on those that are their number, or beyond 4 GiB.
    pub fn resize_gap(&mut self, at: usize, old: usize, new: usize) {
        let len = self.len();
        if new > old {
            self.resize(len + (new - old));
        }
        assert!(at >= Self::HELD, "the number of bytes is not written by hand");
        // SAFETY: nothing in front of `at` is written.
        unsafe { self.all_mut().copy_within(at + old..len, at + new) };
        if new < old {
            self.resize(len - (old - new));
        }
    }

    /// Makes it `len` bytes long; new ones are zero.
    fn resize(&mut self, len: usize) {
        let (before, now) = (Self::layout(self.len()), Self::layout(len));
        // SAFETY: the allocation has the layout of its present length; what is new in it is written before anyone reads.
        unsafe {
            if now != before {
                let grown = realloc(self.0.as_ptr(), before, now.size());
                let Some(p) = NonNull::new(grown) else { handle_alloc_error(now) };
                self.0 = p;
            }
            let before = self.len();
            if len > before {
                self.0.as_ptr().add(FROM + before).write_bytes(0, len - before);
            }
            self.0.cast::<u32>().write(len as u32);
        }
    }
}

impl<const FROM: usize> Drop for Bytes<FROM> {
    fn drop(&mut self) {
        // SAFETY: allocated with the layout of this length, and given back once.
        unsafe { dealloc(self.0.as_ptr(), Self::layout(self.len())) }
    }
}

impl<const FROM: usize> Deref for Bytes<FROM> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        // SAFETY: the blob is borrowed as long as its bytes are.
        unsafe { Self::bytes_behind(self.0) }
    }
}

impl DerefMut for Blob {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: their number stands in front.
        unsafe { self.all_mut() }
    }
}

impl<const FROM: usize> Clone for Bytes<FROM> {
    fn clone(&self) -> Self {
        Self::new(self)
    }
}

impl<const FROM: usize> PartialEq for Bytes<FROM> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<const FROM: usize> Eq for Bytes<FROM> {}

impl<const FROM: usize> fmt::Debug for Bytes<FROM> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_are_those_of_the_allocator() {
        let classes = [8, 16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640];
        for pair in classes.windows(2) {
            assert!((pair[0] + 1..=pair[1]).all(|size| size_class(size) == pair[1]), "{pair:?}");
        }
        assert_eq!([3000, 3585, 4097, 20_000].map(size_class), [3072, 4096, 5120, 20_480]);
    }

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
                prop_assert_eq!(blob.footprint(), size_class(model.len() + 4));
            }
        }

        #[test]
        fn bytes_that_begin_with_their_number_keep_it(
            edits in prop::collection::vec((any::<prop::sample::Index>(), 0usize..30, 0usize..30), 0..20),
        ) {
            let (mut blob, mut model) = (SizedBlob::new(&[9; 5]), vec![9; 1]);
            for (at, old, new) in edits {
                let at = at.index(model.len() + 1);
                let old = old.min(model.len() - at);
                blob.resize_gap(4 + at, old, new);
                blob.range_mut(4 + at..4 + at + new).fill(7);
                model.splice(at..at + old, std::iter::repeat_n(7, new));
                prop_assert_eq!(&blob[..4], &(4 + model.len() as u32).to_le_bytes());
                prop_assert_eq!(&blob[4..], model.as_slice());
                prop_assert_eq!(&blob.clone(), &blob);
                prop_assert_eq!(blob.footprint(), size_class(4 + model.len()));
            }
        }
    }
}
