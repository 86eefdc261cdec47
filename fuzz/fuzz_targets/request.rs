//! Requests from a client: never a panic, and the same requests in whatever pieces the bytes arrive.

#![no_main]

use libfuzzer_sys::fuzz_target;
use resp::{Limits, Parsed, Parser, ProtocolError};

/// What a parser makes of `bytes`, of which it first sees one piece after the other.
fn requests(bytes: &[u8], piece: usize) -> (Vec<Vec<Vec<u8>>>, Option<ProtocolError>) {
    let (mut parser, mut buffer, mut requests) = (Parser::default(), Vec::new(), Vec::new());
    for arrived in bytes.chunks(piece) {
        buffer.extend_from_slice(arrived);
        let mut start = 0;
        loop {
            let mut spans = Vec::new();
            match parser.parse(&mut buffer, start, Limits::authenticated(512 << 20), &mut spans) {
                Ok(Parsed::Request { len }) => {
                    assert!(len > 0 && start + len <= buffer.len());
                    requests.push(
                        spans.iter().map(|span| buffer[span.start..span.start + span.len].to_vec()).collect(),
                    );
                    start += len;
                }
                Ok(Parsed::Incomplete { .. }) => break,
                Err(error) => return (requests, Some(error)),
            }
        }
        buffer.drain(..start);
    }
    (requests, None)
}

fuzz_target!(|bytes: &[u8]| {
    let whole = requests(bytes, usize::MAX);
    for piece in [1, 2, 7] {
        // A line that is too long may be refused as soon as that is clear.
        if bytes.len() < resp::request::MAX_LINE {
            assert_eq!(requests(bytes, piece), whole, "in pieces of {piece}");
        }
    }
});
