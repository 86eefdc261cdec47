//! Globs: never a panic, linear time, and a text whose special signs are escaped matches itself alone.

#![no_main]

use codec::glob::{Case, matches};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&[u8], &[u8])| {
    let (pattern, text) = input;
    // Not comparable: `[Z-a]` holds `_` only where case matters.
    matches(pattern, text, Case::Sensitive);
    matches(pattern, text, Case::Insensitive);
    let escaped: Vec<u8> = text.iter().flat_map(|&byte| [b'\\', byte]).collect();
    assert!(matches(&escaped, text, Case::Sensitive));
    if pattern != text {
        assert!(!matches(&escaped, pattern, Case::Sensitive));
    }
    if !text.is_empty() {
        assert!(matches(b"*", text, Case::Sensitive));
        assert!(matches(&[&escaped[..], b"*"].concat(), &[text, b"tail"].concat(), Case::Sensitive));
    }
});
