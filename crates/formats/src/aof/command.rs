//! One command, parsed as its bytes come.

use resp::Span;

use super::annotation;
use super::error::{Cut, Error, ErrorKind};

const CR_LF: [u8; 2] = *b"\r\n";

/// The command under way: what is known of it, so that no byte is looked at twice. Offsets are from its first byte.
#[derive(Debug, Default)]
pub(super) struct Command {
    /// The arguments found so far.
    pub spans: Vec<Span>,
    /// Where to go on.
    at: usize,
    /// Arguments still to come, once that is known.
    left: Option<usize>,
    /// The length of the argument at `at`, once that is known.
    bulk: Option<usize>,
}

/// Stops parsing.
enum Stop {
    /// For lack of bytes; this is wrong if nothing follows.
    More(ErrorKind),
    Wrong {
        at: usize,
        kind: ErrorKind,
    },
}

/// What the bytes so far hold.
pub(super) enum Progress {
    /// All of the command, of so many bytes.
    Whole(usize),
    /// A part of it. If nothing follows, this error is what is wrong; its offset is from the command's first byte.
    Part(Error),
}

impl Command {
    /// Begins with the next command.
    pub(super) fn clear(&mut self) {
        self.spans.clear();
        (self.at, self.left, self.bulk) = (0, None, None);
    }

    /// How many line ends were passed, those of a command that is not whole included.
    pub(super) fn lines(&self) -> u64 {
        let headers = u64::from(self.left.is_some()) + u64::from(self.bulk.is_some());
        headers + 2 * self.spans.len() as u64
    }

    /// Parses on; `bytes` begin with the command. The error's offset is from its first byte.
    pub(super) fn parse(&mut self, bytes: &[u8]) -> Result<Progress, Error> {
        match self.parts(bytes) {
            Ok(()) => Ok(Progress::Whole(self.at)),
            Err(Stop::More(kind)) => Ok(Progress::Part(Error { offset: self.at as u64, kind })),
            Err(Stop::Wrong { at, kind }) => Err(Error { offset: at as u64, kind }),
        }
    }

    fn parts(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        let mut left = match self.left {
            Some(left) => left,
            None => {
                let (count, next) = number(bytes, self.at, b'*')?;
                self.at = next;
                let in_range = usize::try_from(count).ok().filter(|_| (1..=i32::MAX.into()).contains(&count));
                in_range.ok_or(Stop::Wrong { at: 0, kind: ErrorKind::Count(count) })?
            }
        };
        while left > 0 {
            self.left = Some(left);
            let len = match self.bulk {
                Some(len) => len,
                None => {
                    let (len, next) = number(bytes, self.at, b'$')?;
                    let in_range = usize::try_from(len).ok().filter(|_| len <= i64::MAX - 2);
                    let len = in_range.ok_or(Stop::Wrong { at: self.at, kind: ErrorKind::Bulk(len) })?;
                    self.at = next;
                    len
                }
            };
            self.bulk = Some(len);
            self.argument(bytes, len)?;
            self.bulk = None;
            left -= 1;
        }
        self.left = Some(0);
        Ok(())
    }

    /// Takes the argument of this length at the place where parsing stands.
    fn argument(&mut self, bytes: &[u8], len: usize) -> Result<(), Stop> {
        let start = self.at;
        let rest = &bytes[start..];
        let Some((_, [first, second, ..])) = rest.split_at_checked(len) else {
            return Err(Stop::More(Cut::Argument { wanted: len as u64 + 2, got: rest.len() as u64 }.into()));
        };
        if [*first, *second] != CR_LF {
            return Err(Stop::Wrong { at: start, kind: ErrorKind::LineEnd([*first, *second]) });
        }
        self.spans.push(Span { start, len });
        self.at += len + 2;
        Ok(())
    }
}

/// Reads a line at `at` that is this prefix and a number; answers the number, and where the next line begins. As in C, a
/// number too large is the largest, and one without digits is 0; Redis reads no longer line than of an annotation's length.
#[inline]
fn number(bytes: &[u8], at: usize, prefix: u8) -> Result<(i64, usize), Stop> {
    match bytes.get(at) {
        Some(found) if *found == prefix => {}
        Some(found) => {
            let kind = ErrorKind::Prefix { expected: prefix, found: *found };
            return Err(Stop::Wrong { at, kind });
        }
        None => return Err(Stop::More(Cut::Command.into())),
    }
    let mut next = at + 1;
    let negative = bytes.get(next) == Some(&b'-');
    next += usize::from(negative);
    let mut magnitude = 0i64;
    let most = bytes.len().min(at + annotation::LONGEST);
    while let Some(digit) = bytes[..most].get(next).map(|b| b.wrapping_sub(b'0')).filter(|digit| *digit <= 9)
    {
        magnitude = magnitude.saturating_mul(10).saturating_add(digit.into());
        next += 1;
    }
    let value = if negative { -magnitude } else { magnitude };
    match bytes.get(next..).unwrap_or_default() {
        [b'\r', b'\n', ..] => Ok((value, next + 2)),
        [] => Err(Stop::More(Cut::Header([0, 0]).into())),
        [b'\r'] => Err(Stop::More(Cut::Header([b'\r', 0]).into())),
        [other] => Err(Stop::More(ErrorKind::LineEnd([*other, 0]))),
        [first, second, ..] => Err(Stop::Wrong { at, kind: ErrorKind::LineEnd([*first, *second]) }),
    }
}
