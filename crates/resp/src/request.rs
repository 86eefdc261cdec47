//! Requests: `*N` arrays of `$len` bulk strings, or an inline line of words.
//!
//! The parser keeps its place in a request that has not wholly arrived, so a request of a million
//! arguments is parsed once however many pieces it comes in. Texts of errors and limits are those of
//! Redis's `processMultibulkBuffer` and `processInlineBuffer`.

use memchr::memchr2;

use crate::args::Span;
use crate::encode::{Encoder, Protocol};
use crate::words;

/// The longest line: an inline request, or the length line of an array or a bulk string. In bytes.
pub const MAX_LINE: usize = 64 * 1024;

/// What one request may ask for.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most arguments (Redis: 2^31 - 1; 10 before authentication).
    pub max_args: i64,
    /// The longest argument in bytes (directive proto-max-bulk-len; 16 KiB before authentication).
    pub max_bulk: i64,
    /// Whether these are the limits before authentication, which have errors of their own.
    pub authenticated: bool,
}

impl Limits {
    /// The limits of a client that has authenticated or need not.
    pub fn authenticated(max_bulk: i64) -> Limits {
        Limits { max_args: i32::MAX as i64, max_bulk, authenticated: true }
    }

    /// The limits before authentication (CVE-2021-32675: nobody unknown makes us allocate much).
    pub const UNAUTHENTICATED: Limits = Limits { max_args: 10, max_bulk: 16 * 1024, authenticated: false };
}

/// What ends a connection: the bytes are not a request. `Display` is what follows "-ERR Protocol error: ".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// A line of more than [`MAX_LINE`] bytes where an inline request stands.
    #[error("too big inline request")]
    InlineTooBig,
    /// Quotes that do not match, in an inline request.
    #[error("unbalanced quotes in request")]
    UnbalancedQuotes,
    /// A line of more than [`MAX_LINE`] bytes where an array's length stands.
    #[error("too big mbulk count string")]
    CountTooBig,
    /// An array's length that is no number, or too large.
    #[error("invalid multibulk length")]
    Count,
    /// More arguments than a client may send before it has authenticated.
    #[error("unauthenticated multibulk length")]
    UnauthenticatedCount,
    /// A line of more than [`MAX_LINE`] bytes where an argument's length stands.
    #[error("too big bulk count string")]
    BulkLineTooBig,
    /// Something else than `$` where an argument begins.
    #[error("expected '$', got '{}'", printable(*.0))]
    Dollar(u8),
    /// An argument's length that is no number, or too large.
    #[error("invalid bulk length")]
    Bulk,
    /// A longer argument than a client may send before it has authenticated.
    #[error("unauthenticated bulk length")]
    UnauthenticatedBulk,
}

/// Errors are one line of text: the end of a line is shown as a blank, as in Redis, and what is no text as a dot.
fn printable(byte: u8) -> char {
    match byte {
        b'\r' | b'\n' => ' ',
        b' '..=b'~' => byte as char,
        _ => '.',
    }
}

/// What [`Parser::parse`] found.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed {
    /// A whole request of `len` bytes; its arguments are the spans appended to the list. An empty line or
    /// `*0` is a request without arguments.
    Request {
        /// Bytes of the buffer that the request took.
        len: usize,
    },
    /// More bytes are needed; as many as `missing`, where that is known.
    Incomplete {
        /// The bytes that the argument under way still lacks, or 0.
        missing: usize,
    },
}

/// A request under way.
#[derive(Debug, Default)]
pub struct Parser {
    /// Where to go on, from the start of the request.
    at: usize,
    /// Arguments still to come, once the array's length is known.
    left: Option<i64>,
    /// Arguments found so far.
    found: Vec<Span>,
    /// The length of the argument under way, once known.
    bulk: Option<usize>,
}

impl Parser {
    /// Whether no part of a request is kept.
    pub fn is_idle(&self) -> bool {
        self.at == 0
    }

    /// Bytes of the request under way that are parsed: its length lines and whole arguments.
    pub fn parsed(&self) -> usize {
        self.at
    }

    /// Bytes of memory that the kept part holds.
    pub fn footprint(&self) -> usize {
        self.found.capacity() * size_of::<Span>()
    }

