//! TLS for `rediss://`: rustls with the host's trusted certificates (SSL_CERT_FILE and SSL_CERT_DIR name others, as for OpenSSL), or
//! with a target's own [`Trust`]: other authorities, and a certificate to show.

use super::Failure;
use crate::target::Trust;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Shakes hands over an open connection; the certificate must be for `host`.
///
/// # Errors
/// [`Failure::Connect`] with rustls's words: which check failed, or which file cannot be read.
pub(super) async fn secure(
    stream: TcpStream,
    host: &str,
    trust: &Trust,
) -> Result<TlsStream<TcpStream>, Failure> {
    let name =
        ServerName::try_from(host.to_owned()).map_err(|_| Failure::Address("no name for TLS".into()))?;
    let connector = connector(trust).map_err(|why| Failure::Connect(format!("TLS: {why}")))?;
    connector.connect(name, stream).await.map_err(|error| Failure::Connect(format!("TLS: {error}")))
}

/// Files are read once for each trust; those that could not be are tried again.
fn connector(trust: &Trust) -> Result<TlsConnector, String> {
    static CONNECTORS: LazyLock<Mutex<HashMap<Trust, TlsConnector>>> = LazyLock::new(Mutex::default);
    let mut known = CONNECTORS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(connector) = known.get(trust) {
        return Ok(connector.clone());
    }
    let connector = build(trust)?;
    known.insert(trust.clone(), connector.clone());
    Ok(connector)
}

fn build(trust: &Trust) -> Result<TlsConnector, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(match &trust.ca {
        Some(file) => read_certificates(file)?,
        None => rustls_native_certs::load_native_certs().certs,
    });
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots);
    let config = match (&trust.cert, &trust.key) {
        (Some(cert), Some(key)) => config
            .with_client_auth_cert(read_certificates(cert)?, read_key(key)?)
            .map_err(|error| format!("{}: {error}", cert.display()))?,
        (None, None) => config.with_no_client_auth(),
        _ => return Err("a certificate to show needs its key, and the key its certificate".into()),
    };
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The certificates of a PEM file, the first that of the owner.
///
/// # Errors
/// Names the file and what is wrong with it.
pub fn read_certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(found) if found.is_empty() => Err(format!("{}: no certificate in it", file.display())),
        Ok(found) => Ok(found),
        Err(error) => Err(format!("{}: {error}", file.display())),
    }
}

/// The private key of a PEM file.
///
/// # Errors
/// Names the file and what is wrong with it.
pub fn read_key(file: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_file(file).map_err(|error| format!("{}: {error}", file.display()))
}
