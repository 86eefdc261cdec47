//! Damaged replies: whatever a server says, every view stays well-formed. The damage is pseudo-random and the same in each run.

mod common;

use monitor::collect::Round;
use monitor::contract::{compact, document};
use monitor::facts::{Cluster, Facts, Info, parse_clients};
use monitor::prometheus::{Details, Exposition, describe};
use monitor::target::Target;
use monitor::wire::{Budget, Failure, read_reply};
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

const INFO: &str = concat!(
    "# Server\r\nredis_version:7.0.15\r\nprocess_id:1\r\nuptime_in_seconds:5\r\n# Memory\r\nused_memory:853752\r\n",
    "maxmemory_policy:noeviction\r\n# Replication\r\nrole:master\r\nslave0:ip=10.0.0.2,port=6380,state=online,offset=5,lag=1\r\n",
    "# Commandstats\r\ncmdstat_get:calls=3,usec=9,usec_per_call=3.00,rejected_calls=0,failed_calls=0\r\n",
    "# Latencystats\r\nlatency_percentiles_usec_get:p50=1.003,p99=4.015\r\n# Errorstats\r\nerrorstat_ERR:count=2\r\n",
    "# Cluster\r\ncluster_enabled:1\r\n# Keyspace\r\ndb0:keys=3,expires=1,avg_ttl=1000\r\n",
);
const NODES: &str = "a1 10.0.0.1:7000@17000,host,shard-id=x myself,master - 0 0 1 connected 0-5 [6->-b2] 9\nb2 ::1:7001@17001 slave,fail? a1 1 2 3 disconnected\n";
const STATE: &str = "cluster_state:ok\r\ncluster_slots_ok:16384\r\n";

/// Knuth's MMIX generator: no seed from outside, so a failure comes again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % sides as u64) as usize
    }

    /// A few bytes changed, lost or doubled.
    fn damage(&mut self, text: &str) -> String {
        const SPICE: &[u8] = b"\"\\\n\r:=,{}[]@#\0\x1b-+.0123456789eEnaif\xff";
        let mut bytes = text.as_bytes().to_vec();
        for _ in 0..=self.roll(8) {
            let place = self.roll(bytes.len().max(1)).min(bytes.len().saturating_sub(1));
            match self.roll(4) {
                _ if bytes.is_empty() => break,
                0 => bytes[place] = SPICE[self.roll(SPICE.len())],
                1 => bytes.truncate(place),
                2 => bytes.insert(place, SPICE[self.roll(SPICE.len())]),
                _ => bytes.extend_from_within(place..),
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// A comment, or `redis_name{label="value",...} number`.
fn is_sample(line: &str) -> bool {
    let Some((head, value)) = line.rsplit_once(' ') else { return false };
    let name = head.split('{').next().unwrap_or_default();
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let closed = !head.contains('{') || head.ends_with("\"}");
    name.starts_with("redis_") && plain && closed && value.parse::<f64>().is_ok_and(f64::is_finite)
}

#[test]
fn damaged_facts_leave_every_view_well_formed() {
    let mut dice = Dice(1);
    let details =
        Details { include_config_metrics: true, export_client_list: true, export_client_port: true };
    for _ in 0..3000 {
        let info = Info::parse(&dice.damage(INFO));
        let cluster = Cluster::parse(&dice.damage(NODES), &dice.damage(STATE));
        let body = compact(&document(
            &[("redis://h".into(), Some(info.clone()))],
            &[("redis", cluster.clone())],
            true,
        ));
        serde_json::from_slice::<serde_json::Value>(&body).unwrap();
        let clients = parse_clients(&dice.damage("id=1 addr=1.2.3.4:5 name=x\n"));
        let facts = Facts { info, cluster: Some(cluster), clients, ..Facts::default() };
        let _ = facts.neighbours();
        let target = Target::parse("redis://h").unwrap();
        let round = Round { at: 1, target, discovered: false, took: Duration::ZERO, outcome: Ok(facts) };
        let mut text = Exposition::new();
        describe(&mut text, &round, details);
        for line in text.render().lines() {
            assert!(line.starts_with("# ") || is_sample(line), "{line:?}");
        }
    }
}

#[test]
fn damaged_replies_are_read_or_refused() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut dice = Dice(2);
    for _ in 0..5000 {
        let bytes = dice.damage("*3\r\n$3\r\nabc\r\n*2\r\n:1\r\n+OK\r\n$-1\r\n");
        let reply = runtime.block_on(read_reply(&mut bytes.as_bytes(), &mut Budget::new(4096)));
        assert!(
            !matches!(reply, Err(Failure::Connect(_) | Failure::Timeout(_) | Failure::Address(_))),
            "{bytes:?}"
        );
    }
}

/// A server that writes what `next` gives, forever, as fast as it is read or with pauses.
fn chatter(pause: Duration, next: fn(u64) -> Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            std::thread::spawn(move || {
                for round in 0.. {
                    if stream.write_all(&next(round)).is_err() {
                        return;
                    }
                    std::thread::sleep(pause);
                }
            });
        }
    });
    address
}

#[test]
fn endless_and_slow_servers_are_bounded_and_cost_the_others_nothing() {
    let endless_bulk =
        |round| if round == 0 { b"+PONG\r\n$33554000\r\n".to_vec() } else { vec![b'x'; 65536] };
    let endless_array =
        |round| if round == 0 { b"+PONG\r\n*1000000\r\n".to_vec() } else { b":1\r\n".repeat(10_000) };
    let drip = |round| if round == 0 { b"+PONG\r\n$100\r\n".to_vec() } else { b"x".to_vec() };
    let line = |_| vec![b'x'; 4096];
    let zero = Duration::ZERO;
    let liars = [
        chatter(zero, endless_bulk),
        chatter(zero, endless_array),
        chatter(Duration::from_millis(50), drip),
        chatter(zero, line),
    ];
    let good = common::Server::start(&[]);
    let mut urls: Vec<String> = liars.iter().map(|address| format!("redis://{address}")).collect();
    urls.push(good.url());
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    let site = common::Site::start(common::app(&urls, Duration::from_secs(1)));
    let overview = || serde_json::from_str::<serde_json::Value>(&site.get("/api/overview").1).unwrap();
    let of = |url: &str| {
        let document = overview();
        document["targets"].as_array().unwrap().iter().find(|target| target["url"] == url).cloned()
    };
    for url in &urls[..4] {
        common::wait_for("its failure", || of(url).is_some_and(|target| target["failure"].is_string()));
    }
    let first = of(urls[4]).unwrap();
    assert!(first["failure"].is_null(), "{first}");
    common::wait_for("the good one goes on", || of(urls[4]).unwrap()["at"].as_i64() > first["at"].as_i64());
    // Peak memory of the whole test process: 32 MiB a reply is the bound, and nothing is kept of it.
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kib < 400_000, "{kib} KiB");
}
