//! Damaged files: cut at every byte, each byte flipped. Never a panic, never a hang, and where there are checksums never a value
//! that is silently another.
//!
//! The loaders are called in this process, for a start of the server takes too long to be repeated some ten thousand times.
//! A few real starts beside genuine redis-server show what happens then: exit codes, and the lines of the log.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use commands::FAMILIES;
use config::Config;
use engine::testing::Session;
use formats::aof::{self, Checksums};
use persist::load::{Options, rdb};
use persist::log::{Files, LoadError, Way, load};
use suites::dataset::fill_by_commands;
use suites::{Kind, Server, eventually};
use tempfile::TempDir;

/// A server without a process, and a folder for its append-only file.
struct Loader {
    session: Session,
    client: usize,
    folder: TempDir,
}

const INCR: &str = "appendonly.aof.1.incr.aof";

impl Loader {
    fn new() -> Loader {
        Loader::with(Config::default())
    }

    fn with(config: Config) -> Loader {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let appenddirname = folder.path().to_string_lossy().into_owned();
        let mut session = Session::new(FAMILIES, Config { appenddirname, ..config });
        fs::write(folder.path().join("appendonly.aof.manifest"), format!("file {INCR} seq 1 type i\n"))
            .expect("a manifest");
        let client = session.connect();
        Loader { session, client, folder }
    }

    fn run(&mut self, line: &str) -> String {
        self.session.run(self.client, &line.split(' ').map(str::as_bytes).collect::<Vec<_>>())
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join(INCR)
    }

    /// Loads these bytes as an append-only file of one increment, into nothing.
    fn aof(&mut self, bytes: &[u8]) -> Result<(), LoadError> {
        self.run("FLUSHALL");
        fs::write(self.path(), bytes).expect("a file");
        let engine = self.session.engine();
        let files = Files::find(&engine.config()).expect("files");
        let member = engine.keyspace.join();
        load(engine, &files, &mut Way::ByTurns(&member), &mut || false).map(drop)
    }

    /// Loads these bytes as a snapshot, into nothing; answers whether it was accepted.
    fn rdb(&mut self, bytes: &[u8]) -> bool {
        self.run("FLUSHALL");
        let engine = self.session.engine();
        engine.begin_loading(bytes.len() as u64);
        let loaded = rdb(engine, bytes, Options::default(), &mut || false);
        engine.end_loading();
        loaded.is_ok()
    }

    /// How many steps of [`Steps`] there are, of which no later one is without all before.
    fn steps(&mut self) -> usize {
        let len: usize = self.run("LLEN list").trim_start_matches(':').parse().expect("a length");
        let list = self.run("LRANGE list 0 -1");
        let expected: Vec<String> = (0..len).map(|n| format!("${n}")).collect();
        assert_eq!(list, format!("[{}]", expected.join(", ")), "not the first {len} steps");
        if len > 0 {
            let last = len - 1;
            assert_eq!(self.run("GET last"), format!("${last}"));
            assert_eq!(self.run(&format!("HGET hash field-{last}")), format!("$value-{last}"));
            assert_eq!(self.run("HLEN hash"), format!(":{len}"));
        }
        len
    }
}

/// An append-only file of steps, each a transaction.
struct Steps {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
    /// Where the block of each ends.
    blocks: Vec<usize>,
}

impl Steps {
    /// With a checksum line behind so many bytes of commands, and behind all; without any for 0.
    fn new(count: usize, checked: u64) -> Steps {
        let (mut bytes, mut ends, mut sums) = (Vec::new(), Vec::new(), Checksums::default());
        for n in 0..count {
            let (number, field, value) = (n.to_string(), format!("field-{n}"), format!("value-{n}"));
            let commands: [&[&str]; 5] = [
                &["MULTI"],
                &["RPUSH", "list", &number],
                &["SET", "last", &number],
                &["HSET", "hash", &field, &value],
                &["EXEC"],
            ];
            let mut block = Vec::new();
            if n == 0 {
                aof::command(&mut block, ["SELECT", "0"].iter());
            }
            commands.iter().for_each(|command| aof::command(&mut block, command.iter()));
            ends.push(bytes.len() + block.len());
            if checked > 0 {
                sums.seal(&mut block, if n + 1 == count { 1 } else { checked });
            }
            bytes.append(&mut block);
        }
        Steps { bytes, ends, blocks: Vec::new() }
    }

