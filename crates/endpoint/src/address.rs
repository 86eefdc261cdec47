//! Reading a URL.

use crate::Secret;
use percent_encoding::percent_decode_str;
use std::path::PathBuf;

/// The port of a URL that names none.
pub const DEFAULT_PORT: u16 = 6379;

/// The rule that a URL breaks; nothing of the URL but its scheme.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(String);

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
    /// A unix socket, by its absolute path.
    Unix(PathBuf),
}

/// A server, and what it takes to be let in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    /// The URL without credentials, in the form that was asked for.
    pub url: String,
    /// Where it listens.
    pub endpoint: Endpoint,
    /// Whether to speak TLS.
    pub tls: bool,
    /// ACL user; `None` is the default user.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<Secret>,
    /// What stands behind host and port, or behind the socket's path, without the slash before it.
    tail: String,
}

impl Address {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`Malformed`]: an unknown scheme, no host or one with characters that no name has, a port outside of 1-65535, a relative path of a
    /// socket, credentials that are not UTF-8.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("redis", text));
        let (credentials, place) = match rest.rsplit_once('@') {
            Some((credentials, place)) => (Some(credentials), place),
            None => (None, rest),
        };
        let (user, password) = credentials.map_or(Ok((None, None)), parse_credentials)?;
        let (endpoint, tail) = match scheme {
            "redis" | "valkey" | "rediss" | "valkeys" => parse_host(place)?,
            "unix" | "redis+unix" | "redis-socket" => parse_socket(place)?,
            other => return Err(bad(format!("unknown scheme '{}'", other.escape_default()))),
        };
        let tls = matches!(scheme, "rediss" | "valkeys");
        let tail = tail.strip_prefix('/').unwrap_or(tail).to_owned();
        Ok(Address { url: redact(text), endpoint, tls, user, password, tail })
    }

    /// The number of a database behind host and port.
    ///
    /// # Errors
    /// [`Malformed`] if something else stands there.
    pub fn database(&self) -> Result<Option<u32>, Malformed> {
        match self.tail.as_str() {
            "" => Ok(None),
            number => number.parse().map(Some).map_err(|_| bad("behind the port comes a database's number")),
        }
    }

    /// Another server of the same set: `host` and `port` as announced, credentials and TLS of this one.
    pub fn sibling(&self, host: &str, port: u16) -> Self {
        let scheme = if self.tls { "rediss" } else { "redis" };
        let endpoint = Endpoint::Tcp { host: host.to_owned(), port };
        Address {
            url: format!("{scheme}://{}", endpoint.place()),
            endpoint,
            tail: String::new(),
            ..self.clone()
        }
    }
}

impl Endpoint {
    /// `host:port` (an IPv6 address in brackets) or the socket's path.
    pub fn place(&self) -> String {
        match self {
            Endpoint::Tcp { host, port } if host.contains(':') => format!("[{host}]:{port}"),
            Endpoint::Tcp { host, port } => format!("{host}:{port}"),
            Endpoint::Unix(path) => path.display().to_string(),
        }
    }

    /// The host's name or address; `None` for a unix socket.
    pub fn host(&self) -> Option<&str> {
        match self {
            Endpoint::Tcp { host, .. } => Some(host),
            Endpoint::Unix(_) => None,
        }
    }
}

/// A URL, right or wrong, without anything that could be a credential: all before the last `@`, and a query that names a password.
pub fn redact(text: &str) -> String {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), text),
    };
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    let place = match place.split_once('?') {
        Some((path, query)) if query.to_ascii_lowercase().contains("pass") => path,
        _ => place,
    };
    format!("{scheme}{place}")
}

fn parse_credentials(text: &str) -> Result<(Option<String>, Option<Secret>), Malformed> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let decode = |part: &str| match percent_decode_str(part).decode_utf8() {
        Ok(text) => Ok((!text.is_empty()).then(|| text.into_owned())),
        Err(_) => Err(bad("user and password must be UTF-8")),
    };
    Ok((decode(user)?, decode(password)?.map(Secret::new)))
}

/// The socket, and a query behind it.
fn parse_socket(place: &str) -> Result<(Endpoint, &str), Malformed> {
    let (path, tail) = place.split_at(place.find('?').unwrap_or(place.len()));
    match path.starts_with('/') {
        true => Ok((Endpoint::Unix(path.into()), tail)),
        false => Err(bad("a socket's path must be absolute")),
    }
}

