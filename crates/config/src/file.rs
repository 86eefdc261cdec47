//! Loading: the file, standard input and the command line become a [`Config`].
//!
//! A line is a directive and its words, quoted as `quote.rs` says. White space around a line is ignored; a comment
//! is a line that begins with `#`, and only that. The last line of a directive wins, except that `save` lines add
//! up: the first one replaces the default save points. `include` reads another file in place, or all that a shell
//! pattern matches, in alphabetical order; matching none is no error. Relative names start at `dir`, once it is set.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::ops::RangeInclusive;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::access::NOT_YET;
use crate::args::Sources;
use crate::param::{Acts, Flags, Param};
use crate::special::os_text;
use crate::table::{Config, PARAMS};

/// Files may include files, but not without end.
const INCLUDE_DEPTH_MAX: usize = 16;

/// A directive that has no value of its own: only files and the command line know it.
struct FileDirective {
    name: &'static str,
    /// How many words follow it.
    words: RangeInclusive<usize>,
    acts: Acts,
}

const FILE_DIRECTIVES: [FileDirective; 5] = [
    FileDirective { name: "include", words: 1..=1, acts: Acts::Now },
    FileDirective { name: "rename-command", words: 2..=2, acts: Acts::Now },
    FileDirective { name: "user", words: 1..=usize::MAX, acts: Acts::Refuse },
    FileDirective { name: "loadmodule", words: 1..=usize::MAX, acts: Acts::Refuse },
    FileDirective { name: "sentinel", words: 0..=usize::MAX, acts: Acts::Now },
];

/// Directives of old versions that are silently ignored, with their one word.
const RETIRED: [&str; 3] = ["list-max-ziplist-entries", "list-max-ziplist-value", "lua-replicate-commands"];

/// Whether `name`, in lower case, is a directive without a value of its own.
pub(crate) fn is_file_directive(name: &str) -> bool {
    FILE_DIRECTIVES.iter().any(|directive| directive.name == name)
}

/// Where a line stands, for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The file, unless the line comes from standard input or the command line.
    pub file: Option<PathBuf>,
    /// Line number from 1. Standard input and the command line count on after the file, as in Redis.
    pub line: usize,
    /// The line, without white space around it.
    pub text: Vec<u8>,
}

/// A line whose meaning is decided elsewhere: `rename-command`, `user`, `loadmodule`, `sentinel`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// The directive, in lower case.
    pub name: &'static str,
    /// The words after it.
    pub words: Vec<Vec<u8>>,
    /// Where it stands. [`LoadError::invalid`] makes a message of it.
    pub origin: Origin,
}

/// The result of loading.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// The lines for other parts of the server, in order.
    pub directives: Vec<Directive>,
    /// What was set to something other than its default and has no effect in this version; to be said once.
    pub without_effect: Vec<&'static Param>,
}

/// Why loading failed. The server prints [`report`](LoadError::report) to standard error and exits with 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// A file could not be read.
    Open {
        /// Its name.
        path: PathBuf,
        /// The system's reason.
        reason: String,
    },
    /// What the text says is refused.
    Invalid {
        /// The line; `None` if the fault is not in one line.
        origin: Option<Origin>,
        /// Why.
        reason: String,
    },
}

impl LoadError {
    /// A refused line.
    pub fn invalid(origin: &Origin, reason: impl Into<String>) -> Self {
        LoadError::Invalid { origin: Some(origin.clone()), reason: reason.into() }
    }

    /// A fault that is not in one line, like a log file that can't be opened.
    pub fn general(reason: impl Into<String>) -> Self {
        LoadError::Invalid { origin: None, reason: reason.into() }
    }

