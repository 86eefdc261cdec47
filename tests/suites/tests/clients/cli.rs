//! Debian's redis-cli: the oldest habit of everybody who keeps a server.

use crate::client;
use std::fmt::Write as _;
use std::process::Command;
use suites::{Kind, Server, run};

fn server() -> Server {
    Server::start::<&str>(Kind::Ours, &[])
}

/// What redis-cli prints when all is well.
fn says(server: &Server, args: &[&str], input: &str) -> String {
    let end = client("redis-cli", server, args, input);
    assert_eq!((end.code, end.stderr.as_str()), (Some(0), ""), "redis-cli {args:?} said {}", end.stdout);
    end.stdout
}

/// Sets `key:1` to `key:COUNT`.
fn fill(server: &Server, count: usize) {
    let mut lines = String::new();
    (1..=count)
        .try_for_each(|i| writeln!(lines, "SET key:{i} {}", "v".repeat(i)))
        .expect("writing to a string");
    assert_eq!(says(server, &[], &lines), "OK\n".repeat(count));
}

#[test]
fn one_command_a_call() {
    let server = server();
    let cases: [(&[&str], &str); 9] = [
        (&["PING"], "PONG\n"),
        (&["SET", "k", "a b"], "OK\n"),
        (&["GET", "k"], "a b\n"),
        (&["--no-raw", "GET", "k"], "\"a b\"\n"),
        (&["--no-raw", "GET", "none"], "(nil)\n"),
        (&["--no-raw", "MGET", "k", "none"], "1) \"a b\"\n2) (nil)\n"),
        (&["--csv", "MGET", "k", "none"], "\"a b\",NULL\n"),
        (&["-r", "3", "INCR", "n"], "1\n2\n3\n"),
        (&["-n", "5", "GET", "k"], "\n"),
    ];
    for (args, expected) in cases {
        assert_eq!(says(&server, args, ""), expected, "{args:?}");
    }
}

#[test]
fn errors_are_shown_and_make_the_exit_code() {
    let server = server();
    let end = client("redis-cli", &server, &["-e", "INCR"], "");
    assert_eq!((end.code, end.stderr.trim()), (Some(1), "ERR wrong number of arguments for 'incr' command"));
    let shown = says(&server, &["--no-raw", "NOSUCH"], "");
    assert!(shown.starts_with("(error) ERR unknown command 'NOSUCH'"), "{shown}");
}

#[test]
fn commands_from_a_pipe() {
    let said = says(&server(), &[], "SET a 1\nINCR a\nMULTI\nINCR a\nGET a\nEXEC\nSELECT 1\nGET a\n");
    assert_eq!(said, "OK\n2\nOK\nQUEUED\nQUEUED\n3\n3\nOK\n\n");
}

#[test]
fn the_last_argument_from_standard_input() {
    let server = server();
    assert_eq!(says(&server, &["-x", "SET", "k"], "line 1\nline 2\n"), "OK\n");
    assert_eq!(says(&server, &["STRLEN", "k"], ""), "14\n");
}

#[test]
fn mass_insertion() {
    let server = server();
    let mut protocol = String::new();
    for i in 0..20_000 {
        let key = format!("key:{i}");
        write!(protocol, "*3\r\n$3\r\nSET\r\n${}\r\n{key}\r\n$1\r\nv\r\n", key.len())
            .expect("writing to a string");
    }
    let said = says(&server, &["--pipe"], &protocol);
    assert!(said.contains("errors: 0, replies: 20000"), "{said}");
    assert_eq!(says(&server, &["DBSIZE"], ""), "20000\n");
}

#[test]
fn scan_finds_every_key() {
    let server = server();
    fill(&server, 300);
    let said = says(&server, &["--scan", "--pattern", "key:*"], "");
    let mut found: Vec<&str> = said.lines().collect();
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 300);
    assert_eq!(says(&server, &["--scan", "--pattern", "key:30?"], "").lines().count(), 1);
}

#[test]
fn bigkeys_and_memkeys_find_the_biggest() {
    let server = server();
    fill(&server, 100);
    let said = says(&server, &["--bigkeys"], "");
    assert!(said.contains("Biggest string found '\"key:100\"' has 100 bytes"), "{said}");
    assert!(said.contains("Sampled 100 keys in the keyspace!"), "{said}");
    let said = says(&server, &["--memkeys"], "");
    assert!(said.contains("Sampled 100 keys in the keyspace!"), "{said}");
}

#[test]
fn stat_shows_the_counters() {
    let server = server();
    fill(&server, 10);
    let port = server.port().to_string();
    // It never ends by itself, and what it holds back in its buffer then is lost.
    let stat = ["2", "stdbuf", "-oL", "redis-cli", "-p", &port, "--stat", "-i", "1"];
    let end = run(Command::new("timeout").args(stat), b"");
    let rows: Vec<Vec<&str>> = end.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    let row = rows
        .iter()
        .find(|row| row.first() == Some(&"10"))
        .unwrap_or_else(|| panic!("no row in {}", end.stdout));
    assert!(row.len() >= 6, "{row:?}");
}

#[test]
fn resp3_maps_are_shown_as_maps() {
    let server = server();
    assert_eq!(
        says(&server, &["-3", "--no-raw", "CONFIG", "GET", "databases"], ""),
        "1# \"databases\" => \"16\"\n"
    );
    assert_eq!(says(&server, &["--json", "CONFIG", "GET", "databases"], ""), "{\"databases\":\"16\"}\n");
    assert!(says(&server, &["-3", "INFO", "server"], "").contains("redis_version:7."));
}

#[test]
fn a_password_on_the_command_line() {
    let server = Server::start(Kind::Ours, &["--requirepass", "secret"]);
    assert_eq!(says(&server, &["-a", "secret", "--no-auth-warning", "PING"], ""), "PONG\n");
    assert_eq!(says(&server, &["PING"], ""), "NOAUTH Authentication required.\n\n");
    let url = format!("redis://default:secret@127.0.0.1:{}/3", server.port());
    let end = run(Command::new("redis-cli").args(["-u", &url, "CLIENT", "INFO"]), b"");
    assert!(end.stdout.contains(" db=3 "), "{}{}", end.stdout, end.stderr);
}

#[test]
fn the_unix_socket() {
    let server = Server::start(Kind::Ours, &["--unixsocket", "s.sock"]);
    let path = server.folder().join("s.sock");
    let end = run(Command::new("redis-cli").arg("-s").arg(path).arg("PING"), b"");
    assert_eq!(end.stdout, "PONG\n", "{}", end.stderr);
}
