//! `check-keys`, `check-streams` and `count-keys` of `/scrape`: single keys as metrics.
//!
//! Bounded: a pattern ends after [`MAX_KEYS`] keys found or [`MAX_SCANS`] SCAN calls, and the caller gives the whole a deadline. A key
//! is `name` or `db3=name`, as redis_exporter takes it.

use super::{Exposition, number};
use crate::facts::Record;
use crate::web::Query;
use crate::wire::{Connection, Failure, Reply};
use std::collections::BTreeSet;

/// Keys that one pattern brings.
const MAX_KEYS: usize = 10_000;
/// SCAN calls of one pattern, 1,000 keys each.
const MAX_SCANS: usize = 1_000;
/// Bytes of a value that may become a label.
const MAX_VALUE: usize = 512;

/// What to look at.
#[derive(Debug, Default)]
pub struct KeyChecks {
    keys: Vec<Place>,
    key_patterns: Vec<Place>,
    streams: Vec<Place>,
    stream_patterns: Vec<Place>,
    counts: Vec<Place>,
}

/// A key or pattern in a database.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    db: String,
    name: String,
}

impl Place {
    fn parse(text: &str) -> Self {
        let place = text.split_once('=').and_then(|(db, name)| {
            let number = db.strip_prefix("db").unwrap_or(db);
            let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| Place { db: number.to_owned(), name: name.to_owned() })
        });
        place.unwrap_or_else(|| Place { db: "0".into(), name: text.to_owned() })
    }
}

impl KeyChecks {
    /// From a query string: the exporter's five parameters, each a list with commas.
    pub fn parse(query: &Query) -> Self {
        let list = |name: &str| {
            let items = query.all(name).flat_map(|text| text.split(',')).map(str::trim);
            items.filter(|text| !text.is_empty()).map(Place::parse).collect()
        };
        KeyChecks {
            keys: list("check-single-keys"),
            key_patterns: list("check-keys"),
            streams: list("check-single-streams"),
            stream_patterns: list("check-streams"),
            counts: list("count-keys"),
        }
    }
}

/// Looks at the keys and adds what it finds; keys of databases that cannot be selected are left out.
///
/// # Errors
/// The connection's failures.
pub async fn check_keys(
    text: &mut Exposition,
    connection: &mut Connection,
    checks: &KeyChecks,
) -> Result<(), Failure> {
    for place in expand(connection, &checks.keys, &checks.key_patterns).await? {
        check_key(text, connection, &place).await?;
    }
    for place in expand(connection, &checks.streams, &checks.stream_patterns).await? {
        check_stream(text, connection, &place).await?;
    }
    for place in &checks.counts {
        let count = scan(connection, place).await?.len() as f64;
        let labels = [("db", format!("db{}", place.db)), ("key", place.name.clone())];
        let labels = labels.each_ref().map(|(label, value)| (*label, value.as_str()));
        text.gauge("keys_count", "Keys that match a pattern", &labels, count);
    }
    Ok(())
}

/// The single keys, then those that the patterns find; each once.
async fn expand(
    connection: &mut Connection,
    single: &[Place],
    patterns: &[Place],
) -> Result<Vec<Place>, Failure> {
    let mut places: Vec<Place> = single.to_vec();
    for pattern in patterns {
        let found = scan(connection, pattern).await?;
        places.extend(found.into_iter().map(|name| Place { db: pattern.db.clone(), name }));
    }
    let mut seen = BTreeSet::new();
    places.retain(|place| seen.insert((place.db.clone(), place.name.clone())));
    Ok(places)
}

async fn scan(connection: &mut Connection, pattern: &Place) -> Result<BTreeSet<String>, Failure> {
    let mut found = BTreeSet::new();
    let mut cursor = "0".to_owned();
    for _ in 0..MAX_SCANS {
        let commands: [&[&str]; 2] =
            [&["SELECT", &pattern.db], &["SCAN", &cursor, "MATCH", &pattern.name, "COUNT", "1000"]];
        let replies = connection.pipeline(&commands).await?;
        let [Reply::Status(_), Reply::Array(page)] = replies.as_slice() else { return Ok(found) };
        let [next, keys] = page.as_slice() else { return Ok(found) };
        // A key that is not UTF-8 has no name as a label.
        let names = keys.items().iter().filter_map(|key| match key {
            Reply::Bulk(bytes) => String::from_utf8(bytes.clone()).ok(),
            _ => None,
        });
        found.extend(names);
        cursor = next.text().unwrap_or_default().into_owned();
        if cursor == "0" || found.len() >= MAX_KEYS {
            break;
        }
    }
    Ok(found)
}

