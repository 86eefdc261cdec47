//! The banner: the first thing in the log of a server started by hand, with the facts one looks for.
//!
//! Redis shows it when the log goes to a terminal, or always with `always-show-logo`; otherwise one line says the
//! same. Its fact lines are Redis's, since scripts find the port and the pid by them; the stone is ours.

use std::io::IsTerminal;

use super::title::ServerMode;
use super::version::{CARNELIAN_VERSION, GIT_SHA1, REDIS_VERSION};
use crate::logging::{self as log, Level};

/// What the banner says and where the log goes.
#[derive(Clone, Copy, Debug)]
pub struct BannerOptions {
    /// Standalone, cluster or sentinel.
    pub mode: ServerMode,
    /// `port`, or `tls-port` where there is no other.
    pub port: u16,
    /// `always-show-logo`.
    pub always: bool,
    /// Whether the log goes to standard output alone: no `logfile`, no syslog.
    pub log_is_stdout: bool,
}

/// Shows it, or the line that stands for it, at level notice.
pub fn show(options: &BannerOptions) {
    let at_a_terminal = options.log_is_stdout && std::io::stdout().is_terminal();
    if options.always || at_a_terminal {
        log::raw(Level::Notice, &text(options.mode, options.port, std::process::id()));
    } else {
        log::notice!("Running mode={}, port={}.", options.mode.name(), options.port);
    }
}

fn text(mode: ServerMode, port: u16, pid: u32) -> String {
    let facts = [
        format!("Redis {REDIS_VERSION} ({GIT_SHA1}/0) {} bit", usize::BITS),
        format!("Carnelian {CARNELIAN_VERSION}"),
        format!("Running in {} mode", mode.name()),
        format!("Port: {port}"),
        format!("PID: {pid}"),
    ];
    let mut text = String::from("\n");
    for (row, stone) in STONE.iter().enumerate() {
        let fact = row.checked_sub(FIRST_FACT).and_then(|row| facts.get(row)).map_or("", String::as_str);
        let line = format!("{stone:WIDTH$} {fact}");
        text += line.trim_end();
        text.push('\n');
    }
    text.push('\n');
    text
}

/// A cut stone from the side: table, crown, girdle, pavilion.
const STONE: [&str; 9] = [
    r"         ____________",
    r"       .'\    /\    /'.",
    r"     .'   \  /  \  /   '.",
    r"   .'______\/____\/______'.",
    r"   '.      /\    /\      .'",
    r"     '.   /  \  /  \   .'",
    r"       './    \/    \.'",
    r"         '.        .'",
    r"           '-.__.-'",
];

/// The row beside which the facts begin.
const FIRST_FACT: usize = 2;
const WIDTH: usize = 36;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_facts_stand_as_scripts_look_for_them() {
        let text = text(ServerMode::Cluster, 7000, 4242);
        for fact in [
            " Redis 7.4.1 (00000000/0) 64 bit\n",
            " Running in cluster mode\n",
            " Port: 7000\n",
            " PID: 4242\n",
        ] {
            assert!(text.contains(fact), "{fact:?} in {text}");
        }
        assert!(text.lines().all(|line| line.len() <= 79 && line.trim_end() == line));
    }
}
