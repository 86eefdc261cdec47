//! A disk with errors, preloaded (`LD_PRELOAD`) into a process that writes files.
//!
//! While the file that `FAULTS` names exists, each call whose name stands in it, between spaces, fails with EIO: `write`, `fsync`,
//! `fdatasync`, `rename`. A write or an fsync fails for regular files only, so sockets and pipes work on; and not for standard
//! output, where the log goes. With `slow` a write of such a file takes as long as at 10 MB/s.
//!
//! Only the C library is stood in front of: whoever makes the system call itself is not seen.

#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_int, c_long, c_void};
use std::time::Duration;

/// Bytes of the list of calls that are read.
const LIST: usize = 256;
/// What a slow write takes for each byte.
const NANOS_A_BYTE: u64 = 100;

/// Whether this stands in the list now. Neither allocates nor takes a lock: it may run in the middle of anything.
fn is_listed(call: &str) -> bool {
    let mut list = [0; LIST];
    // SAFETY: the name is a constant with its end; what `getenv` answers is nothing or a string with its end, which nobody changes;
    // the buffer is as long as is said.
    let read = unsafe {
        let path = libc::getenv(c"FAULTS".as_ptr());
        if path.is_null() {
            return false;
        }
        let fd =
            libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path, libc::O_RDONLY | libc::O_CLOEXEC) as c_int;
        if fd < 0 {
            return false;
        }
        let read = libc::syscall(libc::SYS_read, fd, list.as_mut_ptr(), LIST);
        libc::syscall(libc::SYS_close, fd);
        read
    };
    list[..read.clamp(0, LIST as c_long) as usize]
        .split(|byte| *byte == b' ')
        .any(|word| word == call.as_bytes())
}

/// Whether `fd` is a regular file, and no standard stream.
fn is_file(fd: c_int) -> bool {
    // SAFETY: all zeros is a `stat`, and it lives as long as the call.
    let about = unsafe {
        let mut about: libc::stat = std::mem::zeroed();
        if fd <= 2 || libc::fstat(fd, &mut about) != 0 {
            return false;
        }
        about
    };
    about.st_mode & libc::S_IFMT == libc::S_IFREG
}

fn failed() -> c_long {
    // SAFETY: the C library answers the place of this thread's error number.
    unsafe { *libc::__errno_location() = libc::EIO };
    -1
}

/// Whether a write to `fd` fails. One that does not may take its time.
fn write_fails(fd: c_int, count: usize) -> bool {
    if !is_file(fd) {
        return false;
    }
    if is_listed("slow") {
        std::thread::sleep(Duration::from_nanos(count as u64 * NANOS_A_BYTE));
    }
    is_listed("write")
}

/// write(2)
///
/// # Safety
/// As write(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn write(fd: c_int, bytes: *const c_void, count: usize) -> isize {
    if write_fails(fd, count) {
        return failed() as isize;
    }
    // SAFETY: the caller's arguments.
    unsafe { libc::syscall(libc::SYS_write, fd, bytes, count) as isize }
}

/// pwrite(2), which is a `write` too.
///
/// # Safety
/// As pwrite(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite64(fd: c_int, bytes: *const c_void, count: usize, offset: i64) -> isize {
    if write_fails(fd, count) {
        return failed() as isize;
    }
    // SAFETY: the caller's arguments.
    unsafe { libc::syscall(libc::SYS_pwrite64, fd, bytes, count, offset) as isize }
}

/// fsync(2)
#[unsafe(no_mangle)]
pub extern "C" fn fsync(fd: c_int) -> c_int {
    if is_file(fd) && is_listed("fsync") {
        return failed() as c_int;
    }
    // SAFETY: any number may be asked for.
    unsafe { libc::syscall(libc::SYS_fsync, fd) as c_int }
}

/// fdatasync(2)
#[unsafe(no_mangle)]
pub extern "C" fn fdatasync(fd: c_int) -> c_int {
    if is_file(fd) && is_listed("fdatasync") {
        return failed() as c_int;
    }
    // SAFETY: any number may be asked for.
    unsafe { libc::syscall(libc::SYS_fdatasync, fd) as c_int }
}

/// rename(2)
///
/// # Safety
/// As rename(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    if is_listed("rename") {
        return failed() as c_int;
    }
    // SAFETY: the caller's strings.
    let (from, to) = unsafe { (CStr::from_ptr(from), CStr::from_ptr(to)) };
    // SAFETY: two strings with their ends.
    unsafe {
        libc::syscall(libc::SYS_renameat2, libc::AT_FDCWD, from.as_ptr(), libc::AT_FDCWD, to.as_ptr(), 0)
            as c_int
    }
}
