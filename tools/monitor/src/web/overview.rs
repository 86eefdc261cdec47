//! `/api/overview`, and the same once an interval over `/api/stream`: all targets with the numbers of every column.

use super::{App, Powers, json};
use crate::collect::{Round, now_ms};
use crate::columns::{COLUMNS, Pairs, Sample};
use crate::facts::Facts;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How far back the events of an overview go, milliseconds: a page that was away for longer asks for the rest.
const EVENTS: i64 = 60_000;

/// The rounds that rates are made of, shared by all visitors.
#[derive(Default)]
pub struct Overview(Mutex<Pairs>);

/// `GET /api/overview`
pub async fn overview(State(app): State<Arc<App>>) -> Response {
    json(document(&app).to_string())
}

/// `GET /api/stream`: server-sent events, each with the document of `/api/overview`.
pub async fn live(State(app): State<Arc<App>>) -> Response {
    Sse::new(documents(app)).keep_alive(KeepAlive::default()).into_response()
}

/// One document at once, then one an interval, until the visitor leaves.
fn documents(app: Arc<App>) -> impl Stream<Item = Result<Event, Infallible>> {
    let interval = app.collector.interval().max(Duration::from_millis(500));
    let ticks = tokio::time::interval(interval);
    stream::unfold((app, ticks), |(app, mut ticks)| async move {
        ticks.tick().await;
        let event = Event::default().data(document(&app).to_string());
        Some((Ok(event), (app, ticks)))
    })
}

/// Everything the first page shows.
fn document(app: &App) -> Value {
    let rounds = app.collector.rounds();
    let mut pairs = app.overview.0.lock().unwrap_or_else(PoisonError::into_inner);
    pairs.update(rounds.clone());
    let samples: HashMap<&str, Sample<'_>> =
        pairs.samples().map(|sample| (sample.now.target.url.as_str(), sample)).collect();
    let targets: Vec<Value> =
        rounds.iter().map(|round| target(round, samples.get(round.target.url.as_str()))).collect();
    let (console, admin) = (!matches!(app.powers, Powers::None), matches!(app.powers, Powers::Admin(_)));
    json!({"at": now_ms(), "history": app.history.is_some(), "console": console, "admin": admin,
        "targets": targets, "alerts": app.alerts.standing(), "events": app.alerts.marks(now_ms() - EVENTS)})
}

fn target(round: &Round, sample: Option<&Sample<'_>>) -> Value {
    let values = COLUMNS.iter().map(|column| {
        let value = sample.and_then(|sample| column.value(std::iter::once(*sample)));
        (column.name.to_owned(), Value::from(value))
    });
    let mut object = json!({
        "url": round.target.url,
        "address": round.target.endpoint.place(),
        "at": round.at,
        "discovered": round.discovered,
        "failure": round.outcome.as_ref().err().map(ToString::to_string),
        "values": values.collect::<Map<_, _>>(),
    });
    if let Some(facts) = round.facts() {
        object["role"] = json!(facts.role());
        object["version"] = json!(facts.version());
        object["mode"] = json!(facts.mode());
        object["uptime"] = json!(facts.info.number("uptime_in_seconds"));
        object["maxmemory"] = json!(facts.info.number("maxmemory"));
        object["topology"] = topology(facts);
    }
    object
}

/// Who the server follows, who follows it, what it serves, what it watches.
fn topology(facts: &Facts) -> Value {
    let info = &facts.info;
    let primary = info.get("master_host").map(|host| format!("{host}:{}", info.text("master_port")));
    let replicas = info.replicas().map(|parts| {
        let place =
            format!("{}:{}", parts.get("ip").unwrap_or_default(), parts.get("port").unwrap_or_default());
        json!({"address": place, "state": parts.get("state"), "lag": parts.number("lag")})
    });
    let own = facts.cluster.as_ref().and_then(|cluster| cluster.nodes.iter().find(|node| node.is("myself")));
    let watched = facts.watched.iter().map(|watched| {
        let field = |name: &str| watched.primary.get(name).map_or("", String::as_str);
        json!({"name": watched.name(), "address": format!("{}:{}", field("ip"), field("port")), "flags": field("flags"),
            "replicas": watched.replicas.len(), "sentinels": watched.sentinels.len() + 1})
    });
    json!({
        "primary": primary,
        "link": info.get("master_link_status"),
        "replicas": replicas.collect::<Vec<_>>(),
        "slots": own.map(|node| node.slots.join(" ")),
        "slot_count": own.map(crate::facts::Node::slot_count),
        "cluster": facts.cluster.as_ref().and_then(|cluster| cluster.get("cluster_state")),
        "watched": watched.collect::<Vec<_>>(),
    })
}
