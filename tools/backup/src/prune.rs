//! `carnelian backup prune DEST`: removing the backups that no rule of [`Policy`] keeps.
//!
//! Only what has a manifest of ours is looked at, and only the manifest and the file that it names are removed. Every series (label) is
//! judged on its own. A backup whose file is missing or cut keeps no place: the whole ones are kept as if it were not there, and it
//! goes when it is older than the newest whole one.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::args::Prune;
use crate::catalogue::{Listed, catalogue};
use crate::error::Result;
use crate::manifest::{self, Manifest};
use crate::output::Output;
use crate::retention::Policy;
use crate::store::{Place, Store};

/// What was done, as JSON.
#[derive(Debug, Serialize)]
pub struct Report {
    ok: bool,
    dry_run: bool,
    /// Names of backups that stay, the oldest first.
    pub kept: Vec<String>,
    /// Names of backups that are, or would be, removed.
    pub removed: Vec<String>,
}

/// Prunes.
///
/// # Errors
/// Those of the place; some may be removed then.
pub fn run(options: &Prune, out: &mut Output) -> Result<()> {
    let place = Place::parse(&options.place)?;
    let store = Store::open(&place.location, &options.s3, false)?;
    let report = prune(&store, &options.policy, options.label.as_deref(), options.dry_run)?;
    let verb = if options.dry_run { "would remove" } else { "removed" };
    for name in &report.removed {
        out.line(format_args!("{verb} {name}"));
    }
    out.line(format_args!("{} kept, {} {verb}", report.kept.len(), report.removed.len()));
    out.report(&report);
    Ok(())
}

/// Removes the backups that the policy does not keep, of one series or of each.
///
/// # Errors
/// Those of the place.
pub fn prune(store: &Store, policy: &Policy, label: Option<&str>, dry_run: bool) -> Result<Report> {
    let mut series = BTreeMap::<String, Vec<Listed>>::new();
    for listed in catalogue(store, label)?.backups {
        series.entry(listed.manifest.label.clone()).or_default().push(listed);
    }
    let mut report = Report { ok: true, dry_run, kept: Vec::new(), removed: Vec::new() };
    for (manifest, keep) in series.into_values().flat_map(|backups| judge(policy, backups)) {
        if keep {
            report.kept.push(manifest.name);
            continue;
        }
        if !dry_run {
            // The manifest first: a backup that is half removed is none.
            store.delete(&format!("{}{}", manifest.name, manifest::SUFFIX))?;
            if store.has(&manifest.file)? {
                store.delete(&manifest.file)?;
            }
        }
        report.removed.push(manifest.name);
    }
    Ok(report)
}

/// The backups of one series, and whether each is kept.
fn judge(policy: &Policy, backups: Vec<Listed>) -> Vec<(Manifest, bool)> {
    let times: Vec<_> =
        backups.iter().filter(|listed| listed.whole).map(|listed| listed.manifest.time).collect();
    let newest = times.iter().max().copied();
    let mut kept = policy.keep(&times).into_iter();
    let judged = backups.into_iter().map(|Listed { whole, manifest }| {
        let keep = match whole {
            true => kept.next().unwrap_or(true),
            false => newest.is_none_or(|newest| manifest.time > newest),
        };
        (manifest, keep)
    });
    judged.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(second: i64, whole: bool) -> Listed {
        let time = jiff::Timestamp::from_second(second).expect("a time");
        Listed { whole, manifest: Manifest::new(second.to_string(), "a".into(), time, "f".into()) }
    }

    #[test]
    fn what_is_not_whole_takes_no_place() {
        let policy = Policy {
            keep_last: 2,
            keep_hourly: 0,
            keep_daily: 0,
            keep_weekly: 0,
            keep_monthly: 0,
            keep_yearly: 0,
        };
        let judge = |backups: &[(i64, bool)]| {
            let backups = backups.iter().map(|(second, whole)| listed(*second, *whole)).collect();
            judge(&policy, backups).into_iter().map(|(_, keep)| keep).collect::<Vec<_>>()
        };
        assert_eq!(
            judge(&[(1, true), (2, true), (3, false), (4, true), (5, false)]),
            [false, true, false, true, true]
        );
        assert_eq!(judge(&[(1, false), (2, false)]), [true, true], "nothing is left but these");
    }
}
