//! Loading data from files.
