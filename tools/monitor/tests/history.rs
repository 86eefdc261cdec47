//! History on disk: rows, roll-ups, retention, and what a crash leaves.

mod common;

use common::Directory;
use monitor::collect::Round;
use monitor::facts::{Facts, Info};
use monitor::history::{History, Keep, Level, Span, Writer, changes};
use monitor::target::Target;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const HOUR: i64 = 3_600_000;
const ALL: Span = Span { from: 0, to: i64::MAX };

fn round(at: i64, memory: i64, role: &str) -> Arc<Round> {
    let info =
        Info::parse(&format!("run_id:a\nrole:{role}\nused_memory:{memory}\ntotal_commands_processed:{at}\n"));
    let target = Target::parse("redis://h").unwrap();
    let facts = Facts { info, ..Facts::default() };
    Arc::new(Round { at, target, discovered: false, took: Duration::ZERO, outcome: Ok(facts) })
}

fn read(path: &Path, level: Level) -> Value {
    History::read(path, "redis://h", &["mem", "cmd/s"], ALL, Some(level)).unwrap().to_json()
}

#[test]
fn rows_are_rolled_up_exported_and_forgotten() {
    let directory = Directory::new();
    let path = directory.0.join("history.db");
    let writer = Writer::start(&path, Keep { raw: HOUR, minute: 10 * HOUR, hour: 100 * HOUR }).unwrap();
    let start = 1_000 * HOUR;
    for second in 0..180 {
        assert!(writer.round(round(start + second * 1000, 100 + second, "master")));
    }
    drop(writer);
    let raw = read(&path, Level::Raw);
    assert_eq!(raw["at"].as_array().unwrap().len(), 180);
    assert_eq!((&raw["series"]["cmd/s"][0], &raw["series"]["cmd/s"][1]), (&Value::Null, &json!(1000.0)));

    // A second run continues: two minutes are rolled up once, whatever was there.
    let writer = Writer::start(&path, Keep { raw: HOUR, minute: 10 * HOUR, hour: 100 * HOUR }).unwrap();
    writer.round(round(start + 180_000, 5, "slave"));
    writer.round(round(start + 181_000, 5, "master"));
    let (before, now) = (round(0, 1, "slave"), round(0, 1, "master"));
    for change in changes(before.facts().unwrap(), now.facts().unwrap()) {
        assert!(writer.mark(change.at(start, "redis://h")));
    }
    drop(writer);
    let minutes = read(&path, Level::Minute);
    assert_eq!(minutes["at"], json!([start, start + 60_000, start + 120_000, start + 180_000]));
    assert_eq!(minutes["series"]["mem"], json!([129.5, 189.5, 249.5, 5.0]));
    assert_eq!(read(&path, Level::Hour)["at"], json!([start]));
    let events = History::events(&path, ALL).unwrap();
    assert_eq!(events[0]["text"], "the role changed from slave to master");
    let csv = History::read(&path, "redis://h", &["mem"], ALL, Some(Level::Minute)).unwrap().to_csv();
    assert!(csv.starts_with(&format!("at,mem\n{start},129.5\n")), "{csv}");
    assert_eq!(History::read(&path, "redis://other", &[], ALL, None).unwrap().to_json()["at"], json!([]));

    // Two hours later the raw rows are old, the minutes are not.
    let writer = Writer::start(&path, Keep { raw: HOUR, minute: 10 * HOUR, hour: 100 * HOUR }).unwrap();
    writer.round(round(start + 2 * HOUR, 7, "master"));
    drop(writer);
    assert_eq!(read(&path, Level::Raw)["at"], json!([start + 2 * HOUR]));
    assert_eq!(read(&path, Level::Minute)["at"].as_array().unwrap().len(), 5);
}

#[test]
fn a_killed_monitor_leaves_a_whole_database() {
    let directory = Directory::new();
    let path = directory.0.join("history.db");
    let server = common::Server::start(&[]);
    let child = std::process::Command::new(env!("CARGO_BIN_EXE_carnelian-monitor"))
        .args(["--port", "0", "--interval", "0.1", "--history"])
        .args([path.as_os_str(), server.url().as_ref()])
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let process = common::Process(child);
    let rows = || {
        let all = History::read(&path, &server.url(), &["mem"], ALL, Some(Level::Raw));
        all.map_or(0, |history| history.to_json()["at"].as_array().unwrap().len())
    };
    common::wait_for("rows", || rows() > 5);
    drop(process);
    let left = rows();
    assert!(left > 5);
    let writer = Writer::start(&path, Keep::days(1, 1, 1)).unwrap();
    writer.round(round(monitor::collect::now_ms(), 1, "master"));
    drop(writer);
    assert_eq!(rows(), left, "nothing is lost");
    assert!(
        !History::read(&path, &server.url(), &[], ALL, Some(Level::Minute)).unwrap().to_json()["at"]
            .as_array()
            .unwrap()
            .is_empty()
    );
}
