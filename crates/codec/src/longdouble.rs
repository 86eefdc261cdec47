//! The x87 80-bit `long double`, in which INCRBYFLOAT and HINCRBYFLOAT compute and GEOPOS answers.
//!
//! A 64-bit significand with its integer bit explicit and 15 bits of exponent: about 19 decimal digits up to
//! 1e4932. Redis on x86 reads operands with `strtold` (its `string2ld`), adds in this format and prints with
//! `%.17Lf`, trailing zeros removed (its `ld2string` in human mode). The sums are visible to clients and written
//! to replicas, so the arithmetic is done in software with the same roundings on every processor.

use std::ops::Add;

use rustc_apfloat::ieee::{Double, X87DoubleExtended};
use rustc_apfloat::{Float, FloatConvert};

use crate::number::Literal;

/// Redis copies the text to a buffer of this size, so a text must be shorter.
const MAX_TEXT: usize = 5 * 1024;

/// The digits behind the point before trailing zeros are removed, and the scale they make.
const FRACTION_DIGITS: usize = 17;
const SCALE: u128 = 10u128.pow(FRACTION_DIGITS as u32);

/// A number in x87 extended precision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LongDouble(X87DoubleExtended);

impl LongDouble {
    /// Parses a float as `strtold` does, under Redis's rules: the whole text, below 5 KiB, no space in front,
    /// no NaN, and nothing that overflows to infinity or underflows to zero.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() >= MAX_TEXT {
            return None;
        }
        let (negative, literal) = Literal::parse(text)?;
        let magnitude = match &literal {
            Literal::Infinity => X87DoubleExtended::INFINITY,
            Literal::Decimal(digits) => in_range(&literal, digits.parse().ok()?)?,
            Literal::Hex(digits) => in_range(&literal, digits.parse().ok()?)?,
        };
        Some(Self(if negative { -magnitude } else { magnitude }))
    }

    /// Whether the number is neither an infinity nor a NaN.
    pub fn is_finite(self) -> bool {
        self.0.is_finite()
    }

    /// Appends the decimal text: never an exponent, at most 17 digits behind the point, no trailing zeros,
    /// no negative zero; or `inf`, `-inf`, `nan`.
    pub fn write_human(self, out: &mut Vec<u8>) {
        if self.0.is_nan() {
            return out.extend_from_slice(b"nan");
        }
        let start = out.len();
        if self.0.is_negative() {
            out.push(b'-');
        }
        if self.0.is_infinite() {
            return out.extend_from_slice(b"inf");
        }
        let (significand, exponent) = self.magnitude();
        match u32::try_from(exponent) {
            Ok(exponent) => write_shifted(out, significand, exponent),
            Err(_) => write_fraction(out, significand, exponent.unsigned_abs()),
        }
        if &out[start..] == b"-0" {
            out.remove(start);
        }
    }

    /// The absolute value of a finite number, as an integer times 2 to an exponent.
    fn magnitude(self) -> (u64, i32) {
        let bits = self.0.to_bits();
        let biased = (bits >> 64 & 0x7fff) as i32;
        (bits as u64, biased.max(1) - 16383 - 63)
    }
}

fn in_range(literal: &Literal, magnitude: X87DoubleExtended) -> Option<X87DoubleExtended> {
    (magnitude.is_finite() && (!magnitude.is_zero() || literal.is_zero())).then_some(magnitude)
}

impl From<i64> for LongDouble {
    /// Exact: the significand holds every `i64`.
    fn from(value: i64) -> Self {
        Self(X87DoubleExtended::from_i128(i128::from(value)).value)
    }
}

impl From<f64> for LongDouble {
    /// Exact: the format contains every double.
    fn from(value: f64) -> Self {
        Self(Double::from_bits(u128::from(value.to_bits())).convert(&mut false).value)
    }
}

impl Add for LongDouble {
    type Output = Self;

    /// The sum, rounded to nearest, ties to even; infinite when it overflows, NaN for infinities of two signs.
    fn add(self, other: Self) -> Self {
        Self((self.0 + other.0).value)
    }
}

