//! The monitor on its own, without the server's binary: `carnelian-monitor ARGS` is `carnelian monitor ARGS`. The tests run it too.

use std::process::ExitCode;

fn main() -> ExitCode {
    monitor::main(std::env::args_os().skip(1).collect())
}
