//! `--es`: each server's numbers as a document for Elasticsearch.
//!
//! redis-stat's documents: `@timestamp`, `host`, `at` (Unix seconds), and the raw values by column. POST to `URL/INDEX/_doc`; the default
//! index is `redis-stat`.

use super::rows;
use crate::columns::{Column, Pairs};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::time::Duration;

const DEFAULT_INDEX: &str = "redis-stat";

/// Sends one document a server. A failure is said on stderr and costs the rows nothing.
pub(super) async fn send(url: &str, columns: &[&Column], pairs: &Pairs) {
    let endpoint = endpoint(url);
    let documents: Vec<Value> = pairs
        .samples()
        .map(|sample| {
            let values: Vec<Option<f64>> =
                columns.iter().map(|column| column.value(std::iter::once(sample))).collect();
            let mut document = rows::object(columns, &values);
            document["@timestamp"] = json!(Timestamp::now().to_string());
            document["host"] = json!(sample.now.target.endpoint.place());
            document["at"] = json!(sample.now.at as f64 / 1000.0);
            document
        })
        .collect();
    let sent = tokio::task::spawn_blocking(move || {
        documents.iter().try_for_each(|document| post(&endpoint, document))
    });
    if let Ok(Err(why)) = sent.await {
        eprintln!("carnelian top: Elasticsearch: {why}");
    }
}

fn endpoint(url: &str) -> String {
    let url = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    let place = url.split_once("://").map_or(url.as_str(), |(_, place)| place);
    let index =
        place.split_once('/').map(|(_, index)| index.trim_matches('/')).filter(|index| !index.is_empty());
    match index {
        Some(_) => format!("{}/_doc", url.trim_end_matches('/')),
        None => format!("{}/{DEFAULT_INDEX}/_doc", url.trim_end_matches('/')),
    }
}

fn post(endpoint: &str, document: &Value) -> Result<(), String> {
    let config = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(5))).build();
    let agent = ureq::Agent::new_with_config(config);
    let sent = agent.post(endpoint).header("Content-Type", "application/json").send(document.to_string());
    // A URL may have a password: only the status is said.
    sent.map(drop).map_err(|error| match error {
        ureq::Error::StatusCode(code) => format!("it answered {code}"),
        _ => "it cannot be reached".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::endpoint;

    #[test]
    fn urls_as_redis_stat_takes_them() {
        assert_eq!(endpoint("localhost:9200"), "http://localhost:9200/redis-stat/_doc");
        assert_eq!(endpoint("https://es.example/stats/"), "https://es.example/stats/_doc");
        assert_eq!(endpoint("http://h/"), "http://h/redis-stat/_doc");
    }
}
