//! From a snapshot to the bytes that are stored, and back: compressed, then encrypted, and summed as they are stored.
//!
//! ```text
//! snapshot -> zstd -> age -> SHA-256 -> store
//! ```
//!
//! Everything streams. The checksum is over what is stored, so that it can be verified by who has no key; that a decrypted snapshot is the
//! one that was encrypted is age's own promise, piece by piece of 64 KiB, and the snapshot's CRC-64's.

use std::cell::RefCell;
use std::io::{self, BufReader, Read, Write};
use std::rc::Rc;

use age::stream::{StreamReader, StreamWriter};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::keys::{Opening, Sealing};
use crate::manifest::Compression;

/// A count of bytes and their SHA-256.
#[derive(Clone, Default)]
pub struct Tally {
    bytes: u64,
    sum: Sha256,
}

impl Tally {
    fn add(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.sum.update(bytes);
    }

    /// How many bytes went by.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Their sum in hexadecimal digits.
    pub fn sha256(&self) -> String {
        self.sum.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Sums what is written to a sink.
struct Summed<W> {
    sink: W,
    tally: Tally,
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.sink.write(bytes)?;
        self.tally.add(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

/// Encrypts, or does not.
enum Encrypted<W: Write> {
    Clear(Summed<W>),
    Age(StreamWriter<Summed<W>>),
}

impl<W: Write> Write for Encrypted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Encrypted::Clear(sink) => sink.write(bytes),
            Encrypted::Age(sink) => sink.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Encrypted::Clear(sink) => sink.flush(),
            Encrypted::Age(sink) => sink.flush(),
        }
    }
}

/// Compresses, or does not.
enum Compressed<W: Write> {
    Plain(Encrypted<W>),
    Zstd(zstd::Encoder<'static, Encrypted<W>>),
}

/// Takes a snapshot's bytes, and gives those to be stored to a sink.
pub struct Sealer<W: Write>(Compressed<W>);

impl<W: Write> Sealer<W> {
    /// In front of this sink.
    ///
    /// # Errors
    /// Those of the sink, which takes a header at once; a level of compression that there is not.
    pub fn new(sink: W, compression: Option<Compression>, sealing: Option<&Sealing>) -> Result<Self> {
        let summed = Summed { sink, tally: Tally::default() };
        let encrypted = match sealing {
            None => Encrypted::Clear(summed),
            Some(sealing) => {
                Encrypted::Age(sealing.encryptor()?.wrap_output(summed).map_err(Error::from_chain)?)
            }
        };
        let compressed = match compression {
            None => Compressed::Plain(encrypted),
            Some(Compression::Zstd { level }) => {
                Compressed::Zstd(zstd::Encoder::new(encrypted, level).map_err(Error::from_chain)?)
            }
        };
        Ok(Self(compressed))
    }

    /// Ends what was begun, and gives the sink and what went to it.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn finish(self) -> Result<(W, Tally)> {
        let finished = || -> io::Result<Summed<W>> {
            let encrypted = match self.0 {
                Compressed::Plain(encrypted) => encrypted,
                Compressed::Zstd(encoder) => encoder.finish()?,
            };
            match encrypted {
                Encrypted::Clear(summed) => Ok(summed),
                Encrypted::Age(writer) => writer.finish(),
            }
        };
        let Summed { sink, tally } = finished().map_err(Error::from_chain)?;
        Ok((sink, tally))
    }
}

impl<W: Write> Write for Sealer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Compressed::Plain(sink) => sink.write(bytes),
            Compressed::Zstd(sink) => sink.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Compressed::Plain(sink) => sink.flush(),
            Compressed::Zstd(sink) => sink.flush(),
        }
    }
}

/// A source that is read through a chain and, when that has had enough, to its end.
struct Shared<R>(Rc<RefCell<(R, Tally)>>);

impl<R: Read> Read for Shared<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let (source, tally) = &mut *self.0.borrow_mut();
        let count = source.read(room)?;
        tally.add(&room[..count]);
        Ok(count)
    }
}

/// Gives a snapshot's bytes out of those that are stored.
pub struct Opener<'a, R> {
    stored: Shared<R>,
    chain: Box<dyn Read + 'a>,
}

