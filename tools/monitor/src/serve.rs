//! The serving monitor: reads its targets, starts the collector, listens.

use crate::alert::Watchman;
use crate::args::{Monitor, Serve};
use crate::audit::Audit;
use crate::collect::{Collector, Settings};
use crate::file::Configuration;
use crate::history::{self, Keep, Writer};
use crate::target::{Allow, Secret, Target};
use crate::web::{App, Door, Meter, Overview, Powers, acceptor, router, serve as serve_http};
use crate::wire::Limits;
use clap::Parser;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

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

async fn listen(args: &Serve, mut configuration: Configuration) -> std::io::Result<()> {
    for (target, _) in &mut configuration.targets {
        target.trust = std::mem::take(&mut target.trust).or(&args.trust);
    }
    let (tls, door) = (https(args)?, door(args)?);
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
        powers: powers(args, door.user().is_some())?,
        door,
        trust: args.trust.clone(),
        details: args.details,
        meter: Meter::default(),
    });
    let scheme = if tls.is_some() { "https" } else { "http" };
    tracing::info!("listening on {scheme}://{}", listener.local_addr()?);
    serve_http(listener, tls, router(app), stopped()).await;
    Ok(())
}

/// What visitors may have done. Where strangers may come in without a password, the monitor sends no commands for them.
fn powers(args: &Serve, is_locked: bool) -> std::io::Result<Powers> {
    let named =
        |path: &Path, error: std::io::Error| std::io::Error::other(format!("{}: {error}", path.display()));
    match &args.audit_log {
        Some(path) if args.enable_admin => {
            Audit::open(path).map(Powers::Admin).map_err(|error| named(path, error))
        }
        _ if args.no_console || !(is_locked || args.host.is_loopback()) => Ok(Powers::None),
        _ => Ok(Powers::Read),
    }
}

fn https(args: &Serve) -> std::io::Result<Option<TlsAcceptor>> {
    match (&args.tls_cert, &args.tls_key) {
        (Some(cert), Some(key)) => acceptor(cert, key, args.tls_client_ca.as_deref()).map(Some),
        _ => Ok(None),
    }
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
