//! What the exporter shows with a switch alone, since it is much: every directive, every client.

use super::{Exposition, number};
use crate::console::is_secret;
use crate::facts::{Client, Facts};

/// The exporter's switches of those names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::Args)]
pub struct Details {
    /// Every directive as a metric; secrets are left out
    #[arg(long)]
    pub include_config_metrics: bool,
    /// Every client as a metric
    #[arg(long)]
    pub export_client_list: bool,
    /// With its port: one more series a connection
    #[arg(long, requires = "export_client_list")]
    pub export_client_port: bool,
}

impl Details {
    /// Adds what is switched on; `at` is the Unix time in milliseconds of the round.
    pub(super) fn describe(self, text: &mut Exposition, facts: &Facts, at: i64) {
        if self.include_config_metrics {
            configuration(text, facts);
        }
        if self.export_client_list {
            facts.clients.iter().for_each(|client| self.client(text, client, at / 1000));
        }
    }

    fn client(self, text: &mut Exposition, client: &Client, now: i64) {
        let field = |name: &str| client.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value);
        let since = |name: &str| now.saturating_sub(field(name).parse().unwrap_or(0)).to_string();
        let (created, idle) = (since("age"), since("idle"));
        let (host, port) = field("addr").rsplit_once(':').unwrap_or_default();
        let mut labels = vec![
            ("cmd", field("cmd")),
            ("created_at", &created),
            ("db", field("db")),
            ("flags", field("flags")),
            ("host", host),
            ("idle_since", &idle),
            ("name", field("name")),
            ("omem", field("omem")),
        ];
        if self.export_client_port {
            labels.push(("port", port));
        }
        text.gauge("connected_clients_details", "What a client is", &labels, 1.0);
    }
}

fn configuration(text: &mut Exposition, facts: &Facts) {
    let [words, numbers] = match facts.is_sentinel() {
        true => ["sentinel_config_key_value", "sentinel_config_value"],
        false => ["config_key_value", "config_value"],
    };
    for (directive, value) in facts.config.iter().filter(|(directive, _)| !is_secret(directive)) {
        let labels = [("key", directive.as_str()), ("value", value.as_str())];
        text.gauge(words, "A directive and its value", &labels, 1.0);
        // Words that stand for numbers elsewhere (ok, up) are words here.
        if value.parse::<f64>().is_ok()
            && let Some(value) = number(value)
        {
            text.gauge(numbers, "A directive's number", &[("key", directive)], value);
        }
    }
}
