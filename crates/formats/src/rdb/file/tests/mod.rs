//! Files: what is written is read, in any pieces; damage is an error, never a panic.

mod model;
mod old;

use super::*;
use crate::rdb::{Error, ErrorKind, Str};
use data::Limits;
use model::{described, limits};
use proptest::prelude::*;

/// All items of a file that is fed in pieces of this size, in words, up to an error if there is one.
fn items_of(file: &[u8], piece: usize) -> (Vec<String>, Option<Error>) {
    let (mut parser, mut items) = (Parser::default(), Vec::new());
    for bytes in file.chunks(piece) {
        parser.feed(bytes);
        loop {
            match parser.next() {
                Ok(Some(item)) => items.push(described(&item)),
                Ok(None) => break,
                Err(error) => return (items, Some(error)),
            }
        }
        assert!(parser.offset() <= parser.fed());
    }
    (items, None)
}

/// The error that reading a file ends with.
fn error_of(file: &[u8]) -> ErrorKind {
    let mut reader = FileReader::new(file, true);
    loop {
        match reader.next() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("a sound file"),
            Err(ReadError::Format(error)) => return error.kind,
            Err(ReadError::Io(error)) => panic!("{error}"),
        }
    }
}

/// A file with one key: k is v.
fn small() -> Vec<u8> {
    let mut writer = FileWriter::new(Vec::new(), Options::default()).expect("a version that is written");
    writer.aux("redis-ver", b"7.4.1").expect("memory");
    writer.database(0, 1, 0).expect("memory");
    let value = Value::String(b"v");
    let key = Key { key: b"k", value, expiry: None, idle: None, frequency: None };
    writer.key(&key).expect("memory");
    writer.finish().expect("memory")
}

/// What redis-server 7.0.15 writes but for the AUX fields, and their checksum.
#[test]
fn the_bytes_of_a_small_file() {
    let file = small();
    let (body, checksum) = file.split_at(file.len() - 8);
    assert_eq!(body, b"REDIS0010\xfa\x09redis-ver\x057.4.1\xfe\x00\xfb\x01\x00\x00\x01k\x01v\xff");
    assert_eq!(checksum, codec::crc64::crc64(body).to_le_bytes());
    let (items, error) = items_of(&file, file.len());
    assert_eq!(error, None);
    assert_eq!(
        items,
        ["version 10", "aux redis-ver 7.4.1", "database 0", "1 keys, 0 expiring", "0 k string v", "Verified"]
    );
}

#[test]
fn what_no_version_carries_is_not_written() {
    let refused = |version| FileWriter::new(Vec::new(), Options { version, ..Options::default() }).map(drop);
    for version in [8, 13, 80] {
        assert_eq!(refused(version).map_err(|error| error.kind()), Err(std::io::ErrorKind::InvalidInput));
    }
    let mut hash = data::Hash::default();
    hash.set(b"field", b"value", &Limits::default());
    hash.set_due(b"field", Some(1));
    let value = Value::Object(data::ObjectRef::Hash(&hash));
    let key = Key { key: b"k", value, expiry: Some(5), idle: None, frequency: None };
    let mut out = Vec::new();
    let encoded = Options { version: 11, ..Options::default() }.encode(&key, &mut out);
    assert_eq!((encoded, out.len()), (Err(Unwritable { needs: 12 }), 0));
    let options = Options { version: 9, ..Options::default() };
    let mut writer = FileWriter::new(Vec::new(), options).expect("a version that is written");
    assert!(writer.function(b"#!lua name=x").is_err());
}

/// Each place where a small file can end: too early everywhere but behind the end.
#[test]
fn files_that_end_too_early() {
    let file = small();
    for end in 0..file.len() {
        let mut reader = FileReader::new(&file[..end], true);
        let error = std::iter::from_fn(|| reader.next().map(|item| item.map(drop)).transpose())
            .find_map(Result::err)
            .unwrap_or_else(|| panic!("read to the end without what is behind {end}"));
        let ReadError::Format(error) = error else { panic!("{error}") };
        assert_eq!(error, Error { offset: end, kind: ErrorKind::Truncated });
        assert_eq!(error.to_string(), format!("unexpected end at offset {end}"));
    }
}

