//! INFO texts, any bytes: fields are lines of the text, numbers are finite, and the flattened form is JSON that reads back the same.
//!
//! The monitor's parser by its file: the rest of that crate (SQLite, TLS, HTTP) would be compiled for nothing.

#![no_main]
#![allow(dead_code, reason = "the parser's views that this target does not ask for")]

#[path = "../../tools/monitor/src/facts/info.rs"]
mod info;

use info::Info;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let info = Info::parse(&text);
    for field in info.fields() {
        let line = format!("{}:{}", field.name, field.value);
        assert!(text.lines().any(|own| own == line), "{line:?} is no line");
        assert!(info.number(&field.name).is_none_or(f64::is_finite));
        let _ = (info.section(field), info.is_default(field));
    }
    let flat = info.flattened();
    let again: Value = serde_json::from_str(&flat.to_string()).expect("JSON");
    // A float may come back as its nearest neighbour; all else is the same.
    assert_eq!(again.as_object().map(|fields| fields.len()), flat.as_object().map(|fields| fields.len()));
    assert!(info.keys().is_finite() || info.databases().count() > 1);
    assert!(info.replicas().all(|parts| parts.number("lag").is_none_or(f64::is_finite)));
});