    /// The message in Redis's form, ending in a line feed; `version` is the Redis version to name. Redis does not
    /// say which file it means; here its name follows the line number.
    pub fn report(&self, version: &str) -> String {
        match self {
            LoadError::Open { .. } => format!("{self}\n"),
            LoadError::Invalid { origin, reason } => {
                let mut report = format!("\n*** FATAL CONFIG FILE ERROR (Redis {version}) ***\n");
                if let Some(Origin { file, line, text }) = origin {
                    let file = file.as_ref().map(|file| format!(" of {}", file.display()));
                    let text = String::from_utf8_lossy(text);
                    report += &format!(
                        "Reading the configuration file, at line {line}{}\n>>> '{text}'\n",
                        file.unwrap_or_default()
                    );
                }
                report + reason + "\n"
            }
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::Open { path, reason } => {
                write!(f, "Fatal error, can't open config file '{}': {reason}", path.display())
            }
            LoadError::Invalid { origin: Some(origin), reason } => {
                let text = String::from_utf8_lossy(&origin.text);
                write!(f, "configuration line {} ('{text}'): {reason}", origin.line)
            }
            LoadError::Invalid { origin: None, reason } => f.write_str(reason),
        }
    }
}

impl std::error::Error for LoadError {}

impl Config {
    /// Reads all sources. `stdin` is read to its end if the sources ask for it.
    ///
    /// Nothing outside is changed: the working directory stays, `dir` is only checked, files are not created.
    ///
    /// # Errors
    /// The first file that can't be read, the first line that is refused, or a directive that promises what this
    /// version does not keep ([`Acts::Refuse`]).
    pub fn load(sources: &Sources, stdin: impl Read) -> Result<Loaded, LoadError> {
        let mut loader = Loader::new(sources.sentinel);
        loader.read_sources(sources, stdin)?;
        loader.finish()
    }
}

struct Loader {
    config: Config,
    directives: Vec<Directive>,
    /// The line that set each directive last.
    origins: HashMap<&'static str, Origin>,
    sentinel: bool,
    depth: usize,
}

impl Loader {
    fn new(sentinel: bool) -> Self {
        let (directives, origins) = (Vec::new(), HashMap::new());
        Loader { config: Config::default(), directives, origins, sentinel, depth: 0 }
    }

    /// The main text: file, standard input and options, one after the other as Redis joins them.
    fn read_sources(&mut self, sources: &Sources, mut stdin: impl Read) -> Result<(), LoadError> {
        let mut text = sources.file.as_deref().map(read_file).transpose()?.unwrap_or_default();
        let file_lines = text.split(|&byte| byte == b'\n').count();
        if sources.stdin {
            let unreadable = |error| open_error(Path::new("-"), &error);
            stdin.read_to_end(&mut text).map_err(unreadable)?;
        }
        if let Some(options) = &sources.options {
            text.push(b'\n');
            text.extend(options);
        }
        self.read_text(&text, sources.file.as_deref(), file_lines)
    }

    /// Reads lines; the first `file_lines` of them stand in `file`.
    fn read_text(&mut self, text: &[u8], file: Option<&Path>, file_lines: usize) -> Result<(), LoadError> {
        for (line, text) in (1..).zip(text.split(|&byte| byte == b'\n')) {
            let text = text.trim_ascii();
            if !text.is_empty() && !text.starts_with(b"#") {
                let file = file.filter(|_| line <= file_lines).map(Path::to_owned);
                self.read_line(Origin { file, line, text: text.to_vec() })?;
            }
        }
        Ok(())
    }

    fn read_line(&mut self, origin: Origin) -> Result<(), LoadError> {
        let refused = |reason: &str| LoadError::invalid(&origin, reason);
        let words = resp::words::split(&origin.text)
            .ok_or_else(|| refused("Unbalanced quotes in configuration line"))?;
        let Some((name, words)) = words.split_first() else { return Ok(()) };
        if let Some((param, _)) = Param::find(name) {
            self.assign(param, words).map_err(|reason| refused(&reason))?;
            self.origins.insert(param.name, origin);
            return Ok(());
        }
        let name = name.to_ascii_lowercase();
        if RETIRED.iter().any(|retired| retired.as_bytes() == name) && words.len() == 1 {
            return Ok(());
        }
        let known = FILE_DIRECTIVES.iter().find(|directive| directive.name.as_bytes() == name);
        match known.filter(|directive| directive.words.contains(&words.len())) {
            Some(directive) => self.read_directive(directive, words, origin),
            None if name.contains(&b'.') && words.is_empty() => {
                Err(refused("Module config specified without value"))
            }
            None if name.contains(&b'.') => Err(refused(&NOT_YET)),
            None => Err(refused("Bad directive or wrong number of arguments")),
        }
    }

