//! The command line of the server: `[FILE] [-] [--directive value ...]`.
//!
//! As in Redis, options become lines of configuration text that follow the file: `--port 6380` is the line
//! `port "6380"`. Every argument up to the next one that begins with `--` is a value of the option; the first value
//! may itself begin with `--`. An option and its values may also be one argument, `"--port 6380"`, which is then
//! quoted like a line of the file. `--save` followed by another option, or by nothing, empties the save points, and
//! `--sentinel` takes no value. A `-` as first or last argument reads configuration from standard input.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use resp::words::quoted;

/// Where the configuration comes from, in the order in which it is read: the last value of a directive counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// The configuration file, as an absolute path.
    pub file: Option<PathBuf>,
    /// Whether standard input follows it.
    pub stdin: bool,
    /// The options, as lines of configuration text. `None` if there was no argument at all.
    pub options: Option<Vec<u8>>,
    /// Whether `sentinel` directives are legal.
    pub sentinel: bool,
}

impl Sources {
    /// Reads the arguments of the server, without the program's name and without those that are no configuration
    /// (`--help`, `--version`, `--check-system`). Never fails: nonsense becomes a line that loading refuses.
    pub fn from_args(args: &[OsString]) -> Self {
        let args: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
        let mut sources =
            Sources { sentinel: args.contains(&b"--sentinel".as_slice()), ..Sources::default() };
        let mut rest = args.as_slice();
        if let [file, after @ ..] = rest
            && !file.starts_with(b"-")
        {
            // An empty name, as an unset variable of a script leaves, is none.
            let name = Path::new(std::ffi::OsStr::from_bytes(file));
            sources.file = (!file.is_empty()).then(|| absolute(name));
            rest = after;
        }
        let mut lines = Lines { text: Vec::new(), awaits_value: false };
        for (at, arg) in rest.iter().enumerate() {
            // The file name shifts positions: only a `-` that is the very first or the last argument counts.
            let outermost = at + 1 == rest.len() || (at == 0 && sources.file.is_none());
            if *arg == b"-" && outermost {
                sources.stdin = true;
            } else {
                lines.add(arg, rest.get(at + 1).copied());
            }
        }
        sources.options = (!args.is_empty()).then_some(lines.text);
        sources
    }
}

/// The text that options become.
struct Lines {
    text: Vec<u8>,
    /// The last argument was an option's name, so the next is its value whatever it looks like.
    awaits_value: bool,
}

impl Lines {
    fn add(&mut self, arg: &[u8], next: Option<&[u8]>) {
        match arg.strip_prefix(b"--") {
            Some(option) if !self.awaits_value => self.add_option(arg, option, next),
            _ => {
                self.text.extend(quoted(arg));
                self.text.push(b' ');
                self.awaits_value = false;
            }
        }
    }

    fn add_option(&mut self, arg: &[u8], option: &[u8], next: Option<&[u8]>) {
        if !self.text.is_empty() {
            self.text.push(b'\n');
        }
        self.text.extend(option);
        self.text.push(b' ');
        self.awaits_value = resp::words::split(arg).is_some_and(|words| words.len() == 1);
        let alone = next.is_none_or(|next| next.starts_with(b"--"));
        if alone && option.eq_ignore_ascii_case(b"save") {
            self.text.extend(b"\"\"");
            self.awaits_value = false;
        } else if alone && option.eq_ignore_ascii_case(b"sentinel") {
            self.awaits_value = false;
        }
    }
}

/// The path from the root, with the plain cases of `.` and `..` resolved; symbolic links stay.
fn absolute(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                clean.pop();
            }
            part => clean.push(part),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Sources {
        Sources::from_args(&args.iter().map(OsString::from).collect::<Vec<_>>())
    }

    /// The lines that the options become.
    fn options(args: &[&str]) -> Vec<String> {
        let text = String::from_utf8(parse(args).options.unwrap_or_default()).unwrap();
        text.lines().map(|line| line.trim().to_owned()).collect()
    }

    #[test]
    fn options_become_lines_as_in_redis() {
        let cases: &[(&[&str], &[&str])] = &[
            (
                &["--port", "6380", "--slaveof", "127.0.0.1", "6379"],
                &["port \"6380\"", "slaveof \"127.0.0.1\" \"6379\""],
            ),
            (&["--port", "6379", "6380"], &["port \"6379\" \"6380\""]),
            (&["--port", "--loglevel", "verbose"], &["port \"--loglevel\" \"verbose\""]),
            (&["--port", "--bla", "--loglevel", "x"], &["port \"--bla\"", "loglevel \"x\""]),
            (&["--replicaof", "--a", "--b"], &["replicaof \"--a\"", "b"]),
            (&["--port"], &["port"]),
            (&["--maxmemory 700mb", "--hz 5"], &["maxmemory 700mb", "hz 5"]),
            (&["--maxmemory '7 mb'", "x"], &["maxmemory '7 mb' \"x\""]),
            (
                &["--proc-title-template --my--title", "--hz", "5"],
                &["proc-title-template --my--title", "hz \"5\""],
            ),
            (&["--save", "--hz", "5"], &["save \"\"", "hz \"5\""]),
            (&["--SAVE", "--hz", "5"], &["SAVE \"\"", "hz \"5\""]),
            (&["--hz", "5", "--save"], &["hz \"5\"", "save \"\""]),
            (&["--save", "", "--hz", "5"], &["save \"\"", "hz \"5\""]),
            (
                &["--proc-title-template", "--save", "--save", "", "--hz", "5"],
                &["proc-title-template \"--save\"", "save \"\"", "hz \"5\""],
            ),
            (&["--save ", "--foo"], &["save  \"--foo\""]),
            (&["--port '", "--foo"], &["port '", "foo"]),
            (&["--sentinel", "--hz", "5"], &["sentinel", "hz \"5\""]),
            (&["--hz", "5", "--sentinel"], &["hz \"5\"", "sentinel"]),
            (&["--port", "0", "--", "--foo"], &["port \"0\"", "\"--foo\""]),
            (&["-x"], &["\"-x\""]),
            (&["--foo", "a\nb"], &["foo \"a\\nb\""]),
            (&["a.conf", "loglevel", "verbose"], &["\"loglevel\" \"verbose\""]),
            (&["--bind", "a", "-", "--hz", "1"], &["bind \"a\" \"-\"", "hz \"1\""]),
        ];
        for (args, lines) in cases {
            assert_eq!(options(args), *lines, "{args:?}");
        }
    }

    #[test]
    fn file_standard_input_and_sentinel() {
        assert_eq!(parse(&[]), Sources::default());
        let here = std::env::current_dir().unwrap();
        assert_eq!(parse(&["a.conf"]).file, Some(here.join("a.conf")));
        assert_eq!(parse(&["./b/../a.conf"]).file, Some(here.join("a.conf")));
        assert_eq!(parse(&["/etc/a.conf", "--port", "1"]).file, Some("/etc/a.conf".into()));
        assert_eq!(parse(&["--port", "1"]).file, None);

        for args in [&["-"][..], &["-", "--hz", "1"], &["--hz", "1", "-"], &["a.conf", "-"]] {
            assert!(parse(args).stdin, "{args:?}");
        }
        for args in [&["--hz", "-", "1"][..], &["a.conf", "-", "--hz", "1"]] {
            assert!(!parse(args).stdin, "{args:?}");
        }
        assert!(parse(&["a.conf", "--sentinel"]).sentinel);
        assert!(!parse(&["a.conf", "--SENTINEL"]).sentinel);
    }
}
