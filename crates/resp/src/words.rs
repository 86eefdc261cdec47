//! A line split into words, as inline commands and configuration files quote them.
//!
//! Words are separated by blanks. In double quotes stand the escapes `\n \r \t \b \a \\ \"` and `\xHH`; in
//! single quotes only `\'`. A closing quote is followed by a blank or the end (Redis's `sdssplitargs`).

/// A quote is not closed, or something follows a closing quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unbalanced quotes")]
pub struct Unbalanced;

/// Splits `line` into words.
pub fn split(line: &[u8]) -> Result<Vec<Vec<u8>>, Unbalanced> {
    // Redis works on zero-terminated text: a zero byte ends the line.
    let mut rest = line.split(|b| *b == 0).next().unwrap_or_default();
    let mut words = Vec::new();
    loop {
        let blanks = rest.iter().take_while(|b| is_blank(**b)).count();
        rest = &rest[blanks..];
        if rest.is_empty() {
            return Ok(words);
        }
        let (word, len) = word(rest)?;
        words.push(word);
        rest = &rest[len..];
    }
}

/// Reads the word at the start of `text`, and answers how many bytes it is written with.
fn word(text: &[u8]) -> Result<(Vec<u8>, usize), Unbalanced> {
    let (mut word, mut at) = (Vec::new(), 0);
    while let Some(&byte) = text.get(at).filter(|b| !is_blank(**b)) {
        at += 1;
        if !matches!(byte, b'"' | b'\'') {
            word.push(byte);
            continue;
        }
        while *text.get(at).ok_or(Unbalanced)? != byte {
            let (inner, len) = unescape(&text[at..], byte);
            word.push(inner);
            at += len;
        }
        at += 1;
        // What closes a quote closes the word.
        return if text.get(at).is_none_or(|b| is_blank(*b)) { Ok((word, at)) } else { Err(Unbalanced) };
    }
    Ok((word, at))
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
