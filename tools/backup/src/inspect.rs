//! Looking at a snapshot while its bytes go by: that it is whole and sound, and what it holds.

use data::Limits;
use formats::rdb::file::{Checksum, Entry, Item, Parser};
use formats::rdb::{self, ErrorKind};

use crate::error::{Error, Result};
use crate::manifest::Contents;

/// How closely to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// The structure and the checksum, at the speed of a disk.
    Structure,
    /// Every value is decoded too, which finds damage where there is no checksum.
    Values,
}

/// Takes the bytes of one snapshot, piece by piece; holds one item at a time.
pub struct Inspector {
    parser: Parser,
    depth: Depth,
    limits: Limits,
    contents: Contents,
}

impl Inspector {
    /// Before the first byte.
    pub fn new(depth: Depth) -> Self {
        Self { parser: Parser::new(true), depth, limits: Limits::default(), contents: Contents::default() }
    }

    /// The next bytes.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn feed(&mut self, bytes: &[u8]) -> Result<()> {
        self.feed_with(bytes, &mut |_| Ok(()))
    }

    /// The next bytes; `visit` is shown every item that they complete.
    ///
    /// # Errors
    /// [`Error::Damaged`], and those of `visit`.
    pub fn feed_with(&mut self, bytes: &[u8], visit: &mut dyn FnMut(&Item<'_>) -> Result<()>) -> Result<()> {
        self.contents.bytes += bytes.len() as u64;
        self.parser.feed(bytes);
        while let Some(item) = self.parser.next().map_err(damaged)? {
            count(&mut self.contents, &item);
            if let (Item::Key(entry), Depth::Values) = (&item, self.depth) {
                decode(entry, &self.limits)?;
            }
            visit(&item)?;
        }
        Ok(())
    }

    /// Behind the last byte: what the snapshot holds.
    ///
    /// # Errors
    /// [`Error::Damaged`] when it is not whole, or something follows.
    pub fn finish(self) -> Result<Contents> {
        if !self.parser.is_done() {
            let offset = self.parser.fed();
            return Err(Error::Damaged(format!("the snapshot ends early, at byte {offset}")));
        }
        match self.parser.rest().len() {
            0 => Ok(self.contents),
            more => Err(Error::Damaged(format!("{more} bytes follow the snapshot's end"))),
        }
    }
}

fn count(contents: &mut Contents, item: &Item<'_>) {
    match item {
        Item::Version(version) => contents.rdb_version = *version,
        Item::Function(_) => contents.functions += 1,
        Item::Key(Entry { database, expiry, .. }) => {
            contents.keys += 1;
            contents.expires += u64::from(expiry.is_some());
            *contents.databases.entry(*database).or_default() += 1;
        }
        Item::End(checksum) => {
            contents.checksum = match checksum {
                Checksum::Verified => "verified",
                Checksum::Unverified => "disabled",
                Checksum::Absent => "absent",
            }
            .into();
        }
        _ => {}
    }
}

/// What a module wrote can be skipped, and is whole; an empty collection is one that Redis passes over.
fn decode(entry: &Entry<'_>, limits: &Limits) -> Result<()> {
    match entry.value.read(limits) {
        Ok(_) | Err(rdb::Error { kind: ErrorKind::Module(_) | ErrorKind::Empty(_), .. }) => Ok(()),
        Err(error) => Err(Error::Damaged(format!("the value of key '{}': {error}", shown(&entry.key)))),
    }
}

/// A key for a message: escaped, and not too long.
pub fn shown(key: &rdb::Str<'_>) -> String {
    let text = key.clone().into_vec().escape_ascii().to_string();
    match text.char_indices().nth(100) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

fn damaged(error: rdb::Error) -> Error {
    Error::Damaged(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two keys in database 3, one of which expires.
    pub(crate) fn snapshot() -> Vec<u8> {
        let mut bytes =
            b"REDIS0010\xfe\x03\xfb\x02\x01\x00\x01a\x011\xfc\0\0\0\0\0\x01\0\0\x00\x01b\x05hello\xff"
                .to_vec();
        let sum = codec_crc(&bytes);
        bytes.extend(sum.to_le_bytes());
        bytes
    }

    fn codec_crc(bytes: &[u8]) -> u64 {
        // A payload's last eight bytes are the same sum of all before them.
        let mut payload = bytes.to_vec();
        payload.truncate(bytes.len() - 2);
        let version = u16::from_le_bytes([bytes[bytes.len() - 2], bytes[bytes.len() - 1]]);
        formats::dump::append_footer(&mut payload, version);
        u64::from_le_bytes(*payload.last_chunk().expect("a footer"))
    }

    fn inspect(bytes: &[u8], step: usize) -> Result<Contents> {
        let mut inspector = Inspector::new(Depth::Values);
        for piece in bytes.chunks(step) {
            inspector.feed(piece)?;
        }
        inspector.finish()
    }

    #[test]
    fn counts_whatever_the_pieces() {
        let bytes = snapshot();
        for step in [1, 7, 1000] {
            let contents = inspect(&bytes, step).expect("sound");
            assert_eq!((contents.keys, contents.expires, contents.rdb_version), (2, 1, 10));
            assert_eq!(contents.databases, [(3, 2)].into());
            assert_eq!((contents.checksum.as_str(), contents.bytes), ("verified", bytes.len() as u64));
        }
    }

    #[test]
    fn finds_every_cut_flip_and_tail() {
        let bytes = snapshot();
        for cut in 0..bytes.len() {
            assert!(matches!(inspect(&bytes[..cut], 5), Err(Error::Damaged(_))), "cut at {cut}");
        }
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 4;
            assert!(inspect(&flipped, 5).is_err(), "byte {at}");
        }
        assert!(inspect(&[&bytes[..], b"x"].concat(), 5).is_err());
    }
}
