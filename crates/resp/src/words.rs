//! A line as words: inline commands, configuration files and command lines; and a word so that it splits back.
//!
//! The rules are those of Redis's files, its command line and redis-cli: words are separated by white space;
//! `"..."` knows `\n \r \t \b \a`, `\xHH` and a backslash before any other character; `'...'` knows only `\'`; a
//! closing quote must be followed by white space or the end. A quote may start inside a word: `a"b c"` is one.

/// What ends a word and may follow a closing quote (C's `isspace`).
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

/// Splits a line into its words; `None` when a quote is not closed, or not followed by a space.
///
/// A NUL ends the line, as it does in Redis.
pub fn split(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let end = line.iter().position(|&b| b == 0).unwrap_or(line.len());
    let mut rest = &line[..end];
    let mut words = Vec::new();
    loop {
        let start = rest.iter().position(|&b| !is_space(b)).unwrap_or(rest.len());
        rest = &rest[start..];
        if rest.is_empty() {
            return Some(words);
        }
        let (word, after) = take_word(rest)?;
        words.push(word);
        rest = after;
    }
}

/// One word from the start of `rest`, and what follows it.
fn take_word(mut rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut word = Vec::new();
    loop {
        match rest {
            [] | [b' ' | b'\n' | b'\r' | b'\t', ..] => return Some((word, rest)),
            [b'"', quoted @ ..] => return take_double(quoted, word),
            [b'\'', quoted @ ..] => return take_single(quoted, word),
            [byte, after @ ..] => {
                word.push(*byte);
                rest = after;
            }
        }
    }
}

/// The rest of a word after an opening `"`.
fn take_double(mut rest: &[u8], mut word: Vec<u8>) -> Option<(Vec<u8>, &[u8])> {
    loop {
        rest = match rest {
            [] => return None,
            [b'\\', b'x', high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                word.push(hex_value(*high) << 4 | hex_value(*low));
                after
            }
            [b'\\', escaped, after @ ..] => {
                word.push(unescape(*escaped));
                after
            }
            [b'"', after @ ..] => return closed(word, after),
            [byte, after @ ..] => {
                word.push(*byte);
                after
            }
        }
    }
}

/// The rest of a word after an opening `'`.
fn take_single(mut rest: &[u8], mut word: Vec<u8>) -> Option<(Vec<u8>, &[u8])> {
    loop {
        rest = match rest {
            [] => return None,
            [b'\\', b'\'', after @ ..] => {
                word.push(b'\'');
                after
            }
            [b'\'', after @ ..] => return closed(word, after),
            [byte, after @ ..] => {
                word.push(*byte);
                after
            }
        }
    }
}

fn closed(word: Vec<u8>, after: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    after.first().is_none_or(|&b| is_space(b)).then_some((word, after))
}

/// The value of a digit that `is_ascii_hexdigit` has accepted.
fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit - b'A' + 10,
    }
}

fn unescape(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        other => other,
    }
}

/// The word in double quotes, with escapes, such that [`split`] gives it back.
pub fn quoted(word: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(word.len() + 2);
    out.push(b'"');
    for &byte in word {
        match byte {
            b'\\' | b'"' => out.extend([b'\\', byte]),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\t' => out.extend(b"\\t"),
            0x07 => out.extend(b"\\a"),
            0x08 => out.extend(b"\\b"),
            b' '..=b'~' => out.push(byte),
            _ => out.extend(format!("\\x{byte:02x}").bytes()),
        }
    }
    out.push(b'"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &[u8]) -> Option<Vec<String>> {
        let lossy = |word: Vec<u8>| String::from_utf8_lossy(&word).into_owned();
        split(line).map(|words| words.into_iter().map(lossy).collect())
    }

    #[test]
    fn splits_as_redis_does() {
        let cases: &[(&[u8], Option<&[&str]>)] = &[
            (b"", Some(&[])),
            (b"  \t ", Some(&[])),
            (b"port 6379", Some(&["port", "6379"])),
            (b"  port\t6379\r", Some(&["port", "6379"])),
            (b"save \"\"", Some(&["save", ""])),
            (b"save ''", Some(&["save", ""])),
            (b"x \"\\x41\\n\"", Some(&["x", "A\n"])),
            (b"x \"\\r\\t\\b\\a\\q\\\"\\\\\"", Some(&["x", "\r\t\u{8}\u{7}q\"\\"])),
            (b"x \"\\xZZ\"", Some(&["x", "xZZ"])),
            (b"x '\\x41 \\' \"'", Some(&["x", "\\x41 ' \""])),
            (b"x a\"b c\"", Some(&["x", "ab c"])),
            (b"x a'b c'", Some(&["x", "ab c"])),
            (b"x \"a\"b", None),
            (b"x 'a'b", None),
            (b"x \"a", None),
            (b"x 'a", None),
            (b"x \"a\\", None),
            (b"x a\\n", Some(&["x", "a\\n"])),
            (b"x a#b #c", Some(&["x", "a#b", "#c"])),
            (b"x a\0b", Some(&["x", "a"])),
        ];
        for (line, expected) in cases {
            let expected = expected.map(|words| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>());
            assert_eq!(words(line), expected, "{:?}", String::from_utf8_lossy(line));
        }
    }

    proptest::proptest! {
        #[test]
        fn quoting_splits_back(word: Vec<u8>) {
            proptest::prop_assert_eq!(split(&quoted(&word)), Some(vec![word]));
        }
    }
}
