//! Picking at random.

use std::collections::HashSet;

/// Random numbers from one seed (SplitMix64).
pub struct Random(u64);

impl Random {
    /// From a seed.
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ bits >> 31
    }

    /// A number below `limit`, which is above 0.
    pub fn below(&mut self, limit: usize) -> usize {
        ((u128::from(self.bits()) * limit as u128) >> 64) as usize
    }
}

/// `count` distinct numbers below `len`, which is more (Floyd's algorithm).
pub fn distinct(random: &mut Random, count: usize, len: usize) -> Vec<usize> {
    let (mut seen, mut picks) = (HashSet::with_capacity(count), Vec::with_capacity(count));
    for last in len - count..len {
        let pick = random.below(last + 1);
        let pick = if seen.insert(pick) { pick } else { last };
        seen.insert(pick);
        picks.push(pick);
    }
    picks
}
