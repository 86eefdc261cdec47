//! RDB files between genuine redis-server and our readers and writers, without a server of ours.
//!
//! The oracle is DEBUG DIGEST: a file that redis-server saved is read item by item, written again by our writer, and loaded
//! by another redis-server, whose digest must be the same.

use std::fs;
use std::path::Path;
use std::process::Command;

use data::{Limits, Object};
use formats::dump;
use formats::rdb::file::{Checksum, Entry, FileReader, FileWriter, Item, Key, Options, Value as Stored};
use formats::rdb::{Str, version};
use suites::{Client, Kind, Server, Value, run};

/// Keys of every type and encoding, in two databases, some that expire, and a library of functions.
fn fill(client: &mut Client) {
    let lines = [
        "SET number 12345",
        "SET large-number 12345678901234",
        "SET text some-words",
        "SET passing x PXAT 33177117420000",
        "RPUSH list-small a 1 -70000 c",
        "SADD set-ints 1 2 300000",
        "SADD set-words one two 3",
        "ZADD zset-small 1 a 2.5 b -inf c",
        "HSET hash-small f v g 2",
        "SELECT 3",
        "SET text in-another-database",
        "PEXPIREAT text 33177117420001",
        "SETBIT bits 100 1",
        "PFADD hyperloglog a b c",
        "SELECT 0",
    ];
    for line in lines {
        client.line(line);
    }
    client.call(&[b"SET", &b"compressible"[..], &b"abcdefgh".repeat(4000)]);
    client.call(&[b"RPUSH", &b"list-plain"[..], &b"x".repeat(20_000), b"end"]);
    for number in 0..700 {
        for line in [
            format!("RPUSH list-large element-{number}"),
            format!("SADD set-large member-{number}"),
            format!("ZADD zset-large {number}.25 member-{number}"),
            format!("HSET hash-large field-{number} {number}"),
            format!("XADD stream {}-1 field {number} other text", number + 1),
        ] {
            client.line(&line);
        }
    }
    for line in ["XDEL stream 7-1 9-1", "XGROUP CREATE stream g 5", "XGROUP CREATE stream idle $"] {
        client.line(line);
    }
    client.line("XREADGROUP GROUP g ann COUNT 20 STREAMS stream >");
    client.line("XREADGROUP GROUP g bob COUNT 3 STREAMS stream >");
    client.line("XACK stream g 12-1");
    let library = "#!lua name=lib\nredis.register_function('f', function() return 1 end)";
    assert_eq!(client.call(&["FUNCTION", "LOAD", library]).text(), "lib");
}

/// Keys in all databases.
const KEYS: usize = 19;

/// A genuine server, with what is there for tests.
fn genuine(args: &[&str]) -> Server {
    Server::start(Kind::Genuine, &[&["--enable-debug-command", "yes"], args].concat())
}

/// All that a genuine server with these arguments saves.
fn saved(server: &Server) -> Vec<u8> {
    assert_eq!(server.client().line("SAVE").text(), "OK");
    fs::read(server.folder().join("dump.rdb")).expect("the file that SAVE wrote")
}

/// A value that was read, as it is written again.
enum Read {
    String(Vec<u8>),
    Object(Object),
}

fn read(entry: &Entry<'_>) -> Read {
    match entry.value.read(&Limits::default()).expect("a sound value") {
        dump::Value::String(string) => Read::String(string.into_vec()),
        dump::Value::Object(object) => Read::Object(object),
    }
}

fn text(string: Str<'_>) -> String {
    String::from_utf8_lossy(&string.into_vec()).into_owned()
}

