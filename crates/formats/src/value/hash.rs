//! Hashes: a listpack, or fields and values by turns; since version 12 with due times.
//!
//! ```text
//! listpack              one string, the bytes of the listpack
//! fields                count, then a field and its value, both strings
//! listpack with times   first due time u64, then one string, the bytes of the listpack
//! fields with times     first due time u64, count, then a time, a field and its value
//! Valkey's, likewise    count, then a field, its value and a due time i64
//! ziplist, zipmap       one string, its bytes: before version 10, and before version 4
//! ```
//!
//! Due times are in Unix milliseconds (little-endian). The first is 0 if there is none; a field's time is a length: the
//! milliseconds since the first due time and 1 more, or 0 for a field that is never due. Valkey's is -1 for such a one.

use codec::listpack::{Listpack, ListpackRef};
use codec::zipmap::ZipmapRef;
use data::hash::{Shown, Unsound};
use data::{Hash, Limits};

use crate::rdb::{Error, ErrorKind, Reader, Writer, types, version};

/// The type byte for readers of a version, and the lowest version that knows it.
pub fn form(hash: &Hash, reader: u16) -> (u8, u16) {
    match (hash.is_timed(), hash.as_listpack(), hash.as_timed_listpack()) {
        (true, _, Some(_)) => (types::HASH_LISTPACK_EX, version::REDIS_7_4),
        (true, ..) => (types::HASH_METADATA, version::REDIS_7_4),
        (false, Some(_), _) if reader >= version::REDIS_7_0 => (types::HASH_LISTPACK, version::REDIS_7_0),
        (false, ..) => (types::HASH, version::REDIS_5),
    }
}

/// Writes a hash in its form for readers of a version.
pub fn write(hash: &Hash, reader: u16, writer: &mut Writer<'_>) {
    let timed = hash.is_timed();
    let first = hash.iter().filter_map(|shown| shown.due).min().unwrap_or(0);
    if timed {
        writer.raw(&first.to_le_bytes());
    }
    let listpack = match form(hash, reader).0 {
        types::HASH_LISTPACK_EX => hash.as_timed_listpack(),
        types::HASH_LISTPACK => hash.as_listpack(),
        _ => None,
    };
    if let Some(listpack) = listpack {
        return writer.string(listpack.as_bytes());
    }
    writer.length(hash.len() as u64);
    for Shown { name, value, due } in hash.iter() {
        if timed {
            writer.length(due.map_or(0, |due| (due - first) as u64 + 1));
        }
        name.with_bytes(|name| writer.string(name));
        value.with_bytes(|value| writer.string(value));
    }
}

const DUPLICATE: &str = "Hash integrity check failed: a field stands there twice";
const EMPTY: &str = "hash has no fields";
const TIME: &str = "hash has an invalid due time";

/// Reads one that is a listpack.
pub fn read_listpack(reader: &mut Reader<'_>, limits: &Limits) -> Result<Hash, Error> {
    listpack(reader, |listpack| Hash::from_listpack(listpack, limits))
}

/// Reads one that is a listpack with times.
pub fn read_timed_listpack(reader: &mut Reader<'_>, limits: &Limits) -> Result<Hash, Error> {
    // The listpack says the same.
    first_time(reader)?;
    listpack(reader, |listpack| Hash::from_timed_listpack(listpack, limits))
}

