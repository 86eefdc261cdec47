//! Snapshots that are written while clients go on: the file is the state at one point in time, exactly.
//!
//! Two oracles. Where a save is slowed down and a few commands run meanwhile, the digest before them is that of the file.
//! Where clients write at full speed, each works in databases of its own by a sequence that its number determines, and keeps the
//! count of its steps in the data: a server that has run so many steps, and never saves, must have the digest of the file.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use suites::{Client, Kind, Server, eventually};

use crate::{info, temporary_files};

/// A server with two workers, whose saves can be slowed down.
fn start(args: &[&str]) -> Server {
    let common = ["--io-threads", "2", "--enable-debug-command", "yes"];
    Server::start(Kind::Ours, &[&common[..], args].concat())
}

fn digest(client: &mut Client) -> String {
    client.line("DEBUG DIGEST").text()
}

/// A server that looks at files of others.
struct Reader(Server);

impl Reader {
    fn start() -> Reader {
        Reader(start(&[]))
    }

    /// Loads the file that a server has saved.
    fn load(&self, saved: &Server) -> Client {
        fs::copy(saved.folder().join("dump.rdb"), self.0.folder().join("dump.rdb")).expect("a copy");
        let mut client = self.0.client();
        assert_eq!(client.line("DEBUG RELOAD NOSAVE").text(), "OK");
        client
    }
}

/// Begins a save that takes about so many microseconds a key.
fn begin(client: &mut Client, delay: u32) {
    assert_eq!(client.line(&format!("CONFIG SET rdb-key-save-delay {delay}")).text(), "OK");
    assert_eq!(client.line("BGSAVE").text(), "Background saving started");
}

/// Lets it end.
fn finish(client: &mut Client) {
    assert_eq!(client.line("CONFIG SET rdb-key-save-delay 0").text(), "OK");
    wait(client);
    assert_eq!(info(client, "rdb_last_bgsave_status"), "ok");
}

fn wait(client: &mut Client) {
    eventually("the end of a save", || (info(client, "rdb_bgsave_in_progress") == "0").then_some(()));
}

/// What happens to keys that are not saved yet, by the name of the trap. Each runs on [`KEYS`] keys `key:N`, some of every type.
const TRAPS: [(&str, &[&str]); 18] = [
    ("tables grow while they are read", &["DEBUG POPULATE 20000 more 10"]),
    ("a key is made again after DEL", &["DEL zset", "ZADD zset 7 another"]),
    ("RENAME over a key", &["RENAME list string", "RENAME key:1 key:2"]),
    ("COPY to another database and SWAPDB", &["COPY hash copy DB 3", "SWAPDB 0 3", "SET key:5 x"]),
    ("MOVE", &["MOVE set 4", "MOVE key:9 4", "SWAPDB 4 5"]),
    (
        "MULTI touches both halves",
        &["MULTI", "SET key:1 x", "SET key:4999 x", "HSET hash f x", "DEL set", "EXEC"],
    ),
    ("a value expires", &["PEXPIREAT big-hash 1", "GET key:3", "EXPIRE key:7 100"]),
    ("PERSIST and new expiries", &["PERSIST passing", "PEXPIREAT hash 33177117420000"]),
    ("fields expire", &["HPEXPIREAT fields 1 FIELDS 1 a", "HPERSIST fields FIELDS 1 b"]),
    ("FLUSHALL", &["FLUSHALL", "SET key:1 new"]),
    ("FLUSHALL ASYNC", &["FLUSHALL ASYNC"]),
    ("FLUSHDB of one", &["SELECT 1", "FLUSHDB SYNC", "SET other new", "SELECT 0", "SWAPDB 0 1"]),
    ("SORT STORE over a key", &["SORT list BY nosort ALPHA STORE zset"]),
    ("RESTORE over a key", &["SET short 1", "COPY short list REPLACE"]),
    (
        "strings change in place",
        &["SETRANGE string 1 xyz", "APPEND key:8 x", "SETBIT key:10 5 1", "INCR number"],
    ),
    (
        "elements come and go",
        &["LPUSH list x", "SREM set a", "HDEL hash f", "ZINCRBY zset 5 a", "PFADD hll x"],
    ),
    ("a stream grows", &["XADD stream 9-9 f v", "XTRIM stream MAXLEN 1", "XGROUP CREATE stream g 0"]),
    ("UNLINK of all types", &["UNLINK string list set hash zset stream big-hash fields"]),
];

const KEYS: u32 = 5000;

