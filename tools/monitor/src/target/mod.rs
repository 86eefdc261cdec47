//! Targets: the servers to watch, by URL.
//!
//! Forms: `redis://[[user]:password@]host[:port][/db]`, the same with `rediss` (TLS), `valkey`, `valkeys`;
//! `unix:///path/to/socket` (with `user:password@` after the slashes if need be); and a bare `host[:port]`, as
//! redis_exporter and redis-stat take it. User and password are percent-decoded. IPv6 addresses stand in brackets.
//!
//! A target shows as the URL that was asked for, minus its credentials ([`Target::url`]); that form is the key in every view.

mod allow;
mod file;
mod trust;

pub use allow::{Allow, glob};
pub use file::Entry;
pub use trust::Trust;

use crate::wire::Failure;
use percent_encoding::percent_decode_str;
use std::fmt;
use std::path::PathBuf;

/// The port of a URL that names none.
pub const DEFAULT_PORT: u16 = 6379;

/// A password: prints as `***`, in `Debug` too.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(String);

impl Secret {
    /// Wraps a password.
    pub fn new(password: impl Into<String>) -> Self {
        Secret(password.into())
    }

    /// The password itself: for AUTH alone.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// `text` with each occurrence of the password replaced.
    pub fn hide_in(&self, text: &str) -> String {
        if self.0.is_empty() { text.to_owned() } else { text.replace(&self.0, "***") }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// A host name or address, and a port.
    Tcp {
        /// Name or address, IPv6 without brackets.
        host: String,
        /// 1-65535.
        port: u16,
    },
    /// A unix socket.
    Unix(PathBuf),
}

/// A server to ask, with what it takes to be let in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// The URL without credentials, in the form that was asked for.
    pub url: String,
    /// Where it listens.
    pub endpoint: Endpoint,
    /// Whether to speak TLS.
    pub tls: bool,
    /// Which certificates count then, and which to show.
    pub trust: Trust,
    /// ACL user; `None` is the default user.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<Secret>,
}

impl Target {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`Failure::Address`] with the rule that it breaks; the text has no part of the URL but its scheme.
    pub fn parse(raw: &str) -> Result<Self, Failure> {
        let (scheme, rest) = raw.split_once("://").unwrap_or(("redis", raw));
        let tls = match scheme {
            "redis" | "valkey" | "unix" | "redis+unix" | "redis-socket" => false,
            "rediss" | "valkeys" => true,
            other => return Err(bad(format!("unknown scheme '{}'", other.escape_default()))),
        };
        let (credentials, place) = match rest.rsplit_once('@') {
            Some((credentials, place)) => (Some(credentials), place),
            None => (None, rest),
        };
        let (user, password) = parse_credentials(credentials)?;
        let endpoint = if scheme.contains("unix") || scheme.ends_with("socket") {
            parse_socket(place)?
        } else {
            parse_host(place)?
        };
        Ok(Target { url: redact(raw), endpoint, tls, trust: Trust::default(), user, password })
    }

    /// Another server of the same set: `host` and `port` as announced, credentials and TLS of this one.
    pub fn sibling(&self, host: &str, port: u16) -> Self {
        let scheme = if self.tls { "rediss" } else { "redis" };
        let shown = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        Target {
            url: format!("{scheme}://{shown}:{port}"),
            endpoint: Endpoint::Tcp { host: host.to_owned(), port },
            ..self.clone()
        }
    }

    /// `host:port` or the socket's path: what patterns of [`Allow`] match.
    pub fn address(&self) -> String {
        match &self.endpoint {
            Endpoint::Tcp { host, port } if host.contains(':') => format!("[{host}]:{port}"),
            Endpoint::Tcp { host, port } => format!("{host}:{port}"),
            Endpoint::Unix(path) => path.display().to_string(),
        }
    }

    /// The host's name or address; `None` for a unix socket.
    pub fn host(&self) -> Option<&str> {
        match &self.endpoint {
            Endpoint::Tcp { host, .. } => Some(host),
            Endpoint::Unix(_) => None,
        }
    }
}

