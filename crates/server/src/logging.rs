//! The server's log: one line a call, in Redis's form, to standard output or a file, and to syslog when enabled.
//!
//! ```text
//! 1234:M 20 Nov 2026 23:28:01.042 * Ready to accept connections tcp
//!  |   | |                        | the message
//!  |   | local time               level: . debug  - verbose  * notice  # warning
//!  pid role: M primary  S replica  X sentinel  C not (yet) serving
//! ```
//!
//! Log scrapers and test suites match these bytes, so they are those of Redis 7 (serverLogRaw in server.c), including
//! the cut at 1,023 bytes. The file is opened anew for every line, so a rotated log needs no signal, and a line is
//! one `write` in append mode, so lines of several threads never mix. Nothing here allocates: the crash report
//! ([`crash`]) writes through the same functions from inside a signal handler.
//!
//! There is one log a process, so it is a global; before [`configure`] it writes notices to standard output.
//!
//! ```
//! use server::logging as log;
//! log::notice!("Server initialized");
//! log::set_level(log::Level::Warning);
//! ```

pub mod crash;
mod syslog;

use std::ffi::{CStr, CString};
use std::fmt::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::RwLock;
use std::sync::atomic::{AtomicI32, AtomicU8, Ordering::Relaxed};

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use rustix::fs::{Mode, OFlags};

pub use syslog::Facility;

/// Longest message in bytes; the rest is cut off (LOG_MAX_LEN less its NUL).
const MESSAGE_MAX: usize = 1023;
/// Room for what stands before a message.
const PREFIX_MAX: usize = 96;

/// How much a line matters, and from which on lines are written (`loglevel`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// Everything, for development.
    Debug,
    /// Much that is rarely useful.
    Verbose,
    /// What production wants to know.
    Notice,
    /// Only what is important or critical.
    Warning,
    /// As a threshold: no lines at all.
    Nothing,
}

impl Level {
    /// The words of the `loglevel` directive.
    pub const NAMES: [(&str, Level); 5] = [
        ("debug", Level::Debug),
        ("verbose", Level::Verbose),
        ("notice", Level::Notice),
        ("warning", Level::Warning),
        ("nothing", Level::Nothing),
    ];

    fn mark(self) -> char {
        [b'.', b'-', b'*', b'#', b'#'][self as usize].into()
    }
}

/// Who writes the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Role {
    /// A process that does not serve yet, or never will.
    Starting = b'C',
    /// A primary.
    Primary = b'M',
    /// A replica.
    Replica = b'S',
    /// A sentinel.
    Sentinel = b'X',
}

/// `syslog-ident` and `syslog-facility`, when `syslog-enabled`.
#[derive(Clone, Debug)]
pub struct SyslogOptions {
    /// The name that marks the server's lines.
    pub ident: String,
    /// Which of syslog's channels they take.
    pub facility: Facility,
}

/// Where the log goes.
#[derive(Clone, Debug, Default)]
pub struct LogOptions<'a> {
    /// `logfile`; none is standard output.
    pub file: Option<&'a Path>,
    /// syslog, besides.
    pub syslog: Option<SyslogOptions>,
}

static THRESHOLD: AtomicU8 = AtomicU8::new(Level::Notice as u8);
static ROLE: AtomicU8 = AtomicU8::new(Role::Starting as u8);
static OUTPUT: RwLock<Output> = RwLock::new(Output { file: None, syslog: false });
/// Seconds east of UTC as of the last line: a signal handler cannot ask the zone files.
static UTC_OFFSET_SECONDS: AtomicI32 = AtomicI32::new(0);

/// Says where lines go from now on. The error is Redis's text for a log file that cannot be written.
pub fn configure(options: &LogOptions) -> Result<(), String> {
    let output = Output::open(options)?;
    *OUTPUT.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = output;
    Ok(())
}

/// Drops lines below `level` from now on (`loglevel`, CONFIG SET included).
pub fn set_level(level: Level) {
    THRESHOLD.store(level as u8, Relaxed);
}

/// Whether a line of this level would be written: to save the work of preparing it.
pub fn enabled(level: Level) -> bool {
    level as u8 >= THRESHOLD.load(Relaxed) && level != Level::Nothing
}

/// Which role lines show from now on.
pub fn set_role(role: Role) {
    ROLE.store(role as u8, Relaxed);
}

/// Writes a line. Prefer the macros [`debug!`], [`verbose!`], [`notice!`] and [`warning!`].
///
/// Errors are dropped: there is nowhere to report them, and a full disk must not stop the server.
pub fn log(level: Level, message: fmt::Arguments) {
    if !enabled(level) {
        return;
    }
    let now = Timestamp::now();
    UTC_OFFSET_SECONDS.store(TimeZone::system().to_offset(now).seconds(), Relaxed);
    let line = Line::new(level, now, message);
    with_output(|output| {
        output.write(line.as_bytes());
        if output.syslog {
            syslog::send(level, line.message());
        }
    });
}

/// Writes `text` as it stands, with no prefix and no end of line: the banner, a crash report.
pub fn raw(level: Level, text: &str) {
    if enabled(level) {
        with_output(|output| output.write(text.as_bytes()));
    }
}

