//! The commented `carnelian.conf` of the repository says what the table says, and its defaults are the defaults.

use config::{Config, Flags, PARAMS, Param, Sources};

const SAMPLE: &str = include_str!("../../../carnelian.conf");

/// Loads a text as if it came from standard input.
fn load(text: &str) -> Config {
    let sources = Sources { stdin: true, ..Sources::default() };
    let loaded = Config::load(&sources, text.as_bytes());
    loaded.unwrap_or_else(|error| panic!("{}", error.report("7.4.0"))).config
}

/// The lines that become directives when their `#` is taken away: no space follows it.
fn defaults() -> impl Iterator<Item = &'static str> {
    let directive = |line: &&str| line.starts_with(|c: char| c.is_ascii_lowercase());
    SAMPLE.lines().filter_map(|line| line.strip_prefix('#')).filter(directive)
}

#[test]
fn the_file_is_made_from_the_table() {
    let lines = config::sample_file();
    for (at, (file, table)) in SAMPLE.lines().zip(lines.lines()).enumerate() {
        assert_eq!(
            file,
            table,
            "line {}: cargo run -p config --example carnelian_conf > carnelian.conf",
            at + 1
        );
    }
    assert_eq!(SAMPLE.lines().count(), lines.lines().count());
}

#[test]
fn as_it_is_it_changes_nothing() {
    assert_eq!(load(SAMPLE), Config::default());
}

#[test]
fn every_directive_is_there_and_its_uncommented_line_is_the_default() {
    // The line shows a number; the default is that of the cores.
    let default = Config { io_threads: 4, ..Config::default() };
    let text: String = defaults().flat_map(|line| [line, "\n"]).collect();
    let all = load(&text);
    for param in PARAMS.iter().filter(|param| !param.flags.contains(Flags::HIDDEN)) {
        let mentioned = |line: &str| line.split(' ').next() == Some(param.name);
        let own: String = defaults().filter(|line| mentioned(line)).flat_map(|line| [line, "\n"]).collect();
        assert!(!own.is_empty(), "{} is not documented", param.name);
        assert!(param.same(&load(&own), &default), "{own}");
        assert!(param.same(&all, &default), "{}", param.name);
    }
    for line in defaults() {
        let name = line.split(' ').next().unwrap_or_default();
        let (param, _) = Param::find(name.as_bytes()).unwrap_or_else(|| panic!("unknown: {line}"));
        assert!(!param.flags.contains(Flags::HIDDEN), "{line}");
    }
}

#[test]
fn lines_fit_an_editor() {
    let longest = SAMPLE.lines().map(|line| line.chars().count()).max();
    assert!(longest.is_some_and(|columns| columns <= 110), "{longest:?}");
}