impl<'a, R: Read + 'a> Opener<'a, R> {
    /// Behind this source. Without `opening` it gives the stored bytes themselves, whatever they are.
    ///
    /// # Errors
    /// Those of the source; [`Error::Key`] for the wrong key; [`Error::Damaged`] for bytes that are not what they should be.
    pub fn new(source: R, unseal: Option<(Option<Compression>, Option<&Opening>)>) -> Result<Self> {
        let shared = Rc::new(RefCell::new((source, Tally::default())));
        let stored = Shared(Rc::clone(&shared));
        let mut chain: Box<dyn Read + 'a> = Box::new(Shared(shared));
        if let Some((compression, opening)) = unseal {
            if let Some(opening) = opening {
                chain = Box::new(decrypted(chain, opening)?);
            }
            if compression.is_some() {
                chain = Box::new(zstd::Decoder::new(chain).map_err(Error::from_chain)?);
            }
        }
        Ok(Self { stored, chain })
    }

    /// What has been read of the source.
    pub fn taken(&self) -> u64 {
        self.stored.0.borrow().1.bytes()
    }

    /// Reads the source to its end, and tells what it was.
    ///
    /// # Errors
    /// Those of the source.
    pub fn finish(mut self) -> Result<Tally> {
        io::copy(&mut self.stored, &mut io::sink()).map_err(Error::from_chain)?;
        Ok(self.stored.0.borrow().1.clone())
    }
}

fn decrypted<'a>(
    source: Box<dyn Read + 'a>,
    opening: &Opening,
) -> Result<StreamReader<BufReader<Box<dyn Read + 'a>>>> {
    let decryptor =
        age::Decryptor::new_buffered(BufReader::with_capacity(1 << 16, source)).map_err(key_error)?;
    decryptor.decrypt(opening.identities()).map_err(key_error)
}

/// Why the header of an encrypted file does not open.
fn key_error(error: age::DecryptError) -> Error {
    use age::DecryptError as E;
    match error {
        E::NoMatchingKeys | E::DecryptionFailed | E::KeyDecryptionFailed => {
            Error::Key("the passphrase or key is not the one that the backup was encrypted to".into())
        }
        E::ExcessiveWork { .. } => {
            Error::Key("the passphrase is protected by more work than is allowed".into())
        }
        E::Io(error) => Error::from_chain(error),
        _ => Error::Damaged("the encrypted file's header is not whole".into()),
    }
}

impl<R: Read> Read for Opener<'_, R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.chain.read(room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(bytes: &[u8], compression: Option<Compression>, sealing: Option<&Sealing>) -> Vec<u8> {
        let mut sealer = Sealer::new(Vec::new(), compression, sealing).expect("a sealer");
        sealer.write_all(bytes).expect("writing");
        let (stored, tally) = sealer.finish().expect("finishing");
        assert_eq!(tally.bytes(), stored.len() as u64);
        stored
    }

    fn opened(stored: &[u8], compression: Option<Compression>, opening: Option<&Opening>) -> Result<Vec<u8>> {
        let mut opener = Opener::new(stored, Some((compression, opening)))?;
        let mut bytes = Vec::new();
        opener.read_to_end(&mut bytes).map_err(Error::from_chain)?;
        assert_eq!(opener.finish()?.bytes(), stored.len() as u64);
        Ok(bytes)
    }

    #[test]
    fn every_combination_comes_back() {
        let (sealing, opening) = crate::keys::tests::pair();
        let bytes: Vec<u8> = (0..200_000u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
        for compression in [None, Some(Compression::Zstd { level: 3 })] {
            for encrypt in [false, true] {
                let keys = encrypt.then_some((&sealing, &opening));
                let stored = sealed(&bytes, compression, keys.map(|keys| keys.0));
                assert_eq!(opened(&stored, compression, keys.map(|keys| keys.1)).expect("sound"), bytes);
                assert_eq!(stored.len() < bytes.len(), compression.is_some());
                if compression.is_none() && !encrypt {
                    continue;
                }
                for cut in [0, 20, stored.len() / 2, stored.len() - 1] {
                    let cut = opened(&stored[..cut], compression, keys.map(|keys| keys.1));
                    assert!(matches!(cut, Err(Error::Damaged(_))), "{cut:?}");
                }
                // Of compressed bytes alone, a flip may go unnoticed here: the checksum finds it.
                for at in (0..stored.len()).step_by(stored.len() / 50).filter(|_| encrypt) {
                    let mut flipped = stored.clone();
                    flipped[at] ^= 1;
                    assert!(opened(&flipped, compression, keys.map(|keys| keys.1)).is_err(), "byte {at}");
                }
            }
        }
    }

    #[test]
    fn another_key_does_not_open() {
        let (sealing, _) = crate::keys::tests::pair();
        let (_, other) = crate::keys::tests::pair();
        let stored = sealed(b"secret", None, Some(&sealing));
        assert!(matches!(opened(&stored, None, Some(&other)), Err(Error::Key(_))));
    }

    #[test]
    fn sums() {
        let mut tally = Tally::default();
        tally.add(b"ab");
        tally.add(b"c");
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!((tally.bytes(), tally.sha256().as_str()), (3, abc));
    }
}
