//! The HTTP side: routes, and what every route shares.

mod alerts;
mod document;
mod guard;
mod prometheus;
mod query;

pub use query::Query;

use crate::alert::Watchman;
use crate::collect::Collector;
use crate::target::{Allow, Target};
use crate::wire::Limits;
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::sync::Arc;

/// What the routes work with.
pub struct App {
    /// Targets that the operator named, with their credentials.
    pub named: Vec<Target>,
    /// Which others a request may name.
    pub allow: Allow,
    /// The watched targets.
    pub collector: Arc<Collector>,
    /// What fires and what fired.
    pub alerts: Arc<Watchman>,
    /// What a server that a request names may cost.
    pub limits: Limits,
    /// Servers that one request may ask at the same time.
    pub parallel: usize,
    /// Whether the monitor listens on loopback alone.
    pub loopback: bool,
}

/// All routes.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/metrics/redis", get(document::metrics))
        .route("/api/state", get(document::state))
        .route("/api/alerts", get(alerts::alerts))
        .route("/metrics", get(prometheus::metrics))
        .route("/scrape", get(prometheus::scrape))
        .route("/discover-cluster-nodes", get(prometheus::discover))
        .route("/health", get(prometheus::health))
        .layer(axum::middleware::from_fn_with_state(app.clone(), guard::same_host))
        .with_state(app)
}

/// A JSON body.
fn json(body: impl Into<axum::body::Body>) -> Response {
    ([(CONTENT_TYPE, "application/json")], body.into()).into_response()
}
