//! The dashboard in Debian's Chromium, driven by playwright-core: tests/browser/dashboard.mjs looks, this starts what it looks at.
//!
//! `SCREENSHOTS=docs/monitor/screenshots cargo test -p monitor --test browser` renews the pictures of the documentation.

mod common;

use common::{Directory, Monitor, Server, wait_for};
use std::path::PathBuf;
use std::process::Command;
use suites::free_port;

/// The packages that `cargo xtask test` installs.
fn packages() -> PathBuf {
    // Cargo's folder for the files of integration tests is target/tmp.
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("clients").join("browser");
    assert!(folder.is_dir(), "no {}: `cargo xtask test` installs it", folder.display());
    folder
}

/// The pictures' folder, if they are to be renewed; relative to the workspace.
fn screenshots() -> Option<PathBuf> {
    let folder = std::env::var_os("SCREENSHOTS")?;
    Some(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder))
}

/// Something to see on every page.
fn fill(primary: &Server) {
    primary.call("SET greeting \"hello <b>world</b>\"");
    primary.call("SET user:1 a");
    primary.call(&format!("SET big:one {}", "x".repeat(2000)));
    primary.call("CONFIG SET slowlog-log-slower-than 10000");
    primary.call("DEBUG SLEEP 0.02");
}

#[test]
fn every_view_in_chromium() {
    let packages = packages();
    let debug = ["--enable-debug-command", "yes", "--repl-diskless-sync-delay", "0"];
    let primary = Server::start(&debug);
    let _replica = Server::start(&["--replicaof", "127.0.0.1", &primary.port.to_string()]);
    let node = Server::start(&["--cluster-enabled", "yes"]);
    node.call("CLUSTER ADDSLOTSRANGE 0 16383");
    let ours = suites::Server::start::<&str>(suites::Kind::Ours, &[]);
    fill(&primary);
    let directory = Directory::new();
    let file = |name: &str| directory.0.join(name).display().to_string();
    std::fs::write(file("password"), "open sesame\n").unwrap();
    let targets = [
        primary.url(),
        node.url(),
        format!("redis://127.0.0.1:{}", ours.port()),
        format!("redis://127.0.0.1:{}", free_port()),
    ];
    let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
    let start = |options: &[&str]| Monitor::start(&[&["--interval", "0.5"], options, &targets].concat());
    let watching = start(&["--history", &file("history.db")]);
    let admin = start(&[
        "--user",
        "operator",
        "--password-file",
        &file("password"),
        "--enable-admin",
        "--audit-log",
        &file("audit.jsonl"),
    ]);
    wait_for("the replica", || primary.call("INFO replication").contains("state=online"));
    let given = serde_json::json!({
        "watching": watching.url, "admin": admin.url, "user": "operator", "password": "open sesame",
        "server": primary.url(), "chromium": "/usr/bin/chromium", "screenshots": screenshots(),
    });
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser/dashboard.mjs");
    let mut node_js = Command::new("node");
    node_js.args([script, &given.to_string()]).current_dir(&packages);
    // The script bounds its own time.
    let end = node_js.output().expect("Node.js");
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(end.status.code(), Some(0), "{}{}", said(&end.stdout), said(&end.stderr));
    assert!(said(&end.stdout).contains("views are as they should be"));
    // The servers agree with what the pages said.
    assert!(primary.call("CONFIG GET maxmemory-policy").contains("allkeys-lfu"));
    assert_eq!(primary.call("DBSIZE"), ":0\r\n");
    let audit = std::fs::read_to_string(file("audit.jsonl")).unwrap();
    assert!(audit.contains("\"command\":\"FLUSHALL\"") && !audit.contains("sesame"), "{audit}");
}