fn prepare(client: &mut Client) {
    let lines = [
        &format!("DEBUG POPULATE {KEYS} key 40"),
        "SET string abcdef",
        "SET number 41",
        "SET passing x PXAT 33177117420001",
        "RPUSH list c a b",
        "SADD set a b c",
        "HSET hash f v g w",
        "HSET fields a 1 b 2 c 3",
        "HPEXPIREAT fields 33177117420002 FIELDS 2 a b",
        "ZADD zset 1 a 2 b",
        "PFADD hll a b",
        "XADD stream 1-1 f v",
        "XADD stream 2-1 f v",
        "SELECT 1",
        "SET other 1",
        "SELECT 0",
    ];
    for line in lines {
        assert!(!client.line(line).is_error(), "{line}");
    }
    let fields = (0..3000).flat_map(|n| [format!("field-{n}"), n.to_string()]);
    client.call(&["HSET".into(), "big-hash".to_owned()].into_iter().chain(fields).collect::<Vec<_>>());
}

#[test]
fn what_happens_during_a_save_is_not_in_the_file() {
    let (server, reader) = (start(&[]), Reader::start());
    let mut client = server.client();
    for (name, lines) in TRAPS {
        client.line("FLUSHALL");
        prepare(&mut client);
        let before = digest(&mut client);
        begin(&mut client, 50);
        for line in lines {
            let reply = client.line(line);
            assert!(!reply.is_error(), "{name}: {line}: {reply}");
        }
        assert_eq!(info(&mut client, "rdb_bgsave_in_progress"), "1", "{name}: it was over too early");
        assert!(digest(&mut client) != before, "{name}: nothing has changed");
        finish(&mut client);
        assert_eq!(digest(&mut reader.load(&server)), before, "{name}");
    }
}

/// Clients that write while others save; the last one without transactions.
const WRITERS: usize = 4;
/// Saves that are looked at.
const SAVES: usize = 5;
/// Keys that nobody touches, so that a save takes its time.
const STILL: usize = 1500;

/// The commands of one step, between the two databases of a writer.
fn step(writer: usize, number: u64) -> Vec<String> {
    let mut random = fastrand::Rng::with_seed((writer as u64) << 32 | number);
    let mut key = || format!("{}:{}", ["a", "b"][random.usize(..2)], random.u32(..40));
    let (key, other) = (key(), key());
    let (home, away) = (2 * writer, 2 * writer + 1);
    let (n, small, far) = (number, random.u32(..50), 33_177_117_420_000 + number);
    let lines = match random.u32(..34) {
        0..4 => vec![format!("SET {key} {n}")],
        4 => vec![format!("DEL {key}"), format!("SETRANGE {key} {} {n}", small * 2000)],
        5 => {
            vec![format!("DEL {key}"), format!("HSET {key} f{small} {n} g {n}"), format!("HSET {key} f {n}")]
        }
        6 => vec![format!("HSET hash f{small} {n}")],
        7 => vec![format!("HDEL hash f{small}")],
        8 => vec![format!("ZADD zset {n} m{small}")],
        9 => vec![format!("ZADD large-zset {n} m{}", random.u32(..5000))],
        10 => vec![format!("HSET large-hash f{} {n}", random.u32(..5000))],
        11 => vec![format!("LPUSH list {n}"), "LTRIM list 0 500".into()],
        12 => vec![format!("RPUSH list {n}"), format!("RPOP list {}", small % 3 + 1)],
        13 => vec![format!("SADD set {n}"), format!("SREM set {}", n / 2)],
        14 => vec![format!("SADD set word-{small}")],
        15 => vec![format!("DEL {key}"), format!("UNLINK {other}")],
        16 => vec![format!("SET {key} {n}"), format!("RENAME {key} {other}")],
        17 => vec![format!("COPY hash {key} REPLACE")],
        18 => vec![format!("COPY large-zset {key} DB {away} REPLACE")],
        19 => vec![format!("SET {key} {n}"), format!("MOVE {key} {away}")],
        20 => vec![format!("SWAPDB {home} {away}")],
        21 => vec!["FLUSHDB".into(), format!("SET {key} {n}")],
        22 => vec![format!("PEXPIREAT {key} {far}")],
        23 => vec![format!("PEXPIREAT {key} 1")],
        24 => vec![format!("SET {key} {n} PXAT {far}"), format!("PERSIST {other}")],
        25 => vec!["SORT list BY nosort STORE sorted".into()],
        26 => vec![format!("SUNIONSTORE union set {}", "set"), "ZUNIONSTORE zunion 2 zset large-zset".into()],
        27 => vec![format!("XADD stream {}-1 f {n}", n + 1), "XTRIM stream MAXLEN 200".into()],
        28 => vec![format!("HSET fields f{small} {n}"), format!("HPEXPIREAT fields {far} FIELDS 1 f{small}")],
        29 => vec![format!("PFADD hll {n}")],
        30 => vec![format!("SETBIT bits {} 1", n % 400_000)],
        31 => vec![format!("INCRBY counter {small}")],
        32 => vec![format!("LMOVE list {key}-list LEFT RIGHT"), format!("SMOVE set moved {n}")],
        _ => {
            let members = (0..3000).map(|m| format!("{m} m{m}")).collect::<Vec<_>>().join(" ");
            vec![format!("ZADD large-zset {members}")]
        }
    };
    // Errors, as of a wrong type, are alike wherever they happen.
    lines
}

