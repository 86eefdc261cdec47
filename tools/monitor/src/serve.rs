//! The serving monitor: reads its targets, starts the collector, listens.

use crate::alert::Watchman;
use crate::args::{Monitor, Serve};
use crate::collect::{Collector, Settings};
use crate::file::Configuration;
use crate::history::{self, Keep, Writer};
use crate::target::{Allow, Secret, Target};
use crate::web::{App, Door, Overview, router};
use crate::wire::Limits;
use clap::Parser;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// Serves what the command line and the configuration name, until SIGINT or SIGTERM. Exits with 2 if they are bad, 1 if it cannot listen.
pub fn run(args: &Serve) -> ExitCode {
    start_log();
    match Configuration::load(args.config.as_deref(), &args.targets) {
        Ok(configuration) => serve(args, configuration),
        Err(why) => {
            tracing::error!("{why}");
            ExitCode::from(2)
        }
    }
}

/// Serves `targets` on a port of loopback: redis-stat's `--server`.
pub fn run_for(targets: Vec<Target>, port: u16, interval: Duration) -> ExitCode {
    start_log();
    let words =
        ["--port".to_owned(), port.to_string(), "--interval".to_owned(), interval.as_secs_f64().to_string()];
    match (Monitor::try_parse_from(words), Configuration::parse("")) {
        (Ok(parsed), Ok(configuration)) => {
            let targets = targets.into_iter().map(|target| (target, true)).collect();
            serve(&parsed.serve, Configuration { targets, ..configuration })
        }
        (Err(error), _) => crate::complain(&error, &[]),
        (_, Err(_)) => ExitCode::FAILURE,
    }
}

fn serve(args: &Serve, configuration: Configuration) -> ExitCode {
    match runtime(args.workers.into()).and_then(|runtime| runtime.block_on(listen(args, configuration))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("serving on {} port {}: {error}", args.host, args.port);
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
    let history = open_history(args)?;
    let collector = Collector::start(&configuration.targets, settings);
    if let Some(history) = &history {
        history::feed(&collector, history.clone());
    }
    let app = Arc::new(App {
        allow: Allow::new(args.allow_target.clone(), &named, args.host.is_loopback()),
        named,
        alerts: Watchman::start(&collector, configuration, history.clone()),
        history,
        collector,
        limits,
        parallel: args.parallel,
        overview: Overview::default(),
        door: door(args)?,
    });
    tracing::info!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, router(app)).with_graceful_shutdown(stopped()).await
}

fn door(args: &Serve) -> std::io::Result<Door> {
    let door = Door::new(args.host.is_loopback());
    if let (Some(user), Some(path)) = (&args.user, &args.password_file) {
        let password = std::fs::read_to_string(path)
            .map_err(|error| std::io::Error::other(format!("{}: {error}", path.display())))?;
        return Ok(door.lock(user, &Secret::new(password.trim_end_matches(['\r', '\n']))));
    }
    if !door.loopback {
        tracing::warn!(
            "everybody who reaches {} can read this monitor: --user and --password-file would ask",
            args.host
        );
    }
    Ok(door)
}

fn open_history(args: &Serve) -> std::io::Result<Option<Arc<Writer>>> {
    let Some(path) = &args.history else { return Ok(None) };
    let [raw, minute, hour] = args.history_keep.as_slice() else {
        return Err(std::io::Error::other("--history-keep takes three numbers of days"));
    };
    let writer = Writer::start(path, Keep::days(*raw, *minute, *hour));
    writer
        .map(|writer| Some(Arc::new(writer)))
        .map_err(|error| std::io::Error::other(format!("{}: {error}", path.display())))
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
