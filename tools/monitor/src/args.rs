//! The command line of `carnelian monitor`.
#![allow(rustdoc::broken_intra_doc_links, reason = "doc comments of arguments are help texts")]

use crate::check::Check;
use crate::faina::Faina;
use crate::prometheus::Details;
use crate::target::Trust;
use clap::{Args, Parser, Subcommand};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// `carnelian monitor`.
#[derive(Debug, Parser)]
#[command(
    name = "carnelian monitor",
    no_binary_name = true,
    args_conflicts_with_subcommands = true,
    about = "Watches Redis-compatible servers: JSON and Prometheus endpoints, alerts, history, dashboard",
    version
)]
pub struct Monitor {
    /// Instead of serving.
    #[command(subcommand)]
    pub task: Option<Task>,
    /// Serving is the default.
    #[command(flatten)]
    pub serve: Serve,
}

/// One-shot tasks.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Check one server: a Nagios plugin (exit code 0-3, performance data) or a collectd exec plugin
    Check(Check),
    /// Print the table of alerts as Markdown
    Rules {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Statistics of a MONITOR log from a file or standard input
    Faina(Faina),
}

/// What the serving monitor takes.
#[derive(Debug, Args)]
pub struct Serve {
    /// Servers to watch: redis://[[user]:password@]host[:port], rediss://..., unix:///path
    #[arg(value_name = "URL")]
    pub targets: Vec<String>,
    /// A TOML file: [[target]], [alert.NAME], [[silence]], [[sink]]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Keep a history in this SQLite file
    #[arg(long, value_name = "FILE")]
    pub history: Option<PathBuf>,
    /// Days that rounds, minutes and hours stay in the history
    #[arg(long, value_name = "DAYS,DAYS,DAYS", default_value = "1,31,366", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..))]
    pub history_keep: Vec<u16>,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    pub host: IpAddr,
    /// Port to listen on; 0 takes a free one
    #[arg(long, default_value_t = 8000)]
    pub port: u16,
    /// Ask visitors for this user and the password in --password-file
    #[arg(long, value_name = "NAME", requires = "password_file")]
    pub user: Option<String>,
    /// File with the visitors' password
    #[arg(long, value_name = "FILE", requires = "user")]
    pub password_file: Option<PathBuf>,
    /// Serve HTTPS with this certificate (PEM, the whole chain)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The certificate's key
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Let only visitors in that show a certificate of these authorities
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_client_ca: Option<PathBuf>,
    /// Allow changes from the dashboard: configuration, flush, every command of the console. Each is logged first
    #[arg(long, requires_all = ["user", "audit_log"])]
    pub enable_admin: bool,
    /// File to which every change is appended, a JSON object a line
    #[arg(long, value_name = "FILE")]
    pub audit_log: Option<PathBuf>,
    /// No console and no sampling of keys: the dashboard shows what servers say about themselves, never what they hold
    #[arg(long, conflicts_with = "enable_admin")]
    pub no_console: bool,
    /// What /metrics and /scrape show beyond the usual.
    #[command(flatten)]
    pub details: Details,
    /// For servers behind rediss:// that have no certificates of their own in the configuration.
    #[command(flatten)]
    pub trust: Trust,
    /// Threads that serve HTTP and ask servers
    #[arg(long, visible_alias = "worker", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub workers: u16,
    /// Seconds between two rounds of every target
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    pub interval: Duration,
    /// Seconds that a server has to answer
    #[arg(long, value_name = "SECONDS", default_value = "3", value_parser = seconds)]
    pub timeout: Duration,
    /// Servers that one HTTP request may ask at the same time
    #[arg(long, default_value_t = 64)]
    pub parallel: usize,
    /// Watch only the named servers, not their clusters, replicas and Sentinels
    #[arg(long)]
    pub no_discover: bool,
    /// Servers that ?url= and ?target= may name: a glob over host:port, repeatable. Without one: every server if the
    /// monitor listens on loopback, else only the named ones
    #[arg(long, value_name = "PATTERN")]
    pub allow_target: Vec<String>,
}

/// Seconds with a fraction, 0.1 to a day.
///
/// # Errors
/// The range, for anything else.
pub fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.1..=86_400.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("seconds must be between 0.1 and 86400".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn declaration_is_consistent() {
        Monitor::command().debug_assert();
    }

    #[test]
    fn options_of_document_000() {
        let parsed =
            Monitor::try_parse_from(["--host=127.0.0.2", "--port=8001", "--worker=2", "redis://a", "b:1"])
                .unwrap();
        assert_eq!((parsed.serve.port, parsed.serve.workers), (8001, 2));
        assert_eq!(parsed.serve.targets, ["redis://a", "b:1"]);
        assert_eq!(Monitor::try_parse_from::<[&str; 0], &str>([]).unwrap().serve.port, 8000);
        assert!(Monitor::try_parse_from(["--interval=nan"]).is_err());
        assert!(Monitor::try_parse_from(["--workers=0"]).is_err());
    }

    #[test]
    fn changes_need_a_password_and_a_log() {
        let all = ["--enable-admin", "--user=me", "--password-file=p", "--audit-log=a"];
        assert!(Monitor::try_parse_from(all).is_ok());
        for missing in 1..all.len() {
            let rest = all.iter().enumerate().filter(|(place, _)| *place != missing);
            assert!(Monitor::try_parse_from(rest.map(|(_, word)| *word)).is_err(), "{missing}");
        }
        assert!(Monitor::try_parse_from(["--tls-cert=c"]).is_err());
        assert!(Monitor::try_parse_from(["--cert=c", "redis://h"]).is_err());
    }
}
