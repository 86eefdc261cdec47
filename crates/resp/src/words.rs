//! A line split into words, as inline commands and configuration files quote them.
//!
//! Words are separated by blanks. In double quotes stand the escapes `\n \r \t \b \a \\ \"` and `\xHH`; in
//! single quotes only `\'`. A closing quote is followed by a blank or the end (Redis's `sdssplitargs`).

use crate::args::Span;

/// A quote is not closed, or something follows a closing quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unbalanced quotes")]
pub struct Unbalanced;

/// Splits `line` into words.
pub fn split(line: &[u8]) -> Result<Vec<Vec<u8>>, Unbalanced> {
    let (mut line, mut spans) = (line.to_vec(), vec![]);
    split_in_place(&mut line, &mut spans)?;
    Ok(spans.into_iter().map(|s| line[s.start..s.start + s.len].to_vec()).collect())
}

/// Splits `line` and appends a span a word; words are unquoted in place, as they only become shorter.
/// After an error the line's bytes are of no meaning.
pub fn split_in_place(line: &mut [u8], spans: &mut Vec<Span>) -> Result<(), Unbalanced> {
    let mut at = 0;
    loop {
        while line.get(at).is_some_and(|b| is_blank(*b)) {
            at += 1;
        }
        if at == line.len() || line[at] == 0 {
            return Ok(());
        }
        let start = at;
        let mut write = start;
        at = word(line, at, &mut write)?;
        spans.push(Span { start, len: write - start });
    }
}

/// Reads the word at `at`, writes its bytes at `write`, and answers where it ends.
fn word(line: &mut [u8], mut at: usize, write: &mut usize) -> Result<usize, Unbalanced> {
    let mut put = |line: &mut [u8], byte: u8| {
        line[*write] = byte;
        *write += 1;
    };
    while let Some(&byte) = line.get(at) {
        match byte {
            // Redis works on zero-terminated text: a zero byte ends the line.
            0 => return Ok(line.len()),
            b if is_blank(b) => break,
            quote @ (b'"' | b'\'') => {
                at += 1;
                loop {
                    let &byte = line.get(at).ok_or(Unbalanced)?;
                    if byte == quote {
                        at += 1;
                        break;
                    }
                    let (byte, len) = unescape(&line[at..], quote);
                    put(line, byte);
                    at += len;
                }
                if line.get(at).is_some_and(|b| !is_blank(*b) && *b != 0) {
                    return Err(Unbalanced);
                }
                break;
            }
            byte => {
                put(line, byte);
                at += 1;
            }
        }
    }
    Ok(at)
}

/// The byte that stands at the start of `text` within `quote`, and how many bytes it is written with.
fn unescape(text: &[u8], quote: u8) -> (u8, usize) {
    match (quote, text) {
        (b'"', [b'\\', b'x', high, low, ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
            (hex(*high) << 4 | hex(*low), 4)
        }
        (b'"', [b'\\', escaped, ..]) => {
            let byte = match escaped {
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'b' => 0x08,
                b'a' => 0x07,
                other => *other,
            };
            (byte, 2)
        }
        (b'\'', [b'\\', b'\'', ..]) => (b'\'', 2),
        _ => (text[0], 1),
    }
}

fn hex(digit: u8) -> u8 {
    (digit as char).to_digit(16).unwrap_or(0) as u8
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Option<Vec<String>> {
        let words = split(line.as_bytes()).ok()?;
        Some(words.into_iter().map(|w| w.into_iter().map(char::from).collect()).collect())
    }

    #[test]
    fn quotes_and_escapes() {
        let expect = |line: &str, expected: &[&str]| {
            assert_eq!(words(line).expect(line), expected, "{line}");
        };
        expect("  set\tkey   value ", &["set", "key", "value"]);
        expect(r#"a "" '' b"#, &["a", "", "", "b"]);
        expect(r#""\x41\n\"\q" 'it\'s \n'"#, &["A\n\"q", "it's \\n"]);
        expect(r#"pre"fix" x"#, &["prefix", "x"]);
        expect(r#""\xzz""#, &["xzz"]);
        for line in [r#""a"#, "'a", r#""a"b"#, "'a'b", r#""a\""#] {
            assert_eq!(words(line), None, "{line}");
        }
    }
}
