//! How often each error was replied, by code: INFO errorstats.
//!
//! Scripts and clients' mistakes can make up codes, so their number is bounded: one too many and all are given up, for
//! one line that says so, until CONFIG RESETSTAT. As Redis 7.4.

use std::collections::BTreeMap;

use parking_lot::Mutex;

/// The most codes that are counted.
const MOST: usize = 128;
/// What is counted once there were too many.
const DISABLED: &str = "ERRORSTATS_DISABLED";

/// Counts by code.
#[derive(Default)]
pub struct ErrorCounts(Mutex<BTreeMap<String, u64>>);

impl ErrorCounts {
    /// Counts an error. If there are now too many codes, answers the counts that are given up.
    pub fn count(&self, code: &str) -> Option<BTreeMap<String, u64>> {
        let mut counts = self.0.lock();
        if let Some(count) = counts.get_mut(code) {
            *count += 1;
            return None;
        }
        if counts.contains_key(DISABLED) {
            return None;
        }
        if counts.len() < MOST {
            counts.insert(code.to_owned(), 1);
            return None;
        }
        Some(std::mem::replace(&mut *counts, BTreeMap::from([(DISABLED.to_owned(), 1)])))
    }

    /// The counts as they are.
    pub fn all(&self) -> BTreeMap<String, u64> {
        self.0.lock().clone()
    }

    /// Begins anew.
    pub fn reset(&self) {
        self.0.lock().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_codes_are_given_up() {
        let counts = ErrorCounts::default();
        assert!((0..MOST).all(|n| counts.count(&format!("CODE{n}")).is_none()));
        assert_eq!(counts.count("CODE7"), None);
        assert_eq!(counts.all()["CODE7"], 2);
        assert_eq!(counts.count("ONEMORE").map(|given_up| given_up.len()), Some(MOST));
        assert_eq!(counts.count("ERR"), None);
        assert_eq!(counts.all(), BTreeMap::from([(DISABLED.to_owned(), 1)]));
        counts.reset();
        counts.count("ERR");
        assert_eq!(counts.all(), BTreeMap::from([("ERR".to_owned(), 1)]));
    }
}