fn listpack(
    reader: &mut Reader<'_>,
    make: impl FnOnce(ListpackRef<'_>) -> Result<Hash, Unsound>,
) -> Result<Hash, Error> {
    let offset = reader.offset();
    let wrong = |text| Error { offset, kind: ErrorKind::Value(text) };
    let bytes = reader.string()?.into_bytes();
    let listpack =
        ListpackRef::validate(&bytes).map_err(|_| wrong("Hash listpack integrity check failed"))?;
    sound(offset, make(listpack))
}

/// What a listpack at an offset was found to be.
fn sound(offset: usize, hash: Result<Hash, Unsound>) -> Result<Hash, Error> {
    let wrong = |text| Error { offset, kind: ErrorKind::Value(text) };
    let hash = hash.map_err(|unsound| {
        wrong(match unsound {
            Unsound::Odd => "hash has a field without a value",
            Unsound::Duplicate => DUPLICATE,
            Unsound::Time => TIME,
        })
    })?;
    if hash.is_empty() { Err(Error { offset, kind: ErrorKind::Empty(EMPTY) }) } else { Ok(hash) }
}

/// Reads one that is a ziplist.
pub fn read_ziplist(reader: &mut Reader<'_>, limits: &Limits) -> Result<Hash, Error> {
    let offset = reader.offset();
    let listpack = super::ziplist(reader, "Hash ziplist integrity check failed")?;
    sound(offset, Hash::from_listpack(listpack.view(), limits))
}

/// Reads one that is a zipmap.
pub fn read_zipmap(reader: &mut Reader<'_>, limits: &Limits) -> Result<Hash, Error> {
    let offset = reader.offset();
    let bytes = reader.string()?.into_bytes();
    let wrong = Error { offset, kind: ErrorKind::Value("Zipmap integrity check failed") };
    let zipmap = ZipmapRef::validate(&bytes).map_err(|_| wrong)?;
    let mut listpack = Listpack::new();
    // Without the spare bytes it is hardly larger; if it were, it would be no zipmap that Redis made.
    if !listpack.fits(bytes.len()) {
        return Err(wrong);
    }
    listpack.push_all(zipmap.iter().flat_map(|(name, value)| [name.into(), value.into()]));
    sound(offset, Hash::from_listpack(listpack.view(), limits))
}

fn first_time(reader: &mut Reader<'_>) -> Result<i64, Error> {
    let offset = reader.offset();
    let first = i64::from_le_bytes(reader.array()?);
    if first < 0 { Err(Error { offset, kind: ErrorKind::Value(TIME) }) } else { Ok(first) }
}

/// Reads one that is fields and values.
pub fn read_fields(reader: &mut Reader<'_>, limits: &Limits) -> Result<Hash, Error> {
    fields(reader, limits, |reader| Ok((field_and_value(reader)?, None)))
}

/// Reads one that is times, fields and values.
pub fn read_timed_fields(reader: &mut Reader<'_>, limits: &Limits) -> Result<Hash, Error> {
    let first = first_time(reader)?;
    fields(reader, limits, |reader| {
        let offset = reader.offset();
        let since = reader.length()?.checked_sub(1);
        let due = |since| i64::try_from(since).ok().and_then(|since| first.checked_add(since));
        let due = since.map(|since| checked_time(offset, due(since))).transpose()?;
        Ok((field_and_value(reader)?, due))
    })
}

/// Reads one that is fields, values and times, as Valkey writes it.
pub fn read_valkey_fields(reader: &mut Reader<'_>, limits: &Limits) -> Result<Hash, Error> {
    const NEVER: i64 = -1;
    fields(reader, limits, |reader| {
        let (pair, offset) = (field_and_value(reader)?, reader.offset());
        let due = Some(i64::from_le_bytes(reader.array()?)).filter(|due| *due != NEVER);
        Ok((pair, due.map(|due| checked_time(offset, Some(due))).transpose()?))
    })
}

/// A due time, which is above 0.
fn checked_time(offset: usize, due: Option<i64>) -> Result<i64, Error> {
    due.filter(|due| *due > 0).ok_or(Error { offset, kind: ErrorKind::Value(TIME) })
}

fn field_and_value(reader: &mut Reader<'_>) -> Result<(Vec<u8>, Vec<u8>), Error> {
    Ok((reader.string()?.into_vec(), reader.string()?.into_vec()))
}

fn fields(
    reader: &mut Reader<'_>,
    limits: &Limits,
    mut read_one: impl FnMut(&mut Reader<'_>) -> Result<((Vec<u8>, Vec<u8>), Option<i64>), Error>,
) -> Result<Hash, Error> {
    let start = reader.offset();
    let (count, mut hash) = (reader.length()?, Hash::default());
    if count == 0 {
        return Err(Error { offset: start, kind: ErrorKind::Empty(EMPTY) });
    }
    for _ in 0..count {
        let offset = reader.offset();
        let ((field, value), due) = read_one(reader)?;
        hash.expect([&field[..], &value[..]].into_iter(), limits);
        if !hash.set(&field, &value, limits) {
            return Err(Error { offset, kind: ErrorKind::Value(DUPLICATE) });
        }
        if due.is_some() {
            hash.set_due(&field, due);
        }
    }
    Ok(hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::{self, Value};
    use data::{Object, ObjectRef};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn decode(payload: &[u8]) -> Result<Hash, String> {
        let body = dump::verify(payload).map_err(|e| e.to_string())?;
        match dump::decode(body, &Limits::default()).map_err(|e| e.to_string())? {
            Value::Object(Object::Hash(hash)) => Ok(hash),
            other => Err(format!("{other:?}")),
        }
    }

    fn fields(hash: &Hash) -> BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)> {
        hash.iter().map(|shown| (shown.name.to_vec(), (shown.value.to_vec(), shown.due))).collect()
    }

    #[test]
    fn damage_is_named() {
        let limits = Limits::default();
        for (body, error) in [
            (&b"\x00"[..], EMPTY),
            (b"\x02\x01a\x01b\x01a\x01c", DUPLICATE),
            (b"\x02\x01a\x01b\x01b", "unexpected end"),
            (b"\x80\xff\xff\xff\xff\x01a\x01b", "unexpected end"),
        ] {
            let found = read_fields(&mut Reader::new(body), &limits).map(|hash| fields(&hash));
            assert!(found.clone().is_err_and(|e| e.to_string().starts_with(error)), "{body:?}: {found:?}");
        }
        for (body, error) in [
            (&b"\0\0\0\0\0\0\0\0\x01\0\x01a"[..], "unexpected end"),
            (b"\0\0\0\0\0\0\0\x80\x01\0\x01a\x01b", TIME),
            (b"\0\0\0\0\0\0\0\0\x01\x01\x01a\x01b", TIME),
            (b"\x01\0\0\0\0\0\0\0\x01\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01a\x01b", TIME),
        ] {
            let found = read_timed_fields(&mut Reader::new(body), &limits).map(|hash| fields(&hash));
            assert!(found.clone().is_err_and(|e| e.to_string().starts_with(error)), "{body:?}: {found:?}");
        }
        let found = read_listpack(&mut Reader::new(b"\x01a"), &limits).map(|hash| fields(&hash));
        assert!(found.is_err_and(|e| e.to_string().starts_with("Hash listpack integrity check failed")));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            pairs in prop::collection::btree_map("[a-z]{0,3}", ("[a-z0-9]{0,80}", prop::option::of(1i64..1 << 46)), 1..20),
        ) {
            let (mut hash, limits) = (Hash::default(), Limits { hash_max_listpack_entries: 8, ..Limits::default() });
            for (field, (value, due)) in &pairs {
                hash.expect([field.as_bytes(), value.as_bytes()].into_iter(), &limits);
                hash.set(field.as_bytes(), value.as_bytes(), &limits);
                hash.set_due(field.as_bytes(), *due);
            }
            let payload = dump::object(ObjectRef::Hash(&hash));
            prop_assert_eq!(decode(&payload).map(|hash| fields(&hash)), Ok(fields(&hash)));
        }
    }
}
