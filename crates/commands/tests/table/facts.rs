//! Facts that clients rely on are Redis 7.4's: `commands-7.4.tsv` holds name, since, group, arity and flags of each.

use std::collections::{BTreeMap, BTreeSet};

use engine::{Flags, Handler};

use crate::TABLE;

struct Fact {
    since: &'static str,
    group: String,
    arity: i16,
    flags: BTreeSet<&'static str>,
}

fn facts() -> BTreeMap<&'static str, Fact> {
    let lines = include_str!("../commands-7.4.tsv").lines().filter(|line| !line.starts_with('#'));
    let fact = |line: &'static str| {
        let [name, since, group, arity, flags] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("five fields: {line}")
        };
        let flags = flags.split(',').filter(|flag| !flag.is_empty()).collect();
        let arity = arity.parse().expect("a number");
        (name, Fact { since, group: group.replace('_', "-"), arity, flags })
    };
    lines.map(fact).collect()
}

/// Flags that Redis has no word for.
const OURS: Flags = Flags::STOPS_PARSING.union(Flags::SYSTEM);

#[test]
fn every_command_has_the_facts_of_its_namesake() {
    let facts = facts();
    for row in TABLE.all() {
        let (name, command) = (&row.full_name, row.command);
        let Some(fact) = facts.get(name.as_str()) else {
            assert!(command.since.starts_with("8."), "Redis 7.4 has no {name}");
            continue;
        };
        let flags = (command.flags - OURS).iter_names().map(|(flag, _)| flag).collect();
        assert_eq!(fact.flags, flags, "flags of {name}");
        assert_eq!(
            (command.since, command.group.name(), command.arity),
            (fact.since, &fact.group[..], fact.arity),
            "since, group and arity of {name}"
        );
    }
}

#[test]
fn a_container_has_all_its_subcommands() {
    let facts = facts();
    for row in TABLE.rows().iter().filter(|row| !row.subcommands.is_empty()) {
        let prefix = format!("{}|", row.full_name);
        let known: BTreeSet<&str> = facts.keys().copied().filter(|name| name.starts_with(&prefix)).collect();
        let ours = row.subcommands.iter().map(|sub| &sub.full_name[..]).collect();
        assert_eq!(known, ours, "subcommands of {}", row.full_name);
    }
}

#[test]
fn every_command_is_described() {
    for row in TABLE.all() {
        let (name, command) = (&row.full_name, row.command);
        assert!(command.summary.ends_with('.') && command.summary.len() > 10, "summary of {name}");
        assert!(!command.complexity.is_empty(), "complexity of {name}");
        assert!(
            command.history.iter().all(|(version, change)| !version.is_empty() && change.ends_with('.')),
            "history of {name}"
        );
        assert!(command.history.is_sorted_by_key(|(version, _)| numbers(version)), "history of {name}");
    }
}

/// A version to compare by.
fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map(|part| part.parse().expect("a number")).collect()
}

#[test]
fn handlers_fit_what_is_said_of_the_command() {
    for row in TABLE.all() {
        let (name, command) = (&row.full_name, row.command);
        let has_subcommands = !command.subcommands.is_empty();
        match command.handler {
            Handler::Container => assert!(has_subcommands && command.args.is_empty(), "{name}"),
            Handler::Read(_) => assert!(!row.has(Flags::WRITE) && !command.keys.is_empty(), "{name}"),
            Handler::Write(_) => assert!(!command.keys.is_empty(), "{name}"),
            Handler::Exec | Handler::Server(_) | Handler::Exclusive(_) => {}
        }
        assert!(!row.has(Flags::WRITE) || !row.has(Flags::READONLY), "{name} reads or writes");
    }
}
