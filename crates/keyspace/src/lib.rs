//! Databases, partitions and their locks, entries, expiry, WATCH and the cut