async fn check_key(text: &mut Exposition, connection: &mut Connection, place: &Place) -> Result<(), Failure> {
    let commands: [&[&str]; 3] =
        [&["SELECT", &place.db], &["TYPE", &place.name], &["MEMORY", "USAGE", &place.name]];
    let replies = connection.pipeline(&commands).await?;
    let [Reply::Status(_), Reply::Status(kind), memory] = replies.as_slice() else { return Ok(()) };
    if let Reply::Integer(bytes) = memory {
        let help = "Bytes that a key takes";
        key_gauge(text, "key_memory_usage_bytes", help, place, None, *bytes as f64);
    }
    let size = match kind.as_str() {
        "string" => return check_string(text, connection, place).await,
        "list" => "LLEN",
        "set" => "SCARD",
        "zset" => "ZCARD",
        "hash" => "HLEN",
        "stream" => "XLEN",
        // An alert may ask whether a key is there.
        "none" => {
            key_gauge(text, "key_size", "The length of a key's value", place, None, 0.0);
            return Ok(());
        }
        _ => return Ok(()),
    };
    if let Reply::Integer(size) = connection.call(&[size, &place.name]).await? {
        key_gauge(text, "key_size", "The length of a key's value", place, None, size as f64);
    }
    Ok(())
}

/// A string's size, and its value; a HyperLogLog's size is what it counted.
async fn check_string(
    text: &mut Exposition,
    connection: &mut Connection,
    place: &Place,
) -> Result<(), Failure> {
    let last = (MAX_VALUE - 1).to_string();
    let commands: [&[&str]; 2] = [&["STRLEN", &place.name], &["GETRANGE", &place.name, "0", &last]];
    let replies = connection.pipeline(&commands).await?;
    let [len, value] = replies.as_slice() else { return Ok(()) };
    let value = value.text().unwrap_or_default();
    let is_hll = value.starts_with("HYLL");
    let counted = if is_hll { connection.call(&["PFCOUNT", &place.name]).await?.integer() } else { None };
    let size = counted.or_else(|| len.integer());
    key_gauge(text, "key_size", "The length of a key's value", place, None, size.unwrap_or(0) as f64);
    match number(&value) {
        _ if counted.is_some() => {}
        Some(value) => key_gauge(text, "key_value", "A key's number", place, None, value),
        None => key_gauge(text, "key_value_as_string", "A key's text", place, Some(("val", &value)), 1.0),
    }
    Ok(())
}

fn key_gauge(
    text: &mut Exposition,
    name: &str,
    help: &str,
    place: &Place,
    extra: Option<(&str, &str)>,
    value: f64,
) {
    let db = format!("db{}", place.db);
    let labels = [("db", db.as_str()), ("key", place.name.as_str())];
    let labels: Vec<(&str, &str)> = labels.into_iter().chain(extra).collect();
    text.gauge(name, help, &labels, value);
}

