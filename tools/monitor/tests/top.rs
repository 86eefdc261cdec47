//! `carnelian top` and `carnelian monitor faina` as processes.

mod common;

use common::{Process, Server, wait_for};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;
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
    // Ended from the other side, redis-cli prints everything that it was sent.
    server.call("CLIENT KILL TYPE normal");
    let text = std::io::read_to_string(log).unwrap();
    drop(process);
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

/// Answers each POST with 200 and hands its text over.
fn elasticsearch() -> (u16, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, requests) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            let (mut text, mut bytes) = (String::new(), [0; 4096]);
            while !text.ends_with('}') {
                match stream.read(&mut bytes) {
                    Ok(len) if len > 0 => text.push_str(&String::from_utf8_lossy(&bytes[..len])),
                    _ => break,
                }
            }
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            if sender.send(text).is_err() {
                return;
            }
        }
    });
    (port, requests)
}

#[test]
fn documents_for_elasticsearch() {
    let (a, b) = (Server::start(&[]), Server::start(&[]));
    let (port, requests) = elasticsearch();
    let hosts = [a.port, b.port].map(|port| format!("127.0.0.1:{port}"));
    let (code, _) = top(&[&hosts[0], &hosts[1], "0.2", "2", "--es", &format!("127.0.0.1:{port}/stats")]);
    assert_eq!(code, Some(0));
    let requests: Vec<String> = requests.try_iter().collect();
    assert_eq!(requests.len(), 4, "one a host and row");
    for (request, host) in requests.iter().zip(hosts.iter().cycle()) {
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /stats/_doc HTTP/1.1") && head.contains("application/json"), "{head}");
        let document: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(document["host"], host.as_str());
        assert!(document["@timestamp"].is_string() && document["at"].is_f64(), "{body}");
        assert!(document["mem"].as_f64().unwrap() > 100_000.0, "{body}");
    }
    let gone = ["127.0.0.1:1".to_owned(), format!("127.0.0.1:{port}")];
    let (code, text) = top(&[&hosts[0], "0.2", "1", "--es", &gone[0]]);
    assert!(code == Some(0) && text.contains("cmd/s"), "rows go on without Elasticsearch: {text}");
}

#[test]
fn styles_and_csv_files() {
    let server = Server::start(&[]);
    let host = format!("127.0.0.1:{}", server.port);
    let (_, text) = top(&[&host, "0.1", "1", "--no-color"]);
    assert!(text.contains("│") && text.contains("┌") && !text.contains('\x1b'), "{text}");
    let directory = common::Directory::new();
    let file = directory.0.join("rows.csv");
    let (code, text) = top(&[&host, "0.1", "3", &format!("--csv={}", file.display())]);
    assert!(code == Some(0) && text.is_empty(), "{text}");
    assert_eq!(std::fs::read_to_string(file).unwrap().lines().count(), 4);
    assert_eq!(top(&["--style", "baroque"]).0, Some(2));
}

#[test]
fn a_dashboard_in_the_background() {
    let server = Server::start(&[]);
    let port = free_port();
    let host = format!("127.0.0.1:{}", server.port);
    let (code, text) = top(&[&host, "0.5", &format!("--server={port}"), "--daemon"]);
    let process: u32 = text.split(' ').nth(1).and_then(|word| word.parse().ok()).expect("a process");
    assert!(code == Some(0) && text.contains(&format!("http://127.0.0.1:{port}")), "{text}");
    let served = || {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
        let asked =
            stream.write_all(b"GET /api/overview HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let mut text = String::new();
        asked.is_ok() && stream.read_to_string(&mut text).is_ok() && text.contains("\"role\":\"master\"")
    };
    wait_for("the dashboard", served);
    // A session of its own: field 6 of stat is the leader of the session.
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let session = stat.rsplit(") ").next().unwrap().split(' ').nth(3).unwrap().to_owned();
    Command::new("kill").arg(process.to_string()).status().unwrap();
    assert_eq!(session, process.to_string());
    wait_for("its end", || !std::path::Path::new(&format!("/proc/{process}/exe")).exists());
    assert_eq!(top(&["--daemon"]).0, Some(2));
}
