//! A disk with errors, preloaded (`LD_PRELOAD`) into a process that writes files; and a journal of what it does with them.
//!
//! While the file that `FAULTS` names exists, each call whose name stands in it, between spaces, fails with EIO: `write`, `fsync`,
//! `fdatasync`, `rename`. A write or an fsync fails for regular files only, so sockets and pipes work on; and not for standard
//! output, where the log goes. With `slow` a write of such a file takes as long as at 10 MB/s; with `hang` an fsync of one lasts
//! until the word is gone.
//!
//! With `JOURNAL` and `JOURNALED` set, the file that the first names tells of every change below the directory that the second
//! names ([`record`] has the format), for whoever wants to know what a disk may hold when the power fails.
//!
//! Only the C library is stood in front of: whoever makes the system call itself is not seen. The functions are those that Rust's
//! standard library calls; who rebuilds the directory from the journal finds out if one is missing.

#![allow(unsafe_code)]

mod faults;
mod journal;
mod record;

use std::ffi::{CStr, c_char, c_int, c_long, c_uint, c_void};
use std::slice;

use faults::{failed, is_listed, sync_fails, write_fails};
use record::Kind;

/// Whether `fd` is a regular file, and no standard stream.
fn is_file(fd: c_int) -> bool {
    has_mode(fd, libc::S_IFREG)
}

fn has_mode(fd: c_int, mode: libc::mode_t) -> bool {
    // SAFETY: all zeros is a `stat`, and it lives as long as the call.
    let about = unsafe {
        let mut about: libc::stat = std::mem::zeroed();
        if fd <= 2 || libc::fstat(fd, &mut about) != 0 {
            return false;
        }
        about
    };
    about.st_mode & libc::S_IFMT == mode
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
    let call = || unsafe { libc::syscall(libc::SYS_write, fd, bytes, count) };
    if !is_file(fd) {
        return call() as isize;
    }
    // SAFETY: the caller has so many bytes there; for a file there are some, so it is no null.
    let bytes = unsafe { slice::from_raw_parts(bytes.cast(), count) };
    journal::write(fd, None, bytes, call) as isize
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
    let call = || unsafe { libc::syscall(libc::SYS_pwrite64, fd, bytes, count, offset) };
    // SAFETY: the caller has so many bytes there.
    let bytes = unsafe { slice::from_raw_parts(bytes.cast(), count) };
    journal::write(fd, Some(offset as u64), bytes, call) as isize
}

/// ftruncate(2)
#[unsafe(no_mangle)]
pub extern "C" fn ftruncate64(fd: c_int, length: i64) -> c_int {
    // SAFETY: any numbers may be asked for.
    let call = || unsafe { libc::syscall(libc::SYS_ftruncate, fd, length) };
    journal::set_length(fd, length as u64, call) as c_int
}

/// fsync(2)
#[unsafe(no_mangle)]
pub extern "C" fn fsync(fd: c_int) -> c_int {
    sync(fd, "fsync", libc::SYS_fsync)
}

/// fdatasync(2)
#[unsafe(no_mangle)]
pub extern "C" fn fdatasync(fd: c_int) -> c_int {
    sync(fd, "fdatasync", libc::SYS_fdatasync)
}

fn sync(fd: c_int, name: &str, number: c_long) -> c_int {
    let is_file = is_file(fd);
    if is_file && sync_fails(name) {
        return failed() as c_int;
    }
    // SAFETY: any number may be asked for.
    let call = || unsafe { libc::syscall(number, fd) };
    match is_file || has_mode(fd, libc::S_IFDIR) {
        true => journal::sync(fd, call) as c_int,
        false => call() as c_int,
    }
}

/// open(2)
///
/// # Safety
/// As open(2), with the mode given whether it is needed or not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    // SAFETY: the caller's string.
    let path = unsafe { CStr::from_ptr(path) };
    // SAFETY: a string with its end.
    let call = || unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path.as_ptr(), flags, mode) };
    journal::open(path, flags, call) as c_int
}

/// mkdir(2)
///
/// # Safety
/// As mkdir(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mkdir(path: *const c_char, mode: libc::mode_t) -> c_int {
    // SAFETY: the caller's string.
    let path = unsafe { CStr::from_ptr(path) };
    // SAFETY: a string with its end.
    let call = || unsafe { libc::syscall(libc::SYS_mkdirat, libc::AT_FDCWD, path.as_ptr(), mode) };
    journal::name(Kind::MakeDirectory, path, call) as c_int
}

/// unlink(2)
///
/// # Safety
/// As unlink(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    // SAFETY: the caller's string.
    let path = unsafe { CStr::from_ptr(path) };
    // SAFETY: a string with its end.
    let call = || unsafe { libc::syscall(libc::SYS_unlinkat, libc::AT_FDCWD, path.as_ptr(), 0) };
    journal::name(Kind::Delete, path, call) as c_int
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
    let here = libc::AT_FDCWD;
    // SAFETY: two strings with their ends.
    let call = || unsafe { libc::syscall(libc::SYS_renameat2, here, from.as_ptr(), here, to.as_ptr(), 0) };
    journal::rename(from, to, call) as c_int
}
