//! Replies: values to bytes, in the protocol that the client has chosen with HELLO.
//!
//! A type that only RESP3 has is written in RESP2 as Redis writes it there: a map as a flat array, a
//! double as a bulk string, a null as `$-1` or `*-1`.

/// The version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Protocol {
    /// The one that every client speaks.
    #[default]
    Resp2,
    /// The one with types: `HELLO 3`.
    Resp3,
}

/// Writes replies behind what `out` already holds.
pub struct Encoder<'a> {
    /// The bytes so far.
    pub out: &'a mut Vec<u8>,
    /// How types that RESP2 lacks are written.
    pub protocol: Protocol,
}

impl<'a> Encoder<'a> {
    /// Writes to `out` in `protocol`.
    pub fn new(out: &'a mut Vec<u8>, protocol: Protocol) -> Encoder<'a> {
        Encoder { out, protocol }
    }

    /// Whether the client has chosen RESP3.
    pub fn resp3(&self) -> bool {
        self.protocol == Protocol::Resp3
    }

    /// A type byte, a number, and the end of the line.
    #[inline]
    fn head(&mut self, kind: u8, number: i64) {
        if (0..10).contains(&number) {
            self.out.extend_from_slice(&[kind, b'0' + number as u8, b'\r', b'\n']);
            return;
        }
        self.out.push(kind);
        self.out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        self.out.extend_from_slice(b"\r\n");
    }

    /// `+OK`
    #[inline]
    pub fn ok(&mut self) {
        self.out.extend_from_slice(b"+OK\r\n");
    }

    /// A status such as `+PONG`; line ends in it become blanks.
    pub fn simple(&mut self, text: &str) {
        self.out.push(b'+');
        self.line(text.as_bytes());
    }

    /// An error: its code and text, without the leading `-`; line ends in it become blanks, so that no text taken from a
    /// client can end the reply early (CVE-2025-67733).
    pub fn error(&mut self, text: &[u8]) {
        self.out.push(b'-');
        self.line(text);
    }

    fn line(&mut self, text: &[u8]) {
        self.out.extend(text.iter().map(|b| if matches!(b, b'\r' | b'\n' | 0) { b' ' } else { *b }));
        self.out.extend_from_slice(b"\r\n");
    }

    /// `:number`
    #[inline]
    pub fn int(&mut self, number: i64) {
        self.head(b':', number);
    }

    /// A count, which is an integer.
    #[inline]
    pub fn count(&mut self, number: usize) {
        self.head(b':', number as i64);
    }

    /// Whether something was done, as 1 or 0.
    pub fn flag(&mut self, set: bool) {
        self.int(set.into());
    }

    /// `#t` or `#f`; in RESP2 1 or 0.
    pub fn bool(&mut self, value: bool) {
        match self.protocol {
            Protocol::Resp2 => self.flag(value),
            Protocol::Resp3 => self.out.extend_from_slice(if value { b"#t\r\n" } else { b"#f\r\n" }),
        }
    }

    /// A bulk string.
    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        self.out.reserve(bytes.len() + 24);
        self.head(b'$', bytes.len() as i64);
        self.out.extend_from_slice(bytes);
        self.out.extend_from_slice(b"\r\n");
    }

    /// A number as a bulk string.
    #[inline]
    pub fn bulk_int(&mut self, number: i64) {
        self.bulk(itoa::Buffer::new().format(number).as_bytes());
    }

    /// No value: `_`; in RESP2 a null bulk string.
    #[inline]
    pub fn null(&mut self) {
        match self.protocol {
            Protocol::Resp2 => self.out.extend_from_slice(b"$-1\r\n"),
            Protocol::Resp3 => self.out.extend_from_slice(b"_\r\n"),
        }
    }

    /// No array: `_`; in RESP2 a null array.
    pub fn null_array(&mut self) {
        match self.protocol {
            Protocol::Resp2 => self.out.extend_from_slice(b"*-1\r\n"),
            Protocol::Resp3 => self.out.extend_from_slice(b"_\r\n"),
        }
    }

