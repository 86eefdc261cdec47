//! Who may speak to the HTTP side.
//!
//! A monitor on loopback trusts local programs, but a web page in a local browser is no local program: by DNS
//! rebinding its own name may come to mean 127.0.0.1. Such a request carries the page's name in `Host`, so on loopback only
//! loopback names are served.

use super::App;
use crate::target::Secret;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, HOST, WWW_AUTHENTICATE};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::prelude::{BASE64_STANDARD, Engine};
use std::net::IpAddr;
use std::sync::Arc;

/// Who may come in.
#[derive(Debug, Clone, Default)]
pub struct Door {
    /// Whether the monitor listens on loopback alone.
    pub loopback: bool,
    /// The whole `Authorization` header that is asked of visitors, if any is.
    key: Option<Secret>,
}

impl Door {
    /// A door for a monitor that listens on loopback alone, or not.
    pub fn new(loopback: bool) -> Self {
        Door { loopback, key: None }
    }

    /// Asks visitors for a user and password (basic authentication, RFC 7617).
    pub fn lock(self, user: &str, password: &Secret) -> Self {
        let credentials = BASE64_STANDARD.encode(format!("{user}:{}", password.reveal()));
        Door { key: Some(Secret::new(format!("Basic {credentials}"))), ..self }
    }

    fn opens(&self, header: &str) -> bool {
        self.key.as_ref().is_none_or(|key| is_equal(key.reveal().as_bytes(), header.as_bytes()))
    }
}

/// Compares in a time that tells nothing but the length.
fn is_equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

/// Refuses foreign `Host` names with 403 while the monitor listens on loopback, and visitors without the key with 401. `/health` needs no key.
pub async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let refusal = refuse(&app.door, &request);
    match refusal {
        Some(refusal) => refusal,
        None => next.run(request).await,
    }
}

fn refuse(door: &Door, request: &Request) -> Option<Response> {
    let header = |name| request.headers().get(name).map(|value| value.to_str().unwrap_or("?"));
    if header(HOST).is_some_and(|host| door.loopback && !is_loopback_name(host)) {
        let why = "this monitor listens on loopback and serves loopback names only\n";
        return Some((StatusCode::FORBIDDEN, why).into_response());
    }
    if request.uri().path() != "/health" && !door.opens(header(AUTHORIZATION).unwrap_or_default()) {
        let ask = [(WWW_AUTHENTICATE, "Basic realm=\"carnelian monitor\", charset=\"UTF-8\"")];
        return Some((StatusCode::UNAUTHORIZED, ask, "user and password are needed\n").into_response());
    }
    None
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
    use super::*;

    #[test]
    fn loopback_names() {
        for name in ["localhost:8000", "LOCALHOST", "127.0.0.1:1", "[::1]:8000", "127.9.9.9"] {
            assert!(is_loopback_name(name), "{name}");
        }
        for name in ["evil.example:8000", "127.0.0.1.evil.example", "10.0.0.1", ""] {
            assert!(!is_loopback_name(name), "{name}");
        }
    }

    #[test]
    fn a_locked_door_opens_to_its_key_alone() {
        let door = Door::new(true).lock("Aladdin", &Secret::new("open sesame"));
        assert!(door.opens("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
        assert!(!door.opens("") && !door.opens("Basic QWxhZGRpbjpvcGVuIHNlc2FtZA=="));
        assert!(Door::new(true).opens(""));
        assert!(!format!("{door:?}").contains("QWxh"));
    }
}
