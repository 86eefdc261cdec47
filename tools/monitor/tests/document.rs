//! Document 000: its sample byte for byte, and the live endpoint.

mod common;

use common::{Server, Site, app, liar};
use monitor::contract::{document, pretty};
use monitor::facts::{Cluster, Info};
use monitor::wire::{Budget, Reply, read_reply};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/document-000").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The text of a recorded wire reply, by way of the real reader.
fn reply(name: &str) -> String {
    let bytes = fixture(name);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let reply = runtime.block_on(read_reply(&mut bytes.as_slice(), &mut Budget::new(1 << 20)));
    reply.and_then(Reply::into_text).unwrap()
}

#[test]
fn sample_byte_for_byte() {
    let arrival = String::from_utf8(fixture("arrival.txt")).unwrap();
    let instances: Vec<_> = arrival
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(url, name)| (url.to_owned(), (name != "-").then(|| Info::parse(&reply(name)))))
        .collect();
    let cluster = Cluster::parse(&reply("nodes.resp"), &reply("state.resp"));
    let body = pretty(&document(&instances, &[("redis", cluster)], false));
    let (body, expected) =
        (String::from_utf8(body).unwrap(), String::from_utf8(fixture("expected.json")).unwrap());
    for (number, (ours, theirs)) in body.lines().zip(expected.lines()).enumerate() {
        assert_eq!(ours, theirs, "line {}", number + 1);
    }
    assert!(body == expected, "the same lines, another end");
}

fn urls(document: &Value) -> Vec<&str> {
    let instances = document["instance"].as_array().unwrap();
    instances.iter().map(|instance| instance.as_object().unwrap().keys().next().unwrap().as_str()).collect()
}

#[test]
fn live_servers_dead_ones_and_liars() {
    let server = Server::start(&["--requirepass", "sesame"]);
    let endless = liar(b"$99999999999\r\n");
    let silent = liar(b"");
    let dead = suites::free_port();
    let site = Site::start(app(&[], Duration::from_millis(700)));
    let path = format!(
        "/metrics/redis?url=redis://:sesame@127.0.0.1:{0}&url=redis://:wrong@127.0.0.1:{0}/0&url=redis://{endless}&url=redis://{silent}&url=redis://:pw@127.0.0.1:{dead}&url=gopher://u:pw@x",
        server.port
    );
    let (head, body) = site.get(&path);
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("content-type: application/json"), "{head}");
    assert!(!body.contains("sesame") && !body.contains("pw") && !body.ends_with('\n'), "{body}");
    assert!(body.starts_with(r#"{"instance":[{"redis:\/\/127.0.0.1:"#), "{body}");
    let document: Value = serde_json::from_str(&body).unwrap();
    let expected = [
        server.url(),
        format!("{}/0", server.url()),
        format!("redis://{endless}"),
        format!("redis://{silent}"),
        format!("redis://127.0.0.1:{dead}"),
        "gopher://x".to_owned(),
    ];
    assert_eq!(urls(&document), expected);
    assert_eq!(document["instance"][0][&expected[0]]["tcp_port"], json!(server.port));
    for (place, url) in expected.iter().enumerate().skip(1) {
        assert_eq!(document["instance"][place][url], Value::Null, "{url}");
    }
    assert_eq!(site.get("/api/state").1, r#"{"state":"running"}"#);
}

#[test]
fn one_url_brings_its_cluster() {
    let nodes: Vec<Server> = (0..3).map(|_| Server::start(&["--cluster-enabled", "yes"])).collect();
    for (place, node) in nodes.iter().enumerate() {
        let from = place * 5461;
        let to = if place == 2 { 16383 } else { from + 5460 };
        assert!(node.call(&format!("CLUSTER ADDSLOTSRANGE {from} {to}")).starts_with("+OK"));
        assert!(node.call(&format!("CLUSTER MEET 127.0.0.1 {}", nodes[0].port)).starts_with("+OK"));
    }
    common::wait_for("the cluster", || {
        nodes.iter().all(|node| {
            let info = node.call("CLUSTER INFO");
            info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
        })
    });
    let site = Site::start(app(&[], Duration::from_secs(3)));
    let (_, body) =
        site.get(&format!("/metrics/redis?url={}&url={}&extended=1", nodes[0].url(), nodes[1].url()));
    let document: Value = serde_json::from_str(&body).unwrap();
    let arch = document["cluster"][0]["arch"].as_array().unwrap();
    assert_eq!(
        (document["cluster"].as_array().unwrap().len(), arch.len()),
        (1, 3),
        "two URLs of one cluster make one entry"
    );
    let order: Vec<&str> = arch.iter().map(|node| node["url"].as_str().unwrap()).collect();
    assert_eq!(urls(&document)[..2], [nodes[0].url(), nodes[1].url()], "requested first");
    assert_eq!(urls(&document)[2..], order, "then all nodes in the order of arch");
    assert_eq!(document["cluster"][0]["state"]["cluster_size"], json!("3"));
    assert_eq!(arch[0]["flags"], json!("master"));
    assert!(arch.iter().any(|node| node["all-flags"] == json!(["myself", "master"])));

    let site = Site::start(app(&[&nodes[0].url()], Duration::from_secs(3)));
    let document: Value = serde_json::from_str(&site.get("/metrics/redis?pretty=True").1).unwrap();
    assert_eq!(urls(&document).len(), 4, "without a url the configured targets and their cluster");
}

#[test]
fn a_foreign_host_name_is_refused() {
    let site = Site::start(app(&[], Duration::from_secs(1)));
    let (head, _) =
        site.request("GET /api/state HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 403"), "{head}");
}
