//! The serving monitor: reads its targets, starts the collector, listens.

use crate::args::Serve;
use crate::collect::{Collector, Settings};
use crate::target::{Allow, Target, read_targets, redact};
use crate::web::{App, router};
use crate::wire::Limits;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;

/// Serves until SIGINT or SIGTERM. Exits with 2 if the targets are bad, 1 if it cannot listen.
pub fn run(args: Serve) -> ExitCode {
    start_log();
    let targets = match configured(&args) {
        Ok(targets) => targets,
        Err(why) => {
            tracing::error!("{why}");
            return ExitCode::from(2);
        }
    };
    match runtime(args.workers.into()).and_then(|runtime| runtime.block_on(listen(&args, targets))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{}:{}: {error}", args.host, args.port);
            ExitCode::FAILURE
        }
    }
}

/// Logs go to stderr: level, message; a subscriber that someone set before stays.
pub fn start_log() {
    let stderr = tracing_subscriber::fmt().with_writer(std::io::stderr).with_target(false).with_ansi(false);
    let _ = stderr.try_init();
}

/// A runtime of so many threads.
///
/// # Errors
/// The system refuses a thread or an epoll instance.
pub fn runtime(workers: usize) -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()
}

/// The targets of the command line and of the file, each with its wish to discover.
fn configured(args: &Serve) -> Result<Vec<(Target, bool)>, String> {
    let mut targets = Vec::new();
    if let Some(path) = &args.targets_file {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        targets = read_targets(&text).map_err(|why| format!("{}: {why}", path.display()))?;
    }
    for url in &args.targets {
        let target = Target::parse(url).map_err(|failure| format!("target {}: {failure}", redact(url)))?;
        targets.push((target, true));
    }
    Ok(targets)
}

async fn listen(args: &Serve, targets: Vec<(Target, bool)>) -> std::io::Result<()> {
    let listener = TcpListener::bind(SocketAddr::new(args.host, args.port)).await?;
    let limits = Limits { time: args.timeout, ..Limits::default() };
    let settings = Settings { interval: args.interval, limits, discover: !args.no_discover };
    let named: Vec<Target> = targets.iter().map(|(target, _)| target.clone()).collect();
    let app = App {
        allow: Allow::new(args.allow_target.clone(), &named, args.host.is_loopback()),
        named,
        collector: Collector::start(&targets, settings),
        limits,
        parallel: args.parallel,
        loopback: args.host.is_loopback(),
    };
    tracing::info!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, router(Arc::new(app))).with_graceful_shutdown(stopped()).await
}

/// Resolves at SIGINT or SIGTERM.
async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        },
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}
