//! What can be wrong with RDB bytes.

use std::fmt;

use super::ModuleId;

/// Bytes that are no RDB, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// How many bytes into what was read the offending part begins.
    pub offset: usize,
    /// What is wrong with it.
    pub kind: ErrorKind,
}

/// What is wrong with RDB bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The bytes end within it.
    Truncated,
    /// A length that begins with a byte that none begins with.
    Length(u8),
    /// A string in an encoding there is not, or an encoding where a length must be.
    Encoding(u8),
    /// A compressed string that does not expand to the length it claims.
    Lzf,
    /// A value of a type, or another thing in a file, that is not known.
    Type(u8),
    /// What only a release candidate wrote: a "function" or a "module".
    PreRelease(&'static str),
    /// A value that a module wrote.
    Module(ModuleId),
    /// The start of a file is none.
    Signature,
    /// A file of a version that is not read.
    Version(u16),
    /// A file whose bytes have another checksum than it says.
    Checksum {
        /// That of the bytes.
        computed: u64,
        /// The one in the file.
        found: u64,
    },
    /// What is wrong with the value itself.
    Value(&'static str),
    /// A collection without elements, which no command makes: Redis refuses it in RESTORE, and skips it in a file.
    Empty(&'static str),
}

impl Error {
    /// The same error in bytes that begin at an offset of others.
    pub(super) fn behind(self, offset: usize) -> Self {
        Self { offset: self.offset + offset, ..self }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ErrorKind::Truncated => f.write_str("unexpected end"),
            ErrorKind::Length(byte) => write!(f, "unknown length encoding {byte:#04x}"),
            ErrorKind::Encoding(encoding) => write!(f, "unknown string encoding {encoding}"),
            ErrorKind::Lzf => f.write_str("invalid LZF compressed string"),
            ErrorKind::Type(number) => write!(f, "unknown value type {number}"),
            ErrorKind::PreRelease(what) => write!(f, "pre-release {what} format is not supported"),
            ErrorKind::Module(id) => write!(f, "module data that cannot be loaded: no module type '{id}'"),
            ErrorKind::Signature => f.write_str("wrong signature, this is no RDB"),
            ErrorKind::Version(version) => write!(f, "RDB format version {version} cannot be handled"),
            ErrorKind::Checksum { computed, found } => {
                write!(f, "wrong RDB checksum, expected {computed:016x} but got {found:016x}")
            }
            ErrorKind::Value(wrong) | ErrorKind::Empty(wrong) => f.write_str(wrong),
        }?;
        write!(f, " at offset {}", self.offset)
    }
}

impl std::error::Error for Error {}