    /// Parses the request that begins at `buffer[start]`; appends its arguments to `spans`.
    ///
    /// After [`Parsed::Incomplete`] call it again with the same start (the buffer may have moved, and the
    /// request with it) once more bytes are there. An inline line is replaced in the buffer by the array that it means, so
    /// that a request may be parsed twice.
    pub fn parse(
        &mut self,
        buffer: &mut Vec<u8>,
        start: usize,
        limits: Limits,
        spans: &mut Vec<Span>,
    ) -> Result<Parsed, ProtocolError> {
        if self.is_idle() {
            match buffer.get(start) {
                None => return Ok(Parsed::Incomplete { missing: 0 }),
                Some(b'*') => {
                    if let Some(len) = short(&buffer[start..], start, limits, spans) {
                        return Ok(Parsed::Request { len });
                    }
                }
                Some(_) => {
                    let Some(len) = replace_inline(buffer, start)? else {
                        return Ok(Parsed::Incomplete { missing: 0 });
                    };
                    if buffer.get(start) != Some(&b'*') {
                        return Ok(Parsed::Request { len });
                    }
                }
            }
        }
        let request = &buffer[start..];
        let mark = spans.len();
        // Few requests come in parts; none keeps room for the next that does.
        let found = std::mem::take(&mut self.found);
        spans.extend(found.into_iter().map(|s| Span { start: s.start + start, ..s }));
        let parsed = self.array(request, start, limits, spans);
        match &parsed {
            Ok(Parsed::Incomplete { .. }) => {
                self.found.extend(spans.drain(mark..).map(|s| Span { start: s.start - start, ..s }));
            }
            _ => {
                self.at = 0;
                self.left = None;
                self.bulk = None;
            }
        }
        parsed
    }

    /// The part of `parse` for arrays; `self` knows how far it came.
    fn array(
        &mut self,
        request: &[u8],
        start: usize,
        limits: Limits,
        spans: &mut Vec<Span>,
    ) -> Result<Parsed, ProtocolError> {
        let mut left = match self.left {
            Some(left) => left,
            None => {
                let Some(line) = line(request, 1, ProtocolError::CountTooBig)? else {
                    return Ok(Parsed::Incomplete { missing: 0 });
                };
                let count =
                    parse_length(line).filter(|n| *n <= i32::MAX as i64).ok_or(ProtocolError::Count)?;
                if count > limits.max_args {
                    let known = limits.authenticated;
                    return Err(if known {
                        ProtocolError::Count
                    } else {
                        ProtocolError::UnauthenticatedCount
                    });
                }
                self.at = 1 + line.len() + 2;
                spans.reserve(count.clamp(0, 1024) as usize);
                count
            }
        };
        while left > 0 {
            let len = match self.bulk.take() {
                Some(len) => len,
                None => match bulk_header(request, self.at, limits)? {
                    Some((len, next)) => {
                        self.at = next;
                        len
                    }
                    None => {
                        self.left = Some(left);
                        return Ok(Parsed::Incomplete { missing: 0 });
                    }
                },
            };
            let end = self.at + len + 2;
            if request.len() < end {
                self.left = Some(left);
                self.bulk = Some(len);
                return Ok(Parsed::Incomplete { missing: end - request.len() });
            }
            spans.push(Span { start: start + self.at, len });
            self.at = end;
            left -= 1;
        }
        Ok(Parsed::Request { len: self.at })
    }
}

/// A whole array of up to 999 arguments of up to 999 bytes each, which nearly all requests are: answers its length. `None`, with
/// nothing appended, for any other bytes; [`Parser::array`] says what they are.
#[inline]
fn short(request: &[u8], start: usize, limits: Limits, spans: &mut Vec<Span>) -> Option<usize> {
    let (count, mut at) = short_header(request, 0, b'*')?;
    if count as i64 > limits.max_args {
        return None;
    }
    let mark = spans.len();
    spans.reserve(count);
    for _ in 0..count {
        match short_header(request, at, b'$') {
            Some((len, begin)) if begin + len + 2 <= request.len() => {
                spans.push(Span { start: start + begin, len });
                at = begin + len + 2;
            }
            _ => {
                spans.truncate(mark);
                return None;
            }
        }
    }
    Some(at)
}

/// A length of up to three digits behind its marker at `at`, and where its line ends. Every limit on an argument is above.
#[inline(always)]
fn short_header(request: &[u8], at: usize, marker: u8) -> Option<(usize, usize)> {
    let line: &[u8; 6] = request.get(at..)?.first_chunk()?;
    let digit = |at: usize| Some(line[at].wrapping_sub(b'0')).filter(|d| *d < 10).map(usize::from);
    let ends = |at: usize| line[at] == b'\r';
    if line[0] != marker {
        return None;
    }
    let a = digit(1)?;
    if ends(2) {
        return Some((a, at + 4));
    }
    let b = digit(2).filter(|_| a != 0)?;
    if ends(3) {
        return Some((10 * a + b, at + 5));
    }
    let c = digit(3)?;
    ends(4).then_some((100 * a + 10 * b + c, at + 6))
}