/// The database where writers count their steps.
const COUNTS: usize = 15;

/// A step with its count: in a transaction, or one after the other.
fn commands(writer: usize, number: u64) -> Vec<String> {
    let count = [
        format!("SELECT {COUNTS}"),
        format!("SET count:{writer} {number}"),
        format!("SELECT {}", 2 * writer),
    ];
    let lines = step(writer, number).into_iter();
    if writer + 1 == WRITERS {
        // The cut may be between any two: one command a step, so that there are two states to choose from.
        return lines.take(1).chain(count).collect();
    }
    ["MULTI".to_owned()].into_iter().chain(lines).chain(count).chain(["EXEC".to_owned()]).collect()
}

fn run(client: &mut Client, lines: &[String]) -> std::io::Result<()> {
    lines.iter().try_for_each(|line| client.send(&line.split_whitespace().collect::<Vec<_>>()))?;
    lines.iter().try_for_each(|_| client.read().map(drop))
}

/// The server that runs the steps again, and how many of each writer it has run.
struct Replay {
    server: Server,
    clients: Vec<Client>,
    steps: Vec<u64>,
}

impl Replay {
    fn start() -> Replay {
        let server = start(&["--databases", "17"]);
        fill_still(&server);
        let clients = (0..WRITERS).map(|writer| writer_client(&server, writer)).collect();
        Replay { server, clients, steps: vec![0; WRITERS] }
    }

    fn go_to(&mut self, writer: usize, steps: u64) {
        while self.steps[writer] < steps {
            self.steps[writer] += 1;
            run(&mut self.clients[writer], &commands(writer, self.steps[writer])).expect("replies");
        }
    }

    /// Whether the data are those of a file that has been loaded: exactly so many steps of each writer, but for the last one,
    /// who may have made half of another.
    fn is_like(&mut self, loaded: &mut Client) -> bool {
        loaded.line(&format!("SELECT {COUNTS}"));
        for writer in 0..WRITERS {
            let count = loaded.line(&format!("GET count:{writer}")).text().parse().unwrap_or(0);
            assert!(count >= self.steps[writer], "a later file has less of writer {writer}");
            self.go_to(writer, count);
        }
        let (mut client, expected) = (self.server.client(), digest(loaded));
        if digest(&mut client) == expected {
            return true;
        }
        let last = WRITERS - 1;
        let half = step(last, self.steps[last] + 1);
        run(&mut self.clients[last], &half[..1]).expect("replies");
        let is_like = digest(&mut client) == expected;
        // The step is finished by its count; its command was run already.
        self.steps[last] += 1;
        let rest = &commands(last, self.steps[last])[1..];
        run(&mut self.clients[last], rest).expect("replies");
        is_like
    }
}

fn writer_client(server: &Server, writer: usize) -> Client {
    let mut client = server.client();
    client.line(&format!("SELECT {}", 2 * writer));
    client
}

fn fill_still(server: &Server) {
    let mut client = server.client();
    client.line("SELECT 14");
    client.line(&format!("DEBUG POPULATE {STILL} still 30"));
}

