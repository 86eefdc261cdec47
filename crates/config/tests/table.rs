//! The table against the facts of Redis 7.4: names, aliases, kinds, flags and defaults.

use std::collections::BTreeMap;

use config::{Config, Flags, Kind, PARAMS, Param};
use proptest::prelude::*;

const FACTS: &str = include_str!("configs.tsv");

/// The lines of the facts: name, alias, kind, flags, default.
fn facts() -> impl Iterator<Item = [&'static str; 5]> {
    FACTS.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let mut columns = line.split('\t').chain(std::iter::repeat(""));
        std::array::from_fn(|_| columns.next().unwrap_or_default())
    })
}

fn flags_of(text: &str) -> Flags {
    let flag = |name: &str| Flags::from_name(&name.to_uppercase()).unwrap_or_else(|| panic!("{name}"));
    text.split(',').filter(|name| !name.is_empty()).map(flag).fold(Flags::empty(), Flags::union)
}

fn kind_family(kind: &Kind) -> &'static [&'static str] {
    match kind {
        Kind::Bool => &["bool"],
        Kind::Enum(_) | Kind::Flags(_) => &["enum"],
        Kind::Text(_) | Kind::OptionalText(_) => &["string"],
        Kind::Secret => &["sds", "string"],
        Kind::Special(_) => &["special"],
        _ => &["int", "uint", "ulong", "longlong", "ulonglong", "sizet", "ssizet", "offt", "timet"],
    }
}

/// Directives that Redis does not have.
const OURS: [&str; 2] = ["aof-checksum", "rdb-version"];

#[test]
fn every_directive_is_there_with_its_alias_kind_flags_and_default() {
    let mut rows: BTreeMap<&str, &Param> = PARAMS.iter().map(|param| (param.name, param)).collect();
    assert_eq!(rows.len(), PARAMS.len(), "names are unique");
    for [name, alias, kind, flags, default] in facts().filter(|fact| fact[2] != "directive") {
        let param = rows.remove(name).unwrap_or_else(|| panic!("{name} is missing"));
        assert_eq!(param.alias.unwrap_or_default(), alias, "alias of {name}");
        assert!(kind_family(&param.kind).contains(&kind), "kind of {name}");
        assert_eq!(param.flags, flags_of(flags), "flags of {name}");
        // The two values that depend on the machine, and those that a bare server does not print.
        if !matches!(name, "dir" | "io-threads") && default != "?" {
            assert_eq!(String::from_utf8_lossy(&param.default_text()), default, "default of {name}");
        }
    }
    assert_eq!(rows.into_keys().collect::<Vec<_>>(), OURS, "not directives of Redis");
}

#[test]
fn machine_dependent_defaults() {
    let config = Config::default();
    assert!((1..=128).contains(&config.io_threads));
    assert!(config.dir.is_absolute());
}

/// CONFIG GET's text, split as CONFIG SET splits it.
fn words(param: &Param, text: &[u8]) -> Vec<Vec<u8>> {
    if !param.flags.contains(Flags::MULTI_ARG) {
        return vec![text.to_vec()];
    }
    text.split(|&byte| byte == b' ').filter(|word| !word.is_empty()).map(<[u8]>::to_vec).collect()
}

/// Sets `param` to a text and returns what it then prints; `None` if the text is refused.
fn reprint(param: &Param, text: &[u8]) -> Option<Vec<u8>> {
    let mut config = Config::default();
    let words = words(param, text);
    let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
    param.assign(&mut config, &words).ok()?;
    Some(param.show(&config))
}

#[test]
fn defaults_read_back_as_themselves() {
    for param in PARAMS.iter().filter(|param| param.name != "replicaof") {
        let text = param.default_text();
        assert_eq!(reprint(param, &text).as_deref(), Some(&*text), "{}", param.name);
    }
}

