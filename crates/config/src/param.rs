//! A row of the table: everything that is known about one directive, and finding it by name.

use std::collections::HashMap;
use std::sync::LazyLock;

use bitflags::bitflags;

use crate::table::{Config, PARAMS};
use crate::value::{Kind, Line, Reason};

bitflags! {
    /// How a directive may be used.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Flags: u16 {
        /// Only the file and the command line set it; CONFIG SET refuses.
        const IMMUTABLE = 1 << 0;
        /// Its value must not appear in logs.
        const SENSITIVE = 1 << 1;
        /// CONFIG SET needs `enable-protected-configs`.
        const PROTECTED = 1 << 2;
        /// CONFIG GET prints it only when asked by its exact name.
        const HIDDEN = 1 << 3;
        /// It takes several words.
        const MULTI_ARG = 1 << 4;
        /// It is part of a crash report.
        const DEBUG = 1 << 5;
        /// CONFIG SET refuses while a data set is being loaded.
        const DENY_LOADING = 1 << 6;
        /// CONFIG SET applies it even if the text did not change: it names something outside that may have.
        const VOLATILE = 1 << 7;
    }
}

/// Whether a directive does what it says in this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acts {
    /// It acts.
    Now,
    /// It is accepted and kept, but has no effect yet; a value other than the default is reported at start.
    Warn,
    /// It promises safety or data, which this version does not keep: only the default is accepted.
    Refuse,
}

/// One directive.
#[derive(Debug)]
pub struct Param {
    /// The name, in lower case.
    pub name: &'static str,
    /// An older name that still works.
    pub alias: Option<&'static str>,
    /// Form and limits of the value.
    pub kind: Kind,
    /// How it may be used.
    pub flags: Flags,
    /// Whether it has an effect.
    pub acts: Acts,
    /// The heading under which it is documented.
    pub topic: &'static str,
    /// What it does, in lines without a leading comment sign.
    pub summary: &'static [&'static str],
    pub(crate) access: Access,
}

/// Sets a field from the words after the directive's name.
type Assign = fn(&mut Config, &Kind, &[&[u8]]) -> Result<(), Reason>;

/// The typed field behind a row, as functions.
#[derive(Debug)]
pub(crate) struct Access {
    pub assign: Assign,
    pub show: fn(&Config, &Kind) -> Vec<u8>,
    pub lines: fn(&Config, &Kind, &Config) -> Vec<Line>,
    pub same: fn(&Config, &Config) -> bool,
}

/// The defaults, built once.
pub(crate) static DEFAULT: LazyLock<Config> = LazyLock::new(Config::default);

/// Every name and alias, with its row.
static BY_NAME: LazyLock<HashMap<&'static str, &'static Param>> =
    LazyLock::new(|| PARAMS.iter().flat_map(|param| param.names().map(move |name| (name, param))).collect());

impl Param {
    /// The directive that `name` means, in any case; aliases count. Also the name in the table's spelling.
    pub fn find(name: &[u8]) -> Option<(&'static Param, &'static str)> {
        let name = name.to_ascii_lowercase();
        let (&name, &param) = BY_NAME.get_key_value(std::str::from_utf8(&name).ok()?)?;
        Some((param, name))
    }

    /// The name, then the alias if there is one.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        std::iter::once(self.name).chain(self.alias)
    }

    /// The value as CONFIG GET prints it.
    pub fn show(&self, config: &Config) -> Vec<u8> {
        (self.access.show)(config, &self.kind)
    }

    /// The default as CONFIG GET prints it.
    pub fn default_text(&self) -> Vec<u8> {
        self.show(&DEFAULT)
    }

    /// Sets the value from words; on error `config` is unchanged.
    ///
    /// # Errors
    /// The reason, in Redis's words: a wrong number of words, an unreadable value or one outside the limits.
    pub fn assign(&self, config: &mut Config, words: &[&[u8]]) -> Result<(), Reason> {
        if !self.flags.contains(Flags::MULTI_ARG) && words.len() != 1 {
            return Err(Reason::Borrowed("wrong number of arguments"));
        }
        (self.access.assign)(config, &self.kind, words)
    }

    /// Whether two configurations agree on this directive.
    pub fn same(&self, a: &Config, b: &Config) -> bool {
        (self.access.same)(a, b)
    }

    /// Whether the directive has its default value.
    pub fn is_default(&self, config: &Config) -> bool {
        self.same(config, &DEFAULT)
    }

    /// The lines that CONFIG REWRITE writes, without the name.
    pub(crate) fn lines(&self, config: &Config) -> Vec<Line> {
        (self.access.lines)(config, &self.kind, &DEFAULT)
    }

    /// The value as it may be logged: as CONFIG GET prints it, but for secrets.
    pub fn show_redacted(&self, config: &Config) -> Vec<u8> {
        if self.flags.contains(Flags::SENSITIVE) { b"(redacted)".to_vec() } else { self.show(config) }
    }
}

/// Whether the value of the directive `name` must be kept out of logs, SLOWLOG and MONITOR.
pub fn is_sensitive(name: &[u8]) -> bool {
    Param::find(name).is_some_and(|(param, _)| param.flags.contains(Flags::SENSITIVE))
}
