//! A field of a large hash with its value, in one allocation behind a thin pointer.
//!
//! ```text
//! length of the field u32 | field | value
//! ```

use codec::blob::Blob;
use codec::listpack::Entry;

const LENGTH: usize = size_of::<u32>();

/// A field with its value.
#[derive(Clone)]
pub struct Field(Blob);

impl Field {
    /// A field with its value.
    pub fn new(name: &[u8], value: &[u8]) -> Field {
        let mut blob = Blob::new(&(name.len() as u32).to_le_bytes());
        blob.resize_gap(LENGTH, 0, name.len() + value.len());
        blob[LENGTH..][..name.len()].copy_from_slice(name);
        blob[LENGTH + name.len()..].copy_from_slice(value);
        Field(blob)
    }

    fn split(&self) -> usize {
        self.0.first_chunk().map_or(LENGTH, |len| LENGTH + u32::from_le_bytes(*len) as usize)
    }

    /// The field.
    #[inline]
    pub fn name(&self) -> &[u8] {
        &self.0[LENGTH..self.split()]
    }

    /// The value.
    #[inline]
    pub fn value(&self) -> &[u8] {
        &self.0[self.split()..]
    }

    /// Field and value.
    pub fn entries(&self) -> (Entry<'_>, Entry<'_>) {
        (Entry::Bytes(self.name()), Entry::Bytes(self.value()))
    }

    /// Sets another value.
    pub fn set_value(&mut self, value: &[u8]) {
        let (at, old) = (self.split(), self.0.len() - self.split());
        self.0.resize_gap(at, old, value.len());
        self.0[at..].copy_from_slice(value);
    }

    /// Bytes on the heap.
    pub fn footprint(&self) -> usize {
        self.0.footprint()
    }
}
