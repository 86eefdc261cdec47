//! Starting from an RDB file: what genuine redis-server has saved, what is damaged, and what clients see meanwhile.
//!
//! The oracle is DEBUG DIGEST, and what genuine redis-server does with the same file.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use formats::rdb::file::{FileWriter, Key, Options, Value as Stored};
use formats::rdb::version;
use rustix::process::Signal;
use suites::{Client, Kind, Server, Value, eventually};

const KINDS: [Kind; 2] = [Kind::Genuine, Kind::Ours];

/// Keys of every type, small and large, in three databases.
fn fill(client: &mut Client) {
    let lines = [
        "SET number -12345",
        "SET large-number 9223372036854775807",
        "SET text some-words",
        "SETRANGE raw 4 words",
        "SET passing x PXAT 33177117420000",
        "RPUSH list a 1 -70000 c",
        "SADD ints 1 2 300000",
        "SADD words one two 3",
        "ZADD scores 1 a 2.5 b -inf c",
        "HSET fields f v g 2",
        "PEXPIREAT fields 33177117420001",
        "PFADD hyperloglog a b c",
        "SELECT 2",
        "SET text in-another-database",
        "SELECT 15",
        "SET text in-the-last-database",
        "SELECT 0",
    ];
    for line in lines {
        client.line(line);
    }
    client.call(&[b"SET", &b"compressible"[..], &b"abcdefgh".repeat(4000)]);
    client.call(&[b"SET", &b"compressible-short"[..], &b"abcdefgh".repeat(20)]);
    client.call(&[b"RPUSH", &b"list-plain"[..], &b"x".repeat(20_000), b"end"]);
    let large = ["RPUSH list-large", "SADD words-large", "ZADD scores-large", "HSET fields-large"];
    for command in large {
        let numbers = (0..700).map(|number| match command {
            "ZADD scores-large" => format!("{number}.25 member-{number}"),
            "HSET fields-large" => format!("field-{number} {number}"),
            _ => format!("element-{number}"),
        });
        client.line(&format!("{command} {}", numbers.collect::<Vec<_>>().join(" ")));
    }
    for number in 1..300 {
        client.line(&format!("XADD stream {number}-1 field {number} other text"));
    }
    for line in ["XDEL stream 7-1 9-1", "XGROUP CREATE stream g 5", "XGROUP CREATE stream idle $"] {
        client.line(line);
    }
    client.line("XREADGROUP GROUP g ann COUNT 20 STREAMS stream >");
    client.line("XACK stream g 12-1");
    // More than one thread's work.
    client.line("DEBUG POPULATE 20000 many 100");
}

/// A server with what is there for tests, from the file of this name in another's folder.
fn start_from(kind: Kind, folder: &Path, name: &str) -> Server {
    let folder = folder.to_string_lossy();
    Server::start(kind, &["--enable-debug-command", "yes", "--dir", &folder, "--dbfilename", name])
}

/// A genuine server that has been filled and has saved.
fn saved() -> Server {
    let server = Server::start(Kind::Genuine, &["--enable-debug-command", "yes", "--rdbcompression", "yes"]);
    let mut client = server.client();
    fill(&mut client);
    assert_eq!(client.line("SAVE").text(), "OK");
    server
}

/// What servers with the same data answer alike, each by its command.
fn state(server: &Server) -> Vec<(String, Value)> {
    let mut client = server.client();
    let lines = [
        "DBSIZE",
        "PEXPIRETIME passing",
        "PEXPIRETIME fields",
        "XRANGE stream - +",
        "XINFO STREAM stream",
        "XINFO GROUPS stream",
        "XPENDING stream g",
        "DEBUG DIGEST",
    ];
    // Of the types whose encodings have the names that they had in 7.0.
    let keys =
        ["number", "large-number", "text", "compressible", "compressible-short", "ints", "scores", "fields"];
    let large = ["words-large", "scores-large", "fields-large"];
    let encodings = keys.iter().chain(&large).map(|key| format!("OBJECT ENCODING {key}"));
    let lines = lines.map(str::to_owned).into_iter().chain(encodings);
    lines.map(|line| (line.clone(), client.line(&line))).collect()
}

/// The lines of a log that tell of a load: without their stamps, each number a `#`.
fn told(server: &Server) -> Vec<String> {
    // Ours answers from the moment on that all is loaded, which is before it says so.
    let printed = eventually("the last line of the start", || {
        Some(server.printed()).filter(|printed| printed.contains("Ready to accept"))
    });
    let lines = printed.lines().filter_map(|line| {
        let about =
            ["oading RDB", "RDB age", "RDB memory", "RDB is", "RDB has", "DB loaded", "Ready to accept"];
        let (_, text) = line.split_once(" * ")?;
        about.iter().any(|about| text.contains(about)).then_some(text)
    });
    lines.map(|line| numbers_hidden(line.strip_suffix(" tcp").unwrap_or(line))).collect()
}

