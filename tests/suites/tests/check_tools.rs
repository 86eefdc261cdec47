//! check-rdb and check-aof beside Debian's redis-check-rdb and redis-check-aof, on files that redis-server wrote and on
//! damaged ones: the same exit codes, the same lines that scripts look at, the same bytes left after a repair.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use formats::aof::{Block, Checksums, command};
use serde_json::Value as Json;
use suites::{Client, Finished, Kind, Server, eventually, run};
use tempfile::TempDir;

/// Runs `check-rdb` or `check-aof` of either kind in a folder.
fn check(kind: Kind, tool: &str, folder: &Path, args: &[&str], input: &str) -> Finished {
    let mut command = match kind.is_genuine() {
        true => Command::new(format!("redis-{tool}")),
        false => Command::new(kind.program()),
    };
    if !kind.is_genuine() {
        command.arg(tool);
    }
    run(command.args(args).current_dir(folder), input.as_bytes())
}

/// Ours on one file of these bytes.
fn ours(tool: &str, bytes: &[u8], args: &[&str]) -> Finished {
    let folder = folder_with(bytes);
    check(Kind::Ours, tool, folder.path(), &[args, &[FILE]].concat(), "")
}

const FILE: &str = "file";

fn folder_with(bytes: &[u8]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join(FILE), bytes).expect("writing a file");
    folder
}

/// What a tool makes of a file: its exit code, what it printed, and the bytes that it left.
fn outcome(
    kind: Kind,
    tool: &str,
    bytes: &[u8],
    args: &[&str],
    input: &str,
) -> (Option<i32>, String, Vec<u8>) {
    let folder = folder_with(bytes);
    let finished = check(kind, tool, folder.path(), &[args, &[FILE]].concat(), input);
    let left = fs::read(folder.path().join(FILE)).expect("the file");
    (finished.code, finished.stdout, left)
}

/// The lines of an RDB check whose words are a contract; offsets and words of errors are more exact in ours.
fn rdb_lines(printed: &str) -> Vec<&str> {
    let starts = ["[info]", "--- RDB", "[additional info]", "RDB preamble"];
    printed.lines().filter(|line| starts.iter().any(|start| line.starts_with(start))).collect()
}

/// Likewise of an AOF check.
fn aof_lines(printed: &str) -> Vec<&str> {
    let parts = [
        "AOF analyzed",
        "is valid",
        "is not valid",
        "shrink",
        "truncate",
        "Truncate",
        "Reached EOF",
        "check",
    ];
    printed.lines().filter(|line| parts.iter().any(|part| line.contains(part))).collect()
}

/// A server with an AOF that has timestamps, a base with keys of every type, and an increment with a transaction; and an
/// RDB file with the same keys.
struct Files {
    server: Server,
}

impl Files {
    fn new(args: &[&str]) -> Self {
        let aof = ["--appendonly", "yes", "--aof-timestamp-enabled", "yes"];
        let server = Server::start(Kind::Genuine, &[&aof, args].concat());
        let mut client = server.client();
        fill(&mut client);
        client.line("BGREWRITEAOF");
        let manifest = server.folder().join("appendonlydir/appendonly.aof.manifest");
        let is_rewritten = || fs::read_to_string(&manifest).is_ok_and(|text| text.contains(".2.base"));
        eventually("a rewrite", || is_rewritten().then_some(()));
        for line in ["SET after rewrite", "MULTI", "SET a b", "INCR n", "EXEC", "RPUSH l 2"] {
            client.line(line);
        }
        assert_eq!(client.line("SAVE").text(), "OK");
        Files { server }
    }

    fn folder(&self) -> PathBuf {
        self.server.folder().join("appendonlydir")
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.server.folder().join(name)).expect(name)
    }

    fn rdb(&self) -> Vec<u8> {
        self.read("dump.rdb")
    }

    /// The increment, and behind it a timestamp and a command of another second.
    fn increment(&self) -> Vec<u8> {
        let mut bytes = self.read("appendonlydir/appendonly.aof.2.incr.aof");
        formats::aof::timestamp(&mut bytes, 33_177_117_420);
        command(&mut bytes, ["SET", "last", "v"].iter());
        bytes
    }
}

