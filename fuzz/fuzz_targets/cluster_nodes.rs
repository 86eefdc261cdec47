//! CLUSTER NODES texts, any bytes: what is read is bounded by its line and consistent.
//!
//! The monitor's parser by its file: the rest of that crate (SQLite, TLS, HTTP) would be compiled for nothing.

#![no_main]
#![allow(dead_code, reason = "the parser's views that this target does not ask for")]

#[path = "../../tools/monitor/src/facts/nodes.rs"]
mod nodes;

use libfuzzer_sys::fuzz_target;
use nodes::parse_nodes;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let nodes = parse_nodes(&text);
    assert!(nodes.len() <= text.lines().count());
    for node in &nodes {
        assert!(!node.id.is_empty() && text.contains(&node.id));
        assert!(node.slot_count() <= node.slots.len() * 65_536);
        assert!(node.address(Some("asked")).is_none_or(|(host, port)| !host.is_empty() && port != 0));
        assert!(node.migrations.iter().all(|moving| ["migrating", "importing"].contains(&moving.state)));
        let _ = (node.role(), node.is("fail"));
    }
});
