//! HyperLogLogs against genuine Redis's bytes and counts, and against an array of registers.

use proptest::prelude::*;

use super::*;

/// Bytes of the longest sparse one by default.
const SPARSE_MAX: usize = 3000;

fn element(number: u32) -> Vec<u8> {
    format!("ele:{number}").into_bytes()
}

fn add_elements(log: &mut Hyperloglog, elements: std::ops::Range<u32>, sparse_max: usize) {
    for number in elements {
        log.add(Pattern::of(&element(number)), sparse_max).expect("our own");
    }
}

fn merged(logs: &[&Hyperloglog]) -> Registers {
    let mut registers = Registers::default();
    logs.iter().for_each(|log| registers.merge(log.view()).expect("our own"));
    registers
}

/// A CRC is short enough to stand here, and says whether all bytes are genuine Redis's.
#[test]
fn bytes_and_counts_are_those_of_redis() {
    let (mut log, mut added) = (Hyperloglog::default(), 0);
    log.mark_stale();
    for (elements, encoding, len, count, crc) in GENUINE {
        add_elements(&mut log, added..*elements, SPARSE_MAX);
        added = *elements;
        assert_eq!((log.encoding().name(), log.0.len()), (*encoding, *len), "of {elements}");
        assert_eq!(codec::crc64::crc64(&log.0), *crc, "of {elements}");
        assert_eq!(log.view().count(), Ok(*count), "of {elements}");
        cache_count(&mut log.0, *count);
    }
}

/// Of so many elements `ele:0`, `ele:1`, ..., one PFADD each, in redis-server 7.0.15: PFDEBUG ENCODING, STRLEN, PFCOUNT, and
/// the CRC-64 of what GET answered before that.
const GENUINE: &[(u32, &str, usize, u64, u64)] = &[
    (0, "sparse", 18, 0, 0x9bd91be86807a6dd),
    (1, "sparse", 21, 1, 0xb54863d94dfd8b1e),
    (2, "sparse", 24, 2, 0xf06cedb1312f6f65),
    (10, "sparse", 47, 10, 0xdc5406a25e4bf5f4),
    (100, "sparse", 289, 100, 0x39d29e73a6a3f7fb),
    (500, "sparse", 1055, 502, 0x3c42c11c15e66711),
    (1000, "sparse", 1896, 1002, 0xca41839a64c1e378),
    (1400, "sparse", 2566, 1403, 0x752fa6cf8632190e),
    (1500, "sparse", 2729, 1500, 0x35ccd77e876ab0e0),
    (1600, "sparse", 2890, 1601, 0xb8c9aed3358f8ab8),
    (1700, "dense", 12304, 1706, 0x77b4256930e68e2f),
    (1800, "dense", 12304, 1809, 0xbacacb8c0b55bf22),
    (2000, "dense", 12304, 2005, 0xcb3ae7bb5d0434b8),
    (5000, "dense", 12304, 4993, 0xa7667f551b7890f6),
    (20_000, "dense", 12304, 20_261, 0x13b6ab1acb9ad4c2),
    (100_000, "dense", 12304, 99_778, 0xd28123c0e2f4b0a6),
];

#[test]
fn a_register_says_where_the_first_bit_stands() {
    // What PFDEBUG DECODE shows of one element in redis-server 7.0.15.
    for (element, register, rank) in PATTERNS {
        assert_eq!(
            Pattern::of(element.as_bytes()),
            Pattern { register: *register, rank: *rank },
            "{element}"
        );
    }
}

const PATTERNS: &[(&str, usize, u8)] = &[
    ("", 5938, 2),
    ("a", 12711, 2),
    ("ab", 719, 1),
    ("abcdefg", 5634, 2),
    ("abcdefgh", 1383, 1),
    ("abcdefghi", 6903, 1),
    ("the quick brown fox jumps over the lazy dog", 5508, 3),
    ("3129", 11982, 4),
];

