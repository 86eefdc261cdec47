//! What one server says about itself in one round: the facts that every view is made of.

mod cluster;
mod info;
mod logs;
mod nodes;
mod sentinel;

pub use cluster::Cluster;
pub use info::{Field, Info, Parts, typed};
pub use logs::{Client, SlowCall, Slowlog, Spike, parse_clients, parse_slowlog, parse_spikes};
pub use nodes::{Migration, Node, parse_nodes};
pub use sentinel::{Record, Watched, parse_records};

use std::sync::Arc;
use std::time::Duration;

/// CONFIG GET *, in the server's order.
pub type Config = Vec<(String, String)>;

/// One round of one server. What the server refuses or does not know stays empty.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// INFO ALL.
    pub info: Info,
    /// How long one PING took on the open connection.
    pub ping: Duration,
    /// How long opening that connection took, with TLS and AUTH.
    pub connect: Duration,
    /// CLUSTER NODES and INFO of a cluster's node.
    pub cluster: Option<Cluster>,
    /// Of a Sentinel: the primaries that it watches.
    pub watched: Vec<Watched>,
    /// CONFIG GET *, of a Sentinel SENTINEL CONFIG GET *; asked less often than the rest.
    pub config: Arc<Config>,
    /// SLOWLOG LEN and GET.
    pub slowlog: Slowlog,
    /// Valkey's COMMANDLOG LEN: slow calls, large requests, large replies.
    pub commandlog: Option<[i64; 3]>,
    /// LATENCY LATEST.
    pub spikes: Vec<Spike>,
    /// CLIENT LIST.
    pub clients: Vec<Client>,
}

impl Facts {
    /// A directive's value.
    pub fn directive(&self, name: &str) -> Option<&str> {
        self.config.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// `standalone`, `cluster` or `sentinel`. Valkey 8 has another name for the field.
    pub fn mode(&self) -> &str {
        self.info.get("redis_mode").unwrap_or_else(|| self.info.text("server_mode"))
    }

    /// `7.0.15`, `valkey 8.0.1`: of Valkey its own, not that of the Redis whose clients it serves.
    pub fn version(&self) -> String {
        match self.info.get("valkey_version") {
            Some(version) => format!("valkey {version}"),
            None => self.info.text("redis_version").to_owned(),
        }
    }

    /// Whether the server is a Sentinel.
    pub fn is_sentinel(&self) -> bool {
        self.mode() == "sentinel"
    }

    /// `master`, `slave` or `sentinel`.
    pub fn role(&self) -> &str {
        if self.is_sentinel() { "sentinel" } else { self.info.text("role") }
    }

    /// Addresses of the servers that belong to this one: its cluster, its replicas and its primary, or what it
    /// watches as a Sentinel. The server itself is not among them.
    pub fn neighbours(&self) -> Vec<(String, u16)> {
        let mut found: Vec<(String, u16)> = Vec::new();
        if let Some(cluster) = &self.cluster {
            let others = cluster.nodes.iter().filter(|node| !node.is("myself") && !node.is("handshake"));
            found.extend(
                others.filter_map(|node| node.address(None)).map(|(host, port)| (host.to_owned(), port)),
            );
        }
        let replica =
            |parts: Parts<'_>| Some((parts.get("ip")?.to_owned(), parts.get("port")?.parse().ok()?));
        found.extend(self.info.replicas().filter_map(replica));
        if let (Some(host), Some(port)) = (self.info.get("master_host"), self.info.get("master_port")) {
            found.extend(port.parse().ok().map(|port| (host.to_owned(), port)));
        }
        found.extend(self.watched.iter().flat_map(Watched::addresses));
        found.sort();
        found.dedup();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_of_a_primary_and_of_a_replica() {
        let facts = |text: &str| Facts { info: Info::parse(text), ..Facts::default() };
        let primary =
            facts("role:master\nslave0:ip=10.0.0.2,port=6380,state=online\nslave1:ip=10.0.0.3,port=99999\n");
        assert_eq!(primary.neighbours(), [("10.0.0.2".to_owned(), 6380)]);
        let replica = facts("role:slave\nmaster_host:10.0.0.1\nmaster_port:6379\n");
        assert_eq!(replica.neighbours(), [("10.0.0.1".to_owned(), 6379)]);
    }

    #[test]
    fn a_cluster_node_is_not_its_own_neighbour() {
        let nodes = "a 10.0.0.1:1@2 myself,master - 0 0 1 connected\nb 10.0.0.2:1@2 slave a 0 0 1 connected\nc :0@0 noaddr - 0 0 0 disconnected\n";
        let facts = Facts { cluster: Some(Cluster::parse(nodes, "")), ..Facts::default() };
        assert_eq!(facts.neighbours(), [("10.0.0.2".to_owned(), 1)]);
    }
}
