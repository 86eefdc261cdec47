//! The packed encodings that RDB files hold as they are: listpack, intset, LZF.

#![no_main]

use codec::intset::IntsetRef;
use codec::listpack::ListpackRef;
use codec::lzf::{compress, decompress};
use libfuzzer_sys::fuzz_target;

fn listpack(bytes: &[u8]) {
    let Ok(pack) = ListpackRef::validate(bytes) else { return };
    let mut position = pack.first();
    let mut count = 0;
    while let Some(at) = position {
        assert!(pack.get(at).is_some());
        assert_eq!(pack.next(at).and_then(|next| pack.previous(next)).unwrap_or(at), at);
        position = pack.next(at);
        count += 1;
    }
    assert_eq!(count, pack.len());
}

fn intset(bytes: &[u8]) {
    let Ok(set) = IntsetRef::validate(bytes) else { return };
    let members: Vec<i64> = set.iter().collect();
    assert!(members.is_sorted() && members.len() == set.len());
    assert!(members.iter().all(|&member| set.contains(member)));
}

fn lzf(bytes: &[u8]) {
    for length in [0, 1, bytes.len(), bytes.len() * 80] {
        if let Some(text) = decompress(bytes, length) {
            assert_eq!(text.len(), length);
        }
    }
    if let Some(packed) = compress(bytes, bytes.len().saturating_sub(1)) {
        assert!(packed.len() < bytes.len());
        assert_eq!(decompress(&packed, bytes.len()).as_deref(), Some(bytes));
    }
}

fuzz_target!(|bytes: &[u8]| {
    listpack(bytes);
    intset(bytes);
    lzf(bytes);
});
