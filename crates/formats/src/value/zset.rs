//! Sorted sets: a listpack, or members and scores by turns; scores as text (before RDB version 8) or binary.
//!
//! ```text
//! listpack      one string, the bytes of the listpack
//! text          count, then a member and: length u8 and text, or 253 for NaN, 254 for infinity, 255 for -infinity
//! binary        count, then a member and: f64, little-endian
//! ziplist       one string, the bytes of the ziplist (before version 10)
//! ```
//!
//! Redis writes a large one from the highest score down, and so do we.

use codec::listpack::ListpackRef;
use codec::number::parse_f64;
use data::zset::Unsound;
use data::{Limits, Zset};

use crate::rdb::{Error, ErrorKind, Reader, Writer, types, version};

/// The type byte for readers of a version, and the lowest version that knows it.
pub fn form(zset: &Zset, reader: u16) -> (u8, u16) {
    match zset.as_listpack() {
        Some(_) if reader >= version::REDIS_7_0 => (types::ZSET_LISTPACK, version::REDIS_7_0),
        _ => (types::ZSET_2, version::REDIS_5),
    }
}

/// Writes a sorted set in its form for readers of a version.
pub fn write(zset: &Zset, reader: u16, writer: &mut Writer<'_>) {
    let has_listpack = form(zset, reader).0 == types::ZSET_LISTPACK;
    if let Some(listpack) = zset.as_listpack().filter(|_| has_listpack) {
        return writer.string(listpack.as_bytes());
    }
    writer.length(zset.len() as u64);
    for (member, score) in zset.range(0..zset.len()).rev() {
        member.with_bytes(|member| writer.string(member));
        writer.raw(&score.to_le_bytes());
    }
}

/// Reads one that is a listpack.
pub fn read_listpack(reader: &mut Reader<'_>, limits: &Limits) -> Result<Zset, Error> {
    let offset = reader.offset();
    let wrong = |text| Error { offset, kind: ErrorKind::Value(text) };
    let bytes = reader.string()?.into_bytes();
    let listpack =
        ListpackRef::validate(&bytes).map_err(|_| wrong("Zset listpack integrity check failed"))?;
    sound(offset, Zset::from_listpack(listpack, limits))
}

/// Reads one that is a ziplist.
pub fn read_ziplist(reader: &mut Reader<'_>, limits: &Limits) -> Result<Zset, Error> {
    let offset = reader.offset();
    let listpack = super::ziplist(reader, "Zset ziplist integrity check failed")?;
    sound(offset, Zset::from_listpack(listpack.view(), limits))
}

/// What a listpack at an offset was found to be.
fn sound(offset: usize, zset: Result<Zset, Unsound>) -> Result<Zset, Error> {
    let zset = zset.map_err(|unsound| {
        let wrong = |text| Error { offset, kind: ErrorKind::Value(text) };
        wrong(match unsound {
            Unsound::Odd => "sorted set has a member without a score",
            Unsound::Score => SCORE,
            Unsound::Duplicate => DUPLICATE,
        })
    })?;
    if zset.is_empty() { Err(Error { offset, kind: ErrorKind::Empty(EMPTY) }) } else { Ok(zset) }
}

const SCORE: &str = "score of a sorted set is no number";
const DUPLICATE: &str = "Zset integrity check failed: a member stands there twice";
const EMPTY: &str = "sorted set has no members";

/// Reads one whose scores are text.
pub fn read_text(reader: &mut Reader<'_>, limits: &Limits) -> Result<Zset, Error> {
    read_elements(reader, limits, |reader| {
        Ok(match reader.byte()? {
            253 => None,
            254 => Some(f64::INFINITY),
            255 => Some(f64::NEG_INFINITY),
            len => parse_f64(reader.take(len.into())?),
        })
    })
}

/// Reads one whose scores are binary.
pub fn read_binary(reader: &mut Reader<'_>, limits: &Limits) -> Result<Zset, Error> {
    read_elements(reader, limits, |reader| reader.array().map(f64::from_le_bytes).map(Some))
}

