//! Real clients on a live server: redis-cli, redis-benchmark, redis-py, ioredis, redis-rs.
//!
//! `cargo xtask test` installs what they need; a missing client fails its test and says so.
//! `CARNELIAN_BIN=redis-server` runs the same tests on genuine redis-server.

mod benchmark;
mod cli;
mod redis_rs;
mod scripts;

use std::process::Command;
use suites::{Finished, Server, run};

/// Runs a client that ends by itself, with our port added, and returns what it said.
fn client(program: &str, server: &Server, args: &[&str], input: &str) -> Finished {
    let port = server.port().to_string();
    run(Command::new(program).args(["-p", &port]).args(args), input.as_bytes())
}
