//! The HTTP side: routes, and what every route shares.

mod alerts;
mod assets;
mod detail;
mod document;
mod guard;
mod history;
mod overview;
mod prometheus;
mod query;

pub use guard::Door;
pub use overview::Overview;
pub use query::Query;

use crate::alert::Watchman;
use crate::collect::Collector;
use crate::history::Writer;
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
    /// What was.
    pub history: Option<Arc<Writer>>,
    /// What the dashboard's rates are made of.
    pub overview: Overview,
    /// What a server that a request names may cost.
    pub limits: Limits,
    /// Servers that one request may ask at the same time.
    pub parallel: usize,
    /// Who may come in.
    pub door: Door,
}

/// All routes.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/", get(assets::index))
        .route("/assets/app.js", get(assets::script))
        .route("/assets/style.css", get(assets::style))
        .route("/assets/uplot.js", get(assets::uplot_script))
        .route("/assets/uplot.css", get(assets::uplot_style))
        .route("/api/overview", get(overview::overview))
        .route("/api/stream", get(overview::live))
        .route("/api/target", get(detail::target))
        .route("/metrics/redis", get(document::metrics))
        .route("/api/state", get(document::state))
        .route("/api/alerts", get(alerts::alerts))
        .route("/api/history", get(history::history))
        .route("/api/events", get(history::events))
        .route("/metrics", get(prometheus::metrics))
        .route("/scrape", get(prometheus::scrape))
        .route("/discover-cluster-nodes", get(prometheus::discover))
        .route("/health", get(prometheus::health))
        .layer(axum::middleware::from_fn_with_state(app.clone(), guard::guard))
        .with_state(app)
}

/// A JSON body.
fn json(body: impl Into<axum::body::Body>) -> Response {
    ([(CONTENT_TYPE, "application/json")], body.into()).into_response()
}
