//! Any reply, with its exact type on the wire: RESP2 and RESP3.
//!
//! Source: the protocol specification (redis.io/docs/reference/protocol-spec). Redis sends no streamed
//! strings or aggregates (`$?`, `*?`), so those are [`Malformed`] here.

use std::fmt;

/// One reply as it came over the wire. Types that clients treat alike stay apart (`$-1`, `*-1` and `_`),
/// because the suites compare servers, not meanings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// `+text`
    Simple(Vec<u8>),
    /// `-text`
    Error(Vec<u8>),
    /// `:n`
    Integer(i64),
    /// `$n`
    Bulk(Vec<u8>),
    /// `$-1`
    NullBulk,
    /// `*n`
    Array(Vec<Value>),
    /// `*-1`
    NullArray,
    /// `_`
    Null,
    /// `#t` or `#f`
    Boolean(bool),
    /// `,text`, kept as text: two servers must print a number alike.
    Double(Vec<u8>),
    /// `(text`
    BigNumber(Vec<u8>),
    /// `!n`
    BulkError(Vec<u8>),
    /// `=n`: three bytes of format, then the text.
    Verbatim(Vec<u8>, Vec<u8>),
    /// `%n`: pairs in the order they came.
    Map(Vec<(Value, Value)>),
    /// `~n`
    Set(Vec<Value>),
    /// `>n`
    Push(Vec<Value>),
    /// `|n`: attributes, then the reply they describe.
    Attribute(Vec<(Value, Value)>, Box<Value>),
}

/// Bytes that are no RESP; the text says what was wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(pub String);

/// Deepest nesting accepted: what Redis sends stays far below.
const MAX_DEPTH: usize = 32;

/// `Ok(None)`: the bytes end too early.
type Parsed<T> = Result<Option<T>, Malformed>;

impl Value {
    /// Reads the first reply of `bytes` and how many bytes it took; `None` while it is incomplete.
    ///
    /// # Errors
    /// [`Malformed`] when no continuation of `bytes` could be RESP.
    pub fn parse(bytes: &[u8]) -> Parsed<(Value, usize)> {
        let mut cursor = Cursor { bytes, at: 0 };
        Ok(cursor.value(0)?.map(|value| (value, cursor.at)))
    }

    /// Whether this is an error of either form.
    pub fn is_error(&self) -> bool {
        matches!(self, Value::Error(_) | Value::BulkError(_))
    }

