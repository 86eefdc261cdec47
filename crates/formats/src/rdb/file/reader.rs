//! Reading a file from anything that bytes can be read from.

use std::fmt;
use std::io::{self, Read};

use super::{Item, Parser};
use crate::rdb::{Error, ErrorKind};

/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;

/// Why a file could not be read on.
#[derive(Debug)]
pub enum ReadError {
    /// Bytes could not be read.
    Io(io::Error),
    /// The bytes are no RDB, or end before it does.
    Format(Error),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Io(error) => error.fmt(f),
            ReadError::Format(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ReadError::Io(error) => Some(error),
            ReadError::Format(error) => Some(error),
        }
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        ReadError::Io(error)
    }
}

impl From<Error> for ReadError {
    fn from(error: Error) -> Self {
        ReadError::Format(error)
    }
}

/// Reads a file, 64 KiB at once, from a source that need not be buffered.
#[derive(Debug)]
pub struct FileReader<R> {
    source: R,
    parser: Parser,
}

impl<R: Read> FileReader<R> {
    /// A reader of a file that begins where the source stands; `verify` as in [`Parser::new`].
    pub fn new(source: R, verify: bool) -> Self {
        Self { source, parser: Parser::new(verify) }
    }

    /// The next item; nothing behind the end.
    ///
    /// # Errors
    /// Those of the source, and of [`Parser::next`]; a file that ends too early is [`ErrorKind::Truncated`].
    #[allow(clippy::should_implement_trait, reason = "items are borrowed, which no iterator allows")]
    pub fn next(&mut self) -> Result<Option<Item<'_>>, ReadError> {
        loop {
            if let Some(found) = self.parser.find()? {
                return Ok(Some(self.parser.item(found)?));
            }
            if self.parser.is_done() {
                return Ok(None);
            }
            self.fill()?;
        }
    }

    /// Reads some bytes; there must be some.
    fn fill(&mut self) -> Result<(), ReadError> {
        let source = &mut self.source;
        match self.parser.feed_with(CHUNK, |room| source.read(room)) {
            Ok(0) => {
                let offset = self.parser.fed();
                Err(Error { offset, kind: ErrorKind::Truncated }.into())
            }
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// How many bytes of the file were taken as items: how far loading it is.
    pub fn offset(&self) -> usize {
        self.parser.offset()
    }

    /// The bytes that were read behind the last item that was taken, and the source, which stands behind them: an AOF may
    /// follow there.
    pub fn into_rest(self) -> (Vec<u8>, R) {
        (self.parser.rest().to_vec(), self.source)
    }
}
