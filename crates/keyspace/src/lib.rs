//! Databases, partitions and their locks, entries, expiry, WATCH and the cut.
//!
//! From the inside out: an [`entry`] is a key with its value in one allocation; a [`segment`] keeps entries in
//! hash order, a [`table`] is segments under a directory; a [`partition`] is one lock over one 1,024th of every
//! database; the [`keyspace`] is all partitions with the [`gate`] that exclusive access closes; a [`view`] is
//! what a command sees of it: the partitions that are locked for it, and nothing else; [`eviction`] chooses the keys that
//! go when memory is full, and a [`cut`] keeps a point in time of them all.

pub mod access;
pub mod cut;
pub mod entry;
pub mod eviction;
pub mod expiry;
pub mod gate;
pub mod keyspace;
pub mod load;
pub mod partition;
pub mod segment;
pub mod table;
pub mod view;
pub mod waiters;

pub use cut::{Image, ImageValue, Traversal};
pub use data::Type;
pub use entry::{NewValue, OwnedEntry, Str, parse_integer};
pub use gate::Inside;
/// Where [`Str::bytes`] writes an integer's text.
pub use itoa::Buffer as IntBuffer;
pub use keyspace::{Cursor, Exclusive, Key, Keyspace, Member, Size, partition_of};
pub use load::{Duplicate, Existing, LoadedKey};
pub use partition::{NEVER, PARTITIONS, WatchFlag};
pub use table::Table;
pub use view::{
    Expire, Found, Lost, Missing, Modified, PartitionSet, View, Why, WrongType, integer, partitions_of,
};
pub use waiters::Waiter;
