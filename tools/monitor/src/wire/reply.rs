//! RESP2 replies, read from any byte stream under a budget.
//!
//! Source: the protocol description of Redis 7.4 (`+`, `-`, `:`, `$`, `*`). RESP3 is not asked for, so its types are
//! protocol errors here.

use super::Failure;
use std::borrow::Cow;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

/// Nesting that real replies stay under (SLOWLOG GET is 3, CLUSTER SLOTS 4).
const MAX_DEPTH: usize = 8;
/// A status, error or integer line, or a length; Redis's own inline limit.
const MAX_LINE: u64 = 64 * 1024;
/// What an element of an array costs beside its bytes, so that `*1000000000` runs out of budget, not of memory.
const ELEMENT_COST: usize = 32;

/// One reply of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// `+OK`
    Status(String),
    /// `-ERR ...`, without the dash.
    Error(String),
    /// `:42`
    Integer(i64),
    /// `$5\r\nhello`
    Bulk(Vec<u8>),
    /// `*2\r\n...`
    Array(Vec<Reply>),
    /// `$-1` or `*-1`
    Nil,
}

impl Reply {
    /// The text of a status or bulk reply, invalid UTF-8 replaced; `None` for other types.
    pub fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Reply::Status(line) => Some(Cow::Borrowed(line)),
            Reply::Bulk(bytes) => Some(String::from_utf8_lossy(bytes)),
            _ => None,
        }
    }

    /// An integer, also one that is written as text.
    pub fn integer(&self) -> Option<i64> {
        match self {
            Reply::Integer(n) => Some(*n),
            other => other.text()?.parse().ok(),
        }
    }

    /// The elements of an array; of every other type none.
    pub fn items(&self) -> &[Reply] {
        match self {
            Reply::Array(items) => items,
            _ => &[],
        }
    }

    /// The text of this reply, or the failure that it stands for.
    ///
    /// # Errors
    /// [`Failure::Refused`] for an error reply, [`Failure::Protocol`] for one that has no text.
    pub fn into_text(self) -> Result<String, Failure> {
        match self {
            Reply::Status(line) => Ok(line),
            Reply::Bulk(bytes) => Ok(String::from_utf8(bytes)
                .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())),
            Reply::Error(text) => Err(Failure::Refused(text)),
            _ => Err(Failure::Protocol("expected text".into())),
        }
    }

    /// A flat array of names and values (CONFIG GET, SENTINEL MASTER) as pairs of text; other shapes give no pairs.
    pub fn pairs(&self) -> impl Iterator<Item = (String, String)> + '_ {
        self.items()
            .chunks_exact(2)
            .filter_map(|pair| Some((pair[0].text()?.into_owned(), pair[1].text()?.into_owned())))
    }
}

/// The bytes that one reply may still take.
#[derive(Debug)]
pub struct Budget(usize);

impl Budget {
    /// A budget of so many bytes.
    pub fn new(bytes: usize) -> Self {
        Budget(bytes)
    }

    fn spend(&mut self, bytes: usize) -> Result<(), Failure> {
        self.0 = self.0.checked_sub(bytes).ok_or(Failure::TooLarge)?;
        Ok(())
    }
}

/// Reads one reply. It takes no more memory than `budget`, whatever lengths the server claims.
///
/// # Errors
/// [`Failure::Broken`] at the end of the stream, [`Failure::Protocol`] and [`Failure::TooLarge`] for what they name.
pub async fn read_reply<R: AsyncBufRead + Unpin + Send>(
    from: &mut R,
    budget: &mut Budget,
) -> Result<Reply, Failure> {
    read_nested(from, budget, 0).await
}

async fn read_nested<R: AsyncBufRead + Unpin + Send>(
    from: &mut R,
    budget: &mut Budget,
    depth: usize,
) -> Result<Reply, Failure> {
    let line = read_line(from, budget).await?;
    let (kind, rest) = line.split_at_checked(1).ok_or_else(|| Failure::Protocol("empty line".into()))?;
    match kind {
        "+" => Ok(Reply::Status(rest.into())),
        "-" => Ok(Reply::Error(rest.into())),
        ":" => rest.parse().map(Reply::Integer).map_err(|_| Failure::Protocol("bad integer".into())),
        "$" => match length(rest)? {
            None => Ok(Reply::Nil),
            Some(len) => read_bulk(from, budget, len).await,
        },
        "*" => match length(rest)? {
            None => Ok(Reply::Nil),
            Some(_) if depth >= MAX_DEPTH => Err(Failure::TooLarge),
            Some(len) => {
                budget.spend(len.saturating_mul(ELEMENT_COST))?;
                let mut items = Vec::new();
                for _ in 0..len {
                    items.push(Box::pin(read_nested(from, budget, depth + 1)).await?);
                }
                Ok(Reply::Array(items))
            }
        },
        other => Err(Failure::Protocol(format!("unknown type {other:?}"))),
    }
}

