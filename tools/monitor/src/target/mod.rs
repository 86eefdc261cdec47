//! Targets: the servers to watch, by URL.
//!
//! Forms are those of [`endpoint`]; a bare `host[:port]` is one of them, as redis_exporter and redis-stat take it.
//!
//! A target shows as the URL that was asked for, minus its credentials ([`Address::url`]); that form is the key in every view.

mod allow;
mod file;
mod trust;

pub use allow::{Allow, glob};
pub use endpoint::{Address, Endpoint, Secret, redact};
pub use file::Entry;
pub use trust::Trust;

use crate::wire::Failure;
use std::ops::Deref;

/// A server to ask: its address, which it reads as, and whom to trust there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// Where it listens, and what it takes to be let in.
    pub address: Address,
    /// With TLS: which certificates count, and which to show.
    pub trust: Trust,
}

impl Target {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`Failure::Address`] with the rule that it breaks; the text has no part of the URL but its scheme.
    pub fn parse(raw: &str) -> Result<Self, Failure> {
        let address = Address::parse(raw).map_err(|malformed| Failure::Address(malformed.to_string()))?;
        Ok(Target { address, trust: Trust::default() })
    }

    /// Another server of the same set: `host` and `port` as announced, credentials and TLS of this one.
    pub fn sibling(&self, host: &str, port: u16) -> Self {
        Target { address: self.address.sibling(host, port), trust: self.trust.clone() }
    }
}

impl Deref for Target {
    type Target = Address;

    fn deref(&self) -> &Address {
        &self.address
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sibling_is_trusted_alike() {
        let mut target = Target::parse("rediss://me:pw@h:1").unwrap();
        target.trust.ca = Some("/ca.pem".into());
        let sibling = target.sibling("::1", 7);
        assert_eq!((sibling.url.as_str(), &sibling.trust), ("rediss://[::1]:7", &target.trust));
        assert_eq!(sibling.password, target.password);
    }

    #[test]
    fn a_bad_url_is_a_bad_address() {
        let failure = Target::parse("redis://:pw@h:99999").unwrap_err();
        assert_eq!(
            (failure.kind(), failure.to_string().as_str()),
            ("address", "bad address: the port must be 1-65535")
        );
    }
}