    /// The value, or a null.
    pub fn bulk_or_null(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.bulk(bytes),
            None => self.null(),
        }
    }

    /// The head of an array of `len` values, which follow.
    #[inline]
    pub fn array(&mut self, len: usize) {
        self.head(b'*', len as i64);
    }

    /// The head of a map of `pairs` keys and values, which follow.
    pub fn map(&mut self, pairs: usize) {
        match self.protocol {
            Protocol::Resp2 => self.head(b'*', pairs as i64 * 2),
            Protocol::Resp3 => self.head(b'%', pairs as i64),
        }
    }

    /// The head of a set of `len` values, which follow.
    pub fn set(&mut self, len: usize) {
        self.head(if self.resp3() { b'~' } else { b'*' }, len as i64);
    }

    /// The head of a push of `len` values, which follow; an array in RESP2.
    pub fn push(&mut self, len: usize) {
        self.head(if self.resp3() { b'>' } else { b'*' }, len as i64);
    }

    /// The head of an attribute of `pairs` keys and values; only RESP3 clients may be sent one.
    pub fn attribute(&mut self, pairs: usize) {
        debug_assert!(self.resp3(), "RESP2 has no attributes");
        self.head(b'|', pairs as i64);
    }

    /// A double, by its text; in RESP2 as a bulk string.
    pub fn double(&mut self, text: &[u8]) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(text),
            Protocol::Resp3 => {
                self.out.push(b',');
                self.line(text);
            }
        }
    }

    /// A number of any size, as decimal text; in RESP2 a bulk string.
    pub fn big_number(&mut self, digits: &str) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(digits.as_bytes()),
            Protocol::Resp3 => {
                self.out.push(b'(');
                self.line(digits.as_bytes());
            }
        }
    }

    /// Text with a three-letter format such as "txt"; in RESP2 a bulk string.
    pub fn verbatim(&mut self, format: &str, text: &[u8]) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(text),
            Protocol::Resp3 => {
                self.head(b'=', text.len() as i64 + 4);
                self.out.extend_from_slice(format.as_bytes());
                self.out.push(b':');
                self.out.extend_from_slice(text);
                self.out.extend_from_slice(b"\r\n");
            }
        }
    }

    /// An array of bulk strings.
    pub fn bulks<B: AsRef<[u8]>>(&mut self, items: impl ExactSizeIterator<Item = B>) {
        self.array(items.len());
        items.for_each(|item| self.bulk(item.as_ref()));
    }

    /// Ready-made protocol bytes.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Where the next reply begins: see [`Encoder::deferred`].
    pub fn mark(&self) -> usize {
        self.out.len()
    }

    /// Puts an array's head of `len` values at `mark`, before what was written since.
    pub fn deferred(&mut self, mark: usize, len: usize) {
        let mut head = Vec::with_capacity(16);
        Encoder::new(&mut head, self.protocol).array(len);
        self.out.splice(mark..mark, head);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(write: impl Fn(&mut Encoder)) -> (String, String) {
        let one = |protocol| {
            let mut out = vec![];
            write(&mut Encoder::new(&mut out, protocol));
            String::from_utf8(out).expect("text").replace("\r\n", "|")
        };
        (one(Protocol::Resp2), one(Protocol::Resp3))
    }

    #[test]
    fn each_type_in_both_protocols() {
        let check = |write: &dyn Fn(&mut Encoder), two: &str, three: &str| {
            assert_eq!(both(write), (two.into(), three.into()));
        };
        check(&|e| e.bulk(b"abc"), "$3|abc|", "$3|abc|");
        check(&|e| e.int(-12), ":-12|", ":-12|");
        check(&|e| e.null(), "$-1|", "_|");
        check(&|e| e.null_array(), "*-1|", "_|");
        check(&|e| e.map(2), "*4|", "%2|");
        check(&|e| e.set(10), "*10|", "~10|");
        check(&|e| e.push(1), "*1|", ">1|");
        check(&|e| e.bool(true), ":1|", "#t|");
        check(&|e| e.double(b"1.5"), "$3|1.5|", ",1.5|");
        check(&|e| e.big_number("123"), "$3|123|", "(123|");
        check(&|e| e.verbatim("txt", b"hi"), "$2|hi|", "=6|txt:hi|");
        check(&|e| e.error(b"ERR a\r\n+OK"), "-ERR a  +OK|", "-ERR a  +OK|");
        let deferred = |e: &mut Encoder| {
            let mark = e.mark();
            e.int(1);
            e.int(2);
            e.deferred(mark, 2);
        };
        check(&deferred, "*2|:1|:2|", "*2|:1|:2|");
    }
}