fn numbers_hidden(line: &str) -> String {
    let mut hidden = String::new();
    for c in line.chars() {
        match c {
            '0'..='9' | '.' if hidden.ends_with('#') => {}
            '0'..='9' => hidden.push('#'),
            other => hidden.push(other),
        }
    }
    hidden
}

fn info(client: &mut Client, field: &str) -> Option<String> {
    let info = client.line("INFO persistence").text();
    info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':').map(str::to_owned))
}

#[test]
fn what_genuine_redis_saved_is_there_after_a_start() {
    let first = saved();
    let [genuine, ours] = KINDS.map(|kind| start_from(kind, first.folder(), "dump.rdb"));
    let loaded = state(&ours);
    for other in [&first, &genuine] {
        for ((line, ours), (_, theirs)) in loaded.iter().zip(state(other)) {
            assert!(*ours == theirs, "{line}: {ours} instead of {theirs}");
        }
    }
    assert_eq!(told(&ours), told(&genuine));
    assert!(told(&ours).contains(&"Done loading RDB, keys loaded: #, keys expired: #".into()));
    for field in ["loading", "rdb_last_load_keys_loaded", "rdb_last_load_keys_expired"] {
        let [ours, genuine] = [&ours, &genuine].map(|server| info(&mut server.client(), field));
        assert!(ours.is_some() && ours == genuine, "{field}: {ours:?} and {genuine:?}");
    }
}

/// Keys of database 0 in a file of ours.
fn file_of(version: u16, database: u64, keys: &[(&str, Option<i64>)]) -> Vec<u8> {
    let mut writer =
        FileWriter::new(Vec::new(), Options { version, ..Options::default() }).expect("a known version");
    writer.database(database, keys.len() as u64, 0).expect("writing to memory");
    for (key, expiry) in keys {
        let (key, value) = (key.as_bytes(), Stored::String(b"value"));
        writer
            .key(&Key { key, value, expiry: *expiry, idle: None, frequency: None })
            .expect("writing to memory");
    }
    writer.finish().expect("writing to memory")
}

fn folder_with(file: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("dump.rdb"), file).expect("writing a file");
    folder
}

/// What was due before the start is not loaded, and counted as such; later versions than genuine redis-server's load too.
#[test]
fn due_keys_are_left_out_and_later_versions_load() {
    let keys = [("due", Some(5)), ("lasting", None), ("passing", Some(33_177_117_420_000))];
    for version in [version::REDIS_5, version::REDIS_7_0, version::REDIS_7_2, version::REDIS_7_4] {
        let folder = folder_with(&file_of(version, 3, &keys));
        let mut answers = KINDS.map(|kind| {
            if kind == Kind::Genuine && version > version::REDIS_7_0 {
                return None;
            }
            let server = start_from(kind, folder.path(), "dump.rdb");
            let mut client = server.client();
            let counts = ["rdb_last_load_keys_loaded", "rdb_last_load_keys_expired"];
            let counts = counts.map(|field| info(&mut client, field));
            Some((counts, client.line("SELECT 3"), client.line("DBSIZE"), client.line("PEXPIRETIME passing")))
        });
        let ours = answers[1].take().expect("an answer");
        assert_eq!(ours.0, [Some("2".to_owned()), Some("1".to_owned())]);
        assert_eq!((ours.2.integer(), ours.3.integer()), (Some(2), Some(33_177_117_420_000)));
        assert!(answers[0].take().is_none_or(|genuine| genuine == ours));
    }
}

/// A process that can't load its file ends with 1, and says why as genuine redis-server does.
#[test]
fn files_that_do_not_load_end_the_start() {
    let sound = file_of(version::REDIS_7_0, 0, &[("key", None), ("other", None)]);
    let changed = |at: usize, byte: u8| {
        let mut file = sound.clone();
        file[at] = byte;
        file
    };
    let duplicate = file_of(version::REDIS_7_0, 0, &[("key", None), ("key", None)]);
    let short = "Short read or OOM loading DB. Unrecoverable error, aborting now.";
    let cases = [
        (sound[..sound.len() - 9].to_vec(), short),
        (sound[..20].to_vec(), short),
        (changed(0, b'r'), "Wrong signature trying to load DB from file"),
        (changed(6, b'9'), "Can't handle RDB format version"),
        (changed(sound.len() - 10, b'!'), "Wrong RDB checksum expected: ("),
        (file_of(version::REDIS_7_0, 16, &[]), "FATAL: Data file was created with a Redis server configured"),
        (duplicate, "RDB has duplicated key 'key' in DB 0"),
    ];
    for (file, words) in cases {
        let folder = folder_with(&file);
        let args = ["--dir", &folder.path().to_string_lossy()];
        let [genuine, ours] = KINDS.map(|kind| {
            let mut server = Server::launch(kind, &args, Stdio::null());
            let code = server.wait().code();
            let printed = server.printed();
            let said =
                printed.lines().filter_map(|line| line.split_once(" # ")).map(|(_, said)| said.to_owned());
            (code, said.filter(|line| line.contains(words)).collect::<Vec<_>>(), printed)
        });
        assert_eq!(ours.0, Some(1), "{}", ours.2);
        // Genuine redis-server calls a duplicate a bug of its own, and aborts.
        assert!(genuine.0 == Some(1) || words.contains("duplicated"), "{}", genuine.2);
        assert!(!ours.1.is_empty() && ours.1 == genuine.1, "{}\n{}", ours.2, genuine.2);
        assert!(!ours.2.contains("Ready to accept"), "{}", ours.2);
    }
}

