//! The routes that ask servers on a visitor's behalf, all POST: the console, changes, samples of keys. `/api/audit` looks back on changes.
//!
//! Without `--enable-admin` only what the server itself calls a read is sent. With it a change is recorded in the audit log before it is sent,
//! and a dangerous one needs the server's address typed.

use super::{App, Posted, json};
use crate::audit::{Audit, Deed};
use crate::console::{Class, Session, as_json, as_text, loggable, split};
use crate::sample::{Sample, burst};
use crate::target::Target;
use crate::wire::{Failure, Reply};
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Lines of the audit log that one answer shows.
const AUDIT_LINES: usize = 200;
/// Seconds of MONITOR that one request may take.
const MAX_BURST: f64 = 5.0;

/// What the monitor may do for visitors beyond showing.
#[derive(Default)]
pub enum Powers {
    /// Nothing.
    None,
    /// Send what servers call a read.
    #[default]
    Read,
    /// Send everything; changes go into the log first.
    Admin(Audit),
}

/// `POST /api/console`
#[derive(Deserialize)]
pub struct Command {
    target: String,
    #[serde(default)]
    db: u32,
    line: String,
    confirmation: Option<String>,
}

/// Sends one command: `{"target", "db", "line", "confirmation"}`. Answers `{"text", "reply"}`; 403 for a change without `--enable-admin`,
/// 409 with `{"confirm"}` for what must be confirmed.
pub async fn command(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Posted(command): Posted<Command>,
) -> Response {
    let words = match split(&command.line) {
        Ok(words) if words.is_empty() => return refuse(StatusCode::BAD_REQUEST, "no command"),
        Ok(words) => words,
        Err(why) => return refuse(StatusCode::BAD_REQUEST, why),
    };
    let confirmation = command.confirmation.as_deref();
    answer(Visit { app: &app, peer }.send(&command.target, command.db, &words, confirmation).await)
}

/// `POST /api/config`
#[derive(Deserialize)]
pub struct Setting {
    target: String,
    name: String,
    value: String,
}

/// Sets one directive: `{"target", "name", "value"}`. The form is the confirmation.
pub async fn config(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Posted(setting): Posted<Setting>,
) -> Response {
    let words = ["CONFIG", "SET", &setting.name, &setting.value].map(|word| word.as_bytes().to_vec());
    let visit = Visit { app: &app, peer };
    let confirmation = visit.address(&setting.target);
    answer(visit.send(&setting.target, 0, &words, confirmation.as_deref()).await)
}

/// `POST /api/flush`
#[derive(Deserialize)]
pub struct Flush {
    target: String,
    db: Option<u32>,
    confirmation: Option<String>,
}

/// Empties a database, or all of them: `{"target", "db", "confirmation"}`.
pub async fn flush(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Posted(flush): Posted<Flush>,
) -> Response {
    let word = if flush.db.is_some() { b"FLUSHDB".to_vec() } else { b"FLUSHALL".to_vec() };
    let visit = Visit { app: &app, peer };
    let confirmation = flush.confirmation.as_deref();
    answer(visit.send(&flush.target, flush.db.unwrap_or(0), &[word], confirmation).await)
}

/// `POST /api/keys`
#[derive(Deserialize)]
pub struct Keys {
    target: String,
    #[serde(default)]
    db: u32,
}

/// Top keys of a bounded sample: `{"target", "db"}`.
pub async fn keys(State(app): State<Arc<App>>, Posted(keys): Posted<Keys>) -> Response {
    if matches!(app.powers, Powers::None) {
        return refuse(StatusCode::FORBIDDEN, "this monitor has no console");
    }
    let Some(target) = watched(&app, &keys.target) else { return unknown() };
    match Sample::take(&target, app.limits, keys.db).await {
        Ok(sample) => json(sample.to_json().to_string()),
        Err(failure) => failed(&failure),
    }
}

/// `POST /api/monitor`
#[derive(Deserialize)]
pub struct Monitor {
    target: String,
    seconds: f64,
}

/// Statistics of a short MONITOR: `{"target", "seconds"}`. It slows a busy server, so it is a change.
pub async fn monitor(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Posted(monitor): Posted<Monitor>,
) -> Response {
    let visit = Visit { app: &app, peer };
    let Some(target) = watched(&app, &monitor.target) else { return unknown() };
    let time = Duration::from_secs_f64(if monitor.seconds.is_finite() {
        monitor.seconds.clamp(0.1, MAX_BURST)
    } else {
        1.0
    });
    let listened = visit.recorded(&target, "MONITOR", async {
        burst(&target, app.limits, time).await.map(|statistics| statistics.to_json(20))
    });
    match listened.await {
        Ok(statistics) => json(statistics.to_string()),
        Err(refusal) => refusal.into_response(),
    }
}

