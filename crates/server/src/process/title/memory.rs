//! Where `ps` reads a process's title: in the process's own memory, between two addresses that the kernel keeps.
//!
//! The customary trick writes over the memory of `argv` and, as that is too short, of the environment, which other
//! code still points to. Here those stay as they are: the kernel is told, by prctl(PR_SET_MM_MAP), that the arguments
//! are in a buffer of ours, and a new title is a change of that buffer. Kernels without that call (it came with
//! checkpoint and restore, and needs no privilege) leave the title as it is.
#![allow(unsafe_code)]

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use rustix::process::{PrctlMmMap, configure_virtual_memory_map};

/// Longest title in bytes, as in Redis; one NUL follows.
const TITLE_MAX: usize = 255;

type Title = [AtomicU8; TITLE_MAX + 1];

/// Set once the kernel shows it. It is on the heap because the kernel shows anonymous memory only, no static.
static TITLE: OnceLock<&'static Title> = OnceLock::new();

/// Moves the process's title to where [`set`] can change it, with `title` in it. Call it before any thread is
/// started: an error otherwise, or where the kernel does not know the call; titles are not shown then.
pub fn prepare(title: &str) -> io::Result<()> {
    if !crate::process::is_single_threaded() {
        return Err(io::Error::other("the title cannot be moved once threads are running"));
    }
    let buffer: &'static Title = Box::leak(Box::new([const { AtomicU8::new(0) }; TITLE_MAX + 1]));
    write(buffer, title);
    let mut map = current_map()?;
    map.arg_start = buffer.as_ptr() as u64;
    map.arg_end = map.arg_start + buffer.len() as u64;
    // SAFETY: all addresses are the kernel's own but those of the arguments, which bound memory that is never freed.
    // The only one that changes is the end of the heap: it is read last (sbrk(0) moves nothing), and neither this
    // thread, which allocates nothing in between, nor another one, as there is none, can move it.
    unsafe {
        map.brk = libc::sbrk(0) as u64;
        configure_virtual_memory_map(&map)?;
    }
    TITLE.get_or_init(|| buffer);
    Ok(())
}

/// Shows `title` from now on, its first 255 bytes; from any thread. Does nothing if [`prepare`] did not succeed.
pub fn set(title: &str) {
    if let Some(buffer) = TITLE.get() {
        write(buffer, title);
    }
}

fn write(buffer: &Title, title: &str) {
    let bytes = title.bytes().chain(std::iter::repeat(0));
    buffer[..TITLE_MAX].iter().zip(bytes).for_each(|(to, byte)| to.store(byte, Relaxed));
}

/// The kernel's addresses of this process's memory, from /proc/self/stat (proc_pid_stat(5)), which has all but the
/// heap's end.
fn current_map() -> io::Result<PrctlMmMap> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    parse_map(&stat).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "/proc/self/stat"))
}

fn parse_map(stat: &str) -> Option<PrctlMmMap> {
    // The name, the second field, may hold anything; behind its parenthesis the third one follows.
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    // The kernel hides the addresses, as zeros, from those who may not trace the process.
    let field = |number: usize| fields.get(number - 3)?.parse().ok().filter(|address| *address != 0);
    Some(PrctlMmMap {
        start_code: field(26)?,
        end_code: field(27)?,
        start_stack: field(28)?,
        start_data: field(45)?,
        end_data: field(46)?,
        start_brk: field(47)?,
        brk: 0,
        arg_start: field(48)?,
        arg_end: field(49)?,
        env_start: field(50)?,
        env_end: field(51)?,
        auxv: std::ptr::null_mut(),
        auxv_size: 0,
        exe_fd: -1,
    })
}

// What `ps` sees is tested in tests/single_threaded.rs, where a process has one thread.

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_threads_refuses() {
        // The test's thread is not the only one.
        let error = prepare("x").unwrap_err();
        assert_eq!(error.to_string(), "the title cannot be moved once threads are running");
    }

    #[test]
    fn the_addresses_stand_behind_any_name() {
        let mut stat = "1 (a) b) R".to_owned();
        (4..=52).for_each(|number| stat += &format!(" {}", number * 100));
        let map = parse_map(&stat).unwrap();
        assert_eq!((map.start_code, map.start_stack, map.start_data), (2600, 2800, 4500));
        assert_eq!((map.start_brk, map.brk, map.arg_start, map.env_end), (4700, 0, 4800, 5100));
        assert!(parse_map(&stat.replace(" 4800", " 0")).is_none(), "hidden addresses");
        assert!(parse_map("1 (a) R 1 2 3").is_none());
        assert!(parse_map("").is_none());
    }
}
