//! Workers, connections, cron and INFO: the running process
