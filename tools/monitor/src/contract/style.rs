//! The sample's JSON style, to the byte: what Python's ujson 1.35 prints.
//!
//! No space after `:`; `/` written `\/`; everything beyond ASCII as `\uxxxx` in lower case, with surrogate pairs; floats with at
//! most nine decimals, no trailing zeros but at least one decimal; pretty with an indent of four, where an empty
//! array is `[`, an empty line, `]`. No newline at the end.

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};
use std::io::{self, Write};

/// Above this ujson changes to an exponent.
const EXPONENT_FROM: f64 = 1e16;

/// The form without any space.
pub fn compact(value: &Value) -> Vec<u8> {
    write(value, Ujson { pretty: false, depth: 0 })
}

/// The indented form.
pub fn pretty(value: &Value) -> Vec<u8> {
    write(value, Ujson { pretty: true, depth: 0 })
}

fn write(value: &Value, style: Ujson) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(4096);
    let written = value.serialize(&mut Serializer::with_formatter(&mut bytes, style));
    debug_assert!(written.is_ok(), "a Value with text keys always serialises into memory");
    bytes
}

struct Ujson {
    pretty: bool,
    depth: usize,
}

impl Ujson {
    fn break_line<W: ?Sized + Write>(&self, out: &mut W) -> io::Result<()> {
        if self.pretty { out.write_all(b"\n") } else { Ok(()) }
    }

    fn indent<W: ?Sized + Write>(&self, out: &mut W) -> io::Result<()> {
        if self.pretty { (0..self.depth).try_for_each(|_| out.write_all(b"    ")) } else { Ok(()) }
    }

    fn open<W: ?Sized + Write>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth += 1;
        out.write_all(bracket)?;
        self.break_line(out)
    }

    fn separate<W: ?Sized + Write>(&self, out: &mut W, first: bool) -> io::Result<()> {
        if !first {
            out.write_all(b",")?;
            self.break_line(out)?;
        }
        self.indent(out)
    }

    fn close<W: ?Sized + Write>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth -= 1;
        self.break_line(out)?;
        self.indent(out)?;
        out.write_all(bracket)
    }
}

impl Formatter for Ujson {
    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.open(out, b"[")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.separate(out, first)
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(out, b"]")
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.open(out, b"{")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.separate(out, first)
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(out, b"}")
    }

    fn write_f64<W: ?Sized + Write>(&mut self, out: &mut W, value: f64) -> io::Result<()> {
        out.write_all(float(value).as_bytes())
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        for c in fragment.chars() {
            match c {
                '/' => out.write_all(b"\\/")?,
                c if c.is_ascii() => out.write_all(&[c as u8])?,
                c => c.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(out, "\\u{unit:04x}"))?,
            }
        }
        Ok(())
    }
}

fn float(value: f64) -> String {
    if value.abs() > EXPONENT_FROM {
        return c_exponent(&format!("{value:.15e}"));
    }
    let text = format!("{value:.9}");
    let trimmed = text.trim_end_matches('0');
    if trimmed.ends_with('.') { format!("{trimmed}0") } else { trimmed.to_owned() }
}

/// Rust's `1.5e16` to C's `1.5e+16`.
fn c_exponent(text: &str) -> String {
    text.split_once('e')
        .map_or_else(|| text.to_owned(), |(digits, exponent)| format!("{digits}e+{exponent:0>2}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn compact_has_no_space() {
        let value = json!({"a": [1, {}], "b": "x/y", "c": null, "d": []});
        assert_eq!(text(compact(&value)), r#"{"a":[1,{}],"b":"x\/y","c":null,"d":[]}"#);
    }

    #[test]
    fn pretty_leaves_an_empty_line_in_empty_arrays() {
        assert_eq!(
            text(pretty(&json!({"a": [], "b": [1]}))),
            "{\n    \"a\":[\n\n    ],\n    \"b\":[\n        1\n    ]\n}"
        );
    }

    #[test]
    fn text_beyond_ascii_is_escaped() {
        assert_eq!(text(compact(&json!("é\u{1f600}\"\\\n\u{1}"))), r#""\u00e9\ud83d\ude00\"\\\n\u0001""#);
    }

    #[test]
    fn floats() {
        for (value, expected) in [
            (0.0, "0.0"),
            (5.45, "5.45"),
            (1316.33, "1316.33"),
            (3219.2, "3219.2"),
            (-1.5, "-1.5"),
            (0.1234567891, "0.123456789"),
            (2e20, "2.000000000000000e+20"),
        ] {
            assert_eq!(float(value), expected);
        }
    }
}
