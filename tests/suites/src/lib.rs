//! Suites that drive live processes, with genuine redis-server as partner and oracle.
//!
//! The library is what those suites share, and deliberately knows none of our other crates: a fault in
//! ours must not hide itself in the test that looks for it.
//!
//! - [`Server`] starts a process of either [`Kind`] in a folder of its own, waits until it answers and
//!   ends it, by its pid, when dropped.
//! - [`Client`] is a blocking RESP2 and RESP3 client; [`Value`] is any reply, with its exact wire type.
//! - [`dataset`] fills a server with keys of every type, and tells what servers with the same data answer alike.
//! - [`kill_loop`] kills a server under clients that write, and looks at what it still knows.
//! - [`power_cut`] lets the power fail under a server, on paper, and looks at what can be read from what is left.
//! - [`writers`] are the clients of both.
//! - [`payload`] makes and reads the serialised values of DUMP and RESTORE.
//!
//! The suites themselves are in `tests/`, one file each.

mod client;
pub mod dataset;
pub mod kill_loop;
mod pattern;
pub mod payload;
pub mod power_cut;
mod server;
mod value;
pub mod writers;

pub use client::Client;
pub use pattern::matches;
pub use rustix::process::Signal;
pub use server::{Finished, Kind, Server, eventually, free_port, run};
pub use value::{Malformed, Shortened, Value};