async fn read_line<R: AsyncBufRead + Unpin + Send>(
    from: &mut R,
    budget: &mut Budget,
) -> Result<String, Failure> {
    let mut line = Vec::new();
    from.take(MAX_LINE).read_until(b'\n', &mut line).await.map_err(broken)?;
    budget.spend(line.len())?;
    match line.strip_suffix(b"\r\n") {
        Some(text) => Ok(String::from_utf8_lossy(text).into_owned()),
        None if line.len() as u64 == MAX_LINE => Err(Failure::TooLarge),
        None if line.ends_with(b"\n") => Err(Failure::Protocol("line ends without \\r".into())),
        None => Err(Failure::Broken("closed by the server".into())),
    }
}

async fn read_bulk<R: AsyncBufRead + Unpin + Send>(
    from: &mut R,
    budget: &mut Budget,
    len: usize,
) -> Result<Reply, Failure> {
    budget.spend(len)?;
    let mut bytes = Vec::new();
    from.take(len as u64).read_to_end(&mut bytes).await.map_err(broken)?;
    if bytes.len() < len {
        return Err(Failure::Broken("closed by the server".into()));
    }
    let mut end = [0; 2];
    from.read_exact(&mut end).await.map_err(broken)?;
    if end == *b"\r\n" {
        Ok(Reply::Bulk(bytes))
    } else {
        Err(Failure::Protocol("bulk without its end".into()))
    }
}

/// A length line: `-1` is nil; any other negative number and non-numbers are errors.
fn length(text: &str) -> Result<Option<usize>, Failure> {
    match text {
        "-1" => Ok(None),
        _ => text.parse().map(Some).map_err(|_| Failure::Protocol("bad length".into())),
    }
}

fn broken(error: std::io::Error) -> Failure {
    Failure::Broken(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mut bytes: &[u8]) -> Result<Reply, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(read_reply(&mut bytes, &mut Budget::new(4096)))
    }

    #[test]
    fn reads_every_type() {
        assert_eq!(read(b"+OK\r\n"), Ok(Reply::Status("OK".into())));
        assert_eq!(read(b"-ERR no\r\n"), Ok(Reply::Error("ERR no".into())));
        assert_eq!(read(b":-7\r\n"), Ok(Reply::Integer(-7)));
        assert_eq!(read(b"$3\r\na\nb\r\n"), Ok(Reply::Bulk(b"a\nb".to_vec())));
        assert_eq!(read(b"$-1\r\n"), Ok(Reply::Nil));
        let nested = read(b"*2\r\n*1\r\n:1\r\n*-1\r\n").unwrap();
        assert_eq!(nested, Reply::Array(vec![Reply::Array(vec![Reply::Integer(1)]), Reply::Nil]));
    }

    #[test]
    fn lies_about_size_cost_nothing() {
        assert_eq!(read(b"$999999999999\r\n"), Err(Failure::TooLarge));
        assert_eq!(read(b"*999999999999\r\n"), Err(Failure::TooLarge));
        assert_eq!(read(b"*-2\r\n").unwrap_err().kind(), "protocol");
        assert_eq!(read(&b"*1\r\n".repeat(20)), Err(Failure::TooLarge));
        assert_eq!(read(&[b'+'; 100_000]), Err(Failure::TooLarge));
    }

    #[test]
    fn cut_and_foreign_streams_are_told_apart() {
        assert_eq!(read(b"$10\r\nabc").unwrap_err().kind(), "broken");
        assert_eq!(read(b"").unwrap_err().kind(), "broken");
        assert_eq!(read(b"HTTP/1.1 400 Bad Request\r\n").unwrap_err().kind(), "protocol");
        assert_eq!(read("\u{fffd}x\r\n".as_bytes()).unwrap_err().kind(), "protocol");
        assert_eq!(read(b"$1\r\nabc").unwrap_err().kind(), "protocol");
    }
}
