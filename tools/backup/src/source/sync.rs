//! A snapshot as a replica gets it: the server's full synchronisation, taken by somebody who then leaves.
//!
//! ```text
//! > REPLCONF capa eof        < +OK       the length need not be known beforehand
//! > REPLCONF rdb-only 1      < +OK       from 7.0 on: send no commands behind it
//! > SYNC                     < \n \n ...              while the snapshot is being made
//!                            < $LENGTH\r\n            and so many bytes, from a disk; or
//!                            < $EOF:MARK\r\n          and bytes up to the 40 of the mark, without one
//! ```
//!
//! As `redis-cli --rdb` does; every Redis since 2.0 and Valkey answer it.

use std::io::{self, Read};

use super::link::{Link, Reply};
use crate::error::{Error, Result};

/// Bytes of the mark at the end of a snapshot whose length is not known.
const MARK: usize = 40;

/// Bytes that are asked for at once.
const CHUNK: usize = 64 << 10;

/// How a snapshot announces where it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Announced {
    Length(u64),
    Mark([u8; MARK]),
}

/// Asks for a snapshot. Where the server knows no SYNC or does not allow it, gives its words.
///
/// # Errors
/// [`Error::Server`], and [`Error::Refused`] for every other refusal, such as LOADING.
pub fn begin(mut link: Link) -> Result<std::result::Result<Snapshot, String>> {
    for option in [["REPLCONF", "capa", "eof"], ["REPLCONF", "rdb-only", "1"]] {
        // Who does not know an option sends a snapshot all the same.
        link.call(&option)?;
    }
    link.send(b"SYNC\r\n")?;
    let line = loop {
        let line = link.line()?;
        if !line.is_empty() {
            break line;
        }
    };
    if let Some(text) = line.strip_prefix('-') {
        let is_impossible = text.contains("unknown command") || text.starts_with("NOPERM");
        return if is_impossible { Ok(Err(text.to_owned())) } else { Err(link.refused("SYNC", text)) };
    }
    let announced = parse(&line).ok_or_else(|| link.error("not an answer to SYNC"))?;
    Ok(Ok(Snapshot::new(link, announced)))
}

fn parse(line: &str) -> Option<Announced> {
    let rest = line.strip_prefix('$')?;
    match rest.strip_prefix("EOF:") {
        Some(mark) => mark.as_bytes().try_into().ok().map(Announced::Mark),
        None => rest.parse().ok().map(Announced::Length),
    }
}

/// A snapshot under way.
pub struct Snapshot {
    link: Link,
    announced: Announced,
    /// Bytes that were read and not given: with a mark, the last 40 may be it.
    held: Vec<u8>,
    /// Where in them those to give next begin.
    start: usize,
    received: u64,
}

impl Snapshot {
    fn new(link: Link, announced: Announced) -> Self {
        Self { link, announced, held: Vec::new(), start: 0, received: 0 }
    }

    /// Bytes, if the server told.
    pub fn size(&self) -> Option<u64> {
        match self.announced {
            Announced::Length(length) => Some(length),
            Announced::Mark(_) => None,
        }
    }

    /// Reads bytes of a snapshot that has this length.
    fn read_counted(&mut self, room: &mut [u8], length: u64) -> io::Result<usize> {
        let left = length - self.received;
        let most = room.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if most == 0 {
            return Ok(0);
        }
        match self.link.read(&mut room[..most])? {
            0 => Err(self.cut().into()),
            count => {
                self.received += count as u64;
                Ok(count)
            }
        }
    }

    /// Reads bytes of a snapshot that ends with this mark.
    fn read_marked(&mut self, room: &mut [u8], mark: &[u8; MARK]) -> io::Result<usize> {
        while self.held.len() - self.start <= MARK {
            if self.held[self.start..] == mark[..] {
                return Ok(0);
            }
            self.held.drain(..self.start);
            self.start = 0;
            let before = self.held.len();
            self.held.resize(before + CHUNK, 0);
            let count = self.link.read(&mut self.held[before..]);
            self.held.truncate(before + *count.as_ref().unwrap_or(&0));
            self.received += count? as u64;
            if self.held.len() == before {
                return Err(self.cut().into());
            }
        }
        let count = room.len().min(self.held.len() - self.start - MARK);
        room[..count].copy_from_slice(&self.held[self.start..self.start + count]);
        self.start += count;
        Ok(count)
    }

    fn cut(&self) -> Error {
        self.link
            .error(format!("the server closed the connection after {} bytes of its snapshot", self.received))
    }
}

impl Read for Snapshot {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self.announced.clone() {
            Announced::Length(length) => self.read_counted(room, length),
            Announced::Mark(mark) => self.read_marked(room, &mark),
        }
    }
}

/// What the server is, as far as it tells.
pub fn server_version(link: &mut Link) -> Result<Option<String>> {
    let Reply::Text(info) = link.call(&["INFO", "server"])? else { return Ok(None) };
    let fields =
        [("carnelian_version", "carnelian"), ("valkey_version", "valkey"), ("redis_version", "redis")];
    let named = fields.iter().find_map(|(field, name)| Some(format!("{name} {}", info_field(&info, field)?)));
    Ok(named)
}

/// A field of INFO.
pub fn info_field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announcements() {
        assert_eq!(parse("$12"), Some(Announced::Length(12)));
        let mark = [b'a'; MARK];
        let text = format!("$EOF:{}", "a".repeat(MARK));
        assert_eq!(parse(&text), Some(Announced::Mark(mark)));
        for wrong in ["+FULLRESYNC a 0", "$", "$-1", "$EOF:abc", ""] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn fields_of_info() {
        let info = "# Server\r\nredis_version:7.0.15\r\nredis_version_x:1\r\n";
        assert_eq!(info_field(info, "redis_version"), Some("7.0.15"));
        assert_eq!(info_field(info, "redis"), None);
    }
}
