//! Backups in a bucket: the whole tool against a service on loopback that checks signatures.

mod stub;

use std::process::Command;
use std::sync::atomic::Ordering;

use formats::rdb::file::{FileWriter, Key, Options, Value};
use serde_json::Value as Json;
use stub::{BUCKET, KEY_ID, REGION, SECRET, Stub};
use suites::{Finished, Kind, run};
use tempfile::TempDir;

/// A snapshot of about so many bytes that do not compress.
fn snapshot(bytes: usize) -> Vec<u8> {
    const VALUE: usize = 100_000;
    let options = Options { compress: false, ..Options::default() };
    let mut writer = FileWriter::new(Vec::new(), options).expect("a writer");
    writer.database(0, 0, 0).expect("a database");
    let mut state = 1u64;
    for number in 0..bytes.div_ceil(VALUE) {
        let value: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u8
        })
        .take(VALUE)
        .collect();
        let key = number.to_string().into_bytes();
        let value = Value::String(&value);
        writer.key(&Key { key: &key, value, expiry: None, idle: None, frequency: None }).expect("a key");
    }
    writer.finish().expect("the end")
}

/// A service, a folder with a snapshot, and the tool.
struct Bench {
    stub: Stub,
    folder: TempDir,
    snapshot: Vec<u8>,
}

impl Bench {
    fn new(bytes: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let snapshot = snapshot(bytes);
        std::fs::write(folder.path().join("dump.rdb"), &snapshot).expect("writing");
        Self { stub: Stub::start(), folder, snapshot }
    }

    fn run_as(&self, secret: &str, line: &str) -> Finished {
        let mut command = Command::new(Kind::Ours.program());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
            command.env_remove(name);
        }
        command
            .args(line.split_whitespace())
            .current_dir(self.folder.path())
            .env("AWS_ACCESS_KEY_ID", KEY_ID)
            .env("AWS_SECRET_ACCESS_KEY", secret)
            .env("AWS_REGION", REGION)
            .env("AWS_ENDPOINT_URL", self.stub.url());
        let finished = run(&mut command, b"");
        assert!(!format!("{}{}", finished.stdout, finished.stderr).contains(secret), "{}", finished.stderr);
        finished
    }

    /// What a command answers as JSON; it must end with this code.
    fn json(&self, line: &str, code: i32) -> Json {
        let finished = self.run_as(SECRET, &format!("{line} --json"));
        assert_eq!(finished.code, Some(code), "{line}: {}{}", finished.stdout, finished.stderr);
        serde_json::from_str(&finished.stdout).expect("JSON")
    }

    fn take(&self, options: &str) -> Json {
        self.json(&format!("backup dump.rdb s3://{BUCKET}/redis/main {options}"), 0)
    }
}

#[test]
fn there_and_back_in_parts() {
    let bench = Bench::new(19 << 20);
    let taken = bench.take("--label big");
    assert_eq!((&taken["contents"]["keys"], &taken["method"]), (&200.into(), &"file".into()));
    let name = taken["name"].as_str().expect("a name");
    assert_eq!(bench.stub.names(), [format!("redis/main/{name}.json"), format!("redis/main/{name}.rdb")]);
    assert_eq!(bench.stub.object(&format!("redis/main/{name}.rdb")), bench.snapshot);
    assert_eq!((bench.stub.largest_part(), bench.stub.requests("partNumber")), (8 << 20, 3));

    let place = format!("s3://{BUCKET}/redis/main");
    let listed = bench.json(&format!("backup list {place}"), 0);
    assert_eq!(
        (&listed["backups"][0]["name"], &listed["backups"][0]["whole"]),
        (&taken["name"], &true.into())
    );
    let verified = bench.json(&format!("backup verify {place}"), 0);
    assert_eq!(verified["backups"][0]["ok"], true);
    bench.json(&format!("restore {place} latest back.rdb"), 0);
    assert_eq!(std::fs::read(bench.folder.path().join("back.rdb")).expect("the file"), bench.snapshot);
    // By the name of its file, too.
    bench.json(&format!("restore {place}/{name}.rdb again.rdb"), 0);
}

#[test]
fn who_has_not_the_key_is_told_so() {
    let bench = Bench::new(1000);
    for task in ["backup dump.rdb", "backup list", "backup verify", "backup prune"] {
        let finished = bench.run_as("another", &format!("{task} s3://{BUCKET}/redis"));
        assert_eq!(finished.code, Some(1), "{task}");
        let expected = format!("s3://{BUCKET}/redis");
        assert!(finished.stderr.contains(&expected), "{task}: {}", finished.stderr);
        assert!(
            finished.stderr.contains("signature") || finished.stderr.contains("403"),
            "{}",
            finished.stderr
        );
    }
    assert_eq!(bench.stub.names(), [""; 0]);
    let elsewhere = bench.run_as(SECRET, "backup dump.rdb s3://elsewhere/redis");
    assert_eq!(elsewhere.code, Some(1));
    assert!(elsewhere.stderr.contains("NoSuchBucket"), "{}", elsewhere.stderr);
    let region = bench.run_as(SECRET, &format!("backup list s3://{BUCKET} --s3-region mars"));
    assert!(region.stderr.contains("AuthorizationHeaderMalformed"), "{}", region.stderr);
}

