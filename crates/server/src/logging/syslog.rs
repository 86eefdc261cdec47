//! The system's log, through libc's `openlog` and `syslog`: they know where it listens and survive its restarts.
#![allow(unsafe_code)]

use std::ffi::CString;

use super::{Level, SyslogOptions};

/// One of syslog's channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facility(libc::c_int);

impl Facility {
    /// The words of the `syslog-facility` directive.
    pub const NAMES: [(&str, Facility); 9] = [
        ("user", Facility(libc::LOG_USER)),
        ("local0", Facility(libc::LOG_LOCAL0)),
        ("local1", Facility(libc::LOG_LOCAL1)),
        ("local2", Facility(libc::LOG_LOCAL2)),
        ("local3", Facility(libc::LOG_LOCAL3)),
        ("local4", Facility(libc::LOG_LOCAL4)),
        ("local5", Facility(libc::LOG_LOCAL5)),
        ("local6", Facility(libc::LOG_LOCAL6)),
        ("local7", Facility(libc::LOG_LOCAL7)),
    ];

    /// The channel of this name; local0, Redis's default, for one that is none.
    pub fn named(name: &str) -> Facility {
        let known = Facility::NAMES.iter().find(|(known, _)| *known == name);
        known.map_or(Facility(libc::LOG_LOCAL0), |(_, facility)| *facility)
    }
}

/// Opens the connection. The directives cannot change at runtime, so this happens once a process.
pub(super) fn open(options: &SyslogOptions) -> Result<(), String> {
    let ident = CString::new(options.ident.as_str()).map_err(|_| "syslog-ident contains a NUL".to_owned())?;
    let flags = libc::LOG_PID | libc::LOG_NDELAY | libc::LOG_NOWAIT;
    // SAFETY: openlog keeps the pointer, so the string is leaked: it lives as long as the process.
    unsafe { libc::openlog(ident.into_raw(), flags, options.facility.0) };
    Ok(())
}

/// Sends one message, cut at its first NUL.
pub(super) fn send(level: Level, message: &[u8]) {
    let text = message.split(|byte| *byte == 0).next().unwrap_or_default();
    let length = libc::c_int::try_from(text.len()).unwrap_or(0);
    // SAFETY: "%.*s" reads at most `length` bytes from the pointer, all of which are in `text`.
    unsafe { libc::syslog(priority(level), c"%.*s".as_ptr(), length, text.as_ptr()) };
}

fn priority(level: Level) -> libc::c_int {
    match level {
        Level::Debug => libc::LOG_DEBUG,
        Level::Verbose => libc::LOG_INFO,
        Level::Notice => libc::LOG_NOTICE,
        Level::Warning | Level::Nothing => libc::LOG_WARNING,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_map_as_in_redis() {
        let priorities = [Level::Debug, Level::Verbose, Level::Notice, Level::Warning].map(priority);
        assert_eq!(priorities, [7, 6, 5, 4]);
    }

    #[test]
    fn an_ident_with_a_nul_is_an_error() {
        let options = SyslogOptions { ident: "a\0b".into(), facility: Facility::NAMES[1].1 };
        assert_eq!(open(&options).unwrap_err(), "syslog-ident contains a NUL");
    }
}
