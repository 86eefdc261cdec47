//! The binary answers by the name it is called by, and by its first argument.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

const CARNELIAN: &str = env!("CARGO_BIN_EXE_carnelian");

fn run(program: impl AsRef<Path>, arguments: &[&str]) -> Output {
    Command::new(program.as_ref()).args(arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn the_server_is_reached_by_every_way() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["redis-server", "carnelian-server"] {
        symlink(CARNELIAN, dir.path().join(name)).unwrap();
    }
    for (program, arguments) in [
        (Path::new(CARNELIAN).to_owned(), &["-v"][..]),
        (Path::new(CARNELIAN).to_owned(), &["server", "--version"]),
        (dir.path().join("redis-server"), &["--version"]),
        (dir.path().join("carnelian-server"), &["-v"]),
    ] {
        let output = run(&program, arguments);
        assert!(output.status.success(), "{program:?}");
        assert!(
            stdout(&output)
                .starts_with("Redis server v=7.4.1 sha=00000000:0 malloc=jemalloc-5.3.1 bits=64 build=")
        );
    }
}

/// Like genuine redis-server: to standard error, exit code 1.
#[test]
fn the_servers_help_has_redis_shape() {
    let output = run(CARNELIAN, &["server", "--help"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with("Usage: ") && stderr(&output).contains("--check-system"));
    assert_eq!(stdout(&output), "");
}

#[test]
fn help_names_every_tool() {
    let output = run(CARNELIAN, &["--help"]);
    assert!(output.status.success());
    for tool in
        ["server", "sentinel", "cli", "benchmark", "check-rdb", "check-aof", "proxy", "monitor", "top"]
    {
        assert!(stdout(&output).contains(&format!("\n       {tool} ")), "{tool}");
    }
}

#[test]
fn a_tool_yet_to_come_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let link = dir.path().join("redis-sentinel");
    symlink(CARNELIAN, &link).unwrap();
    for output in [run(CARNELIAN, &["sentinel", "-h"]), run(&link, &[])] {
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(stderr(&output), "carnelian: 'sentinel' is not part of this build yet.\n");
    }
}

#[test]
fn a_word_that_is_neither_tool_nor_file_is_an_error() {
    let output = run(CARNELIAN, &["sevrer"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with("carnelian: 'sevrer' is neither a tool nor a file.\n"));
}

#[test]
fn links_have_the_names_of_redis_programs() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    // Twice: an older link is replaced.
    for _ in 0..2 {
        let output = run(CARNELIAN, &["install-links", path]);
        assert!(output.status.success(), "{}", stderr(&output));
    }
    let mut names: Vec<_> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "redis-benchmark",
            "redis-check-aof",
            "redis-check-rdb",
            "redis-cli",
            "redis-sentinel",
            "redis-server"
        ]
    );
    assert!(stdout(&run(dir.path().join("redis-server"), &["-v"])).starts_with("Redis server v="));
}

#[test]
fn links_never_replace_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let genuine = dir.path().join("redis-server");
    std::fs::write(&genuine, "genuine").unwrap();
    let output = run(CARNELIAN, &["install-links", dir.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("redis-server: exists and is not a link"), "{}", stderr(&output));
    assert_eq!(std::fs::read_to_string(genuine).unwrap(), "genuine");
    assert_eq!(run(CARNELIAN, &["install-links"]).status.code(), Some(1));
}
