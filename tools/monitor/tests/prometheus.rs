//! Our metrics beside those of Debian's prometheus-redis-exporter, of the same server.

mod common;

use common::{Process, Server, Site, app, wait_for};
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

/// Families that count the exporter's own work, which is not ours.
const ITS_OWN: [&str; 5] = [
    "redis_exporter_scrapes_total",
    "redis_exporter_scrape_duration_seconds",
    "redis_exporter_last_scrape_connect_time_seconds",
    "redis_target_scrape_request_errors_total",
    "redis_last_key_groups_scrape_duration_milliseconds",
];

/// A gauge in Debian's 1.45, a counter in 1.88, whose table is ours.
const NEWER_TYPE: &str = "redis_expired_time_cap_reached_total";

/// Values that stand still between two scrapes of an idle server.
const STILL: [&str; 17] = [
    "redis_db_keys{",
    "redis_db_keys_expiring{",
    "redis_config_",
    "redis_memory_max_bytes",
    "redis_keyspace_misses_total",
    "redis_errors_total{err=\"ERR\"}",
    "redis_key_size",
    "redis_key_value",
    "redis_keys_count",
    "redis_stream_l",
    "redis_stream_groups",
    "redis_stream_group_consumers",
    "redis_stream_group_consumer_messages",
    "redis_stream_radix",
    "redis_cluster_enabled",
    "redis_rdb_last_bgsave_status",
    "redis_commands_total{cmd=\"set\"}",
];

fn http_get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
}

fn exporter(server: &Server) -> Option<(Process, u16)> {
    let port = free_port();
    let child = Command::new("prometheus-redis-exporter")
        .args(["-web.listen-address", &format!("127.0.0.1:{port}"), "-redis.addr", &server.url()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let process = Process(child);
    wait_for("the exporter", || http_get(port, "/health").is_some());
    Some((process, port))
}

/// In CI a missing program is a failure; elsewhere the test says so and ends.
fn missing(what: &str) {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{what} is not installed, and this is CI");
    eprintln!("SKIPPED: {what} is not installed (apt-get install {what})");
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

fn compare(ours: &Metrics, theirs: &Metrics) {
    for (family, kind) in &theirs.types {
        if !family.starts_with("redis_") || ITS_OWN.contains(&family.as_str()) {
            continue;
        }
        let own = ours.types.get(family).unwrap_or_else(|| panic!("{family} is missing"));
        assert!(own == kind || family == NEWER_TYPE, "{family}: {own}, theirs {kind}");
    }
    let own: BTreeMap<String, f64> =
        ours.samples.iter().map(|(sample, value)| (normalized(sample), *value)).collect();
    let mut compared = 0;
    for (sample, value) in &theirs.samples {
        let name = sample.split('{').next().unwrap();
        if name.starts_with("redis_exporter_build")
            || ITS_OWN.iter().any(|own| name.starts_with(own))
            || !name.starts_with("redis_")
        {
            continue;
        }
        let twins = ours.samples.keys().filter(|own| own.split('{').next() == Some(name));
        let names: Vec<_> = twins.map(|own| label_names(own)).collect();
        assert!(names.contains(&label_names(sample)), "{sample}: labels are {:?}", names.first());
        if STILL.iter().any(|still| sample.starts_with(still)) {
            let sample_key = normalized(sample);
            assert_eq!(own.get(&sample_key), Some(value), "{sample}");
            compared += 1;
        }
    }
    assert!(compared > 30, "only {compared} values compared");
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
    ] {
        server.call(command);
    }
    server.call("CONFIG SET slowlog-log-slower-than 0");
    server.call("PING");
    server.call("CONFIG SET slowlog-log-slower-than -1");
    let Some((_exporter, port)) = exporter(&server) else { return missing("prometheus-redis-exporter") };
    let site = Site::start(app(&[&server.url()], Duration::from_secs(3)));
    wait_for("a round", || site.get("/metrics").1.contains("redis_up 1"));
    // Twice, so that commands of the first round have their statistics.
    let path = format!(
        "/scrape?target={}&check-keys=a*,l&check-single-keys=b&check-streams=s&count-keys=*",
        server.url()
    );
    let _ = (http_get(port, &path), site.get(&path));
    let (theirs, ours) =
        (Metrics::parse(&http_get(port, &path).unwrap()), Metrics::parse(&site.get(&path).1));
    compare(&ours, &theirs);
    let (theirs, ours) =
        (Metrics::parse(&http_get(port, "/metrics").unwrap()), Metrics::parse(&site.get("/metrics").1));
    compare(&ours, &theirs);
    let spike = ours.samples.get("redis_latency_spike_duration_seconds{event_name=\"command\"}");
    assert!(spike.is_some_and(|took| *took > 0.0));
}

#[test]
fn a_replica_and_its_primary() {
    let primary = Server::start(&[]);
    let replica = Server::start(&["--replicaof", "127.0.0.1", &primary.port.to_string()]);
    wait_for("the link", || replica.call("INFO replication").contains("master_link_status:up"));
    let Some((_exporter, port)) = exporter(&replica) else { return missing("prometheus-redis-exporter") };
    let site = Site::start(app(&[], Duration::from_secs(3)));
    for server in [&replica, &primary] {
        let path = format!("/scrape?target={}", server.url());
        wait_for("the replica's state", || {
            site.get(&path).1.contains("slave_state=\"online\"") || server.port == replica.port
        });
        compare(&Metrics::parse(&site.get(&path).1), &Metrics::parse(&http_get(port, &path).unwrap()));
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