/// Writes `significand` / 2^`shift`, rounded to 17 digits behind the point, ties to even.
fn write_fraction(out: &mut Vec<u8>, significand: u64, shift: u32) {
    // Below 2^121, so from a shift of 122 on it rounds to zero.
    let scaled = u128::from(significand) * SCALE;
    let rounded = if shift < u128::BITS { divide_by_power_of_two(scaled, shift) } else { 0 };
    out.extend_from_slice((rounded / SCALE).to_string().as_bytes());
    let fraction = rounded % SCALE;
    if fraction != 0 {
        let digits = format!(".{fraction:0width$}", width = FRACTION_DIGITS);
        out.extend_from_slice(digits.trim_end_matches('0').as_bytes());
    }
}

/// `value` / 2^`shift` to the nearest integer, ties to even; `shift` is 1 to 127.
fn divide_by_power_of_two(value: u128, shift: u32) -> u128 {
    let (quotient, rest) = (value >> shift, value & ((1 << shift) - 1));
    let half = 1 << (shift - 1);
    quotient + u128::from(rest > half || (rest == half && quotient & 1 == 1))
}

/// Writes the integer `significand` * 2^`shift`: up to 4,933 digits.
fn write_shifted(out: &mut Vec<u8>, significand: u64, shift: u32) {
    if shift <= 64 {
        return out.extend_from_slice((u128::from(significand) << shift).to_string().as_bytes());
    }
    let mut limbs = Limbs(Vec::new());
    limbs.multiply_add(1, significand >> 32);
    limbs.multiply_add(1 << 32, significand & u64::from(u32::MAX));
    for _ in 0..shift / 32 {
        limbs.multiply_add(1 << 32, 0);
    }
    limbs.multiply_add(1 << (shift % 32), 0);
    limbs.write(out);
}

/// A natural number as digits to the base of 10^9, least significant first.
struct Limbs(Vec<u32>);

impl Limbs {
    const BASE: u64 = 1_000_000_000;

