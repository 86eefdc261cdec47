//! The binary: one dispatcher for every tool.

fn main() {}
