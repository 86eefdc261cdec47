//! From registers to a count: the improved estimator of Otmar Ertl, "New cardinality estimation algorithms for
//! HyperLogLog sketches" (arXiv:1702.01284), which needs neither corrections for small counts nor tables.
//!
//! The order of every operation is that of Redis (7.2.6, `hyperloglog.c`): counts agree to the last unit.

use super::REGISTERS;

/// 1 / (2 ln 2).
const ALPHA_INFINITY: f64 = 0.721_347_520_444_481_7;
/// Bits of the hash behind those that choose the register: the highest rank but one.
const RANK_BITS: usize = 50;

/// The count that registers mean of which `histogram[rank]` have each rank.
pub fn estimate(histogram: &[u32; 64]) -> u64 {
    let m = REGISTERS as f64;
    let mut z = m * tau((m - f64::from(histogram[RANK_BITS + 1])) / m);
    for registers in histogram[1..=RANK_BITS].iter().rev() {
        z = (z + f64::from(*registers)) * 0.5;
    }
    z += m * sigma(f64::from(histogram[0]) / m);
    // Registers that no hash leaves behind may mean infinitely many: the largest integer that a reply can be.
    ((ALPHA_INFINITY * m * m / z).round() as u64).min(i64::MAX as u64)
}

/// Ertl's sigma: what registers of rank 0 mean.
fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

/// Ertl's tau: what registers of the highest rank mean.
fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == before {
            return z / 3.0;
        }
    }
}
