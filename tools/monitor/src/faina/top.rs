//! Counts of names with a bound on how many are kept.

use std::collections::HashMap;

/// Distinct names after which the rare ones are dropped.
const CAPACITY: usize = 200_000;
/// Longest name that is kept whole.
const MAX_NAME: usize = 256;

/// The most frequent names. Exact up to `CAPACITY` distinct names; then whoever is rarer than the median is forgotten, and
/// counts again from zero if it comes back, so the frequent ones stay right.
#[derive(Debug, Default)]
pub struct Top(HashMap<String, u64>);

impl Top {
    /// Counts a name.
    pub fn add(&mut self, name: &str) {
        let end = name.floor_char_boundary(MAX_NAME);
        let name = &name[..end];
        match self.0.get_mut(name) {
            Some(count) => *count += 1,
            None => {
                if self.0.len() >= CAPACITY {
                    self.forget();
                }
                self.0.insert(name.to_owned(), 1);
            }
        }
    }

    /// The most frequent, then by name.
    pub fn most(&self, top: usize) -> Vec<(&str, u64)> {
        let mut all: Vec<(&str, u64)> = self.0.iter().map(|(name, count)| (name.as_str(), *count)).collect();
        all.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        all.truncate(top);
        all
    }

    fn forget(&mut self) {
        let mut counts: Vec<u64> = self.0.values().copied().collect();
        let (_, median, _) = counts.select_nth_unstable(CAPACITY / 2);
        let median = *median;
        self.0.retain(|_, count| *count > median);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequent_names_survive_a_flood_of_rare_ones() {
        let mut top = Top::default();
        for number in 0..CAPACITY * 2 {
            top.add(&number.to_string());
            top.add("frequent");
        }
        assert!(top.0.len() <= CAPACITY);
        assert_eq!(top.most(1), [("frequent", CAPACITY as u64 * 2)]);
        top.add(&"é".repeat(1000));
    }
}
