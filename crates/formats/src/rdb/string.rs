//! A string as RDB holds it: an integer, or bytes.

use std::borrow::Cow;

use codec::number::I64Text;

/// A string that was read; bytes are borrowed where they lay uncompressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Str<'a> {
    /// The decimal text of an integer of at most 32 bits.
    Int(i32),
    /// Any bytes, an integer's text among them if it has more than 32 bits.
    Bytes(Cow<'a, [u8]>),
}

impl<'a> Str<'a> {
    /// The string's bytes, where they lie if they lie uncompressed.
    pub fn into_bytes(self) -> Cow<'a, [u8]> {
        match self {
            Str::Int(value) => Cow::Owned(I64Text::new(value.into()).to_vec()),
            Str::Bytes(bytes) => bytes,
        }
    }

    /// The string's bytes, in a vector of their own.
    pub fn into_vec(self) -> Vec<u8> {
        self.into_bytes().into_owned()
    }
}
