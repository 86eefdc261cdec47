//! INFO: one table of fields, section by section, from which the reply and its order follow.
//!
//! Names and order are Redis 7.4's, as monitoring tools read them; `carnelian_version` is the one addition. A field
//! that speaks of something that the server does not have (a fork, say) has the value of an idle Redis. To add a field, add
//! its row to its section's file.

mod keyspace;
mod memory;
mod persistence;
mod process;
mod replication;
mod sources;
mod stats;
mod tallies;

use engine::{Arg, Categories, Command, Flags, Group, Handler, Outcome, ServerCx};

use sources::Sources;

/// INFO [section [section ...]]
pub const INFO: Command = Command {
    name: "info",
    group: Group::Server,
    summary: "Returns facts and statistics about the server, by section.",
    arity: -1,
    flags: Flags::LOADING.union(Flags::STALE).union(Flags::SENTINEL),
    categories: Categories::DANGEROUS,
    args: &[Arg::string("section").optional().multiple()],
    history: &[("7.0.0", "Several sections.")],
    tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
    handler: Handler::Server(info),
    ..Command::DEFAULT
};

/// A part of INFO.
struct Section {
    /// Its name: the heading, and in any case the argument that asks for it.
    name: &'static str,
    /// When it is shown.
    shown: Shown,
    /// Its fields, in order.
    fields: &'static [Field],
}

/// Which requests a section answers beside those that name it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// INFO without arguments, and INFO DEFAULT.
    ByDefault,
    /// INFO ALL and INFO EVERYTHING.
    InAll,
    /// None.
    OnlyByName,
}

