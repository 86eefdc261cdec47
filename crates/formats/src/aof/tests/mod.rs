//! Any bytes, in any pieces; cuts and flips at every byte.

mod manifest;

use std::io::{self, Read};

use proptest::prelude::*;

use super::*;

/// A source that gives so many bytes at once.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let count = self.1.min(room.len());
        self.0.read(&mut room[..count])
    }
}

/// What a file consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Owned {
    Command(Vec<Vec<u8>>),
    Timestamp(i64),
    Checksum,
    Block(Block),
    Other(Vec<u8>),
}

impl From<Record<'_>> for Owned {
    fn from(record: Record<'_>) -> Self {
        match record {
            Record::Command(args) => Owned::Command(args.iter().map(<[u8]>::to_vec).collect()),
            Record::Timestamp(seconds) => Owned::Timestamp(seconds),
            Record::Checksum => Owned::Checksum,
            Record::Block(block) => Owned::Block(block),
            Record::Other(line) => Owned::Other(line.to_vec()),
        }
    }
}

/// All records with the offsets of their ends, and the error with how many lines were passed.
type Outcome = (Vec<(Owned, u64)>, Option<(Error, u64)>);

fn read_from<R: Read>(mut reader: Reader<R>) -> Outcome {
    let mut records = Vec::new();
    loop {
        match reader.next() {
            Ok(Some(record)) => {
                let record = record.into();
                records.push((record, reader.offset()));
            }
            Ok(None) => return (records, None),
            Err(ReadError::Format(error)) => {
                let again = reader.next().err().map(|again| again.to_string());
                assert_eq!(again, Some(error.to_string()), "an error stays");
                return (records, Some((error, reader.lines_passed())));
            }
            Err(ReadError::Io(error)) => panic!("reading from memory: {error}"),
        }
    }
}

fn read(file: &[u8]) -> Outcome {
    read_from(Reader::new(file, true))
}

fn commands(outcome: &Outcome) -> Vec<Owned> {
    let is_command = |record: &&Owned| matches!(record, Owned::Command(_));
    outcome.0.iter().map(|(record, _)| record).filter(is_command).cloned().collect()
}

/// Some commands, with a checksum line behind each four of them.
fn sample() -> Vec<u8> {
    let (mut file, mut sums) = (Vec::new(), Checksums::default());
    for number in 0..6 {
        let mut piece = Vec::new();
        timestamp(&mut piece, 1_700_000_000 + number);
        command(&mut piece, [&b"SET"[..], format!("key:{number}").as_bytes(), b"a\r\n#CK:\0\xff"].iter());
        command(&mut piece, [b"INCR", &b"x".repeat(number as usize)[..]].iter());
        sums.seal(&mut piece, 100);
        file.extend(piece);
    }
    file
}

#[test]
fn records_are_what_was_written() {
    let file = sample();
    let (records, error) = read(&file);
    assert_eq!((records.len(), error), (21, None));
    assert_eq!(records[0], (Owned::Timestamp(1_700_000_000), 16));
    let set = [&b"SET"[..], b"key:0", b"a\r\n#CK:\0\xff"].map(<[u8]>::to_vec);
    assert_eq!(records[1].0, Owned::Command(set.to_vec()));
    assert_eq!(records.iter().filter(|(record, _)| *record == Owned::Checksum).count(), 3);
    assert_eq!(records.last().map(|(_, end)| *end), Some(file.len() as u64));
}

/// The line as the module's head describes it, so that other tools can check it.
#[test]
fn a_checksum_line_holds_the_crc_of_all_before_it() {
    let (mut file, mut sums) = (Vec::new(), Checksums::new(0));
    command(&mut file, [b"PING"].iter());
    sums.seal(&mut file, 1);
    let (before, line) = file.split_at(14);
    assert_eq!(line, format!("#CK:14 {:016x}\r\n", codec::crc64::crc64(before)).as_bytes());
    let unchanged = file.len();
    let mut nothing = Vec::new();
    sums.seal(&mut nothing, 1);
    assert_eq!((nothing.len(), sums.offset()), (0, unchanged as u64));
}

#[test]
fn any_pieces_are_the_same() {
    let file = sample();
    for piece in 1..file.len() {
        assert_eq!(read_from(Reader::new(Pieces(&file, piece), true)), read(&file), "pieces of {piece}");
    }
}

