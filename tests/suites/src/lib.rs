//! Suites that drive live processes, with genuine redis-server as partner and oracle.
