//! What a save that was ended by force leaves behind: the next start removes it, and nothing else.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use rustix::process::Signal;
use suites::{Kind, Server, eventually};

use crate::temporary_files;

/// A server with so many keys that a save, which takes a millisecond for each, is under way for long.
fn saving(folder: &Path, command: &str) -> Server {
    let dir = folder.to_string_lossy();
    let server = Server::start(Kind::Ours, &["--enable-debug-command", "yes", "--dir", &dir]);
    let mut client = server.client();
    assert_eq!(client.line("DEBUG POPULATE 5000").text(), "OK");
    assert_eq!(client.line("CONFIG SET rdb-key-save-delay 1000").text(), "OK");
    assert!(!client.line(command).is_error());
    eventually("a temporary file", || (!temporary_files(folder).is_empty()).then_some(()));
    server
}

#[test]
fn what_a_killed_save_has_left_is_removed() {
    for command in ["BGSAVE", "BGREWRITEAOF"] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut killed = saving(folder.path(), command);
        killed.signal(Signal::KILL);
        killed.wait();
        let left = temporary_files(folder.path());
        assert_eq!(left.len(), 1, "{left:?}");
        // Names that others may have given.
        let others = ["temp-1.rdb", "temp-1-x.rdb", "temp-1700000000.1.rdb", "temp-rewriteaof-bg-1.aof"];
        for name in others {
            fs::write(folder.path().join(name), "mine").expect("a file");
        }
        fs::create_dir(folder.path().join("temp-1-2.rdb")).expect("a folder");
        symlink(folder.path().join(others[0]), folder.path().join("temp-1-3.rdb")).expect("a link");
        let dir = folder.path().to_string_lossy();
        let server = Server::start(Kind::Ours, &["--dir", &dir]);
        let mut stay = temporary_files(folder.path());
        stay.sort();
        let mut expected = [&others[..], &["temp-1-2.rdb", "temp-1-3.rdb"]].concat();
        expected.sort();
        assert_eq!(stay, expected);
        assert!(server.printed().contains(&format!("Removed {}", left[0])), "{}", server.printed());
    }
}

#[test]
fn what_another_server_is_writing_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let writer = saving(folder.path(), "BGSAVE");
    let before = temporary_files(folder.path());
    let dir = folder.path().to_string_lossy();
    let _second = Server::start(Kind::Ours, &["--dir", &dir]);
    assert_eq!(temporary_files(folder.path()), before);
    let mut client = writer.client();
    assert_eq!(client.line("CONFIG SET rdb-key-save-delay 0").text(), "OK");
    eventually("the snapshot", || folder.path().join("dump.rdb").exists().then_some(()));
}

/// A snapshot may have such a name.
#[test]
fn what_is_in_use_stays() {
    let args = ["--dbfilename", "temp-1-1.rdb"];
    let first = Server::start(Kind::Ours, &args);
    let mut client = first.client();
    assert_eq!(client.line("SET key value").text(), "OK");
    assert_eq!(client.line("SAVE").text(), "OK");
    let dir = first.folder().to_string_lossy();
    let second = Server::start(Kind::Ours, &[&args[..], &["--dir", &dir]].concat());
    assert_eq!(second.client().line("GET key").text(), "value");
}