/// A server that takes a minute to load its file, and its folder.
fn slow(kind: Kind) -> (Server, tempfile::TempDir) {
    let names: Vec<String> = (0..6000).map(|number| format!("key-{number}")).collect();
    let keys: Vec<(&str, Option<i64>)> = names.iter().map(|name| (name.as_str(), None)).collect();
    let folder = folder_with(&file_of(version::REDIS_7_0, 0, &keys));
    let dir = folder.path().to_string_lossy();
    let args =
        ["--dir", &dir, "--key-load-delay", "10000", "--loading-process-events-interval-bytes", "1024"];
    let server =
        Server::launch(kind, &[&args[..], &["--enable-protected-configs", "yes"]].concat(), Stdio::null());
    eventually("an answer", || {
        let mut client = Client::connect(server.port()).ok()?;
        client.send(&["PING"]).ok()?;
        client.read().ok()?.text().starts_with("LOADING").then_some(())
    });
    (server, folder)
}

#[test]
fn clients_are_told_to_wait() {
    for kind in KINDS {
        let (mut server, _folder) = slow(kind);
        let mut client = server.client();
        let loading = "LOADING Redis is loading the dataset in memory";
        for line in ["GET key-1", "SET key-1 x", "DBSIZE", "FLUSHALL", "SAVE", "CONFIG SET dir /"] {
            assert_eq!(client.line(line).text(), loading, "{line}");
        }
        assert_eq!(client.line("CONFIG GET dbfilename").elements().map(<[_]>::len), Some(2));
        assert_eq!(client.line("MULTI").text(), "OK");
        assert_eq!(client.line("SET key-1 x").text(), loading);
        let refused = "EXECABORT Transaction discarded because of previous errors.";
        assert_eq!(client.line("EXEC").text(), refused);
        let fields = client.line("INFO persistence").text();
        assert!(fields.starts_with("# Persistence\r\nloading:1\r\nasync_loading:0\r\n"), "{fields}");
        let while_loading: Vec<&str> =
            fields.lines().rev().take(6).filter_map(|line| line.split(':').next()).collect();
        let expected =
            ["eta_seconds", "loaded_perc", "loaded_bytes", "rdb_used_mem", "total_bytes", "start_time"];
        assert_eq!(while_loading, expected.map(|field| format!("loading_{field}")));
        let percent: f64 =
            info(&mut client, "loading_loaded_perc").and_then(|p| p.parse().ok()).expect("a number");
        assert!((0.0..100.0).contains(&percent));
        assert_eq!(client.line("CONFIG SET key-load-delay 0").text(), "OK");
        assert!(server.answers(), "{}", server.printed());
        assert_eq!(client.line("GET key-5999").text(), "value");
        assert_eq!(info(&mut client, "loading").as_deref(), Some("0"));
        assert_eq!(info(&mut client, "loading_start_time"), None);
    }
}

/// SHUTDOWN and SIGTERM are obeyed though data are missing; save points or not, what is there is not written over the file.
#[test]
fn an_end_that_is_asked_for_comes_at_once() {
    for kind in KINDS {
        let ends: [fn(&Server); 3] = [
            |server| server.client().send(&["SHUTDOWN"]).expect("sending"),
            |server| server.client().send(&["SHUTDOWN", "NOSAVE"]).expect("sending"),
            |server| server.signal(Signal::TERM),
        ];
        for end in ends {
            let (mut server, folder) = slow(kind);
            let file = || fs::read(folder.path().join("dump.rdb")).expect("the file");
            let before = file();
            end(&server);
            assert_eq!(server.wait().code(), Some(0), "{}", server.printed());
            assert!(!server.printed().contains("Ready to accept"), "{}", server.printed());
            assert!(file() == before, "{}", server.printed());
        }
    }
}

/// Without a file there is nothing to load, and nothing is said of it.
#[test]
fn a_start_without_a_file_is_silent() {
    let server = Server::start::<&str>(Kind::Ours, &[]);
    assert_eq!(told(&server), ["Ready to accept connections"]);
    assert_eq!(info(&mut server.client(), "rdb_last_load_keys_loaded").as_deref(), Some("0"));
}
