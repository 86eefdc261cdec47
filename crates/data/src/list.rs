//! The list type.

use codec::listpack::Listpack;

/// A list.
#[derive(Clone, Debug, Default)]
pub struct List(Listpack);

impl List {
    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.0.view().is_empty()
    }

    /// What OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        "listpack"
    }

    /// Bytes of memory on the heap.
    pub fn footprint(&self) -> usize {
        self.0.footprint()
    }

    /// See [`crate::Value::effort`].
    pub fn effort(&self) -> usize {
        1
    }

    /// See [`crate::Value::each`].
    pub fn each(&self, visit: &mut dyn FnMut(&[&[u8]])) {
        self.0.view().iter().for_each(|entry| entry.with_bytes(|bytes| visit(&[bytes])));
    }
}