/// Host and port, and what is behind them.
fn parse_host(place: &str) -> Result<(Endpoint, &str), Malformed> {
    let (authority, tail) = place.split_at(place.find(['/', '?', '#']).unwrap_or(place.len()));
    let (host, port) = match authority.strip_prefix('[').map(|rest| rest.split_once(']')) {
        Some(Some((host, ""))) => (host, None),
        Some(Some((host, rest))) => {
            (host, Some(rest.strip_prefix(':').ok_or_else(|| bad("after ']' comes ':port'"))?))
        }
        Some(None) => return Err(bad("'[' without ']'")),
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let parse_port = |text: &str| text.parse().ok().filter(|port| *port > 0);
    let port = match port {
        None => DEFAULT_PORT,
        Some(text) => parse_port(text).ok_or_else(|| bad("the port must be 1-65535"))?,
    };
    let is_plain = |c: char| c.is_alphanumeric() || "-._:%".contains(c);
    match host {
        "" => Err(bad("no host")),
        host if !host.chars().all(is_plain) => Err(bad("the host has characters that no name has")),
        host => Ok((Endpoint::Tcp { host: host.to_owned(), port }, tail)),
    }
}

fn bad(why: impl Into<String>) -> Malformed {
    Malformed(why.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;

    fn parse(text: &str) -> Address {
        Address::parse(text).expect(text)
    }

    #[test]
    fn forms() {
        for (text, place, tls) in [
            ("redis://localhost", "localhost:6379", false),
            ("valkey://h:1", "h:1", false),
            ("10.0.0.1:7000", "10.0.0.1:7000", false),
            ("h", "h:6379", false),
            ("rediss://h:1/", "h:1", true),
            ("valkeys://h", "h:6379", true),
            ("redis://[::1]:7000/2", "[::1]:7000", false),
            ("redis://[fe80::1%eth0]", "[fe80::1%eth0]:6379", false),
            ("redis://h:65535?a=b", "h:65535", false),
            ("unix://:secret@/run/redis.sock", "/run/redis.sock", false),
            ("redis+unix:///run/a?db=1", "/run/a", false),
            ("redis-socket:///run/a", "/run/a", false),
        ] {
            let address = parse(text);
            assert_eq!((address.endpoint.place().as_str(), address.tls), (place, tls), "{text}");
        }
        assert_eq!(parse("redis://[::1]").endpoint.host(), Some("::1"));
        assert_eq!(parse("unix:///a").endpoint.host(), None);
    }

    #[test]
    fn databases() {
        let database = |text: &str| parse(text).database();
        assert_eq!((database("redis://h/12"), database("h:1/0")), (Ok(Some(12)), Ok(Some(0))));
        for none in ["redis://h", "redis://h/", "unix:///run/redis.sock"] {
            assert_eq!(database(none), Ok(None), "{none}");
        }
        for wrong in
            ["redis://h/x", "redis://h/-1", "redis://h/99999999999", "redis://h?db=1", "unix:///a?db=1"]
        {
            assert!(database(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn credentials_are_read_and_do_not_show() {
        let address = parse("redis://al%40ice:p%3Aw@h:1");
        let secret = address.password.as_ref().map(Secret::reveal);
        assert_eq!((address.user.as_deref(), secret), (Some("al@ice"), Some("p:w")));
        assert_eq!(address.url, "redis://h:1");
        assert_eq!(parse("redis://:123@172.21.3.163").url, "redis://172.21.3.163");
        assert!(!format!("{:?}", parse("redis://:hunter2@h")).contains("hunter2"));
        assert_eq!(parse("redis://me@h").user.as_deref(), Some("me"));
        assert_eq!(parse("redis://:@h").password, None);
    }

    #[test]
    fn redacting_asks_for_no_good_url() {
        assert_eq!(redact("redis://u:a/b?c@host/1"), "redis://host/1");
        assert_eq!(redact("redis://host?password=x"), "redis://host");
        assert_eq!(redact("redis://host?db=1"), "redis://host?db=1");
        assert_eq!(redact("u:p@host"), "host");
    }

    #[test]
    fn siblings_have_the_same_credentials() {
        let sibling = parse("rediss://me:pw@h:1/3").sibling("::1", 7);
        assert_eq!((sibling.url.as_str(), sibling.tls), ("rediss://[::1]:7", true));
        assert_eq!((sibling.user.as_deref(), sibling.database()), (Some("me"), Ok(None)));
        assert_eq!(parse("h").sibling("a", 2).url, "redis://a:2");
    }

    #[test]
    fn refuses_with_a_reason_that_tells_no_secret() {
        for (text, reason) in [
            ("http://u:pw@h", "unknown scheme 'http'"),
            ("redis://", "no host"),
            ("redis://:pw@:1", "no host"),
            ("redis://:pw@h:0", "the port must be 1-65535"),
            ("redis://h:x", "the port must be 1-65535"),
            ("redis://h:", "the port must be 1-65535"),
            ("redis://[::1]:", "the port must be 1-65535"),
            ("redis://:pw@h:99999", "the port must be 1-65535"),
            ("redis://[::1", "'[' without ']'"),
            ("redis://[::1]x", "after ']' comes ':port'"),
            ("redis://a b", "the host has characters that no name has"),
            ("unix://pw", "a socket's path must be absolute"),
            ("redis://:pw%ff@h", "user and password must be UTF-8"),
        ] {
            assert_eq!(Address::parse(text).unwrap_err().to_string(), reason, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_read_again(user in ".{1,9}", password in ".{1,9}", host in "[a-z0-9.-]{1,12}", port in 1u16.., tls: bool) {
            let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
            let scheme = if tls { "rediss" } else { "redis" };
            let address = Address::parse(&format!("{scheme}://{}:{}@{host}:{port}", encode(&user), encode(&password))).unwrap();
            prop_assert_eq!(address.url, format!("{scheme}://{host}:{port}"));
            prop_assert_eq!(address.password, Some(Secret::new(password)));
            prop_assert_eq!((address.user, address.tls), (Some(user), tls));
            prop_assert_eq!(address.endpoint, Endpoint::Tcp { host, port });
        }

        #[test]
        fn no_text_does_harm(text in "(redis|rediss|unix|x)?(://)?[ -~é\\[\\]:@/%?]{0,30}") {
            if let Ok(address) = Address::parse(&text) {
                // What it shows is a URL of the same place, without credentials.
                let shown = Address::parse(&address.url).unwrap();
                prop_assert_eq!((shown.endpoint, shown.user, shown.password), (address.endpoint, None, None));
            }
        }
    }
}
