//! Streams out of RDB files: nodes of any elements, and whole payloads; they are refused or can be used from both ends.

#![no_main]

use codec::listpack::{Entry, Listpack};
use data::stream::{Entries, Keep, StreamId, Trim};
use data::{Limits, Object};
use formats::dump::{Value, decode, object, verify};
use libfuzzer_sys::fuzz_target;

/// A listpack in which a byte is a small integer, but for some that are text.
fn listpack(bytes: &[u8]) -> Listpack {
    let element = |byte: &u8| match byte {
        0x80 => Entry::Bytes(b"text"),
        byte => Entry::Int(i64::from(*byte as i8)),
    };
    bytes.iter().map(element).collect()
}

/// Uses all that entries can do.
fn exercise(mut entries: Entries) {
    let ids: Vec<StreamId> = entries.iter().map(|entry| entry.id).collect();
    assert!(ids.is_sorted() && ids.len() as u64 == entries.len());
    let backward: Vec<StreamId> = entries.iter().rev().map(|entry| entry.id).collect();
    assert!(ids.iter().rev().eq(&backward));
    for id in &ids {
        assert!(entries.get(*id).is_some_and(|entry| entry.pairs().count() == entry.len));
    }
    let half = ids.len() as u64 / 2;
    entries.trim(&Trim { keep: Keep::Last(half), whole_nodes: false, limit: 0 });
    assert_eq!(entries.len(), half);
    let left: Vec<StreamId> = entries.iter().map(|entry| entry.id).collect();
    assert!(left.into_iter().all(|id| entries.delete(id)));
    if let Some(id) = entries.next_id(0) {
        let pairs = [(&b"field"[..], &b"value"[..])];
        assert_eq!(entries.append(id, pairs.into_iter(), &Limits::default()), Ok(()));
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut entries = Entries::default();
    if entries.load_node(StreamId::new(7, 7), listpack(bytes).view()).is_ok() {
        exercise(entries);
    }
    for value_type in [15, 19, 21] {
        let body = [&[value_type], bytes].concat();
        let Ok(Value::Object(Object::Stream(stream))) = decode(&body, &Limits::default()) else { continue };
        let again = object(Object::Stream(stream.clone()).borrow());
        decode(verify(&again).expect("our own footer"), &Limits::default()).expect("our own stream");
        exercise(stream.entries.clone());
    }
});
