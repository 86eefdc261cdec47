//! Data on disk: snapshots (RDB), the append-only file, and loading both.

mod delay;
pub mod load;
pub mod log;
pub mod save;
pub mod start;
mod store;

pub use store::{Store, attach};
