//! The command lines.

use std::ffi::OsString;
use std::path::PathBuf;

const RDB_USAGE: &str = "[--json] <rdb-file-name>";
const AOF_USAGE: &str = "[--json] [--fix|--truncate-to-timestamp $timestamp] <file.manifest|file.aof>";

/// What to check, and how.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The file.
    pub path: PathBuf,
    /// Whether the answer is one JSON object.
    pub json: bool,
    /// Whether to cut off what is not whole, once the user has said yes.
    pub fix: bool,
    /// Cut off what is younger, in Unix seconds.
    pub to_timestamp: Option<i64>,
}

/// What a command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
    /// To check a file.
    Check(Options),
    /// How it is called.
    Help(&'static str),
    /// The version.
    Version,
    /// Nothing that makes sense: how it is called.
    Nothing(&'static str),
    /// Something that is wrong, in these words.
    Wrong(&'static str),
}

/// The command line of check-rdb, without the program.
pub fn parse_rdb(args: &[OsString]) -> Asked {
    parse(args, RDB_USAGE, false)
}

/// The command line of check-aof, without the program.
pub fn parse_aof(args: &[OsString]) -> Asked {
    parse(args, AOF_USAGE, true)
}

fn parse(args: &[OsString], usage: &'static str, repairs: bool) -> Asked {
    let (mut options, mut paths) = (Options::default(), Vec::new());
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.to_str() {
            Some("-h" | "--help") => return Asked::Help(usage),
            Some("-v" | "--version") => return Asked::Version,
            Some("--json") => options.json = true,
            Some("--fix") if repairs => options.fix = true,
            Some("--truncate-to-timestamp") if repairs => {
                let Some(text) = args.next() else { return Asked::Nothing(usage) };
                let Some(seconds) = text.to_str().and_then(|text| text.parse().ok()) else {
                    return Asked::Wrong("Invalid timestamp, aborting...");
                };
                // As in Redis, whose times begin behind it.
                options.to_timestamp = Some(seconds).filter(|seconds| *seconds != 0);
            }
            _ => paths.push(arg),
        }
    }
    match paths[..] {
        [path] if !(options.fix && options.to_timestamp.is_some()) => {
            Asked::Check(Options { path: path.into(), ..options })
        }
        _ => Asked::Nothing(usage),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aof(line: &str) -> Asked {
        parse_aof(&line.split_whitespace().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn command_lines() {
        let plain = || Options { path: "f".into(), ..Options::default() };
        assert_eq!(aof("f"), Asked::Check(plain()));
        assert_eq!(aof("--json --fix f"), Asked::Check(Options { json: true, fix: true, ..plain() }));
        let cut = Options { to_timestamp: Some(12), ..plain() };
        assert_eq!(aof("--truncate-to-timestamp 12 f"), Asked::Check(cut));
        assert_eq!(aof("--truncate-to-timestamp 1x f"), Asked::Wrong("Invalid timestamp, aborting..."));
        for line in ["", "a b", "--fix", "--truncate-to-timestamp", "--fix --truncate-to-timestamp 1 f"] {
            assert_eq!(aof(line), Asked::Nothing(AOF_USAGE), "{line}");
        }
        assert_eq!((aof("-v"), aof("f --help")), (Asked::Version, Asked::Help(AOF_USAGE)));
        assert_eq!(
            parse_rdb(&["--fix".into()]),
            Asked::Check(Options { path: "--fix".into(), ..Options::default() })
        );
    }
}