fn fill(client: &mut Client) {
    for number in 0..200 {
        for line in [
            format!("RPUSH list element-{number}"),
            format!("SADD set member-{number}"),
            format!("ZADD zset {number}.25 member-{number}"),
            format!("HSET hash field-{number} {number}"),
        ] {
            client.line(&line);
        }
    }
    for line in ["RPUSH l a 1", "SADD s 1 2", "ZADD z 1 a", "HSET h f v", "XADD stream 1-1 f v", "SET n 12"] {
        client.line(line);
    }
    for line in ["SET later x PXAT 33177117420000", "SELECT 3", "SET text words", "SELECT 0"] {
        client.line(line);
    }
    let library = "#!lua name=lib\nredis.register_function('f', function() return 1 end)";
    assert_eq!(client.call(&["FUNCTION", "LOAD", library]).text(), "lib");
}

#[test]
fn sound_files_give_the_same_lines() {
    let files = Files::new(&[]);
    let (rdb, increment) = (files.rdb(), files.increment());
    let with_preamble = [&rdb[..], &increment].concat();
    for (tool, bytes) in [("check-rdb", &rdb), ("check-aof", &increment), ("check-aof", &with_preamble)] {
        let [genuine, ours] = [Kind::Genuine, Kind::Ours].map(|kind| outcome(kind, tool, bytes, &[], ""));
        assert_eq!(ours, genuine);
        assert_eq!(ours.0, Some(0));
    }
    let [genuine, ours] = [Kind::Genuine, Kind::Ours].map(|kind| {
        let finished = check(kind, "check-aof", &files.folder(), &["appendonly.aof.manifest"], "");
        // Redis 7.2 prints the RDB's path, 7.0 its name.
        (finished.code, finished.stdout.replace("file ./", "file "))
    });
    assert_eq!(ours, genuine);
    assert!(ours.1.contains("All AOF files and manifest are valid"), "{}", ours.1);
}

/// What redis-check-rdb prints, but for two things: 7.0 has no name for a type of its own; and before there is a key, it
/// prints the type that its memory begins with.
fn genuine_rdb_lines(printed: &str) -> String {
    let printed = printed.replace("19 (unknown)", "19 (stream-v2)");
    match printed.contains("[info] 0 keys read") {
        true => printed.replace("[additional info] Reading type 0 (string)\n", ""),
        false => printed,
    }
}

#[test]
fn a_cut_rdb_file_is_told_of_in_the_same_words() {
    let rdb = Files::new(&[]).rdb();
    for cut in (0..rdb.len()).step_by(47) {
        let [genuine, ours] =
            [Kind::Genuine, Kind::Ours].map(|kind| outcome(kind, "check-rdb", &rdb[..cut], &[], ""));
        let lines = genuine_rdb_lines(&genuine.1);
        assert_eq!((ours.0, rdb_lines(&ours.1)), (genuine.0, rdb_lines(&lines)), "cut at {cut}");
        assert_eq!(ours.0, Some(1));
    }
}

/// With a checksum, all of it; without, what contradicts itself. Behind a damaged length everything is chance, so the
/// lines need not be the same.
#[test]
fn damage_in_an_rdb_file_is_found() {
    for args in [&[][..], &["--rdbchecksum", "no"]] {
        let rdb = Files::new(args).rdb();
        for at in (0..rdb.len()).step_by(101) {
            let mut damaged = rdb.clone();
            damaged[at] ^= 1 << (at % 8);
            let [genuine, ours] =
                [Kind::Genuine, Kind::Ours].map(|kind| outcome(kind, "check-rdb", &damaged, &[], ""));
            assert_eq!(ours.0 == Some(1), ours.1.contains("--- RDB ERROR DETECTED ---"), "byte {at}");
            // A value of a later type, which 7.0 does not know; or a stream that contradicts itself, which it does not see.
            let is_later = genuine.1.contains("Invalid object type: 2");
            let is_stricter = ours.1.contains("Reading key 'stream'");
            if !is_later && !is_stricter {
                assert_eq!(ours.0, genuine.0, "byte {at} {args:?}\n{}\n{}", genuine.1, ours.1);
            }
        }
    }
}

/// Whether the end of the file cuts an annotation, which redis-check-aof takes as whole.
fn ends_in_annotation(bytes: &[u8]) -> bool {
    let line = bytes.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    line.starts_with(b"#")
}

