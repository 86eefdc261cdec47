//! The targets file: TOML, one table a server, credentials apart from URLs.
//!
//! ```toml
//! [[target]]
//! url = "rediss://cache.example:6380"
//! user = "monitor"
//! password-file = "/run/secrets/cache"   # or: password = "...", or password-env = "CACHE_PASSWORD"
//! discover = true                         # bring its cluster, replicas or Sentinel set (the default)
//! ```

use super::{Secret, Target};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// What the file holds.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetsFile {
    /// One entry a `[[target]]`.
    #[serde(default)]
    pub target: Vec<Entry>,
}

/// One `[[target]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Entry {
    url: String,
    user: Option<String>,
    password: Option<String>,
    password_file: Option<PathBuf>,
    password_env: Option<String>,
    #[serde(default = "yes")]
    discover: bool,
}

fn yes() -> bool {
    true
}

impl Entry {
    fn into_target(self) -> Result<(Target, bool), String> {
        let mut target = Target::parse(&self.url).map_err(|failure| failure.to_string())?;
        let password = match (self.password, self.password_file, self.password_env) {
            (None, None, None) => None,
            (Some(password), None, None) => Some(password),
            (None, Some(path), None) => Some(read_secret(&path)?),
            (None, None, Some(name)) => {
                Some(std::env::var(&name).map_err(|_| format!("no environment variable {name}"))?)
            }
            _ => return Err("give one of password, password-file, password-env".into()),
        };
        target.user = self.user.or(target.user);
        target.password = password.map(Secret::new).or(target.password);
        Ok((target, self.discover))
    }
}

fn read_secret(path: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// Reads targets from TOML text; the flag of each says whether to discover its set.
///
/// # Errors
/// One line that names the place in the file or the target's URL (never its password).
pub fn read_targets(text: &str) -> Result<Vec<(Target, bool)>, String> {
    let file: TargetsFile = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    let read = |entry: Entry| {
        let shown = super::redact(&entry.url);
        entry.into_target().map_err(|why| format!("target {shown}: {why}"))
    };
    file.target.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_of_each_target() {
        let targets = read_targets(
            "[[target]]\nurl='redis://a:1'\nuser='m'\npassword='x'\n[[target]]\nurl='redis://:inline@b:2'\ndiscover=false\n",
        )
        .unwrap();
        assert_eq!(targets[0].0.user.as_deref(), Some("m"));
        assert_eq!(targets[0].0.password.as_ref().map(Secret::reveal), Some("x"));
        assert_eq!(targets[1].0.password.as_ref().map(Secret::reveal), Some("inline"));
        assert_eq!((targets[0].1, targets[1].1), (true, false));
    }

    #[test]
    fn errors_name_the_target_and_hide_its_password() {
        let error = read_targets("[[target]]\nurl='redis://:hunter2@h'\npassword='a'\npassword-env='B'\n")
            .unwrap_err();
        assert!(error.contains("redis://h") && !error.contains("hunter2"), "{error}");
        assert!(read_targets("[[target]]\nurl='redis://h'\npasword='typo'").unwrap_err().contains("pasword"));
        assert!(read_targets("nonsense").is_err());
    }
}
