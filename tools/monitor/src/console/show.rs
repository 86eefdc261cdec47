//! Replies for people, as redis-cli shows them, and as JSON.

use crate::wire::Reply;
use serde_json::{Value, json};
use std::fmt::Write;

/// Text that one answer may have, bytes; more is cut with a word about it.
const MAX_TEXT: usize = 256 * 1024;

/// A reply as redis-cli shows it on a terminal. Printable text of several lines (INFO, CLIENT LIST) stays as it is.
pub fn as_text(reply: &Reply) -> String {
    let mut text = String::new();
    show(&mut text, reply, 0);
    if text.len() >= MAX_TEXT {
        let end = text.floor_char_boundary(MAX_TEXT);
        text.truncate(end);
        text.push_str("\n(cut: the reply is longer)");
    }
    text
}

fn show(text: &mut String, reply: &Reply, indent: usize) {
    // Writing into a String cannot fail.
    let _ = match reply {
        Reply::Status(line) => write!(text, "{}", printable(line)),
        Reply::Error(line) => write!(text, "(error) {}", printable(line)),
        Reply::Integer(number) => write!(text, "(integer) {number}"),
        Reply::Nil => write!(text, "(nil)"),
        Reply::Bulk(bytes) => write!(text, "{}", string(bytes, indent == 0)),
        Reply::Array(items) if items.is_empty() => write!(text, "(empty array)"),
        Reply::Array(items) => {
            list(text, items, indent);
            Ok(())
        }
    };
}

/// `1) ...` with the numbers right-aligned, what is nested indented by their width.
fn list(text: &mut String, items: &[Reply], indent: usize) {
    let digits = items.len().to_string().len();
    for (place, item) in items.iter().enumerate() {
        if text.len() >= MAX_TEXT {
            return;
        }
        if place > 0 {
            let _ = write!(text, "\n{:indent$}", "");
        }
        let _ = write!(text, "{:>digits$}) ", place + 1);
        show(text, item, indent + digits + 2);
    }
}

fn printable(line: &str) -> String {
    line.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn string(bytes: &[u8], alone: bool) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if alone && text.contains('\n') && !text.contains(is_odd) => text.replace('\r', ""),
        _ => quoted(bytes),
    }
}

/// Control characters that no text of several lines has.
fn is_odd(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\r' | '\t')
}

/// In quotes; UTF-8 stays, all other bytes are escaped.
fn quoted(bytes: &[u8]) -> String {
    let mut text = String::from("\"");
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' | '\\' => text.extend(['\\', c]),
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                c if c.is_control() && c.is_ascii() => {
                    let _ = write!(text, "\\x{:02x}", u32::from(c));
                }
                c => text.push(c),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text.push('"');
    text
}

/// A reply for programs: strings as text with other bytes replaced, an error as `{"error": ...}`.
pub fn as_json(reply: &Reply) -> Value {
    match reply {
        Reply::Status(line) => json!(line),
        Reply::Error(line) => json!({"error": line}),
        Reply::Integer(number) => json!(number),
        Reply::Bulk(bytes) => json!(String::from_utf8_lossy(bytes)),
        Reply::Array(items) => Value::Array(items.iter().map(as_json).collect()),
        Reply::Nil => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Reply {
        Reply::Bulk(text.as_bytes().to_vec())
    }

    #[test]
    fn as_redis_cli_shows_them() {
        assert_eq!(as_text(&Reply::Status("OK".into())), "OK");
        assert_eq!(as_text(&Reply::Error("ERR no".into())), "(error) ERR no");
        assert_eq!(as_text(&Reply::Bulk(b"a\"\n\xff\x01\xc3\xa4".to_vec())), "\"a\\\"\\n\\xff\\x01\u{e4}\"");
        assert_eq!(as_text(&bulk("# Server\r\nx:1\r\n")), "# Server\nx:1\n");
        let nested = Reply::Array(vec![Reply::Integer(1), bulk("b")]);
        let mut items = vec![nested, Reply::Nil, Reply::Array(vec![])];
        items.extend((4..=10).map(Reply::Integer));
        let text = as_text(&Reply::Array(items));
        assert!(
            text.starts_with(
                " 1) 1) (integer) 1\n    2) \"b\"\n 2) (nil)\n 3) (empty array)\n 4) (integer) 4\n"
            ),
            "{text}"
        );
        assert!(text.ends_with("\n10) (integer) 10"), "{text}");
    }

    #[test]
    fn long_replies_are_cut() {
        let text = as_text(&Reply::Array(vec![bulk(&"\u{e4}".repeat(1000)); 1000]));
        assert!(text.len() < MAX_TEXT + 100 && text.ends_with("(cut: the reply is longer)"));
    }

    #[test]
    fn json() {
        let reply = Reply::Array(vec![bulk("a"), Reply::Nil, Reply::Error("E".into()), Reply::Integer(1)]);
        assert_eq!(as_json(&reply), json!(["a", null, {"error": "E"}, 1]));
    }
}
