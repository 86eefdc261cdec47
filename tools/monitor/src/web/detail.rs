//! `/api/target?url=...`: one server's INFO, slow log, clients, commands, configuration and latency spikes.

use super::{App, Query, json};
use crate::console::is_secret;
use crate::facts::{Facts, Parts};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Clients that one answer shows.
const MAX_CLIENTS: usize = 500;

/// `GET /api/target?url=URL`: from the newest round of a watched target; nothing is asked now.
pub async fn target(State(app): State<Arc<App>>, query: Query) -> Response {
    let round = query.get("url").and_then(|url| app.collector.round(url));
    match round.as_ref().map(|round| &round.outcome) {
        None => (StatusCode::NOT_FOUND, "no such target is watched").into_response(),
        Some(Err(failure)) => json(json!({"failure": failure.to_string()}).to_string()),
        Some(Ok(facts)) => {
            let mut document = document(facts);
            document["recent"] = json!(app.collector.recent_commands(query.get("url").unwrap_or_default()));
            json(document.to_string())
        }
    }
}

fn document(facts: &Facts) -> Value {
    let clients = facts.clients.iter().take(MAX_CLIENTS);
    let clients = clients
        .map(|client| client.iter().map(|(name, value)| (name.clone(), json!(value))).collect::<Map<_, _>>());
    json!({
        "info": sections(facts),
        "slowlog": facts.slowlog.entries,
        "clients": clients.collect::<Vec<_>>(),
        "client_count": facts.clients.len(),
        "commands": commands(facts),
        "config": facts.config.iter().map(|(name, value)| json!([name, shown(name, value)])).collect::<Vec<_>>(),
        "spikes": facts.spikes,
    })
}

fn sections(facts: &Facts) -> Value {
    let mut sections: Map<String, Value> = Map::new();
    for field in facts.info.fields().iter().filter(|field| facts.info.is_default(field)) {
        let section = sections.entry(facts.info.section(field)).or_insert_with(|| json!([]));
        if let Value::Array(fields) = section {
            fields.push(json!([field.name, field.value]));
        }
    }
    Value::Object(sections)
}

/// What the server counts of each command.
fn commands(facts: &Facts) -> Vec<Value> {
    let command = |field: &crate::facts::Field| {
        let (name, parts) = (field.name.strip_prefix("cmdstat_")?, Parts::of(&field.value));
        let number = |part| parts.number(part);
        Some(
            json!({"command": name, "calls": number("calls")?, "usec": number("usec"), "rejected": number("rejected_calls"), "failed": number("failed_calls")}),
        )
    };
    facts.info.fields().iter().filter_map(command).collect()
}

/// A directive's value, unless it is a secret.
fn shown<'a>(name: &str, value: &'a str) -> &'a str {
    if is_secret(name) && !value.is_empty() { "(hidden)" } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Info;

    #[test]
    fn secrets_are_hidden_and_commands_listed() {
        let config = [
            ("requirepass", "hunter2"),
            ("masterauth", "hunter2"),
            ("tls-key-file-pass", "hunter2"),
            ("save", "60 1"),
        ];
        let config = config.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let info = Info::parse("# Server\nx:1\n# Commandstats\ncmdstat_get:calls=3,usec=9,failed_calls=1\n");
        let value = document(&Facts { info, config: Arc::new(config), ..Facts::default() });
        assert!(!value.to_string().contains("hunter2"));
        assert_eq!(value["config"][3], json!(["save", "60 1"]));
        assert_eq!(value["commands"][0]["calls"], 3.0);
        assert_eq!(value["info"], json!({"Server": [["x", "1"]]}));
    }
}
