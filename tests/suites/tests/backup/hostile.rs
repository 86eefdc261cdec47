//! Servers that break off, lie or fall silent: no backup, no half of one, and words that say why.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::thread;

use suites::Finished;

use crate::{carnelian, folder, names};

/// A server that answers +OK to a few commands, and to SYNC these bytes; then it hangs up, or stays silent.
fn server(answer: Vec<u8>, hangs_up: bool) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (mut stream, answer) = (stream, answer.clone());
            thread::spawn(move || {
                let mut bytes = [0; 4096];
                while let Ok(count @ 1..) = stream.read(&mut bytes) {
                    let is_sync = bytes[..count].starts_with(b"SYNC");
                    let sent = stream.write_all(if is_sync { &answer } else { b"+OK\r\n" });
                    if sent.is_err() || (is_sync && hangs_up) {
                        return;
                    }
                }
            });
        }
    });
    port
}

fn take(folder: &Path, answer: &[u8], hangs_up: bool) -> Finished {
    let port = server(answer.to_vec(), hangs_up);
    let patience = if hangs_up { "20" } else { "0.2" };
    let finished = carnelian(folder, &format!("backup redis://127.0.0.1:{port} kept --timeout {patience}"));
    assert!(names(&folder.join("kept")).is_empty(), "{:?}", names(&folder.join("kept")));
    finished
}

/// One key, by redis-server's format of version 5, which has a checksum; here it is not computed.
const SNAPSHOT: &[u8] = b"REDIS0009\xfe\x00\x00\x01a\x01b\xff\0\0\0\0\0\0\0\0";
const MARK: &[u8; 40] = b"0123456789abcdef0123456789abcdef01234567";

fn with_length(length: usize, bytes: &[u8]) -> Vec<u8> {
    [format!("\n\n${length}\r\n").as_bytes(), bytes].concat()
}

fn with_mark(bytes: &[u8]) -> Vec<u8> {
    [b"\n$EOF:", &MARK[..], b"\r\n", bytes].concat()
}

#[test]
fn what_is_whole_is_taken() {
    for answer in [with_length(SNAPSHOT.len(), SNAPSHOT), with_mark(&[SNAPSHOT, MARK].concat())] {
        let place = folder();
        let port = server(answer, false);
        let taken = carnelian(place.path(), &format!("backup redis://127.0.0.1:{port} kept"));
        assert_eq!(taken.code, Some(0), "{}", taken.stderr);
        assert_eq!(names(&place.path().join("kept")).len(), 2);
    }
}

#[test]
fn what_breaks_off_is_not() {
    let place = folder();
    for cut in [0, 9, SNAPSHOT.len() - 1] {
        for answer in [with_length(SNAPSHOT.len(), &SNAPSHOT[..cut]), with_mark(&SNAPSHOT[..cut])] {
            let cut_off = take(place.path(), &answer, true);
            assert_eq!(cut_off.code, Some(1));
            assert!(cut_off.stderr.contains("closed the connection after"), "{}", cut_off.stderr);
            let silent = take(place.path(), &answer, false);
            assert_eq!(silent.code, Some(1));
            assert!(silent.stderr.contains("the server is silent"), "{}", silent.stderr);
        }
    }
    // The mark itself is cut: it is not taken for bytes of the snapshot, nor they for it.
    let cut_mark = take(place.path(), &with_mark(&[SNAPSHOT, &MARK[..39]].concat()), true);
    assert_eq!(cut_mark.code, Some(1), "{}", cut_mark.stderr);
}

#[test]
fn what_is_damaged_is_not() {
    let place = folder();
    let mut other_version = SNAPSHOT.to_vec();
    other_version[6] = b'9';
    let mut wrong_sum = SNAPSHOT.to_vec();
    *wrong_sum.last_mut().expect("a byte") = 1;
    let short = with_length(SNAPSHOT.len() - 3, SNAPSHOT);
    let long = with_length(SNAPSHOT.len() + 3, &[SNAPSHOT, b"abc"].concat());
    let nonsense = with_length(12, b"HTTP/1.1 200");
    for answer in [
        with_mark(&[&other_version, &MARK[..]].concat()),
        with_length(wrong_sum.len(), &wrong_sum),
        short,
        long,
        nonsense,
    ] {
        let damaged = take(place.path(), &answer, false);
        assert_eq!(damaged.code, Some(3), "{}", damaged.stderr);
        assert!(damaged.stderr.contains("damaged: "), "{}", damaged.stderr);
    }
}

#[test]
fn refusals_are_quoted() {
    let place = folder();
    for (answer, words) in [
        (&b"-LOADING Redis is loading the dataset in memory\r\n"[..], "answered SYNC: LOADING"),
        (b"-NOMASTERLINK Can't SYNC while not connected with my master\r\n", "NOMASTERLINK"),
        (b"+CONTINUE\r\n", "not an answer to SYNC"),
        (b"$-5\r\n", "not an answer to SYNC"),
        (b"$EOF:short\r\n", "not an answer to SYNC"),
        (b"", "closed the connection"),
    ] {
        let refused = take(place.path(), answer, true);
        assert_eq!(refused.code, Some(1));
        assert!(refused.stderr.contains(words), "{words}: {}", refused.stderr);
    }
    // Knows no SYNC, and nothing of its file: a port that leads elsewhere.
    let elsewhere = take(place.path(), b"-ERR unknown command 'SYNC'\r\n", false);
    assert!(
        elsewhere.code == Some(1) && elsewhere.stderr.contains("no setting 'dir'"),
        "{}",
        elsewhere.stderr
    );
}
