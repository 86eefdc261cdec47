//! An object on its way, in bounded memory.

use std::io::{self, Read, Write};

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use object_store::{GetResult, MultipartUpload, PutPayload};
use tokio::task::JoinSet;

use super::Store;
use crate::error::Result;

/// The size of the first parts, in bytes; S3 takes none below 5 MiB but the last.
const PART: usize = 8 << 20;

/// After so many parts, the next are larger by [`PART`]. S3 takes 10,000 parts of one object: so they hold 430 GB, whatever the
/// length, which is not known beforehand.
const PARTS_OF_A_SIZE: usize = 1000;

/// Parts that are sent at the same time, while another is filled.
const IN_FLIGHT: usize = 2;

/// An object that is being written; without [`complete`](Upload::complete) it leaves nothing behind.
pub struct Upload<'a> {
    store: &'a Store,
    name: String,
    parts: Box<dyn MultipartUpload>,
    begun: usize,
    buffer: Vec<u8>,
    sending: JoinSet<object_store::Result<()>>,
    completed: bool,
}

impl<'a> Upload<'a> {
    pub(super) fn new(store: &'a Store, name: String, parts: Box<dyn MultipartUpload>) -> Self {
        let (buffer, sending) = (Vec::new(), JoinSet::new());
        Self { store, name, parts, begun: 0, buffer, sending, completed: false }
    }

    fn part_size(&self) -> usize {
        PART * (1 + self.begun / PARTS_OF_A_SIZE)
    }

    /// Sends what is in the buffer, once there is room for another part.
    fn send(&mut self) -> Result<()> {
        self.wait_for(IN_FLIGHT - 1)?;
        let payload = PutPayload::from(std::mem::take(&mut self.buffer));
        self.begun += 1;
        let runtime = self.store.runtime.handle();
        let part = {
            let _context = runtime.enter();
            self.parts.put_part(payload)
        };
        self.sending.spawn_on(part, runtime);
        Ok(())
    }

    /// Waits until at most so many parts are under way.
    fn wait_for(&mut self, most: usize) -> Result<()> {
        while self.sending.len() > most {
            let sent = self.store.runtime.block_on(self.sending.join_next());
            match sent {
                Some(Ok(Ok(()))) | None => {}
                Some(Ok(Err(error))) => return Err(self.store.error("writing", &self.name, error)),
                Some(Err(error)) => return Err(self.store.error("writing", &self.name, error.into())),
            }
        }
        Ok(())
    }

    /// Ends the object, which then is there.
    ///
    /// # Errors
    /// [`Error::Store`]; the object is not there.
    pub fn complete(mut self) -> Result<()> {
        if !self.buffer.is_empty() {
            self.send()?;
        }
        self.wait_for(0)?;
        let completed = self.store.runtime.block_on(self.parts.complete());
        completed.map_err(|error| self.store.error("writing", &self.name, error))?;
        self.completed = true;
        Ok(())
    }
}

impl Write for Upload<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.part_size().saturating_sub(self.buffer.len());
        let taken = &bytes[..bytes.len().min(room)];
        self.buffer.extend_from_slice(taken);
        if self.buffer.len() >= self.part_size() {
            self.send()?;
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Upload<'_> {
    fn drop(&mut self) {
        if !self.completed {
            let runtime = &self.store.runtime;
            runtime.block_on(self.sending.shutdown());
            // What cannot be reached cannot be cleaned up either; the error that led here is the one to tell.
            let _ = runtime.block_on(self.parts.abort());
        }
    }
}

/// An object that is being read.
pub struct Download<'a> {
    store: &'a Store,
    name: String,
    size: u64,
    pieces: BoxStream<'static, object_store::Result<Piece>>,
    piece: Piece,
}

/// Bytes that came at once.
type Piece = std::collections::VecDeque<u8>;

impl<'a> Download<'a> {
    pub(super) fn new(store: &'a Store, name: String, begun: GetResult) -> Self {
        let size = begun.meta.size;
        let pieces = begun.into_stream().map(|piece| piece.map(|bytes| Vec::from(bytes).into())).boxed();
        Self { store, name, size, pieces, piece: Piece::new() }
    }

    /// Bytes of the object.
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl Read for Download<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            let next = self.store.runtime.block_on(self.pieces.next());
            match next {
                None => return Ok(0),
                Some(Ok(piece)) => self.piece = piece,
                Some(Err(error)) => return Err(self.store.error("reading", &self.name, error).into()),
            }
        }
        self.piece.read(room)
    }
}