    /// Multiplies by `factor` and adds `carry`, each at most 2^32.
    fn multiply_add(&mut self, factor: u64, mut carry: u64) {
        for limb in &mut self.0 {
            let value = u64::from(*limb) * factor + carry;
            *limb = (value % Self::BASE) as u32;
            carry = value / Self::BASE;
        }
        while carry > 0 {
            self.0.push((carry % Self::BASE) as u32);
            carry /= Self::BASE;
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let mut limbs = self.0.iter().rev();
        let first = limbs.next().map_or(0, |&limb| limb);
        out.extend_from_slice(first.to_string().as_bytes());
        limbs.for_each(|limb| out.extend_from_slice(format!("{limb:09}").as_bytes()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn human(value: LongDouble) -> String {
        let mut out = Vec::new();
        value.write_human(&mut out);
        String::from_utf8(out).expect("ASCII")
    }

    fn parse(text: &str) -> LongDouble {
        LongDouble::parse(text.as_bytes()).unwrap_or_else(|| panic!("{text} is a float"))
    }

    #[test]
    fn sums_of_genuine_redis() {
        // SET k A, INCRBYFLOAT k B on redis-server 7.0.15, x86-64.
        for (a, b, sum) in [
            ("3.0e3", "200", "3200"),
            ("10.5", "0.1", "10.6"),
            ("5.0e3", "2.0e2", "5200"),
            ("0.1", "0.2", "0.3"),
            ("1", "5e-17", "1.00000000000000005"),
            ("1", "5e-18", "1"),
            ("1e19", "0.5", "10000000000000000000"),
            (
                "1e300",
                "1",
                "1000000000000000000008997324079559193870523944273290747938260082321265646596180935755849152083750497190350372508614274835903592556184672983913096260520748646287327135641843653294084255107606016789726652932370030551382947620994540294772781889620606179267611627097410650567187386105690089424915104006144",
            ),
            (
                "-1e300",
                "1e283",
                "-999999999999999989989059171250747540250766876661656114241291926608549076786780711849608395827119464512946690845060740588236410766798428796279660523938864482462394509072973616279925271623745538074359242916105983281216491665696770058574084548353640741490284782951179427146180327869759426842902499688448",
            ),
            ("0", "-1e-18", "0"),
            ("-1", "1", "0"),
            ("9223372036854775807", "1", "9223372036854775808"),
            ("18446744073709551615", "1", "18446744073709551616"),
            ("18446744073709551616", "1", "18446744073709551616"),
            ("1.1", "-1.1", "0"),
            ("3", "1.000000000000000005", "4.00000000000000001"),
            ("0x1.8p3", ".5", "12.5"),
            ("0.00000000000000001", "0.000000000000000005", "0.00000000000000002"),
            ("0.3", "-0.1", "0.2"),
            ("1e40", "1e20", "9999999999999999999783686092270256259072"),
            ("123456789012345678.9", "0.05", "123456789012345678.9453125"),
            ("-0", "0", "0"),
            ("-1131", "0x59a59.97517547345b9435p-3", "44768.19888583777951041"),
            ("0", "0x1.00000000000000008p0", "1"),
            ("0", "0x1.00000000000000010p0", "1"),
            ("0", "0x1.000000000000000180p70", "1180591620717411303552"),
        ] {
            assert_eq!(human(parse(a) + parse(b)), sum, "{a} + {b}");
        }
    }

    #[test]
    fn what_is_no_float_to_redis() {
        for text in ["", " 1", "1 ", "1x", "nan", "1e5000", "-1e5000", "1e-5000", "0x1p16384", "1\0"] {
            assert_eq!(LongDouble::parse(text.as_bytes()), None, "{text:?}");
        }
        assert!(LongDouble::parse("1".repeat(4933 + 100).as_bytes()).is_none(), "overflows");
        let long = |len: usize| "0".repeat(len - 1) + "1";
        assert!(LongDouble::parse(long(5119).as_bytes()).is_some());
        assert!(LongDouble::parse(long(5120).as_bytes()).is_none());
    }

    #[test]
    fn infinities_and_nan() {
        let (up, down) = (parse("inf"), parse("-inf"));
        assert_eq!((human(up), human(down), human(up + down)), ("inf".into(), "-inf".into(), "nan".into()));
        assert!(!up.is_finite() && !(up + down).is_finite() && parse("1e4932").is_finite());
        assert!(!(parse("1e4932") + parse("1e4932")).is_finite());
    }

    #[test]
    fn the_largest_and_smallest() {
        let largest = human(parse("0x1.fffffffffffffffep16383"));
        assert_eq!(largest.len(), 4933);
        assert!(largest.starts_with("1189731495357231765021263853030970205169"));
        assert!(largest.ends_with("8849149662444156604419552086811989770240"), "{largest}");
        assert_eq!(human(parse("0x1p-16445")), "0");
        assert_eq!(LongDouble::parse(b"0x1p-16447"), None);
    }

    #[test]
    fn every_double_and_integer_is_exact() {
        assert_eq!(human(LongDouble::from(i64::MIN)), i64::MIN.to_string());
        assert_eq!(human(LongDouble::from(0.1)), "0.10000000000000001");
        assert_eq!(human(LongDouble::from(f64::MAX)), format!("{:.0}", f64::MAX));
        assert_eq!(human(LongDouble::from(-0.0)), "0");
    }

    proptest! {
        #[test]
        fn integers_print_and_add_exactly(a in -(1i64 << 62)..1 << 62, b in -(1i64 << 62)..1 << 62) {
            prop_assert_eq!(human(parse(&a.to_string()) + LongDouble::from(b)), (a + b).to_string());
        }

        /// Where the last of 17 places is worth more than the precision, text reads back as typed.
        #[test]
        fn decimals_print_as_typed(whole in 0..10i64, fraction in 1..10u64.pow(17)) {
            let typed = format!("{whole}.{fraction:017}");
            prop_assert_eq!(human(parse(&typed)), typed.trim_end_matches('0'));
        }

        /// Large numbers against the standard library, which prints doubles in full.
        #[test]
        fn large_doubles_print_in_full(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite() && value.abs() >= 2f64.powi(53));
            prop_assert_eq!(human(LongDouble::from(value)), format!("{value:.0}"));
        }

        /// Small ones too, at 17 places.
        #[test]
        fn small_doubles_print_rounded(value in -1e6..1e6f64) {
            let full = format!("{value:.17}");
            let trimmed = full.trim_end_matches('0').trim_end_matches('.');
            prop_assert_eq!(human(LongDouble::from(value)), if trimmed == "-0" { "0" } else { trimmed });
        }
    }
}
