//! How large a value may grow before its encoding changes: the directives of Redis that decide it.

/// The directives, by their names; the comments say what the numbers mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Elements of a list's node if positive; -1 to -5 for 4, 8, 16, 32 or 64 KiB.
    pub list_max_listpack_size: i64,
    /// Nodes at either end of a list that are never compressed; 0 compresses none.
    pub list_compress_depth: usize,
    /// Members of a set of integers.
    pub set_max_intset_entries: usize,
    /// Members of a set that is a listpack.
    pub set_max_listpack_entries: usize,
    /// Bytes of the longest member of such a set.
    pub set_max_listpack_value: usize,
    /// Members of a sorted set that is a listpack.
    pub zset_max_listpack_entries: usize,
    /// Bytes of the longest member of such a sorted set.
    pub zset_max_listpack_value: usize,
    /// Fields of a hash that is a listpack.
    pub hash_max_listpack_entries: usize,
    /// Bytes of the longest field or value of such a hash.
    pub hash_max_listpack_value: usize,
    /// Bytes of a stream's node; 0 is no limit.
    pub stream_node_max_bytes: usize,
    /// Entries of a stream's node; 0 is no limit.
    pub stream_node_max_entries: usize,
}

impl Default for Limits {
    /// Redis's defaults.
    fn default() -> Limits {
        Limits {
            list_max_listpack_size: -2,
            list_compress_depth: 0,
            set_max_intset_entries: 512,
            set_max_listpack_entries: 128,
            set_max_listpack_value: 64,
            zset_max_listpack_entries: 128,
            zset_max_listpack_value: 64,
            hash_max_listpack_entries: 512,
            hash_max_listpack_value: 64,
            stream_node_max_bytes: 4096,
            stream_node_max_entries: 100,
        }
    }
}