    fn assign(&mut self, param: &'static Param, words: &[Vec<u8>]) -> Result<(), crate::Reason> {
        let split;
        let words = match words {
            // One word for several: `--save "900 1"`.
            [word] if param.flags.contains(Flags::MULTI_ARG) && !word.is_empty() => {
                split = resp::words::split(word).ok_or("Unbalanced quotes in configuration line")?;
                &split
            }
            words => words,
        };
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        if param.name != "save" {
            return param.assign(&mut self.config, &words);
        }
        let mut points = match self.origins.contains_key("save") && words != [b""] {
            true => self.config.save.clone(),
            false => Vec::new(),
        };
        param.assign(&mut self.config, &words)?;
        points.append(&mut self.config.save);
        self.config.save = points;
        Ok(())
    }

    fn read_directive(
        &mut self,
        directive: &FileDirective,
        words: &[Vec<u8>],
        origin: Origin,
    ) -> Result<(), LoadError> {
        let refused = |reason: &str| LoadError::invalid(&origin, reason);
        match (directive.name, words) {
            ("include", [pattern]) => return self.include(pattern, &origin),
            // The option `--sentinel`, which has done its work.
            ("sentinel", []) => return Ok(()),
            ("sentinel", _) if !self.sentinel => {
                return Err(refused("sentinel directive while not in sentinel mode"));
            }
            _ if directive.acts == Acts::Refuse => return Err(refused(&NOT_YET)),
            _ => {}
        }
        self.directives.push(Directive { name: directive.name, words: words.to_vec(), origin });
        Ok(())
    }

    fn include(&mut self, pattern: &[u8], origin: &Origin) -> Result<(), LoadError> {
        if self.depth == INCLUDE_DEPTH_MAX {
            return Err(LoadError::invalid(origin, "Too many levels of include"));
        }
        self.depth += 1;
        for path in included(&self.config.dir, pattern) {
            let text = read_file(&path)?;
            self.read_text(&text, Some(&path), usize::MAX)?;
        }
        self.depth -= 1;
        Ok(())
    }

    fn finish(self) -> Result<Loaded, LoadError> {
        if self.config.cluster_enabled && self.config.replicaof.is_some() {
            return Err(LoadError::general("replicaof directive not allowed in cluster mode"));
        }
        let changed = PARAMS.iter().filter(|param| !param.is_default(&self.config));
        if let Some(param) = changed.clone().find(|param| param.acts == Acts::Refuse) {
            let reason = format!("'{}' is refused: {NOT_YET}", param.name);
            return Err(LoadError::Invalid { origin: self.origins.get(param.name).cloned(), reason });
        }
        let without_effect = changed.filter(|param| param.acts == Acts::Warn).collect();
        Ok(Loaded { config: self.config, directives: self.directives, without_effect })
    }
}

/// The files that an `include` means: the named one, or those that match a pattern, sorted.
fn included(dir: &Path, pattern: &[u8]) -> Vec<PathBuf> {
    let named = Path::new(std::ffi::OsStr::from_bytes(pattern));
    let Some(text) = named.to_str().filter(|text| text.contains(['*', '?', '['])) else {
        return vec![dir.join(named)];
    };
    // The directory is no part of the pattern, whatever characters it has.
    let text = match named.is_absolute() {
        true => text.to_owned(),
        false => format!("{}/{text}", glob::Pattern::escape(&dir.to_string_lossy())),
    };
    let rules = glob::MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: true,
    };
    // A malformed pattern matches nothing, as with glob(3).
    glob::glob_with(&text, rules).into_iter().flatten().flatten().collect()
}

fn open_error(path: &Path, error: &io::Error) -> LoadError {
    LoadError::Open { path: path.to_owned(), reason: os_text(error) }
}

fn read_file(path: &Path) -> Result<Vec<u8>, LoadError> {
    fs::read(path).map_err(|error| open_error(path, &error))
}