/// The short form of a line about a signal, `1234:signal-handler (1763681281) message`.
pub fn from_signal(level: Level, message: &str) {
    if enabled(level) {
        let mut line = Buffer::new();
        let seconds = Timestamp::now().as_second();
        let _ = writeln!(line, "{}:signal-handler ({seconds}) {message}", std::process::id());
        with_output(|output| output.write(line.as_bytes()));
    }
}

fn with_output(write: impl FnOnce(&Output)) {
    write(&OUTPUT.read().unwrap_or_else(|poisoned| poisoned.into_inner()));
}

struct Output {
    /// As a C string, so that a signal handler can open it.
    file: Option<CString>,
    syslog: bool,
}

impl Output {
    fn open(options: &LogOptions) -> Result<Output, String> {
        let unusable = |reason: String| format!("Can't open the log file: {reason}");
        let file = match options.file {
            None => None,
            Some(path) => {
                let path = CString::new(path.as_os_str().as_bytes())
                    .map_err(|_| unusable("the name contains a NUL".to_owned()))?;
                append_to(&path).map_err(|e| unusable(net::error_text(&e.into())))?;
                Some(path)
            }
        };
        if let Some(options) = &options.syslog {
            syslog::open(options)?;
        }
        Ok(Output { file, syslog: options.syslog.is_some() })
    }

    fn write(&self, bytes: &[u8]) {
        self.with_fd(|fd| write_all(fd, bytes));
    }

    fn with_fd(&self, write: impl FnOnce(BorrowedFd)) {
        match &self.file {
            None => write(rustix::stdio::stdout()),
            Some(path) => {
                if let Ok(file) = append_to(path) {
                    write(file.as_fd());
                }
            }
        }
    }
}

fn append_to(path: &CStr) -> rustix::io::Result<std::os::fd::OwnedFd> {
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::from_raw_mode(0o666))
}

/// Past std's own standard output, whose lock a dying thread may hold.
fn write_all(fd: BorrowedFd, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match rustix::io::write(fd, bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => return,
        }
    }
}

/// One line of the log, ready to write.
struct Line {
    buffer: Buffer,
    message_start: usize,
}

impl Line {
    /// In the local time of the last known offset.
    fn new(level: Level, when: Timestamp, message: fmt::Arguments) -> Line {
        let offset = Offset::from_seconds(UTC_OFFSET_SECONDS.load(Relaxed)).unwrap_or(Offset::UTC);
        let when = when.to_zoned(TimeZone::fixed(offset));
        let (pid, role) = (std::process::id(), char::from(ROLE.load(Relaxed)));
        let mut buffer = Buffer::new();
        let _ = write!(buffer, "{pid}:{role} {} {} ", when.strftime("%d %b %Y %H:%M:%S.%3f"), level.mark());
        let message_start = buffer.length;
        buffer.limit = message_start + MESSAGE_MAX;
        let _ = buffer.write_fmt(message);
        buffer.limit = Buffer::SIZE;
        let _ = buffer.write_char('\n');
        Line { buffer, message_start }
    }

    fn as_bytes(&self) -> &[u8] {
        self.buffer.as_bytes()
    }

    /// The message alone, without the end of line.
    fn message(&self) -> &[u8] {
        &self.as_bytes()[self.message_start..self.buffer.length - 1]
    }
}

/// Text on the stack; what does not fit is dropped.
struct Buffer {
    bytes: [u8; Buffer::SIZE],
    length: usize,
    /// Where it counts as full.
    limit: usize,
}

impl Buffer {
    const SIZE: usize = PREFIX_MAX + MESSAGE_MAX + 1;

    fn new() -> Buffer {
        Buffer { bytes: [0; Buffer::SIZE], length: 0, limit: Buffer::SIZE }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl fmt::Write for Buffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.limit.saturating_sub(self.length);
        let taken = &text.as_bytes()[..text.floor_char_boundary(room)];
        self.bytes[self.length..][..taken.len()].copy_from_slice(taken);
        self.length += taken.len();
        Ok(())
    }
}

// Macros are exported at a crate's root whatever their module, hence the long names; use them by their short ones.

/// Writes a line of level debug.
#[macro_export]
#[doc(hidden)]
macro_rules! log_debug {
    ($($message:tt)*) => { $crate::logging::log($crate::logging::Level::Debug, format_args!($($message)*)) };
}

/// Writes a line of level verbose.
#[macro_export]
#[doc(hidden)]
macro_rules! log_verbose {
    ($($message:tt)*) => { $crate::logging::log($crate::logging::Level::Verbose, format_args!($($message)*)) };
}

/// Writes a line of level notice.
#[macro_export]
#[doc(hidden)]
macro_rules! log_notice {
    ($($message:tt)*) => { $crate::logging::log($crate::logging::Level::Notice, format_args!($($message)*)) };
}

/// Writes a line of level warning.
#[macro_export]
#[doc(hidden)]
macro_rules! log_warning {
    ($($message:tt)*) => { $crate::logging::log($crate::logging::Level::Warning, format_args!($($message)*)) };
}

#[doc(inline)]
pub use crate::{log_debug as debug, log_notice as notice, log_verbose as verbose, log_warning as warning};

#[cfg(test)]
mod tests;
