//! An integer of some bits somewhere in a string: what BITFIELD reads and writes.

use engine::Error;
use keyspace::parse_integer;

/// The width of an integer, and whether it has a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    signed: bool,
    /// 1 to 64; without a sign to 63, as replies have one.
    bits: u32,
}

/// What becomes of a number that does not fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// Its low bits are kept.
    #[default]
    Wrap,
    /// The nearest that fits is taken.
    Sat,
    /// Nothing is done.
    Fail,
}

/// Bytes that any field lies within, from the byte of its first bit on.
pub const WINDOW: usize = 9;

impl Field {
    /// Reads a type such as `i16` or `u8`.
    pub fn parse(arg: &[u8]) -> Result<Field, Error> {
        let (signed, bits) = match arg {
            [b'i', bits @ ..] => (true, bits),
            [b'u', bits @ ..] => (false, bits),
            _ => (false, &[][..]),
        };
        let most = if signed { 64 } else { 63 };
        match parse_integer(bits) {
            Some(bits) if (1..=most).contains(&bits) => Ok(Field { signed, bits: bits as u32 }),
            _ => Err(Error::text(
                "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
            )),
        }
    }

    /// Its width in bits.
    pub fn bits(self) -> usize {
        self.bits as usize
    }

    fn shift(self, bit: usize) -> u32 {
        WINDOW as u32 * 8 - bit as u32 - self.bits
    }

    /// The number that begins at a bit (0 to 7) of a window.
    pub fn read(self, window: [u8; WINDOW], bit: usize) -> i64 {
        self.low_bits((join(window) >> self.shift(bit)) as u64)
    }

    /// The window with this number at that bit.
    pub fn write(self, window: [u8; WINDOW], bit: usize, number: i64) -> [u8; WINDOW] {
        let mask = (u64::MAX >> (64 - self.bits)) as u128;
        let shift = self.shift(bit);
        split(join(window) & !(mask << shift) | (number as u128 & mask) << shift)
    }

    /// The number that a field's low bits are.
    fn low_bits(self, bits: u64) -> i64 {
        let unused = 64 - self.bits;
        if self.signed { (bits << unused) as i64 >> unused } else { (bits << unused >> unused) as i64 }
    }

    /// The number a SET stores: without a sign, a negative one is a very large one. With one, Redis takes the very
    /// lowest for too large where it saturates: it asks by how much they may grow, which overflows.
    pub fn to_store(self, number: i64, overflow: Overflow) -> i128 {
        let max = i64::MAX >> (64 - self.bits);
        match (self.signed, overflow) {
            (false, _) => number as u64 as i128,
            (true, Overflow::Sat) if self.bits < 64 && max.checked_sub(number).is_none() => i64::MAX as i128,
            (true, _) => number as i128,
        }
    }

    /// `number` if it fits, or what takes its place.
    pub fn fit(self, number: i128, overflow: Overflow) -> Option<i64> {
        let (min, max) = match self.signed {
            true => (-1i128 << (self.bits - 1), (1i128 << (self.bits - 1)) - 1),
            false => (0, (1i128 << self.bits) - 1),
        };
        match overflow {
            _ if (min..=max).contains(&number) => Some(number as i64),
            Overflow::Wrap => Some(self.low_bits(number as u64)),
            Overflow::Sat => Some(number.clamp(min, max) as i64),
            Overflow::Fail => None,
        }
    }
}

/// The bytes of `bytes` from `at` on, with zeros behind the end.
pub fn window(bytes: &[u8], at: usize) -> [u8; WINDOW] {
    let mut window = [0; WINDOW];
    let there = bytes.get(at..).unwrap_or_default();
    let len = there.len().min(WINDOW);
    window[..len].copy_from_slice(&there[..len]);
    window
}

/// Puts a window back; what lies behind the end is dropped.
pub fn put_window(bytes: &mut [u8], at: usize, window: [u8; WINDOW]) {
    let there = &mut bytes[at..];
    let len = there.len().min(WINDOW);
    there[..len].copy_from_slice(&window[..len]);
}

fn join(window: [u8; WINDOW]) -> u128 {
    window.iter().fold(0, |all, byte| all << 8 | *byte as u128)
}

fn split(all: u128) -> [u8; WINDOW] {
    std::array::from_fn(|i| (all >> (8 * (WINDOW - 1 - i))) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn field(text: &str) -> Field {
        Field::parse(text.as_bytes()).expect(text)
    }

    #[test]
    fn types() {
        assert_eq!(field("i64"), Field { signed: true, bits: 64 });
        assert_eq!(field("u1"), Field { signed: false, bits: 1 });
        for text in ["", "i", "u", "i0", "i65", "u64", "x8", "I8", "8", "i-1", "i08", "u 8"] {
            assert!(Field::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn what_does_not_fit() {
        for (text, number, wrap, sat) in [
            ("i8", 128, -128, 127),
            ("i8", -129, 127, -128),
            ("u8", 256, 0, 255),
            ("u8", -1, 255, 0),
            ("i64", 1 << 63, i64::MIN, i64::MAX),
            ("u63", 1 << 63, 0, i64::MAX),
        ] {
            let field = field(text);
            assert_eq!(field.fit(number, Overflow::Wrap), Some(wrap), "{text} {number}");
            assert_eq!(field.fit(number, Overflow::Sat), Some(sat), "{text} {number}");
            assert_eq!(field.fit(number, Overflow::Fail), None, "{text} {number}");
            assert_eq!(field.fit(sat as i128, Overflow::Fail), Some(sat), "{text} {sat}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_and_nothing_else_changes(
            before: [u8; WINDOW], signed: bool, bits in 1u32..=63, bit in 0usize..8, number: i64,
        ) {
            let field = Field { signed, bits };
            let number = field.fit(field.to_store(number, Overflow::Wrap), Overflow::Wrap).expect("wraps");
            let after = field.write(before, bit, number);
            prop_assert_eq!(field.read(after, bit), number);
            let inside = bit..bit + field.bits();
            for i in (0..WINDOW * 8).filter(|i| !inside.contains(i)) {
                prop_assert_eq!(crate::bitmap::bits::get(&before, i), crate::bitmap::bits::get(&after, i));
            }
        }
    }
}
