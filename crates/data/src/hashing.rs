//! How members and fields are hashed: seeded anew in every process, so that nobody can choose those that collide.

use std::sync::LazyLock;

use rapidhash::v3::{RapidSecrets, rapidhash_v3_seeded};

/// The hash of a member or a field.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    static SECRETS: LazyLock<RapidSecrets> = LazyLock::new(|| {
        let mut seed = [0; 8];
        // Without a seed the hash still spreads; it only may be foreseen.
        let _ = getrandom::fill(&mut seed);
        RapidSecrets::seed(u64::from_le_bytes(seed))
    });
    rapidhash_v3_seeded(bytes, &SECRETS)
}