#[test]
fn what_is_no_hyperloglog() {
    let empty = Hyperloglog::default().into_bytes();
    assert_eq!(empty, b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff");
    let mut dense = Hyperloglog::default();
    assert_eq!((dense.make_dense(), dense.make_dense()), (Ok(true), Ok(false)));
    let dense = dense.into_bytes();
    assert_eq!(dense.len(), 12304);
    assert!(HyperloglogRef::parse(&dense).is_some());
    for bytes in [
        &b""[..],
        &empty[..15],
        b"hyll\x01aaaaaaaaaaaaa",
        b"HYLL\x02aaaaaaaaaaaaa",
        &dense[1..],
        &dense[..12303],
    ] {
        assert!(HyperloglogRef::parse(bytes).is_none());
    }
    for (registers, what) in [(&b""[..], "none"), (b"\x7f\xfe", "too few"), (b"\x7f\xff\x80", "too many")] {
        let bytes = [&empty[..16], registers].concat();
        let log = HyperloglogRef::parse(&bytes).expect("the header is right");
        assert_eq!(log.count(), Err(Corrupt), "{what}");
        assert_eq!(Registers::default().merge(log), Err(Corrupt), "{what}");
        assert_eq!(Hyperloglog::from(log).make_dense(), Err(Corrupt), "{what}");
    }
}

#[test]
fn the_cached_count_is_good_until_a_register_is_raised() {
    let mut log = Hyperloglog::default();
    add_elements(&mut log, 0..100, SPARSE_MAX);
    assert_eq!(log.view().cached_count(), None);
    cache_count(&mut log.0, 99);
    assert_eq!(log.add(Pattern::of(&element(5)), SPARSE_MAX), Ok(false));
    assert_eq!((log.view().cached_count(), log.make_dense()), (Some(99), Ok(true)));
    assert_eq!(log.view().cached_count(), Some(99));
    let more: Vec<Pattern> = (100..200).map(|number| Pattern::of(&element(number))).collect();
    let raising = more.iter().filter(|pattern| log.view().is_raised_by(**pattern) == Ok(true)).count();
    assert!((90..=100).contains(&raising));
    assert!((90..=raising as u64).contains(&add_dense(&mut log.0, more)));
    assert_eq!(log.view().cached_count(), None);
}

#[test]
fn unlikely_ranks_have_a_count_too() {
    let mut log = Hyperloglog::default();
    assert_eq!(log.add(Pattern { register: 9, rank: 33 }, SPARSE_MAX), Ok(true));
    assert_eq!((log.encoding(), log.view().count()), (Encoding::Dense, Ok(1)));
    for rank in [51, 52, 63] {
        (0..REGISTERS).for_each(|register| dense::set(&mut log.0[HEADER..], register, rank));
        assert!(log.view().count().expect("dense") > 1 << 60);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn as_an_array_of_registers(
        patterns in prop::collection::vec((0..REGISTERS, 0..40u8, 1..6usize), 0..300),
        sparse_max in prop::sample::select(vec![0, 30, 200, SPARSE_MAX]),
    ) {
        let (mut log, mut model) = (Hyperloglog::default(), vec![0; REGISTERS]);
        for (first, ranks, run) in patterns {
            let rank = ranks % 36 + 1;
            for (register, highest) in model.iter_mut().enumerate().skip(first).take(run) {
                let pattern = Pattern { register, rank };
                let raises = *highest < rank;
                prop_assert_eq!(log.view().is_raised_by(pattern), Ok(raises));
                prop_assert_eq!(log.add(pattern, sparse_max), Ok(raises));
                *highest = rank.max(*highest);
            }
            prop_assert!(log.encoding() == Encoding::Dense || log.0.len() <= sparse_max.max(HEADER + 2));
        }
        let registers = merged(&[&log]);
        prop_assert!(registers.iter().eq(model.iter().copied()));
        prop_assert_eq!(log.view().count(), Ok(registers.count()));
        let mut dense = log.clone();
        prop_assert_eq!(dense.make_dense(), Ok(log.encoding() == Encoding::Sparse));
        prop_assert_eq!(merged(&[&dense]), registers);
    }

    #[test]
    fn any_bytes_are_looked_at_without_harm(
        encoding in 0..3u8,
        registers in prop::collection::vec(any::<u8>(), 0..600),
        patterns in prop::collection::vec((0..REGISTERS, 1..52u8), 1..20),
    ) {
        let bytes = [b"HYLL", &[encoding][..], &[0; 11], &registers].concat();
        if let Some(log) = HyperloglogRef::parse(&bytes) {
            let sound = log.count().is_ok();
            prop_assert_eq!(Registers::default().merge(log).is_ok(), sound);
            prop_assert!(log.opcodes().count() <= registers.len());
            let mut log = Hyperloglog::from(log);
            for (register, rank) in patterns {
                let raises = log.view().is_raised_by(Pattern { register, rank });
                let added = log.add(Pattern { register, rank }, SPARSE_MAX);
                prop_assert!(added == raises || added.is_err() && !sound);
            }
        }
    }
}
