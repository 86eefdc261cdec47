//! A cluster as one of its nodes sees it.

use super::{Node, parse_nodes};

/// CLUSTER NODES and CLUSTER INFO of one node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cluster {
    /// CLUSTER NODES.
    pub nodes: Vec<Node>,
    /// CLUSTER INFO: names and values in the server's order.
    pub state: Vec<(String, String)>,
}

impl Cluster {
    /// From the texts of CLUSTER NODES and CLUSTER INFO.
    pub fn parse(nodes: &str, info: &str) -> Self {
        let state = info.lines().filter_map(|line| line.split_once(':'));
        Cluster {
            nodes: parse_nodes(nodes),
            state: state.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        }
    }

    /// A value of CLUSTER INFO.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.state.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// A value of CLUSTER INFO as a finite number.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.get(name)?.parse().ok().filter(|number: &f64| number.is_finite())
    }

    /// Whether both views are of one cluster: they know a node in common.
    pub fn is_same(&self, other: &Cluster) -> bool {
        self.nodes.iter().any(|node| other.nodes.iter().any(|theirs| theirs.id == node.id))
    }
}
