//! Calls that fail: which, a file says that can change at any time.

use std::ffi::{c_int, c_long};
use std::time::Duration;

use crate::is_file;

/// Bytes of the list of calls that are read.
const LIST: usize = 256;
/// What a slow write takes for each byte.
const NANOS_A_BYTE: u64 = 100;
/// Between two looks whether what hangs still does.
const LOOK: Duration = Duration::from_millis(5);

/// Whether this stands in the list now. Neither allocates nor takes a lock: it may run in the middle of anything.
pub fn is_listed(call: &str) -> bool {
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

/// What a call that fails answers.
pub fn failed() -> c_long {
    // SAFETY: the C library answers the place of this thread's error number.
    unsafe { *libc::__errno_location() = libc::EIO };
    -1
}

/// Whether a write to `fd` fails. One that does not may take its time.
pub fn write_fails(fd: c_int, count: usize) -> bool {
    if !is_file(fd) {
        return false;
    }
    if is_listed("slow") {
        std::thread::sleep(Duration::from_nanos(count as u64 * NANOS_A_BYTE));
    }
    is_listed("write")
}

/// Whether a file is not forced to disk by this call. Where it is, that may last.
pub fn sync_fails(call: &str) -> bool {
    while is_listed("hang") {
        std::thread::sleep(LOOK);
    }
    is_listed(call)
}
