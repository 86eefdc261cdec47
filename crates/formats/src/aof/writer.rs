//! Writing commands and annotations.

use std::io::Write;

use resp::{Encoder, Protocol};

/// Appends a command.
pub fn command<A: AsRef<[u8]>>(out: &mut Vec<u8>, args: impl ExactSizeIterator<Item = A>) {
    Encoder::new(out, Protocol::Resp2).bulks(args);
}

/// Appends the time at which the commands that follow ran (`aof-timestamp-enabled`), in Unix seconds.
pub fn timestamp(out: &mut Vec<u8>, seconds: i64) {
    // Writing to memory does not fail.
    let _ = write!(out, "#TS:{seconds}\r\n");
}
