//! The server as a Unix process: everything around the workers that the system, its operators and their tools see.
//!
//! | module | directives and arguments |
//! |---|---|
//! | [`daemon`] | `daemonize` |
//! | [`pidfile`] | `pidfile` |
//! | [`supervise`] | `supervised` |
//! | [`title`] | `set-proc-title`, `proc-title-template` |
//! | [`signals`] | SIGTERM, SIGINT, SIGHUP |
//! | [`affinity`] | `server-cpulist`, `bio-cpulist`, ... |
//! | [`oom_score`] | `oom-score-adj`, `oom-score-adj-values` |
//! | [`warnings`] | what the log says about the system at start; `disable-thp` |
//! | [`system_check`] | `--check-system` |
//! | [`version`] | `-v`, `--version` |
//! | [`help`] | `--help` |
//! | [`banner`] | `always-show-logo` |
//!
//! The modules take plain parameters and know neither the configuration nor each other's state; `server::main` puts
//! them in Redis's order: check the system, daemonize, log that it starts, pidfile, title, banner, listeners.

pub mod affinity;
pub mod banner;
pub mod daemon;
pub mod help;
pub mod oom_score;
pub mod pidfile;
pub mod signals;
pub mod supervise;
pub mod system_check;
#[cfg(test)]
pub(crate) mod testing;
pub mod title;
pub mod version;
pub mod warnings;

/// Whether this is the process's only thread, which fork and the first change of the title need.
pub(crate) fn is_single_threaded() -> bool {
    std::fs::read_dir("/proc/self/task").is_ok_and(|tasks| tasks.count() == 1)
}
