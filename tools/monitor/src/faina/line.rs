//! One line of MONITOR: `1339518083.107412 [0 127.0.0.1:60866] "keys" "*"`; Redis 2.4 writes `(db 0)` for the brackets.

/// Commands whose first argument is no key.
const KEYLESS: [&str; 30] = [
    "ACL",
    "AUTH",
    "CLIENT",
    "CLUSTER",
    "COMMAND",
    "CONFIG",
    "DEBUG",
    "DISCARD",
    "ECHO",
    "EXEC",
    "FLUSHALL",
    "FLUSHDB",
    "FUNCTION",
    "HELLO",
    "INFO",
    "KEYS",
    "LATENCY",
    "MULTI",
    "PING",
    "PSUBSCRIBE",
    "PSYNC",
    "PUBLISH",
    "REPLCONF",
    "SCAN",
    "SCRIPT",
    "SELECT",
    "SLOWLOG",
    "SUBSCRIBE",
    "WAIT",
    "XREADGROUP",
];
/// Commands with `script numkeys key...`.
const SCRIPTED: [&str; 6] = ["EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "FCALL", "FCALL_RO"];

/// One command as MONITOR shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Unix time in seconds.
    pub at: f64,
    /// In upper case.
    pub command: String,
    /// Its first key.
    pub key: Option<String>,
    /// The command with its arguments as written.
    pub text: String,
}

impl Call {
    /// Reads a line; `None` if it is none.
    pub fn parse(line: &str) -> Option<Self> {
        let line = line.strip_prefix('+').unwrap_or(line);
        let (at, rest) = line.split_once(' ')?;
        let at = at.parse().ok().filter(|at: &f64| at.is_finite())?;
        let (_, text) = rest.split_once(if rest.starts_with('(') { ") " } else { "] " })?;
        let mut words = Words(text);
        let command = words.next()?.to_uppercase();
        let key = match command.as_str() {
            name if KEYLESS.contains(&name) => None,
            name if SCRIPTED.contains(&name) => {
                words.nth(1).filter(|count| count != "0").and_then(|_| words.next())
            }
            "OBJECT" | "MEMORY" | "XINFO" | "XGROUP" | "BITOP" => words.nth(1),
            _ => words.next(),
        };
        Some(Call { at, command, key, text: text.to_owned() })
    }
}

/// The quoted words of a line; escapes stay as they are, only where a word ends matters.
struct Words<'a>(&'a str);

impl Iterator for Words<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let rest = self.0.trim_start().strip_prefix('"')?;
        let mut escaped = false;
        // A line that was cut has no closing quote: its last word ends with it.
        let end = rest.find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        let end = end.unwrap_or(rest.len());
        self.0 = rest.get(end + 1..).unwrap_or_default();
        Some(rest[..end].to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(line: &str) -> (String, Option<String>) {
        let call = Call::parse(&format!("1.5 [0 127.0.0.1:1] {line}")).unwrap();
        (call.command, call.key)
    }

    #[test]
    fn keys_are_where_the_command_has_them() {
        assert_eq!(key(r#""get" "a\"b c""#), ("GET".into(), Some(r#"a\"b c"#.into())));
        assert_eq!(key(r#""PING""#).1, None);
        assert_eq!(key(r#""config" "get" "save""#).1, None);
        assert_eq!(key(r#""EVAL" "return 1" "1" "k""#).1.as_deref(), Some("k"));
        assert_eq!(key(r#""EVAL" "return 1" "0" "x""#).1, None);
        assert_eq!(key(r#""OBJECT" "ENCODING" "k""#).1.as_deref(), Some("k"));
        assert_eq!(key(r#""SET" "cut"#).1.as_deref(), Some("cut"));
        assert_eq!(key(r#""SET" "back\\" "v""#).1.as_deref(), Some(r"back\\"));
    }

    #[test]
    fn what_is_no_line() {
        for line in ["", "OK", "1.0", "x [0 a] \"GET\"", "nan [0 a] \"GET\"", "1.0 [0 a] GET", "1.0 [0 a"] {
            assert_eq!(Call::parse(line), None, "{line}");
        }
        assert_eq!(Call::parse("1.0 (db 0) \"GET\" \"k\"").unwrap().key.as_deref(), Some("k"));
    }
}
