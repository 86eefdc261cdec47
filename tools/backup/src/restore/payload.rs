//! A key of a snapshot as the argument of RESTORE.

use formats::dump;
use formats::rdb::file::RawValue;
use formats::rdb::{types, version};

/// The payload of a value: its bytes as they are, marked with the lowest version that carries them, so that an older server than the one
/// that was backed up takes all that it can.
pub fn payload(value: &RawValue<'_>) -> Vec<u8> {
    let mut payload = Vec::with_capacity(value.bytes.len() + 11);
    payload.push(value.value_type);
    payload.extend_from_slice(value.bytes);
    dump::append_footer(&mut payload, lowest_version(value));
    payload
}

fn lowest_version(value: &RawValue<'_>) -> u16 {
    let lowest = match value.value_type {
        types::STRING..=types::STREAM_LISTPACKS => version::REDIS_5,
        types::HASH_LISTPACK..=types::STREAM_LISTPACKS_2 => version::REDIS_7_0,
        types::SET_LISTPACK | types::STREAM_LISTPACKS_3 => version::REDIS_7_2,
        // What later numbers mean depends on whose file it is.
        _ => value.version,
    };
    lowest.min(value.version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_the_lowest() {
        let version_of = |value_type, version| {
            let value = RawValue { value_type, version, offset: 0, bytes: b"\x01a" };
            let payload = payload(&value);
            assert_eq!(dump::verify(&payload), Ok(&[&[value_type], &b"\x01a"[..]].concat()[..]));
            u16::from_le_bytes([payload[3], payload[4]])
        };
        assert_eq!(version_of(types::STRING, 12), 9);
        assert_eq!(version_of(types::STRING, 6), 6);
        assert_eq!(version_of(types::STREAM_LISTPACKS, 80), 9);
        assert_eq!(version_of(types::HASH_LISTPACK, 12), 10);
        assert_eq!(version_of(types::SET_LISTPACK, 12), 11);
        assert_eq!(version_of(types::HASH_METADATA, 12), 12);
        assert_eq!(version_of(types::VALKEY_HASH_2, 80), 80);
    }
}
