//! The base of an append-only file as commands (`aof-use-rdb-preamble no`): what was there is there again, here and in genuine
//! redis-server, which finds nothing to complain about.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use suites::{Client, Kind, Server, Value, eventually, run};

/// What is common to both: every type, small and large.
const LINES: &[&str] = &[
    "SET number -12345",
    "SET text some-words",
    "SET passing x PXAT 33177117420000",
    "RPUSH list a 1 -70000 c",
    "SADD ints 1 2 300000",
    "SADD words one two 3",
    "ZADD scores 1 a 2.5 b -inf c 1e300 d 0.1 f",
    "HSET fields f v g 2",
    "PEXPIREAT fields 33177117420001",
    "PFADD hyperloglog a b c",
    "SETRANGE zeros 10 x",
    "XADD emptied 5-5 f v",
    "XDEL emptied 5-5",
    "XGROUP CREATE never g 0 MKSTREAM",
    "XADD stream 1-1 f v g w",
    "XADD stream 1-2 f v",
    "XADD stream 2-0 other x",
    "XADD stream 3-0 f v",
    "XDEL stream 1-2",
    "XGROUP CREATE stream g 0",
    "XGROUP CREATE stream idle $",
    "XREADGROUP GROUP g ann COUNT 2 STREAMS stream >",
    "XGROUP CREATECONSUMER stream g bob",
    "XCLAIM stream g bob 0 2-0 TIME 1700000000123 RETRYCOUNT 7",
    "SELECT 15",
    "SET text in-the-last-database",
    "SELECT 0",
];

fn fill(client: &mut Client) {
    for line in LINES {
        assert!(!client.line(line).is_error(), "{line}");
    }
    client.call(&[&b"SET"[..], &[0, 13, 10, 255], b"\r\n"]);
    client.call(&[b"RPUSH", &b"long"[..], &b"x".repeat(200_000), b"end"]);
    for command in ["RPUSH list-large", "SADD words-large", "ZADD scores-large", "HSET fields-large"] {
        let numbers = (0..700).map(|number| match command {
            "ZADD scores-large" => format!("{number}.1 member-{number}"),
            "HSET fields-large" => format!("field-{number} {number}"),
            _ => format!("element-{number}"),
        });
        client.line(&format!("{command} {}", numbers.collect::<Vec<_>>().join(" ")));
    }
    client.line("DEBUG POPULATE 5000 many 100");
}

/// Of a map's entries, the value of one.
fn field(map: &Value, name: &str) -> Value {
    let pairs = map.pairs().unwrap_or_else(|| panic!("{map:?} is no map"));
    pairs.into_iter().find(|(key, _)| key.text() == name).unwrap_or_else(|| panic!("no {name}")).1
}

/// What servers with the same data answer alike.
fn state(server: &Server) -> Vec<Value> {
    let mut client = server.client();
    let lines = [
        "DEBUG DIGEST",
        "DBSIZE",
        "PEXPIRETIME passing",
        "PEXPIRETIME fields",
        "XRANGE stream - +",
        "XINFO GROUPS stream",
        "XINFO GROUPS never",
        "XPENDING stream g",
    ];
    let mut state: Vec<_> = lines.iter().map(|line| client.line(line)).collect();
    for key in ["stream", "emptied", "never"] {
        let stream = client.line(&format!("XINFO STREAM {key} FULL"));
        for name in ["length", "last-generated-id", "max-deleted-entry-id", "entries-added"] {
            state.push(field(&stream, name));
        }
        let groups = field(&stream, "groups");
        state.extend(groups.elements().expect("groups").iter().map(|group| field(group, "pending")));
    }
    state
}

const DIRECTIVES: &[&str] =
    &["--appendonly", "yes", "--aof-use-rdb-preamble", "no", "--enable-debug-command", "yes"];

/// A server of a folder that is not its own.
fn start_from(kind: Kind, folder: &Path) -> Server {
    let folder = folder.to_string_lossy();
    Server::start(kind, &[DIRECTIVES, &["--dir", &folder]].concat())
}

/// Rewrites a server's file; answers the path of the base.
fn rewrite(server: &Server, number: usize) -> PathBuf {
    let mut client = server.client();
    assert!(client.line("BGREWRITEAOF").text().contains("started"));
    eventually("the end of the rewrite", || {
        let info = client.line("INFO persistence").text();
        assert!(info.contains("aof_last_bgrewrite_status:ok"), "{info}");
        info.contains("aof_rewrite_in_progress:0").then_some(())
    });
    server.folder().join(format!("appendonlydir/appendonly.aof.{number}.base.aof"))
}