#[test]
fn a_cut_aof_is_repaired_to_the_same_bytes() {
    let increment = Files::new(&[]).increment();
    for cut in 0..increment.len() {
        let bytes = &increment[..cut];
        let [genuine, ours] =
            [Kind::Genuine, Kind::Ours].map(|kind| outcome(kind, "check-aof", bytes, &["--fix"], "y\n"));
        if ends_in_annotation(bytes) {
            assert_eq!(genuine.2.len(), cut);
            let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            assert_eq!(ours.2, bytes[..whole], "cut at {cut}");
        } else {
            assert_eq!((ours.0, &ours.2), (genuine.0, &genuine.2), "cut at {cut}: {}", ours.1);
            assert_eq!(aof_lines(&ours.1), aof_lines(&genuine.1), "cut at {cut}");
        }
    }
    let cut = &increment[..increment.len() - 3];
    for answer in ["n\n", "", "x\ny\n"] {
        let [genuine, ours] =
            [Kind::Genuine, Kind::Ours].map(|kind| outcome(kind, "check-aof", cut, &["--fix"], answer));
        assert_eq!((ours.0, &ours.1, &ours.2[..]), (Some(1), &genuine.1, cut), "{answer:?}");
    }
}

#[test]
fn a_damaged_aof_is_found_at_the_same_place() {
    let increment = Files::new(&[]).increment();
    for at in 0..increment.len() {
        let mut damaged = increment.clone();
        damaged[at] ^= 1 << (at % 8);
        let [genuine, ours] =
            [Kind::Genuine, Kind::Ours].map(|kind| outcome(kind, "check-aof", &damaged, &[], ""));
        // Where ours is stricter: a lost line end makes an annotation reach to the end of the file; no command is empty.
        if ours.1.contains("in an annotation") || ours.1.contains("Expected a command of 0 arguments") {
            assert_eq!(ours.0, Some(1));
            continue;
        }
        assert_eq!(ours.0, genuine.0, "byte {at}: {}{}", genuine.1, ours.1);
        assert_eq!(aof_lines(&ours.1), aof_lines(&genuine.1), "byte {at}");
    }
}

/// Commands of three seconds.
fn timestamps() -> Vec<u8> {
    let mut log = Vec::new();
    for (seconds, key) in [(100, "a"), (200, "b"), (300, "c")] {
        formats::aof::timestamp(&mut log, seconds);
        command(&mut log, ["SET", key, "v"].iter());
    }
    log
}

#[test]
fn what_is_too_young_is_cut_at_the_same_place() {
    let log = timestamps();
    for seconds in ["99", "100", "199", "250", "300", "301", "x", "1x"] {
        let args = ["--truncate-to-timestamp", seconds];
        let [genuine, ours] =
            [Kind::Genuine, Kind::Ours].map(|kind| outcome(kind, "check-aof", &log, &args, ""));
        assert_eq!(ours, genuine, "{seconds}");
    }
    let wrong = [&log[..], b"#TS:12x\r\n"].concat();
    let args = ["--truncate-to-timestamp", "1000"];
    let [genuine, ours] =
        [Kind::Genuine, Kind::Ours].map(|kind| outcome(kind, "check-aof", &wrong, &args, ""));
    assert_eq!(ours, genuine);
}

/// Lines of Redis's log begin with a process, a time and a mark, which ours do not have; and redis-check-aof goes on
/// counting lines where the next file begins.
fn without_prefixes_and_line_numbers(printed: &str) -> Vec<String> {
    let message =
        |line: &str| line.split_once(" # ").map_or(line, |(_, message)| message).trim_end().to_owned();
    let without_number = |line: String| match (line.find("ok_up_to_line="), line.find(", diff=")) {
        (Some(start), Some(end)) => [&line[..start], &line[end..]].concat(),
        _ => line,
    };
    printed.lines().map(message).filter(|line| !line.is_empty()).map(without_number).collect()
}

