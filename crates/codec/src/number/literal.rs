//! The grammar of `strtod` and `strtold` in the C locale, which decides what Redis takes for a float.
//!
//! Redis adds three rules, kept here too: no space in front, no byte left over, not a NaN. So what remains is
//! an optional sign and `inf`, `infinity` (any case), a decimal number, or a hexadecimal one with an optional
//! binary exponent.

/// A text that is a float, not yet rounded to one.
#[derive(Debug, PartialEq)]
pub(crate) enum Literal<'a> {
    /// `inf` or `infinity`.
    Infinity,
    /// Digits with an optional point and decimal exponent, in ASCII.
    Decimal(&'a str),
    /// A hexadecimal number in a canonical form of at most 40 bytes with the same value, or one that rounds
    /// the same in every format of at most 64 bits of precision.
    Hex(String),
}

impl<'a> Literal<'a> {
    /// Splits `text` into its sign (whether it is negative) and the literal behind it.
    pub(crate) fn parse(text: &'a [u8]) -> Option<(bool, Literal<'a>)> {
        let (negative, rest) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        Some((negative, Self::unsigned(rest)?))
    }

    fn unsigned(text: &'a [u8]) -> Option<Literal<'a>> {
        if text.eq_ignore_ascii_case(b"inf") || text.eq_ignore_ascii_case(b"infinity") {
            return Some(Literal::Infinity);
        }
        match text {
            [b'0', b'x' | b'X', hex @ ..] => canonical_hex(hex).map(Literal::Hex),
            _ => is_decimal(text).then(|| std::str::from_utf8(text).ok().map(Literal::Decimal))?,
        }
    }

    /// Whether the literal is a zero, as opposed to a number that merely rounds to zero.
    pub(crate) fn is_zero(&self) -> bool {
        match self {
            Literal::Infinity => false,
            Literal::Decimal(text) => {
                let digits = text.bytes().take_while(|byte| !matches!(byte, b'e' | b'E'));
                digits.into_iter().all(|byte| matches!(byte, b'0' | b'.'))
            }
            Literal::Hex(text) => text.starts_with("0x0p"),
        }
    }
}

/// Splits off the longest prefix whose bytes all satisfy `is_digit`.
fn digits(text: &[u8], is_digit: fn(&u8) -> bool) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !is_digit(byte)).unwrap_or(text.len());
    text.split_at(end)
}

/// Splits digits with an optional point among them into the digits before, those behind, and the rest.
fn mantissa(text: &[u8], is_digit: fn(&u8) -> bool) -> Option<(&[u8], &[u8], &[u8])> {
    let (whole, rest) = digits(text, is_digit);
    let (fraction, rest) = match rest {
        [b'.', rest @ ..] => digits(rest, is_digit),
        _ => (&[][..], rest),
    };
    (whole.len() + fraction.len() > 0).then_some((whole, fraction, rest))
}

/// Parses an optional exponent behind either of the letters: its value, clamped to +-100,000,000, zero if
/// absent.
fn exponent(text: &[u8], letter: u8) -> Option<i64> {
    let (negative, text) = match text {
        [] => return Some(0),
        [first, rest @ ..] if first.eq_ignore_ascii_case(&letter) => match rest {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        },
        _ => return None,
    };
    let all_digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let magnitude =
        || text.iter().fold(0, |value: i64, digit| (value * 10 + i64::from(digit - b'0')).min(100_000_000));
    all_digits.then(|| if negative { -magnitude() } else { magnitude() })
}

fn is_decimal(text: &[u8]) -> bool {
    mantissa(text, u8::is_ascii_digit).is_some_and(|(_, _, rest)| exponent(rest, b'e').is_some())
}

/// Brings a hexadecimal number, given from behind its `0x`, to 17 significant digits (65 bits at least) and one
/// that is 1 when anything was cut off behind them: that settles every rounding to 64 bits or fewer.
fn canonical_hex(text: &[u8]) -> Option<String> {
    let (whole, fraction, rest) = mantissa(text, u8::is_ascii_hexdigit)?;
    let mut exponent = exponent(rest, b'p')?;
    let (mut value, mut cut_off) = (0u128, false);
    for (at, &digit) in whole.iter().chain(fraction).enumerate() {
        let digit = (digit as char).to_digit(16)?;
        let room = value >> 64 == 0;
        match room {
            true => value = value << 4 | u128::from(digit),
            false => cut_off |= digit != 0,
        }
        // A digit in front of the point that is not kept, or one behind it that is, moves the point.
        exponent += match (at < whole.len(), room) {
            (true, false) => 4,
            (false, true) => -4,
            _ => 0,
        };
    }
    if value == 0 {
        return Some("0x0p0".to_owned());
    }
    // Formats reach from 2^-16445 to 2^16384; beyond this an exponent is only far out.
    let exponent = (exponent - 4).clamp(-30_000, 30_000);
    Some(format!("0x{value:x}{}p{exponent}", u8::from(cut_off)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grammar() {
        for text in ["1", "-1.5", "+.5", "5.", "1e5", "1E+5", "1e-05", "00.10"] {
            let (_, literal) = Literal::parse(text.as_bytes()).expect(text);
            assert_eq!(literal, Literal::Decimal(text.trim_start_matches(['-', '+'])));
        }
        for text in ["inf", "-INF", "+Infinity"] {
            assert_eq!(Literal::parse(text.as_bytes()).expect(text).1, Literal::Infinity);
        }
        for text in [
            "", "-", "+", ".", "e5", "1e", "1e+", "1 ", " 1", "--1", "+-1", "1.2.3", "1_0", "nan", "nan(1)",
            "infin", "0x", "0x.", "0xg", "0x1p", "0x1p+", "0x1e1.5.", "1f", "1\0", "\u{661}",
        ] {
            assert_eq!(Literal::parse(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn hexadecimal_is_brought_to_canonical_form() {
        for (text, canonical) in [
            ("0x1", "0x10p-4"),
            ("0X1.8p3", "0x180p-5"),
            ("0x.0", "0x0p0"),
            ("0x00000000000000000000ff", "0xff0p-4"),
            ("0x.00ffp8", "0xff0p-12"),
            ("0x123456789abcdef01", "0x123456789abcdef010p-4"),
            ("0x123456789abcdef01001", "0x123456789abcdef011p8"),
            ("0x123456789abcdef01000p-8", "0x123456789abcdef010p0"),
            ("0x1p99999999999999999999", "0x10p30000"),
        ] {
            assert_eq!(
                Literal::parse(text.as_bytes()),
                Some((false, Literal::Hex(canonical.to_owned()))),
                "{text}"
            );
        }
    }

    #[test]
    fn zero_is_told_from_what_rounds_to_zero() {
        for (text, zero) in
            [("0", true), ("0.00e7", true), ("0x0p9", true), ("1e-999", false), ("0x.1p-9999999", false)]
        {
            assert_eq!(Literal::parse(text.as_bytes()).expect(text).1.is_zero(), zero, "{text}");
        }
    }
}
