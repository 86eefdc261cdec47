//! While an append-only file is loaded: what clients and signals find. And what INFO tells of a load that DEBUG asked for, beside
//! genuine redis-server.

use std::path::Path;
use std::process::Stdio;

use rustix::process::Signal;
use suites::{Kind, Server, eventually};

/// A folder with an append-only file of a thousand commands.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().to_string_lossy().into_owned();
    let mut server = Server::start(Kind::Ours, &["--appendonly", "yes", "--dir", &dir]);
    let mut client = server.client();
    for number in 0..1000 {
        client.line(&format!("SET key:{number} value"));
    }
    client.send(&["SHUTDOWN"]).expect("sent");
    assert!(server.wait().success());
    folder
}

/// A server that loads it slowly: it has begun.
fn slow(folder: &Path, more: &[&str]) -> Server {
    let dir = folder.to_string_lossy();
    let args = ["--appendonly", "yes", "--dir", &dir, "--key-load-delay", "100000"];
    let server = Server::launch(Kind::Ours, &[&args[..], more].concat(), Stdio::null());
    eventually("the load", || {
        let mut client = suites::Client::connect(server.port()).ok()?;
        let answer = client.line("GET key:1").text();
        answer.starts_with("LOADING").then_some(())
    });
    server
}

#[test]
fn commands_are_delayed_until_the_directive_says_otherwise() {
    let folder = folder();
    let mut server = slow(folder.path(), &[]);
    let mut client = server.client();
    assert!(client.line("INFO persistence").text().contains("loading:1"));
    assert_eq!(client.line("CONFIG SET key-load-delay 0").text(), "OK");
    assert!(server.answers(), "{}", server.printed());
    assert_eq!(client.line("DBSIZE").integer(), Some(1000));
}

#[test]
fn a_signal_ends_it_and_the_log_says_so() {
    let folder = folder();
    let mut server = slow(folder.path(), &[]);
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0), "{}", server.printed());
    let said = "Received shutdown signal during loading, scheduling shutdown.";
    assert!(server.printed().contains(said), "{}", server.printed());
}

#[test]
fn nothing_is_evicted_meanwhile() {
    let folder = folder();
    let server = slow(folder.path(), &["--maxmemory", "1", "--maxmemory-policy", "allkeys-lru"]);
    let mut client = server.client();
    eventually("some keys", || {
        let info = client.line("INFO everything").text();
        assert!(info.contains("loading:1") && info.contains("evicted_keys:0"), "{info}");
        info.contains("db0:keys=").then_some(())
    });
    client.line("CONFIG SET key-load-delay 0");
    eventually("evictions behind the load", || {
        (!client.line("INFO stats").text().contains("evicted_keys:0")).then_some(())
    });
}

#[test]
fn a_load_that_debug_asks_for_counts_anew() {
    for kind in [Kind::Genuine, Kind::Ours] {
        let args = ["--enable-debug-command", "yes", "--appendonly", "yes"];
        let server = Server::start(kind, &args);
        let mut client = server.client();
        client.line("DEBUG POPULATE 100");
        for _ in 0..2 {
            assert_eq!(client.line("DEBUG RELOAD").text(), "OK");
            let info = client.line("INFO persistence").text();
            for field in ["loading:0", "rdb_last_load_keys_loaded:100", "rdb_last_load_keys_expired:0"] {
                assert!(info.lines().any(|line| line == field), "{field}: {info}");
            }
        }
        assert_eq!(client.line("DEBUG LOADAOF").text(), "OK");
        assert!(client.line("INFO persistence").text().contains("loading:0"));
        assert_eq!(client.line("SET key value").text(), "OK");
    }
}

/// What a primary writes may have a LIMIT beside an exact trim; and who was seen when is known by the load, as in Redis.
#[test]
fn streams_of_another_server_are_trimmed_and_their_consumers_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    let requests = [
        "XADD s 1-1 a b",
        "XADD s 2-1 a b",
        "XADD s MAXLEN = 2 LIMIT 5 3-1 a b",
        "XTRIM s MAXLEN = 2 LIMIT 1",
        "XGROUP CREATE s g 0",
        "XGROUP CREATECONSUMER s g idle",
        "XCLAIM s g busy 0 3-1 TIME 1700000000000 RETRYCOUNT 3 FORCE JUSTID LASTID 3-1",
    ];
    let mut file = Vec::new();
    for request in requests {
        let words: Vec<&str> = request.split(' ').collect();
        file.extend(format!("*{}\r\n", words.len()).bytes());
        words.iter().for_each(|word| file.extend(format!("${}\r\n{word}\r\n", word.len()).bytes()));
    }
    std::fs::write(folder.path().join("appendonly.aof"), file).expect("written");
    let dir = folder.path().to_string_lossy().into_owned();
    let server = Server::start(Kind::Ours, &["--appendonly", "yes", "--dir", &dir]);
    let mut client = server.client();
    assert_eq!(client.line("XLEN s").integer(), Some(2), "{}", server.printed());
    let consumers = client.line("XINFO CONSUMERS s g");
    let idle = |index: usize, field: usize| {
        consumers.elements().expect("consumers")[index].elements().expect("fields")[field].integer()
    };
    for (consumer, fields) in [(0, &[5, 7][..]), (1, &[5])] {
        for field in fields {
            let millis = idle(consumer, *field).expect("a number");
            assert!((0..600_000).contains(&millis), "{consumers:?}");
        }
    }
    assert_eq!(idle(1, 7), Some(-1), "it has never had anything to do");
    let pending = client.line("XPENDING s g - + 10");
    let since = pending.elements().expect("entries")[0].elements().expect("an entry")[2].integer();
    assert!(since.is_some_and(|millis| millis > 600_000), "the log says when it was delivered: {pending:?}");
}
