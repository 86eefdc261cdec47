//! The serving monitor: reads its targets, starts the collector, listens.

use crate::alert::Watchman;
use crate::args::Serve;
use crate::collect::{Collector, Settings};
use crate::file::Configuration;
use crate::target::{Allow, Target};
use crate::web::{App, router};
use crate::wire::Limits;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;

/// Serves until SIGINT or SIGTERM. Exits with 2 if the targets are bad, 1 if it cannot listen.
pub fn run(args: Serve) -> ExitCode {
    start_log();
    let configuration = match Configuration::load(args.config.as_deref(), &args.targets) {
        Ok(configuration) => configuration,
        Err(why) => {
            tracing::error!("{why}");
            return ExitCode::from(2);
        }
    };
    match runtime(args.workers.into()).and_then(|runtime| runtime.block_on(listen(&args, configuration))) {
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

async fn listen(args: &Serve, configuration: Configuration) -> std::io::Result<()> {
    let listener = TcpListener::bind(SocketAddr::new(args.host, args.port)).await?;
    let limits = Limits { time: args.timeout, ..Limits::default() };
    let settings = Settings { interval: args.interval, limits, discover: !args.no_discover };
    let named: Vec<Target> = configuration.targets.iter().map(|(target, _)| target.clone()).collect();
    let collector = Collector::start(&configuration.targets, settings);
    let app = Arc::new(App {
        allow: Allow::new(args.allow_target.clone(), &named, args.host.is_loopback()),
        named,
        alerts: Watchman::start(&collector, configuration),
        collector,
        limits,
        parallel: args.parallel,
        loopback: args.host.is_loopback(),
    });
    tracing::info!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, router(app)).with_graceful_shutdown(stopped()).await
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
