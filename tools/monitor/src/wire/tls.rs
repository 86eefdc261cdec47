//! TLS for `rediss://`: rustls with the host's trusted certificates (SSL_CERT_FILE and SSL_CERT_DIR name others, as for OpenSSL).

use super::Failure;
use std::sync::{Arc, OnceLock};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Shakes hands over an open connection; the certificate must be for `host`.
///
/// # Errors
/// [`Failure::Connect`] with rustls's words: which check failed.
pub(super) async fn secure(stream: TcpStream, host: &str) -> Result<TlsStream<TcpStream>, Failure> {
    let name =
        ServerName::try_from(host.to_owned()).map_err(|_| Failure::Address("no name for TLS".into()))?;
    let connected = connector()?.connect(name, stream).await;
    connected.map_err(|error| Failure::Connect(format!("TLS: {error}")))
}

/// The certificates are read once.
fn connector() -> Result<TlsConnector, Failure> {
    static CONNECTOR: OnceLock<Result<TlsConnector, Failure>> = OnceLock::new();
    CONNECTOR.get_or_init(build).clone()
}

fn build() -> Result<TlsConnector, Failure> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::Connect(format!("TLS: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
