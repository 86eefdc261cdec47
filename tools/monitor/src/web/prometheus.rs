//! The routes that Prometheus asks: `/metrics`, `/scrape`, `/discover-cluster-nodes`, `/health`.

use super::{App, Query, json};
use crate::collect::{Probe, Round, now_ms};
use crate::facts::Cluster;
use crate::prometheus::{CONTENT_TYPE, Exposition, KeyChecks, Kind, check_keys, describe};
use crate::target::Target;
use crate::wire::{Connection, Failure, Reply};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::time::Instant;

/// How long the key checks of one scrape may take beside the round.
const KEY_CHECK_TIME: Duration = Duration::from_secs(8);

/// The exporter's counts of its own work.
#[derive(Default)]
pub struct Meter {
    scrapes: AtomicU64,
    refused: AtomicU64,
    microseconds: AtomicU64,
}

impl Meter {
    fn count(&self, began: Instant) {
        self.scrapes.fetch_add(1, Relaxed);
        self.microseconds.fetch_add(u64::try_from(began.elapsed().as_micros()).unwrap_or(0), Relaxed);
    }

    fn describe(&self, text: &mut Exposition) {
        let labels = [("version", env!("CARGO_PKG_VERSION"))];
        text.gauge("exporter_build_info", "What answers", &labels, 1.0);
        let number = |counter: &AtomicU64| counter.load(Relaxed) as f64;
        let scrapes = number(&self.scrapes);
        text.counter("exporter_scrapes_total", "Answers to Prometheus", &[], scrapes);
        let refused = number(&self.refused);
        text.counter("target_scrape_request_errors_total", "Requests without a good target", &[], refused);
        // Groups of keys are a script of the exporter's; there is none here.
        text.gauge("last_key_groups_scrape_duration_milliseconds", "Of groups of keys", &[], 0.0);
        let (name, help) = ("exporter_scrape_duration_seconds", "How long answers took");
        text.add(Kind::Summary, name, help, "_sum", &[], number(&self.microseconds) / 1e6);
        text.add(Kind::Summary, name, help, "_count", &[], scrapes);
    }
}

/// `GET /metrics`: the newest round of every watched target, from memory.
pub async fn metrics(State(app): State<Arc<App>>) -> Response {
    let began = Instant::now();
    let rounds = app.collector.rounds();
    let mut text = Exposition::new();
    app.meter.describe(&mut text);
    for round in &rounds {
        if rounds.len() > 1 {
            text.set_common(vec![("instance", round.target.url.clone())]);
        }
        describe(&mut text, round, app.details);
    }
    app.meter.count(began);
    exposition(&text)
}

/// `GET /scrape?target=[redis://]host:port[&check-keys=...]`: one server, asked now.
pub async fn scrape(State(app): State<Arc<App>>, query: Query) -> Response {
    let target = match requested(&app, &query) {
        Ok(target) => target,
        Err(refusal) => {
            app.meter.refused.fetch_add(1, Relaxed);
            return *refusal;
        }
    };
    let started = Instant::now();
    let mut probe = Probe::new(target.clone(), app.limits, Duration::ZERO);
    let outcome = probe.round().await;
    if let Err(failure) = &outcome {
        tracing::warn!("{}: {failure}", target.url);
    }
    let round = Round { at: now_ms(), discovered: false, took: started.elapsed(), outcome, target };
    let mut text = Exposition::new();
    app.meter.describe(&mut text);
    describe(&mut text, &round, app.details);
    if let Some(connection) = probe.connection() {
        let checks = KeyChecks::parse(&query);
        let checked = tokio::time::timeout(KEY_CHECK_TIME, check_keys(&mut text, connection, &checks));
        match checked.await {
            Ok(Err(failure)) => tracing::warn!("{}: checking keys: {failure}", round.target.url),
            Err(_) => tracing::warn!("{}: checking keys took too long", round.target.url),
            Ok(Ok(())) => {}
        }
    }
    app.meter.count(started);
    exposition(&text)
}

/// `GET /discover-cluster-nodes[?target=...]`: Prometheus's http_sd form of a cluster's nodes.
pub async fn discover(State(app): State<Arc<App>>, query: Query) -> Response {
    let target = match (query.get("target"), app.named.first()) {
        (None, Some(first)) => first.clone(),
        _ => match requested(&app, &query) {
            Ok(target) => target,
            Err(refusal) => return *refusal,
        },
    };
    match cluster_of(&app, &target).await {
        Err(failure) => (StatusCode::BAD_GATEWAY, format!("{}: {failure}", target.url)).into_response(),
        Ok(cluster) if cluster.nodes.is_empty() => {
            (StatusCode::BAD_REQUEST, "not a node of a cluster").into_response()
        }
        Ok(cluster) => {
            let places = cluster.nodes.iter().filter_map(|node| node.address(target.endpoint.host()));
            let urls: Vec<String> =
                places.map(|(host, port)| target.sibling(host, port).address.url).collect();
            json(serde_json::json!([{"targets": urls, "labels": {}}]).to_string())
        }
    }
}

/// `GET /health`: `ok`, as the exporter says it.
pub async fn health() -> &'static str {
    "ok"
}

async fn cluster_of(app: &App, target: &Target) -> Result<Cluster, Failure> {
    let mut connection = Connection::open(target, app.limits).await?;
    match connection.call(&["CLUSTER", "NODES"]).await? {
        Reply::Error(text) if text.contains("cluster support disabled") => Ok(Cluster::default()),
        reply => Ok(Cluster::parse(&reply.into_text()?, "")),
    }
}

/// The target of a request: the exporter's errors if it is missing or bad. Credentials that the URL lacks are those
/// of the configured target with the same address.
fn requested(app: &App, query: &Query) -> Result<Target, Box<Response>> {
    let refuse = |status: StatusCode, why: String| Box::new((status, why).into_response());
    let raw = query.get("target").filter(|text| !text.is_empty());
    let raw =
        raw.ok_or_else(|| refuse(StatusCode::BAD_REQUEST, "'target' parameter must be specified".into()))?;
    let target = Target::parse(raw).map_err(|failure| {
        refuse(StatusCode::BAD_REQUEST, format!("Invalid 'target' parameter, {failure}"))
    })?;
    if !app.allow.permits(&target) {
        return Err(refuse(StatusCode::FORBIDDEN, "no --allow-target pattern permits this target".into()));
    }
    let configured = app.named.iter().find(|named| named.endpoint == target.endpoint);
    let password = target.password.is_none().then_some(configured).flatten();
    Ok(match password {
        // The URL stays the one that was asked for.
        Some(named) => {
            let mut named = named.clone();
            named.address.url = target.address.url;
            named
        }
        None => Target { trust: app.trust.clone(), ..target },
    })
}

fn exposition(text: &Exposition) -> Response {
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], text.render()).into_response()
}
