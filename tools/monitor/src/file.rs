//! The configuration file: targets, alerts, silences, sinks. TOML.
//!
//! Each table is described where its type is: [`Entry`] (`[[target]]`), [`Tuning`] (`[alert.NAME]`), [`Silence`] (`[[silence]]`),
//! [`SinkSpec`] (`[[sink]]`).

use crate::alert::{Silence, SinkSpec, Tuned, Tuning, tune};
use crate::target::{Entry, Target, redact};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// A configuration, checked.
#[derive(Default)]
pub struct Configuration {
    /// Targets, each with its wish to discover its neighbours.
    pub targets: Vec<(Target, bool)>,
    /// The rules that are on.
    pub rules: Tuned,
    /// What is not to be said.
    pub silences: Vec<Silence>,
    /// Where events go beside the log.
    pub sinks: Vec<SinkSpec>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    target: Vec<Entry>,
    #[serde(default)]
    alert: BTreeMap<String, Tuning>,
    #[serde(default)]
    silence: Vec<Silence>,
    #[serde(default)]
    sink: Vec<SinkSpec>,
}

impl Configuration {
    /// Reads a file; without one the defaults, and in both cases the URLs of the command line too.
    ///
    /// # Errors
    /// One line that names the file, and the target or table; never a password.
    pub fn load(path: Option<&Path>, urls: &[String]) -> Result<Self, String> {
        let mut configuration = match path {
            None => Self::parse("")?,
            Some(path) => {
                let named = |why: String| format!("{}: {why}", path.display());
                let text = std::fs::read_to_string(path).map_err(|error| named(error.to_string()))?;
                Self::parse(&text).map_err(named)?
            }
        };
        for url in urls {
            let target =
                Target::parse(url).map_err(|failure| format!("target {}: {failure}", redact(url)))?;
            configuration.targets.push((target, true));
        }
        Ok(configuration)
    }

    /// Reads TOML text.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        if let Some(bad) = file.silence.iter().find_map(Silence::bad_time) {
            return Err(format!("silence: '{}' is no time like 2026-12-01T06:00:00Z", bad.escape_debug()));
        }
        let read = |entry: Entry| {
            let shown = redact(entry.url());
            entry.into_target().map_err(|why| format!("target {shown}: {why}"))
        };
        Ok(Configuration {
            targets: file.target.into_iter().map(read).collect::<Result<_, _>>()?,
            rules: tune(&file.alert)?,
            silences: file.silence,
            sinks: file.sink,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Secret;

    #[test]
    fn credentials_of_each_target() {
        let text = "[[target]]\nurl='redis://a:1'\nuser='m'\npassword='x'\n[[target]]\nurl='redis://:inline@b:2'\ndiscover=false\n";
        let targets = Configuration::parse(text).unwrap().targets;
        assert_eq!(targets[0].0.user.as_deref(), Some("m"));
        assert_eq!(targets[0].0.password.as_ref().map(Secret::reveal), Some("x"));
        assert_eq!(targets[1].0.password.as_ref().map(Secret::reveal), Some("inline"));
        assert_eq!((targets[0].1, targets[1].1), (true, false));
    }

    fn error(text: &str) -> String {
        Configuration::parse(text).err().unwrap()
    }

    #[test]
    fn errors_name_the_target_and_hide_its_password() {
        let error_text = error("[[target]]\nurl='redis://:hunter2@h'\npassword='a'\npassword-env='B'\n");
        assert!(error_text.contains("redis://h") && !error_text.contains("hunter2"), "{error_text}");
        assert!(error("[[target]]\nurl='redis://h'\npasword='typo'").contains("pasword"));
        assert!(error("[[silence]]\nuntil='tomorrow'").contains("tomorrow"));
        assert!(error("[alert.nonsense]").contains("nonsense"));
        assert!(error("[[sink]]\ntype='pigeon'").contains("pigeon"));
    }

    #[test]
    fn all_tables() {
        let text = "[alert.memory]\nwarning=70\nfor=5\n[[silence]]\nalert='uptime'\n[[sink]]\ntype='webhook'\nurl='http://x'\nshape='slack'\n[[sink]]\ntype='exec'\ncommand=['page']\n";
        let read = Configuration::parse(text).unwrap();
        let memory = read.rules.iter().find(|rule| rule.id == "memory").unwrap();
        assert_eq!((memory.warning, memory.hold), (Some(70.0), 5));
        assert_eq!((read.silences.len(), read.sinks.len()), (1, 2));
    }
}