    /// As our server writes them: each an announced block, which says that all before the one before was on disk.
    fn in_blocks(count: usize) -> Steps {
        let plain = Steps::new(count, 0);
        let (mut bytes, mut sums, mut start) = (Vec::new(), Checksums::default(), 0);
        let (mut ends, mut blocks) = (Vec::new(), vec![0]);
        for end in plain.ends {
            let synced = blocks[blocks.len().saturating_sub(2)];
            let mut block = format!("#BK:{synced} {}\r\n", end - start).into_bytes();
            block.extend_from_slice(&plain.bytes[start..end]);
            ends.push(bytes.len() + block.len());
            sums.seal(&mut block, 1);
            bytes.append(&mut block);
            blocks.push(bytes.len());
            start = end;
        }
        blocks.remove(0);
        Steps { bytes, ends, blocks }
    }

    /// Steps that are whole in the first so many bytes.
    fn whole(&self, len: usize) -> usize {
        self.ends.partition_point(|end| *end <= len)
    }
}

fn cut(loader: &mut Loader, steps: &Steps, places: impl Iterator<Item = usize>) {
    for at in places {
        let loaded = loader.aof(&steps.bytes[..at]);
        assert!(loaded.is_ok(), "cut at {at}: {loaded:?}");
        assert_eq!(loader.steps(), steps.whole(at), "cut at {at}");
        // What is left can be gone on with: nothing is half.
        let left = fs::read(loader.path()).expect("the file");
        let whole = steps.ends[..steps.whole(at)].last().copied().unwrap_or(0);
        let is_ended = !steps.blocks.is_empty() && left.starts_with(&steps.bytes[..whole]);
        assert!(steps.bytes.starts_with(&left) || is_ended, "cut at {at}");
        let again = loader.aof(&left);
        assert!(again.is_ok(), "cut at {at}, loaded again: {again:?}");
        assert_eq!(loader.steps(), steps.whole(at), "cut at {at}, loaded again");
    }
}

#[test]
fn append_only_files_that_are_cut_end_with_the_last_whole_transaction() {
    let mut loader = Loader::new();
    for steps in [Steps::new(8, 0), Steps::new(8, 200), Steps::in_blocks(8)] {
        cut(&mut loader, &steps, 0..=steps.bytes.len());
    }
    let large = Steps::new(1500, 4096);
    let end = large.bytes.len();
    assert!(end > 128 << 10);
    cut(&mut loader, &large, (end - (64 << 10)..end).step_by(1637));
}

#[test]
fn append_only_files_that_must_not_be_cut_are_refused() {
    let mut loader = Loader::new();
    assert_eq!(loader.run("CONFIG SET aof-load-truncated no"), "+OK");
    let steps = Steps::new(6, 200);
    for at in 0..steps.bytes.len() {
        match loader.aof(&steps.bytes[..at]) {
            Ok(()) => assert_eq!(loader.steps(), steps.whole(at), "cut at {at}"),
            Err(LoadError::Truncated(_)) => {}
            Err(other) => panic!("cut at {at}: {other}"),
        }
        assert_eq!(fs::read(loader.path()).expect("the file"), &steps.bytes[..at], "cut at {at}");
    }
}

