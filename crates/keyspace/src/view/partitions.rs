//! Sets of partitions: those of a command's keys, to be locked in ascending order.

use crate::keyspace::{Keyspace, partition_of};
use crate::partition::PARTITIONS;

/// A set of partitions, as bits.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct PartitionSet([u64; PARTITIONS / 64]);

impl PartitionSet {
    /// The set of one.
    pub fn of(partition: usize) -> PartitionSet {
        let mut set = PartitionSet::default();
        set.insert(partition);
        set
    }

    /// Adds a partition.
    pub fn insert(&mut self, partition: usize) {
        self.0[partition / 64] |= 1 << (partition % 64);
    }

    /// Whether it is in.
    #[inline]
    pub fn contains(&self, partition: usize) -> bool {
        self.0[partition / 64] >> (partition % 64) & 1 == 1
    }

    /// Its members in ascending order, which is the order of locking.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().enumerate().flat_map(|(i, word)| {
            let mut bits = *word;
            std::iter::from_fn(move || {
                let bit = bits.trailing_zeros() as usize;
                bits &= bits.checked_sub(1)?;
                Some(i * 64 + bit)
            })
        })
    }
}

/// The partitions of these keys.
pub fn partitions_of<'k>(keyspace: &Keyspace, keys: impl Iterator<Item = &'k [u8]>) -> PartitionSet {
    let mut set = PartitionSet::default();
    keys.for_each(|key| set.insert(partition_of(keyspace.hash(key))));
    set
}