#[test]
fn a_cut_at_any_byte_keeps_what_is_whole() {
    let file = sample();
    let whole = read(&file).0;
    for cut in 0..file.len() {
        let (records, error) = read(&file[..cut]);
        let expected: Vec<_> = whole.iter().filter(|(_, end)| *end <= cut as u64).cloned().collect();
        assert_eq!(records, expected, "cut at {cut}");
        let is_end = cut == 0 || whole.iter().any(|(_, end)| *end == cut as u64);
        assert_eq!(error.is_none(), is_end, "cut at {cut}");
        assert!(error.is_none_or(|(error, _)| error.is_truncation()), "cut at {cut}");
    }
}

#[test]
fn every_flipped_bit_is_found() {
    let file = sample();
    let whole = commands(&read(&file));
    for bit in 0..8 * file.len() {
        let mut damaged = file.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let outcome = read(&damaged);
        match &outcome.1 {
            // In the last line: nothing is behind it, and it need not be one.
            None => assert_eq!(commands(&outcome), whole, "bit {bit}"),
            // A torn last line is as after a crash; all else must not be taken for a torn tail, which is cut off.
            Some((error, _)) => {
                assert!(!error.is_truncation() || commands(&outcome) == whole, "bit {bit}: {error}");
            }
        }
    }
}

#[test]
fn lost_and_doubled_blocks_are_found() {
    let file = sample();
    let (records, _) = read(&file);
    let ends: Vec<usize> = records.iter().map(|(_, end)| *end as usize).collect();
    // Whole records, checksum lines among them, up to the last block, behind which a line stands.
    for (from, to) in ends.iter().zip(&ends[1..ends.len() - 2]) {
        let lost = [&file[..*from], &file[*to..]].concat();
        let doubled = [&file[..*to], &file[*from..]].concat();
        for damaged in [lost, doubled] {
            let (_, error) = read(&damaged);
            assert!(
                matches!(error, Some((Error { kind: ErrorKind::Checksum { .. }, .. }, _))),
                "{from}..{to}"
            );
        }
    }
}

#[test]
fn damage_is_passed_over_when_asked_to() {
    let mut file = sample();
    let place = file.windows(5).position(|bytes| bytes == b"key:2").expect("it is there");
    file[place + 4] = b'7';
    let outcome = read_from(Reader::new(&file[..], false));
    assert_eq!((commands(&outcome).len(), outcome.1), (12, None));
    let (_, error) = read(&file);
    let (Error { offset, kind }, _) = error.expect("damage");
    let ErrorKind::Checksum { from } = kind else { panic!("{kind:?}") };
    assert!(from < place as u64 && (place as u64) < offset);
}

/// After a restart, the file goes on where it ended: behind what is whole.
#[test]
fn a_reader_gives_what_a_writer_goes_on_with() {
    let file = sample();
    for cut in 0..file.len() {
        let mut reader = Reader::new(Pieces(&file[..cut], 7), true);
        while matches!(reader.next(), Ok(Some(_))) {}
        let (mut sums, end) = (reader.sums(), reader.offset());
        assert_eq!(sums.offset(), end);
        assert_eq!(sums.uncovered(), end - reader.verified());
        let mut more = Vec::new();
        command(&mut more, [b"PING"].iter());
        sums.seal(&mut more, 1);
        let (records, error) = read(&[&file[..end as usize], &more].concat());
        assert_eq!(
            (error, records.last().map(|(record, _)| record)),
            (None, Some(&Owned::Checksum)),
            "cut at {cut}"
        );
    }
}

#[test]
fn commands_behind_an_rdb_have_its_offset() {
    let file = b"*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPI";
    let (head, tail) = file.split_at(5);
    let (records, error) = read_from(Reader::behind(1000, head.to_vec(), tail, true));
    assert_eq!(records.iter().map(|(_, end)| *end).collect::<Vec<_>>(), [1014]);
    let kind = Cut::Argument { wanted: 6, got: 2 }.into();
    assert_eq!(error, Some((Error { offset: 1022, kind }, 2)));
}

