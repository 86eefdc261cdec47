//! What the log says at start about a machine or a command line that may not be what its owner means.

use std::fs;

use super::system_check::{self, Finding};
use crate::logging as log;

const SOMAXCONN: &str = "/proc/sys/net/core/somaxconn";

/// Warns of the kernel's settings, before the server daemonizes. Huge pages are turned off for this process instead,
/// if `disable_thp` allows (the directive `disable-thp`) and the kernel does.
pub fn check_kernel(disable_thp: bool) {
    warn_of(system_check::overcommit());
    let pages = system_check::huge_pages();
    let disabled = || disable_thp && rustix::thread::disable_transparent_huge_pages(true).is_ok();
    if pages != Finding::Fine && !disabled() {
        warn_of(pages);
    }
    warn_of(system_check::xen_clock());
}

fn warn_of(finding: Finding) {
    if let Finding::Warning(text) = finding {
        log::warning!("WARNING {text}");
    }
}

/// Says whether there was a configuration: `program` is the server as it was called, and `configured` whether
/// anything stood behind it.
pub fn report_configuration(program: &str, configured: bool) {
    if configured {
        log::notice!("Configuration loaded");
    } else {
        log::warning!(
            "Warning: no config file specified, using the default config. In order to specify a config file use \
             {program} /path/to/redis.conf"
        );
    }
}

/// Warns when the kernel's queue of connections is shorter than `tcp-backlog`.
pub fn check_backlog(backlog: u32) {
    let limit = fs::read_to_string(SOMAXCONN).unwrap_or_default();
    if let Some(text) = backlog_warning(backlog, &limit) {
        log::warning!("{text}");
    }
}

fn backlog_warning(backlog: u32, limit: &str) -> Option<String> {
    let limit: u32 = limit.trim().parse().ok().filter(|limit| *limit > 0)?;
    (limit < backlog).then(|| {
        format!(
            "WARNING: The TCP backlog setting of {backlog} cannot be enforced because {SOMAXCONN} is set to the lower \
             value of {limit}."
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backlog_above_the_kernels_is_named_with_it() {
        assert_eq!(
            backlog_warning(511, "128\n").unwrap(),
            "WARNING: The TCP backlog setting of 511 cannot be enforced because /proc/sys/net/core/somaxconn is set to \
             the lower value of 128."
        );
        assert_eq!(backlog_warning(511, "511\n"), None);
        assert_eq!(backlog_warning(511, "4096\n"), None);
        assert_eq!(backlog_warning(511, ""), None, "no such file");
        assert_eq!(backlog_warning(511, "0"), None);
    }
}
