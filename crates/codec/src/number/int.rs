//! Integers: the strict decimal text of Redis's `string2ll` and `ll2string`.
//!
//! Strict means canonical: a text that parses is the text that prints. That is what lets a value "12" be stored
//! as the integer 12, and it is why " 12", "+12" and "012" stay strings.

use std::ops::Deref;

/// Parses a canonical decimal integer: no plus, no space, no leading zero, no "-0", within an `i64`.
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let magnitude = match digits {
        b"0" if !negative => 0,
        [b'1'..=b'9', ..] if digits.len() <= 19 => accumulate(digits)?,
        _ => return None,
    };
    if negative { 0i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

/// Parses a canonical decimal integer without a sign, within a `u64`.
pub fn parse_u64(text: &[u8]) -> Option<u64> {
    match text {
        b"0" => Some(0),
        [b'1'..=b'9', ..] if text.len() <= 19 => accumulate(text),
        [head @ .., last @ b'0'..=b'9'] if text.len() == 20 && head[0] != b'0' => {
            accumulate(head)?.checked_mul(10)?.checked_add(u64::from(last - b'0'))
        }
        _ => None,
    }
}

/// The value of at most 19 digits: always below 10^19, which a `u64` holds.
fn accumulate(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0u64, |value, &digit| {
        let digit = digit.wrapping_sub(b'0');
        (digit <= 9).then(|| value * 10 + u64::from(digit))
    })
}

/// How many bytes the text of `value` takes, its minus included: 1 to 20.
pub fn digits(value: i64) -> usize {
    let digits = value.unsigned_abs().checked_ilog10().unwrap_or(0) as usize + 1;
    digits + usize::from(value < 0)
}

/// Appends the decimal text of `value`.
pub fn write_i64(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// The decimal text of an integer, held in place: no allocation.
#[derive(Clone, Copy)]
pub struct I64Text {
    bytes: [u8; 20],
    len: u8,
}

impl I64Text {
    /// The text of `value`.
    pub fn new(value: i64) -> Self {
        let mut buffer = itoa::Buffer::new();
        let text = buffer.format(value).as_bytes();
        let mut bytes = [0; 20];
        bytes[..text.len()].copy_from_slice(text);
        Self { bytes, len: text.len() as u8 }
    }
}

impl Deref for I64Text {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn limits() {
        assert_eq!(parse_i64(b"9223372036854775807"), Some(i64::MAX));
        assert_eq!(parse_i64(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(parse_i64(b"9223372036854775808"), None);
        assert_eq!(parse_i64(b"-9223372036854775809"), None);
        assert_eq!(parse_i64(b"99999999999999999999"), None);
        assert_eq!(parse_u64(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(parse_u64(b"18446744073709551616"), None);
        assert_eq!(parse_u64(b"99999999999999999999"), None);
        assert_eq!(parse_u64(b"100000000000000000000"), None);
    }

    #[test]
    fn only_canonical_texts_are_integers() {
        for text in [
            "", "-", "+1", " 1", "1 ", "01", "-0", "00", "-01", "1.0", "1e3", "0x10", "--1", "1\0", "a",
            "1/", "1:",
        ] {
            assert_eq!(parse_i64(text.as_bytes()), None, "{text:?}");
            assert_eq!(parse_u64(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(parse_i64(b"0"), Some(0));
        assert_eq!(parse_u64(b"-1"), None);
    }

    #[test]
    fn digits_at_the_powers_of_ten() {
        assert_eq!(digits(0), 1);
        assert_eq!(digits(-1), 2);
        assert_eq!(digits(i64::MIN), 20);
        for power in 1..19 {
            let value = 10i64.pow(power);
            assert_eq!((digits(value - 1), digits(value)), (power as usize, power as usize + 1));
        }
    }

    proptest! {
        #[test]
        fn text_and_value_are_one(value: i64, shift in 0..64u32) {
            let value = value >> shift;
            let text = I64Text::new(value);
            prop_assert_eq!(text.to_vec(), value.to_string().into_bytes());
            prop_assert_eq!(parse_i64(&text), Some(value));
            prop_assert_eq!(digits(value), text.len());
            let mut out = b"x".to_vec();
            write_i64(&mut out, value);
            prop_assert_eq!(&out[1..], &*text);
        }

        #[test]
        fn what_parses_prints_the_same(text in "[-+ ]?[0-9]{1,21}") {
            match parse_i64(text.as_bytes()) {
                Some(value) => prop_assert_eq!(value.to_string(), text),
                None => prop_assert!(text.parse::<i64>().map_or(true, |value| value.to_string() != text)),
            }
        }

        #[test]
        fn unsigned_text_parses(text in "[0-9]{1,21}") {
            let expected = text.parse::<u64>().ok().filter(|value| value.to_string() == text);
            prop_assert_eq!(parse_u64(text.as_bytes()), expected);
        }
    }
}
