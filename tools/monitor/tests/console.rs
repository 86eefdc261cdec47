//! The console and changes over HTTP, against a genuine server: what is sent, what is refused, what is recorded.

mod common;

use common::{Directory, Server, Site, app, wait_for};
use monitor::audit::Audit;
use monitor::target::Secret;
use monitor::web::{App, Powers};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

const KEY: &str = "Authorization: Basic bWU6cHc=\r\n";

fn site(server: &Server, powers: Powers) -> Site {
    let url = server.url();
    let site = Site::start(async move {
        let app = app(&[&url], Duration::from_secs(3)).await;
        App { door: app.door.clone().lock("me", &Secret::new("pw")), powers, ..app }
    });
    wait_for("a round", || {
        send(&site, "GET", "/api/overview", KEY, "").1["targets"][0]["version"].is_string()
    });
    site
}

/// Status and JSON body of a request.
fn send(site: &Site, method: &str, path: &str, headers: &str, body: &str) -> (u16, Value) {
    let (head, body) = site.request(&format!(
        "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        site.address,
        body.len()
    ));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(&body).unwrap_or(json!(body)))
}

fn post(site: &Site, path: &str, body: &Value) -> (u16, Value) {
    let headers = format!("{KEY}Content-Type: application/json\r\n");
    send(site, "POST", path, &headers, &body.to_string())
}

fn console(site: &Site, server: &Server, line: &str) -> (u16, Value) {
    post(site, "/api/console", &json!({"target": server.url(), "line": line}))
}

#[test]
fn reads_alone_without_admin() {
    let server = Server::start(&[]);
    server.call("SET a 1");
    let site = site(&server, Powers::Read);
    let text = |line: &str| console(&site, &server, line).1["text"].as_str().unwrap_or_default().to_owned();
    assert_eq!(text("GET a"), "\"1\"");
    assert_eq!(text("SCAN 0"), "1) \"0\"\n2) 1) \"a\"");
    assert!(text("INFO server").starts_with("# Server\nredis_version:"));
    assert_eq!(text("MEMORY USAGE none"), "(nil)");
    assert!(text("GET").starts_with("(error) ERR wrong number"));
    let db = post(&site, "/api/console", &json!({"target": server.url(), "line": "DBSIZE", "db": 3}));
    assert_eq!(db.1, json!({"text": "(integer) 0", "reply": 0}));
    for line in [
        "SET a 2",
        "DEL a",
        "FLUSHALL",
        "CONFIG GET requirepass",
        "CONFIG SET save ''",
        "KEYS *",
        "EVAL 'return 1' 0",
        "SUBSCRIBE c",
        "PUBLISH c m",
        "BLPOP l 0",
        "MONITOR",
        "SHUTDOWN",
        "CLIENT KILL ID 1",
        "MULTI",
        "AUTH x",
        "SCRIPT FLUSH",
        "ACL WHOAMI",
        "XGROUP CREATE s g 0",
    ] {
        let (status, body) = console(&site, &server, line);
        assert!(
            status == 403 && body["error"].as_str().unwrap().contains("--enable-admin"),
            "{line}: {status} {body}"
        );
    }
    for (line, expected) in [("nonsense", 400), ("CONFIG nonsense", 400), ("\"open", 400), ("  ", 400)] {
        assert_eq!(console(&site, &server, line).0, expected, "{line}");
    }
    for (path, body) in [
        ("/api/config", json!({"target": server.url(), "name": "save", "value": ""})),
        ("/api/flush", json!({"target": server.url(), "db": 0})),
        ("/api/monitor", json!({"target": server.url(), "seconds": 1})),
    ] {
        assert_eq!(post(&site, path, &body).0, 403, "{path}");
    }
    assert_eq!(post(&site, "/api/console", &json!({"target": "redis://other", "line": "PING"})).0, 404);
    assert_eq!(server.call("GET a"), "$1\r\n1\r\n");
}

#[test]
fn only_our_own_pages_post() {
    let server = Server::start(&[]);
    let site = site(&server, Powers::Read);
    let body = json!({"target": server.url(), "line": "PING"}).to_string();
    let with = |headers: &str| send(&site, "POST", "/api/console", &format!("{KEY}{headers}"), &body).0;
    let json_type = "Content-Type: application/json\r\n";
    assert_eq!(with(json_type), 200);
    assert_eq!(
        with(&format!("{json_type}Origin: http://{}\r\nSec-Fetch-Site: same-origin\r\n", site.address)),
        200
    );
    assert_eq!(with(&format!("{json_type}Origin: http://evil.example\r\n")), 403);
    assert_eq!(with(&format!("{json_type}Origin: null\r\n")), 403);
    assert_eq!(with(&format!("{json_type}Sec-Fetch-Site: cross-site\r\n")), 403);
    assert_eq!(with("Content-Type: text/plain\r\n"), 415, "what a form of another site can send");
    assert_eq!(with(""), 415);
    assert_eq!(send(&site, "GET", "/api/console", KEY, "").0, 405);
    assert_eq!(send(&site, "POST", "/api/console", json_type, &body).0, 401);
    let long = json!({"target": server.url(), "line": "x".repeat(100_000)});
    assert_eq!(post(&site, "/api/console", &long).0, 413);
}