/// Sectors of zeros are what a power cut leaves of what was on its way; elsewhere they are damage.
#[test]
fn append_only_files_that_the_power_has_torn_end_with_what_was_on_disk() {
    const SECTOR: usize = 512;
    let mut loader = Loader::new();
    let steps = Steps::in_blocks(60);
    let end = steps.bytes.len();
    let synced = steps.blocks[steps.blocks.len() - 3];
    let zero = |ranges: &[std::ops::Range<usize>]| {
        let mut bytes = steps.bytes.clone();
        ranges.iter().for_each(|range| bytes[range.clone()].fill(0));
        bytes
    };
    let sectors =
        |from: usize| (from / SECTOR..=(end - 1) / SECTOR).map(|n| n * SECTOR..end.min((n + 1) * SECTOR));
    // Those that are not quite on disk, one and two at a time; what of the first was on disk is.
    let lost: Vec<_> = sectors(synced).map(|sector| sector.start.max(synced)..sector.end).collect();
    for (first, second) in lost.iter().flat_map(|first| lost.iter().map(move |second| (first, second))) {
        let bytes = zero(&[first.clone(), second.clone()]);
        let loaded = loader.aof(&bytes);
        assert!(loaded.is_ok(), "{first:?} and {second:?}: {loaded:?}");
        let hole = first.start.min(second.start);
        let kept = steps.blocks.partition_point(|end| *end <= hole);
        assert_eq!(loader.steps(), kept, "{first:?} and {second:?}");
        let left = fs::read(loader.path()).expect("the file");
        assert!(steps.bytes.starts_with(&left) && left.len() >= synced, "{first:?} and {second:?}");
    }
    // Those that were on disk for long.
    for sector in sectors(0).take_while(|sector| sector.end <= synced) {
        let loaded = loader.aof(&zero(std::slice::from_ref(&sector)));
        assert!(loaded.is_err(), "{sector:?}");
    }
    // A block whose end is missing, with a hole in it or without.
    let most = &steps.bytes[..steps.ends[steps.ends.len() - 1]];
    assert!(loader.aof(most).is_ok());
    assert_eq!(loader.steps(), 60);
    // It ends there, so that what is appended is not taken for a part of it.
    let sealed = fs::read(loader.path()).expect("the file");
    assert!(sealed.starts_with(most) && sealed[most.len()..].starts_with(b"#CK:"));
    let more = Steps::new(61, 0);
    let torn = [&sealed, &more.bytes[more.ends[59]..more.ends[60]][..40], &[0; 2 * SECTOR]].concat();
    assert!(loader.aof(&torn).is_ok());
    assert_eq!(loader.steps(), 60);
    assert!(loader.aof(&zero(&lost)[..end - 10]).is_ok());
    assert_eq!(loader.steps(), 58);
    // Where a file must not be cut it is not, nor where nothing announces blocks.
    assert_eq!(loader.run("CONFIG SET aof-load-truncated no"), "+OK");
    assert!(matches!(loader.aof(&zero(&lost[..1])), Err(LoadError::Truncated(_))));
    assert_eq!(loader.run("CONFIG SET aof-load-truncated yes"), "+OK");
    let plain = Steps::new(60, 0);
    let mut bytes = plain.bytes.clone();
    bytes[4 * SECTOR..5 * SECTOR].fill(0);
    assert!(matches!(loader.aof(&bytes), Err(LoadError::Format(..))));
}

/// A flipped byte is found, or it made the end look cut, or it says nothing: what is loaded are the first steps, as they were.
#[test]
fn append_only_files_with_a_flipped_byte_load_nothing_wrong() {
    let mut loader = Loader::new();
    for steps in [Steps::new(8, 200), Steps::in_blocks(8)] {
        let (places, mut refused) = (0..steps.bytes.len(), 0);
        for (at, flip) in places.clone().flat_map(|at| [1, 0x41, 0x80].map(|flip| (at, flip))) {
            let mut bytes = steps.bytes.clone();
            bytes[at] ^= flip;
            match loader.aof(&bytes) {
                Ok(()) => {
                    let found = loader.steps();
                    assert!(found <= steps.ends.len(), "flipped at {at}");
                }
                Err(_) => refused += 1,
            }
        }
        assert!(refused > 2 * places.len(), "{refused} of {}", 3 * places.len());
    }
}