    /// Whether this is any of the three nulls.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::NullBulk | Value::NullArray | Value::Null)
    }

    /// The bytes of a string-like reply or error, `None` for the rest.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Simple(b) | Value::Error(b) | Value::Bulk(b) | Value::BulkError(b) => Some(b),
            Value::Verbatim(_, b) | Value::Double(b) | Value::BigNumber(b) => Some(b),
            _ => None,
        }
    }

    /// The text of a string-like reply, lossy; for the rest its readable form.
    pub fn text(&self) -> String {
        self.bytes().map_or_else(|| self.to_string(), |b| String::from_utf8_lossy(b).into_owned())
    }

    /// The number of an integer reply.
    pub fn integer(&self) -> Option<i64> {
        match self {
            Value::Integer(n) => Some(*n),
            _ => None,
        }
    }

    /// The elements of an array, set or push.
    pub fn elements(&self) -> Option<&[Value]> {
        match self {
            Value::Array(v) | Value::Set(v) | Value::Push(v) => Some(v),
            _ => None,
        }
    }

    /// The pairs of a map, or of the flat array that stands for one in RESP2.
    pub fn pairs(&self) -> Option<Vec<(Value, Value)>> {
        match self {
            Value::Map(pairs) => Some(pairs.clone()),
            Value::Array(flat) if flat.len() % 2 == 0 => {
                Some(flat.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect())
            }
            _ => None,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Bulk(text.as_bytes().to_vec())
    }
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// Leaves the function with `Ok(None)` when the bytes ended.
macro_rules! some {
    ($parsed:expr) => {
        match $parsed? {
            Some(value) => value,
            None => return Ok(None),
        }
    };
}

impl Cursor<'_> {
    fn value(&mut self, depth: usize) -> Parsed<Value> {
        if depth > MAX_DEPTH {
            return Err(Malformed("nested too deeply".into()));
        }
        let line = some!(self.line());
        let Some((&kind, rest)) = line.split_first() else {
            return Err(Malformed("an empty line where a type was due".into()));
        };
        let rest = rest.to_vec();
        Ok(Some(match kind {
            b'+' => Value::Simple(rest),
            b'-' => Value::Error(rest),
            b':' => Value::Integer(number(&rest)?),
            b',' => Value::Double(rest),
            b'(' => Value::BigNumber(rest),
            b'_' if rest.is_empty() => Value::Null,
            b'#' if rest == b"t" || rest == b"f" => Value::Boolean(rest == b"t"),
            b'$' if rest == b"-1" => Value::NullBulk,
            b'*' if rest == b"-1" => Value::NullArray,
            b'$' => Value::Bulk(some!(self.blob(&rest))),
            b'!' => Value::BulkError(some!(self.blob(&rest))),
            b'=' => verbatim(some!(self.blob(&rest)))?,
            b'*' => Value::Array(some!(self.values(&rest, depth))),
            b'~' => Value::Set(some!(self.values(&rest, depth))),
            b'>' => Value::Push(some!(self.values(&rest, depth))),
            b'%' => Value::Map(some!(self.map(&rest, depth))),
            b'|' => {
                let attributes = some!(self.map(&rest, depth));
                Value::Attribute(attributes, Box::new(some!(self.value(depth + 1))))
            }
            _ => return Err(Malformed(format!("unknown type in {:?}", String::from_utf8_lossy(line)))),
        }))
    }

    /// A line without its CRLF. A bare CR or LF inside is malformed: it would be a reply split in two.
    fn line(&mut self) -> Parsed<&[u8]> {
        let rest = &self.bytes[self.at..];
        let Some(end) = rest.iter().position(|&b| b == b'\r' || b == b'\n') else { return Ok(None) };
        match rest.get(end..end + 2) {
            Some(b"\r\n") => {
                self.at += end + 2;
                Ok(Some(&rest[..end]))
            }
            None if rest[end] == b'\r' => Ok(None),
            _ => Err(Malformed(format!("a bare CR or LF after {:?}", String::from_utf8_lossy(&rest[..end])))),
        }
    }

    fn blob(&mut self, length: &[u8]) -> Parsed<Vec<u8>> {
        let end = count(length)?.checked_add(self.at).ok_or_else(|| Malformed("length overflows".into()))?;
        match self.bytes.get(self.at..end) {
            Some(blob) => match self.bytes.get(end..end + 2) {
                Some(b"\r\n") => {
                    self.at = end + 2;
                    Ok(Some(blob.to_vec()))
                }
                None => Ok(None),
                Some(_) => Err(Malformed("no CRLF behind a blob".into())),
            },
            None => Ok(None),
        }
    }

    fn values(&mut self, length: &[u8], depth: usize) -> Parsed<Vec<Value>> {
        let mut values = Vec::new();
        for _ in 0..count(length)? {
            values.push(some!(self.value(depth + 1)));
        }
        Ok(Some(values))
    }

    fn map(&mut self, length: &[u8], depth: usize) -> Parsed<Vec<(Value, Value)>> {
        let mut pairs = Vec::new();
        for _ in 0..count(length)? {
            pairs.push((some!(self.value(depth + 1)), some!(self.value(depth + 1))));
        }
        Ok(Some(pairs))
    }
}

fn number<T: std::str::FromStr>(text: &[u8]) -> Result<T, Malformed> {
    let parsed = std::str::from_utf8(text).ok().and_then(|t| t.parse().ok());
    parsed.ok_or_else(|| Malformed(format!("{:?} is no number", String::from_utf8_lossy(text))))
}

fn count(text: &[u8]) -> Result<usize, Malformed> {
    number(text)
}

fn verbatim(blob: Vec<u8>) -> Result<Value, Malformed> {
    match blob.iter().position(|&b| b == b':') {
        Some(3) => Ok(Value::Verbatim(blob[..3].to_vec(), blob[4..].to_vec())),
        _ => Err(Malformed("a verbatim string without its format".into())),
    }
}

