//! The journal of what a process does below a directory: for a simulated power cut.
//!
//! The directory is what `JOURNALED` names, the journal what `JOURNAL` names. An operation and its record are one step that no
//! other thread comes between, so records stand in the order of what they tell. Only a force to disk, which lasts, has two.
//! The journal's own calls go straight to the system, past the functions that this library stands in front of.

use std::env;
use std::ffi::{CStr, CString, OsStr, c_int, c_long};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock};

use crate::record::{Kind, Record};

/// The journal, and what it is about.
struct Journal {
    directory: PathBuf,
    fd: c_int,
    step: Mutex<()>,
}

/// One step of the journal, about one path: while it lives nobody else gets on.
struct Step {
    journal: &'static Journal,
    path: PathBuf,
    at: u64,
    _guard: MutexGuard<'static, ()>,
}

fn journal() -> Option<&'static Journal> {
    static JOURNAL: OnceLock<Option<Journal>> = OnceLock::new();
    let open = || {
        let directory = fs::canonicalize(env::var_os("JOURNALED")?).ok()?;
        let path = CString::new(env::var_os("JOURNAL")?.into_vec()).ok()?;
        let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_APPEND | libc::O_CLOEXEC;
        // SAFETY: a string with its end.
        let fd = unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path.as_ptr(), flags, 0o600) };
        (fd >= 0).then(|| Journal { directory, fd: fd as c_int, step: Mutex::new(()) })
    };
    JOURNAL.get_or_init(open).as_ref()
}

/// Nanoseconds of the clock that only goes forward.
fn now() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the place lives as long as the call.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// A path from the root on.
fn absolute(path: &CStr) -> PathBuf {
    let path = Path::new(OsStr::from_bytes(path.to_bytes()));
    env::current_dir().unwrap_or_default().join(path)
}

impl Step {
    /// A step about a path, if it is below the directory, or the directory.
    fn about(path: impl FnOnce() -> Option<PathBuf>) -> Option<Step> {
        let journal = journal()?;
        let guard = journal.step.lock().ok()?;
        let path = path().filter(|path| path.starts_with(&journal.directory))?;
        Some(Step { journal, path, at: now(), _guard: guard })
    }

    /// A step about an open file or directory. One that is deleted goes by a name that nobody else has.
    fn about_open(fd: c_int) -> Option<Step> {
        Step::about(|| fs::read_link(format!("/proc/self/fd/{fd}")).ok())
    }

    fn note(&self, kind: Kind, number: u64, rest: &[u8]) {
        let path = self.path.as_os_str().as_bytes();
        let bytes = Record { at: self.at, kind, number, path, rest }.encode();
        let mut left = &bytes[..];
        while !left.is_empty() {
            // SAFETY: the bytes live as long as the call.
            let written =
                unsafe { libc::syscall(libc::SYS_write, self.journal.fd, left.as_ptr(), left.len()) };
            if written <= 0 {
                return;
            }
            left = &left[written as usize..];
        }
    }
}

/// A write: at an offset, or where the file stands. `call` makes it, and answers how many bytes it took.
pub fn write(fd: c_int, offset: Option<u64>, bytes: &[u8], call: impl FnOnce() -> c_long) -> c_long {
    let Some(step) = Step::about_open(fd) else { return call() };
    let offset = offset.unwrap_or_else(|| position(fd));
    let written = call();
    if let Ok(count) = usize::try_from(written)
        && count > 0
    {
        step.note(Kind::Write, offset, &bytes[..count]);
    }
    written
}

/// Where the next write goes.
fn position(fd: c_int) -> u64 {
    // SAFETY: a number, asked for a file's flags and its position. Who only appends does not care for the position.
    unsafe {
        let appends = libc::syscall(libc::SYS_fcntl, fd, libc::F_GETFL) & c_long::from(libc::O_APPEND) != 0;
        let from = if appends { libc::SEEK_END } else { libc::SEEK_CUR };
        libc::syscall(libc::SYS_lseek, fd, 0, from) as u64
    }
}

/// A change of a file's length.
pub fn set_length(fd: c_int, length: u64, call: impl FnOnce() -> c_long) -> c_long {
    let Some(step) = Step::about_open(fd) else { return call() };
    let answer = call();
    if answer == 0 {
        step.note(Kind::SetLength, length, b"");
    }
    answer
}

/// A file is opened: that may make it, or empty it.
pub fn open(path: &CStr, flags: c_int, call: impl FnOnce() -> c_long) -> c_long {
    let changes = flags & (libc::O_CREAT | libc::O_TRUNC) != 0;
    let Some(step) = changes.then(|| Step::about(|| Some(absolute(path)))).flatten() else { return call() };
    let before = fs::metadata(&step.path).map(|about| about.len());
    let fd = call();
    match before {
        _ if fd < 0 => {}
        Err(_) => step.note(Kind::Create, 0, b""),
        Ok(length) if length > 0 && flags & libc::O_TRUNC != 0 => step.note(Kind::SetLength, 0, b""),
        Ok(_) => {}
    }
    fd
}

/// A change of a name: a directory made, something deleted.
pub fn name(kind: Kind, path: &CStr, call: impl FnOnce() -> c_long) -> c_long {
    rest(kind, path, b"", call)
}

/// Another name.
pub fn rename(from: &CStr, to: &CStr, call: impl FnOnce() -> c_long) -> c_long {
    rest(Kind::Rename, from, absolute(to).as_os_str().as_bytes(), call)
}

fn rest(kind: Kind, path: &CStr, rest: &[u8], call: impl FnOnce() -> c_long) -> c_long {
    let Some(step) = Step::about(|| Some(absolute(path))) else { return call() };
    let answer = call();
    if answer == 0 {
        step.note(kind, 0, rest);
    }
    answer
}

/// A file or a directory is forced to disk: what was done before that begins is there when it ends.
pub fn sync(fd: c_int, call: impl FnOnce() -> c_long) -> c_long {
    // SAFETY: a call without arguments.
    let thread = unsafe { libc::syscall(libc::SYS_gettid) } as u64;
    let note = |kind| Step::about_open(fd).map(|step| step.note(kind, thread, b""));
    if note(Kind::SyncBegins).is_none() {
        return call();
    }
    let answer = call();
    if answer == 0 {
        note(Kind::SyncEnds);
    }
    answer
}