/// Reads `$len\r\n` at `at`; answers the length and where the bytes begin.
fn bulk_header(request: &[u8], at: usize, limits: Limits) -> Result<Option<(usize, usize)>, ProtocolError> {
    if let Some(header) = short_header(request, at, b'$') {
        return Ok(Some(header));
    }
    let Some(&first) = request.get(at) else { return Ok(None) };
    // Redis looks for the end of the line first, then at its first byte.
    let Some(line) = line(request, at, ProtocolError::BulkLineTooBig)? else { return Ok(None) };
    if first != b'$' {
        return Err(ProtocolError::Dollar(first));
    }
    let len = parse_length(&line[1..]).filter(|n| *n >= 0).ok_or(ProtocolError::Bulk)?;
    if len > limits.max_bulk {
        return Err(if limits.authenticated {
            ProtocolError::Bulk
        } else {
            ProtocolError::UnauthenticatedBulk
        });
    }
    Ok(Some((len as usize, at + line.len() + 2)))
}

/// Where a line's `end` stands. As in Redis, whose strings end at a zero byte, there is none behind one.
fn find(end: u8, text: &[u8]) -> Option<usize> {
    memchr2(end, 0, text).filter(|at| text[*at] == end)
}

/// The line that begins at `at`, without its end; `None` while the end has not arrived.
fn line(request: &[u8], at: usize, too_long: ProtocolError) -> Result<Option<&[u8]>, ProtocolError> {
    let rest = &request[at.min(request.len())..];
    match find(b'\r', rest) {
        // The line feed must have arrived as well, or the next bytes would begin with it.
        Some(end) if end + 1 < rest.len() => Ok(Some(&rest[..end])),
        None if rest.len() > MAX_LINE => Err(too_long),
        _ => Ok(None),
    }
}

/// A length as Redis reads it (`string2ll`): an optional minus, no plus, no leading zeros, no blanks.
fn parse_length(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let sound =
        !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) && (digits[0] != b'0' || text == b"0");
    if !sound {
        return None;
    }
    let value = digits.iter().try_fold(0i64, |n, d| n.checked_mul(10)?.checked_add((d - b'0') as i64))?;
    Some(if negative { -value } else { value })
}

/// Puts the arrays that inline lines mean in their place: the line at `start`, which may be empty and then stays, and all
/// whole lines behind it up to a request that is an array already, so that what follows is moved once and not once a
/// line. Answers the bytes that the first takes now, or `None` while it has not wholly arrived.
fn replace_inline(buffer: &mut Vec<u8>, start: usize) -> Result<Option<usize>, ProtocolError> {
    let lines = &buffer[start..];
    let Some(len) = find(b'\n', lines) else {
        return if lines.len() > MAX_LINE { Err(ProtocolError::InlineTooBig) } else { Ok(None) };
    };
    let mut arrays = Vec::new();
    if !convert(&lines[..=len], &mut arrays) {
        return Err(ProtocolError::UnbalancedQuotes);
    }
    let (first, mut behind) = (arrays.len(), len + 1);
    if lines[..behind] == arrays {
        return Ok(Some(first));
    }
    while lines.get(behind) != Some(&b'*')
        && let Some(len) = find(b'\n', &lines[behind..])
        && convert(&lines[behind..=behind + len], &mut arrays)
    {
        behind += len + 1;
    }
    buffer.splice(start..start + behind, arrays);
    Ok(Some(first))
}

