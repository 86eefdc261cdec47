//! Reading a file whose bytes come piece by piece.

use codec::crc64::Crc64;

use super::item::{Context, Said};
use super::layout::Walk;
use super::{Checksum, Item, magic};
use crate::rdb::{Error, ErrorKind, Reader, opcode, version};

/// Room that the window keeps once a large value has gone through it, in bytes.
const LARGEST_IDLE: usize = 1 << 20;

/// Reads a file from bytes as they come: [`feed`](Self::feed) them, then take [`next`](Self::next) until it wants more.
///
/// Holds the bytes of one item, and what was fed and not taken. An item that ends in a later piece is not looked at twice,
/// however many pieces there are.
#[derive(Debug)]
pub struct Parser {
    /// Bytes of the file; those before `start` are done with.
    window: Vec<u8>,
    /// Where in the file the window begins.
    before: usize,
    /// Where in the window the next item begins.
    start: usize,
    /// Up to where in the window bytes are in the checksum, at most `start`.
    summed: usize,
    crc: Option<Crc64>,
    stage: Stage,
    walk: Walk,
    version: u16,
    database: u64,
    said: Said,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Magic,
    Code,
    /// The rest of the item of this code, walked up to this place in the window.
    Parts {
        code: u8,
        walked: usize,
    },
    Done,
}

/// An item that lies in the window.
#[derive(Clone, Copy, Debug)]
pub(super) enum Found {
    Version,
    /// What is behind its code begins here.
    Parts(Context, usize),
    End(Checksum),
}

impl Default for Parser {
    fn default() -> Self {
        Self::new(true)
    }
}

impl Parser {
    /// A parser at the start of a file, which verifies the checksum at its end or not (`rdbchecksum`).
    pub fn new(verify: bool) -> Self {
        Self {
            window: Vec::new(),
            before: 0,
            start: 0,
            summed: 0,
            crc: verify.then(Crc64::new),
            stage: Stage::Magic,
            walk: Walk::default(),
            version: 0,
            database: 0,
            said: Said::default(),
        }
    }

