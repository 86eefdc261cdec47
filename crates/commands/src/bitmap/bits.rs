//! Bits of bytes: bit 0 is the highest of byte 0, as SETBIT numbers them.

use std::ops::Range;

const WORD: usize = size_of::<u64>();

/// How many bits are set.
pub fn count(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<WORD>();
    let words = words.iter().map(|word| u64::from_ne_bytes(*word).count_ones() as u64);
    words.sum::<u64>() + rest.iter().map(|byte| byte.count_ones() as u64).sum::<u64>()
}

/// How many bits of a range are set; the range lies within.
pub fn count_in(bytes: &[u8], bits: Range<usize>) -> u64 {
    let whole = &bytes[bits.start / 8..bits.end.div_ceil(8)];
    let (Some(first), Some(last)) = (whole.first(), whole.last()) else { return 0 };
    let before = *first as u16 >> (8 - bits.start % 8);
    let behind = if bits.end.is_multiple_of(8) { 0 } else { last & (0xff >> (bits.end % 8)) };
    count(whole) - before.count_ones() as u64 - behind.count_ones() as u64
}

/// The first bit of a range that is `bit`; the range lies within.
pub fn find_in(bytes: &[u8], bits: Range<usize>, bit: bool) -> Option<usize> {
    let bytes = &bytes[..bits.end.div_ceil(8)];
    let at = bits.start / 8;
    let head = (bytes.get(at)? ^ flip(bit)) & (0xff >> (bits.start % 8));
    let found = match head {
        0 => (at + 1) * 8 + find(&bytes[at + 1..], bit)?,
        _ => at * 8 + head.leading_zeros() as usize,
    };
    (found < bits.end).then_some(found)
}

/// What turns the bits that are looked for into ones.
fn flip(bit: bool) -> u8 {
    if bit { 0 } else { 0xff }
}

fn find(bytes: &[u8], bit: bool) -> Option<usize> {
    let (words, rest) = bytes.as_chunks::<WORD>();
    let other = u64::from_ne_bytes([flip(bit); WORD]);
    if let Some(at) = words.iter().position(|word| u64::from_ne_bytes(*word) != other) {
        let word = u64::from_be_bytes(words[at]) ^ other;
        return Some(at * WORD * 8 + word.leading_zeros() as usize);
    }
    let at = rest.iter().position(|byte| *byte != flip(bit))?;
    Some((words.len() * WORD + at) * 8 + (rest[at] ^ flip(bit)).leading_zeros() as usize)
}

/// A bit; those behind the end are 0.
pub fn get(bytes: &[u8], bit: usize) -> bool {
    bytes.get(bit / 8).is_some_and(|byte| byte & mask(bit) != 0)
}

/// Sets a bit, which lies within.
pub fn set(bytes: &mut [u8], bit: usize, on: bool) {
    let byte = &mut bytes[bit / 8];
    *byte = if on { *byte | mask(bit) } else { *byte & !mask(bit) };
}

fn mask(bit: usize) -> u8 {
    0x80 >> (bit % 8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ranges_are_as_one_bit_at_a_time(
            bytes in proptest::collection::vec(prop_oneof![Just(0u8), Just(0xff), any::<u8>()], 0..70),
            a: prop::sample::Index,
            b: prop::sample::Index,
            bit: bool,
        ) {
            let total = bytes.len() * 8;
            let (a, b) = (a.index(total + 1), b.index(total + 1));
            let range = a.min(b)..a.max(b);
            let set = range.clone().filter(|i| get(&bytes, *i)).count() as u64;
            prop_assert_eq!(count_in(&bytes, range.clone()), set);
            prop_assert_eq!(find_in(&bytes, range.clone(), bit), range.clone().find(|i| get(&bytes, *i) == bit));
            prop_assert_eq!(count(&bytes), count_in(&bytes, 0..total));
        }

        #[test]
        fn a_bit_that_is_set_reads_so(mut bytes in proptest::collection::vec(any::<u8>(), 1..9), at: prop::sample::Index, on: bool) {
            let (before, at) = (bytes.clone(), at.index(bytes.len() * 8));
            set(&mut bytes, at, on);
            for i in 0..bytes.len() * 8 {
                prop_assert_eq!(get(&bytes, i), if i == at { on } else { get(&before, i) });
            }
        }
    }
}