/// The stub itself: what it lets in is signed with its own key.
#[test]
fn the_stub_refuses_what_is_not_signed() {
    let bench = Bench::new(1000);
    let skipped = Command::new(Kind::Ours.program())
        .args(["backup", "list", &format!("s3://{BUCKET}")])
        .envs([
            ("AWS_SKIP_SIGNATURE", "true"),
            ("AWS_ENDPOINT_URL", &bench.stub.url()),
            ("AWS_REGION", REGION),
        ])
        .output()
        .expect("the tool");
    assert_eq!(skipped.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&skipped.stderr).contains("Access Denied"), "{skipped:?}");
}

#[test]
fn connections_that_die_are_taken_up_again() {
    let bench = Bench::new(9 << 20);
    bench.stub.cut_uploads.store(2, Ordering::Relaxed);
    bench.take("--label a");
    assert_eq!(bench.stub.cut_uploads.load(Ordering::Relaxed), 0);
    bench.stub.cut_downloads.store(2, Ordering::Relaxed);
    let place = format!("s3://{BUCKET}/redis/main");
    bench.json(&format!("restore {place} back.rdb"), 0);
    assert_eq!(bench.stub.cut_downloads.load(Ordering::Relaxed), 0);
    assert_eq!(std::fs::read(bench.folder.path().join("back.rdb")).expect("the file"), bench.snapshot);
}

#[test]
fn what_cannot_be_stored_leaves_nothing() {
    let bench = Bench::new(9 << 20);
    bench.stub.cut_uploads.store(u64::MAX, Ordering::Relaxed);
    let failed = bench.json(&format!("backup dump.rdb s3://{BUCKET}/redis/main"), 1);
    assert!(failed["error"].as_str().expect("words").starts_with("writing s3://"), "{failed}");
    assert_eq!((bench.stub.names(), bench.stub.open_uploads()), (Vec::new(), 0));
    // A snapshot that is damaged is noticed when most of it has been sent.
    bench.stub.cut_uploads.store(0, Ordering::Relaxed);
    let mut damaged = bench.snapshot.clone();
    let last = damaged.len() - 50_000;
    damaged[last] ^= 1;
    std::fs::write(bench.folder.path().join("dump.rdb"), &damaged).expect("writing");
    bench.json(&format!("backup dump.rdb s3://{BUCKET}/redis/main"), 3);
    assert_eq!((bench.stub.names(), bench.stub.open_uploads()), (Vec::new(), 0));
}

#[test]
fn damage_is_found_and_nothing_is_restored() {
    let bench = Bench::new(300_000);
    let taken = bench.take("--compress zstd:1");
    let object = format!("redis/main/{}", taken["file"].as_str().expect("a file"));
    let place = format!("s3://{BUCKET}/redis/main");
    let good = bench.stub.object(&object);
    for (at, damaged) in
        [(0, false), (good.len() / 2, false), (good.len() - 1, false), (good.len() / 2, true)]
    {
        let mut bytes = good.clone();
        match damaged {
            true => bytes.truncate(at),
            false => bytes[at] ^= 1,
        }
        bench.stub.put(&object, bytes);
        for line in [
            format!("restore {place} {} x.rdb", taken["name"].as_str().expect("a name")),
            format!("backup verify {place} {} --checksum-only", taken["name"].as_str().expect("a name")),
        ] {
            let failed = bench.json(&line, 3);
            let words = failed["error"].as_str().or(failed["backups"][0]["error"].as_str()).expect("words");
            assert!(words.starts_with("damaged: s3://"), "{words}");
        }
        assert!(!bench.folder.path().join("x.rdb").exists());
    }
    bench.stub.put(&object, good);
    assert_eq!(bench.json(&format!("backup verify {place}"), 0)["ok"], true);
}

#[test]
fn pruning_keeps_the_rules_and_what_is_not_ours() {
    let bench = Bench::new(1000);
    for _ in 0..4 {
        bench.take("--label a");
    }
    bench.take("--label b");
    for (name, bytes) in [("notes.json", &b"{}"[..]), ("other.rdb", b"REDIS"), ("deeper/a.json", b"{}")] {
        bench.stub.put(&format!("redis/main/{name}"), bytes.to_vec());
    }
    let place = format!("s3://{BUCKET}/redis/main");
    let rules = "--keep-last 2 --keep-hourly 0 --keep-daily 0";
    let dry = bench.json(&format!("backup prune {place} {rules} --dry-run"), 0);
    let before = bench.stub.names();
    assert_eq!((before.len(), dry["removed"].as_array().map(Vec::len)), (13, Some(2)));
    let done = bench.json(&format!("backup prune {place} {rules}"), 0);
    assert_eq!(done["removed"], dry["removed"]);
    let left = bench.stub.names();
    assert_eq!(left.len(), 9);
    for name in dry["removed"].as_array().expect("names") {
        assert!(before.iter().any(|object| object.contains(name.as_str().expect("a name"))));
        assert!(!left.iter().any(|object| object.contains(name.as_str().expect("a name"))), "{left:?}");
    }
    // And with each backup that is taken.
    let taken = bench.take(&format!("--label a --prune {rules}"));
    assert_eq!(taken["pruned"].as_array().map(Vec::len), Some(1));
    let listed = bench.json(&format!("backup list {place}"), 0);
    assert_eq!(
        (listed["backups"].as_array().map(Vec::len), listed["strange"].as_array().map(Vec::len)),
        (Some(3), Some(1))
    );
}
