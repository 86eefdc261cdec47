//! A server's URL.
//!
//! `redis://[[user]:password@]host[:port][/database]`, `rediss://` for TLS, `unix://[[user]:password@]/path`; `valkey` and the names that
//! redis-py uses for sockets too. User and password are percent-decoded. Without a password in it, REDISCLI_AUTH is taken, as redis-cli does:
//! a URL on the command line can be read by every user of the machine.

use std::fmt;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;

use crate::error::{Error, Result};

/// The port of a URL that names none.
const PORT: u16 = 6379;

/// The variable that a password may be in.
const VARIABLE: &str = "REDISCLI_AUTH";

/// A password: prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The password itself: for AUTH alone.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// A text with each occurrence of the password replaced.
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A host name or address, and a port.
    Tcp {
        /// IPv6 without brackets.
        host: String,
        /// Not 0.
        port: u16,
        /// Whether to speak TLS.
        tls: bool,
    },
    /// A unix socket.
    Unix(PathBuf),
}

/// A server, and what it takes to be let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The URL without credentials.
    pub url: String,
    /// Where it listens.
    pub endpoint: Endpoint,
    /// The user; `None` is the default user.
    pub user: Option<String>,
    /// The password.
    pub password: Option<Secret>,
    /// The database at the URL's end.
    pub database: Option<u32>,
}

impl Address {
    /// Whether it is meant as a URL of a server, right or wrong, and not as a path or a place of backups.
    pub fn is_meant(text: &str) -> bool {
        text.split_once("://").is_some_and(|(scheme, _)| !matches!(scheme, "s3" | "s3a"))
    }

    /// Reads a URL, and the environment's password if there is none in it.
    ///
    /// # Errors
    /// [`Error::Address`]; it repeats nothing of the URL but the scheme.
    pub fn parse(text: &str) -> Result<Self> {
        let mut address = Self::parse_alone(text)?;
        if address.password.is_none() {
            address.password = std::env::var(VARIABLE).ok().filter(|text| !text.is_empty()).map(Secret);
        }
        Ok(address)
    }

    fn parse_alone(text: &str) -> Result<Self> {
        let (scheme, rest) = text.split_once("://").ok_or_else(|| bad("a URL begins with redis://"))?;
        let (credentials, place) = match rest.rsplit_once('@') {
            Some((credentials, place)) => (Some(credentials), place),
            None => (None, rest),
        };
        let (user, password) = credentials.map_or(Ok((None, None)), parse_credentials)?;
        let (endpoint, path) = match scheme {
            "redis" | "valkey" => parse_host(place, false)?,
            "rediss" | "valkeys" => parse_host(place, true)?,
            "unix" | "redis+unix" | "redis-socket" if place.starts_with('/') => {
                (Endpoint::Unix(place.into()), "")
            }
            "unix" | "redis+unix" | "redis-socket" => return Err(bad("a socket's path must be absolute")),
            other => return Err(bad(format!("unknown scheme '{}'", other.escape_default()))),
        };
        let database = match path {
            "" => None,
            number => Some(number.parse().map_err(|_| bad("behind the port comes a database's number"))?),
        };
        Ok(Self { url: format!("{scheme}://{place}"), endpoint, user, password, database })
    }
}

fn parse_credentials(text: &str) -> Result<(Option<String>, Option<Secret>)> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let decode = |part: &str| match percent_decode_str(part).decode_utf8() {
        Ok(text) => Ok((!text.is_empty()).then(|| text.into_owned())),
        Err(_) => Err(bad("user and password must be UTF-8")),
    };
    Ok((decode(user)?, decode(password)?.map(Secret)))
}

/// The endpoint, and what is behind the slash.
fn parse_host(place: &str, tls: bool) -> Result<(Endpoint, &str)> {
    let (authority, path) = place.split_once('/').unwrap_or((place, ""));
    let (host, port) = match authority.strip_prefix('[').map(|rest| rest.split_once(']')) {
        Some(Some((host, ""))) => (host, None),
        Some(Some((host, tail))) => {
            (host, Some(tail.strip_prefix(':').ok_or_else(|| bad("behind ']' comes ':port'"))?))
        }
        Some(None) => return Err(bad("'[' without ']'")),
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let parse_port = |text: &str| text.parse().ok().filter(|port| *port > 0);
    let port = match port {
        None => PORT,
        Some(text) => parse_port(text).ok_or_else(|| bad("the port must be 1-65535"))?,
    };
    let is_plain = |c: char| c.is_alphanumeric() || "-._:%".contains(c);
    match host {
        "" => Err(bad("no host")),
        host if !host.chars().all(is_plain) => Err(bad("the host has characters that no name has")),
        host => Ok((Endpoint::Tcp { host: host.to_owned(), port, tls }, path)),
    }
}

fn bad(why: impl Into<String>) -> Error {
    Error::Address(why.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Address {
        Address::parse_alone(text).expect(text)
    }

    #[test]
    fn forms() {
        let tcp = |host: &str, port, tls| Endpoint::Tcp { host: host.into(), port, tls };
        assert_eq!(parse("redis://h").endpoint, tcp("h", 6379, false));
        assert_eq!(parse("rediss://h:1/").endpoint, tcp("h", 1, true));
        assert_eq!(parse("redis://[::1]:7000/2").endpoint, tcp("::1", 7000, false));
        assert_eq!(parse("redis://[fe80::1]").endpoint, tcp("fe80::1", 6379, false));
        assert_eq!(parse("unix://:pw@/run/redis.sock").endpoint, Endpoint::Unix("/run/redis.sock".into()));
        assert_eq!((parse("redis://h/12").database, parse("redis://h").database), (Some(12), None));
        let full = parse("redis://al%40ice:p%3Aw@h:1");
        assert_eq!(
            (full.user.as_deref(), full.password.as_ref().map(Secret::reveal)),
            (Some("al@ice"), Some("p:w"))
        );
        assert_eq!(full.url, "redis://h:1");
        assert!(!format!("{full:?}").contains("p:w"));
        assert!(Address::is_meant("redis://h") && !Address::is_meant("/a") && !Address::is_meant("s3://b"));
    }

    #[test]
    fn errors_tell_no_secret() {
        for text in [
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
            "redis://u:pw@h/x",
            "h:1",
            "redis://:pw%ff@h",
        ] {
            let Err(error) = Address::parse_alone(text) else { panic!("{text}") };
            assert!(
                matches!(error, Error::Address(_)) && !error.to_string().contains("pw"),
                "{text}: {error}"
            );
        }
    }
}