/// Texts that the kind is likely to accept.
fn candidate(kind: &Kind) -> BoxedStrategy<Vec<u8>> {
    let number = |min: i128, max: i128| {
        let (min, max) = (min.max(i64::MIN.into()), max.min(i64::MAX.into()));
        prop_oneof![Just(min), Just(max), min..=max, (min..=max).prop_map(move |n| n.min(min + 4096))]
    };
    match *kind {
        Kind::Bool => prop_oneof!["yes", "no", "YES"].prop_map(String::into_bytes).boxed(),
        Kind::Enum(names) => proptest::sample::select(names).prop_map(|name| name.into()).boxed(),
        Kind::Flags(names) => proptest::sample::subsequence(names, 1..=names.len())
            .prop_map(|names| names.join(" ").into_bytes())
            .boxed(),
        Kind::Integer { min, max, .. } | Kind::Hint { min, max } => {
            number(min, max).prop_map(|n| n.to_string().into_bytes()).boxed()
        }
        Kind::Memory { min, max } => {
            (number(min, max), proptest::sample::select(vec!["", "k", "KB", "mb", "G"]))
                .prop_map(|(n, unit)| format!("{n}{unit}").into_bytes())
                .boxed()
        }
        Kind::MemoryOrPercent => {
            prop_oneof!["[0-9]{1,12}", "[0-9]{1,2}%", "[1-9]gb"].prop_map(String::into_bytes).boxed()
        }
        Kind::Octal { max, .. } => (0..=max).prop_map(|n| format!("{n:o}").into_bytes()).boxed(),
        Kind::Text(_) | Kind::OptionalText(_) => "[ -~äé]{0,12}".prop_map(String::into_bytes).boxed(),
        Kind::Secret => proptest::collection::vec(any::<u8>(), 0..12).boxed(),
        Kind::Special(_) => prop_oneof![
            Just("normal 1k 2kb 3 REPLICA 4 5 6".to_owned()),
            "[1-9][0-9]{0,4} [0-9]{1,5}( [1-9][0-9]{0,4} [0-9]{1,5}){0,2}",
            "-?[0-9]{1,3} -?[0-9]{1,3} -?[0-9]{1,3}",
            "[Ag$lshzxeKEtmdn]{0,8}",
            "[0-9]{1,2}(\\.[0-9]{1,9})?( [0-9]{1,2}(\\.[0-9]{1,9})?){0,3}",
            "[a-z]{1,8} [0-9]{1,5}",
            Just("/".to_owned()),
            Just(String::new()),
        ]
        .prop_map(String::into_bytes)
        .boxed(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// What CONFIG GET prints, CONFIG SET reads back unchanged, for every directive and value.
    #[test]
    fn set_of_get_is_identity(values in PARAMS.iter().map(|param| candidate(&param.kind)).collect::<Vec<_>>()) {
        for (param, value) in PARAMS.iter().zip(&values) {
            let Some(shown) = reprint(param, value) else { continue };
            if param.name == "replicaof" && shown.is_empty() {
                continue; // "no one" prints as nothing, which is not a value; it can't be set at run time either.
            }
            prop_assert_eq!(reprint(param, &shown), Some(shown), "{} set to {:?}", param.name, value);
        }
    }

    /// No bytes at all make a directive panic, and a refusal leaves the configuration as it was.
    #[test]
    fn any_bytes_are_accepted_or_refused(words: Vec<Vec<u8>>) {
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        for param in PARAMS {
            let mut config = Config::default();
            if param.assign(&mut config, &words).is_err() {
                prop_assert!(param.is_default(&config), "{}", param.name);
            }
        }
    }
}

#[test]
fn names_are_found_in_any_case_and_by_alias() {
    let find = |name: &str| Param::find(name.as_bytes()).map(|(param, name)| (param.name, name));
    assert_eq!(find("MaxMemory"), Some(("maxmemory", "maxmemory")));
    assert_eq!(find("SLAVEOF"), Some(("replicaof", "slaveof")));
    assert_eq!(find("bio_cpulist"), Some(("bio-cpulist", "bio_cpulist")));
    assert_eq!(find("nosuch"), None);
    assert_eq!(Param::find(b"\xff").map(|(param, _)| param.name), None);
}

#[test]
fn secrets_stay_out_of_debug_output_and_logs() {
    let mut config = Config::default();
    let sensitive: Vec<&Param> = PARAMS.iter().filter(|p| p.flags.contains(Flags::SENSITIVE)).collect();
    assert_eq!(sensitive.len(), 5);
    for param in sensitive {
        param.assign(&mut config, &[b"s3cr3t"]).unwrap();
        assert_eq!(param.show(&config), b"s3cr3t");
        assert_eq!(param.show_redacted(&config), b"(redacted)");
        assert!(config::is_sensitive(param.name.to_uppercase().as_bytes()));
    }
    assert!(!format!("{config:?}").contains("s3cr3t"));
    assert!(!config::is_sensitive(b"port") && !config::is_sensitive(b"nosuch"));
}
