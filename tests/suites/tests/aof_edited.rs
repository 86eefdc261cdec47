//! An append-only file with checksums that somebody has edited, as one does to take a FLUSHALL back: the start says what to do,
//! and `--aof-checksum no` does it.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use suites::{Kind, Server, eventually};

const FLUSHALL: &[u8] = b"*1\r\n$8\r\nFLUSHALL\r\n";

fn start_from(folder: &Path, more: &[&str]) -> Server {
    let folder = folder.to_string_lossy();
    Server::start(Kind::Ours, &[&["--appendonly", "yes", "--dir", &folder][..], more].concat())
}

fn end(mut server: Server) {
    server.client().send(&["SHUTDOWN"]).expect("sent");
    assert!(server.wait().success());
}

/// Fills a server of this folder, flushes it, and takes that out of its file.
fn edited(folder: &Path) {
    let server = start_from(folder, &[]);
    let mut client = server.client();
    for number in 0..1000 {
        client.line(&format!("SET key:{number} {}", "v".repeat(100)));
    }
    client.line("FLUSHALL");
    client.line("SET last 1");
    end(server);
    let path = folder.join("appendonlydir/appendonly.aof.1.incr.aof");
    let file = fs::read(&path).expect("the increment");
    let at = file.windows(FLUSHALL.len()).position(|bytes| bytes == FLUSHALL).expect("a FLUSHALL");
    fs::write(&path, [&file[..at], &file[at + FLUSHALL.len()..]].concat()).expect("written");
}

#[test]
fn the_start_says_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    edited(folder.path());
    let dir = folder.path().to_string_lossy();
    let mut server = Server::launch(Kind::Ours, &["--appendonly", "yes", "--dir", &dir], Stdio::null());
    assert_eq!(server.wait().code(), Some(1));
    let printed = server.printed();
    for words in [
        "Wrong checksum in the append only file appendonly.aof.1.incr.aof: between offset",
        "start once with --aof-checksum no",
        "carnelian check-aof",
    ] {
        assert!(printed.lines().any(|line| line.contains(words)), "{words}: {printed}");
    }
}

#[test]
fn once_is_enough() {
    let folder = tempfile::tempdir().expect("a folder");
    edited(folder.path());
    let server = start_from(folder.path(), &["--aof-checksum", "no"]);
    let mut client = server.client();
    assert_eq!(client.line("DBSIZE").integer(), Some(1001));
    assert!(server.printed().contains("are passed over"), "{}", server.printed());
    eventually("the rewritten file", || {
        let info = client.line("INFO persistence").text();
        let is_done = info.contains("aof_rewrite_scheduled:0") && info.contains("aof_rewrite_in_progress:0");
        (is_done && info.contains("aof_rewrites:1")).then_some(())
    });
    client.line("SET more 1");
    end(server);
    let server = start_from(folder.path(), &[]);
    assert_eq!(server.client().line("DBSIZE").integer(), Some(1002));
    assert!(!server.printed().contains("passed over"), "{}", server.printed());
}
