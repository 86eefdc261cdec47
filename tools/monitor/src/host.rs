//! The monitor's own host: what INFO does not say about servers that run beside it.
//!
//! Linux only, from /proc and statvfs; a server counts as local if its address is a loopback one or a socket, and its
//! process is visible (it is not when the server runs in a container of its own).

use crate::facts::Facts;
use crate::target::{Endpoint, Target};
use std::net::IpAddr;
use std::path::Path;

/// What one look at the host brings.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Host {
    /// The one-minute load divided by the number of cores.
    pub load_per_core: Option<f64>,
    /// Bytes of swap in use.
    pub swap_used: Option<f64>,
    /// Per cent used of the file system that has the server's directory.
    pub disk_used: Option<f64>,
    /// Processes like the server's own that serve its port.
    pub processes: Option<f64>,
}

impl Host {
    /// Looks at the host for one server; `None` if it is not local. Reads all of /proc: not for every second.
    pub fn look(target: &Target, facts: &Facts) -> Option<Self> {
        let pid: u32 = facts.info.get("process_id")?.parse().ok()?;
        let comm = comm(pid).filter(|_| is_local(target))?;
        Some(Host {
            load_per_core: load_per_core(),
            swap_used: swap_used(),
            disk_used: facts.directive("dir").and_then(|dir| disk_used(Path::new(dir))),
            processes: Some(count_processes(pid, &comm, facts.info.text("tcp_port")) as f64),
        })
    }
}

fn is_local(target: &Target) -> bool {
    match &target.endpoint {
        Endpoint::Unix(_) => true,
        Endpoint::Tcp { host, .. } => {
            host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
        }
    }
}

fn load_per_core() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    let load: f64 = text.split(' ').next()?.parse().ok()?;
    let cores = std::thread::available_parallelism().ok()?.get();
    Some(load / cores as f64)
}

fn swap_used() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let kib = |name: &str| -> Option<f64> {
        text.lines().find_map(|line| line.strip_prefix(name))?.split_ascii_whitespace().next()?.parse().ok()
    };
    Some((kib("SwapTotal:")? - kib("SwapFree:")?) * 1024.0)
}

/// As `df` counts: of the blocks that an unprivileged process could have.
fn disk_used(dir: &Path) -> Option<f64> {
    let stat = rustix::fs::statvfs(dir).ok()?;
    let used = stat.f_blocks.checked_sub(stat.f_bfree)? as f64;
    let usable = used + stat.f_bavail as f64;
    (usable > 0.0).then(|| 100.0 * used / usable)
}

fn comm(pid: u32) -> Option<String> {
    Some(std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?.trim_end().to_owned())
}

/// Processes of the same name whose title or arguments name the port (a server's title is `name address:port`), the
/// server's own process among them.
fn count_processes(own: u32, own_comm: &str, port: &str) -> usize {
    let pids = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_like = |pid: &u32| {
        *pid == own
            || (comm(*pid).as_deref() == Some(own_comm) && is_no_child(*pid, own) && names_port(*pid, port))
    };
    pids.filter(is_like).count()
}

/// A child that saves (fork) carries its parent's title: it is no second server.
fn is_no_child(pid: u32, server: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let parent = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_ascii_whitespace().nth(1));
    parent != Some(server.to_string().as_str())
}

fn names_port(pid: u32, port: &str) -> bool {
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    is_server_of(&String::from_utf8_lossy(&command), port)
}

/// Whether a command line is that of a server. Our binary is its own client too: `carnelian monitor redis://127.0.0.1:6379` names a
/// port that it does not serve.
fn is_server_of(command: &str, port: &str) -> bool {
    let mut words = command.split(['\0', ' ']).skip(1).peekable();
    let is_tool = |word: &&str| {
        let is_name = word.starts_with(|c: char| c.is_ascii_lowercase())
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        is_name && !["server", "sentinel"].contains(word)
    };
    let end = format!(":{port}");
    !words.peek().is_some_and(is_tool) && words.any(|word| word == port || word.ends_with(&end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_at_this_machine() {
        assert!(load_per_core().is_some_and(|load| load >= 0.0));
        assert!(swap_used().is_some_and(|bytes| bytes >= 0.0));
        assert!(disk_used(Path::new("/")).is_some_and(|percent| (0.0..=100.0).contains(&percent)));
        let own = std::process::id();
        assert_eq!(count_processes(own, &comm(own).unwrap(), "no such port"), 1);
    }

    #[test]
    fn servers_are_told_from_their_clients() {
        for server in [
            "redis-server 127.0.0.1:6379",
            "/usr/bin/carnelian *:6379   ",
            "carnelian\0server\0--port\x006379\0",
            "redis-server\0/etc/redis.conf\0--port\x006379\0",
        ] {
            assert!(is_server_of(server, "6379"), "{server}");
        }
        for other in [
            "carnelian\0monitor\0redis://127.0.0.1:6379\0",
            "carnelian\0top\0localhost:6379\0",
            "redis-server 127.0.0.1:6380",
            "carnelian\0",
            "",
        ] {
            assert!(!is_server_of(other, "6379"), "{other}");
        }
    }

    #[test]
    fn a_remote_server_is_not_local() {
        let facts = Facts { info: crate::facts::Info::parse("process_id:1"), ..Facts::default() };
        assert_eq!(Host::look(&Target::parse("redis://192.0.2.1").unwrap(), &facts), None);
    }
}
