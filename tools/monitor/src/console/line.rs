//! A line of the console: words with redis-cli's quoting, and what of them a log may show.

/// Words of a line as redis-cli splits it: blanks separate, `"..."` knows `\n \r \t \a \b \xHH \"`, `'...'` only `\'`.
///
/// # Errors
/// A quote that is not closed, or has something other than a blank behind it.
pub fn split(line: &str) -> Result<Vec<Vec<u8>>, &'static str> {
    let mut rest = line.as_bytes();
    let mut words = Vec::new();
    loop {
        rest = rest.trim_ascii_start();
        let Some(first) = rest.first() else { return Ok(words) };
        let (word, after) = match first {
            b'"' => quoted(&rest[1..], b'"')?,
            b'\'' => quoted(&rest[1..], b'\'')?,
            _ => {
                let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
                (rest[..end].to_vec(), &rest[end..])
            }
        };
        words.push(word);
        rest = after;
    }
}

/// A word up to its closing quote, and what follows that.
fn quoted(mut rest: &[u8], quote: u8) -> Result<(Vec<u8>, &[u8]), &'static str> {
    let mut word = Vec::new();
    loop {
        rest = match rest {
            [] => return Err("a quote is not closed"),
            [byte, after @ ..] if *byte == quote => {
                return match after.first() {
                    Some(next) if !next.is_ascii_whitespace() => Err("after a closing quote comes a blank"),
                    _ => Ok((word, after)),
                };
            }
            [b'\\', b'x', high, low, after @ ..] if quote == b'"' && is_hex(*high) && is_hex(*low) => {
                word.push(hex(*high) << 4 | hex(*low));
                after
            }
            [b'\\', byte, after @ ..] if quote == b'"' => {
                word.push(escaped(*byte));
                after
            }
            [b'\\', b'\'', after @ ..] if quote == b'\'' => {
                word.push(b'\'');
                after
            }
            [byte, after @ ..] => {
                word.push(*byte);
                after
            }
        }
    }
}

fn is_hex(byte: u8) -> bool {
    byte.is_ascii_hexdigit()
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => digit.to_ascii_lowercase() - b'a' + 10,
    }
}

fn escaped(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'a' => 7,
        b'b' => 8,
        other => other,
    }
}

/// Words that a log shows, and bytes of each.
const LOGGED: (usize, usize) = (16, 64);

/// A command for the log: shortened, and without what may be a secret. Commands that carry one (those that redis-cli keeps out of its
/// history) show their name and subcommand alone.
pub fn loggable(words: &[Vec<u8>]) -> String {
    let text = |word: &Vec<u8>| String::from_utf8_lossy(word).into_owned();
    let lower: Vec<String> = words.iter().map(|word| text(word).to_lowercase()).collect();
    let has = |word: &str| lower.iter().any(|own| own == word);
    let carries_secret = match lower.first().map_or("", String::as_str) {
        "auth" | "acl" => true,
        "hello" | "migrate" => has("auth") || has("auth2"),
        "config" | "sentinel" => lower.iter().any(|word| is_secret(word)),
        _ => false,
    };
    let shown = if carries_secret { 2 } else { LOGGED.0 };
    let mut shown: Vec<String> = words.iter().take(shown).map(|word| shorten(&text(word))).collect();
    // AUTH has no subcommand: its second word is the secret.
    if carries_secret && lower[0] == "auth" {
        shown.truncate(1);
    }
    if shown.len() < words.len() {
        shown.push(if carries_secret { "(hidden)".into() } else { format!("({} words)", words.len()) });
    }
    shown.join(" ")
}

/// Whether a directive holds a secret.
pub fn is_secret(directive: &str) -> bool {
    directive.contains("pass") || directive.contains("secret") || directive == "masterauth"
}

fn shorten(word: &str) -> String {
    let escaped: String = word.chars().take(LOGGED.1).flat_map(char::escape_debug).collect();
    if word.chars().count() > LOGGED.1 { format!("{escaped}...") } else { escaped }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<Vec<u8>> {
        split(line).unwrap()
    }

    #[test]
    fn quotes_as_redis_cli() {
        assert_eq!(
            words("  SET a\t\"x y\\n\\xff\\\"\" '\\'b\\n' "),
            [b"SET".to_vec(), b"a".to_vec(), b"x y\n\xff\"".to_vec(), b"'b\\n".to_vec()]
        );
        assert_eq!(words("\"\\xzz\" \"\""), [b"xzz".to_vec(), vec![]]);
        assert!(words("").is_empty());
        assert!(split("\"a").is_err() && split("'a\\'").is_err() && split("\"a\"b").is_err());
    }

    #[test]
    fn logs_have_no_secrets_and_no_floods() {
        assert_eq!(loggable(&words("AUTH hunter2")), "AUTH (hidden)");
        assert_eq!(loggable(&words("acl setuser bob >hunter2")), "acl setuser (hidden)");
        assert_eq!(loggable(&words("CONFIG SET maxmemory 1 requirepass hunter2")), "CONFIG SET (hidden)");
        assert_eq!(loggable(&words("CONFIG SET maxmemory 1gb")), "CONFIG SET maxmemory 1gb");
        assert_eq!(loggable(&words("MIGRATE h 1 k 0 5 AUTH2 u hunter2")), "MIGRATE h (hidden)");
        assert_eq!(loggable(&words("SET k \"a\\nb\"")), "SET k a\\nb");
        let long = loggable(&vec![vec![b'x'; 1000]; 1000]);
        assert!(long.len() < 1200 && long.ends_with("(1000 words)"), "{long}");
    }
}
