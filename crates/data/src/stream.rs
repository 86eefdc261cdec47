//! The stream type.

/// A stream.
#[derive(Clone, Debug, Default)]
pub struct Stream(());

impl Stream {
    /// Never: a stream without entries stays.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// What OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        "stream"
    }

    /// Bytes of memory on the heap.
    pub fn footprint(&self) -> usize {
        0
    }

    /// See [`crate::Value::effort`].
    pub fn effort(&self) -> usize {
        1
    }

    /// See [`crate::Value::each`].
    pub fn each(&self, _visit: &mut dyn FnMut(&[&[u8]])) {}
}