/// A snapshot with a few keys of every type, made by a server.
fn snapshot(lines: Option<&[&str]>) -> Vec<u8> {
    let server = Server::start::<&str>(Kind::Ours, &[]);
    let mut client = server.client();
    match lines {
        Some(lines) => lines.iter().for_each(|line| assert!(!client.line(line).is_error(), "{line}")),
        None => fill_by_commands(&mut client),
    }
    assert_eq!(client.line("SAVE").text(), "OK");
    fs::read(server.folder().join("dump.rdb")).expect("the snapshot")
}

fn small_snapshot() -> Vec<u8> {
    snapshot(Some(&[
        "SET number 12345",
        "SET text words PXAT 33177117420000",
        "RPUSH list a 1 -70000",
        "SADD ints 1 2 300000",
        "SADD words one two",
        "ZADD scores 1 a 2.5 b",
        "HSET hash f v g 2",
        "HSET fields a 1 b 2",
        "HPEXPIREAT fields 33177117420000 FIELDS 1 a",
        "XADD stream 1-1 f v",
        "XGROUP CREATE stream g 0",
        "XREADGROUP GROUP g c STREAMS stream >",
        "SELECT 2",
        "SET other x",
    ]))
}

#[test]
fn snapshots_that_are_damaged_are_refused() {
    let (mut loader, small) = (Loader::new(), small_snapshot());
    assert!(loader.rdb(&small));
    for at in 0..small.len() {
        assert!(!loader.rdb(&small[..at]), "cut at {at}");
        for flip in [1, 0x41, 0x80] {
            let mut bytes = small.clone();
            bytes[at] ^= flip;
            // A version that had no checksum yet.
            let is_old = (b'0'..b'5').contains(&bytes[8]) && bytes[5..8] == *b"000";
            assert!(is_old || !loader.rdb(&bytes), "{at} flipped by {flip}");
        }
    }
    let large = snapshot(None);
    assert!(loader.rdb(&large));
    let end = large.len();
    for at in (end.saturating_sub(64 << 10)..end).step_by(61) {
        assert!(!loader.rdb(&large[..at]), "cut at {at}");
        let mut bytes = large.clone();
        bytes[at] ^= 0x10;
        assert!(!loader.rdb(&bytes), "flipped at {at}");
    }
}

/// Without checksums a value may be another, or not be accepted: the server lives in any case, and answers.
#[test]
fn snapshots_that_are_damaged_do_no_harm_without_checksums() {
    let mut loader = Loader::with(Config { rdbchecksum: false, ..Config::default() });
    let small = small_snapshot();
    let keys = ["number", "text", "list", "ints", "words", "scores", "hash", "fields", "stream"];
    for (at, flip) in (9..small.len()).flat_map(|at| [1, 2, 0x41, 0x80, 0xff].map(|flip| (at, flip))) {
        let mut bytes = small.clone();
        bytes[at] ^= flip;
        if loader.rdb(&bytes) {
            for key in keys {
                loader.run(&format!("DUMP {key}"));
                loader.run(&format!("DEL {key}"));
            }
        }
    }
}

/// What a start does with a folder: the number of keys, or its exit code; and what it prints.
fn start(kind: Kind, folder: &Path, args: &[&str]) -> (Result<i64, i32>, String) {
    let dir = folder.to_string_lossy();
    let args = [&["--dir", &dir, "--appendonly", "yes"], args].concat();
    let mut server = Server::launch(kind, &args, Stdio::null());
    let outcome = eventually("an answer or an end", || match server.exited() {
        Some(status) => Some(Err(status.code().unwrap_or(-1))),
        None if server.printed().contains("Ready to accept") => {
            Some(Ok(server.client().line("DBSIZE").integer().unwrap_or(-1)))
        }
        None => None,
    });
    (outcome, server.printed())
}

/// A folder with a manifest and these files in `appendonlydir`.
fn folder_with(manifest: &str, files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let dir = folder.path().join("appendonlydir");
    fs::create_dir(&dir).expect("a folder");
    fs::write(dir.join("appendonly.aof.manifest"), manifest).expect("a manifest");
    files.iter().for_each(|(name, bytes)| fs::write(dir.join(name), bytes).expect("a file"));
    folder
}

