//! Room for `maxclients`: every client is a file descriptor, and the process has a limit of them.
//!
//! At start, and when CONFIG SET raises maxclients, the soft limit is raised to maxclients plus a reserve for the
//! server's own files. Where the system does not allow that, maxclients shrinks to what fits. Same rules and texts as
//! Redis 7 (adjustOpenFilesLimit in server.c), except that a hard limit above the need is left where it is.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::error_text;

/// Descriptors kept for listeners, log, AOF, snapshots and replication (CONFIG_MIN_RESERVED_FDS).
pub const RESERVED_FILES: u64 = 32;

/// What came of making room, with the lines for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileLimit {
    /// How many clients fit: what was asked for, or fewer.
    pub maxclients: u32,
    /// A line at level notice.
    pub notice: Option<String>,
    /// Lines at level warning, in order.
    pub warnings: Vec<String>,
}

/// Raises the limit of open files so that `maxclients` clients fit. The error is the line to log before exiting: not
/// even one does.
pub fn adjust(maxclients: u32) -> Result<FileLimit, String> {
    let limit = getrlimit(Resource::Nofile);
    let raise = |limit| setrlimit(Resource::Nofile, limit).map_err(std::io::Error::from);
    adjust_with(maxclients, limit, raise)
}

/// A soft limit that is `None` is unlimited.
fn adjust_with(
    maxclients: u32,
    limit: Rlimit,
    mut raise: impl FnMut(Rlimit) -> std::io::Result<()>,
) -> Result<FileLimit, String> {
    let wanted = u64::from(maxclients) + RESERVED_FILES;
    let fits = FileLimit { maxclients, notice: None, warnings: Vec::new() };
    let old = match limit.current {
        Some(old) if old < wanted => old,
        _ => return Ok(fits),
    };
    let hard = limit.maximum;
    let refusal = match raise(Rlimit { current: Some(wanted), maximum: hard.map(|hard| hard.max(wanted)) }) {
        Ok(()) => {
            let line = format!(
                "Increased maximum number of open files to {wanted} (it was originally set to {old})."
            );
            return Ok(FileLimit { notice: Some(line), ..fits });
        }
        Err(refusal) => error_text(&refusal),
    };
    // Only root may lift the hard limit, so the hard limit is the most there is.
    let best = match hard {
        Some(hard) if hard > old && raise(Rlimit { current: Some(hard), maximum: Some(hard) }).is_ok() => {
            hard
        }
        _ => old,
    };
    reduced(maxclients, wanted, old, best, &refusal)
}

fn reduced(maxclients: u32, wanted: u64, old: u64, best: u64, refusal: &str) -> Result<FileLimit, String> {
    let fit = best.saturating_sub(RESERVED_FILES);
    let Some(fit) = u32::try_from(fit).ok().filter(|fit| *fit > 0) else {
        return Err(format!(
            "Your current 'ulimit -n' of {old} is not enough for the server to start. \
             Please increase your open file limit to at least {wanted}. Exiting."
        ));
    };
    let warnings = vec![
        format!("You requested maxclients of {maxclients} requiring at least {wanted} max file descriptors."),
        format!("Server can't set maximum open files to {wanted} because of OS error: {refusal}."),
        format!(
            "Current maximum open files is {best}. maxclients has been reduced to {fit} to compensate for low \
             ulimit. If you need higher maxclients increase 'ulimit -n'."
        ),
    ];
    Ok(FileLimit { maxclients: fit, notice: None, warnings })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    fn limit(current: u64, maximum: u64) -> Rlimit {
        Rlimit { current: Some(current), maximum: Some(maximum) }
    }

    /// A kernel that lets nobody above `hard`.
    fn up_to(hard: u64) -> impl FnMut(Rlimit) -> io::Result<()> {
        move |asked| match asked.maximum {
            Some(maximum) if maximum <= hard => Ok(()),
            _ => Err(io::Error::from_raw_os_error(1)),
        }
    }

    #[test]
    fn enough_is_left_alone() {
        let never = |_| panic!("nothing to raise");
        let fits = adjust_with(10_000, limit(10_032, 10_032), never).unwrap();
        assert_eq!(fits, FileLimit { maxclients: 10_000, notice: None, warnings: vec![] });
        let unlimited = Rlimit { current: None, maximum: None };
        assert_eq!(adjust_with(u32::MAX, unlimited, never).unwrap().maxclients, u32::MAX);
    }

    #[test]
    fn the_soft_limit_is_raised_and_the_hard_one_kept() {
        let mut asked = None;
        let raise = |limit| {
            asked = Some(limit);
            Ok(())
        };
        let fits = adjust_with(10_000, limit(1024, 524_288), raise).unwrap();
        let line = "Increased maximum number of open files to 10032 (it was originally set to 1024).";
        assert_eq!(fits, FileLimit { maxclients: 10_000, notice: Some(line.into()), warnings: vec![] });
        assert_eq!(asked, Some(limit(10_032, 524_288)));
    }

    #[test]
    fn maxclients_shrinks_to_the_hard_limit() {
        let fits = adjust_with(10_000, limit(1024, 4096), up_to(4096)).unwrap();
        assert_eq!(fits.maxclients, 4064);
        assert_eq!(
            fits.warnings,
            [
                "You requested maxclients of 10000 requiring at least 10032 max file descriptors.",
                "Server can't set maximum open files to 10032 because of OS error: Operation not permitted.",
                "Current maximum open files is 4096. maxclients has been reduced to 4064 to compensate for low \
                 ulimit. If you need higher maxclients increase 'ulimit -n'.",
            ]
        );
    }

    #[test]
    fn a_limit_below_the_reserve_ends_the_start() {
        let error = adjust_with(10_000, limit(32, 32), up_to(32)).unwrap_err();
        assert_eq!(
            error,
            "Your current 'ulimit -n' of 32 is not enough for the server to start. \
             Please increase your open file limit to at least 10032. Exiting."
        );
    }

    #[test]
    fn the_real_limit_can_be_asked_for() {
        assert_eq!(adjust(1).unwrap().maxclients, 1);
    }
}
