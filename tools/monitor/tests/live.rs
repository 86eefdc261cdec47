//! Whole deployments of genuine servers, and ours: found from one URL, with what happens to them as events.

mod common;

use common::{Directory, Process, Server, Site, app, wait_for};
use serde_json::Value;
use std::process::{Command, Stdio};
use std::time::Duration;
use suites::{Kind, free_port};

fn get(site: &Site, path: &str) -> Value {
    serde_json::from_str(&site.get(path).1).unwrap()
}

fn targets(site: &Site) -> Vec<Value> {
    get(site, "/api/overview")["targets"].as_array().unwrap().clone()
}

/// Whether an event of a kind has `text` in its sentence.
fn happened(site: &Site, kind: &str, text: &str) -> bool {
    let events = get(site, "/api/events");
    let mut events = events.as_array().unwrap().iter();
    events.any(|event| event["kind"] == kind && event["text"].as_str().unwrap().contains(text))
}

fn redis_cli(arguments: &[&str]) -> String {
    let output = Command::new("redis-cli").args(arguments).stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{arguments:?}: {text}");
    text
}

#[test]
fn a_cluster_of_six_with_a_slot_move_and_a_failover() {
    let nodes: Vec<Server> = (0..6)
        .map(|_| Server::start(&["--cluster-enabled", "yes", "--cluster-node-timeout", "5000"]))
        .collect();
    let places: Vec<String> = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
    let places: Vec<&str> = places.iter().map(String::as_str).collect();
    let create = [&["--cluster", "create"], places.as_slice(), &["--cluster-replicas", "1", "--cluster-yes"]];
    assert!(redis_cli(&create.concat()).contains("[OK] All 16384 slots covered."));

    let site = Site::start(app(&[&nodes[0].url()], Duration::from_secs(3)));
    wait_for("all six, each replica with its primary", || {
        let targets = targets(&site);
        let linked = |target: &&Value| target["topology"]["link"] == "up";
        targets.len() == 6 && targets.iter().filter(linked).count() == 3
    });
    let slots: u64 = targets(&site)
        .iter()
        .filter(|target| target["role"] == "master")
        .map(|target| target["topology"]["slot_count"].as_u64().unwrap())
        .sum();
    assert_eq!(slots, 16384);
    wait_for("metrics of all", || {
        site.get("/metrics").1.lines().filter(|line| line.starts_with("redis_cluster_slots_ok{")).count() == 6
    });
    let document = get(&site, &format!("/metrics/redis?url={}", nodes[0].url()));
    assert_eq!(
        document["instance"].as_array().unwrap().len(),
        7,
        "the asked one, and all as the cluster names them"
    );
    assert_eq!(document["cluster"][0]["arch"].as_array().unwrap().len(), 6);

    let id = |node: &Server| node.call("CLUSTER MYID").lines().nth(1).unwrap().to_owned();
    let (from, to) = (id(&nodes[0]), id(&nodes[1]));
    let options = ["--cluster-from", &from, "--cluster-to", &to, "--cluster-slots", "10", "--cluster-yes"];
    redis_cli(&[&["--cluster", "reshard", places[0]], options.as_slice()].concat());
    let moved = format!("{} serves 5451 slots, 5461 before", places[0]);
    wait_for("the slot move", || {
        happened(&site, "slots", &moved) || happened(&site, "slots", "serves 5451 slots")
    });

    let replica = nodes.iter().find(|node| node.call("ROLE").contains("slave")).unwrap();
    assert!(replica.call("CLUSTER FAILOVER").starts_with("+OK"));
    wait_for("the failover", || {
        happened(&site, "role", "from slave to master") && happened(&site, "role", "from master to slave")
    });
}

#[test]
fn a_sentinels_failover_is_an_event() {
    let primary = Server::start(&[]);
    let replica = Server::start(&["--replicaof", "127.0.0.1", &primary.port.to_string()]);
    wait_for("the replica", || primary.call("INFO replication").contains("state=online"));
    let directory = Directory::new();
    let (file, port) = (directory.0.join("sentinel.conf"), free_port());
    let configuration = format!(
        "port {port}\nbind 127.0.0.1\nsentinel monitor mymaster 127.0.0.1 {} 1\n\
         sentinel down-after-milliseconds mymaster 1000\nsentinel failover-timeout mymaster 10000\n",
        primary.port
    );
    std::fs::write(&file, configuration).unwrap();
    let sentinel = Command::new("redis-sentinel").arg(&file).stdout(Stdio::null()).spawn().unwrap();
    let _sentinel = Process(sentinel);
    let site = Site::start(app(&[&format!("redis://127.0.0.1:{port}")], Duration::from_secs(1)));
    wait_for("the Sentinel's set", || {
        targets(&site).len() == 3
            && targets(&site).iter().any(|target| target["topology"]["watched"][0]["replicas"] == 1)
    });
    let metrics = site.get("/metrics").1;
    assert!(
        metrics.contains("redis_sentinel_master_status{") && metrics.contains("redis_sentinel_masters{"),
        "{metrics}"
    );
    let (old, new) = (format!("127.0.0.1:{}", primary.port), format!("127.0.0.1:{}", replica.port));
    drop(primary);
    wait_for("the failover", || {
        happened(&site, "failover", &format!("mymaster: {new} took over from {old}"))
            && happened(&site, "role", "from slave to master")
            && happened(&site, "alert", "cannot connect")
    });
}

#[test]
fn our_own_server() {
    let server = suites::Server::start(Kind::Ours, &["--requirepass", "sesame"]);
    let url = format!("redis://127.0.0.1:{}", server.port());
    let site = Site::start(app(&[&url.replace("//", "//:sesame@")], Duration::from_secs(3)));
    wait_for("a round with rates", || {
        targets(&site).first().is_some_and(|target| target["values"]["cmd/s"].is_f64())
    });
    let own = &targets(&site)[0];
    assert_eq!((own["role"].as_str(), own["failure"].is_null()), (Some("master"), true), "{own}");
    assert!(own["values"]["mem"].as_f64().unwrap() > 0.0, "{own}");
    let detail = get(&site, &format!("/api/target?url={url}"));
    assert!(
        detail["config"].as_array().unwrap().len() > 100 && !detail["clients"].as_array().unwrap().is_empty()
    );
    assert!(detail["commands"].as_array().unwrap().iter().any(|command| command["command"] == "info"));
    assert!(!detail.to_string().contains("sesame"));
}