#[test]
fn a_changed_byte_is_found() {
    let file = small();
    for at in 0..file.len() {
        let mut changed = file.clone();
        changed[at] ^= 1;
        error_of(&changed);
    }
    let mut changed = file.clone();
    let place = file.len() - 10;
    changed[place] = b'w';
    assert!(matches!(error_of(&changed), ErrorKind::Checksum { .. }));
    let mut reader = FileReader::new(&changed[..], false);
    while reader.next().expect("nothing is verified").is_some() {}
}

/// An AOF may follow a file.
#[test]
fn what_follows_is_left() {
    let tail = b"*1\r\n$4\r\nPING\r\n";
    let file = [&small()[..], tail].concat();
    let mut reader = FileReader::new(&file[..], true);
    while reader.next().expect("sound").is_some() {}
    assert_eq!(reader.offset(), small().len());
    let (rest, source) = reader.into_rest();
    assert_eq!([&rest[..], source].concat(), tail);
}

/// A source that fails does so through the reader, once it has given what it has.
#[test]
fn sources_may_fail() {
    struct Failing(Vec<u8>);
    impl std::io::Read for Failing {
        fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
            let Some(byte) = self.0.pop() else { return Err(std::io::Error::other("gone")) };
            room[0] = byte;
            Ok(1)
        }
    }
    let mut reader = FileReader::new(Failing(b"0100SIDER".to_vec()), true);
    assert!(matches!(reader.next(), Ok(Some(Item::Version(10)))));
    assert!(matches!(reader.next(), Err(ReadError::Io(error)) if error.to_string() == "gone"));
}

/// A long string costs no more room than it has, and a long length none.
#[test]
fn lengths_allocate_nothing() {
    let claims = b"REDIS0010\xfa\x81\x7f\xff\xff\xff\xff\xff\xff\xff";
    assert_eq!(error_of(claims), ErrorKind::Truncated);
    let many = b"REDIS0010\x01\x01k\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01a";
    assert_eq!(error_of(many), ErrorKind::Truncated);
}

proptest! {
    #[test]
    fn what_is_written_is_read(file in model::file(), piece in 1..200usize) {
        let bytes = file.write();
        let (items, error) = items_of(&bytes, piece);
        prop_assert_eq!(error, None);
        prop_assert_eq!(items, file.described());
        let mut reader = FileReader::new(&bytes[..], true);
        let mut count = 0;
        while let Some(item) = reader.next().expect("sound") {
            count += 1;
            if let Item::Key(entry) = item {
                let mut rest = crate::rdb::Reader::new(entry.value.bytes);
                crate::dump::Value::read(entry.value.value_type, file.version, &mut rest, &limits()).expect("sound");
                prop_assert!(rest.rest().is_empty(), "the layout and the reader agree where a value ends");
            }
        }
        prop_assert_eq!(count, file.described().len());
    }

    /// A damaged file gives the same items and the same error in any pieces.
    #[test]
    fn damage_is_safe(
        file in model::file(),
        piece in 1..50usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = file.write();
        for (at, to) in changes {
            let at = at.index(bytes.len());
            bytes[at] = to;
        }
        prop_assert_eq!(items_of(&bytes, piece), items_of(&bytes, bytes.len()));
    }

    #[test]
    fn any_bytes_are_safe(version in 1..14u16, bytes: Vec<u8>, piece in 1..20usize) {
        let file = [format!("REDIS{version:04}").as_bytes(), &bytes].concat();
        prop_assert_eq!(items_of(&file, piece), items_of(&file, file.len()));
        let _ = items_of(&bytes, piece);
    }
}