/// Each with what both say of it in a line of its own, or at the end or beginning of one.
#[test]
fn starts_from_damaged_files_end_as_with_redis() {
    let steps = Steps::new(6, 0);
    let whole = &steps.bytes[..];
    let (short, within) = (&whole[..whole.len() - 3], &whole[..steps.ends[4] + 60]);
    let (a, b) = ("appendonly.aof.1.base.aof", "appendonly.aof.1.incr.aof");
    let (base, incr) = (format!("file {a} seq 1 type b\n"), format!("file {b} seq 1 type i\n"));
    let both = format!("{base}{incr}");
    let (yes, no) = (["--aof-load-truncated", "yes"], ["--aof-load-truncated", "no"]);
    let bad = [&b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$x\r\n"[..], whole].concat();
    let unknown = b"*2\r\n$5\r\nHELPS\r\n$1\r\nk\r\n";
    let anyway = format!("AOF {b} loaded anyway because aof-load-truncated is enabled");
    let end = format!("Unexpected end of file reading the append only file {b}. You can: 1) Make a backup");
    type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a [u8])], &'a [&'a str], &'a str);
    let cases: [Case; 14] = [
        ("whole", &both, &[(a, whole), (b, b"")], &yes, "DB loaded from append only file"),
        ("cut", &both, &[(a, b""), (b, short)], &yes, &anyway),
        ("cut, which must not be", &both, &[(a, b""), (b, short)], &no, &end),
        ("cut within a transaction", &both, &[(a, b""), (b, within)], &yes, &anyway),
        ("likewise, which must not be", &both, &[(a, b""), (b, within)], &no, &end),
        ("nothing follows", &both, &[(a, short), (b, b"")], &yes, "the truncated file is not the last file"),
        ("others follow", &both, &[(a, short), (b, whole)], &yes, "the truncated file is not the last file"),
        ("one is missing", &both, &[(a, whole)], &yes, "No such file or directory"),
        ("a bad length", &base, &[(a, &bad)], &yes, "Bad file format reading the append only file"),
        (
            "an unknown command",
            &base,
            &[(a, unknown)],
            &yes,
            "Unknown command 'HELPS' reading the append only file",
        ),
        ("no manifest", "what is this\n", &[(a, whole)], &yes, " # Invalid AOF manifest file format"),
        ("an empty manifest", "", &[(a, whole)], &yes, " # Found an empty AOF manifest"),
        (
            "a manifest that goes back",
            &format!("{both}{incr}"),
            &[(a, whole), (b, b"")],
            &yes,
            " # Found a non-monotonic sequence number",
        ),
        ("a later version", &base, &[(a, b"REDIS0099rubbish")], &yes, "Can't handle RDB format version 99"),
    ];
    for (what, manifest, files, args, words) in cases {
        let [genuine, ours] = [Kind::Genuine, Kind::Ours].map(|kind| {
            let folder = folder_with(manifest, files);
            let (outcome, printed) = start(kind, folder.path(), args);
            assert!(printed.contains(words), "{what}: no {words:?} in\n{printed}");
            outcome
        });
        assert_eq!(ours, genuine, "{what}");
    }
}

/// redis-server crashes.
#[test]
fn a_command_that_lacks_an_argument_ends_the_start() {
    let name = "appendonly.aof.1.base.aof";
    let manifest = format!("file {name} seq 1 type b\n");
    let folder = folder_with(&manifest, &[(name, b"*2\r\n$3\r\nSET\r\n$1\r\nk\r\n")]);
    let (outcome, printed) = start(Kind::Ours, folder.path(), &["--aof-load-truncated", "yes"]);
    assert_eq!(outcome, Err(1), "{printed}");
    let words = "Wrong number of arguments for 'set' command reading the append only file";
    assert!(printed.contains(words), "{printed}");
}
