//! Scores in C's `%.17g`, as Redis printed them everywhere before 7.2, and prints them still in ZSCAN and digests.

use codec::number::F64Text;

/// A score in C's `%.17g`: 17 digits but for zeros at the end, with an exponent below 1e-4 and from 1e17 on.
pub fn text_17(score: f64) -> String {
    const DIGITS: i32 = 17;
    if !score.is_finite() || score == 0.0 {
        return String::from_utf8_lossy(&F64Text::new(score)).into_owned();
    }
    let scientific = format!("{score:.16e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trimmed = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if (-4..DIGITS).contains(&exponent) {
        let places = (DIGITS - 1 - exponent) as usize;
        return trimmed(&format!("{score:.places$}"));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trimmed(mantissa), exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_c() {
        for (score, text) in [
            (0.1, "0.10000000000000001"),
            (3.0, "3"),
            (-2.5, "-2.5"),
            (1e16, "10000000000000000"),
            (1e17, "1e+17"),
            (1.5e300, "1.5000000000000001e+300"),
            (0.0001, "0.0001"),
            (0.00001, "1.0000000000000001e-05"),
            (-0.0, "-0"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(text_17(score), text);
        }
    }
}
