//! What stands in the journal: one operation after the other, as the library writes them and the simulated power cut reads them.
//!
//! A record is a header of 32 bytes, the path, and what else belongs to it: the bytes of a write, the other path of a rename. All
//! numbers are little-endian. A process that is killed may leave half a record at the end.

/// Bytes of a header.
const HEADER: usize = 32;

/// What was done with a file or a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file was made.
    Create,
    /// A directory was made.
    MakeDirectory,
    /// Bytes were written at the offset that is the number.
    Write,
    /// The length became the number.
    SetLength,
    /// It became another name, which is the rest.
    Rename,
    /// It was deleted.
    Delete,
    /// A thread, which is the number, begins to force it to disk.
    SyncBegins,
    /// That thread has done it, with success.
    SyncEnds,
}

const KINDS: [Kind; 8] = [
    Kind::Create,
    Kind::MakeDirectory,
    Kind::Write,
    Kind::SetLength,
    Kind::Rename,
    Kind::Delete,
    Kind::SyncBegins,
    Kind::SyncEnds,
];

/// One operation.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// When, in nanoseconds of the clock that only goes forward (`CLOCK_MONOTONIC`): before the operation took effect, and behind
    /// it for [`Kind::SyncEnds`].
    pub at: u64,
    /// What.
    pub kind: Kind,
    /// An offset, a length, a thread: the kind says.
    pub number: u64,
    /// Of what, from the root on.
    pub path: &'a [u8],
    /// Bytes, or a path: the kind says.
    pub rest: &'a [u8],
}

impl<'a> Record<'a> {
    /// The record as bytes.
    #[allow(dead_code, reason = "who reads journals does not write them")]
    pub fn encode(&self) -> Vec<u8> {
        let kind = KINDS.iter().position(|kind| *kind == self.kind).unwrap_or(KINDS.len());
        let lengths = (self.path.len() as u64) | (kind as u64) << 32;
        let numbers = [self.at, self.number, lengths, self.rest.len() as u64];
        let header: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        [&header, self.path, self.rest].concat()
    }

    /// Takes the first record off; nothing where there is no whole one.
    #[allow(dead_code, reason = "who writes journals does not read them")]
    pub fn take(journal: &mut &'a [u8]) -> Option<Record<'a>> {
        let header = journal.get(..HEADER)?;
        let number = |at: usize| {
            let bytes = header[8 * at..][..8].try_into().unwrap_or_default();
            u64::from_le_bytes(bytes)
        };
        let (path_len, kind) = (number(2) as u32 as usize, (number(2) >> 32) as usize);
        let path = journal.get(HEADER..)?.get(..path_len)?;
        let rest = journal.get(HEADER + path_len..)?.get(..number(3) as usize)?;
        *journal = &journal[HEADER + path_len + rest.len()..];
        Some(Record { at: number(0), kind: *KINDS.get(kind)?, number: number(1), path, rest })
    }
}
