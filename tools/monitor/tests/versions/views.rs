//! Document 000, the columns, and the monitor as a process.

use crate::common::{self, Monitor};
use crate::{ROLES, Recorded, block_on, recorded};
use monitor::collect::Round;
use monitor::columns::{COLUMNS, Sample, Source};
use monitor::contract::{Request, gather};
use monitor::facts::{Facts, Info};
use monitor::target::{Allow, Trust};
use monitor::wire::Limits;
use serde_json::{Map, Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Document 000's rule for a value, from its description: an object where there are both `,` and `=`; a number where it reads as one.
fn typed(text: &str) -> Value {
    let scalar = |text: &str| {
        let whole = text.parse::<i64>().ok().map(Value::from);
        let float = || text.parse::<f64>().ok().filter(|_| text.contains('.')).map(Value::from);
        whole.or_else(float).unwrap_or_else(|| json!(text))
    };
    if !(text.contains(',') && text.contains('=')) {
        return scalar(text);
    }
    let parts = text.split(',').map(|part| part.rsplit_once('=').unwrap());
    Value::Object(parts.map(|(name, value)| (name.to_owned(), scalar(value))).collect::<Map<_, _>>())
}

#[test]
fn document_000_has_every_field_of_every_version() {
    for recorded in recorded(&ROLES) {
        let name = &recorded.name;
        let urls = vec![recorded.url()];
        let request = Request {
            urls,
            extended: false,
            parallel: 4,
            limits: Limits::default(),
            trust: Trust::default(),
        };
        // A cluster's other nodes are not there to be asked.
        let allow = Allow::new(vec![recorded.address.to_string()], &[], true);
        let document = block_on(gather(&request, &[], &allow));
        let told = document["instance"][0][recorded.url()].as_object().unwrap();
        let fields = recorded.fields(&["INFO"]);
        let expected: Map<String, Value> =
            fields.iter().map(|(name, text)| ((*name).to_owned(), typed(text))).collect();
        assert!(told.keys().eq(expected.keys()), "{name}: the order of the fields");
        assert_eq!(told, &expected, "{name}");
        let is_node = recorded.role.starts_with("cluster");
        assert_eq!(document["cluster"].as_array().unwrap().len(), usize::from(is_node), "{name}");
        if is_node {
            let cluster = &document["cluster"][0];
            assert_eq!(cluster["arch"].as_array().unwrap().len(), 4, "{name}");
            assert_eq!(cluster["state"]["cluster_slots_ok"], "16384", "{name}");
            let moving = cluster["arch"]
                .as_array()
                .unwrap()
                .iter()
                .map(|node| node["migrations"].as_array().unwrap().len());
            let told = recorded.tape.text(&["CLUSTER", "NODES"]).unwrap().matches(" [93->-").count();
            assert_eq!(moving.sum::<usize>(), told, "{name}");
        }
        recorded.nothing_unheard();
    }
}

#[test]
fn columns_have_no_gaps() {
    for recorded in recorded(&["primary", "replica", "cluster", "cluster-replica"]) {
        let name = &recorded.name;
        let now = recorded.round();
        // The same server a second ago, before anything was counted.
        let counted = |field: &&(&str, &str)| {
            COLUMNS.iter().any(
                |column| matches!(column.source, Source::Rate(own) | Source::Busy(own) if own == field.0),
            )
        };
        let fields = recorded.fields(&["INFO", "ALL"]);
        let text: String = fields
            .iter()
            .filter(|field| counted(field) || field.0.starts_with("keyspace_"))
            .map(|(name, _)| format!("{name}:0\r\n"))
            .collect();
        let facts = Facts { info: Info::parse(&text), ..Facts::default() };
        let before = Round {
            at: now.at - 1000,
            target: now.target.clone(),
            discovered: false,
            took: Duration::ZERO,
            outcome: Ok(facts),
        };
        let sample = Sample { before: Some(&before), now: &now };
        let value = |name: &str| {
            COLUMNS.iter().find(|column| column.name == name).unwrap().value(std::iter::once(sample))
        };
        let lookups = recorded.number("keyspace_hits") + recorded.number("keyspace_misses");
        let aof = recorded.field("aof_enabled") == "1";
        for column in COLUMNS {
            let known = value(column.name).is_some();
            let expected = match column.name {
                "hit%/s" => lookups > 0.0,
                "aofcs" | "aofbs" => aof,
                _ => true,
            };
            assert_eq!(known, expected, "{name}: {}", column.name);
        }
        for (column, field) in [
            ("mem", "used_memory"),
            ("cl", "connected_clients"),
            ("cmd/s", "total_commands_processed"),
            ("hit/s", "keyspace_hits"),
        ] {
            assert_eq!(value(column), Some(recorded.number(field)), "{name}: {column}");
        }
        if recorded.role == "primary" {
            assert_eq!(value("hit%/s"), Some(75.0), "{name}: three hits, one miss");
        }
    }
}

#[test]
fn no_version_makes_the_monitor_complain() {
    let all = recorded(&ROLES);
    let urls: Vec<String> = all.iter().map(Recorded::url).collect();
    let options = ["--no-discover", "--interval", "0.2"];
    let mut monitor =
        Monitor::start(&options.into_iter().chain(urls.iter().map(String::as_str)).collect::<Vec<_>>());
    let get = |path: &str| get(monitor.port(), path);
    common::wait_for("every server", || {
        get("/metrics").lines().filter(|line| line.starts_with("redis_up{") && line.ends_with(" 1")).count()
            == all.len()
    });
    let overview: Value = serde_json::from_str(&get("/api/overview")).unwrap();
    for recorded in &all {
        let targets = overview["targets"].as_array().unwrap();
        let target = targets.iter().find(|target| target["url"] == recorded.url()).unwrap();
        assert_eq!(target["version"], recorded.version, "{}", recorded.name);
        assert_eq!(target["failure"], Value::Null, "{}", recorded.name);
        let detail: Value =
            serde_json::from_str(&get(&format!("/api/target?url={}", recorded.url()))).unwrap();
        assert!(!detail["clients"].as_array().unwrap().is_empty(), "{}", recorded.name);
        recorded.nothing_unheard();
    }
    common::wait_for("what they are: young", || {
        let alerts: Value = serde_json::from_str(&get("/api/alerts")).unwrap();
        alerts["standing"].as_array().unwrap().len() == all.len()
    });
    monitor.process.0.kill().unwrap();
    let complaints: Vec<String> = monitor.log.map(Result::unwrap).collect();
    let (young, others): (Vec<_>, Vec<_>) =
        complaints.iter().partition(|line| line.contains(": uptime: uptime is "));
    assert_eq!((young.len(), others), (all.len(), vec![]));
}

/// The body of a GET.
fn get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{path}: {head}");
    body.to_owned()
}
