//! AOF: the first byte says how long the pieces are that the rest comes in.
//!
//! Any bytes end in the end or an error, the same in any pieces; what is whole can be written again, with checksums,
//! and read again. The same bytes as a manifest likewise.

#![no_main]

use std::io::{self, Read};

use formats::aof::{Checksums, Manifest, ReadError, Reader, Record, command};
use libfuzzer_sys::fuzz_target;

/// A source that gives so many bytes at once.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let count = self.1.min(room.len());
        self.0.read(&mut room[..count])
    }
}

/// The commands, where the last record that is whole ends, and the error if there is one.
type Outcome = (Vec<Vec<Vec<u8>>>, u64, Option<formats::aof::Error>);

fn read(source: impl Read, verify: bool) -> Outcome {
    let (mut reader, mut commands) = (Reader::new(source, verify), Vec::new());
    let error = loop {
        match reader.next() {
            Ok(Some(Record::Command(args))) => commands.push(args.iter().map(<[u8]>::to_vec).collect()),
            Ok(Some(_)) => {}
            Ok(None) => break None,
            Err(ReadError::Format(error)) => break Some(error),
            Err(ReadError::Io(error)) => panic!("reading from memory: {error}"),
        }
    };
    assert_eq!(reader.sums().offset(), reader.offset());
    (commands, reader.offset(), error)
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&piece, file)) = bytes.split_first() else { return };
    for verify in [true, false] {
        assert_eq!(read(Pieces(file, 1 + usize::from(piece)), verify), read(file, verify));
    }
    let (commands, end, _) = read(file, true);
    let kept = read(&file[..end as usize], true);
    assert_eq!(kept, (commands.clone(), end, None), "what is whole is sound by itself");

    let (mut again, mut sums) = (Vec::new(), Checksums::default());
    for args in &commands {
        let mut piece = Vec::new();
        command(&mut piece, args.iter());
        sums.seal(&mut piece, 64);
        again.extend(piece);
    }
    assert_eq!(read(&again[..], true), (commands, again.len() as u64, None));

    let Ok(manifest) = Manifest::parse(file) else { return };
    let text = manifest.format();
    // Quoting makes names longer, and no line may be too long.
    if !text.is_empty() && text.split(|byte| *byte == b'\n').all(|line| line.len() < 1024) {
        assert_eq!(Manifest::parse(&text), Ok(manifest));
    }
});