    /// Adds the next bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.forget();
        self.window.extend_from_slice(bytes);
    }

    /// Adds up to `most` bytes that `read` writes; answers what it answers, which is how many it wrote.
    pub(super) fn feed_with<E>(
        &mut self,
        most: usize,
        read: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<usize, E> {
        self.forget();
        let len = self.window.len();
        self.window.resize(len + most, 0);
        let count = read(&mut self.window[len..]);
        self.window.truncate(len + count.as_ref().map_or(0, |count| most.min(*count)));
        count
    }

    /// How many bytes of the file were taken as items.
    pub fn offset(&self) -> usize {
        self.before + self.start
    }

    /// How many bytes were fed.
    pub fn fed(&self) -> usize {
        self.before + self.window.len()
    }

    /// Whether the end was taken.
    pub fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    /// What was fed and not taken: behind the end, the start of what follows the file (an AOF).
    pub fn rest(&self) -> &[u8] {
        &self.window[self.start..]
    }

    /// The next item; nothing when it is not all there yet, and behind the end.
    ///
    /// # Errors
    /// What is wrong with the file, and where. A string that does not expand is passed over, so the next item may be taken;
    /// any other error stays.
    #[allow(clippy::should_implement_trait, reason = "items are borrowed, which no iterator allows")]
    pub fn next(&mut self) -> Result<Option<Item<'_>>, Error> {
        match self.find()? {
            Some(found) => self.item(found).map(Some),
            None => Ok(None),
        }
    }

    /// An item that was found, and nothing fed since.
    pub(super) fn item(&self, found: Found) -> Result<Item<'_>, Error> {
        match found {
            Found::Version => Ok(Item::Version(self.version)),
            Found::Parts(context, at) => Item::read(&self.window[at..self.start], &context),
            Found::End(checksum) => Ok(Item::End(checksum)),
        }
    }

    /// Takes the next item if all of it is there, and tells where it lies.
    pub(super) fn find(&mut self) -> Result<Option<Found>, Error> {
        loop {
            match self.stage {
                Stage::Magic => return self.find_version(),
                Stage::Code => {
                    let Some(&code) = self.window.get(self.start) else { return Ok(None) };
                    self.walk.begin(code, self.version, self.offset())?;
                    self.stage = Stage::Parts { code, walked: self.start + 1 };
                }
                Stage::Parts { code, walked } => {
                    if !self.walk_on(code, walked)? {
                        return Ok(None);
                    }
                    if let Some(found) = self.take(code)? {
                        return Ok(Some(found));
                    }
                }
                Stage::Done => return Ok(None),
            }
        }
    }

    fn find_version(&mut self) -> Result<Option<Found>, Error> {
        let Some(magic) = self.rest().first_chunk::<{ magic::SIZE }>() else { return Ok(None) };
        let wrong = |kind| Error { offset: 0, kind };
        let redis = magic.strip_prefix(magic::REDIS).map(|digits| (digits, false));
        let valkey = || magic.strip_prefix(magic::VALKEY).map(|digits| (digits, true));
        let (digits, is_valkey) = redis.or_else(valkey).ok_or(wrong(ErrorKind::Signature))?;
        let digits = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
        self.version = digits.and_then(|digits| digits.parse().ok()).unwrap_or(0);
        let is_known = self.version > 0 && version::is_known(self.version);
        if !is_known || version::is_valkey(self.version) != is_valkey {
            return Err(wrong(ErrorKind::Version(self.version)));
        }
        self.start += magic::SIZE;
        self.stage = Stage::Code;
        Ok(Some(Found::Version))
    }

    /// Goes on with the item from where the walk stands; answers whether all of it is there.
    fn walk_on(&mut self, code: u8, walked: usize) -> Result<bool, Error> {
        let mut reader = Reader::new(&self.window[walked..]);
        let ran = self.walk.run(&mut reader);
        self.stage = Stage::Parts { code, walked: walked + reader.offset() };
        match ran {
            Ok(()) => Ok(true),
            Err(Error { kind: ErrorKind::Truncated, .. }) => Ok(false),
            Err(error) => Err(error.behind(self.before + walked)),
        }
    }

    /// Takes the item that was walked to its end; nothing when it is about the next key.
    fn take(&mut self, code: u8) -> Result<Option<Found>, Error> {
        let Stage::Parts { walked: end, .. } = self.stage else { return Ok(None) };
        let at = self.start + 1;
        if code == opcode::EOF {
            let checksum = self.verify(at, end)?;
            (self.start, self.stage) = (end, Stage::Done);
            return Ok(Some(Found::End(checksum)));
        }
        (self.start, self.stage) = (end, Stage::Code);
        let mut reader = Reader::new(&self.window[at..end]);
        let offset = self.before + at;
        if self.said.take_in(code, &mut reader).map_err(|error| error.behind(offset))? {
            return Ok(None);
        }
        if code == opcode::SELECTDB {
            self.database = reader.length().map_err(|error| error.behind(offset))?;
        }
        // What was said is kept until there is a key: types lie below all codes.
        let is_key = code < opcode::SLOT_IMPORT;
        let said = if is_key { std::mem::take(&mut self.said) } else { self.said };
        let context = Context { code, version: self.version, offset, database: self.database, said };
        Ok(Some(Found::Parts(context, at)))
    }

    /// Compares the checksum at the end, which lies here in the window, with that of all bytes before it.
    fn verify(&mut self, at: usize, end: usize) -> Result<Checksum, Error> {
        let Some(found) = self.window[at..end].first_chunk().map(|found| u64::from_le_bytes(*found)) else {
            return Ok(Checksum::Absent);
        };
        let Some(mut crc) = self.crc.filter(|_| found != 0) else { return Ok(Checksum::Unverified) };
        crc.update(&self.window[self.summed..at]);
        match crc.value() {
            computed if computed == found => Ok(Checksum::Verified),
            computed => {
                let kind = ErrorKind::Checksum { computed, found };
                Err(Error { offset: self.before + at, kind })
            }
        }
    }

    /// Lets go of the bytes that are done with.
    fn forget(&mut self) {
        let done = std::mem::take(&mut self.start);
        if let Some(crc) = &mut self.crc {
            crc.update(&self.window[self.summed..done]);
        }
        self.summed = 0;
        self.window.drain(..done);
        self.before += done;
        if let Stage::Parts { walked, .. } = &mut self.stage {
            *walked -= done;
        }
        if self.window.capacity() > LARGEST_IDLE && self.window.len() < LARGEST_IDLE / 4 {
            self.window.shrink_to(LARGEST_IDLE);
        }
    }
}
