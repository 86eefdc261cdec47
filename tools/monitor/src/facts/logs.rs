//! SLOWLOG GET, LATENCY LATEST and CLIENT LIST, parsed.

use crate::wire::Reply;
use serde::Serialize;

/// One entry of the slow log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SlowCall {
    /// Grows by one an entry; starts again when the server does.
    pub id: i64,
    /// Unix time in seconds.
    pub at: i64,
    /// Microseconds.
    pub took_us: i64,
    /// The command and its arguments, shortened by the server, joined by spaces.
    pub command: String,
    /// `ip:port` of the client, empty before Redis 4.
    pub client: String,
    /// CLIENT SETNAME's name.
    pub name: String,
}

/// The slow log's length and its newest entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Slowlog {
    /// `None` if the server refuses SLOWLOG.
    pub len: Option<i64>,
    /// Newest first.
    pub entries: Vec<SlowCall>,
}

/// The last spike of one event of the latency monitor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Spike {
    /// `command`, `fork`, `aof-write` and so on.
    pub event: String,
    /// Unix time in seconds.
    pub at: i64,
    /// Milliseconds of the last spike.
    pub last_ms: i64,
    /// Milliseconds of the worst one.
    pub worst_ms: i64,
}

/// One client: the `name=value` parts of its line, in order.
pub type Client = Vec<(String, String)>;

/// Reads SLOWLOG GET; entries of another shape are skipped.
pub fn parse_slowlog(reply: &Reply) -> Vec<SlowCall> {
    let entry = |entry: &Reply| {
        let parts = entry.items();
        let words = parts.get(3)?.items().iter().filter_map(Reply::text);
        let text = |place: usize| parts.get(place).and_then(Reply::text).unwrap_or_default().into_owned();
        Some(SlowCall {
            id: parts.first()?.integer()?,
            at: parts.get(1)?.integer()?,
            took_us: parts.get(2)?.integer()?,
            command: words.collect::<Vec<_>>().join(" "),
            client: text(4),
            name: text(5),
        })
    };
    reply.items().iter().filter_map(entry).collect()
}

/// Reads LATENCY LATEST.
pub fn parse_spikes(reply: &Reply) -> Vec<Spike> {
    let spike = |spike: &Reply| match spike.items() {
        [event, at, last, worst, ..] => Some(Spike {
            event: event.text()?.into_owned(),
            at: at.integer()?,
            last_ms: last.integer()?,
            worst_ms: worst.integer()?,
        }),
        _ => None,
    };
    reply.items().iter().filter_map(spike).collect()
}

/// Reads CLIENT LIST.
pub fn parse_clients(text: &str) -> Vec<Client> {
    let part = |word: &str| word.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    let client = |line: &str| line.split(' ').filter_map(part).collect::<Client>();
    text.lines().map(client).filter(|client| !client.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Reply {
        Reply::Bulk(text.as_bytes().to_vec())
    }

    #[test]
    fn slow_calls_of_old_and_new_servers() {
        let old = vec![
            Reply::Integer(1),
            Reply::Integer(2),
            Reply::Integer(3),
            Reply::Array(vec![bulk("GET"), bulk("k")]),
        ];
        let new = [old.clone(), vec![bulk("1.2.3.4:5"), bulk("app")]].concat();
        let log = parse_slowlog(&Reply::Array(vec![Reply::Array(old), Reply::Array(new), Reply::Integer(9)]));
        assert_eq!(log.len(), 2);
        assert_eq!((log[0].command.as_str(), log[0].client.as_str()), ("GET k", ""));
        assert_eq!((log[1].client.as_str(), log[1].name.as_str(), log[1].took_us), ("1.2.3.4:5", "app", 3));
    }

    #[test]
    fn spikes_and_clients() {
        let spike = Reply::Array(vec![bulk("fork"), Reply::Integer(5), Reply::Integer(6), Reply::Integer(7)]);
        assert_eq!(parse_spikes(&Reply::Array(vec![spike, Reply::Nil]))[0].worst_ms, 7);
        let clients = parse_clients("id=3 addr=1.2.3.4:5 name= cmd=client|list\n\n");
        assert_eq!(clients.len(), 1);
        assert_eq!(clients[0][2], ("name".to_owned(), String::new()));
    }
}
