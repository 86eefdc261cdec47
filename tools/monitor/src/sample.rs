//! Top keys: the largest and the busiest of a bounded sample.
//!
//! A server that keeps a sketch of its hot keys is asked for it (HOTKEYS GET, since Redis 8.6; an operator starts it). Most keep none, and
//! MONITOR would cost them dearly, so on request some keys are walked with SCAN and asked for their MEMORY USAGE and, where the policy is
//! LFU (then the server itself counts), their OBJECT FREQ. A sample ends after [`MAX_KEYS`] keys or [`MAX_TIME`], whichever is first:
//! the answer says how much of the database it saw.

use crate::faina::Statistics;
use crate::target::Target;
use crate::wire::{Connection, Failure, Limits, Reply};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Keys that a sample looks at.
const MAX_KEYS: usize = 5_000;
/// How long it may take, connecting left out.
const MAX_TIME: Duration = Duration::from_secs(2);
/// Keys asked in one exchange: what other clients may have to wait behind.
const BATCH: &str = "50";
/// Keys and prefixes of each list.
const SHOWN: usize = 20;
/// Characters of a key's name that are shown.
const MAX_NAME: usize = 200;

/// One key of the sample.
struct Key {
    name: String,
    kind: String,
    bytes: i64,
    frequency: Option<i64>,
}

/// What a sample found.
#[derive(Default)]
pub struct Sample {
    keys: Vec<Key>,
    /// Keys of the database.
    size: i64,
    /// Whether all of them were seen.
    whole: bool,
    /// Whether the server counts accesses.
    lfu: bool,
    /// The server's own sketch: keys by microseconds and by bytes of network, as it lists them.
    sketch: Option<[Vec<(String, i64)>; 2]>,
}

impl Sample {
    /// Takes a sample of one database.
    ///
    /// # Errors
    /// The connection's failures; a server that refuses SELECT, SCAN or MEMORY.
    pub async fn take(target: &Target, limits: Limits, db: u32) -> Result<Self, Failure> {
        let mut connection = Connection::open(target, limits).await?;
        let commands: [&[&str]; 4] = [
            &["SELECT", &db.to_string()],
            &["DBSIZE"],
            &["CONFIG", "GET", "maxmemory-policy"],
            &["COMMAND", "INFO", "HOTKEYS"],
        ];
        let replies = connection.pipeline(&commands).await?;
        let [selected, size, policy, hotkeys] = replies.as_slice() else {
            return Err(Failure::Protocol("no reply".into()));
        };
        accept(selected)?;
        let lfu = policy.pairs().any(|(_, policy)| policy.contains("lfu"));
        let mut sample = Sample { lfu, size: accept(size)?.integer().unwrap_or(0), ..Sample::default() };
        if hotkeys.items().first().is_some_and(|about| !about.items().is_empty()) {
            sample.sketch = sketch(&connection.call(&["HOTKEYS", "GET"]).await?);
        }
        sample.walk(&mut connection).await?;
        Ok(sample)
    }

    async fn walk(&mut self, connection: &mut Connection) -> Result<(), Failure> {
        let deadline = Instant::now() + MAX_TIME;
        let mut cursor = "0".to_owned();
        while self.keys.len() < MAX_KEYS && Instant::now() < deadline {
            let page = connection.call(&["SCAN", &cursor, "COUNT", BATCH]).await?;
            let [next, names] = accept(&page)?.items() else {
                return Err(Failure::Protocol("SCAN gave no page".into()));
            };
            self.look(connection, names.items()).await?;
            cursor = next.text().unwrap_or_default().into_owned();
            if cursor == "0" {
                self.whole = true;
                break;
            }
        }
        Ok(())
    }

    /// Asks for the keys of one page; those that have gone meanwhile are left out.
    async fn look(&mut self, connection: &mut Connection, names: &[Reply]) -> Result<(), Failure> {
        let names = names.iter().filter_map(|name| match name {
            Reply::Bulk(bytes) => Some(bytes.as_slice()),
            _ => None,
        });
        for names in names.collect::<Vec<_>>().chunks(200) {
            let questions: Vec<Vec<&[u8]>> = names.iter().flat_map(|name| self.questions(name)).collect();
            let replies = connection.pipeline(&questions).await?;
            let step = self.questions(b"").len();
            for (name, replies) in names.iter().zip(replies.chunks_exact(step)) {
                self.keys.extend(read(name, replies)?);
            }
        }
        Ok(())
    }