/// Metric, field of XINFO, help; identifiers count by their milliseconds.
type Row = (&'static str, &'static str, &'static str);
#[rustfmt::skip]
const STREAM: [Row; 7] = [
    ("stream_length", "length", "Entries"),
    ("stream_radix_tree_keys", "radix-tree-keys", "Keys of the radix tree"),
    ("stream_radix_tree_nodes", "radix-tree-nodes", "Nodes of the radix tree"),
    ("stream_last_generated_id", "last-generated-id", "Milliseconds of the newest identifier"),
    ("stream_max_deleted_entry_id", "max-deleted-entry-id", "Milliseconds of the newest deleted entry"),
    ("stream_entries_added_total", "entries-added", "Entries ever added"),
    ("stream_groups", "groups", "Consumer groups"),
];
#[rustfmt::skip]
const GROUP: [Row; 5] = [
    ("stream_group_consumers", "consumers", "Consumers of a group"),
    ("stream_group_messages_pending", "pending", "Delivered, not acknowledged"),
    ("stream_group_last_delivered_id", "last-delivered-id", "Milliseconds of the last delivered entry"),
    ("stream_group_entries_read", "entries-read", "Entries that the group has read"),
    ("stream_group_lag", "lag", "Entries that the group has not read"),
];
const CONSUMER: Row =
    ("stream_group_consumer_messages_pending", "pending", "Delivered to a consumer, not acknowledged");

async fn check_stream(
    text: &mut Exposition,
    connection: &mut Connection,
    place: &Place,
) -> Result<(), Failure> {
    let (db, stream) = (format!("db{}", place.db), place.name.as_str());
    let labels = [("db", db.as_str()), ("stream", stream)];
    let commands: [&[&str]; 3] =
        [&["SELECT", &place.db], &["XINFO", "STREAM", stream], &["XINFO", "GROUPS", stream]];
    let replies = connection.pipeline(&commands).await?;
    let [Reply::Status(_), about, groups] = replies.as_slice() else { return Ok(()) };
    let about_record: Record = record(about);
    rows(text, &STREAM, &labels, &about_record);
    for (name, field) in [("stream_first_entry_id", "first-entry"), ("stream_last_entry_id", "last-entry")] {
        if let Some(millis) = entry_millis(about, field) {
            text.gauge(name, "Milliseconds of an entry's identifier", &labels, millis);
        }
    }
    for group in groups.items().iter().map(record) {
        let Some(name) = group.get("name") else { continue };
        let [db, stream_label] = labels;
        rows(text, &GROUP, &[db, stream_label, ("group", name)], &group);
        for consumer in
            connection.call(&["XINFO", "CONSUMERS", stream, name]).await?.items().iter().map(record)
        {
            let own = consumer.get("name").map_or("", String::as_str);
            let labels = [db, stream_label, ("group", name.as_str()), ("consumer", own)];
            rows(text, &[CONSUMER], &labels, &consumer);
            if let Some(millis) = consumer.get("idle").and_then(|text| number(text)) {
                text.gauge(
                    "stream_group_consumer_idle_seconds",
                    "Since a consumer asked",
                    &labels,
                    millis / 1000.0,
                );
            }
        }
    }
    Ok(())
}

fn rows(text: &mut Exposition, rows: &[Row], labels: &[(&str, &str)], record: &Record) {
    for (name, field, help) in rows {
        let value = record
            .get(*field)
            .and_then(|text| number(text.split_once('-').map_or(text.as_str(), |(ms, _)| ms)));
        let Some(value) = value else { continue };
        match name.ends_with("_total") {
            true => text.counter(name, help, labels, value),
            false => text.gauge(name, help, labels, value),
        }
    }
}

/// A flat array as a record; numbers as text, nested values left out.
fn record(reply: &Reply) -> Record {
    let pairs = reply.items().chunks_exact(2).filter_map(|pair| {
        let value = match &pair[1] {
            Reply::Integer(number) => number.to_string(),
            other => other.text()?.into_owned(),
        };
        Some((pair[0].text()?.into_owned(), value))
    });
    pairs.collect()
}

fn entry_millis(about: &Reply, field: &str) -> Option<f64> {
    let pair = about.items().chunks_exact(2).find(|pair| pair[0].text().as_deref() == Some(field))?;
    let id = pair[1].items().first()?.text()?;
    number(id.split_once('-').map_or(&*id, |(millis, _)| millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_with_and_without_a_database() {
        let place = |db: &str, name: &str| Place { db: db.into(), name: name.into() };
        let checks = KeyChecks::parse(&Query::parse(
            "check-keys=a*,db3=b:*&check-keys=4=c&count-keys=x=y,&check-single-keys=",
        ));
        assert_eq!(checks.key_patterns, [place("0", "a*"), place("3", "b:*"), place("4", "c")]);
        assert_eq!(checks.counts, [place("0", "x=y")]);
        assert!(checks.keys.is_empty());
    }
}