/// Reads elements of which `score` reads the scores; none is one that is no number.
fn read_elements<'a>(
    reader: &mut Reader<'a>,
    limits: &Limits,
    score: impl Fn(&mut Reader<'a>) -> Result<Option<f64>, Error>,
) -> Result<Zset, Error> {
    let start = reader.offset();
    let mut zset = Zset::default();
    let count = reader.length()?;
    if count == 0 {
        return Err(Error { offset: start, kind: ErrorKind::Empty(EMPTY) });
    }
    zset.expect(usize::try_from(count).unwrap_or(usize::MAX), 0, limits);
    for _ in 0..count {
        let offset = reader.offset();
        let wrong = |text| Error { offset, kind: ErrorKind::Value(text) };
        let member = reader.string()?.into_vec();
        let score = score(reader)?.filter(|score| !score.is_nan()).ok_or_else(|| wrong(SCORE))?;
        if !zset.insert(&member, score, limits) {
            return Err(wrong(DUPLICATE));
        }
    }
    Ok(zset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::{self, Value};
    use data::Object;
    use proptest::prelude::*;

    fn limits() -> Limits {
        Limits { zset_max_listpack_entries: 4, ..Limits::default() }
    }

    fn contents(zset: &Zset) -> Vec<(Vec<u8>, f64)> {
        zset.range(0..zset.len()).map(|(member, score)| (member.to_vec(), score)).collect()
    }

    fn decode(body: &[u8], limits: &Limits) -> Result<Zset, Error> {
        match dump::decode(body, limits)? {
            Value::Object(Object::Zset(zset)) => Ok(zset),
            other => panic!("{other:?} is no sorted set"),
        }
    }

    fn kind(body: &[u8]) -> ErrorKind {
        decode(body, &limits()).expect_err("refused").kind
    }

    /// ZADD k 1 a 2.5 b -inf c 1e100 12 in redis-server 7.0.15, small and large.
    const GENUINE: [&[u8]; 2] = [
        b"\x11''\x00\x00\x00\x08\x00\x81c\x02\x84-inf\x05\x81a\x02\x01\x01\x81b\x02\x832.5\x04\x0c\x01\x861e+100\x07\xff\n\x00\xa7r\x13\x8f\xb9MV\xc8",
        b"\x05\x04\xc0\x0c}\xc3\x94%\xadI\xb2T\x01b\x00\x00\x00\x00\x00\x00\x04@\x01a\x00\x00\x00\x00\x00\x00\xf0?\x01c\x00\x00\x00\x00\x00\x00\xf0\xff\n\x00c\xdd\x08\xaf\x0e\xe1\x83?",
    ];

    #[test]
    fn payloads_of_genuine_redis() {
        let large = Limits { zset_max_listpack_entries: 2, ..limits() };
        for (payload, limits, encoding) in [
            (GENUINE[0], limits(), "listpack"),
            (GENUINE[1], large, "skiplist"),
            (GENUINE[1], limits(), "listpack"),
        ] {
            let body = dump::verify(payload).expect("whole");
            let zset = decode(body, &limits).expect("sound");
            let expected = [("c", f64::NEG_INFINITY), ("a", 1.0), ("b", 2.5), ("12", 1e100)];
            assert_eq!(contents(&zset), expected.map(|(member, score)| (member.into(), score)));
            assert_eq!(zset.encoding(), encoding);
        }
        for (payload, entries) in [(GENUINE[0], 4), (GENUINE[1], 2)] {
            let limits = Limits { zset_max_listpack_entries: entries, ..limits() };
            let body = dump::verify(payload).expect("whole");
            let ours = dump::object(Object::Zset(decode(body, &limits).expect("sound")).borrow());
            assert_eq!(dump::verify(&ours), Ok(body), "the same but for the version");
        }
    }

    #[test]
    fn scores_as_text() {
        let zset = decode(b"\x03\x04\x01a\xff\x01b\x031.5\x01c\x0217\x01d\xfe", &limits()).expect("sound");
        let expected = [("a", f64::NEG_INFINITY), ("b", 1.5), ("c", 17.0), ("d", f64::INFINITY)];
        assert_eq!(contents(&zset), expected.map(|(member, score)| (member.into(), score)));
        assert_eq!(zset.encoding(), "listpack");
    }

    #[test]
    fn what_is_no_sorted_set_is_refused() {
        let nan = f64::NAN.to_le_bytes();
        assert_eq!(kind(b"\x03\x00"), ErrorKind::Empty(EMPTY));
        assert_eq!(kind(b"\x05\x00"), ErrorKind::Empty(EMPTY));
        assert_eq!(kind(b"\x11\x07\x07\0\0\0\0\0\xff"), ErrorKind::Empty(EMPTY));
        assert_eq!(kind(b"\x03\x01\x01a\xfd"), ErrorKind::Value(SCORE));
        assert_eq!(kind(b"\x03\x01\x01a\x01x"), ErrorKind::Value(SCORE));
        assert_eq!(kind(&[b"\x05\x01\x01a", &nan[..]].concat()), ErrorKind::Value(SCORE));
        assert_eq!(kind(b"\x03\x02\x01a\x011\x01a\x012"), ErrorKind::Value(DUPLICATE));
        assert_eq!(kind(b"\x05\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01a"), ErrorKind::Truncated);
        assert_eq!(kind(b"\x11\x03abc"), ErrorKind::Value("Zset listpack integrity check failed"));
    }

    proptest! {
        #[test]
        fn sorted_sets_round_trip(
            elements in prop::collection::btree_map(prop::collection::vec(any::<u8>(), 0..6), -1e6..1e6f64, 1..9),
        ) {
            let mut zset = Zset::default();
            for (member, score) in &elements {
                zset.insert(member, *score, &limits());
            }
            let payload = dump::object(Object::Zset(zset.clone()).borrow());
            let back = decode(dump::verify(&payload).expect("whole"), &limits()).expect("sound");
            prop_assert_eq!(contents(&back), contents(&zset));
            prop_assert_eq!(back.encoding(), zset.encoding());
        }

        #[test]
        fn any_bytes_are_safe(form in prop::sample::select(vec![3u8, 5, 17]), bytes: Vec<u8>) {
            let body = [&[form][..], &bytes].concat();
            if let Ok(zset) = decode(&body, &limits()) {
                prop_assert!(!zset.is_empty());
            }
        }

        #[test]
        fn one_changed_byte_is_safe(scores in prop::collection::vec(-100i16..100, 1..8), at: usize, to: u8) {
            let mut zset = Zset::default();
            for (number, score) in scores.iter().enumerate() {
                zset.insert(format!("m{number}").as_bytes(), f64::from(*score) / 8.0, &limits());
            }
            let mut body = dump::verify(&dump::object(Object::Zset(zset).borrow())).expect("whole").to_vec();
            let at = 1 + at % (body.len() - 1);
            body[at] = to;
            if let Ok(zset) = decode(&body, &limits()) {
                let all = contents(&zset);
                prop_assert!(all.is_sorted_by(|a, b| a.1 < b.1 || a.1 == b.1 && a.0 < b.0));
            }
        }
    }
}
