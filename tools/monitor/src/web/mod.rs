//! The HTTP side: routes, and what every route shares.

mod alerts;
mod assets;
mod console;
mod detail;
mod document;
mod guard;
mod history;
mod listen;
mod overview;
mod posted;
mod prometheus;
mod query;

pub use self::prometheus::Meter;
pub use console::Powers;
pub use guard::Door;
pub use listen::{acceptor, serve};
pub use overview::Overview;
pub use posted::Posted;
pub use query::Query;

use crate::alert::Watchman;
use crate::collect::Collector;
use crate::history::Writer;
use crate::prometheus::Details;
use crate::target::{Allow, Target, Trust};
use crate::wire::Limits;
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
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
    /// What visitors may have done.
    pub powers: Powers,
    /// What Prometheus gets beyond the usual.
    pub details: Details,
    /// What Prometheus asked so far.
    pub meter: Meter,
    /// For `rediss` targets that a request names.
    pub trust: Trust,
}

/// All routes.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/", get(assets::index))
        .route("/assets/app.js", get(assets::script))
        .route("/assets/console.js", get(assets::console))
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
        .route("/api/console", post(console::command))
        .route("/api/config", post(console::config))
        .route("/api/flush", post(console::flush))
        .route("/api/keys", post(console::keys))
        .route("/api/monitor", post(console::monitor))
        .route("/api/audit", get(console::audit))
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
