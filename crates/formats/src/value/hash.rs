//! Hashes: a listpack, or fields and values by turns.
//!
//! ```text
//! listpack      one string, the bytes of the listpack
//! fields        count, then a field and its value, both strings
//! ```

use codec::listpack::ListpackRef;
use data::hash::Unsound;
use data::{Hash, Limits};

use crate::rdb::{Error, ErrorKind, Reader, Writer, types, version};

/// The type byte, and the lowest version that knows it.
pub fn form(hash: &Hash) -> (u8, u16) {
    match hash.as_listpack() {
        Some(_) => (types::HASH_LISTPACK, version::REDIS_7_0),
        None => (types::HASH, version::REDIS_5),
    }
}

/// Writes a hash in its form.
pub fn write(hash: &Hash, writer: &mut Writer<'_>) {
    if let Some(listpack) = hash.as_listpack() {
        return writer.string(listpack.as_bytes());
    }
    writer.length(hash.len() as u64);
    for (field, value) in hash.iter() {
        field.with_bytes(|field| writer.string(field));
        value.with_bytes(|value| writer.string(value));
    }
}

const DUPLICATE: &str = "hash has a field twice";
const EMPTY: &str = "hash has no fields";

/// Reads one that is a listpack.
pub fn read_listpack(reader: &mut Reader<'_>, limits: &Limits) -> Result<Hash, Error> {
    let offset = reader.offset();
    let wrong = |text| Error { offset, kind: ErrorKind::Value(text) };
    let bytes = reader.string()?.into_vec();
    let listpack = ListpackRef::validate(&bytes).map_err(|_| wrong("invalid listpack of a hash"))?;
    let hash = Hash::from_listpack(listpack, limits).map_err(|unsound| {
        wrong(match unsound {
            Unsound::Odd => "hash has a field without a value",
            Unsound::Duplicate => DUPLICATE,
        })
    })?;
    if hash.is_empty() { Err(wrong(EMPTY)) } else { Ok(hash) }
}

/// Reads one that is fields and values.
pub fn read_fields(reader: &mut Reader<'_>, limits: &Limits) -> Result<Hash, Error> {
    let start = reader.offset();
    let (count, mut hash) = (reader.length()?, Hash::default());
    if count == 0 {
        return Err(Error { offset: start, kind: ErrorKind::Value(EMPTY) });
    }
    for _ in 0..count {
        let offset = reader.offset();
        let (field, value) = (reader.string()?.into_vec(), reader.string()?.into_vec());
        hash.expect([&field[..], &value[..]].into_iter(), limits);
        if !hash.set(&field, &value, limits) {
            return Err(Error { offset, kind: ErrorKind::Value(DUPLICATE) });
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

    fn fields(hash: &Hash) -> BTreeMap<Vec<u8>, Vec<u8>> {
        hash.iter().map(|(field, value)| (field.to_vec(), value.to_vec())).collect()
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
        let found = read_listpack(&mut Reader::new(b"\x01a"), &limits).map(|hash| fields(&hash));
        assert!(found.is_err_and(|e| e.to_string().starts_with("invalid listpack of a hash")));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(pairs in prop::collection::btree_map("[a-z]{0,3}", "[a-z0-9]{0,80}", 1..20)) {
            let (mut hash, limits) = (Hash::default(), Limits { hash_max_listpack_entries: 8, ..Limits::default() });
            for (field, value) in &pairs {
                hash.expect([field.as_bytes(), value.as_bytes()].into_iter(), &limits);
                hash.set(field.as_bytes(), value.as_bytes(), &limits);
            }
            let payload = dump::object(ObjectRef::Hash(&hash));
            prop_assert_eq!(decode(&payload).map(|hash| fields(&hash)), Ok(fields(&hash)));
        }
    }
}
