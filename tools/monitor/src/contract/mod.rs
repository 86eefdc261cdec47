//! The JSON document of `GET /metrics/redis`: who is asked, and what the answer looks like.
//!
//! `{"instance":[{URL: info or null}, ...], "cluster":[{"arch":[...], "state":{...}}]}`. Requested targets come in the order of the
//! request; a requested node of a cluster brings every node of its CLUSTER NODES, asked with the same credentials,
//! in that order. The sample of document 000, whose order is that of arrival, is reproduced byte for byte by a test.

mod gather;
mod style;

pub use gather::{Request, gather};
pub use style::{compact, pretty};

use crate::facts::{Cluster, Info, Migration, Node};
use serde_json::{Map, Value, json};

/// A server's part of the document: its URL without credentials, and its INFO if it answered.
pub type Instance = (String, Option<Info>);

/// A cluster's part: the scheme of its nodes' URLs (`redis` or `rediss`), and the first requested node's view.
pub type Seen = (&'static str, Cluster);

/// Puts the document together.
pub fn document(instances: &[Instance], clusters: &[Seen], extended: bool) -> Value {
    let instance = |(url, info): &Instance| {
        let info = info.as_ref().map_or(Value::Null, Info::flattened);
        Value::Object(Map::from_iter([(url.clone(), info)]))
    };
    json!({
        "instance": instances.iter().map(instance).collect::<Vec<_>>(),
        "cluster": clusters.iter().map(|(scheme, seen)| cluster(scheme, seen, extended)).collect::<Vec<_>>(),
    })
}

fn cluster(scheme: &str, seen: &Cluster, extended: bool) -> Value {
    let state = seen.state.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str())));
    json!({
        "arch": seen.nodes.iter().map(|node| architecture(scheme, node, extended)).collect::<Vec<_>>(),
        "state": state.collect::<Map<_, _>>(),
    })
}

/// One node. The plain form has the sample's seven facts; `extended` adds what operators ask next.
fn architecture(scheme: &str, node: &Node, extended: bool) -> Value {
    let mut facts = json!({
        "id": node.id,
        "url": node_url(scheme, node),
        "flags": node.role(),
        "master": node.primary,
        "link-state": node.link_state,
        "slots": node.slots,
        "migrations": node.migrations.iter().map(migration).collect::<Vec<_>>(),
    });
    if extended {
        facts["all-flags"] = json!(node.flags);
        facts["hostname"] = json!(node.hostname);
        facts["epoch"] = json!(node.epoch);
        facts["ping-sent"] = json!(node.ping_sent);
        facts["pong-received"] = json!(node.pong_received);
    }
    facts
}

fn migration(moving: &Migration) -> Value {
    json!({"slot": moving.slot, "node_id": moving.node, "state": moving.state})
}

fn node_url(scheme: &str, node: &Node) -> String {
    match node.host.contains(':') {
        true => format!("{scheme}://[{}]:{}", node.host, node.port),
        false => format!("{scheme}://{}:{}", node.host, node.port),
    }
}