/// A URL without anything that could be a credential: all before the last `@`, and a query that names a password.
pub fn redact(raw: &str) -> String {
    let (scheme, rest) = match raw.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), raw),
    };
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    let place = match place.split_once('?') {
        Some((path, query)) if query.to_ascii_lowercase().contains("pass") => path,
        _ => place,
    };
    format!("{scheme}{place}")
}

fn parse_credentials(text: Option<&str>) -> Result<(Option<String>, Option<Secret>), Failure> {
    let Some(text) = text else { return Ok((None, None)) };
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let decode = |part: &str| match percent_decode_str(part).decode_utf8() {
        Ok(text) => Ok((!text.is_empty()).then(|| text.into_owned())),
        Err(_) => Err(bad("credentials are not UTF-8")),
    };
    Ok((decode(user)?, decode(password)?.map(Secret)))
}

fn parse_socket(place: &str) -> Result<Endpoint, Failure> {
    let path = place.split('?').next().unwrap_or_default();
    if path.starts_with('/') {
        Ok(Endpoint::Unix(path.into()))
    } else {
        Err(bad("a socket's path must be absolute"))
    }
}

fn parse_host(place: &str) -> Result<Endpoint, Failure> {
    let authority = place.split(['/', '?', '#']).next().unwrap_or_default();
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, tail) = rest.split_once(']').ok_or_else(|| bad("'[' without ']'"))?;
            (host, tail.strip_prefix(':').or(tail.is_empty().then_some("")))
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, Some("")),
        },
    };
    let port = match port {
        Some("") if !authority.ends_with(':') => DEFAULT_PORT,
        Some(text) => {
            text.parse().ok().filter(|port| *port > 0).ok_or_else(|| bad("the port must be 1-65535"))?
        }
        None => return Err(bad("after ']' comes ':port'")),
    };
    let sane = |c: char| c.is_alphanumeric() || "-._:%".contains(c);
    match host {
        "" => Err(bad("no host")),
        host if !host.chars().all(sane) => Err(bad("the host has characters that no name has")),
        host => Ok(Endpoint::Tcp { host: host.to_owned(), port }),
    }
}

fn bad(why: impl Into<String>) -> Failure {
    Failure::Address(why.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(raw: &str) -> String {
        Target::parse(raw).unwrap().address()
    }

    #[test]
    fn takes_the_forms_of_every_tool() {
        assert_eq!(address("redis://localhost"), "localhost:6379");
        assert_eq!(address("10.0.0.1:7000"), "10.0.0.1:7000");
        assert_eq!(address("redis://[::1]:7000/2"), "[::1]:7000");
        assert_eq!(address("redis://[fe80::1]"), "[fe80::1]:6379");
        assert_eq!(address("unix://:secret@/run/redis.sock"), "/run/redis.sock");
        assert!(Target::parse("rediss://h:1").unwrap().tls);
        let target = Target::parse("redis://al%40ice:p%3Aw@h:1").unwrap();
        assert_eq!(
            (target.user.as_deref(), target.password.as_ref().map(Secret::reveal)),
            (Some("al@ice"), Some("p:w"))
        );
        assert_eq!(target.sibling("::1", 7).url, "redis://[::1]:7");
    }

    #[test]
    fn keeps_the_form_and_drops_the_credentials() {
        assert_eq!(Target::parse("redis://:123@172.21.3.163").unwrap().url, "redis://172.21.3.163");
        assert_eq!(redact("redis://u:a/b?c@host/1"), "redis://host/1");
        assert_eq!(redact("redis://host?password=x"), "redis://host");
        assert_eq!(redact("u:p@host"), "host");
        let shown = format!("{:?}", Target::parse("redis://:hunter2@h").unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn refuses_with_a_reason_that_tells_no_secret() {
        for raw in [
            "http://h",
            "redis://",
            "redis://h:0",
            "redis://h:x",
            "redis://h:",
            "redis://[::1",
            "redis://a b",
            "unix://x",
            "redis://[::1]x",
            "redis://:pw@h:99999",
        ] {
            let failure = Target::parse(raw).unwrap_err();
            assert_eq!(failure.kind(), "address", "{raw}");
            assert!(!failure.to_string().contains("pw"), "{raw}");
        }
    }
}
