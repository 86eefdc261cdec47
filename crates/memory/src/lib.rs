//! The global allocator and what it has handed out
