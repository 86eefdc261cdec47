//! From an element to its register and rank: MurmurHash64A, the 64-bit MurmurHash2 of Austin Appleby, with Redis's seed.

use super::REGISTERS;

const SEED: u64 = 0xadc8_3b19;
/// Bits of the hash that choose the register.
const REGISTER_BITS: u32 = REGISTERS.trailing_zeros();

/// What a HyperLogLog sees of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// Its register, from 0.
    pub(super) register: usize,
    /// Where the first one bit stands in the rest of the hash, from 1 to 51.
    pub(super) rank: u8,
}

impl Pattern {
    /// The pattern of an element.
    pub fn of(element: &[u8]) -> Pattern {
        let hash = murmur64a(element, SEED);
        let rest = hash >> REGISTER_BITS;
        // Where all 50 bits are zero, one more ends them.
        let zeros = rest.trailing_zeros().min(u64::BITS - REGISTER_BITS);
        Pattern { register: hash as usize % REGISTERS, rank: zeros as u8 + 1 }
    }
}

fn murmur64a(bytes: &[u8], seed: u64) -> u64 {
    const M: u64 = 0xc6a4_a793_5bd1_e995;
    const R: u32 = 47;
    let (words, rest) = bytes.as_chunks::<8>();
    let mut h = seed ^ (bytes.len() as u64).wrapping_mul(M);
    for word in words {
        let mut k = u64::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> R;
        h = (h ^ k.wrapping_mul(M)).wrapping_mul(M);
    }
    if !rest.is_empty() {
        let last = rest.iter().rev().fold(0, |last, byte| last << 8 | u64::from(*byte));
        h = (h ^ last).wrapping_mul(M);
    }
    h = (h ^ h >> R).wrapping_mul(M);
    h ^ h >> R
}