#[test]
fn large_arguments_come_whole_and_leave_little() {
    let large = b"0123456789".repeat(1 << 20);
    let mut file = Vec::new();
    for _ in 0..2 {
        command(&mut file, [b"SET", &b"k"[..], &large].iter());
        command(&mut file, [b"GET", &b"k"[..]].iter());
    }
    let outcome = read_from(Reader::new(Pieces(&file, 100_000), true));
    assert_eq!((commands(&outcome).len(), &outcome), (4, &read(&file)));
}

/// The words of redis-check-aof, and where it says that it is.
#[test]
fn what_is_wrong_is_said_in_redis_words() {
    let cases: [(&[u8], u64, &str); 18] = [
        (b"*1\r\n$4\r\nPING\r\nx", 14, "Expected prefix '*' or '#', got: 'x'"),
        (b"*1\r\n$4\r\nPING\r\n\x80", 14, "Expected prefix '*' or '#', got: '\\x80'"),
        (b"*1\r\n:4\r\n", 4, "Expected prefix '$', got: ':'"),
        (b"*1\r\n$4\r\nPINGxy", 8, "Expected \\r\\n, got: 7879"),
        (b"*1\n$4\r\nPING\r\n", 0, "Expected \\r\\n, got: 0a24"),
        (b"*1x", 0, "Expected \\r\\n, got: 7800"),
        (b"*1\r", 0, "Expected \\r\\n, got: 0d00"),
        (b"*1", 0, "Expected \\r\\n, got: 0000"),
        (b"*1\r\n", 4, "Unexpected end of file"),
        (b"*0\r\n", 0, "Expected a command of 0 arguments, which is not in the suitable range"),
        (b"*-1\r\n", 0, "Expected a command of -1 arguments, which is not in the suitable range"),
        (
            b"*2147483648\r\n",
            0,
            "Expected a command of 2147483648 arguments, which is not in the suitable range",
        ),
        (b"*1\r\n$-1\r\n", 4, "Expected to read string of -1 bytes, which is not in the suitable range"),
        (
            b"*1\r\n$99999999999999999999\r\n",
            4,
            "Expected to read string of 9223372036854775807 bytes, which is not in the suitable range",
        ),
        (b"*1\r\n$4\r\nPI", 8, "Expected to read 6 bytes, got 2 bytes"),
        (b"*1\r\n$9223372036854775800\r\nPI", 26, "Expected to read 9223372036854775802 bytes, got 2 bytes"),
        (b"#TS:1\r\n#TS:", 7, "Unexpected end of file in an annotation"),
        (b"#CK:0 0000000000000001\r\n", 0, "Wrong checksum: the file is damaged between offset 0 and here"),
    ];
    for (file, offset, text) in cases {
        let (error, _) = read(file).1.expect(text);
        assert_eq!((error.offset, error.to_string().as_str()), (offset, text), "{}", file.escape_ascii());
    }
    assert_eq!(read(&[b"#", &b"x".repeat(1021)[..], b"\n"].concat()).1, None);
    let (error, _) = read(&[b"#", &b"x".repeat(1022)[..], b"\n"].concat()).1.expect("too long");
    assert_eq!(error.kind, ErrorKind::LongAnnotation);
}

proptest! {
    #[test]
    fn any_commands_come_back(
        file in prop::collection::vec(prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..5), 0..20),
        least in 1u64..300,
        piece in 1usize..200,
    ) {
        let (mut bytes, mut sums) = (Vec::new(), Checksums::default());
        for args in &file {
            let mut encoded = Vec::new();
            command(&mut encoded, args.iter());
            sums.seal(&mut encoded, least);
            bytes.extend(encoded);
        }
        let outcome = read_from(Reader::new(Pieces(&bytes, piece), true));
        prop_assert_eq!(&outcome.1, &None);
        let expected: Vec<Owned> = file.into_iter().map(Owned::Command).collect();
        prop_assert_eq!(commands(&outcome), expected);
    }

    #[test]
    fn any_bytes_end(bytes in "[*$#0-9a-c\r\n-]{0,60}|(\\*[1-3]\r\n|\\$[0-4]\r\n|[ab]{1,4}\r\n|#[a-z:]{0,4}\r\n){0,12}", piece in 1usize..20) {
        let pieces = read_from(Reader::new(Pieces(bytes.as_bytes(), piece), true));
        prop_assert_eq!(pieces, read(bytes.as_bytes()));
    }
}