#[test]
fn manifests_are_judged_alike() {
    let ping = b"*1\r\n$4\r\nPING\r\n";
    let parts: [(&str, &[u8]); 3] = [("one", ping), ("torn", &ping[..9]), ("empty", b"")];
    let manifests = [
        "file one seq 1 type b\nfile empty seq 1 type i\n",
        "file one seq 1 type i\nfile torn seq 2 type i\n",
        "file torn seq 1 type b\nfile one seq 1 type i\n",
        "# comment\nfile one seq 1 type b\nfile missing seq 1 type i\n",
        "file missing seq 1 type b\n",
        "file one seq 1 type h\n",
        "file one seq 1 type x\n",
        "file one seq 1\n",
        "file one seq 1 type b\nfile one seq 2 type b\n",
        "file one seq 2 type i\nfile one seq 2 type i\n",
        "file ../one seq 1 type b\n",
        "file one seq 1 type b",
    ];
    for (manifest, args) in
        manifests.iter().flat_map(|manifest| [(manifest, &[][..]), (manifest, &["--fix"])])
    {
        let [genuine, ours] = [Kind::Genuine, Kind::Ours].map(|kind| {
            let folder = folder_with(manifest.as_bytes());
            for (name, bytes) in parts {
                fs::write(folder.path().join(name), bytes).expect("writing a file");
            }
            let finished = check(kind, "check-aof", folder.path(), &[args, &[FILE]].concat(), "y\n");
            let left = parts.map(|(name, _)| fs::read(folder.path().join(name)).expect(name));
            (finished.code, finished.stdout, left)
        });
        assert_eq!((ours.0, &ours.2), (genuine.0, &genuine.2), "{manifest} {args:?}");
        let [genuine, ours] = [genuine.1, ours.1].map(|printed| without_prefixes_and_line_numbers(&printed));
        assert_eq!(ours, genuine, "{manifest} {args:?}");
    }
}

#[test]
fn what_is_no_file_is_an_error() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (tool, args) in [
        ("check-rdb", &["missing"][..]),
        ("check-aof", &["missing"]),
        ("check-aof", &["a", "b", "c", "d"]),
        ("check-rdb", &[]),
        ("check-aof", &[]),
    ] {
        let [genuine, ours] =
            [Kind::Genuine, Kind::Ours].map(|kind| check(kind, tool, folder.path(), args, ""));
        assert_eq!((ours.code, genuine.code), (Some(1), Some(1)), "{tool} {args:?}");
        if !args.is_empty() && args.len() < 3 {
            assert_eq!(ours.stdout, genuine.stdout, "{tool} {args:?}");
        }
    }
}

/// Commands with checksum lines, each value of ten letters.
fn checksummed() -> Vec<u8> {
    let (mut file, mut sums) = (Vec::new(), Checksums::default());
    for number in 0..100 {
        let mut piece = Vec::new();
        command(&mut piece, ["SET", &format!("key:{number}"), "abcdefghij"].iter());
        sums.seal(&mut piece, 1000);
        file.extend(piece);
    }
    let mut last = Vec::new();
    sums.seal(&mut last, 1);
    [file, last].concat()
}

#[test]
fn genuine_redis_loads_a_checksummed_aof() {
    let file = checksummed();
    assert_eq!(outcome(Kind::Genuine, "check-aof", &file, &[], "").0, Some(0));
    let folder = folder_with(&file);
    let path = folder.path().to_string_lossy();
    let server =
        Server::start(Kind::Genuine, &["--appendonly", "yes", "--appendfilename", FILE, "--dir", &path]);
    let mut client = server.client();
    assert_eq!(client.line("DBSIZE"), suites::Value::Integer(100));
    assert_eq!(client.line("GET key:99").text(), "abcdefghij");
}

/// What only the checksum lines tell.
/// The end of a block has never come, and a sector of zeros within a value may be one that was not written: nothing of the
/// block is kept, as by the server itself.
#[test]
fn a_block_that_the_power_has_torn_is_cut_off() {
    let mut bytes = checksummed();
    let before = bytes.len();
    let mut commands = Vec::new();
    for (key, fill) in [("whole", b'x'), ("torn", 0)] {
        command(&mut commands, [&b"SET"[..], key.as_bytes(), &[fill; 2000]].iter());
    }
    Block { synced: before as u64, len: commands.len() as u64 }.begin(&mut bytes);
    bytes.extend(commands);
    for cut in [0, 1, 1500] {
        let left = &bytes[..bytes.len() - cut];
        assert_eq!(outcome(Kind::Ours, "check-aof", left, &[], "").0, Some(1), "{cut} bytes less");
        let (code, printed, repaired) = outcome(Kind::Ours, "check-aof", left, &["--fix"], "y\n");
        assert!(code == Some(0) && repaired == bytes[..before], "{cut} bytes less: {printed}");
    }
    bytes.iter_mut().filter(|byte| **byte == 0).for_each(|byte| *byte = b'y');
    let (code, printed, _) = outcome(Kind::Ours, "check-aof", &bytes, &[], "");
    assert_eq!(code, Some(0), "no sector is missing: {printed}");
}

