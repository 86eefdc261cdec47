//! Sets: an intset, a listpack, or members.
//!
//! ```text
//! intset        one string, the bytes of the intset
//! listpack      one string, the bytes of the listpack (from RDB version 11 on)
//! members       count, then strings
//! ```
//!
//! Where the reader is of version 10, which knows no listpack of a set, a small one is written member by member.

use codec::intset::IntsetRef;
use codec::listpack::ListpackRef;
use data::{Limits, Set};

use crate::rdb::{Error, ErrorKind, Reader, Writer, types, version};

/// The type byte for readers of a version, and the lowest version that knows it.
pub fn form(set: &Set, reader: u16) -> (u8, u16) {
    match set {
        Set::Ints(_) => (types::SET_INTSET, version::REDIS_5),
        Set::Packed(_) if reader >= version::REDIS_7_2 => (types::SET_LISTPACK, version::REDIS_7_2),
        Set::Packed(_) | Set::Table(_) => (types::SET, version::REDIS_5),
    }
}

/// Writes a set in its form for readers of a version.
pub fn write(set: &Set, reader: u16, writer: &mut Writer<'_>) {
    match set {
        Set::Ints(intset) => return writer.string(intset.as_bytes()),
        Set::Packed(listpack) if form(set, reader).0 == types::SET_LISTPACK => {
            return writer.string(listpack.as_bytes());
        }
        _ => {}
    }
    writer.length(set.len() as u64);
    set.iter().for_each(|member| member.with_bytes(|member| writer.string(member)));
}

const DUPLICATE: &str = "Set integrity check failed: a member stands there twice";
const EMPTY: &str = "set has no members";

/// Reads one that is an intset.
pub fn read_intset(reader: &mut Reader<'_>, limits: &Limits) -> Result<Set, Error> {
    let offset = reader.offset();
    let bytes = reader.string()?.into_bytes();
    let intset = IntsetRef::validate(&bytes);
    let intset =
        intset.map_err(|_| Error { offset, kind: ErrorKind::Value("Intset integrity check failed") })?;
    Ok(Set::from_intset(intset, limits))
}

/// Reads one that is a listpack.
pub fn read_listpack(reader: &mut Reader<'_>, limits: &Limits) -> Result<Set, Error> {
    let offset = reader.offset();
    let wrong = |text| Error { offset, kind: ErrorKind::Value(text) };
    let bytes = reader.string()?.into_bytes();
    let listpack = ListpackRef::validate(&bytes).map_err(|_| wrong("Set listpack integrity check failed"))?;
    let set = Set::from_listpack(listpack, limits).map_err(|_| wrong(DUPLICATE))?;
    if set.is_empty() { Err(Error { offset, kind: ErrorKind::Empty(EMPTY) }) } else { Ok(set) }
}

/// Reads one that is members.
pub fn read_members(reader: &mut Reader<'_>, limits: &Limits) -> Result<Set, Error> {
    let start = reader.offset();
    let (count, mut set) = (reader.length()?, Set::default());
    if count == 0 {
        return Err(Error { offset: start, kind: ErrorKind::Empty(EMPTY) });
    }
    for number in 0..count {
        let offset = reader.offset();
        let member = reader.string()?.into_vec();
        if number == 0 {
            set.expect(usize::try_from(count).unwrap_or(usize::MAX), &member, limits);
        }
        if !set.insert(&member, limits) {
            return Err(Error { offset, kind: ErrorKind::Value(DUPLICATE) });
        }
    }
    Ok(set)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::{self, Value};
    use data::{Object, ObjectRef};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn decode(payload: &[u8]) -> Result<Set, String> {
        let body = dump::verify(payload).map_err(|e| e.to_string())?;
        match dump::decode(body, &Limits::default()).map_err(|e| e.to_string())? {
            Value::Object(Object::Set(set)) => Ok(set),
            other => Err(format!("{other:?}")),
        }
    }

    fn members(set: &Set) -> BTreeSet<Vec<u8>> {
        set.iter().map(|member| member.to_vec()).collect()
    }

    #[test]
    fn damage_is_named() {
        let limits = Limits::default();
        for (body, error) in [
            (&b"\x00"[..], EMPTY),
            (b"\x02\x01a\x01a", DUPLICATE),
            (b"\x02\x01a", "unexpected end"),
            (b"\x80\xff\xff\xff\xff\x01a", "unexpected end"),
        ] {
            let found = read_members(&mut Reader::new(body), &limits).map(|set| members(&set));
            assert!(found.clone().is_err_and(|e| e.to_string().starts_with(error)), "{body:?}: {found:?}");
        }
        let intset = read_intset(&mut Reader::new(b"\x01a"), &limits).map(|set| members(&set));
        assert!(intset.is_err_and(|e| e.to_string().starts_with("Intset integrity")));
        let listpack = read_listpack(&mut Reader::new(b"\x01a"), &limits).map(|set| members(&set));
        assert!(listpack.is_err_and(|e| e.to_string().starts_with("Set listpack integrity check failed")));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(all in prop::collection::btree_set("[0-9]{1,3}|[a-z]{0,70}", 1..20), ints in any::<bool>()) {
            let (mut set, limits) = (Set::default(), Limits { set_max_listpack_entries: 8, ..Limits::default() });
            for member in all.iter().filter(|member| !ints || member.parse::<u16>().is_ok()) {
                set.insert(member.as_bytes(), &limits);
            }
            prop_assume!(!set.is_empty());
            let payload = dump::object(ObjectRef::Set(&set));
            prop_assert_eq!(decode(&payload).map(|set| members(&set)), Ok(members(&set)));
        }
    }
}