/// `GET /api/audit`: the newest changes, newest first.
pub async fn audit(State(app): State<Arc<App>>) -> Response {
    let Powers::Admin(audit) = &app.powers else { return refuse(StatusCode::NOT_FOUND, READ_ONLY) };
    match audit.newest(AUDIT_LINES) {
        Ok(lines) => json(Value::Array(lines).to_string()),
        Err(error) => refuse(StatusCode::INTERNAL_SERVER_ERROR, &format!("the audit log: {error}")),
    }
}

const READ_ONLY: &str = "this monitor is read-only: --enable-admin allows changes";

/// Why a visitor gets no reply.
enum Refusal {
    Unknown,
    Forbidden(&'static str),
    Confirm(String),
    Unrecorded(std::io::Error),
    NoSuchCommand,
    Failed(Failure),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Refusal::Unknown => unknown(),
            Refusal::Forbidden(why) => refuse(StatusCode::FORBIDDEN, why),
            Refusal::Confirm(address) => {
                let why = format!("type {address} to confirm");
                (StatusCode::CONFLICT, json(json!({"error": why, "confirm": address}).to_string()))
                    .into_response()
            }
            Refusal::Unrecorded(error) => {
                let why = format!("not done, because the audit log cannot be written: {error}");
                refuse(StatusCode::INTERNAL_SERVER_ERROR, &why)
            }
            Refusal::NoSuchCommand => {
                refuse(StatusCode::BAD_REQUEST, "the server knows no such command or subcommand")
            }
            Refusal::Failed(failure) => failed(&failure),
        }
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Refusal::Failed(failure)
    }
}

/// A visitor who wants something of a server.
struct Visit<'a> {
    app: &'a App,
    peer: SocketAddr,
}

impl Visit<'_> {
    /// What must be typed to confirm a change of a watched target.
    fn address(&self, url: &str) -> Option<String> {
        watched(self.app, url).map(|target| target.endpoint.place())
    }

    async fn send(
        &self,
        url: &str,
        db: u32,
        words: &[Vec<u8>],
        confirmation: Option<&str>,
    ) -> Result<Reply, Refusal> {
        if matches!(self.app.powers, Powers::None) {
            return Err(Refusal::Forbidden("this monitor has no console"));
        }
        let target = watched(self.app, url).ok_or(Refusal::Unknown)?;
        let mut session = Session::open(&target, self.app.limits, db).await?;
        match session.class(words).await?.ok_or(Refusal::NoSuchCommand)? {
            Class::Read => return Ok(session.run(words).await?),
            Class::Danger
                if matches!(self.app.powers, Powers::Admin(_))
                    && confirmation != Some(target.endpoint.place().as_str()) =>
            {
                return Err(Refusal::Confirm(target.endpoint.place()));
            }
            Class::Change | Class::Danger => {}
        }
        let shown = if db == 0 { loggable(words) } else { format!("[db{db}] {}", loggable(words)) };
        self.recorded(&target, &shown, session.run(words)).await
    }

    /// Does a deed between two lines of the audit log.
    async fn recorded<T: Outcome>(
        &self,
        target: &Target,
        command: &str,
        deed: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Refusal> {
        let Powers::Admin(audit) = &self.app.powers else { return Err(Refusal::Forbidden(READ_ONLY)) };
        let about = Deed {
            user: self.app.door.user().unwrap_or_default().to_owned(),
            from: self.peer.ip().to_string(),
            target: target.url.clone(),
            command: command.to_owned(),
        };
        audit.record(&about, None).map_err(Refusal::Unrecorded)?;
        let done = deed.await;
        let outcome = done.as_ref().map_or_else(ToString::to_string, Outcome::outcome);
        // It is done: that its end could not be recorded is for the log alone.
        if let Err(error) = audit.record(&about, Some(&outcome)) {
            tracing::error!("audit log: {error}");
        }
        Ok(done?)
    }
}

/// What the audit log says of a deed that was done.
trait Outcome {
    fn outcome(&self) -> String;
}

impl Outcome for Reply {
    fn outcome(&self) -> String {
        match self {
            Reply::Error(text) | Reply::Status(text) => text.chars().take(200).collect(),
            _ => "replied".into(),
        }
    }
}

impl Outcome for Value {
    fn outcome(&self) -> String {
        "replied".into()
    }
}

fn watched(app: &App, url: &str) -> Option<Target> {
    app.collector.round(url).map(|round| round.target.clone())
}

fn answer(reply: Result<Reply, Refusal>) -> Response {
    match reply {
        Ok(reply) => json(json!({"text": as_text(&reply), "reply": as_json(&reply)}).to_string()),
        Err(refusal) => refusal.into_response(),
    }
}

fn refuse(status: StatusCode, why: &str) -> Response {
    (status, json(json!({"error": why}).to_string())).into_response()
}

fn unknown() -> Response {
    refuse(StatusCode::NOT_FOUND, "no such target is watched")
}

fn failed(failure: &Failure) -> Response {
    refuse(StatusCode::BAD_GATEWAY, &failure.to_string())
}
