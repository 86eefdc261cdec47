//! `carnelian top` and `carnelian monitor faina` as processes.

mod common;

use common::{Process, Server, wait_for};
use std::io::Write;
use std::process::{Command, Stdio};
use suites::free_port;

const PROGRAM: &str = env!("CARGO_BIN_EXE_carnelian-monitor");

fn top(arguments: &[&str]) -> (Option<i32>, String) {
    let output =
        Command::new(PROGRAM).arg("top").args(arguments).env_remove("REDISCLI_AUTH").output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn rows_sum_the_servers() {
    let (a, b) = (Server::start(&["--requirepass", "pw"]), Server::start(&["--requirepass", "pw"]));
    let hosts = [format!("127.0.0.1:{}", a.port), format!("127.0.0.1:{}/pw", b.port)];
    let (code, text) = top(&[&hosts[0], &hosts[1], "0.2", "2", "-a", "pw", "--style", "ascii"]);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(text.matches("  redis_version").count(), 2, "{text}");
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
    assert_eq!(rows.len(), 3, "a head and two rows: {text}");
    let cells = |row: &str| row.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let (head, last) = (cells(rows[0]), cells(rows[2]));
    let value = |name: &str| last[head.iter().position(|own| own == name).unwrap()].clone();
    assert_eq!((value("cl"), value("keys"), value("bcl")), ("2".into(), "0".into(), "0".into()));
    assert!(value("mem").ends_with("MB") && value("cmd/s") != "-", "{text}");
}

#[test]
fn csv_json_and_a_dead_server() {
    let server = Server::start(&[]);
    let host = format!("127.0.0.1:{}", server.port);
    let (code, text) = top(&[&host, "0.2", "1", "-v", "--csv"]);
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    assert!(code == Some(0) && lines.len() == 2 && lines[0].len() == lines[1].len(), "{text}");
    assert!(lines[0].contains(&"frag") && lines[0][0] == "time", "{text}");
    let (_, text) = top(&[&host, "0.2", "1", "--json"]);
    let row: serde_json::Value = serde_json::from_str(text.trim_end()).unwrap();
    assert!(row["mem"].as_f64().unwrap() > 100_000.0 && row["at"].is_i64(), "{text}");
    let (code, text) = top(&[&format!("127.0.0.1:{}", free_port()), "0.1", "1", "--style", "ascii"]);
    assert!(code == Some(1) && text.contains("cannot connect") && text.contains("    -|"), "{text}");
    assert_eq!(top(&["a b"]).0, Some(2));
}

#[test]
fn a_real_monitor_log() {
    let server = Server::start(&[]);
    let mut reader = Command::new("redis-cli")
        .args(["-p", &server.port.to_string(), "MONITOR"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let log = reader.stdout.take().unwrap();
    let process = Process(reader);
    wait_for("MONITOR", || server.call("CLIENT LIST").contains("cmd=monitor"));
    for number in 0..20 {
        server.call(&format!("SET user:{} v", number % 4));
    }
    drop(process);
    let text = std::io::read_to_string(log).unwrap();
    let mut child = Command::new(PROGRAM)
        .args(["faina", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let sets = found["commands"].as_array().unwrap().iter().find(|command| command["name"] == "SET").unwrap();
    let prefix = &found["prefixes"][0];
    assert_eq!(
        (sets["count"].as_u64(), prefix["name"].as_str(), prefix["count"].as_u64()),
        (Some(20), Some("user"), Some(20)),
        "{found}"
    );
    assert_eq!(found["skipped"], 0, "{text}");
    assert_eq!(
        Command::new(PROGRAM).args(["faina", "/no/such/file"]).stderr(Stdio::null()).status().unwrap().code(),
        Some(1)
    );
}
