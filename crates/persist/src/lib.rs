//! Data on disk: snapshots (RDB), the append-only file, and loading both.

pub mod load;
