//! LZF, the compression of strings in RDB files and DUMP payloads.
//!
//! The stream is a sequence of
//!
//! ```text
//! 000LLLLL                      literal: L + 1 bytes follow (1 to 32)
//! LLLooooo oooooooo             copy of L + 2 bytes (3 to 8) from o + 1 bytes back, L not 7
//! 111ooooo LLLLLLLL oooooooo    copy of L + 9 bytes (9 to 264) from o + 1 bytes back
//! ```
//!
//! Any sequence that expands to the text is valid. This compressor makes the choices of Marc Lehmann's liblzf
//! as Redis builds it (a table of 2^16 last positions, its fast way of skipping matches), so that payloads are
//! the same bytes as a genuine server's.

use std::cell::RefCell;

/// The longest run of literals.
const MAX_LITERALS: usize = 32;
/// The farthest a copy reaches back.
const MAX_DISTANCE: usize = 1 << 13;
/// The longest copy.
const MAX_COPY: usize = 264;
/// The most a stream can expand: three bytes for the longest copy.
const MAX_EXPANSION: usize = MAX_COPY / 3;

/// Compresses `text` into at most `limit` bytes, or nothing when that fails.
///
/// Near the limit this may give up a few bytes early, where liblzf does. Uses a table of the thread.
pub fn compress(text: &[u8], limit: usize) -> Option<Vec<u8>> {
    thread_local! {
        static COMPRESSOR: RefCell<Compressor> = RefCell::new(Compressor::new());
    }
    COMPRESSOR.with_borrow_mut(|compressor| compressor.compress(text, limit))
}

/// Expands `stream`, which must give exactly `len` bytes.
///
/// Nothing when the stream is cut short, reaches back before the start, or gives another length. Allocates no
/// more than a stream of this size can expand to, whatever `len` claims.
pub fn decompress(stream: &[u8], len: usize) -> Option<Vec<u8>> {
    if len > stream.len().saturating_mul(MAX_EXPANSION) {
        return None;
    }
    let mut out = Vec::with_capacity(len);
    let mut rest = stream;
    while let Some((&control, after)) = rest.split_first() {
        rest = match control {
            0..32 => {
                let (literals, after) = after.split_at_checked(usize::from(control) + 1)?;
                out.extend_from_slice(literals);
                after
            }
            _ => {
                let (count, low, after) = match (control >> 5, after) {
                    (7, &[more, low, ref after @ ..]) => (usize::from(more) + 9, low, after),
                    (short @ 1..7, &[low, ref after @ ..]) => (usize::from(short) + 2, low, after),
                    _ => return None,
                };
                let distance = (usize::from(control & 31) << 8 | usize::from(low)) + 1;
                copy_back(&mut out, distance, count)?;
                after
            }
        };
        if out.len() > len {
            return None;
        }
    }
    (out.len() == len).then_some(out)
}

/// Appends `count` bytes from `distance` back; they may overlap what they append, and then repeat.
fn copy_back(out: &mut Vec<u8>, distance: usize, mut count: usize) -> Option<()> {
    let start = out.len().checked_sub(distance)?;
    while count > 0 {
        let piece = count.min(out.len() - start);
        out.extend_from_within(start..start + piece);
        count -= piece;
    }
    Some(())
}

/// The table of last positions, kept between texts so that none has to clear it: positions count on from text
/// to text, and those of earlier ones lie at or below `base`.
struct Compressor {
    heads: Box<[u32; 1 << 16]>,
    base: u32,
}

impl Compressor {
    fn new() -> Self {
        let heads = vec![0; 1 << 16].into_boxed_slice().try_into().expect("2^16 entries");
        Self { heads, base: 0 }
    }

    fn compress(&mut self, text: &[u8], limit: usize) -> Option<Vec<u8>> {
        let len = u32::try_from(text.len()).ok()?;
        let end = match self.base.checked_add(len) {
            Some(end) => end,
            None => {
                *self = Self::new();
                len
            }
        };
        let stream = self.run(text, limit);
        self.base = end;
        stream
    }

    fn run(&mut self, text: &[u8], limit: usize) -> Option<Vec<u8>> {
        if text.is_empty() || limit == 0 {
            return None;
        }
        let mut out = Output::new(limit);
        let mut at = 0;
        // The last two bytes begin no match: they have no third.
        while at + 2 < text.len() {
            match self.find(text, at) {
                Some(earlier) => {
                    let count = match_len(text, earlier, at);
                    out.copy(at - earlier, count)?;
                    at += count;
                    if at + 2 >= text.len() {
                        break;
                    }
                    // Of the positions passed over only the last two are remembered.
                    self.remember(text, at - 2);
                    self.remember(text, at - 1);
                }
                None => {
                    out.literal(text[at])?;
                    at += 1;
                }
            }
        }
        out.finish(&text[at..])
    }

    /// An earlier position, near enough, that agrees with `at` in three bytes; remembers `at`.
    fn find(&mut self, text: &[u8], at: usize) -> Option<usize> {
        let head = self.remember(text, at);
        // The start of the text is never referred to.
        let earlier = head.checked_sub(self.base).filter(|&earlier| earlier > 0)? as usize;
        let near = at - earlier <= MAX_DISTANCE;
        (near && text[earlier..earlier + 3] == text[at..at + 3]).then_some(earlier)
    }

    /// Makes `at` the last position of its three bytes, and gives the one before it.
    fn remember(&mut self, text: &[u8], at: usize) -> u32 {
        let bytes = u32::from_be_bytes([0, text[at], text[at + 1], text[at + 2]]);
        let hash = (bytes >> 8).wrapping_sub(bytes.wrapping_mul(5)) as u16;
        std::mem::replace(&mut self.heads[usize::from(hash)], self.base + at as u32)
    }
}

