//! Checksums, compression, patterns and number text: bytes in, bytes out
