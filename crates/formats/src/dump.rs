//! DUMP payloads: one value outside any file, for DUMP, RESTORE and MIGRATE.
//!
//! ```text
//! type u8 | value, as in an RDB file | version u16 | CRC-64 of all before it     (little-endian)
//! ```
//!
//! There is no magic: the version alone tells whose encodings the value may have, and a server refuses one
//! above its own. Hence a payload is marked with the lowest version that carries its value, not with ours.

use std::fmt;

use codec::crc64::crc64;
use data::{Limits, Object, ObjectRef};

use crate::rdb::{Error, Reader, Str, Writer, types, version};
use crate::value;

const CHECKSUM: usize = size_of::<u64>();
const FOOTER: usize = size_of::<u16>() + CHECKSUM;

/// A value out of a payload.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    /// A string.
    String(Str<'a>),
    /// A value of another type.
    Object(Object),
}

impl<'a> Value<'a> {
    /// Reads a value whose type byte was `value_type`, out of a file or a payload of this version of RDB.
    pub fn read(
        value_type: u8,
        version: u16,
        reader: &mut Reader<'a>,
        limits: &Limits,
    ) -> Result<Self, Error> {
        match value_type {
            types::STRING => reader.string().map(Value::String),
            other => value::read(other, version, reader, limits).map(Value::Object),
        }
    }
}

/// Why a payload is refused before its value is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Shorter than its footer.
    Short,
    /// Of a version newer than we read.
    Version(u16),
    /// The checksum is another; a zero is no exception, unlike in RDB files.
    Checksum,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Short => f.write_str("payload is shorter than its footer"),
            Refused::Version(version) => write!(f, "payload version {version} is not known"),
            Refused::Checksum => f.write_str("payload checksum is wrong"),
        }
    }
}

impl std::error::Error for Refused {}

/// The payload of a string.
pub fn string(bytes: &[u8]) -> Vec<u8> {
    payload(version::REDIS_5, types::STRING, |writer| writer.string(bytes))
}

/// The payload of a string that is an integer's decimal text.
pub fn integer(value: i64) -> Vec<u8> {
    payload(version::REDIS_5, types::STRING, |writer| writer.integer(value))
}

/// The payload of a value of another type.
pub fn object(object: ObjectRef<'_>) -> Vec<u8> {
    const READER: u16 = version::REDIS_7_0;
    let (value_type, version) = value::form(object, READER);
    payload(version.max(version::REDIS_5), value_type, |writer| value::write(object, READER, writer))
}

fn payload(version: u16, value_type: u8, write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out);
    writer.byte(value_type);
    write(&mut writer);
    append_footer(&mut out, version);
    out
}

/// Ends a payload of type and value with version and checksum.
pub fn append_footer(payload: &mut Vec<u8>, version: u16) {
    payload.extend_from_slice(&version.to_le_bytes());
    payload.extend_from_slice(&crc64(payload).to_le_bytes());
}

/// Checks a payload's footer, and gives the type and value in front of it.
pub fn verify(payload: &[u8]) -> Result<&[u8], Refused> {
    let (body, footer) = payload.split_last_chunk::<FOOTER>().ok_or(Refused::Short)?;
    let [_, _, checksum @ ..] = *footer;
    let version = version_of(footer);
    if !version::is_known(version) {
        return Err(Refused::Version(version));
    }
    if u64::from_le_bytes(checksum) != crc64(&payload[..payload.len() - CHECKSUM]) {
        return Err(Refused::Checksum);
    }
    Ok(body)
}

fn version_of(footer: &[u8; FOOTER]) -> u16 {
    let [a, b, ..] = *footer;
    u16::from_le_bytes([a, b])
}