#[test]
fn a_snapshot_under_writers_is_one_point_in_time() {
    let server = start(&["--databases", "17", "--rdb-key-save-delay", "10"]);
    fill_still(&server);
    let (reader, mut replay) = (Reader::start(), Replay::start());
    let (stop, pause) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (mut client, stop, pause) = (writer_client(&server, writer), &stop, &pause);
            scope.spawn(move || {
                for number in (1..).take_while(|_| !stop.load(Ordering::Relaxed)) {
                    while pause.load(Ordering::Relaxed) && !stop.load(Ordering::Relaxed) {
                        thread::sleep(Duration::from_millis(1));
                    }
                    run(&mut client, &commands(writer, number)).expect("replies");
                    thread::sleep(Duration::from_micros(200));
                }
            });
        }
        let stopped = StopOnDrop(&stop);
        let mut client = server.client();
        for save in 0..SAVES {
            let before = info(&mut client, "rdb_saves");
            assert_eq!(client.line("BGSAVE").text(), "Background saving started");
            wait(&mut client);
            assert_eq!(info(&mut client, "rdb_last_bgsave_status"), "ok");
            assert!(info(&mut client, "rdb_saves") != before);
            // Who runs all steps again, one after the other, is slower than those who made them.
            pause.store(true, Ordering::Relaxed);
            assert!(replay.is_like(&mut reader.load(&server)), "save {save} after {:?} steps", replay.steps);
            pause.store(false, Ordering::Relaxed);
        }
        drop(stopped);
    });
    assert!(replay.steps.iter().all(|steps| *steps > SAVES as u64), "{:?}", replay.steps);
    assert_eq!(temporary_files(server.folder()), Vec::<String>::new());
}

/// Ends the writers, whatever happens to who waits for them.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A sorted set too large to copy takes changes while it, or all the rest, is being saved.
#[test]
fn a_large_sorted_set_takes_changes_during_a_save() {
    let (server, reader) = (start(&[]), Reader::start());
    let mut client = server.client();
    client.line("DEBUG POPULATE 2000 key 10");
    for start in (0..100_000).step_by(1000) {
        let members = (start..start + 1000).flat_map(|m| [m.to_string(), format!("member-{m}")]);
        client.call(&["ZADD".into(), "large".to_owned()].into_iter().chain(members).collect::<Vec<_>>());
    }
    let before = digest(&mut client);
    begin(&mut client, 500);
    for n in 0..200 {
        assert_eq!(client.line(&format!("ZADD large 5 new-{n}")).integer(), Some(1));
    }
    assert_eq!(info(&mut client, "rdb_bgsave_in_progress"), "1");
    assert_eq!(client.line("ZCARD large").integer(), Some(100_200));
    finish(&mut client);
    assert_eq!(digest(&mut reader.load(&server)), before);
}

#[test]
fn changes_are_counted_from_the_cut_on() {
    for kind in [Kind::Genuine, Kind::Ours] {
        let server = Server::start(kind, &["--enable-debug-command", "yes", "--rdb-key-save-delay", "300"]);
        let mut client = server.client();
        client.line("DEBUG POPULATE 1000 key 10");
        client.line("MSET a 1 b 2");
        let saved = client.line("LASTSAVE").integer().expect("a time");
        assert!(info(&mut client, "rdb_changes_since_last_save").parse().is_ok_and(|n: u64| n >= 2));
        assert_eq!(client.line("BGSAVE").text(), "Background saving started");
        assert_eq!(info(&mut client, "rdb_bgsave_in_progress"), "1");
        (0..7).for_each(|n| _ = client.line(&format!("SET during {n}")));
        assert!(client.line("BGSAVE").is_error() && client.line("SAVE").is_error(), "{kind:?}");
        finish(&mut client);
        assert_eq!(info(&mut client, "rdb_changes_since_last_save"), "7", "{kind:?}");
        assert!(client.line("LASTSAVE").integer() >= Some(saved));
        assert_eq!(client.line("SAVE").text(), "OK");
        assert_eq!(info(&mut client, "rdb_changes_since_last_save"), "0");
    }
}

#[test]
fn a_save_waits_for_a_rewrite_if_it_is_scheduled() {
    let server = start(&["--appendonly", "yes"]);
    let mut client = server.client();
    client.line("DEBUG POPULATE 2000 key 10");
    assert_eq!(client.line("CONFIG SET rdb-key-save-delay 300").text(), "OK");
    assert!(!client.line("BGREWRITEAOF").is_error());
    assert!(client.line("BGSAVE").text().contains("Another child process is active (AOF?)"));
    assert_eq!(client.line("BGSAVE SCHEDULE").text(), "Background saving scheduled");
    let saves = info(&mut client, "rdb_saves");
    assert_eq!(client.line("CONFIG SET rdb-key-save-delay 0").text(), "OK");
    eventually("the scheduled save", || (info(&mut client, "rdb_saves") != saves).then_some(()));
}

