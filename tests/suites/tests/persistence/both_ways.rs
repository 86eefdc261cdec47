//! Files of ours in genuine redis-server, and its files in ours: the same data, by DEBUG DIGEST and what else they answer.

use std::fs;
use std::path::Path;

use suites::dataset::{fill, fill_by_commands, state};
use suites::{Client, Kind, Server, Value, eventually};
use tempfile::TempDir;

use crate::info;

const KINDS: [Kind; 2] = [Kind::Ours, Kind::Genuine];
const DEBUG: [&str; 2] = ["--enable-debug-command", "yes"];

fn start(kind: Kind, args: &[&str]) -> Server {
    Server::start(kind, &[&DEBUG[..], args].concat())
}

/// A server that starts from a copy of a folder.
fn start_from(kind: Kind, folder: &Path, args: &[&str]) -> (Server, TempDir) {
    let copy = tempfile::tempdir().expect("a temporary folder");
    copy_data(folder, copy.path());
    let dir = copy.path().to_string_lossy();
    (start(kind, &[&["--dir", &dir], args].concat()), copy)
}

fn copy_data(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("the folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            fs::create_dir(&target).expect("a folder");
            copy_data(&path, &target);
        } else {
            fs::copy(&path, target).expect("a copy");
        }
    }
}

fn assert_alike(what: &str, first: &[(String, Value)], second: &[(String, Value)]) {
    for ((line, first), (_, second)) in first.iter().zip(second) {
        assert!(first == second, "{what}: {line}: {first} and {second}");
    }
}

fn set(client: &mut Client, directive: &str, value: &str) {
    assert_eq!(client.call(&["CONFIG", "SET", directive, value]).text(), "OK", "{directive}");
}

/// Waits until what was begun in the background is done.
fn settle(client: &mut Client) {
    for field in ["rdb_bgsave_in_progress", "aof_rewrite_scheduled", "aof_rewrite_in_progress"] {
        eventually(field, || (info(client, field) == "0").then_some(()));
    }
    assert_eq!(info(client, "aof_last_bgrewrite_status"), "ok");
}

/// More of everything, behind what a base holds.
fn go_on(client: &mut Client) {
    let lines = [
        "APPEND text more",
        "RPUSH list-large behind",
        "SPOP ints",
        "HINCRBYFLOAT fields g 1.5",
        "ZINCRBY scores 3 a",
        "EXPIRE words 100000",
        "XADD stream * f v",
        "MULTI",
        "SET one 1",
        "INCR one",
        "EXEC",
        "SELECT 7",
        "SET seven 7",
        "SELECT 0",
        "SWAPDB 7 8",
        "COPY fields fields-copy DB 3",
        "LMOVE list list-large LEFT RIGHT",
        "GETEX text PERSIST",
        "DEL raw",
    ];
    for line in lines {
        assert!(!client.line(line).is_error(), "{line}");
    }
}

#[test]
fn snapshots_of_ours_load_in_redis() {
    for (command, compression) in [("SAVE", "yes"), ("BGSAVE", "no")] {
        let server = start(Kind::Ours, &["--rdbcompression", compression]);
        let mut client = server.client();
        fill(&mut client);
        assert!(!client.line(command).is_error());
        settle(&mut client);
        let loaded = KINDS.map(|kind| start_from(kind, server.folder(), &[]));
        let expected = state(&server);
        for (server, _folder) in &loaded {
            assert_alike(command, &expected, &state(server));
        }
    }
}

/// What only later versions know comes back in ours.
#[test]
fn fields_that_expire_come_back() {
    let server = start(Kind::Ours, &[]);
    let mut client = server.client();
    client.line("HSET small a 1 b 2 c 3");
    client.line("HPEXPIREAT small 33177117420000 FIELDS 2 a b");
    for n in 0..2000 {
        client.line(&format!("HSET large field-{n} {n}"));
    }
    client.line("HPEXPIREAT large 33177117420000 FIELDS 3 field-1 field-500 field-1999");
    client.line("SAVE");
    set(&mut client, "appendonly", "yes");
    settle(&mut client);
    client.line("HPEXPIREAT large 33177117420001 FIELDS 1 field-2");
    client.line("HDEL small c");
    let times = "HPEXPIRETIME large FIELDS 5 field-0 field-1 field-2 field-500 field-1999";
    let answers = |client: &mut Client| {
        [times, "HPEXPIRETIME small FIELDS 2 a b", "HGETALL small", "DEBUG DIGEST"]
            .map(|line| client.line(line))
    };
    let expected = answers(&mut client);
    // The end of what `everysec` writes soon.
    drop_gently(server, |folder| {
        let (after, _files) = start_from(Kind::Ours, folder, &["--appendonly", "yes"]);
        assert_eq!(answers(&mut after.client()), expected);
        let (snapshot, _files) = start_from(Kind::Ours, folder, &[]);
        assert_eq!(
            snapshot.client().line("HEXPIRETIME small FIELDS 1 c").elements(),
            Some(&[Value::Integer(-1)][..])
        );
    });
}

/// Ends a server as is proper, and looks at what it leaves.
fn drop_gently(mut server: Server, look: impl FnOnce(&Path)) {
    server.client().send(&["SHUTDOWN", "NOSAVE"]).expect("sent");
    assert_eq!(server.wait().code(), Some(0), "{}", server.printed());
    look(server.folder());
}

