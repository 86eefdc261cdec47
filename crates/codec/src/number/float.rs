//! Doubles: Redis's `string2d` reads scores and float arguments, its `d2string` prints them.

use std::ops::Deref;

use rustc_apfloat::{Float, ieee};

use super::grisu::Digits;
use super::{I64Text, Literal};

/// Parses a double as `strtod` does, under Redis's rules: the whole text, no space in front, no NaN, and
/// nothing that overflows to infinity or underflows to zero. The words for infinity and hexadecimal are floats;
/// denormals are too.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    let (negative, literal) = Literal::parse(text)?;
    let magnitude = match &literal {
        Literal::Infinity => f64::INFINITY,
        Literal::Decimal(text) => in_range(&literal, text.parse().ok()?)?,
        Literal::Hex(text) => {
            let double: ieee::Double = text.parse().ok()?;
            in_range(&literal, f64::from_bits(double.to_bits() as u64))?
        }
    };
    Some(if negative { -magnitude } else { magnitude })
}

fn in_range(literal: &Literal, magnitude: f64) -> Option<f64> {
    (magnitude.is_finite() && (magnitude != 0.0 || literal.is_zero())).then_some(magnitude)
}

/// Appends the text of [`F64Text`].
pub fn write_f64(out: &mut Vec<u8>, value: f64) {
    out.extend_from_slice(&F64Text::new(value));
}

/// The text of a double as Redis prints scores and RESP3 doubles since 7.2, held in place: no allocation.
///
/// `inf`, `-inf`, `nan`; `-0` for the negative zero; whole numbers up to 2^62 in full; else the digits that read
/// back as the same double, with an exponent when there would be many zeros: `0.1`, `1e+100`, `1.5e-10`.
#[derive(Clone, Copy)]
pub struct F64Text {
    bytes: [u8; 32],
    len: u8,
}

impl F64Text {
    /// The text of `value`.
    pub fn new(value: f64) -> Self {
        let mut text = Self { bytes: [0; 32], len: 0 };
        if value.is_nan() {
            text.push(b"nan");
        } else if let Some(integer) = whole(value) {
            text.push(&I64Text::new(integer));
        } else {
            text.push(if value.is_sign_negative() { b"-" } else { b"" });
            text.push_magnitude(value);
        }
        text
    }

    fn push_magnitude(&mut self, value: f64) {
        if value.is_infinite() {
            self.push(b"inf");
        } else if value == 0.0 {
            self.push(b"0");
        } else {
            self.push_digits(&Digits::of(value));
        }
    }

    /// Lays the digits out: in full, with a point among or before them, or scientifically.
    fn push_digits(&mut self, digits: &Digits) {
        let (text, exponent) = (digits.text(), digits.exponent);
        let count = text.len() as i32;
        let magnitude = (exponent + count - 1).abs();
        let point = count + exponent;
        if exponent >= 0 && magnitude < count + 7 {
            self.push(text);
            self.push_zeros(exponent);
        } else if exponent < 0 && (exponent > -7 || magnitude < 4) {
            if point > 0 {
                let (whole, fraction) = text.split_at(point as usize);
                self.push(whole);
                self.push(b".");
                self.push(fraction);
            } else {
                self.push(b"0.");
                self.push_zeros(-point);
                self.push(text);
            }
        } else {
            self.push_scientific(text, exponent);
        }
    }

    /// One digit, the point, the others, and the exponent with its sign.
    fn push_scientific(&mut self, text: &[u8], exponent: i32) {
        self.push(&text[..1]);
        if text.len() > 1 {
            self.push(b".");
            self.push(&text[1..]);
        }
        let exponent = exponent + text.len() as i32 - 1;
        self.push(if exponent < 0 { b"e-" } else { b"e+" });
        self.push(&I64Text::new(i64::from(exponent.abs())));
    }

    fn push(&mut self, text: &[u8]) {
        let len = usize::from(self.len);
        self.bytes[len..len + text.len()].copy_from_slice(text);
        self.len += text.len() as u8;
    }

    fn push_zeros(&mut self, count: i32) {
        (0..count).for_each(|_| self.push(b"0"));
    }
}

impl Deref for F64Text {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// The integer equal to `value`, when it is one of magnitude at most 2^62 and not the negative zero.
fn whole(value: f64) -> Option<i64> {
    const LIMIT: f64 = (1i64 << 62) as f64;
    let integer = value as i64;
    let exact = value.abs() <= LIMIT && integer as f64 == value;
    (exact && !(value == 0.0 && value.is_sign_negative())).then_some(integer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(value: f64) -> String {
        String::from_utf8(F64Text::new(value).to_vec()).expect("ASCII")
    }

    #[test]
    fn reads_what_strtod_reads() {
        for (text, value) in [
            ("3.0e3", 3000.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("+1", 1.0),
            ("-0", -0.0),
            ("0x1.8p1", 3.0),
            ("0x10", 16.0),
            ("-0XAp-1", -5.0),
            ("inf", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
            ("5e-324", f64::from_bits(1)),
            ("0x1p-1074", f64::from_bits(1)),
            ("0x1.fffffffffffff8p1022", 2f64.powi(1023)),
            ("1.7976931348623157e308", f64::MAX),
            ("0e99999", 0.0),
        ] {
            let parsed = parse_f64(text.as_bytes()).expect(text);
            assert_eq!(parsed.to_bits(), value.to_bits(), "{text}");
        }
    }

    #[test]
    fn refuses_nan_and_what_leaves_the_range() {
        for text in
            ["nan", "-nan", "1e309", "-1e309", "1e-400", "0x1p1024", "0x1p-1076", "", " 1", "1 ", "1x"]
        {
            assert_eq!(parse_f64(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn prints_like_redis_since_7_2() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (3.0, "3"),
            (-17.0, "-17"),
            (0.1, "0.1"),
            (-0.1, "-0.1"),
            (3.17, "3.17"),
            (123456.789, "123456.789"),
            (1e17, "100000000000000000"),
            (4611686018427387904.0, "4611686018427387904"),
            (4611686018427389000.0, "4611686018427389000"),
            (1e19, "1e+19"),
            (1e100, "1e+100"),
            (1.5e-10, "1.5e-10"),
            (0.000001, "0.000001"),
            (0.0000001, "1e-7"),
            (0.00012345678, "1.2345678e-4"),
            // Not the shortest digits that read back: see `grisu`.
            (2318753.3321, "2.3187533321000002e+6"),
            (f64::from_bits(1), "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(text(value), expected);
        }
    }

    proptest! {
        #[test]
        fn text_reads_back(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(!value.is_nan());
            prop_assert_eq!(parse_f64(&F64Text::new(value)).map(f64::to_bits), Some(bits));
        }
    }
}