fn audit(path: &Path) -> Vec<(String, Option<String>)> {
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines
        .map(|line| {
            assert!(line["user"] == "me" && line["from"] == "127.0.0.1" && line["at"].is_string(), "{line}");
            (line["command"].as_str().unwrap().to_owned(), line["outcome"].as_str().map(str::to_owned))
        })
        .collect()
}

#[test]
fn changes_are_confirmed_and_recorded() {
    let server = Server::start(&[]);
    let directory = Directory::new();
    let path = directory.0.join("audit");
    let site = site(&server, Powers::Admin(Audit::open(&path).unwrap()));
    assert_eq!(console(&site, &server, "SET a 1"), (200, json!({"text": "OK", "reply": "OK"})));
    let address = format!("127.0.0.1:{}", server.port);
    let (status, body) = console(&site, &server, "FLUSHALL");
    assert!(status == 409 && body["confirm"] == address.as_str(), "{status} {body}");
    let flush = |confirmation: &str| {
        post(&site, "/api/flush", &json!({"target": server.url(), "db": 0, "confirmation": confirmation})).0
    };
    assert_eq!((flush("yes"), flush("")), (409, 409));
    assert_eq!(server.call("DBSIZE"), ":1\r\n");
    assert_eq!(flush(&address), 200);
    assert_eq!(server.call("DBSIZE"), ":0\r\n");
    let set = |name: &str, value: &str| {
        post(&site, "/api/config", &json!({"target": server.url(), "name": name, "value": value})).1
    };
    assert_eq!(set("maxmemory", "100mb")["text"], "OK");
    assert!(set("maxmemory", "many")["text"].as_str().unwrap().starts_with("(error) ERR"));
    assert!(server.call("CONFIG GET maxmemory").contains("104857600"));
    assert_eq!(set("masterauth", "hunter2")["text"], "OK");
    server.call("SET user:1 x");
    let heard = post(&site, "/api/monitor", &json!({"target": server.url(), "seconds": 0.5}));
    assert!(heard.0 == 200 && heard.1["lines"].is_u64(), "{heard:?}");
    let lines = audit(&path);
    let (commands, outcomes): (Vec<&str>, Vec<Option<&str>>) =
        lines.iter().map(|(command, outcome)| (command.as_str(), outcome.as_deref())).unzip();
    let expected = [
        "SET a 1",
        "FLUSHDB",
        "CONFIG SET maxmemory 100mb",
        "CONFIG SET maxmemory many",
        "CONFIG SET (hidden)",
        "MONITOR",
    ];
    assert_eq!(commands, expected.map(|command| [command; 2]).concat());
    assert_eq!((outcomes[0], outcomes[1]), (None, Some("OK")));
    assert!(outcomes[7].unwrap().starts_with("ERR"), "{outcomes:?}");
    let shown = send(&site, "GET", "/api/audit", KEY, "").1;
    assert_eq!((shown.as_array().unwrap().len(), &shown[0]["command"]), (12, &json!("MONITOR")));
}

#[test]
fn what_cannot_be_recorded_is_not_done() {
    let server = Server::start(&[]);
    // Writing to this device always fails: no space.
    let site = site(&server, Powers::Admin(Audit::open(Path::new("/dev/full")).unwrap()));
    let (status, body) = console(&site, &server, "SET a 1");
    assert!(status == 500 && body["error"].as_str().unwrap().starts_with("not done"), "{status} {body}");
    assert_eq!(server.call("DBSIZE"), ":0\r\n");
}

#[test]
fn a_sample_finds_large_and_busy_keys() {
    let server = Server::start(&["--maxmemory-policy", "allkeys-lfu"]);
    for number in 0..30 {
        server.call(&format!("SET user:{number} x"));
    }
    server.call(&format!("SET blob:1 {}", "x".repeat(3000)));
    for _ in 0..50 {
        server.call("GET user:7");
    }
    let site = site(&server, Powers::Read);
    let (status, found) = post(&site, "/api/keys", &json!({"target": server.url()}));
    assert_eq!(status, 200, "{found}");
    assert_eq!((&found["sampled"], &found["whole"], &found["lfu"]), (&json!(31), &json!(true), &json!(true)));
    assert_eq!(
        (&found["largest"][0]["key"], &found["busiest"][0]["key"]),
        (&json!("blob:1"), &json!("user:7"))
    );
    assert_eq!(found["prefixes"][0]["prefix"], "blob");
    let off = self::site(&server, Powers::None);
    assert_eq!(post(&off, "/api/keys", &json!({"target": server.url()})).0, 403);
    assert_eq!(console(&off, &server, "PING").0, 403);
}

#[test]
fn an_endless_reply_is_cut_off() {
    let server = Server::start(&[]);
    server.call(&format!("SET a {}", "x".repeat(3000)));
    server.call("CONFIG SET proto-max-bulk-len 1gb");
    server.call("SETRANGE a 2000000 x");
    let site = site(&server, Powers::Read);
    let (status, body) = console(&site, &server, "GET a");
    assert!(status == 502 && body["error"].as_str().unwrap().contains("limits"), "{status} {body}");
    let (status, body) = console(&site, &server, "GETRANGE a 0 500000");
    assert!(
        status == 200 && body["text"].as_str().unwrap().ends_with("(cut: the reply is longer)"),
        "{status}"
    );
}