/// Decodes the type and value of a payload that [`verify`] accepts. As in Redis, bytes behind the value are ignored, and
/// a damaged value may reach into the footer.
pub fn decode<'a>(payload: &'a [u8], limits: &Limits) -> Result<Value<'a>, Error> {
    let version = payload.last_chunk().map_or(version::NEWEST, version_of);
    let mut reader = Reader::new(payload);
    let value_type = reader.byte()?;
    Value::read(value_type, version, &mut reader, limits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rdb::ErrorKind;
    use proptest::prelude::*;

    /// The value of a body that is a string.
    fn decode_string(body: &[u8]) -> Result<Str<'_>, Error> {
        match decode(body, &Limits::default())? {
            Value::String(string) => Ok(string),
            Value::Object(object) => panic!("{object:?} is no string"),
        }
    }

    /// Payloads of redis-server 7.0.15, version 10.
    const GENUINE: &[(&[u8], &[u8])] = &[
        (b"", b"\x00\x00\n\x00]\x9b\\@\x0f\x7f\xa2\xda"),
        (b"0", b"\x00\xc0\x00\n\x00\x98@\xa7x\xf8P\x03\x08"),
        (b"-128", b"\x00\xc0\x80\n\x00\x99f2m/\x0c[\xd9"),
        (b"32767", b"\x00\xc1\xff\x7f\n\x00IZ7\xda\x17\xf4\xd5+"),
        (b"-2147483648", b"\x00\xc2\x00\x00\x00\x80\n\x00\xc7O\x87>3U\x81\x87"),
        (b"2147483648", b"\x00\n2147483648\n\x00\xe7\xb1)\xa3L\x1dv\xee"),
        (b"9223372036854775807", b"\x00\x139223372036854775807\n\x00:e~\x94\x81\xe8_\""),
        (b"007", b"\x00\x03007\n\x00rX\xe2{Li\xba\xd9"),
        (b"hello", b"\x00\x05hello\n\x00cr\xdfve4 \n"),
        (b"\x00\xff\n", b"\x00\x03\x00\xff\n\n\x00T\xab\xffQ\t\x84mN"),
        (&[b'a'; 20], b"\x00\x14aaaaaaaaaaaaaaaaaaaa\n\x00\x83\xb4k^\x1b\x11\xac\xf1"),
        (&[b'a'; 40], b"\x00\xc3\t(\x01aa\xe0\x1b\x00\x01aa\n\x00\xcf\t/\xaa\xae%\x83\x1d"),
        (
            b"carnelian carnelian carnelian",
            b"\x00\xc3\x12\x1d\ncarnelian c\xe0\x07\t\x01an\n\x00[\xe1\xe3\xf2uwVP",
        ),
        (b"abcdefghijklmnopqrstuvwxyz", b"\x00\x1aabcdefghijklmnopqrstuvwxyz\n\x00\x9e\x1b?4\xab\xfc_y"),
    ];

    fn restore(payload: &[u8]) -> Vec<u8> {
        let string = decode_string(verify(payload).expect("accepted")).expect("decoded");
        string.into_vec()
    }

    #[test]
    fn genuine_payloads_differ_in_their_version_alone() {
        for &(text, genuine) in GENUINE {
            assert_eq!(restore(genuine), text);
            let ours = string(text);
            let body = ours.len() - FOOTER;
            assert_eq!(&ours[..body], &genuine[..body]);
            assert_eq!((&ours[body..body + 2], &genuine[body..body + 2]), (&b"\x09\0"[..], &b"\x0a\0"[..]));
            let mut marked = ours[..body].to_vec();
            append_footer(&mut marked, version::REDIS_7_0);
            assert_eq!(marked, genuine);
        }
    }

    #[test]
    fn footers_are_checked() {
        let good = string(b"hello");
        assert_eq!(verify(b"\x09\0abcdefg"), Err(Refused::Short));
        let mut newer = good[..good.len() - FOOTER].to_vec();
        append_footer(&mut newer, 13);
        assert_eq!(verify(&newer), Err(Refused::Version(13)));
        let mut unsummed = good.clone();
        unsummed[good.len() - CHECKSUM..].fill(0);
        assert_eq!(verify(&unsummed), Err(Refused::Checksum));
        for at in 0..good.len() {
            let mut damaged = good.clone();
            damaged[at] ^= 1;
            assert!(verify(&damaged).is_err(), "byte {at}");
        }
    }

    #[test]
    fn types_that_are_not_read_are_named() {
        assert_eq!(decode_string(b"\x08"), Err(Error { offset: 0, kind: ErrorKind::Type(8) }));
        assert_eq!(decode_string(b""), Err(Error { offset: 0, kind: ErrorKind::Truncated }));
        assert!(decode_string(b"\x00\x01ab").is_ok(), "one byte too many");
    }

    proptest! {
        #[test]
        fn strings_round_trip(bytes: Vec<u8>, value: i64, shift in 0..64u32) {
            prop_assert_eq!(restore(&string(&bytes)), bytes);
            let value = value >> shift;
            prop_assert_eq!(integer(value), string(value.to_string().as_bytes()));
        }
    }
}