/// A line of INFO, or several.
enum Field {
    /// Always there: its name and value.
    Always(&'static str, fn(&mut Sources) -> String),
    /// Only there while it means something.
    Sometimes(&'static str, fn(&mut Sources) -> Option<String>),
    /// About what the server does not have: the value of an idle Redis.
    Idle(&'static str, &'static str),
    /// A line for each of several things: its name and value.
    Each(fn(&mut Sources) -> Vec<(String, String)>),
}

/// Every section, in order.
const SECTIONS: &[Section] = &[
    Section { name: "Server", shown: Shown::ByDefault, fields: process::SERVER },
    Section { name: "Clients", shown: Shown::ByDefault, fields: process::CLIENTS },
    Section { name: "Memory", shown: Shown::ByDefault, fields: memory::FIELDS },
    Section { name: "Persistence", shown: Shown::ByDefault, fields: persistence::FIELDS },
    Section { name: "Stats", shown: Shown::ByDefault, fields: stats::FIELDS },
    Section { name: "Replication", shown: Shown::ByDefault, fields: replication::FIELDS },
    Section { name: "CPU", shown: Shown::ByDefault, fields: process::CPU },
    Section { name: "Modules", shown: Shown::ByDefault, fields: &[] },
    Section { name: "Commandstats", shown: Shown::InAll, fields: tallies::COMMANDS },
    Section { name: "Errorstats", shown: Shown::ByDefault, fields: tallies::ERRORS },
    Section { name: "Latencystats", shown: Shown::InAll, fields: tallies::LATENCIES },
    Section { name: "Cluster", shown: Shown::ByDefault, fields: process::CLUSTER },
    Section { name: "Keyspace", shown: Shown::ByDefault, fields: keyspace::FIELDS },
    Section { name: "Debug", shown: Shown::OnlyByName, fields: stats::DEBUG },
];

impl Section {
    /// Whether an argument asks for it.
    fn is_asked_by(&self, word: &[u8]) -> bool {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        is(self.name)
            || (is("default") && self.shown == Shown::ByDefault)
            || ((is("all") || is("everything")) && self.shown != Shown::OnlyByName)
            || (is("module_list") && self.name == "Modules")
    }

    fn write(&self, sources: &mut Sources, out: &mut String) {
        if !out.is_empty() {
            out.push_str("\r\n");
        }
        let mut line = |parts: [&str; 4]| parts.iter().for_each(|part| out.push_str(part));
        line(["# ", self.name, "\r\n", ""]);
        for field in self.fields {
            match field {
                Field::Always(name, value) => line([name, ":", &value(sources), "\r\n"]),
                Field::Idle(name, value) => line([name, ":", value, "\r\n"]),
                Field::Sometimes(name, value) => {
                    value(sources).iter().for_each(|value| line([name, ":", value, "\r\n"]));
                }
                Field::Each(lines) => {
                    lines(sources).iter().for_each(|(name, value)| line([name, ":", value, "\r\n"]));
                }
            }
        }
    }
}

fn info(cx: &mut ServerCx) -> Outcome {
    let args = cx.args.from(1);
    let mut out = String::new();
    let mut sources = Sources::new(cx);
    for section in SECTIONS {
        let asked = args.iter().any(|word| section.is_asked_by(word));
        if asked || (args.is_empty() && section.shown == Shown::ByDefault) {
            section.write(&mut sources, &mut out);
        }
    }
    cx.reply().verbatim("txt", out.as_bytes());
    Ok(())
}

/// Whether something is so, as INFO writes it.
fn flag(set: bool) -> String {
    (set as u8).to_string()
}

/// Bytes for people: `1.50M`, with units of 1024 and at most two decimals. As Redis's `bytesToHuman`.
pub fn human(bytes: u64) -> String {
    let unit = (bytes.max(1).ilog2() / 10) as usize;
    match "BKMGTP".chars().nth(unit) {
        None | Some('B') => format!("{bytes}B"),
        Some(letter) => format!("{:.2}{letter}", bytes as f64 / (1u64 << (10 * unit)) as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::testing::Tester;

    impl Field {
        fn name(&self) -> Option<&'static str> {
            match self {
                Field::Always(name, _) | Field::Idle(name, _) => Some(name),
                Field::Sometimes(..) | Field::Each(_) => None,
            }
        }
    }

    /// Redis's fields in Redis's order, as far as they are always there. What only a replica, a loading server or one
    /// with an append-only file shows comes with those.
    #[test]
    fn fields_are_those_of_redis_in_its_order() {
        const SOMETIMES: &[&str] = &["listener0", "shutdown_in_milliseconds", "min_slaves_good_slaves"];
        let is_elsewhere = |line: &[&str]| {
            let of_other_roles =
                matches!(line[2], "r" | "s") || (line[0] == "Persistence" && line[2] != "cmr");
            let syncing = line[1].starts_with("master_sync") || line[1].starts_with("master_link");
            of_other_roles
                || syncing
                || line[1].ends_with("_lua") && line[0] == "Debug"
                || SOMETIMES.contains(&line[1])
        };
        let expected: Vec<(&str, &str)> = include_str!("../../../tests/info-fields.tsv")
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.split('\t').collect::<Vec<_>>())
            .filter(|line| !is_elsewhere(line) && !line[1].contains('<'))
            .map(|line| (line[0], line[1]))
            .collect();
        let ours: Vec<(&str, &str)> = SECTIONS
            .iter()
            .flat_map(|section| section.fields.iter().filter_map(|field| Some((section.name, field.name()?))))
            .filter(|(_, name)| *name != "carnelian_version")
            .collect();
        assert_eq!(ours, expected);
    }

    #[test]
    fn sections_are_chosen_by_name() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check_both(
            "INFO cluster",
            "$# Cluster\r\ncluster_enabled:0\r\n",
            "=txt:# Cluster\r\ncluster_enabled:0\r\n",
        );
        t.check_both("INFO nosuch", "$", "=txt:");
        let mut headings = |line: &str| -> Vec<String> {
            let reply = t.reply(line);
            reply.lines().filter_map(|l| l.split_once("# ").map(|(_, name)| name.to_owned())).collect()
        };
        let default = headings("INFO");
        assert_eq!(default.len(), 11);
        assert_eq!(headings("INFO DEFAULT"), default);
        assert_eq!(headings("INFO all"), headings("INFO everything"));
        assert_eq!(headings("INFO all").len(), SECTIONS.len() - 1);
        assert_eq!(headings("INFO memory SERVER nosuch memory"), ["Server", "Memory"]);
        assert_eq!(headings("INFO module_list debug"), ["Modules", "Debug"]);
    }

    #[test]
    fn values_are_true() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("SET a 1", "+OK");
        t.check("SET b 1 PX 100000", "+OK");
        t.check("GET a", "$1");
        t.check("GET c", "(nil)");
        t.check("NOSUCH", "-ERR unknown command 'NOSUCH', with args beginning with: ");
        t.check("WATCH a", "+OK");
        let info = t.reply("INFO everything");
        let value = |name: &str| {
            let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.unwrap_or_else(|| panic!("{name} is missing")).to_owned()
        };
        let number =
            |name: &str| value(name).parse::<u64>().unwrap_or_else(|_| panic!("{name}: {}", value(name)));
        assert_eq!((value("redis_version"), value("role")), ("7.4.1".into(), "master".into()));
        assert_eq!((number("connected_clients"), number("watching_clients")), (1, 1));
        assert_eq!((number("total_watched_keys"), number("rdb_changes_since_last_save")), (1, 2));
        assert_eq!((number("keyspace_hits"), number("keyspace_misses")), (1, 1));
        assert_eq!((number("total_error_replies"), value("errorstat_ERR")), (1, "count=1".into()));
        assert_eq!(value("master_replid").len(), 40);
        assert!(number("used_memory_rss") > 1 << 20 && number("total_system_memory") > 1 << 20);
        assert!(value("cmdstat_set").starts_with("calls=2,usec="));
        assert!(value("cmdstat_set").ends_with(",rejected_calls=0,failed_calls=0"));
        assert!(value("latency_percentiles_usec_set").starts_with("p50="));
        let ttl: i64 = value("db0")
            .strip_prefix("keys=2,expires=1,avg_ttl=")
            .expect("a database")
            .strip_suffix(",subexpiry=0")
            .expect("its end")
            .parse()
            .expect("a number");
        assert!((1..=100_000).contains(&ttl), "{ttl}");
    }

    #[test]
    fn bytes_for_people() {
        let check = |bytes, text: &str| assert_eq!(human(bytes), text);
        check(0, "0B");
        check(1023, "1023B");
        check(1024, "1.00K");
        check(894_880 * 1024 / 1000, "894.88K");
        check(23 << 30, "23.00G");
        check(u64::MAX, "18446744073709551615B");
    }
}
