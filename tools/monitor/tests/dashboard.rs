//! The dashboard over HTTP; tests/browser.mjs looks at it in a real Chromium.

mod common;

use common::{Server, Site, app, wait_for};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

fn overview(site: &Site) -> Value {
    serde_json::from_str(&site.get("/api/overview").1).unwrap()
}

#[test]
fn overview_detail_and_stream() {
    let primary = Server::start(&["--requirepass", "sesame"]);
    let _replica = Server::start(&[
        "--requirepass",
        "sesame",
        "--masterauth",
        "sesame",
        "--replicaof",
        "127.0.0.1",
        &primary.port.to_string(),
    ]);
    let url = format!("redis://:sesame@127.0.0.1:{}", primary.port);
    let site = Site::start(app(&[&url], Duration::from_secs(2)));
    wait_for("both and a rate", || {
        let targets = overview(&site)["targets"].as_array().unwrap().clone();
        targets.len() == 2 && targets.iter().all(|target| target["values"]["cmd/s"].is_f64())
    });
    let document = overview(&site);
    let own = document["targets"]
        .as_array()
        .unwrap()
        .iter()
        .find(|target| target["url"] == primary.url().as_str())
        .unwrap();
    assert_eq!(
        (own["role"].as_str(), own["topology"]["replicas"].as_array().unwrap().len()),
        (Some("master"), 1)
    );
    assert!(
        document["alerts"].as_array().unwrap().iter().any(|alert| alert["alert"] == "uptime"),
        "{document}"
    );

    let detail = site.get(&format!("/api/target?url={}", primary.url())).1;
    assert!(!detail.contains("sesame") && detail.contains("[\"requirepass\",\"(hidden)\"]"), "{detail}");
    assert!(site.get("/api/target?url=redis://nobody").0.starts_with("HTTP/1.1 404"));

    let mut stream = TcpStream::connect(site.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(stream, "GET /api/stream HTTP/1.1\r\nHost: {}\r\n\r\n", site.address).unwrap();
    let events = BufReader::new(stream).lines().map(Result::unwrap).filter(|line| line.starts_with("data: "));
    let events: Vec<Value> = events.take(2).map(|line| serde_json::from_str(&line[6..]).unwrap()).collect();
    assert!(events[1]["at"].as_i64() > events[0]["at"].as_i64());
}

#[test]
fn pages_load_from_here_only() {
    let site = Site::start(app(&[], Duration::from_secs(1)));
    for (path, kind) in [
        ("/", "text/html"),
        ("/assets/app.js", "text/javascript"),
        ("/assets/uplot.js", "text/javascript"),
        ("/assets/style.css", "text/css"),
        ("/assets/uplot.css", "text/css"),
    ] {
        let (head, body) = site.get(path);
        assert!(
            head.starts_with("HTTP/1.1 200") && head.contains(kind) && head.contains("default-src 'none'"),
            "{path}: {head}"
        );
        assert!(path.contains("uplot") || !body.contains("https://"), "{path} names another host");
    }
}

#[test]
fn without_a_history_the_answer_says_so() {
    let site = Site::start(app(&[], Duration::from_secs(1)));
    let (head, body) = site.get("/api/history?target=x");
    assert!(head.starts_with("HTTP/1.1 404") && body.contains("--history"), "{head} {body}");
    assert!(site.get("/api/history").0.starts_with("HTTP/1.1 400"));
    assert!(site.get("/api/history?target=x&level=day").0.starts_with("HTTP/1.1 400"));
}

#[test]
fn a_locked_door_asks() {
    use monitor::target::Secret;
    let site = Site::start(async {
        let app = app(&[], Duration::from_secs(1)).await;
        monitor::web::App { door: app.door.clone().lock("me", &Secret::new("pw")), ..app }
    });
    assert!(site.get("/").0.starts_with("HTTP/1.1 401"));
    assert!(site.get("/health").0.starts_with("HTTP/1.1 200"));
    let (head, _) = site.request(&format!(
        "GET /metrics HTTP/1.1\r\nHost: {}\r\nAuthorization: Basic bWU6cHc=\r\nConnection: close\r\n\r\n",
        site.address
    ));
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
}
