//! redis-py and ioredis: their scripts stand in `python/` and `node/`, their packages under `target/clients`.

use std::path::PathBuf;
use std::process::Command;
use suites::{Kind, Server, run};

/// A folder of packages that `cargo xtask test` makes.
fn installed(name: &str) -> PathBuf {
    // Cargo's folder for the files of integration tests is target/tmp.
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("clients").join(name);
    assert!(folder.is_dir(), "no {}: `cargo xtask test` installs it", folder.display());
    folder
}

fn passes(command: &mut Command, script: &str) {
    let server = Server::start::<&str>(Kind::Ours, &[]);
    let script = format!("{}/{script}", env!("CARGO_MANIFEST_DIR"));
    let end = run(command.args([script, server.port().to_string()]), b"");
    assert_eq!(end.code, Some(0), "{}{}", end.stdout, end.stderr);
    assert!(end.stdout.trim_end().ends_with(" checks passed"), "{}", end.stdout);
}

#[test]
fn redis_py_over_both_protocols() {
    passes(&mut Command::new(installed("python").join("bin/python")), "python/checks.py");
}

#[test]
fn ioredis() {
    passes(Command::new("node").env("NODE_PATH", installed("node").join("node_modules")), "node/checks.cjs");
}
