//! `/api/alerts`: what fires now, and the last events.

use super::{App, json};
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;

/// `GET /api/alerts`: `{"standing": [...], "past": [...]}`, the worst and the newest first.
pub async fn alerts(State(app): State<Arc<App>>) -> Response {
    json(serde_json::json!({"standing": app.alerts.standing(), "past": app.alerts.past()}).to_string())
}
