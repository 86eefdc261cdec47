//! What the collector knows after a round.

use crate::{ROLES, part, recorded};

fn address(host: &str, port: &str) -> (String, u16) {
    (host.to_owned(), port.parse().unwrap())
}

#[test]
fn every_version_is_known_by_its_name_and_role() {
    for recorded in recorded(&ROLES) {
        let facts = recorded.facts();
        let (role, mode) = match recorded.role {
            "primary" => ("master", "standalone"),
            "replica" => ("slave", "standalone"),
            "cluster" => ("master", "cluster"),
            "cluster-replica" => ("slave", "cluster"),
            _ => ("sentinel", "sentinel"),
        };
        let known = (facts.version(), facts.role(), facts.mode());
        assert_eq!(known, (recorded.version.to_owned(), role, mode), "{}", recorded.name);
        assert!(!facts.clients.is_empty(), "{}: no clients", recorded.name);
        // A Sentinel has a configuration to ask for since 6.2.
        let silent = recorded.role == "sentinel" && recorded.version.starts_with('5');
        assert_eq!(facts.config.is_empty(), silent, "{}", recorded.name);
        recorded.nothing_unheard();
    }
}

#[test]
fn a_primary_and_its_replica() {
    for primary in recorded(&["primary"]) {
        let (facts, name) = (primary.facts(), &primary.name);
        let follower = primary.field("slave0");
        assert_eq!(facts.neighbours(), [address(part(follower, "ip"), part(follower, "port"))], "{name}");
        let states: Vec<_> =
            facts.info.replicas().map(|replica| replica.get("state").map(str::to_owned)).collect();
        assert_eq!(states, [Some("online".to_owned())], "{name}");
        assert_eq!(facts.info.keys(), 10.0, "{name}: nine in db0, one in db3");
        assert_eq!(facts.directive("maxmemory"), Some("104857600"), "{name}");
        assert_eq!(facts.slowlog.len, Some(1), "{name}");
        let slow = &facts.slowlog.entries[0];
        assert!(slow.took_us > 10_000 && slow.command.starts_with("EVAL for i = 1"), "{name}: {slow:?}");
        assert_eq!(slow.name, "recorder", "{name}");
        assert!(facts.spikes.iter().any(|spike| spike.event == "command" && spike.worst_ms > 0), "{name}");
        let named = |wanted: &str| {
            let is = |part: &(String, String)| part.0 == "name" && part.1 == wanted;
            facts.clients.iter().filter(|client| client.iter().any(is)).count()
        };
        assert_eq!((named("recorder"), named("visitor")), (1, 3), "{name}");
    }
    for replica in recorded(&["replica"]) {
        let (facts, name) = (replica.facts(), &replica.name);
        assert_eq!(facts.info.get("master_link_status"), Some("up"), "{name}");
        let primary = address(replica.field("master_host"), replica.field("master_port"));
        assert_eq!(facts.neighbours(), [primary], "{name}");
    }
}

#[test]
fn a_clusters_node() {
    for node in recorded(&["cluster", "cluster-replica"]) {
        let (facts, name) = (node.facts(), &node.name);
        let cluster = facts.cluster.as_ref().unwrap_or_else(|| panic!("{name}: no cluster"));
        let text = node.tape.text(&["CLUSTER", "NODES"]).unwrap();
        let ids: Vec<&str> = text.lines().map(|line| line.split(' ').next().unwrap()).collect();
        let found: Vec<&str> = cluster.nodes.iter().map(|node| node.id.as_str()).collect();
        assert_eq!((found.len(), found), (4, ids), "{name}");
        assert_eq!(cluster.get("cluster_state"), Some("ok"), "{name}");
        let served: usize = cluster.nodes.iter().map(|node| node.slot_count()).sum();
        assert_eq!(served, 16384, "{name}");
        let own = cluster.nodes.iter().find(|node| node.is("myself")).unwrap();
        let first = cluster.nodes.iter().find(|node| node.slots == ["0-5460"]).unwrap();
        let follower = cluster.nodes.iter().find(|node| node.primary.is_some()).unwrap();
        assert_eq!(follower.primary.as_ref(), Some(&first.id), "{name}");
        assert_eq!(own.id, if node.role == "cluster" { &first.id } else { &follower.id }.as_str(), "{name}");
        let moving: Vec<_> = own.migrations.iter().map(|moving| (moving.slot, moving.state)).collect();
        // Valkey's replicas know of their primary's.
        let told = text.lines().any(|line| line.contains("myself") && line.contains(" [93->-"));
        let expected = if told { vec![(93, "migrating")] } else { vec![] };
        assert!(told || node.role != "cluster", "{name}");
        assert_eq!(moving, expected, "{name}");
        assert_eq!(facts.neighbours().len(), 3, "{name}: all but itself");
    }
}

#[test]
fn a_sentinel() {
    for sentinel in recorded(&["sentinel"]) {
        let (facts, name) = (sentinel.facts(), &sentinel.name);
        let [watched] = facts.watched.as_slice() else { panic!("{name}: {:?}", facts.watched) };
        let told = sentinel.field("master0");
        assert_eq!(watched.name(), part(told, "name"), "{name}");
        assert_eq!(
            format!("{}:{}", watched.primary["ip"], watched.primary["port"]),
            part(told, "address"),
            "{name}"
        );
        assert_eq!((watched.replicas.len(), watched.sentinels.len()), (1, 1), "{name}");
        assert!(watched.quorum.as_ref().is_some_and(Result::is_ok), "{name}: {:?}", watched.quorum);
        assert_eq!(facts.neighbours().len(), 3, "{name}: a primary, its replica, the other Sentinel");
    }
}
