//! CONFIG GET and CONFIG SET.

use std::fmt;

use crate::param::{Acts, Flags, Param};
use crate::table::{Config, PARAMS};
use crate::value::Reason;

/// Matches a text against a glob-style pattern; the flag asks to ignore case.
pub type Glob = fn(pattern: &[u8], text: &[u8], ignore_case: bool) -> bool;

/// Answers CONFIG GET: names and values, each name once, sorted by name.
///
/// A pattern without `*`, `?` and `[` is a name, found in any case and answered as it was typed; that is the only
/// way to see a hidden directive. An alias counts as a directive of its own.
pub fn get(config: &Config, patterns: &[&[u8]], glob: Glob) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let mut add = |name: &[u8], param: &Param| {
        if !found.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
            found.push((name.to_vec(), param.show(config)));
        }
    };
    for pattern in patterns {
        if !pattern.iter().any(|byte| b"[*?".contains(byte)) {
            if let Some((param, _)) = Param::find(pattern) {
                add(pattern, param);
            }
            continue;
        }
        let visible = PARAMS.iter().filter(|param| !param.flags.contains(Flags::HIDDEN));
        for (name, param) in visible.flat_map(|param| param.names().map(move |name| (name, param))) {
            if glob(pattern, name.as_bytes(), true) {
                add(name.as_bytes(), param);
            }
        }
    }
    found.sort_by_key(|(name, _)| name.to_ascii_lowercase());
    found
}

/// Who asks for a CONFIG SET, and when.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// The connection comes from this machine: loopback or a unix socket.
    pub local: bool,
    /// A data set is being loaded.
    pub loading: bool,
}

/// Why CONFIG SET refused. `Display` gives Redis's words, without the error code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetError {
    /// There is no such directive.
    Unknown(Vec<u8>),
    /// A directive among them can't be set during loading; the reply has the code LOADING.
    Loading,
    /// The value of one directive, or the directive itself, was refused.
    Failed {
        /// The directive.
        argument: Vec<u8>,
        /// Why.
        reason: Reason,
    },
}

impl SetError {
    /// The failure of one directive; the server reports with it what went wrong when it applied a value.
    pub fn failed(argument: impl Into<Vec<u8>>, reason: impl Into<Reason>) -> Self {
        SetError::Failed { argument: argument.into(), reason: reason.into() }
    }

    /// The error code that begins the reply.
    pub fn code(&self) -> &'static str {
        match self {
            SetError::Loading => "LOADING",
            _ => "ERR",
        }
    }
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SetError::Unknown(name) => {
                let name = String::from_utf8_lossy(name);
                write!(f, "Unknown option or number of arguments for CONFIG SET - '{name}'")
            }
            SetError::Loading => f.write_str("Redis is loading the dataset in memory"),
            SetError::Failed { argument, reason } => {
                let argument = String::from_utf8_lossy(argument);
                write!(f, "CONFIG SET failed (possibly related to argument '{argument}') - {reason}")
            }
        }
    }
}

impl std::error::Error for SetError {}

/// Answers CONFIG SET: the new configuration, and the directives to apply.
///
/// All pairs are set, or none. To apply are those whose value changed, and the volatile ones. The caller applies
/// them to the running server, and keeps the old configuration if that fails.
///
/// # Errors
/// The first pair that can't be set, as [`SetError`] says.
pub fn set(
    config: &Config,
    pairs: &[(&[u8], &[u8])],
    caller: Caller,
) -> Result<(Config, Vec<&'static Param>), SetError> {
    let params = permitted(config, pairs, caller)?;
    let mut new = config.clone();
    let mut touched: Vec<&'static Param> = Vec::new();
    for (&(param, name), (_, value)) in params.iter().zip(pairs) {
        assign(param, &mut new, value).map_err(|reason| SetError::failed(name, reason))?;
        if !touched.iter().any(|known| std::ptr::eq(*known, param)) {
            touched.push(param);
        }
    }
    touched.retain(|param| param.flags.contains(Flags::VOLATILE) || !param.same(config, &new));
    Ok((new, touched))
}

/// Finds the directives, and checks that each exists and may be set now by this caller.
fn permitted(
    config: &Config,
    pairs: &[(&[u8], &[u8])],
    caller: Caller,
) -> Result<Vec<(&'static Param, &'static str)>, SetError> {
    let mut params: Vec<(&'static Param, &'static str)> = Vec::new();
    for (typed, _) in pairs {
        let (param, name) = Param::find(typed).ok_or_else(|| SetError::Unknown(typed.to_vec()))?;
        if param.flags.contains(Flags::IMMUTABLE) {
            return Err(SetError::failed(*typed, "can't set immutable config"));
        }
        if param.flags.contains(Flags::PROTECTED) && !config.enable_protected_configs.allows(caller.local) {
            return Err(SetError::failed(*typed, "can't set protected config"));
        }
        if caller.loading && param.flags.contains(Flags::DENY_LOADING) {
            return Err(SetError::Loading);
        }
        if params.iter().any(|(_, known)| *known == name) {
            return Err(SetError::failed(*typed, "duplicate parameter"));
        }
        params.push((param, name));
    }
    Ok(params)
}

/// Sets one directive from the single argument that CONFIG SET has for it: words are separated by single spaces,
/// without quoting.
fn assign(param: &Param, config: &mut Config, value: &[u8]) -> Result<(), Reason> {
    if param.flags.contains(Flags::MULTI_ARG) {
        let words: Vec<&[u8]> =
            if value.is_empty() { Vec::new() } else { value.split(|&byte| byte == b' ').collect() };
        param.assign(config, &words)?;
    } else {
        param.assign(config, &[value])?;
    }
    if param.acts == Acts::Refuse && !param.is_default(config) {
        return Err(NOT_YET);
    }
    Ok(())
}

/// The refusal of a directive that [`Acts::Refuse`].
pub(crate) const NOT_YET: Reason =
    Reason::Borrowed("this version does not implement it yet, and would break its promise");
