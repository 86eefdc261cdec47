//! `[[target]]`: one table a server, credentials apart from URLs.
//!
//! ```toml
//! [[target]]
//! url = "rediss://cache.example:6380"
//! user = "monitor"
//! password-file = "/run/secrets/cache"   # or: password = "...", or password-env = "CACHE_PASSWORD"
//! discover = true                         # bring its cluster, replicas or Sentinel set (the default)
//! ca = "/etc/ssl/cache-ca.pem"            # who signed its certificate; cert and key: what to show it
//! ```

use super::{Secret, Target, Trust};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// One `[[target]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Entry {
    url: String,
    user: Option<String>,
    password: Option<String>,
    password_file: Option<PathBuf>,
    password_env: Option<String>,
    #[serde(default = "yes")]
    discover: bool,
    ca: Option<PathBuf>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
}

fn yes() -> bool {
    true
}

impl Entry {
    /// The URL as it stands in the file.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The target with its credentials, and whether to discover its neighbours.
    ///
    /// # Errors
    /// The rule that is broken, without the URL.
    pub fn into_target(self) -> Result<(Target, bool), String> {
        let mut target = Target::parse(&self.url).map_err(|failure| failure.to_string())?;
        let password = match (self.password, self.password_file, self.password_env) {
            (None, None, None) => None,
            (Some(password), None, None) => Some(password),
            (None, Some(path), None) => Some(read_secret(&path)?),
            (None, None, Some(name)) => Some(read_variable(&name)?),
            _ => return Err("give one of password, password-file, password-env".into()),
        };
        if self.cert.is_some() != self.key.is_some() {
            return Err("cert and key go together".into());
        }
        target.trust = Trust { ca: self.ca, cert: self.cert, key: self.key };
        let address = &mut target.address;
        address.user = self.user.or(address.user.take());
        address.password = password.map(Secret::new).or(address.password.take());
        Ok((target, self.discover))
    }
}

fn read_secret(path: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn read_variable(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|_| format!("no environment variable {name}"))
}
