//! Who may speak to the HTTP side.
//!
//! A monitor on loopback trusts local programs, but a web page in a local browser is no local program: by DNS
//! rebinding its own name may come to mean 127.0.0.1. Such a request carries the page's name in `Host`, so on loopback only
//! loopback names are served.

use super::App;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header::HOST};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::IpAddr;
use std::sync::Arc;

/// Refuses foreign `Host` names with 403 while the monitor listens on loopback.
pub async fn same_host(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let host = request.headers().get(HOST).map(|host| host.to_str().unwrap_or("?"));
    match host {
        Some(host) if app.loopback && !is_loopback_name(host) => {
            (StatusCode::FORBIDDEN, "this monitor listens on loopback and serves loopback names only\n")
                .into_response()
        }
        _ => next.run(request).await,
    }
}

fn is_loopback_name(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::is_loopback_name;

    #[test]
    fn loopback_names() {
        for name in ["localhost:8000", "LOCALHOST", "127.0.0.1:1", "[::1]:8000", "127.9.9.9"] {
            assert!(is_loopback_name(name), "{name}");
        }
        for name in ["evil.example:8000", "127.0.0.1.evil.example", "10.0.0.1", ""] {
            assert!(!is_loopback_name(name), "{name}");
        }
    }
}
