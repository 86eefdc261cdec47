//! Files that we do not write: of old versions, of Valkey, with modules; synthesised from the format's description.

use super::{ErrorKind, error_of, items_of};

/// A file of this start and these bytes, without a checksum; its items in words.
fn items(magic: &str, bytes: &[u8]) -> Vec<String> {
    let file = [magic.as_bytes(), bytes, &[0xff, 0, 0, 0, 0, 0, 0, 0, 0]].concat();
    let (items, error) = items_of(&file, 3);
    assert_eq!(error, None);
    items
}

/// Of Redis 2.2 or so: times are seconds, small hashes zipmaps, and the end is the end.
#[test]
fn the_first_version() {
    let file = b"REDIS0001\xfe\x02\xfd\x10\x27\x00\x00\x00\x01k\x01v\x09\x01h\x07\x01\x01a\x01\x00b\xff\xff";
    let (items, error) = items_of(file, 2);
    assert_eq!(error, None);
    let expected =
        ["version 1", "database 2", "2 k expires 10000000 string v", "2 h hash listpack a=b", "Absent"];
    assert_eq!(items, expected);
}

#[test]
fn checksums_begin_with_version_5() {
    assert_eq!(items_of(b"REDIS0004\xff", 1).0, ["version 4", "Absent"]);
    assert_eq!(items_of(b"REDIS0005\xff", 1).0, ["version 5"]);
    assert_eq!(items("REDIS0005", b""), ["version 5", "Unverified"]);
    assert_eq!(error_of(b"REDIS0005\xff\x01\0\0\0\0\0\0\0"), {
        let computed = codec::crc64::crc64(b"REDIS0005\xff");
        ErrorKind::Checksum { computed, found: 1 }
    });
}

#[test]
fn starts_that_are_none() {
    for (file, error) in [
        (&b"REDIS"[..], ErrorKind::Truncated),
        (b"", ErrorKind::Truncated),
        (b"RADIS0009", ErrorKind::Signature),
        (b"*1\r\n$4\r\nPING\r\n", ErrorKind::Signature),
        (b"REDIS0000", ErrorKind::Version(0)),
        (b"REDIS0013", ErrorKind::Version(13)),
        (b"REDIS0080", ErrorKind::Version(80)),
        (b"REDIS-009", ErrorKind::Version(0)),
        (b"VALKEY012", ErrorKind::Version(12)),
        (b"VALKEY082", ErrorKind::Version(82)),
    ] {
        assert_eq!(error_of(file), error, "{}", file.escape_ascii());
    }
}

/// Type 22 has a meaning in Valkey's files alone, which are those of versions 80 and 81.
#[test]
fn files_of_valkey() {
    let hash = b"\x16\x01h\x01\x01f\x01v\x40\x42\x0f\x00\x00\x00\x00\x00";
    let slot = b"\xf4\x43\x21\x02\x01";
    let expected = ["0 h hash listpackex f=v=1000000", "slot 801: 2 keys, 1 expiring", "Unverified"];
    for version in ["VALKEY080", "VALKEY081"] {
        assert_eq!(items(version, &[&hash[..], slot].concat())[1..], expected);
    }
    assert_eq!(error_of(b"REDIS0012\x16\x01h\x01"), ErrorKind::Type(22));
    for code in [0xf3, 23, 24, 25] {
        assert_eq!(error_of(&[b"VALKEY080", &[code][..]].concat()), ErrorKind::Type(code));
    }
}

/// Data of modules are skipped by their own structure.
#[test]
fn modules() {
    let id = b"\x81\x00\x00\x00\x00\x00\x00\x04\x01";
    let data = b"\x01\x05\x02\x80\0\0\xff\xff\x03abcd\x04abcdefgh\x05\x03abc\x00";
    let aux = [&b"\xf7"[..], id, b"\x02\x01", data].concat();
    let key = [&b"\x07\x01m"[..], id, data, b"\x00\x01k\x01v"].concat();
    let read = items("REDIS0009", &[aux, key].concat());
    assert_eq!(read[1], "module AAAAAAAAB");
    assert_eq!(read[2], "0 m module data that cannot be loaded: no module type 'AAAAAAAAB' at offset 52");
    assert_eq!(read[3..], ["0 k string v", "Unverified"]);
    let wrong = [&b"REDIS0009\xf7"[..], id, b"\x02\x01\x06"].concat();
    assert_eq!(error_of(&wrong), ErrorKind::Value("unknown part of a module's value"));
    let when = [&b"REDIS0009\xf7"[..], id, b"\x01\x01\x00"].concat();
    assert_eq!(error_of(&when), ErrorKind::Value("module data do not say when to load them"));
}

#[test]
fn what_only_release_candidates_wrote() {
    assert_eq!(error_of(b"REDIS0010\xf6"), ErrorKind::PreRelease("function"));
    assert_eq!(error_of(b"REDIS0008\x06\x01k"), ErrorKind::PreRelease("module"));
}

/// What is said about a key is for the next one alone, whatever stands between.
#[test]
fn what_is_said_is_for_the_next_key() {
    let key = b"\x00\x01k\x01v";
    let said = b"\xfc\x05\0\0\0\0\0\0\0\xf8\x40\x64\xf9\x07\xfa\x01a\x01b";
    let read = items("REDIS0009", &[&said[..], key, key].concat());
    assert_eq!(read[1..3], ["aux a b", "0 k expires 5 idle 100 frequency 7 string v"]);
    assert_eq!(read[3], "0 k string v");
    let never = b"\xfc\xff\xff\xff\xff\xff\xff\xff\xff\x00\x01k\x01v";
    assert_eq!(items("REDIS0009", never)[1], "0 k string v");
}

/// An empty collection is an error of its key, which a loader passes over; what follows is read.
#[test]
fn keys_that_cannot_be_read_do_not_end_a_file() {
    let read = items("REDIS0009", b"\x01\x01l\x00\x02\x01s\x02\x01a\x01a\x00\x01k\x01v");
    assert_eq!(read[1], "0 l list has no elements at offset 12");
    assert_eq!(read[2], "0 s Set integrity check failed: a member stands there twice at offset 19");
    assert_eq!(read[3], "0 k string v");
}
