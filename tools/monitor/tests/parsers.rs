//! The parsers of INFO and CLUSTER NODES: what is written is read again, and any text at all is read without harm. The fuzz targets
//! `info` and `cluster_nodes` look for longer.

use monitor::facts::{Info, Migration, Node, parse_nodes};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// Lines, some like a server's, some not.
fn texts() -> impl Strategy<Value = String> {
    let like = "[a-z0-9_]{0,12}:[ -~]{0,30}|# [A-Z][a-z]{0,8}|slave[0-9]:ip=[0-9.]{1,9},port=[0-9]{1,6},lag=[-0-9a-z.]{1,5}|db[0-9]{1,3}:keys=[-0-9a-z]{0,20}";
    let nodes = "[0-9a-f]{0,40} [:0-9.@,a-z=]{0,30} [a-z?,]{0,20} [-0-9a-f]{1,6} [0-9]{0,3} [0-9]{0,3} [0-9]{0,22} [a-z]{0,9}( [-0-9\\[\\]<>x]{0,12}){0,3}";
    vec(prop_oneof![like, nodes, any::<String>()], 0..12).prop_map(|lines| lines.join("\r\n"))
}

fn nodes() -> impl Strategy<Value = Node> {
    let address = ("[0-9]{1,3}\\.[0-9]{1,3}\\.0\\.1|::1|[a-z]{1,8}", any::<u16>(), "([a-z]{1,8}\\.example)?");
    let flags = vec(prop::sample::select(vec!["myself", "master", "slave", "fail", "fail?", "noaddr"]), 1..4);
    let primary = option::of("[0-9a-f]{40}");
    let slots = vec("[0-9]{1,4}(-[0-9]{4})?", 0..4);
    let moving = (any::<u16>(), "[0-9a-f]{40}", prop::sample::select(vec!["migrating", "importing"]));
    let moving = moving.prop_map(|(slot, node, state)| Migration { slot, node, state });
    let times = (any::<u64>(), any::<u64>(), any::<u64>());
    ("[0-9a-f]{40}", address, flags, primary, times, slots, vec(moving, 0..3)).prop_map(
        |(
            id,
            (host, port, hostname),
            flags,
            primary,
            (ping_sent, pong_received, epoch),
            slots,
            migrations,
        )| Node {
            id,
            host,
            port,
            hostname,
            flags: flags.into_iter().map(str::to_owned).collect(),
            primary,
            ping_sent,
            pong_received,
            epoch,
            link_state: "connected".into(),
            slots,
            migrations,
        },
    )
}

/// A node as a server of Redis 7 writes it.
fn line(node: &Node) -> String {
    let hostname = if node.hostname.is_empty() { String::new() } else { format!(",{}", node.hostname) };
    let mut words = vec![
        node.id.clone(),
        format!("{}:{}@{}{hostname}", node.host, node.port, node.port),
        node.flags.join(","),
        node.primary.clone().unwrap_or("-".into()),
        node.ping_sent.to_string(),
        node.pong_received.to_string(),
        node.epoch.to_string(),
        node.link_state.clone(),
    ];
    words.extend(node.slots.iter().cloned());
    words.extend(node.migrations.iter().map(|moving| {
        let arrow = if moving.state == "migrating" { "->-" } else { "-<-" };
        format!("[{}{arrow}{}]", moving.slot, moving.node)
    }));
    words.join(" ")
}

proptest! {
    #[test]
    fn fields_are_read_as_written(fields in vec(("[a-z_]{1,12}", "[ -~]{0,20}"), 0..20), section in "[A-Z][a-z]{1,8}") {
        let lines = fields.iter().map(|(name, value)| format!("{name}:{value}\r\n")).collect::<String>();
        let info = Info::parse(&format!("# {section}\r\n{lines}\r\n"));
        let read: Vec<_> = info.fields().iter().map(|field| (field.name.clone(), field.value.clone())).collect();
        prop_assert_eq!(read, fields);
        prop_assert!(info.fields().iter().all(|field| info.section(field) == section));
    }

    #[test]
    fn nodes_are_read_as_written(nodes in vec(nodes(), 0..8)) {
        let text = nodes.iter().map(|node| line(node) + "\n").collect::<String>();
        prop_assert_eq!(parse_nodes(&text), nodes);
    }

    #[test]
    fn any_text_is_read_without_harm(text in texts()) {
        let info = Info::parse(&text);
        for field in info.fields() {
            prop_assert!(info.number(&field.name).is_none_or(f64::is_finite));
        }
        let flat = info.flattened().to_string();
        prop_assert!(serde_json::from_str::<serde_json::Value>(&flat).is_ok());
        prop_assert!(info.replicas().all(|parts| parts.number("lag").is_none_or(f64::is_finite)));
        for node in parse_nodes(&text) {
            prop_assert!(node.slot_count() <= node.slots.len() * 65_536);
            prop_assert!(node.address(Some("asked")).is_none_or(|(host, port)| !host.is_empty() && port != 0));
        }
    }
}
