//! The routes of document 000: `/metrics/redis` and `/api/state`.

use super::{App, Query, json};
use crate::contract::{Request, compact, gather, pretty};
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;

/// `GET /metrics/redis?url=...&url=...[&pretty=True][&extended=True]`; without a `url` the configured targets. Always 200: a server
/// that does not answer is `null`.
pub async fn metrics(State(app): State<Arc<App>>, query: Query) -> Response {
    let request = Request {
        urls: query.all("url").map(str::to_owned).collect(),
        extended: query.is_on("extended"),
        parallel: app.parallel,
        limits: app.limits,
        trust: app.trust.clone(),
    };
    let document = gather(&request, &app.named, &app.allow).await;
    json(if query.is_on("pretty") { pretty(&document) } else { compact(&document) })
}

/// `GET /api/state`: whether the monitor runs. It does if it answers.
pub async fn state() -> Response {
    json(r#"{"state":"running"}"#)
}
