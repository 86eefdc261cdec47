//! Who may speak to the HTTP side.
//!
//! A monitor on loopback trusts local programs, but a web page in a local browser is no local program: by DNS
//! rebinding its own name may come to mean 127.0.0.1. Such a request carries the page's name in `Host`, so on loopback only
//! loopback names are served.
//!
//! Browsers send the password with requests that other sites make, too. So only POST has effects, and a POST must come from a page of
//! this monitor: browsers say where from in `Origin` and `Sec-Fetch-Site`, and cannot send JSON elsewhere without asking there.

use super::App;
use crate::target::Secret;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, HOST, HeaderName, ORIGIN, WWW_AUTHENTICATE};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::prelude::{BASE64_STANDARD, Engine};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use subtle::ConstantTimeEq;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Who may come in.
#[derive(Debug, Clone, Default)]
pub struct Door {
    /// Whether the monitor listens on loopback alone.
    pub loopback: bool,
    /// The whole `Authorization` header that is asked of visitors, if any is.
    key: Option<Secret>,
    /// Who the key is for.
    user: Option<String>,
}

impl Door {
    /// A door for a monitor that listens on loopback alone, or not.
    pub fn new(loopback: bool) -> Self {
        Door { loopback, key: None, user: None }
    }

    /// Asks visitors for a user and password (basic authentication, RFC 7617).
    pub fn lock(self, user: &str, password: &Secret) -> Self {
        let credentials = BASE64_STANDARD.encode(format!("{user}:{}", password.reveal()));
        let key = Some(Secret::new(format!("Basic {credentials}")));
        Door { key, user: Some(user.to_owned()), ..self }
    }

    /// The user that a locked door lets in.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    fn opens(&self, header: &str) -> bool {
        // The time tells nothing but the length.
        self.key.as_ref().is_none_or(|key| key.reveal().as_bytes().ct_eq(header.as_bytes()).into())
    }
}

/// What a wrong password costs, so that guessing takes its time.
const WRONG_PASSWORD_DELAY: Duration = Duration::from_millis(300);

/// Refuses foreign `Host` names with 403 while the monitor listens on loopback, visitors without the key with 401, and with 403 what
/// another site's page posts. `/health` needs no key.
pub async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    match refuse(&app.door, &request) {
        None => next.run(request).await,
        Some(refusal) => {
            if refusal.status() == StatusCode::UNAUTHORIZED && request.headers().contains_key(AUTHORIZATION) {
                tokio::time::sleep(WRONG_PASSWORD_DELAY).await;
            }
            refusal
        }
    }
}

fn refuse(door: &Door, request: &Request) -> Option<Response> {
    let headers = request.headers();
    let header = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if header(HOST).is_some_and(|host| door.loopback && !is_loopback_name(host)) {
        let why = "this monitor listens on loopback and serves loopback names only\n";
        return Some((StatusCode::FORBIDDEN, why).into_response());
    }
    if request.uri().path() != "/health" && !door.opens(header(AUTHORIZATION).unwrap_or_default()) {
        let ask = [(WWW_AUTHENTICATE, "Basic realm=\"carnelian monitor\", charset=\"UTF-8\"")];
        return Some((StatusCode::UNAUTHORIZED, ask, "user and password are needed\n").into_response());
    }
    if !request.method().is_safe() && !is_own_page(header(SEC_FETCH_SITE), header(ORIGIN), header(HOST)) {
        let why = "only this monitor's own pages and programs that are no browsers may do that\n";
        return Some((StatusCode::FORBIDDEN, why).into_response());
    }
    None
}

/// Whether a request with effects comes from a page of this monitor, or from no browser at all.
fn is_own_page(site: Option<&str>, origin: Option<&str>, host: Option<&str>) -> bool {
    let is_own = |origin: &str| origin.split_once("://").is_some_and(|(_, place)| Some(place) == host);
    site.is_none_or(|site| site == "same-origin") && origin.is_none_or(is_own)
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
    fn only_own_pages_have_effects() {
        let host = Some("127.0.0.1:8000");
        assert!(is_own_page(None, None, host), "curl");
        assert!(is_own_page(Some("same-origin"), Some("http://127.0.0.1:8000"), host));
        assert!(is_own_page(None, Some("https://127.0.0.1:8000"), host), "an old browser");
        assert!(!is_own_page(Some("cross-site"), Some("http://127.0.0.1:8000"), host));
        assert!(!is_own_page(Some("same-site"), None, host));
        for foreign in ["http://evil.example", "null", "http://127.0.0.1:8001", "http://127.0.0.1:8000.evil"]
        {
            assert!(!is_own_page(None, Some(foreign), host), "{foreign}");
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