/// Appends the array that a line means, or an empty line as it is; answers false where its quotes are unbalanced.
fn convert(line: &[u8], arrays: &mut Vec<u8>) -> bool {
    let text = line.strip_suffix(b"\n").unwrap_or(line);
    let Some(words) = words::split(text.strip_suffix(b"\r").unwrap_or(text)) else { return false };
    if words.is_empty() {
        arrays.extend_from_slice(line);
    } else {
        Encoder::new(arrays, Protocol::Resp2).bulks(words.iter());
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Args;

    const ANY: Limits = Limits { max_args: i32::MAX as i64, max_bulk: 512 << 20, authenticated: true };

    fn all(input: &[u8]) -> Result<Vec<Vec<String>>, ProtocolError> {
        let (mut buffer, mut at, mut out, mut parser) = (input.to_vec(), 0, vec![], Parser::default());
        loop {
            let mut spans = vec![];
            match parser.parse(&mut buffer, at, ANY, &mut spans)? {
                Parsed::Incomplete { .. } => return Ok(out),
                Parsed::Request { len } => {
                    let args = Args::new(&buffer, &spans);
                    out.push(args.iter().map(|a| String::from_utf8_lossy(a).into_owned()).collect());
                    at += len;
                }
            }
        }
    }

    #[test]
    fn many_inline_lines_are_moved_once_and_end_at_what_is_wrong() {
        let lines: Vec<String> = (0..2000).map(|n| format!("SET key:{n} \"a b\"\n")).collect();
        let input = format!("{}\r\nPING\nGET \"x\nPING\n", lines.concat());
        let (mut buffer, mut at, mut parser, mut whole) = (input.into_bytes(), 0, Parser::default(), 0);
        let end = loop {
            match parser.parse(&mut buffer, at, ANY, &mut vec![]) {
                Ok(Parsed::Request { len }) => (at, whole) = (at + len, whole + 1),
                other => break other,
            }
        };
        assert_eq!((end.err(), whole), (Some(ProtocolError::UnbalancedQuotes), 2002));
    }

    #[test]
    fn arrays_and_inline_lines_mix() {
        let input = b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\nSET a \"b c\\x41\"\r\n\r\n*0\r\n*1\r\n$10\r\n0123456789\r\n*1\r\n$4\r\nPI";
        let words: Vec<Vec<&str>> =
            vec![vec!["GET", "k"], vec!["SET", "a", "b cA"], vec![], vec![], vec!["0123456789"]];
        assert_eq!(all(input).expect("sound requests"), words);
    }

    #[test]
    fn a_request_in_pieces_is_the_request() {
        let input = b"*3\r\n$3\r\nSET\r\n$5\r\nhello\r\n$12\r\nhello world!\r\n";
        for step in 1..input.len() {
            let (mut parser, mut spans, mut buffer) = (Parser::default(), vec![], vec![]);
            let mut done = false;
            // The buffer also moves: what precedes the request goes away between two calls.
            for (i, piece) in input.chunks(step).enumerate() {
                let start = 7 * (i % 2);
                buffer =
                    [vec![b'.'; start], buffer.split_off(if i > 0 { 7 * ((i - 1) % 2) } else { 0 })].concat();
                buffer.extend_from_slice(piece);
                if let Parsed::Request { len } =
                    parser.parse(&mut buffer, start, ANY, &mut spans).expect("sound")
                {
                    assert_eq!(len, input.len());
                    done = true;
                }
            }
            assert!(done && parser.is_idle());
            let args: Vec<&[u8]> = Args::new(&buffer, &spans).iter().collect();
            assert_eq!(args, [&b"SET"[..], b"hello", b"hello world!"], "pieces of {step}");
        }
    }

    #[test]
    fn what_is_no_request_is_refused_in_redis_words() {
        let cases: [(&[u8], &str); 10] = [
            (b"*x\r\n", "invalid multibulk length"),
            (b"*2147483648\r\n", "invalid multibulk length"),
            (b"*1\r\nGET\r\n", "expected '$', got 'G'"),
            (b"*1\r\n\x7f\r\n", "expected '$', got '.'"),
            (b"*1\r\n\n$\r\n", "expected '$', got ' '"),
            (b"*1\r\n$-1\r\n", "invalid bulk length"),
            (b"*1\r\n$01\r\na\r\n", "invalid bulk length"),
            (b"*1\r\n$536870913\r\n", "invalid bulk length"),
            (b"SET \"a\r\n", "unbalanced quotes in request"),
            (&[b'a'; MAX_LINE + 2], "too big inline request"),
        ];
        for (input, text) in cases {
            assert_eq!(all(input).expect_err(text).to_string(), text);
        }
        assert_eq!(all(b"*-1\r\n*1\r\n$4\r\nPING\r\n").expect("a negative count is nothing").len(), 2);
    }

    #[test]
    fn unknown_clients_get_little() {
        let refuse = |input: &[u8]| {
            Parser::default()
                .parse(&mut input.to_vec(), 0, Limits::UNAUTHENTICATED, &mut vec![])
                .expect_err("too much")
        };
        assert_eq!(refuse(b"*11\r\n"), ProtocolError::UnauthenticatedCount);
        assert_eq!(refuse(b"*1\r\n$16385\r\n"), ProtocolError::UnauthenticatedBulk);
    }
}
