//! Our metrics beside those of Debian's prometheus-redis-exporter, of the same server.

mod common;

use common::{Directory, Process, Server, Site, app, wait_for};
use monitor::prometheus::Details;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;
use suites::free_port;

/// Samples by name and labels, and types by family.
#[derive(Default)]
struct Metrics {
    types: BTreeMap<String, String>,
    samples: BTreeMap<String, f64>,
}

impl Metrics {
    fn parse(text: &str) -> Self {
        let mut metrics = Metrics::default();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                metrics.types.insert(name.into(), kind.into());
            } else if !line.starts_with('#') && !line.is_empty() {
                let (sample, value) = line.rsplit_once(' ').unwrap();
                metrics.samples.insert(sample.replace("client|setname", "x"), value.parse().unwrap());
            }
        }
        metrics
    }
}

/// A gauge in Debian's 1.45, a counter in 1.88, whose table is ours.
const NEWER_TYPE: &str = "redis_expired_time_cap_reached_total";

/// Values that differ because each of us is a client itself, or because a moment has passed.
const RESTLESS: [&str; 15] = [
    "redis_db_avg_ttl_seconds",
    "redis_expired_stale_percentage",
    "redis_master_last_io_seconds_ago",
    "redis_connected_slave_lag_seconds",
    "redis_sentinel_master_last_ok_ping_reply_seconds",
    "redis_latency_percentiles_usec",
    "redis_exporter_",
    "redis_connected_clients",
    "redis_client_",
    "redis_allocator_",
    "redis_mem_",
    "redis_memory_used_",
    "redis_start_time_seconds",
    "redis_instantaneous_",
    "redis_slowlog_last_id",
];

fn http_get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
}