#[test]
fn a_flipped_bit_in_a_value_is_found() {
    let mut file = checksummed();
    assert_eq!(ours("check-aof", &file, &[]).code, Some(0));
    let place = file.windows(6).position(|bytes| bytes == b"key:50").expect("it is there") + 20;
    file[place] ^= 1;
    assert_eq!(outcome(Kind::Genuine, "check-aof", &file, &[], "").0, Some(0));
    let found = ours("check-aof", &file, &["--json"]);
    assert_eq!(found.code, Some(1));
    let report: Json = serde_json::from_str(&found.stdout).expect("JSON");
    let part = &report["files"][0];
    let (from, to) =
        (part["ok_up_to"].as_u64().expect("ok_up_to"), part["error"]["offset"].as_u64().expect("offset"));
    assert!(from < place as u64 && (place as u64) < to, "{part}");
    assert_eq!(part["verified"].as_u64(), Some(from));
    // The repair keeps what is vouched for.
    let fixed = outcome(Kind::Ours, "check-aof", &file, &["--fix"], "y\n");
    assert_eq!((fixed.0, &fixed.2[..]), (Some(0), &file[..from as usize]));
}

#[test]
fn reports_count_what_is_there() {
    let files = Files::new(&[]);
    let report: Json =
        serde_json::from_str(&ours("check-rdb", &files.rdb(), &["--json"]).stdout).expect("JSON");
    assert_eq!((&report["ok"], &report["checksum"]), (&true.into(), &"verified".into()));
    assert_eq!(
        (&report["keys"], &report["expires"], &report["functions"]),
        (&14.into(), &1.into(), &1.into())
    );
    assert_eq!(report["types"]["string"]["keys"], 5);
    assert_eq!(report["databases"]["3"]["keys"], 1);
    assert_eq!(report["biggest"][0]["type"], "zset");
    assert_eq!(report["aux"]["redis-bits"], "64");

    let finished =
        check(Kind::Ours, "check-aof", &files.folder(), &["--json", "appendonly.aof.manifest"], "");
    let report: Json = serde_json::from_str(&finished.stdout).expect("JSON");
    assert_eq!((&report["ok"], &report["style"]), (&true.into(), &"multi-part".into()));
    let [base, increment] = [0, 1].map(|index| &report["files"][index]);
    assert_eq!((&base["kind"], &base["rdb"]["functions"]), (&"BASE AOF".into(), &1.into()));
    assert_eq!(increment["commands"]["SET"], 2);
    assert_eq!((&increment["commands"]["MULTI"], &increment["commands"]["EXEC"]), (&1.into(), &1.into()));
    let report: Json =
        serde_json::from_str(&ours("check-aof", &timestamps(), &["--json"]).stdout).expect("JSON");
    let part = &report["files"][0];
    assert_eq!((&part["first_timestamp"], &part["last_timestamp"]), (&100.into(), &300.into()));
}

/// Problems in values end nothing in a report: all of them are told.
#[test]
fn a_report_tells_of_every_damaged_value() {
    let mut rdb = Files::new(&["--rdbchecksum", "no", "--rdbcompression", "no"]).rdb();
    for text in [&b"element-150"[..], b"member-7"] {
        let place = rdb.windows(text.len()).position(|bytes| bytes == text).expect("it is there");
        rdb[place - 1] ^= 0x40;
    }
    let found = ours("check-rdb", &rdb, &["--json"]);
    let report: Json = serde_json::from_str(&found.stdout).expect("JSON");
    assert_eq!((found.code, &report["ok"]), (Some(1), &false.into()));
    assert!(report["errors"].as_array().is_some_and(|errors| !errors.is_empty()), "{report}");
    assert_eq!(report["errors"][0]["doing"], "read-object-value");
}
