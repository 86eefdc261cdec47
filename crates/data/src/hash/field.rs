//! A field of a large hash with its value and, if it has one, its due time, in one allocation behind a thin pointer.
//!
//! ```text
//! length of the field u32, the top bit: has a due time | due i64, opt. | field | value
//! ```

#![allow(unsafe_code)]

use std::ptr::NonNull;

use codec::blob::Blob;
use codec::listpack::Entry;

use crate::hashing::hash;
use crate::index::Item;

const LENGTH: usize = size_of::<u32>();
const DUE: usize = size_of::<i64>();
const IS_TIMED: u32 = 1 << 31;

/// A field with its value.
#[derive(Clone)]
pub(super) struct Field(Blob);

/// A look at a field.
#[derive(Clone, Copy)]
pub(super) struct Look<'a> {
    /// The field.
    pub(super) name: &'a [u8],
    /// The value.
    pub(super) value: &'a [u8],
    /// When it is due, in Unix milliseconds.
    pub(super) due: Option<i64>,
}

impl Field {
    /// A field with its value.
    pub(super) fn new(name: &[u8], value: &[u8], due: Option<i64>) -> Field {
        let mark = if due.is_some() { IS_TIMED } else { 0 };
        let mut blob = Blob::new(&(name.len() as u32 | mark).to_le_bytes());
        let time = due.map_or(0, |_| DUE);
        blob.resize_gap(LENGTH, 0, time + name.len() + value.len());
        if let Some(due) = due {
            blob[LENGTH..][..DUE].copy_from_slice(&due.to_le_bytes());
        }
        blob[LENGTH + time..][..name.len()].copy_from_slice(name);
        blob[LENGTH + time + name.len()..].copy_from_slice(value);
        Field(blob)
    }

    /// Sets another value.
    pub(super) fn set_value(&mut self, value: &[u8]) {
        let old = look(&self.0).value.len();
        let at = self.0.len() - old;
        self.0.resize_gap(at, old, value.len());
        self.0[at..].copy_from_slice(value);
    }

    /// Sets when it is due.
    pub(super) fn set_due(&mut self, due: Option<i64>) {
        let Look { name, value, due: before } = look(&self.0);
        match (before, due) {
            (Some(_), Some(due)) => self.0[LENGTH..][..DUE].copy_from_slice(&due.to_le_bytes()),
            (None, None) => {}
            _ => *self = Field::new(name, value, due),
        }
    }
}

fn look(bytes: &[u8]) -> Look<'_> {
    let (mark, rest) =
        bytes.split_first_chunk().map_or((0, bytes), |(mark, rest)| (u32::from_le_bytes(*mark), rest));
    let (due, rest) = match rest.split_first_chunk() {
        Some((due, rest)) if mark & IS_TIMED != 0 => (Some(i64::from_le_bytes(*due)), rest),
        _ => (None, rest),
    };
    let (name, value) = rest.split_at((mark & !IS_TIMED) as usize);
    Look { name, value, due }
}

impl<'a> Look<'a> {
    /// As every encoding shows it.
    pub(super) fn shown(self) -> super::Shown<'a> {
        super::Shown { name: Entry::Bytes(self.name), value: Entry::Bytes(self.value), due: self.due }
    }

    /// Bytes on the heap.
    pub(super) fn footprint(self) -> usize {
        let time = self.due.map_or(0, |_| DUE);
        Blob::footprint_of(LENGTH + time + self.name.len() + self.value.len())
    }
}

// SAFETY: a field is a blob, which is one thin pointer with its bytes behind it.
unsafe impl Item for Field {
    type Look<'a> = Look<'a>;

    fn into_pointer(self) -> NonNull<u8> {
        self.0.into_pointer()
    }

    unsafe fn from_pointer(pointer: NonNull<u8>) -> Self {
        // SAFETY: as the caller promises.
        Field(unsafe { Blob::from_pointer(pointer) })
    }

    unsafe fn look<'a>(pointer: NonNull<u8>) -> Look<'a> {
        // SAFETY: as the caller promises.
        look(unsafe { Blob::bytes_behind(pointer) })
    }

    fn hash(look: Look<'_>) -> u64 {
        hash(look.name)
    }
}
