//! Connections: accepted, secured if asked, bounded in number and in the time that a request's head may take to arrive.
//!
//! axum's own loop has neither bounds nor TLS. Without them visitors that send a byte a minute (slow loris) would take every
//! descriptor that the collector needs.

use crate::wire::{read_certificates, read_key};
use axum::Router;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tower_service::Service;

/// Visitors at the same time; the next wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 512;
/// For a handshake, for a request's head, and between two requests.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// A request's head.
const HEAD_BYTES: usize = 64 * 1024;

/// Serves until `stop` resolves; open connections end with the runtime.
pub async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    stop: impl Future<Output = ()>,
) {
    tokio::select! {
        () = stop => {}
        () = accept_all(&listener, tls, router) => {}
    }
}

async fn accept_all(listener: &TcpListener, tls: Option<TlsAcceptor>, router: Router) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        // The semaphore is never closed.
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, or a visitor that has gone already: neither ends the monitor.
                tracing::warn!("accepting a connection: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (tls, router) = (tls.clone(), router.clone());
        tokio::spawn(async move {
            if let Err(why) = converse(stream, peer, tls, router).await {
                tracing::debug!("visitor {peer}: {why}");
            }
            drop(place);
        });
    }
}

async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    router: Router,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    match tls {
        None => answer(stream, peer, router).await?,
        Some(tls) => {
            let secured = tokio::time::timeout(HEAD_TIME, tls.accept(stream)).await??;
            answer(secured, peer, router).await?;
        }
    }
    Ok(())
}

async fn answer<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    peer: SocketAddr,
    router: Router,
) -> hyper::Result<()> {
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().call(request)
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .await
}

/// What HTTPS takes: the monitor's certificate and key, and, if visitors must show certificates, their authorities.
///
/// # Errors
/// Names the file and what is wrong with it.
pub fn acceptor(cert: &Path, key: &Path, client_ca: Option<&Path>) -> io::Result<TlsAcceptor> {
    let provider = Arc::new(default_provider());
    let config = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let config = match client_ca {
        None => config.with_no_client_auth(),
        Some(file) => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(read_certificates(file).map_err(io::Error::other)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            config.with_client_cert_verifier(verifier.build().map_err(io::Error::other)?)
        }
    };
    let chain = read_certificates(cert).map_err(io::Error::other)?;
    let key = read_key(key).map_err(io::Error::other)?;
    let config = config
        .with_single_cert(chain, key)
        .map_err(|error| io::Error::other(format!("{}: {error}", cert.display())))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
