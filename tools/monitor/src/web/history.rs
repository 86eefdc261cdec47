//! `/api/history` and `/api/events`: what was, as JSON or CSV.

use super::{App, Query, json};
use crate::collect::now_ms;
use crate::history::{History, Level, Span};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use std::path::PathBuf;
use std::sync::Arc;

/// The span of a request that names none: the last hour.
const DEFAULT_SPAN: i64 = 3_600_000;

/// `GET /api/history?target=URL[&metric=mem&metric=...][&from=ms&to=ms][&level=raw|minute|hour][&format=csv]`
pub async fn history(State(app): State<Arc<App>>, query: Query) -> Response {
    let Some(target) = query.get("target").map(str::to_owned) else {
        return refuse("'target' must be specified");
    };
    let level = match query.get("level") {
        None => None,
        Some("raw") => Some(Level::Raw),
        Some("minute") => Some(Level::Minute),
        Some("hour") => Some(Level::Hour),
        Some(_) => return refuse("'level' is raw, minute or hour"),
    };
    let Some(span) = span(&query) else { return refuse("'from' and 'to' are Unix milliseconds") };
    let metrics: Vec<String> = query.all("metric").map(str::to_owned).collect();
    let as_csv = query.get("format") == Some("csv");
    read(&app, move |path| {
        let names: Vec<&str> = metrics.iter().map(String::as_str).collect();
        let history = History::read(&path, &target, &names, span, level)?;
        Ok(match as_csv {
            true => ([(CONTENT_TYPE, "text/csv; charset=utf-8")], history.to_csv()).into_response(),
            false => json(history.to_json().to_string()),
        })
    })
    .await
}

/// `GET /api/events[?from=ms&to=ms]`: alerts, failovers, restarts, slot moves; oldest first. Without a history those that are remembered.
pub async fn events(State(app): State<Arc<App>>, query: Query) -> Response {
    let Some(span) = span(&query) else { return refuse("'from' and 'to' are Unix milliseconds") };
    if app.history.is_none() {
        let marks = app.alerts.marks(span.from).into_iter().filter(|mark| mark.at <= span.to);
        return json(serde_json::json!(marks.collect::<Vec<_>>()).to_string());
    }
    read(&app, move |path| History::events(&path, span).map(|events| json(events.to_string()))).await
}

/// Reads on a thread that may wait for the disk.
async fn read<F: FnOnce(PathBuf) -> rusqlite::Result<Response> + Send + 'static>(
    app: &App,
    question: F,
) -> Response {
    let Some(history) = &app.history else {
        return (StatusCode::NOT_FOUND, "this monitor keeps no history: start it with --history FILE")
            .into_response();
    };
    let path = history.path().to_owned();
    match tokio::task::spawn_blocking(move || question(path)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => {
            tracing::error!("history: {error}");
            (StatusCode::INTERNAL_SERVER_ERROR, "the history cannot be read; the log says why")
                .into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn span(query: &Query) -> Option<Span> {
    let number = |name: &str, default: i64| query.get(name).map_or(Some(default), |text| text.parse().ok());
    let to = number("to", now_ms())?;
    Some(Span { from: number("from", to.saturating_sub(DEFAULT_SPAN))?, to })
}

fn refuse(why: &'static str) -> Response {
    (StatusCode::BAD_REQUEST, why).into_response()
}
