//! Forms that only old versions wrote, and those that older readers get.

use super::*;
use crate::dump;
use data::{Hash, List, Set, Stream, Type, Zset};
use proptest::prelude::*;

/// A ziplist of these elements; each is a string, as Redis wrote what is no integer.
fn ziplist(elements: &[&[u8]]) -> Vec<u8> {
    let (mut body, mut before, mut tail) = (Vec::new(), 0, 10);
    for element in elements {
        tail = 10 + body.len();
        let len = u8::try_from(element.len()).expect("short");
        assert!(len < 64, "of the shortest kind");
        body.extend([&[before, len], *element].concat());
        before = len + 2;
    }
    let total = (10 + body.len() + 1) as u32;
    let head = [total.to_le_bytes(), (tail as u32).to_le_bytes()].concat();
    [&head[..], &(elements.len() as u16).to_le_bytes(), &body, &[0xff]].concat()
}

/// A type byte and a value of it.
fn body(value_type: u8, write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut out = vec![value_type];
    write(&mut Writer::new(&mut out));
    out
}

/// What RESTORE makes of a body in a payload of a version: the type, the encoding, and all elements.
fn restored(mut body: Vec<u8>, version: u16) -> Result<(Type, &'static str, Vec<Vec<u8>>), ErrorKind> {
    dump::append_footer(&mut body, version);
    dump::verify(&body).expect("our own footer");
    match dump::decode(&body, &Limits::default()).map_err(|error| error.kind)? {
        dump::Value::Object(object) => Ok(shown(object.borrow())),
        dump::Value::String(string) => panic!("{string:?} is no object"),
    }
}

fn shown(object: ObjectRef<'_>) -> (Type, &'static str, Vec<Vec<u8>>) {
    let mut parts = Vec::new();
    object.each(&mut |element| parts.extend(element.iter().map(|part| part.to_vec())));
    (object.value_type(), object.encoding(), parts)
}

fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

#[test]
fn ziplists_are_read_as_what_they_are_now() {
    let packed = ziplist(&[b"a", b"1", b"b", b"2.5"]);
    let of = |value_type| restored(body(value_type, |writer| writer.string(&packed)), 9);
    let all = texts(&["a", "1", "b", "2.5"]);
    assert_eq!(of(types::LIST_ZIPLIST), Ok((Type::List, "listpack", all.clone())));
    assert_eq!(of(types::ZSET_ZIPLIST), Ok((Type::Zset, "listpack", all.clone())));
    assert_eq!(of(types::HASH_ZIPLIST), Ok((Type::Hash, "listpack", all)));
}

#[test]
fn lists_of_ziplists() {
    let nodes = [ziplist(&[b"a", b"b"]), ziplist(&[]), ziplist(&[b"3"])];
    let read = restored(
        body(types::LIST_QUICKLIST, |writer| {
            writer.length(3);
            nodes.iter().for_each(|node| writer.string(node));
        }),
        9,
    );
    assert_eq!(read, Ok((Type::List, "quicklist", texts(&["a", "b", "3"]))));
    let long: Vec<Vec<u8>> = (0..2000).map(|number: u32| format!("element {number}").into()).collect();
    let one = ziplist(&long.iter().map(|element| &element[..]).collect::<Vec<_>>());
    let read = restored(body(types::LIST_ZIPLIST, |writer| writer.string(&one)), 6);
    assert_eq!(read, Ok((Type::List, "quicklist", long)), "more than a node holds");
}

#[test]
fn large_ziplists_become_tables() {
    let numbers: Vec<Vec<u8>> = (0..1200u32).map(|number| number.to_string().into()).collect();
    let packed = ziplist(&numbers.iter().map(|number| &number[..]).collect::<Vec<_>>());
    for (value_type, encoding) in [(types::ZSET_ZIPLIST, "skiplist"), (types::HASH_ZIPLIST, "hashtable")] {
        let read = restored(body(value_type, |writer| writer.string(&packed)), 9);
        assert_eq!(read.map(|(_, encoding, parts)| (encoding, parts.len())), Ok((encoding, 1200)));
    }
}

#[test]
fn zipmaps_are_read_as_hashes() {
    let read = restored(body(types::HASH_ZIPMAP, |w| w.string(b"\x02\x01a\x03\x02one??\x01b\x011")), 1);
    assert_eq!(read, Err(ErrorKind::Value("Zipmap integrity check failed")));
    let read =
        restored(body(types::HASH_ZIPMAP, |w| w.string(b"\x02\x01a\x03\x02one??\x01b\x01\x001\xff")), 1);
    assert_eq!(read, Ok((Type::Hash, "listpack", texts(&["a", "one", "b", "1"]))));
    let twice = b"\x02\x01a\x01\x001\x01a\x01\x002\xff";
    let read = restored(body(types::HASH_ZIPMAP, |writer| writer.string(twice)), 1);
    assert_eq!(read, Err(ErrorKind::Value("Hash integrity check failed: a field stands there twice")));
}

