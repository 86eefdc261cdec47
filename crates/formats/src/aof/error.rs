//! What can be wrong with an AOF. The texts are those of redis-check-aof.

use std::io;

/// Bytes that are no AOF, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct Error {
    /// Where in the file the offending part begins.
    pub offset: u64,
    /// What is wrong with it.
    pub kind: ErrorKind,
}

/// What is wrong with the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ErrorKind {
    /// The file ends within a command or an annotation, as after a crash: what is whole can be kept (`aof-load-truncated`).
    #[error(transparent)]
    Truncated(#[from] Cut),
    /// The same, but the file was whole up to a later checksum line, so that a length is damaged and not the end missing.
    #[error("A damaged length: there is a checksum line behind it, at offset {line}")]
    Length {
        /// Where that line stands.
        line: u64,
    },
    /// Neither a command nor an annotation.
    #[error("Expected prefix '*' or '#', got: '{}'", .0.escape_ascii())]
    Start(u8),
    /// Another line than the one that belongs here.
    #[error("Expected prefix '{}', got: '{}'", .expected.escape_ascii(), .found.escape_ascii())]
    Prefix {
        /// How it should begin.
        expected: u8,
        /// How it begins.
        found: u8,
    },
    /// A number or an argument that does not end where it should: these bytes are there, zeros behind the file's end.
    #[error("Expected \\r\\n, got: {:02x}{:02x}", .0[0], .0[1])]
    LineEnd([u8; 2]),
    /// A command of so many words: none, or more than a command can have.
    #[error("Expected a command of {0} arguments, which is not in the suitable range")]
    Count(i64),
    /// An argument of such a length.
    #[error("Expected to read string of {0} bytes, which is not in the suitable range")]
    Bulk(i64),
    /// An annotation that is longer than Redis would read.
    #[error("Annotation line too long")]
    LongAnnotation,
    /// The bytes up to a checksum line, which stands at the error's offset, are not those that were written, or the line is not.
    #[error("Wrong checksum: the file is damaged between offset {from} and here")]
    Checksum {
        /// Up to here they are: the end of the last line that was right, or the start.
        from: u64,
    },
}

/// Where the end of a file cuts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cut {
    /// Between the arguments of a command.
    #[error("Unexpected end of file")]
    Command,
    /// Behind a number, where these bytes are left of the line's end and zeros for the others.
    #[error("Expected \\r\\n, got: {:02x}{:02x}", .0[0], .0[1])]
    Header([u8; 2]),
    /// In an argument or its line's end.
    #[error("Expected to read {wanted} bytes, got {got} bytes")]
    Argument {
        /// Bytes with those of the line's end.
        wanted: u64,
        /// Those that are there.
        got: u64,
    },
    /// In an annotation. Redis takes the line as whole, appends to it, and cannot read that.
    #[error("Unexpected end of file in an annotation")]
    Annotation,
}

impl Error {
    /// Whether the file merely ends too early, so that its whole commands can be kept; otherwise it is damaged.
    pub fn is_truncation(&self) -> bool {
        matches!(self.kind, ErrorKind::Truncated(_))
    }
}

/// Why a file could not be read on.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Bytes could not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The bytes are no AOF, or end before it does.
    #[error(transparent)]
    Format(#[from] Error),
}
