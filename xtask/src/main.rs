//! The project's own chores: test, bench, fuzz and the heavier suites.

fn main() {}
