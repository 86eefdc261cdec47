//! `oom-score-adj` and `oom-score-adj-values`: which of our processes the kernel's out-of-memory killer takes first.
//!
//! The three values are for a primary, a replica and a background child. `relative` adds them to the score the
//! process had before we touched it, `absolute` sets them; `no` gives the first score back. As setOOMScoreAdj in
//! Redis's server.c.

use std::fs;
use std::path::{Path, PathBuf};

/// The kernel's limits, -1000 (never) to 1000 (first).
const LIMIT: i32 = 1000;

/// The words of the `oom-score-adj` directive (`yes` is `relative`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Leave the score alone, or give it back.
    No,
    /// Values are added to the score at start.
    Relative,
    /// Values are the score.
    Absolute,
}

/// The score of this process.
#[derive(Debug)]
pub struct OomScore {
    /// What it was before we first set it; `None` while it is not ours.
    base: Option<i32>,
    path: PathBuf,
}

impl Default for OomScore {
    fn default() -> Self {
        OomScore { base: None, path: "/proc/self/oom_score_adj".into() }
    }
}

impl OomScore {
    /// Brings the score in line with the directives: `value` is the one of `oom-score-adj-values` for what this
    /// process is. The error is a line for the log; lowering a score needs CAP_SYS_RESOURCE.
    pub fn apply(&mut self, policy: Policy, value: i32) -> Result<(), String> {
        let score = match (policy, self.base) {
            (Policy::No, None) => return Ok(()),
            (Policy::No, Some(base)) => {
                self.base = None;
                base
            }
            (_, None) => adjusted(policy, value, *self.base.insert(read(&self.path)?)),
            (_, Some(base)) => adjusted(policy, value, base),
        };
        fs::write(&self.path, format!("{score}\n"))
            .map_err(|e| format!("Unable to write oom_score_adj: {}", net::error_text(&e)))
    }
}

fn adjusted(policy: Policy, value: i32, base: i32) -> i32 {
    let base = if policy == Policy::Relative { base } else { 0 };
    value.saturating_add(base).clamp(-LIMIT, LIMIT)
}

fn read(path: &Path) -> Result<i32, String> {
    let unreadable = |reason: String| format!("Unable to read oom_score_adj: {reason}");
    let text = fs::read_to_string(path).map_err(|e| unreadable(net::error_text(&e)))?;
    text.trim().parse().map_err(|_| unreadable(format!("not a number: {text:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A score in a file of our own, and a look at it.
    fn score(at_start: &str) -> (tempfile::TempDir, OomScore) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("oom_score_adj");
        fs::write(&path, at_start).unwrap();
        (dir, OomScore { base: None, path })
    }

    fn now(score: &OomScore) -> String {
        fs::read_to_string(&score.path).unwrap()
    }

    #[test]
    fn relative_values_add_to_the_score_at_start() {
        let (_dir, mut score) = score("100\n");
        score.apply(Policy::Relative, 10).unwrap();
        assert_eq!(now(&score), "110\n");
        score.apply(Policy::Relative, 20).unwrap();
        assert_eq!(now(&score), "120\n");
        score.apply(Policy::Absolute, 7).unwrap();
        assert_eq!(now(&score), "7\n");
        score.apply(Policy::No, 7).unwrap();
        assert_eq!(now(&score), "100\n", "given back");
    }

    #[test]
    fn no_touches_nothing_that_is_not_ours() {
        let (_dir, mut score) = score("100\n");
        score.apply(Policy::No, 5).unwrap();
        assert_eq!(now(&score), "100\n");
        // Somebody else changes it: that is the new base.
        fs::write(&score.path, "42\n").unwrap();
        score.apply(Policy::Relative, 1).unwrap();
        score.apply(Policy::No, 1).unwrap();
        assert_eq!(now(&score), "42\n");
    }

    #[test]
    fn scores_stay_within_the_kernels_limits() {
        let (_dir, mut score) = score("900\n");
        score.apply(Policy::Relative, 2000).unwrap();
        assert_eq!(now(&score), "1000\n");
        score.apply(Policy::Relative, -2000).unwrap();
        assert_eq!(now(&score), "-1000\n");
    }

    #[test]
    fn failures_are_said_in_redis_words() {
        let dir = tempfile::tempdir().unwrap();
        let mut score = OomScore { base: None, path: dir.path().join("none/score") };
        let error = score.apply(Policy::Relative, 1).unwrap_err();
        assert_eq!(error, "Unable to read oom_score_adj: No such file or directory");
        score.base = Some(0);
        let error = score.apply(Policy::Relative, 1).unwrap_err();
        assert_eq!(error, "Unable to write oom_score_adj: No such file or directory");
    }

    #[test]
    fn the_kernels_own_file_can_be_read() {
        assert!(read(&OomScore::default().path).is_ok());
    }
}
