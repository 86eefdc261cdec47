//! Lengths and strings: limits, round trips, damage.

use super::*;
use proptest::prelude::*;

fn written(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut Writer::new(&mut out));
    out
}

fn read_string(bytes: &[u8]) -> Result<Str<'_>, Error> {
    Reader::new(bytes).string()
}

#[test]
fn lengths_take_their_smallest_form() {
    for (value, bytes) in [
        (0, &b"\x00"[..]),
        (63, b"\x3f"),
        (64, b"\x40\x40"),
        (16383, b"\x7f\xff"),
        (16384, b"\x80\0\0\x40\0"),
        (u64::from(u32::MAX), b"\x80\xff\xff\xff\xff"),
        (u64::from(u32::MAX) + 1, b"\x81\0\0\0\x01\0\0\0\0"),
        (u64::MAX, b"\x81\xff\xff\xff\xff\xff\xff\xff\xff"),
    ] {
        assert_eq!(written(|writer| writer.length(value)), bytes);
        assert_eq!(Reader::new(bytes).length(), Ok(value));
    }
}

#[test]
fn integers_take_their_smallest_form() {
    for (value, bytes) in [
        (0, &b"\xc0\x00"[..]),
        (127, b"\xc0\x7f"),
        (-128, b"\xc0\x80"),
        (128, b"\xc1\x80\x00"),
        (-32768, b"\xc1\x00\x80"),
        (32768, b"\xc2\x00\x80\x00\x00"),
        (i64::from(i32::MIN), b"\xc2\x00\x00\x00\x80"),
        (i64::from(i32::MAX) + 1, b"\x0a2147483648"),
        (i64::MIN, b"\x14-9223372036854775808"),
    ] {
        assert_eq!(written(|writer| writer.integer(value)), bytes);
        assert_eq!(written(|writer| writer.string(value.to_string().as_bytes())), bytes);
        assert_eq!(read_string(bytes).map(Str::into_vec), Ok(value.to_string().into_bytes()));
    }
    assert_eq!(written(|writer| writer.string(b"007")), b"\x03007");
}

#[test]
fn compression_begins_at_21_bytes_and_can_be_off() {
    assert_eq!(written(|writer| writer.string(&[b'a'; 20]))[0], 20);
    assert_eq!(written(|writer| writer.string(&[b'a'; 21])), b"\xc3\x06\x15\x01aa\xe0\x0a\x00");
    let mut out = Vec::new();
    Writer::uncompressed(&mut out).string(&[b'a'; 21]);
    assert_eq!(out, b"\x15aaaaaaaaaaaaaaaaaaaaa");
}

#[test]
fn damage_is_typed_and_placed() {
    let at = |offset, kind| Err(Error { offset, kind });
    for (bytes, expected) in [
        (&b""[..], at(0, ErrorKind::Truncated)),
        (b"\x05abcd", at(1, ErrorKind::Truncated)),
        (b"\x41", at(1, ErrorKind::Truncated)),
        (b"\x80\0\0", at(1, ErrorKind::Truncated)),
        (b"\x81\xff\xff\xff\xff\xff\xff\xff\xffabc", at(9, ErrorKind::Truncated)),
        (b"\x82", at(0, ErrorKind::Length(0x82))),
        (b"\xbf", at(0, ErrorKind::Length(0xbf))),
        (b"\xc4", at(0, ErrorKind::Encoding(4))),
        (b"\xc2\0\0\0", at(1, ErrorKind::Truncated)),
        (b"\xc3\xc0\x05", at(1, ErrorKind::Encoding(0))),
        (b"\xc3\x03\x05\x01ab", at(0, ErrorKind::Lzf)),
        (b"\xc3\x03\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01ab", at(0, ErrorKind::Lzf)),
    ] {
        assert_eq!(read_string(bytes), expected, "{}", bytes.escape_ascii());
    }
}

proptest! {
    #[test]
    fn strings_round_trip(
        strings in prop::collection::vec(prop_oneof![
            any::<Vec<u8>>(),
            (any::<u8>(), 0..40_000usize).prop_map(|(byte, len)| vec![byte; len]),
            "-?[0-9]{1,12}".prop_map(String::into_bytes),
        ], 0..6),
        compress: bool,
    ) {
        let mut out = Vec::new();
        let mut writer = if compress { Writer::new(&mut out) } else { Writer::uncompressed(&mut out) };
        strings.iter().for_each(|string| writer.string(string));
        let mut reader = Reader::new(&out);
        for string in strings {
            prop_assert_eq!(reader.string().map(Str::into_vec), Ok(string));
        }
        prop_assert_eq!((reader.offset(), reader.rest()), (out.len(), &b""[..]));
    }

    #[test]
    fn any_bytes_are_safe(bytes: Vec<u8>, encoded: bool) {
        let bytes = if encoded { [b"\xc3", &bytes[..]].concat() } else { bytes };
        if let Err(error) = read_string(&bytes) {
            prop_assert!(error.offset <= bytes.len());
        }
    }
}
