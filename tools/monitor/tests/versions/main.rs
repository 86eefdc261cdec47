//! Genuine servers of several versions, played back from tapes: what the collector understands, and what every view makes of it.
//!
//! The tapes are in `tests/fixtures` (its README says how they came about). What is expected is read from the tapes by the tests
//! themselves.

#[path = "../common/mod.rs"]
mod common;
mod facts;
mod metrics;
#[path = "../common/tape.rs"]
mod tape;
mod views;

use monitor::collect::{Probe, Round, now_ms};
use monitor::facts::Facts;
use monitor::target::Target;
use monitor::wire::Limits;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tape::Tape;

/// The fixtures' folders, and the versions by which users know the servers.
const SERVERS: [(&str, &str); 5] = [
    ("redis-5.0.14", "5.0.14"),
    ("redis-6.2.14", "6.2.14"),
    ("redis-7.0.15", "7.0.15"),
    ("redis-7.2.6", "7.2.6"),
    ("valkey-8.0.1", "valkey 8.0.1"),
];
const ROLES: [&str; 5] = ["primary", "replica", "cluster", "cluster-replica", "sentinel"];

/// One tape, and a server that answers from it.
struct Recorded {
    name: String,
    version: &'static str,
    role: &'static str,
    tape: Arc<Tape>,
    address: SocketAddr,
    /// What was asked that is not on the tape.
    unheard: Arc<Mutex<Vec<String>>>,
}

impl Recorded {
    fn new(folder: &str, version: &'static str, role: &'static str) -> Self {
        let name = format!("{folder}/{role}.resp");
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(&name);
        let tape = Tape::read(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (tape, unheard) = (Arc::new(tape), Arc::new(Mutex::new(Vec::new())));
        let (source, strange) = (tape.clone(), unheard.clone());
        let address = tape::serve(move |question| {
            let answer = source.find(&question).map(<[u8]>::to_vec);
            answer.ok_or_else(|| {
                strange.lock().unwrap().push(String::from_utf8_lossy(&question).into_owned());
                io::Error::other("not on the tape")
            })
        });
        Recorded { name, version, role, tape, address, unheard }
    }

    fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// The fields of a reply to INFO in their order, read without any of the monitor's code.
    fn fields(&self, command: &[&str]) -> Vec<(&str, &str)> {
        let text = self.tape.text(command).unwrap_or_else(|| panic!("{}: no {command:?}", self.name));
        text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(':')).collect()
    }

    fn info(&self) -> BTreeMap<&str, &str> {
        self.fields(&["INFO", "ALL"]).into_iter().collect()
    }

    fn field(&self, name: &str) -> &str {
        self.info().get(name).unwrap_or_else(|| panic!("{}: no {name}", self.name))
    }

    fn number(&self, name: &str) -> f64 {
        self.field(name).parse().unwrap_or_else(|_| panic!("{}: {name} is no number", self.name))
    }

    /// A round of the collector.
    fn round(&self) -> Round {
        let target = Target::parse(&self.url()).unwrap();
        let outcome =
            block_on(async { Probe::new(target.clone(), Limits::default(), Duration::ZERO).round().await });
        Round { at: now_ms(), target, discovered: false, took: Duration::ZERO, outcome }
    }

    fn facts(&self) -> Facts {
        self.round().outcome.unwrap_or_else(|failure| panic!("{}: {failure}", self.name))
    }

    fn nothing_unheard(&self) {
        let unheard = self.unheard.lock().unwrap();
        assert!(unheard.is_empty(), "{}: record it anew, for it does not have {unheard:?}", self.name);
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Every tape of some roles.
fn recorded(roles: &[&'static str]) -> Vec<Recorded> {
    let of = |(folder, version): &(&str, &'static str)| {
        roles.iter().map(|role| Recorded::new(folder, version, role)).collect::<Vec<_>>()
    };
    SERVERS.iter().flat_map(of).collect()
}

/// `name=value,...` of INFO's composed fields.
fn part<'a>(parts: &'a str, name: &str) -> &'a str {
    let mut parts = parts.split(',').filter_map(|part| part.split_once('='));
    parts.find(|(own, _)| *own == name).map_or("", |(_, value)| value)
}
