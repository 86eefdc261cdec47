//! What changed between two rounds of a server: the marks on the charts.

use crate::facts::{Cluster, Facts};
use serde::Serialize;
use std::collections::BTreeMap;

/// A change worth a mark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// `restart`, `role`, `primary`, `slots`, `failover`.
    pub kind: &'static str,
    /// One sentence.
    pub text: String,
}

/// Something that happened: a change or an alert, as the charts and the table of events have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mark {
    /// Unix time in milliseconds.
    pub at: i64,
    /// The server's URL.
    pub target: String,
    /// A change's kind, or `alert`.
    pub kind: String,
    /// One sentence.
    pub text: String,
}

impl Change {
    /// The change as a mark.
    pub fn at(self, at: i64, target: &str) -> Mark {
        Mark { at, target: target.to_owned(), kind: self.kind.to_owned(), text: self.text }
    }
}

/// Compares two rounds of one server.
pub fn changes(before: &Facts, now: &Facts) -> Vec<Change> {
    let mut found = Vec::new();
    let mut add = |kind, text| found.push(Change { kind, text });
    if before.info.get("run_id") != now.info.get("run_id") {
        add("restart", "the server has restarted".into());
    }
    if before.role() != now.role() {
        add("role", format!("the role changed from {} to {}", before.role(), now.role()));
    }
    let primary = |facts: &Facts| {
        Some(format!("{}:{}", facts.info.get("master_host")?, facts.info.get("master_port")?))
    };
    if let (Some(old), Some(new)) = (primary(before), primary(now))
        && old != new
    {
        add("primary", format!("it follows {new} instead of {old}"));
    }
    if let (Some(old), Some(new)) = (&before.cluster, &now.cluster) {
        slot_moves(old, new).into_iter().for_each(|text| add("slots", text));
    }
    for watched in &now.watched {
        let old = before.watched.iter().find(|old| old.name() == watched.name());
        let place = |record: &BTreeMap<String, String>| {
            Some(format!("{}:{}", record.get("ip")?, record.get("port")?))
        };
        if let Some((old, new)) = old.and_then(|old| place(&old.primary)).zip(place(&watched.primary))
            && old != new
        {
            add("failover", format!("{}: {new} took over from {old}", watched.name()));
        }
    }
    found
}

/// One sentence a node that serves more or fewer slots than before.
fn slot_moves(before: &Cluster, now: &Cluster) -> Vec<String> {
    let moved = |node: &crate::facts::Node| {
        let old = before.nodes.iter().find(|old| old.id == node.id)?.slot_count();
        let new = node.slot_count();
        (old != new).then(|| format!("{}:{} serves {new} slots, {old} before", node.host, node.port))
    };
    now.nodes.iter().filter_map(moved).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Info, Watched};

    fn facts(info: &str) -> Facts {
        Facts { info: Info::parse(info), ..Facts::default() }
    }

    #[test]
    fn roles_primaries_and_restarts() {
        let before = facts("run_id:a\nrole:slave\nmaster_host:h\nmaster_port:1");
        assert_eq!(changes(&before, &before), []);
        let kinds = |now: &str| {
            changes(&before, &facts(now)).into_iter().map(|change| change.kind).collect::<Vec<_>>()
        };
        assert_eq!(kinds("run_id:a\nrole:master"), ["role"]);
        assert_eq!(kinds("run_id:b\nrole:slave\nmaster_host:h\nmaster_port:2"), ["restart", "primary"]);
    }

    #[test]
    fn slots_and_failovers() {
        let cluster = |slots: &str| Facts {
            cluster: Some(Cluster::parse(&format!("a 10.0.0.1:1@2 master - 0 0 1 connected {slots}"), "")),
            ..Facts::default()
        };
        let found = changes(&cluster("0-99"), &cluster("0-49"));
        assert_eq!(found[0].text, "10.0.0.1:1 serves 50 slots, 100 before");
        let watched = |port: &str| {
            let record = [("name", "m"), ("ip", "h"), ("port", port)]
                .map(|(name, value)| (name.to_owned(), value.to_owned()));
            Facts {
                watched: vec![Watched { primary: record.into(), ..Watched::default() }],
                ..Facts::default()
            }
        };
        assert_eq!(changes(&watched("1"), &watched("2"))[0].text, "m: h:2 took over from h:1");
    }
}