#[test]
fn append_only_files_load_both_ways() {
    for (writer, reader) in [(Kind::Ours, Kind::Genuine), (Kind::Genuine, Kind::Ours)] {
        for (fsync, preamble) in [("everysec", "yes"), ("always", "no"), ("no", "yes")] {
            let what = format!("{writer:?}, appendfsync {fsync}, aof-use-rdb-preamble {preamble}");
            let args = ["--appendonly", "yes", "--appendfsync", fsync, "--aof-use-rdb-preamble", preamble];
            let server = start(writer, &args);
            let mut client = server.client();
            // As commands alone; behind a base; behind a base in several increments.
            fill_by_commands(&mut client);
            for rewrite in [false, true, true] {
                if rewrite {
                    assert!(!client.line("BGREWRITEAOF").is_error(), "{what}");
                    settle(&mut client);
                }
                go_on(&mut client);
                // What was acknowledged is written some milliseconds later.
                eventually("all to be written", || {
                    (info(&mut client, "aof_buffer_length") == "0").then_some(())
                });
                let (other, _files) = start_from(reader, server.folder(), &["--appendonly", "yes"]);
                assert_eq!(snapshot_of(&mut other.client()), snapshot_of(&mut client), "{what}");
            }
            drop(client);
            drop_gently(server, |folder| {
                let [first, second] = KINDS.map(|kind| start_from(kind, folder, &["--appendonly", "yes"]));
                assert_alike(&what, &state(&first.0), &state(&second.0));
            });
        }
    }
}

/// What tells data apart, and leaves them as they are.
fn snapshot_of(client: &mut Client) -> Vec<Value> {
    let lines = [
        "DBSIZE",
        "XRANGE stream - +",
        "XPENDING stream g",
        "PEXPIRETIME passing",
        "DEBUG DIGEST-VALUE number text passing list ints words scores fields compressible list-plain list-large",
        "DEBUG DIGEST-VALUE words-large scores-large fields-large hyperloglog one",
    ];
    lines.iter().map(|line| client.line(line)).collect()
}

/// Before Redis 7.0 there was one file, which could begin with an RDB.
#[test]
fn old_single_files_load() {
    let genuine = start(Kind::Genuine, &["--appendonly", "yes"]);
    let mut client = genuine.client();
    fill(&mut client);
    client.line("BGREWRITEAOF");
    settle(&mut client);
    go_on(&mut client);
    drop(client);
    drop_gently(genuine, |folder| {
        let dir = folder.join("appendonlydir");
        let read = |name: &str| fs::read(dir.join(name)).expect(name);
        let (base, incr) = (read("appendonly.aof.2.base.rdb"), read("appendonly.aof.2.incr.aof"));
        for single in [[&base[..], &incr].concat(), incr.clone(), base.clone()] {
            let states = KINDS.map(|kind| {
                let old = tempfile::tempdir().expect("a temporary folder");
                fs::write(old.path().join("appendonly.aof"), &single).expect("a file");
                let (server, files) = start_from(kind, old.path(), &["--appendonly", "yes"]);
                assert!(!files.path().join("appendonly.aof").exists());
                let manifest = files.path().join("appendonlydir/appendonly.aof.manifest");
                assert!(
                    fs::read_to_string(manifest)
                        .expect("a manifest")
                        .contains("file appendonly.aof seq 1 type b")
                );
                state(&server)
            });
            assert_alike("a single file", &states[0], &states[1]);
        }
    });
}

/// With `appendonly yes` the snapshot does not count, even where there is no append-only file yet.
#[test]
fn the_append_only_file_wins() {
    for kind in KINDS {
        let server = start(kind, &[]);
        let mut client = server.client();
        client.line("SET key snapshot");
        client.line("SAVE");
        client.line("SET key log");
        set(&mut client, "appendonly", "yes");
        settle(&mut client);
        drop_gently(server, |folder| {
            let answers = [&["--appendonly", "yes"][..], &[]].map(|args| {
                let (server, _files) = start_from(kind, folder, args);
                server.client().line("GET key").text()
            });
            assert_eq!(answers, ["log", "snapshot"], "{kind:?}");
            let alone = tempfile::tempdir().expect("a temporary folder");
            fs::copy(folder.join("dump.rdb"), alone.path().join("dump.rdb")).expect("a copy");
            let (server, _files) = start_from(kind, alone.path(), &["--appendonly", "yes"]);
            assert_eq!(server.client().line("DBSIZE").integer(), Some(0), "{kind:?}");
        });
    }
}

/// Switched on, off and on again, with `appendfsync` changing: what was written while it was on is there after a start.
#[test]
fn the_append_only_file_is_switched_on_and_off() {
    let server = start(Kind::Ours, &[]);
    let mut client = server.client();
    fill(&mut client);
    for (round, fsync) in ["everysec", "always", "no", "always"].iter().enumerate() {
        set(&mut client, "appendonly", "yes");
        for other in ["always", "no", "everysec", fsync] {
            set(&mut client, "appendfsync", other);
            client.line(&format!("RPUSH rounds {round}-{other}"));
        }
        settle(&mut client);
        client.line(&format!("RPUSH rounds {round}-settled"));
        if round < 3 {
            set(&mut client, "appendonly", "no");
            eventually("its end", || (info(&mut client, "aof_enabled") == "0").then_some(()));
            client.line(&format!("RPUSH rounds {round}-without"));
        }
    }
    let expected = client.line("LRANGE rounds 0 -1");
    assert_eq!(expected.elements().map(<[_]>::len), Some(4 * 5 + 3));
    drop(client);
    let (folder, live) = (server.folder().to_owned(), snapshot_of(&mut server.client()));
    drop_gently(server, |_| {
        for kind in KINDS {
            let (after, _files) = start_from(kind, &folder, &["--appendonly", "yes"]);
            assert_eq!(after.client().line("LRANGE rounds 0 -1"), expected, "{kind:?}");
            assert_eq!(snapshot_of(&mut after.client()), live, "{kind:?}");
        }
    });
}