/// Much as redis-cli prints replies, on one line, with the type where that would be ambiguous.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Simple(b) => write!(f, "+{}", b.escape_ascii()),
            Value::Error(b) => write!(f, "-{}", b.escape_ascii()),
            Value::Integer(n) => write!(f, ":{n}"),
            Value::Bulk(b) => write!(f, "\"{}\"", Shortened(b)),
            Value::NullBulk => write!(f, "$nil"),
            Value::NullArray => write!(f, "*nil"),
            Value::Null => write!(f, "_nil"),
            Value::Boolean(b) => write!(f, "#{b}"),
            Value::Double(b) => write!(f, ",{}", b.escape_ascii()),
            Value::BigNumber(b) => write!(f, "({}", b.escape_ascii()),
            Value::BulkError(b) => write!(f, "!{}", b.escape_ascii()),
            Value::Verbatim(kind, b) => write!(f, "={}:\"{}\"", kind.escape_ascii(), Shortened(b)),
            Value::Array(v) => list(f, "[", v, "]"),
            Value::Set(v) => list(f, "~[", v, "]"),
            Value::Push(v) => list(f, ">[", v, "]"),
            Value::Map(pairs) => map(f, "%", pairs),
            Value::Attribute(pairs, value) => {
                map(f, "|", pairs)?;
                write!(f, " {value}")
            }
        }
    }
}

/// Bytes as ASCII with escapes, the middle left out when they are many.
pub struct Shortened<'a>(pub &'a [u8]);

impl fmt::Display for Shortened<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const HEAD: usize = 160;
        const TAIL: usize = 40;
        if self.0.len() <= HEAD + TAIL {
            return write!(f, "{}", self.0.escape_ascii());
        }
        let (head, tail) = (&self.0[..HEAD], &self.0[self.0.len() - TAIL..]);
        write!(f, "{}<... {} bytes in all ...>{}", head.escape_ascii(), self.0.len(), tail.escape_ascii())
    }
}

fn list(f: &mut fmt::Formatter<'_>, open: &str, values: &[Value], close: &str) -> fmt::Result {
    f.write_str(open)?;
    for (i, value) in values.iter().enumerate() {
        write!(f, "{}{value}", if i > 0 { ", " } else { "" })?;
    }
    f.write_str(close)
}

fn map(f: &mut fmt::Formatter<'_>, sign: &str, pairs: &[(Value, Value)]) -> fmt::Result {
    write!(f, "{sign}{{")?;
    for (i, (key, value)) in pairs.iter().enumerate() {
        write!(f, "{}{key}: {value}", if i > 0 { ", " } else { "" })?;
    }
    write!(f, "}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Parsed<(Value, usize)> {
        Value::parse(text.as_bytes())
    }

    #[test]
    fn every_type_is_read_whole_and_only_whole() {
        let replies = [
            ("+OK\r\n", Value::Simple(b"OK".to_vec())),
            ("-ERR no\r\n", Value::Error(b"ERR no".to_vec())),
            (":-7\r\n", Value::Integer(-7)),
            ("$3\r\na\r\n\r\n", Value::Bulk(b"a\r\n".to_vec())),
            ("$-1\r\n", Value::NullBulk),
            ("*-1\r\n", Value::NullArray),
            ("_\r\n", Value::Null),
            ("#f\r\n", Value::Boolean(false)),
            (",1.5\r\n", Value::Double(b"1.5".to_vec())),
            ("(123\r\n", Value::BigNumber(b"123".to_vec())),
            ("!3\r\nbad\r\n", Value::BulkError(b"bad".to_vec())),
            ("=5\r\ntxt:x\r\n", Value::Verbatim(b"txt".to_vec(), b"x".to_vec())),
            ("*2\r\n:1\r\n*0\r\n", Value::Array(vec![Value::Integer(1), Value::Array(vec![])])),
            ("%1\r\n+k\r\n_\r\n", Value::Map(vec![(Value::Simple(b"k".to_vec()), Value::Null)])),
            ("~1\r\n:1\r\n", Value::Set(vec![Value::Integer(1)])),
            (">1\r\n:1\r\n", Value::Push(vec![Value::Integer(1)])),
            (
                "|1\r\n+a\r\n:1\r\n:2\r\n",
                Value::Attribute(
                    vec![(Value::Simple(b"a".to_vec()), Value::Integer(1))],
                    Box::new(Value::Integer(2)),
                ),
            ),
        ];
        for (text, value) in replies {
            assert_eq!(parse(text), Ok(Some((value, text.len()))), "{text:?}");
            for cut in 0..text.len() {
                assert_eq!(parse(&text[..cut]), Ok(None), "{:?}", &text[..cut]);
            }
        }
    }

    #[test]
    fn what_is_no_resp_is_refused() {
        let deep = "*1\r\n".repeat(40);
        for text in
            ["?\r\n", ":x\r\n", "$-2\r\n", "$1\r\nab\r\n", "+a\nb\r\n", "+a\rb", "\r\n", "=1\r\nx\r\n", &deep]
        {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
