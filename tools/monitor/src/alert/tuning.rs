//! What the configuration changes about the rules: thresholds, times, switches, silences.
//!
//! ```toml
//! [alert.memory]
//! warning = 85
//! critical = 95
//! for = 30            # seconds
//!
//! [alert.uptime]
//! enabled = false
//!
//! [[silence]]
//! alert = "replica*"                  # a glob over names; all if left out
//! target = "redis://10.0.*"           # a glob over URLs; all if left out
//! until = "2026-12-01T06:00:00Z"      # for good if left out
//! ```

use super::{RULES, Rule};
use crate::target::glob;
use serde::Deserialize;
use std::collections::BTreeMap;

/// `[alert.NAME]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tuning {
    enabled: Option<bool>,
    warning: Option<f64>,
    critical: Option<f64>,
    #[serde(rename = "for")]
    hold: Option<u32>,
}

impl Tuning {
    /// Sets the threshold of a warning.
    pub fn set_warning(&mut self, value: f64) {
        self.warning = Some(value);
    }

    /// Sets the threshold of a critical alert.
    pub fn set_critical(&mut self, value: f64) {
        self.critical = Some(value);
    }
}

/// `[[silence]]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Silence {
    alert: Option<String>,
    target: Option<String>,
    until: Option<String>,
}

impl Silence {
    /// Whether it covers an alert of a target at `at`, Unix time in milliseconds. A time that cannot be read has passed.
    pub fn covers(&self, alert: &str, url: &str, at: i64) -> bool {
        let matches = |pattern: &Option<String>, text: &str| {
            pattern.as_ref().is_none_or(|pattern| glob(pattern.as_bytes(), text.as_bytes()))
        };
        let lasts =
            |until: &String| until.parse::<jiff::Timestamp>().is_ok_and(|until| at < until.as_millisecond());
        matches(&self.alert, alert) && matches(&self.target, url) && self.until.as_ref().is_none_or(lasts)
    }

    /// The time that cannot be read, if there is one.
    pub fn bad_time(&self) -> Option<&str> {
        self.until.as_deref().filter(|until| until.parse::<jiff::Timestamp>().is_err())
    }
}

/// The rules that are on, tuned.
pub type Tuned = Vec<Rule>;

/// The table with the configuration's changes. Rules that are off, or have no threshold, are left out.
///
/// # Errors
/// Names an alert that the table does not have.
pub fn tune(tunings: &BTreeMap<String, Tuning>) -> Result<Tuned, String> {
    if let Some(unknown) = tunings.keys().find(|id| !RULES.iter().any(|rule| rule.id == id.as_str())) {
        return Err(format!("there is no alert '{}'", unknown.escape_debug()));
    }
    let tuned = RULES.iter().map(|rule| (tunings.get(rule.id).cloned().unwrap_or_default(), rule));
    let on = tuned.filter(|(tuning, _)| tuning.enabled != Some(false)).map(|(tuning, rule)| Rule {
        warning: tuning.warning.or(rule.warning),
        critical: tuning.critical.or(rule.critical),
        hold: tuning.hold.unwrap_or(rule.hold),
        ..*rule
    });
    Ok(on.filter(|rule| rule.warning.or(rule.critical).is_some()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_switch_rules_on_and_off() {
        let read = |text: &str| tune(&toml::from_str(text).unwrap());
        let default = read("").unwrap();
        assert!(!default.iter().any(|rule| rule.id == "min-clients"));
        let tuned = read("[min-clients]\nwarning=5\nfor=1\n[uptime]\nenabled=false\n").unwrap();
        let min = tuned.iter().find(|rule| rule.id == "min-clients").unwrap();
        assert_eq!((min.warning, min.hold), (Some(5.0), 1));
        assert_eq!(tuned.len(), default.len());
        assert!(read("[memroy]\nwarning=5").unwrap_err().contains("memroy"));
    }

    #[test]
    fn silences() {
        let silence: Silence =
            toml::from_str("alert='replica*'\ntarget='redis://10.*'\nuntil='2026-12-01T00:00:00Z'").unwrap();
        let before = 1_796_000_000_000;
        assert!(silence.covers("replica-lag", "redis://10.0.0.1", before));
        assert!(!silence.covers("replica-lag", "redis://10.0.0.1", before + 400_000_000_000));
        assert!(!silence.covers("down", "redis://10.0.0.1", before));
        assert!(!silence.covers("replica-lag", "redis://11.0.0.1", before));
        assert!(Silence::default().covers("down", "x", 0));
        assert_eq!(Silence { until: Some("soon".into()), ..Silence::default() }.bad_time(), Some("soon"));
    }
}