/// Debian's exporter; `cargo xtask test` installs it.
fn exporter(url: &str) -> (Process, u16) {
    let port = free_port();
    let child = Command::new("prometheus-redis-exporter")
        .args(["-web.listen-address", &format!("127.0.0.1:{port}"), "-redis.addr", url])
        .args(["-include-config-metrics", "-include-system-metrics", "-export-client-list"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("prometheus-redis-exporter");
    let process = Process(child);
    wait_for("the exporter", || http_get(port, "/health").is_some());
    (process, port)
}

/// The names of a sample's labels.
fn label_names(sample: &str) -> Vec<String> {
    let labels = sample.split_once('{').map_or("", |(_, labels)| labels.trim_end_matches('}'));
    let mut names: Vec<String> = labels
        .split("\",")
        .filter_map(|label| label.split_once('='))
        .map(|(name, _)| name.to_owned())
        .collect();
    names.sort();
    names
}

fn normalized(sample: &str) -> String {
    match sample.split_once('{') {
        None => sample.to_owned(),
        Some((name, labels)) => {
            let mut labels: Vec<&str> =
                labels.trim_end_matches('}').split("\",").map(|l| l.trim_end_matches('"')).collect();
            labels.sort_unstable();
            format!("{name}{{{}", labels.join(";"))
        }
    }
}

/// One answer of ours between two of theirs: what is the same in both of theirs is the same in ours.
struct Comparison {
    ours: Metrics,
    before: Metrics,
    after: Metrics,
}

impl Comparison {
    fn of(site: &Site, port: u16, path: &str) -> Self {
        let theirs = || Metrics::parse(&http_get(port, path).expect("the exporter answers"));
        // Once in vain, so that commands of the first round have their statistics.
        let _ = (theirs(), site.get(path));
        let before = theirs();
        wait_for_fresh_rounds(site);
        Comparison { before, ours: Metrics::parse(&site.get(path).1), after: theirs() }
    }

    /// Families, types and labels; returns how many values were compared.
    fn check(&self) -> usize {
        for (family, kind) in self.after.types.iter().filter(|(family, _)| family.starts_with("redis_")) {
            let own = self.ours.types.get(family).unwrap_or_else(|| panic!("{family} is missing"));
            assert!(own == kind || family == NEWER_TYPE, "{family}: {own}, theirs {kind}");
        }
        let theirs = self.after.samples.iter().filter(|(sample, _)| sample.starts_with("redis_"));
        theirs.filter(|(sample, value)| self.check_sample(sample, **value)).count()
    }

    fn check_sample(&self, sample: &str, value: f64) -> bool {
        let name = sample.split('{').next().unwrap();
        if name == "redis_exporter_build_info" {
            return false;
        }
        let twins = self.ours.samples.keys().filter(|own| own.split('{').next() == Some(name));
        let names: Vec<_> = twins.map(|own| label_names(own)).collect();
        assert!(names.contains(&label_names(sample)), "{sample}: labels are {:?}", names.first());
        let is_still = self.before.samples.get(sample) == Some(&value);
        if !is_still || RESTLESS.iter().any(|prefix| name.starts_with(prefix)) {
            return false;
        }
        let own = self.ours.samples.iter().find(|(own, _)| normalized(own) == normalized(sample));
        assert_eq!(own.map(|(_, own)| *own), Some(value), "{sample}");
        true
    }
}

/// Waits until every watched target has had a whole round from now on: /metrics answers from memory.
fn wait_for_fresh_rounds(site: &Site) {
    let times = || {
        let overview: serde_json::Value = serde_json::from_str(&site.get("/api/overview").1).unwrap();
        let targets = overview["targets"].as_array().unwrap();
        targets.iter().map(|target| target["at"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    // The round that ends next may have begun already.
    for _ in 0..2 {
        let before = times();
        wait_for("fresh rounds", || times().iter().zip(&before).all(|(now, then)| now > then));
    }
}

/// The HTTP side with everything that the exporter is asked for too.
fn detailed(targets: &[&str]) -> Site {
    Site::start(async {
        let app = app(targets, Duration::from_secs(3)).await;
        let details =
            Details { include_config_metrics: true, export_client_list: true, export_client_port: false };
        monitor::web::App { details, ..app }
    })
}

#[test]
fn same_families_types_labels_and_values() {
    let server = Server::start(&["--enable-debug-command", "yes", "--latency-monitor-threshold", "1"]);
    for command in [
        "SET a 1",
        "SET b word EX 1000",
        "GET none",
        "FOO",
        "XADD s * f v",
        "XGROUP CREATE s g 0",
        "XREADGROUP GROUP g c STREAMS s >",
        "RPUSH l 1 2 3",
        "DEBUG SLEEP 0.02",
        "HSET h f v g w",
        "ZADD z 1 a 2 b",
        "SADD u x",
        "PFADD hll a b c",
    ] {
        server.call(command);
    }
    server.call("CONFIG SET slowlog-log-slower-than 0");
    server.call("PING");
    server.call("CONFIG SET slowlog-log-slower-than -1");
    let (_exporter, port) = exporter(&server.url());
    let site = detailed(&[&server.url()]);
    wait_for("a round", || site.get("/metrics").1.contains("redis_up 1"));
    let path = format!(
        "/scrape?target={}&check-keys=a*,l,h,z,u&check-single-keys=b,none&check-streams=s&count-keys=*,db1=x*",
        server.url()
    );
    let compared = Comparison::of(&site, port, &path).check();
    assert!(compared > 400, "only {compared} values compared");
    let path =
        format!("/scrape?target={}&check-single-keys=db1=other&check-single-streams=s,none", server.url());
    assert!(Comparison::of(&site, port, &path).check() > 400);
    let watched = Comparison::of(&site, port, "/metrics");
    assert!(watched.check() > 300);
    let spike = watched.ours.samples.get("redis_latency_spike_duration_seconds{event_name=\"command\"}");
    assert!(spike.is_some_and(|took| *took > 0.0));
}

#[test]
fn a_replica_and_its_primary() {
    let primary = Server::start(&["--repl-diskless-sync-delay", "0"]);
    let replica = Server::start(&["--replicaof", "127.0.0.1", &primary.port.to_string()]);
    wait_for("the link", || replica.call("INFO replication").contains("master_link_status:up"));
    let (_exporter, port) = exporter(&replica.url());
    let site = detailed(&[]);
    for server in [&replica, &primary] {
        let path = format!("/scrape?target={}", server.url());
        wait_for("the replica's state", || {
            site.get(&path).1.contains("slave_state=\"online\"") || server.port == replica.port
        });
        let compared = Comparison::of(&site, port, &path).check();
        assert!(compared > 300, "only {compared} values compared");
    }
}

#[test]
fn a_sentinel_a_clusters_node_and_our_server() {
    let primary = Server::start(&[]);
    let directory = Directory::new();
    let (file, sentinel_port) = (directory.0.join("sentinel.conf"), free_port());
    let configuration =
        format!("port {sentinel_port}\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 {} 1\n", primary.port);
    std::fs::write(&file, configuration).unwrap();
    let sentinel = Command::new("redis-sentinel").arg(&file).stdout(Stdio::null()).spawn().unwrap();
    let _sentinel = Process(sentinel);
    let node = Server::start(&["--cluster-enabled", "yes"]);
    node.call("CLUSTER ADDSLOTSRANGE 0 16383");
    wait_for("the cluster", || node.call("CLUSTER INFO").contains("cluster_state:ok"));
    let ours = suites::Server::start::<&str>(suites::Kind::Ours, &[]);
    let (_exporter, port) = exporter(&node.url());
    let site = detailed(&[]);
    for (url, expected) in [
        (format!("redis://127.0.0.1:{sentinel_port}"), 30),
        (node.url(), 300),
        (format!("redis://127.0.0.1:{}", ours.port()), 200),
    ] {
        let path = format!("/scrape?target={url}");
        wait_for("its answer", || site.get(&path).1.contains("\nredis_up 1\n"));
        let compared = Comparison::of(&site, port, &path).check();
        assert!(compared > expected, "{url}: only {compared} values compared");
    }
}

#[test]
fn errors_are_the_exporters() {
    let site = Site::start(app(&[], Duration::from_secs(1)));
    let (head, body) = site.get("/scrape");
    assert!(
        head.starts_with("HTTP/1.1 400") && body == "'target' parameter must be specified",
        "{head} {body}"
    );
    assert_eq!(site.get("/health").1, "ok");
    let dead = site.get(&format!("/scrape?target=redis://:pw@127.0.0.1:{}", free_port())).1;
    assert!(
        dead.contains("\nredis_up 0\n")
            && dead.contains("redis_exporter_last_scrape_error{err=\"cannot connect"),
        "{dead}"
    );
    assert!(!dead.contains("pw@"));
    assert!(site.get("/scrape?target=http://x").0.starts_with("HTTP/1.1 400"));
}

#[test]
fn cluster_nodes_for_http_sd() {
    let node = Server::start(&["--cluster-enabled", "yes"]);
    let plain = Server::start(&[]);
    let site = Site::start(app(&[], Duration::from_secs(3)));
    assert!(
        site.get(&format!("/discover-cluster-nodes?target={}", plain.url())).0.starts_with("HTTP/1.1 400")
    );
    let other = Server::start(&["--cluster-enabled", "yes"]);
    node.call(&format!("CLUSTER MEET 127.0.0.1 {}", other.port));
    wait_for("the handshake", || {
        node.call("CLUSTER NODES").matches(" connected").count() == 2
            && !node.call("CLUSTER NODES").contains("handshake")
    });
    let body: serde_json::Value =
        serde_json::from_str(&site.get(&format!("/discover-cluster-nodes?target={}", node.url())).1).unwrap();
    let mut urls: Vec<&str> =
        body[0]["targets"].as_array().unwrap().iter().map(|url| url.as_str().unwrap()).collect();
    urls.sort_unstable();
    let mut expected = [node.url(), other.url()];
    expected.sort_unstable();
    assert_eq!(urls, expected);
}