/// A copy of a server's files, in a folder of its own.
fn copy(server: &Server) -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a folder");
    fs::create_dir(copy.path().join("appendonlydir")).expect("made");
    for file in fs::read_dir(server.folder().join("appendonlydir")).expect("a directory") {
        let file = file.expect("a file");
        fs::copy(file.path(), copy.path().join("appendonlydir").join(file.file_name())).expect("copied");
    }
    copy
}

#[test]
fn every_type_is_there_again_and_genuine_reads_it_too() {
    let mut server = Server::start(Kind::Ours, &[DIRECTIVES, &["--aof-timestamp-enabled", "yes"]].concat());
    let first = server.folder().join("appendonlydir/appendonly.aof.1.base.aof");
    assert!(fs::read(first).is_ok_and(|base| base.starts_with(b"#TS:")), "the base made at start");
    let mut client = server.client();
    fill(&mut client);
    let base = fs::read(rewrite(&server, 2)).expect("the base");
    assert!(base.starts_with(b"#TS:") && base.ends_with(b"\r\n"));
    // And some changes behind it.
    for line in ["SET text later", "XACK stream g 1-1", "DEL number"] {
        client.line(line);
    }
    let expected = state(&server);
    client.send(&["SHUTDOWN"]).expect("sent");
    assert!(server.wait().success());

    let files = copy(&server);
    let manifest = files.path().join("appendonlydir/appendonly.aof.manifest");
    let check = run(Command::new("redis-check-aof").arg(&manifest), b"");
    assert!(check.stdout.contains("All AOF files and manifest are valid"), "{}", check.stdout);
    for kind in [Kind::Ours, Kind::Genuine] {
        assert_eq!(state(&start_from(kind, files.path())), expected);
    }
}

#[test]
fn what_genuine_rewrites_is_what_we_rewrite() {
    let commands = |kind: Kind, number: usize| {
        let server = Server::start(kind, DIRECTIVES);
        let mut client = server.client();
        for line in LINES {
            client.line(line);
        }
        let base = fs::read(rewrite(&server, number)).expect("the base");
        let mut reader = formats::aof::Reader::new(&base[..], false);
        let mut commands = Vec::new();
        while let Some(record) = reader.next().expect("whole") {
            if let formats::aof::Record::Command(args) = record {
                let words = args.iter().map(|word| String::from_utf8_lossy(word).into_owned());
                let words: Vec<_> = words.collect();
                // Without what has no order, and when somebody was given something.
                commands.push(match words[0].as_str() {
                    "SADD" | "ZADD" | "HMSET" => words[..2].join(" ") + &format!(" and {}", words.len()),
                    "XCLAIM" if words[3] == "ann" => [&words[..7], &words[8..]].concat().join(" "),
                    _ => words.join(" "),
                });
            }
        }
        // Keys come in any order, here those of all databases.
        commands.sort();
        commands.dedup();
        commands
    };
    assert_eq!(commands(Kind::Ours, 2), commands(Kind::Genuine, 2));
}

#[test]
fn fields_expire_when_they_would_have() {
    let mut server = Server::start(Kind::Ours, DIRECTIVES);
    let mut client = server.client();
    client.line("HSET timed a 1 b 2 c 3");
    client.line("HPEXPIREAT timed 33177117420000 FIELDS 1 b");
    let fields = (0..1000).map(|n| format!("f{n} {n}")).collect::<Vec<_>>().join(" ");
    client.line(&format!("HSET many {fields}"));
    client.line("HPEXPIREAT many 33177117420001 FIELDS 2 f17 f700");
    rewrite(&server, 2);
    let lines =
        ["HPEXPIRETIME timed FIELDS 3 a b c", "HPEXPIRETIME many FIELDS 3 f17 f18 f700", "DEBUG DIGEST"];
    let state = |client: &mut Client| lines.map(|line| client.line(line));
    let expected = state(&mut client);
    client.send(&["SHUTDOWN"]).expect("sent");
    assert!(server.wait().success());
    assert_eq!(state(&mut start_from(Kind::Ours, server.folder()).client()), expected);
}