/// How many bytes agree from two positions on, which agree in three: up to the longest copy, and to two bytes
/// before the end. Only where there are more than 18 bytes left may the first 18 of them go beyond that.
fn match_len(text: &[u8], earlier: usize, at: usize) -> usize {
    let left = text.len() - at - 2;
    let limit = left.min(MAX_COPY);
    let agree = |len: usize| text[earlier + len] == text[at + len];
    let mut len = 3;
    if limit > 16 {
        while len < 19 && agree(len) {
            len += 1;
        }
        if len < 19 {
            return len;
        }
    }
    while len < limit && agree(len) {
        len += 1;
    }
    len
}

/// The stream as it grows, with room for the header of the run of literals that is open.
struct Output {
    bytes: Vec<u8>,
    limit: usize,
    /// Literals in the open run; its header is the byte in front of them.
    literals: usize,
}

impl Output {
    fn new(limit: usize) -> Self {
        Self { bytes: vec![0], limit, literals: 0 }
    }

    fn literal(&mut self, byte: u8) -> Option<()> {
        if self.bytes.len() >= self.limit {
            return None;
        }
        self.push_literal(byte);
        Some(())
    }

    fn push_literal(&mut self, byte: u8) {
        self.bytes.push(byte);
        self.literals += 1;
        if self.literals == MAX_LITERALS {
            self.close_run();
            self.bytes.push(0);
        }
    }

    /// Writes the header of the open run, or takes its room back when the run is empty.
    fn close_run(&mut self) {
        match self.literals {
            0 => drop(self.bytes.pop()),
            count => {
                let header = self.bytes.len() - count - 1;
                self.bytes[header] = count as u8 - 1;
            }
        }
        self.literals = 0;
    }

    fn copy(&mut self, distance: usize, count: usize) -> Option<()> {
        self.close_run();
        if self.bytes.len() + 4 >= self.limit {
            return None;
        }
        let (offset, len) = (distance - 1, count - 2);
        let high = (offset >> 8) as u8;
        match len {
            0..7 => self.bytes.push((len as u8) << 5 | high),
            _ => self.bytes.extend_from_slice(&[7 << 5 | high, (len - 7) as u8]),
        }
        self.bytes.extend_from_slice(&[offset as u8, 0]);
        Some(())
    }

    /// Ends the stream with what is left of the text, at most two bytes.
    fn finish(mut self, tail: &[u8]) -> Option<Vec<u8>> {
        if self.bytes.len() + 3 > self.limit {
            return None;
        }
        tail.iter().for_each(|&byte| self.push_literal(byte));
        self.close_run();
        Some(self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn streams_of_genuine_redis() {
        // From DUMP on redis-server 7.0.15.
        assert_eq!(compress(&[b'a'; 40], 36).as_deref(), Some(&b"\x01aa\xe0\x1b\x00\x01aa"[..]));
        let text = b"carnelian carnelian carnelian";
        assert_eq!(compress(text, 25).as_deref(), Some(&b"\x0acarnelian c\xe0\x07\x09\x01an"[..]));
        assert_eq!(compress(b"abcdefghijklmnopqrstuvwxyz", 22), None);
    }

    #[test]
    fn hostile_streams_are_refused() {
        for (stream, len) in [
            (&b""[..], 1),
            (b"\x00", 1),
            (b"\x05abc", 6),
            (b"\x20\x00", 3),
            (b"\x00a\x20\x01", 4),
            (b"\x00a\x20", 4),
            (b"\x00a\xe0", 10),
            (b"\x00a\xe0\x00", 10),
            (b"\x00a", 2),
            (b"\x01ab", 1),
            (b"\x00a", usize::MAX),
        ] {
            assert_eq!(decompress(stream, len), None, "{} {len}", stream.escape_ascii());
        }
        assert_eq!(decompress(b"", 0), Some(vec![]));
        assert_eq!(decompress(b"\x00a\xe0\xff\x00", 265), Some(vec![b'a'; 265]));
    }

    #[test]
    fn earlier_texts_leave_no_trace() {
        let mut compressor = Compressor::new();
        let text = b"the quick brown fox; the quick brown fox; the quick".repeat(3);
        let first = compressor.compress(&text, text.len());
        compressor.compress(b"the quick brown fox, a different one, the end", 40);
        assert_eq!(compressor.compress(&text, text.len()), first);
        compressor.base = u32::MAX - 10;
        assert_eq!(compressor.compress(&text, text.len()), first, "positions start over");
        assert!(first.is_some_and(|stream| stream.len() < 60));
    }

    /// Texts with repetitions near and far.
    fn repetitive() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            prop::collection::vec(prop::sample::select(b"ab"), 0..40).prop_map(|bytes| bytes.to_vec()),
            prop::collection::vec(any::<u8>(), 0..40),
            (any::<u8>(), 0..600usize).prop_map(|(byte, count)| vec![byte; count]),
            Just(b"a longer phrase that comes again".to_vec()),
        ];
        prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn what_is_compressed_expands_to_itself(text in repetitive(), limit in 0..20_000usize) {
            if let Some(stream) = compress(&text, limit) {
                prop_assert!(stream.len() <= limit);
                prop_assert_eq!(decompress(&stream, text.len() + 1), None);
                prop_assert_eq!(decompress(&stream, text.len()), Some(text));
            }
        }

        #[test]
        fn any_bytes_are_safe_to_expand(stream: Vec<u8>, len in 0..100_000usize) {
            if let Some(out) = decompress(&stream, len) {
                prop_assert_eq!(out.len(), len);
            }
        }
    }
}
