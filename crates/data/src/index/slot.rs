//! A slot of an index: an item's address, and in the 16 bits that an address leaves free a tag, in 8 bytes.

#![allow(unsafe_code)]

use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::num::NonZeroU64;
use std::ops::Deref;
use std::ptr::NonNull;

use codec::blob::Blob;

use crate::hashing::hash;

/// What an index keeps: an owned allocation behind one thin pointer.
///
/// # Safety
/// `from_pointer` gives back what `into_pointer` took, and `look` reads only what lies behind the pointer, so that it is
/// good for as long as the item is neither changed nor dropped.
pub(crate) unsafe trait Item: Sized + 'static {
    /// A look at an item.
    type Look<'a>: Copy;

    /// The pointer, which owns the item from now on.
    fn into_pointer(self) -> NonNull<u8>;

    /// The item again.
    ///
    /// # Safety
    /// The pointer came from `into_pointer`, and the item is taken back once.
    unsafe fn from_pointer(pointer: NonNull<u8>) -> Self;

    /// A look at the item behind the pointer.
    ///
    /// # Safety
    /// The pointer came from `into_pointer`, and the item is not changed while the look lives.
    unsafe fn look<'a>(pointer: NonNull<u8>) -> Self::Look<'a>;

    /// The hash that it is found by.
    fn hash(look: Self::Look<'_>) -> u64;
}

// SAFETY: a blob is one thin pointer, and its bytes stand behind it.
unsafe impl Item for Blob {
    type Look<'a> = &'a [u8];

    fn into_pointer(self) -> NonNull<u8> {
        Blob::into_pointer(self)
    }

    unsafe fn from_pointer(pointer: NonNull<u8>) -> Self {
        // SAFETY: as the caller promises.
        unsafe { Blob::from_pointer(pointer) }
    }

    unsafe fn look<'a>(pointer: NonNull<u8>) -> &'a [u8] {
        // SAFETY: as the caller promises.
        unsafe { Blob::bytes_behind(pointer) }
    }

    fn hash(bytes: &[u8]) -> u64 {
        hash(bytes)
    }
}

/// Bits that an address leaves free.
pub(super) type Tag = u16;

const ADDRESS_BITS: u32 = u64::BITS - Tag::BITS;

/// An item with its tag: user space addresses take 48 bits.
pub(super) struct Slot<T: Item>(NonZeroU64, PhantomData<T>);

impl<T: Item> Slot<T> {
    pub(super) fn new(item: T, tag: Tag) -> Slot<T> {
        let address = item.into_pointer().expose_provenance().get() as u64;
        debug_assert!(address < 1 << ADDRESS_BITS, "user space addresses take 48 bits");
        let bits = address | u64::from(tag) << ADDRESS_BITS;
        Slot(NonZeroU64::new(bits).expect("an address is not null"), PhantomData)
    }

    #[inline]
    pub(super) fn tag(&self) -> Tag {
        (self.0.get() >> ADDRESS_BITS) as Tag
    }

    /// Where the item stands.
    #[inline]
    pub(super) fn address(&self) -> usize {
        (self.0.get() & ((1 << ADDRESS_BITS) - 1)) as usize
    }

    #[inline]
    fn pointer(&self) -> NonNull<u8> {
        // SAFETY: `new` put an item's address there, which is not null.
        unsafe { NonNull::new_unchecked(std::ptr::with_exposed_provenance_mut(self.address())) }
    }

    /// The item to look at.
    #[inline]
    pub(super) fn look(&self) -> T::Look<'_> {
        // SAFETY: the slot owns the item, and is borrowed while the look lives.
        unsafe { T::look(self.pointer()) }
    }

    /// The item without its tag.
    pub(super) fn into_item(self) -> T {
        // SAFETY: the slot owned the item, and is given up without dropping it.
        unsafe { T::from_pointer(ManuallyDrop::new(self).pointer()) }
    }
}

impl<T: Item + Clone> Clone for Slot<T> {
    fn clone(&self) -> Self {
        // SAFETY: the second item is not dropped, and only read while the slot is borrowed.
        let item = ManuallyDrop::new(unsafe { T::from_pointer(self.pointer()) });
        Slot::new(item.deref().clone(), self.tag())
    }
}

impl<T: Item> Drop for Slot<T> {
    fn drop(&mut self) {
        // SAFETY: the slot owns the item, and goes.
        drop(unsafe { T::from_pointer(self.pointer()) });
    }
}
