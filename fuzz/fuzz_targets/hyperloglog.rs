//! Strings that clients pass off as HyperLogLogs, and elements added to them. The first byte says how many bytes
//! are elements, two each.

#![no_main]

use data::hyperloglog::{Hyperloglog, HyperloglogRef, Pattern, Registers, cache_count};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((&count, rest)) = bytes.split_first() else { return };
    let (elements, body) = rest.split_at(rest.len().min(usize::from(count)));
    // As it is the magic is nearly never right.
    let forged = [b"HYLL\x01\0\0\0", &[0x80; 8], body].concat();
    for bytes in [body, &forged] {
        let Some(log) = HyperloglogRef::parse(bytes) else { continue };
        let mut registers = Registers::default();
        assert_eq!(registers.merge(log).map(|()| registers.count()), log.count());
        assert!(log.opcodes().count() <= bytes.len());
        let (sound, mut log) = (log.count().is_ok(), Hyperloglog::from(log));
        for element in elements.chunks(2) {
            let pattern = Pattern::of(element);
            let raises = log.view().is_raised_by(pattern);
            let added = log.add(pattern, 3000);
            assert!(added == raises || added.is_err() && !sound);
        }
        assert_eq!(log.view().count().is_ok(), sound);
        let mut bytes = log.into_bytes();
        cache_count(&mut bytes, 7);
        assert_eq!(HyperloglogRef::parse(&bytes).and_then(HyperloglogRef::cached_count), Some(7));
    }
});
