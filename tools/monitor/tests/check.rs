//! `carnelian monitor check` as Nagios and collectd run it, and the serving monitor as a process.

mod common;

use common::{Process, Server, liar, wait_for};
use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};
use suites::free_port;

const PROGRAM: &str = env!("CARGO_BIN_EXE_carnelian-monitor");

fn check(arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, .. } =
        Command::new(PROGRAM).arg("check").args(arguments).env_remove("REDISCLI_AUTH").output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap())
}

#[test]
fn exit_codes_and_performance_data() {
    let server = Server::start(&["--requirepass", "sesame"]);
    let url = format!("redis://:sesame@127.0.0.1:{}", server.port);
    let (code, line) =
        check(&[&url, "--skip", "uptime", "--skip", "load", "--skip", "disk", "--skip", "swap"]);
    assert_eq!(code, Some(0), "{line}");
    assert!(line.starts_with(&format!("REDIS OK - {}: 7.", server.url())), "{line}");
    let (text, data) = line.trim_end().split_once(" | ").unwrap();
    assert!(text.contains(" master up ") && text.contains(" clients, "), "{text}");
    assert!(
        data.contains("'down'=0;;0") && data.contains("'latency'=0.0") && data.contains("'keys'=0"),
        "{data}"
    );
    assert!(data.contains("'process-count'=1;1:1;"), "one process serves the port: {data}");

    let (code, line) = check(&[&url, "--only", "uptime"]);
    assert!(code == Some(1) && line.contains("WARNING") && line.contains("(warning below 300 s)"), "{line}");
    assert!(line.contains("'uptime'=") && line.contains("s;300:;"), "{line}");
    let (code, line) = check(&[&url, "--only", "min-clients", "-c", "min-clients=50"]);
    assert!(code == Some(2) && line.contains("CRITICAL") && line.contains("(critical below 50)"), "{line}");
    let (code, line) = check(&[&url, "--only", "evictions", "-w", "evictions=0", "--delta", "0.2"]);
    assert!(code == Some(0) && line.contains("'evictions'=0;0;"), "{line}");
    let (code, line) = check(&[&url, "--only", "uptime", "--format", "json"]);
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert!(
        code == Some(1) && value["level"] == "warning" && value["alerts"][0]["alert"] == "uptime",
        "{line}"
    );
}

#[test]
fn what_cannot_be_reached_is_critical_and_what_cannot_be_understood_unknown() {
    let server = Server::start(&["--requirepass", "sesame"]);
    let (code, line) = check(&[&server.url()]);
    assert!(code == Some(2) && line.contains("NOAUTH"), "{line}");
    let (code, line) = check(&[&format!("redis://:wrong@127.0.0.1:{}", server.port)]);
    assert!(code == Some(2) && line.contains("WRONGPASS"), "{line}");
    let (code, line) = check(&[&format!("redis://:pw@127.0.0.1:{}", free_port())]);
    assert!(code == Some(2) && line.contains("cannot connect") && !line.contains("pw"), "{line}");
    let (code, line) = check(&[&format!("redis://{}", liar(b"")), "-t", "0.3"]);
    assert!(code == Some(2) && line.contains("timed out"), "{line}");
    let (code, line) = check(&[&format!("redis://{}", liar(b"-ERR a|b\r\n-ERR a|b\r\n")), "-t", "0.3"]);
    assert!(code == Some(2) && line.matches('|').count() == 1, "{line}");
    for bad in [
        &["http://x"][..],
        &["redis://h", "-w", "nonsense=1"],
        &["redis://h", "--frmat"],
        &["redis://h", "-w", "memory"],
    ] {
        assert_eq!(check(bad).0, Some(3), "{bad:?}");
    }
}

#[test]
fn collectd_value_lists() {
    let server = Server::start(&[]);
    server.call("SET a 1");
    let output = Command::new(PROGRAM)
        .args(["check", &server.url(), "--format", "collectd", "--count", "2"])
        .env("COLLECTD_HOSTNAME", "web1")
        .env("COLLECTD_INTERVAL", "0.2")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let records = format!("PUTVAL \"web1/redis-127.0.0.1:{}/records-db0\" interval=0.2 ", server.port);
    assert_eq!(
        text.lines().filter(|line| line.starts_with(&records) && line.ends_with(":1")).count(),
        2,
        "{text}"
    );
    assert!(text.lines().all(|line| line.starts_with("PUTVAL \"web1/redis-")), "{text}");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn the_serving_monitor_logs_to_its_stream_and_stops_when_told() {
    let server = Server::start(&["--requirepass", "sesame"]);
    let mut child = Command::new(PROGRAM)
        .args([
            "--port",
            "0",
            "--interval",
            "0.2",
            &format!("redis://:wrong-sesame@127.0.0.1:{}", server.port),
        ])
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut process = Process(child);
    let mut lines = Vec::new();
    while !lines.iter().any(|line: &String| line.contains("WRONGPASS")) {
        lines.push(log.next().expect("the log goes on").unwrap());
    }
    let started = lines.iter().find_map(|line| line.split_once("listening on http://"));
    let address = started.map(|(_, address)| address.to_owned());
    assert!(address.is_some_and(|address| address.starts_with("127.0.0.1:")), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("sesame")), "{lines:?}");
    Command::new("kill").arg(process.0.id().to_string()).status().unwrap();
    wait_for("the end", || process.0.try_wait().unwrap().is_some());
    assert_eq!(process.0.wait().unwrap().code(), Some(0));
    assert_eq!(
        Command::new(PROGRAM).arg("http://:pw@x").stderr(Stdio::null()).status().unwrap().code(),
        Some(2)
    );
}

#[test]
fn tls_trusts_what_the_host_trusts() {
    let directory = common::Directory::new();
    let file = |name: &str| directory.0.join(name).display().to_string();
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", &file("key.pem"), "-out", &file("cert.pem")])
        .stderr(Stdio::null())
        .status()
        .expect("openssl is needed: apt-get install openssl");
    assert!(made.success());
    let port = free_port();
    let _server = Server::start(&[
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        &file("cert.pem"),
        "--tls-key-file",
        &file("key.pem"),
        "--tls-ca-cert-file",
        &file("cert.pem"),
        "--tls-auth-clients",
        "no",
    ]);
    let checked = |trusted: &str| {
        let url = format!("rediss://127.0.0.1:{port}");
        let mut command = Command::new(PROGRAM);
        command
            .args(["check", &url, "--only", "down"])
            .env("SSL_CERT_FILE", trusted)
            .env_remove("SSL_CERT_DIR");
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, line) = checked(&file("cert.pem"));
    assert!(code == Some(0) && line.contains("REDIS OK - rediss://127.0.0.1:"), "{line}");
    let (code, line) = checked("/no/such/file");
    assert!(code == Some(2) && line.contains("TLS: "), "{line}");
    let (code, line) = check(&[&format!("redis://127.0.0.1:{port}"), "-t", "1"]);
    assert_eq!(code, Some(2), "{line}");
}
