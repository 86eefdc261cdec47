//! The monitor on its own, without the server's binary: `carnelian-monitor ARGS` is `carnelian monitor ARGS`, and
//! `carnelian-monitor top ARGS` is `carnelian top ARGS`. The tests run it too.

use std::ffi::OsString;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    match args.split_first() {
        Some((first, rest)) if first == "top" => monitor::top_main(rest.to_vec()),
        _ => monitor::main(args),
    }
}
