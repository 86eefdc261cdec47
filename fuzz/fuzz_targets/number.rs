//! Number texts: what is read is written as it was, and what is written is read back.

#![no_main]

use codec::longdouble::LongDouble;
use codec::number::{F64Text, I64Text, parse_f64, parse_i64, parse_u64};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let as_text = |number: String| number.as_bytes() == text;
    assert_eq!(
        parse_i64(text).is_some(),
        std::str::from_utf8(text).is_ok_and(|t| t.parse::<i64>().is_ok_and(|n| as_text(n.to_string())))
    );
    assert_eq!(
        parse_u64(text).is_some(),
        std::str::from_utf8(text).is_ok_and(|t| t.parse::<u64>().is_ok_and(|n| as_text(n.to_string())))
    );
    if let Some(number) = parse_i64(text) {
        assert_eq!(&*I64Text::new(number), text);
    }
    if let Some(number) = parse_f64(text) {
        assert!(!number.is_nan());
        assert_eq!(parse_f64(&F64Text::new(number)).map(f64::to_bits), Some(number.to_bits()));
    }
    if let Some(number) = LongDouble::parse(text) {
        let mut written = Vec::new();
        number.write_human(&mut written);
        let again = LongDouble::parse(&written);
        // Numbers below 1e-17 are written as 0; others lose what 17 decimals cannot hold.
        assert!(again.is_some(), "{}", written.escape_ascii());
    }
    if let Some(bits) = text.first_chunk() {
        let number = f64::from_le_bytes(*bits);
        if !number.is_nan() {
            assert_eq!(parse_f64(&F64Text::new(number)).map(f64::to_bits), Some(number.to_bits()));
        }
    }
});
