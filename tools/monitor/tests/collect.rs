//! The collector against live servers: discovery, other names of one server, dead targets.

mod common;

use common::{Server, liar, wait_for};
use monitor::collect::{Collector, Settings};
use monitor::target::Target;
use monitor::wire::Limits;
use std::sync::Arc;
use std::time::Duration;

fn watch(runtime: &tokio::runtime::Runtime, urls: &[String]) -> Arc<Collector> {
    let targets: Vec<_> = urls.iter().map(|url| (Target::parse(url).unwrap(), true)).collect();
    let limits = Limits { time: Duration::from_secs(2), ..Limits::default() };
    let settings = Settings { interval: Duration::from_millis(100), limits, discover: true };
    let _inside = runtime.enter();
    Collector::start(&targets, settings)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

#[test]
fn a_replica_brings_its_primary_and_a_dead_target_costs_nothing() {
    let primary = Server::start(&["--requirepass", "pw"]);
    let replica = Server::start(&[
        "--requirepass",
        "pw",
        "--masterauth",
        "pw",
        "--replicaof",
        "127.0.0.1",
        &primary.port.to_string(),
    ]);
    let silent = liar(b"");
    let runtime = runtime();
    let asked = format!("redis://:pw@localhost:{}", replica.port);
    let collector = watch(&runtime, &[asked, format!("redis://{silent}")]);
    wait_for("the primary", || collector.round(&primary.url()).is_some_and(|round| round.facts().is_some()));
    wait_for("the silent one's failure", || {
        collector.round(&format!("redis://{silent}")).is_some_and(|round| round.facts().is_none())
    });
    // The primary names its replica by address; it is watched as localhost already.
    wait_for("the replica's link", || {
        let round = collector.round(&primary.url()).unwrap();
        round.facts().is_some_and(|facts| !facts.neighbours().is_empty())
    });
    let mut feed = collector.subscribe();
    for _ in 0..10 {
        runtime.block_on(feed.recv()).unwrap();
    }
    assert!(collector.round(&replica.url()).is_none(), "one server, one target");
    let round = collector.round(&primary.url()).unwrap();
    assert!(round.discovered);
    let facts = round.facts().unwrap();
    assert_eq!(facts.role(), "master");
    assert_eq!(facts.directive("maxclients"), Some("10000"));
    assert!(facts.clients.len() >= 2 && facts.slowlog.len == Some(0));
}

#[test]
fn a_sentinel_without_a_password_brings_its_set_that_has_one() {
    let primary = Server::start(&["--requirepass", "pw"]);
    let directory = common::Directory::new();
    let port = suites::free_port();
    let file = directory.0.join("sentinel.conf");
    std::fs::write(
        &file,
        format!(
            "port {port}\nbind 127.0.0.1\nsentinel monitor mymaster 127.0.0.1 {} 1\nsentinel auth-pass mymaster pw\n",
            primary.port
        ),
    )
    .unwrap();
    let child = std::process::Command::new("redis-sentinel")
        .arg(&file)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let _sentinel = common::Process(child);
    let runtime = runtime();
    let url = format!("redis://127.0.0.1:{port}");
    let collector = watch(&runtime, &[format!("redis://:pw@127.0.0.1:{port}")]);
    wait_for("the primary", || collector.round(&primary.url()).is_some_and(|round| round.facts().is_some()));
    let round = collector.round(&url).unwrap();
    assert_eq!(round.facts().unwrap().watched[0].name(), "mymaster");
    assert_eq!(round.facts().unwrap().role(), "sentinel");
}