    fn questions<'a>(&self, name: &'a [u8]) -> Vec<Vec<&'a [u8]>> {
        let mut questions = vec![vec![&b"TYPE"[..], name], vec![b"MEMORY", b"USAGE", name, b"SAMPLES", b"5"]];
        if self.lfu {
            questions.push(vec![b"OBJECT", b"FREQ", name]);
        }
        questions
    }

    /// `{"sampled", "size", "whole", "lfu", "largest", "busiest", "prefixes", "sketch"}`; a prefix ends at the first colon.
    pub fn to_json(&self) -> Value {
        let mut largest: Vec<&Key> = self.keys.iter().collect();
        largest.sort_by_key(|key| -key.bytes);
        let mut busiest: Vec<&Key> = self.keys.iter().filter(|key| key.frequency.is_some()).collect();
        busiest.sort_by_key(|key| -key.frequency.unwrap_or(0));
        let list = |keys: &[&Key]| keys.iter().take(SHOWN).map(|key| key.to_json()).collect::<Vec<_>>();
        json!({
            "sampled": self.keys.len(), "size": self.size, "whole": self.whole, "lfu": self.lfu,
            "largest": list(&largest), "busiest": list(&busiest), "prefixes": self.prefixes(),
            "sketch": self.sketch.as_ref().map(|[cpu, net]| json!({"cpu_us": hot(cpu), "net_bytes": hot(net)})),
        })
    }

    fn prefixes(&self) -> Vec<Value> {
        let mut found: HashMap<&str, (usize, i64)> = HashMap::new();
        for key in &self.keys {
            let prefix = key.name.split_once(':').map_or("(none)", |(prefix, _)| prefix);
            let (keys, bytes) = found.entry(prefix).or_default();
            (*keys, *bytes) = (*keys + 1, bytes.saturating_add(key.bytes));
        }
        let mut found: Vec<_> = found.into_iter().collect();
        found.sort_by(|a, b| b.1.1.cmp(&a.1.1).then(a.0.cmp(b.0)));
        found.truncate(SHOWN);
        found
            .into_iter()
            .map(|(prefix, (keys, bytes))| json!({"prefix": prefix, "keys": keys, "bytes": bytes}))
            .collect()
    }
}

impl Key {
    fn to_json(&self) -> Value {
        json!({"key": self.name, "type": self.kind, "bytes": self.bytes, "frequency": self.frequency})
    }
}

/// The replies of one key's questions.
fn read(name: &[u8], replies: &[Reply]) -> Result<Option<Key>, Failure> {
    let [kind, bytes, rest @ ..] = replies else { return Ok(None) };
    let bytes = match accept(bytes)? {
        Reply::Integer(bytes) => *bytes,
        _ => return Ok(None),
    };
    Ok(Some(Key {
        name: shown(&String::from_utf8_lossy(name)),
        kind: kind.text().unwrap_or_default().into_owned(),
        bytes,
        // No reply for a policy that has just changed is no fault.
        frequency: rest.first().and_then(Reply::integer),
    }))
}

fn hot(keys: &[(String, i64)]) -> Vec<Value> {
    keys.iter().take(SHOWN).map(|(key, value)| json!({"key": key, "value": value})).collect()
}

/// Reads HOTKEYS GET; nil, before anybody started it, is no sketch.
fn sketch(reply: &Reply) -> Option<[Vec<(String, i64)>; 2]> {
    let fields = reply.items().chunks_exact(2);
    let list = |name: &str| {
        let field = fields.clone().find(|field| field[0].text().as_deref() == Some(name));
        let pairs = field.map(|field| field[1].items()).unwrap_or_default().chunks_exact(2);
        pairs.filter_map(|pair| Some((shown(&pair[0].text()?), pair[1].integer()?))).collect()
    };
    (!reply.items().is_empty()).then(|| [list("by-cpu-time-us"), list("by-net-bytes")])
}

fn shown(name: &str) -> String {
    name.chars().take(MAX_NAME).collect()
}

fn accept(reply: &Reply) -> Result<&Reply, Failure> {
    match reply {
        Reply::Error(text) => Err(Failure::Refused(text.clone())),
        reply => Ok(reply),
    }
}

/// Lines of MONITOR that a burst reads at most.
const MAX_LINES: u64 = 10_000;

/// Statistics of what a server did for a moment, by MONITOR: only when somebody asks for it, since it costs a busy server much. It ends after
/// `time` or [`MAX_LINES`] lines, and the closed connection ends MONITOR.
///
/// # Errors
/// The connection's failures; a server that refuses MONITOR.
pub async fn burst(target: &Target, limits: Limits, time: Duration) -> Result<Statistics, Failure> {
    let mut connection = Connection::open(target, limits).await?;
    accept(&connection.call(&["MONITOR"]).await?)?;
    let mut statistics = Statistics::new(":");
    let listen = async {
        for _ in 0..MAX_LINES {
            if let Reply::Status(line) = connection.next().await? {
                statistics.add(&line);
            }
        }
        Ok(())
    };
    // A server at rest says nothing: silence is no failure here.
    match tokio::time::timeout(time, listen).await {
        Ok(Err(failure)) if failure != Failure::Timeout("reply") => Err(failure),
        _ => Ok(statistics),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted_and_prefixes_summed() {
        let key =
            |name: &str, bytes, frequency| Key { name: name.into(), kind: "string".into(), bytes, frequency };
        let keys = vec![key("user:1", 10, Some(5)), key("user:2", 30, Some(1)), key("x", 20, None)];
        let json = Sample { keys, size: 3, whole: true, lfu: true, sketch: None }.to_json();
        assert_eq!(
            (&json["largest"][0]["key"], &json["busiest"][0]["key"]),
            (&json!("user:2"), &json!("user:1"))
        );
        assert_eq!(json["prefixes"][0], json!({"prefix": "user", "keys": 2, "bytes": 40}));
        assert_eq!(json["busiest"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn a_servers_own_sketch() {
        let bulk = |text: &str| Reply::Bulk(text.into());
        let hot = Reply::Array(vec![bulk("x"), Reply::Integer(104), bulk("y"), Reply::Integer(98)]);
        let reply =
            Reply::Array(vec![bulk("tracking-active"), Reply::Integer(1), bulk("by-cpu-time-us"), hot]);
        let [cpu, net] = sketch(&reply).unwrap();
        assert_eq!((cpu, net), (vec![("x".into(), 104), ("y".into(), 98)], vec![]));
        assert_eq!(sketch(&Reply::Nil), None);
    }
}