/// Type 22 is a hash of Valkey's where the version is one of Valkey's, and nothing that is read elsewhere.
#[test]
fn valkeys_hashes() {
    let hash = |due: i64| {
        body(types::VALKEY_HASH_2, |writer| {
            writer.length(2);
            for (text, due) in [("a", -1), ("b", due)] {
                writer.string(text.as_bytes());
                writer.string(b"value");
                writer.raw(&due.to_le_bytes());
            }
        })
    };
    let expected = texts(&["b", "value", "1700000000000", "a", "value"]);
    for version in [version::VALKEY_9_0, version::VALKEY_9_2] {
        let read = restored(hash(1_700_000_000_000), version);
        assert_eq!(read, Ok((Type::Hash, "listpackex", expected.clone())));
    }
    assert_eq!(restored(hash(-2), 80), Err(ErrorKind::Value("hash has an invalid due time")));
    assert_eq!(restored(hash(1), version::REDIS_7_4), Err(ErrorKind::Type(22)));
}

#[test]
fn damaged_ziplists_are_named() {
    for (value_type, wrong) in [
        (types::LIST_ZIPLIST, "List ziplist integrity check failed"),
        (types::ZSET_ZIPLIST, "Zset ziplist integrity check failed"),
        (types::HASH_ZIPLIST, "Hash ziplist integrity check failed"),
    ] {
        let read = |packed: &[u8]| restored(body(value_type, |writer| writer.string(packed)), 9);
        assert_eq!(read(b"no ziplist"), Err(ErrorKind::Value(wrong)));
        assert!(matches!(read(&ziplist(&[])), Err(ErrorKind::Empty(_))));
    }
    let read = |value_type, elements: &[&[u8]]| {
        restored(body(value_type, |writer| writer.string(&ziplist(elements))), 9)
    };
    let odd = read(types::HASH_ZIPLIST, &[b"a"]);
    assert_eq!(odd, Err(ErrorKind::Value("hash has a field without a value")));
    let score = read(types::ZSET_ZIPLIST, &[b"a", b"b"]);
    assert_eq!(score, Err(ErrorKind::Value("score of a sorted set is no number")));
}

/// One small value of every type.
fn small_values() -> Vec<Object> {
    let limits = Limits::default();
    let (mut hash, mut list, mut set) = (Hash::default(), List::default(), Set::default());
    let (mut zset, mut ints, stream) = (Zset::default(), Set::default(), Stream::default());
    for text in [&b"a"[..], b"b"] {
        hash.set(text, b"value", &limits);
        list.push(data::list::End::Tail, text);
        set.insert(text, &limits);
        zset.insert(text, 1.5, &limits);
    }
    ints.insert(b"7", &limits);
    let values = [hash.into_object(), list.into_object(), set.into_object(), ints.into_object()];
    values.into_iter().chain([zset.into_object(), stream.into_object()]).collect()
}

/// Each reader gets a form of its own version or an older one, and every form reads as the same value.
#[test]
fn readers_get_forms_that_they_know() {
    let types_for =
        |reader| small_values().iter().map(|object| form(object.borrow(), reader).0).collect::<Vec<_>>();
    assert_eq!(types_for(version::REDIS_5), [4, 1, 2, 11, 5, 15]);
    assert_eq!(types_for(version::REDIS_7_0), [16, 18, 2, 11, 17, 19]);
    assert_eq!(types_for(version::REDIS_7_2), [16, 18, 20, 11, 17, 21]);
    for reader in version::REDIS_5..=version::NEWEST {
        for object in small_values() {
            let (value_type, lowest) = form(object.borrow(), reader);
            assert!(lowest <= reader);
            let body = body(value_type, |writer| write(object.borrow(), reader, writer));
            assert_eq!(restored(body, reader), Ok(shown(object.borrow())), "{value_type} for {reader}");
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_safe(value_type in 0..26u8, valkey: bool, bytes: Vec<u8>) {
        let version = if valkey { version::VALKEY_9_0 } else { version::NEWEST };
        let _ = read(value_type, version, &mut Reader::new(&bytes), &Limits::default());
    }
}
