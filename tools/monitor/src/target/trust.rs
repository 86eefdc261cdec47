//! Whom a `rediss://` target is trusted by, and what it is shown: redis-cli's `--cacert`, `--cert` and `--key`.

use clap::Args;
use std::path::PathBuf;

/// Files of certificates, all PEM; without `ca` the host's trusted ones count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Args)]
pub struct Trust {
    /// Authorities that rediss:// servers' certificates must come from, instead of the host's
    #[arg(long = "cacert", value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Certificate to show to rediss:// servers that ask for one
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Option<PathBuf>,
    /// The certificate's key
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,
}

impl Trust {
    /// This, and where it says nothing what `other` says.
    pub fn or(self, other: &Trust) -> Trust {
        let own_certificate = self.cert.is_some();
        Trust {
            ca: self.ca.or_else(|| other.ca.clone()),
            cert: self.cert.or_else(|| other.cert.clone()),
            key: if own_certificate { self.key } else { other.key.clone() },
        }
    }
}
