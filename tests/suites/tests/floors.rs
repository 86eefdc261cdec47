//! The architecture's one rule about crates: edges point strictly downward.
//!
//! Source: ARCHITECTURE.md, the floors. A crate that the table does not know fails the test, so that its
//! floor is decided when it is born.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Crates by floor. Some are still to come.
const FLOORS: [(u8, &[&str]); 9] = [
    (0, &["codec", "memory", "resp"]),
    (1, &["acl", "config", "data", "endpoint", "net"]),
    (2, &["formats", "keyspace"]),
    (3, &["engine"]),
    (4, &["commands", "persist", "replication", "scripting", "sentinel"]),
    (5, &["cluster"]),
    (6, &["server"]),
    (7, &["backup", "benchmark", "check", "cli", "monitor", "proxy"]),
    (8, &["carnelian"]),
];

/// Tools know the wire and the files, never a server's inside: floors 0 to 2 only.
const TOOLS: u8 = 7;
const HIGHEST_FOR_TOOLS: u8 = 2;

/// Crates of the workspace that are no part of the product; nothing depends on them but themselves.
const OUTSIDE: [&str; 3] = ["faults", "suites", "xtask"];

/// The files that may hold `unsafe`, sorted: each allows it and says of every block why it is sound.
const UNSAFE: &[&str] = &[
    "crates/codec/src/blob.rs",
    "crates/commands/src/server/debug/crash.rs",
    "crates/data/src/hash/field.rs",
    "crates/data/src/index/slot.rs",
    "crates/data/src/index/tests.rs",
    "crates/data/src/zset/member.rs",
    "crates/engine/src/cpu_time.rs",
    "crates/keyspace/src/cut.rs",
    "crates/keyspace/src/entry.rs",
    "crates/keyspace/src/gate.rs",
    "crates/keyspace/src/keyspace.rs",
    "crates/keyspace/src/partition.rs",
    "crates/keyspace/src/segment.rs",
    "crates/keyspace/src/table.rs",
    "crates/keyspace/src/view/change.rs",
    "crates/keyspace/src/view/mod.rs",
    "crates/memory/src/lib.rs",
    "crates/persist/src/save/background.rs",
    "crates/server/src/logging/crash.rs",
    "crates/server/src/logging/syslog.rs",
    "crates/server/src/process/daemon.rs",
    "crates/server/src/process/title/memory.rs",
];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    path: Option<PathBuf>,
    kind: Option<String>,
}

fn metadata() -> Metadata {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1", "--manifest-path", manifest])
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("metadata is JSON of the known shape")
}

fn floors() -> BTreeMap<&'static str, u8> {
    FLOORS.iter().flat_map(|(floor, names)| names.iter().map(|name| (*name, *floor))).collect()
}

#[test]
fn every_crate_has_a_floor() {
    let floors = floors();
    let unknown: Vec<String> = metadata()
        .packages
        .into_iter()
        .map(|package| package.name)
        .filter(|name| !floors.contains_key(name.as_str()) && !OUTSIDE.contains(&name.as_str()))
        .collect();
    assert!(unknown.is_empty(), "give these a floor in tests/suites/tests/floors.rs: {unknown:?}");
}

#[test]
fn edges_point_strictly_downward() {
    let floors = floors();
    let mut wrong = Vec::new();
    for package in metadata().packages {
        for dependency in package.dependencies.iter().filter(|dependency| dependency.path.is_some()) {
            let kind = dependency.kind.as_deref().unwrap_or("normal");
            if !allowed(&floors, &package.name, &dependency.name, kind) {
                wrong.push(format!("{} -> {} ({kind})", package.name, dependency.name));
            }
        }
    }
    assert!(wrong.is_empty(), "edges that do not point downward: {wrong:?}");
}

fn allowed(floors: &BTreeMap<&str, u8>, from: &str, to: &str, kind: &str) -> bool {
    match (floors.get(from), floors.get(to)) {
        (Some(&TOOLS), Some(&to)) => to <= HIGHEST_FOR_TOOLS,
        (Some(from), Some(to)) => to < from,
        (None, _) => OUTSIDE.contains(&from),
        // A tool's own tests may start live servers as the suites do.
        (Some(&TOOLS), None) => to == "suites" && kind == "dev",
        (Some(_), None) => false,
    }
}

#[test]
fn the_rule_itself_tells_up_from_down() {
    let floors = floors();
    let cases = [
        ("server", "engine", true),
        ("engine", "server", false),
        ("commands", "persist", false),
        ("cli", "resp", true),
        ("cli", "engine", false),
        ("xtask", "suites", true),
        ("server", "suites", false),
        ("monitor", "suites", false),
    ];
    for (from, to, expected) in cases {
        assert_eq!(allowed(&floors, from, to, "normal"), expected, "{from} -> {to}");
    }
    assert!(allowed(&floors, "monitor", "suites", "dev") && !allowed(&floors, "server", "suites", "dev"));
}

/// The workspace denies `unsafe_code`, so the compiler finds what no file allows.
#[test]
fn unsafe_stays_in_the_files_that_are_named_for_it() {
    let metadata = metadata();
    let mut found = Vec::new();
    for package in metadata.packages.iter().filter(|package| !OUTSIDE.contains(&package.name.as_str())) {
        let manifest = fs::read_to_string(&package.manifest_path).expect("a manifest");
        assert!(manifest.contains("[lints]\nworkspace = true"), "{} must inherit the lints", package.name);
        let folder = package.manifest_path.parent().expect("a manifest is in a folder");
        rust_files(folder, &mut |path, text| {
            if text.contains("allow(unsafe_code)") {
                found.push(path.strip_prefix(&metadata.workspace_root).unwrap_or(path).display().to_string());
            }
        });
    }
    found.sort();
    assert_eq!(found, UNSAFE, "files that allow unsafe code (left) and the list in floors.rs (right)");
}

fn rust_files(folder: &Path, visit: &mut dyn FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).expect("a folder of the workspace") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            rust_files(&path, visit);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            visit(&path, &fs::read_to_string(&path).expect("source is UTF-8"));
        }
    }
}