#[test]
fn a_save_point_saves() {
    let server = start(&["--save", "1 10"]);
    let mut client = server.client();
    (0..9).for_each(|n| _ = client.line(&format!("SET key:{n} 1")));
    assert_eq!(info(&mut client, "rdb_changes_since_last_save"), "9");
    client.line("SET key:9 1");
    eventually("a save", || (info(&mut client, "rdb_changes_since_last_save") == "0").then_some(()));
    assert!(server.folder().join("dump.rdb").is_file());
    assert!(server.printed().contains("10 changes in 1 seconds. Saving..."));
}

/// What ends the server gives up the save under way, which is no failure, and leaves nothing of it.
#[test]
fn a_save_under_way_does_not_outlive_the_server() {
    for (line, is_saved) in [("SHUTDOWN SAVE", true), ("SHUTDOWN NOSAVE", false)] {
        let mut server = start(&["--rdb-key-save-delay", "1000"]);
        let mut client = server.client();
        client.line("DEBUG POPULATE 5000 key 10");
        assert_eq!(client.line("BGSAVE").text(), "Background saving started");
        client.line("SET late 1");
        eventually("its file", || (!temporary_files(server.folder()).is_empty()).then_some(()));
        client.send(&line.split(' ').collect::<Vec<_>>()).expect("sent");
        assert_eq!(server.wait().code(), Some(0), "{line}");
        assert_eq!(temporary_files(server.folder()), Vec::<String>::new(), "{line}");
        assert!(!server.printed().contains("Background saving error"), "{line}");
        assert_eq!(server.folder().join("dump.rdb").is_file(), is_saved, "{line}");
        if is_saved {
            let reader = Reader::start();
            assert_eq!(reader.load(&server).line("DBSIZE").integer(), Some(5001));
        }
    }
}

/// A kill at any moment of a save leaves the old file or the new one.
#[test]
fn a_kill_during_a_save_leaves_a_whole_file() {
    let reader = Reader::start();
    for round in 0..10 {
        let mut server = start(&[]);
        let mut client = server.client();
        client.line("DEBUG POPULATE 20000 key 100");
        client.line("SAVE");
        client.line("SET new 1");
        client.line("BGSAVE");
        thread::sleep(Duration::from_millis(2 * round));
        server.signal(Signal::KILL);
        server.wait();
        let size = reader.load(&server).line("DBSIZE").integer();
        assert!([Some(20_000), Some(20_001)].contains(&size), "{size:?}");
    }
}

/// What was flushed is kept for the file alone: where memory is needed for what comes, the save is given up, and nothing has failed.
#[test]
fn memory_goes_before_a_save_of_what_was_flushed() {
    let server = start(&["--maxmemory", "40mb", "--rdb-key-save-delay", "100000"]);
    let client = &mut server.client();
    let value = "x".repeat(100_000);
    for n in 0..250 {
        assert_eq!(client.call(&["SET", &format!("before:{n}"), &value]).text(), "OK");
    }
    assert_eq!(client.line("BGSAVE").text(), "Background saving started");
    assert_eq!(client.line("FLUSHALL").text(), "OK");
    for n in 0..250 {
        let key = format!("after:{n}");
        eventually("memory", || (client.call(&["SET", &key, &value]).text() == "OK").then_some(()));
    }
    wait(client);
    assert_eq!(info(client, "rdb_last_bgsave_status"), "ok");
    assert!(server.printed().contains("A snapshot is given up"), "{}", server.printed());
    assert!(!server.folder().join("dump.rdb").exists());
    assert_eq!(temporary_files(server.folder()), Vec::<String>::new());
}

/// A version that hashes with fields that expire do not fit into is raised for them: nothing is lost, and nothing is refused later.
#[test]
fn what_needs_a_later_version_is_saved_in_it() {
    let server = Server::start(Kind::Ours, &["--rdb-version", "10", "--enable-debug-command", "yes"]);
    let client = &mut server.client();
    client.line("HSET hash field value");
    assert_eq!(client.line("HEXPIRE hash 1000 FIELDS 1 field").elements().map(<[_]>::len), Some(1));
    for line in ["SAVE", "DEBUG RELOAD"] {
        assert_eq!(client.line(line).text(), "OK", "{}", server.printed());
    }
    let left = client.line("HTTL hash FIELDS 1 field");
    assert!(left.elements().expect("an array")[0].integer().is_some_and(|seconds| seconds > 0), "{left:?}");
    client.line("DEL hash");
    assert_eq!(client.line("SAVE").text(), "OK");
    let file = std::fs::read(server.folder().join("dump.rdb")).expect("the file");
    assert!(file.starts_with(b"REDIS0010"));
}