/// The same file as our writer writes it; and how many keys it has.
fn rewritten(file: &[u8], options: Options) -> (Vec<u8>, usize) {
    let (mut keys, mut database) = (0, 0);
    let mut writer = FileWriter::new(Vec::new(), options).expect("a version that is written");
    let mut reader = FileReader::new(file, true);
    while let Some(item) = reader.next().expect("a sound file") {
        match item {
            Item::Aux { name, value } => writer.aux(&text(name), &value.into_vec()),
            Item::Function(code) if options.version >= version::REDIS_7_0 => {
                writer.function(&code.into_vec())
            }
            Item::Database(number) => {
                database = number;
                Ok(())
            }
            Item::Sizes { keys, expiring } => writer.database(database, keys, expiring),
            Item::Key(entry) => {
                keys += 1;
                let read = read(&entry);
                let value = match &read {
                    Read::String(bytes) => Stored::String(bytes),
                    Read::Object(object) => Stored::Object(object.borrow()),
                };
                let Entry { expiry, idle, frequency, key, .. } = entry;
                writer.key(&Key { key: &key.into_vec(), value, expiry, idle, frequency })
            }
            Item::End(checksum) => {
                assert_eq!(checksum, Checksum::Verified);
                Ok(())
            }
            _ => Ok(()),
        }
        .expect("writing to memory");
    }
    (writer.finish().expect("writing to memory"), keys)
}

fn check_rdb(path: &Path) {
    let finished = run(Command::new("redis-check-rdb").arg(path), b"");
    assert_eq!(finished.code, Some(0), "{}", finished.stdout);
    assert!(finished.stdout.contains("RDB looks OK"), "{}", finished.stdout);
}

/// What two servers with the same data answer alike.
fn state(server: &Server, full: bool) -> Vec<Value> {
    let lines: &[&str] = match full {
        true => {
            &["DEBUG DIGEST", "FUNCTION LIST WITHCODE", "XINFO STREAM stream FULL", "PEXPIRETIME passing"]
        }
        // The first form of a stream does not carry all of its counters, and old versions have no functions.
        false => &["DEBUG DIGEST", "XPENDING stream g", "PEXPIRETIME passing"],
    };
    let mut client = server.client();
    lines.iter().map(|line| client.line(line)).collect()
}

/// Another genuine server loads a file of ours and has what the first has.
fn assert_loads(first: &Server, ours: &[u8], full: bool) {
    let path = first.folder().join("ours.rdb");
    fs::write(&path, ours).expect("writing a file");
    check_rdb(&path);
    let folder = first.folder().to_string_lossy();
    let second = genuine(&["--dir", &folder, "--dbfilename", "ours.rdb"]);
    assert_eq!(state(&second, full), state(first, full));
}

#[test]
fn what_genuine_redis_saved_is_read_and_what_we_write_it_loads() {
    let first = genuine(&[]);
    fill(&mut first.client());
    let file = saved(&first);
    for version in [version::REDIS_5, version::REDIS_7_0] {
        for compress in [true, false] {
            let options = Options { version, compress, checksum: compress };
            let (ours, keys) = rewritten(&file, options);
            assert_eq!(keys, KEYS);
            assert_loads(&first, &ours, version >= version::REDIS_7_0);
        }
    }
}

/// Later versions, which this redis-server does not load, carry the same: it loads what is made of them.
#[test]
fn later_versions_carry_the_same() {
    let first = genuine(&[]);
    fill(&mut first.client());
    let file = saved(&first);
    for version in [version::REDIS_7_2, version::REDIS_7_4] {
        let (later, _) = rewritten(&file, Options { version, ..Options::default() });
        let (ours, keys) = rewritten(&later, Options::default());
        assert_eq!(keys, KEYS);
        assert_loads(&first, &ours, true);
    }
}

/// LRU and LFU say when a key was used last, and how often.
#[test]
fn past_use_is_read() {
    for (policy, idle, frequency) in [("allkeys-lru", true, false), ("allkeys-lfu", false, true)] {
        let server = genuine(&["--maxmemory-policy", policy]);
        server.client().line("SET k v");
        let file = saved(&server);
        let mut reader = FileReader::new(&file[..], true);
        let mut keys = 0;
        while let Some(item) = reader.next().expect("a sound file") {
            if let Item::Key(entry) = item {
                assert_eq!((entry.idle.is_some(), entry.frequency.is_some()), (idle, frequency));
                keys += 1;
            }
        }
        assert_eq!(keys, 1);
    }
}
