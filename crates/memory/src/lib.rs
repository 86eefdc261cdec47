//! The global allocator, and an exact count of what it has handed out.
//!
//! jemalloc already keeps two counters a thread, the bytes that thread has ever allocated and ever freed,
//! on lines that only that thread writes. Their sum over all threads is `used_memory`: exact, and free of
//! charge on the path. (Redis pays an atomic addition for every allocation to know the same.)
//!
//! Every thread calls [`register_thread`] first; what unregistered threads do is not seen.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use tikv_jemalloc_ctl as ctl;
use tikv_jemalloc_sys as je;

/// jemalloc with the alignment rule of `LG_QUANTUM=3`: only 8 bytes are promised without asking.
pub struct Allocator;

/// The strongest alignment that every size class has (`.cargo/config.toml` sets the quantum to 8).
const QUANTUM: usize = 8;

/// jemalloc's options: pages that nobody has used for a second go back to the system. (Its default, and Redis's, is ten seconds.
/// It costs nothing that could be measured, and it is 3 % of the memory right after loading.) `_RJEM_MALLOC_CONF` in the
/// environment goes before it.
#[unsafe(export_name = "_rjem_malloc_conf")]
pub static OPTIONS: Option<&'static [u8; 20]> = Some(b"dirty_decay_ms:1000\0");

fn flags(layout: Layout) -> i32 {
    if layout.align() <= QUANTUM { 0 } else { je::MALLOCX_ALIGN(layout.align()) }
}

// SAFETY: each call is forwarded to jemalloc with the size and the alignment of its layout; a layout
// passed to `dealloc` or `realloc` yields the flags with which the block was allocated.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match flags(layout) {
            // SAFETY: the caller promises a size above zero.
            0 => unsafe { je::malloc(layout.size()).cast() },
            // SAFETY: as above.
            flags => unsafe { je::mallocx(layout.size(), flags).cast() },
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        match flags(layout) {
            // SAFETY: the caller promises a size above zero.
            0 => unsafe { je::calloc(1, layout.size()).cast() },
            // SAFETY: as above.
            flags => unsafe { je::mallocx(layout.size(), flags | je::MALLOCX_ZERO).cast() },
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller promises that `block` was allocated here with this layout.
        unsafe { je::sdallocx(block.cast(), layout.size(), flags(layout)) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        match flags(layout) {
            // SAFETY: the caller promises that `block` was allocated here, and a size above zero.
            0 => unsafe { je::realloc(block.cast(), size).cast() },
            // SAFETY: as above.
            flags => unsafe { je::rallocx(block.cast(), size, flags).cast() },
        }
    }
}

/// The two counters of one thread, in jemalloc's thread-local storage.
#[derive(Clone, Copy)]
struct Counters {
    allocated: *const AtomicU64,
    freed: *const AtomicU64,
}

// SAFETY: the pointers are only read, atomically, and only while the thread is registered.
unsafe impl Send for Counters {}

impl Counters {
    fn balance(&self) -> i64 {
        // SAFETY: a registered thread lives, and so does its thread-local storage.
        let (allocated, freed) = unsafe { ((*self.allocated).load(Relaxed), (*self.freed).load(Relaxed)) };
        allocated.wrapping_sub(freed) as i64
    }
}

static THREADS: Mutex<Vec<Counters>> = Mutex::new(Vec::new());
/// What ended threads left behind: allocated minus freed.
static ENDED: AtomicI64 = AtomicI64::new(0);

/// Ends the registration of a thread when it is dropped there.
pub struct Registered(Counters);

/// Counts this thread from now on, and all it has allocated before.
#[must_use]
pub fn register_thread() -> Registered {
    let read = |name: &[u8]| -> u64 {
        // SAFETY: both names are of type `uint64_t *`, which is what is read.
        unsafe { ctl::raw::read::<usize>(name) }.map_or(0, |p| p as u64)
    };
    let counters = Counters {
        allocated: read(b"thread.allocatedp\0") as *const AtomicU64,
        freed: read(b"thread.deallocatedp\0") as *const AtomicU64,
    };
    assert!(!counters.allocated.is_null() && !counters.freed.is_null(), "jemalloc counts each thread");
    THREADS.lock().unwrap_or_else(|e| e.into_inner()).push(counters);
    Registered(counters)
}

impl Drop for Registered {
    fn drop(&mut self) {
        let mut threads = THREADS.lock().unwrap_or_else(|e| e.into_inner());
        threads.retain(|c| c.allocated != self.0.allocated);
        ENDED.fetch_add(self.0.balance(), Relaxed);
    }
}

/// Bytes in use, by what was asked for rounded up to jemalloc's size classes: `used_memory`.
pub fn used() -> usize {
    let threads = THREADS.lock().unwrap_or_else(|e| e.into_inner());
    let balance = threads.iter().map(Counters::balance).sum::<i64>() + ENDED.load(Relaxed);
    balance.max(0) as usize
}

/// jemalloc's own figures, in bytes: the `allocator_*` fields of INFO.
#[derive(Clone, Copy, Debug, Default)]
pub struct Statistics {
    /// Bytes in live allocations.
    pub allocated: usize,
    /// Bytes in pages that hold at least one allocation.
    pub active: usize,
    /// Bytes mapped and present.
    pub resident: usize,
    /// Bytes freed to the system lazily.
    pub muzzy: usize,
}

/// Reads jemalloc's statistics; takes tens of microseconds.
pub fn statistics() -> Statistics {
    // The figures are snapshots, renewed by advancing the epoch.
    let _ = ctl::epoch::advance();
    let pages = || -> Option<usize> {
        // SAFETY: `MALLCTL_ARENAS_ALL` (4096) addresses the sum of all arenas; the value is a `size_t`.
        unsafe { ctl::raw::read::<usize>(b"stats.arenas.4096.pmuzzy\0") }.ok()
    };
    Statistics {
        allocated: ctl::stats::allocated::read().unwrap_or(0),
        active: ctl::stats::active::read().unwrap_or(0),
        resident: ctl::stats::resident::read().unwrap_or(0),
        muzzy: pages().unwrap_or(0) * 4096,
    }
}

/// Gives unused pages back to the system (MEMORY PURGE).
pub fn purge() {
    run_control("arena.4096.purge");
}

/// Runs one of jemalloc's controls that do something and have no value, such as "thread.tcache.flush"; answers whether there
/// is one of the name (DEBUG MALLCTL-STR).
pub fn run_control(name: &str) -> bool {
    use std::ptr::null_mut;
    let Ok(name) = std::ffi::CString::new(name) else { return false };
    // SAFETY: the name ends with a zero; without pointers nothing is read or written.
    unsafe { je::mallctl(name.as_ptr(), null_mut(), null_mut(), null_mut(), 0) == 0 }
}

/// Turns jemalloc's own purging thread on or off (directive jemalloc-bg-thread).
pub fn background_thread(on: bool) {
    let _ = ctl::background_thread::write(on);
}

/// The bytes of `size` rounded up to its size class: what an allocation of it really takes.
pub fn usable(size: usize) -> usize {
    // SAFETY: `nallocx` computes; it is not defined for zero.
    if size == 0 { 0 } else { unsafe { je::nallocx(size, 0) } }
}

/// The number behind one of jemalloc's control names, such as "arenas.page"; `None` if there is none of the name (DEBUG MALLCTL).
pub fn control(name: &str) -> Option<u64> {
    let name = std::ffi::CString::new(name).ok()?;
    // jemalloc takes only the size that the number has: of a word, an unsigned or a bool.
    [size_of::<u64>(), size_of::<u32>(), size_of::<bool>()].into_iter().find_map(|size| {
        let (mut value, mut len) = (0u64, size);
        // SAFETY: the name ends with a zero, and `value` has room for `len` bytes.
        let failed = unsafe {
            je::mallctl(name.as_ptr(), (&raw mut value).cast(), &raw mut len, std::ptr::null_mut(), 0)
        };
        (failed == 0).then_some(value)
    })
}

/// jemalloc's report in its own words (MEMORY MALLOC-STATS).
pub fn report() -> String {
    let mut out = Vec::new();
    let options = ctl::stats_print::Options::default();
    let _ = ctl::stats_print::stats_print(&mut out, options);
    String::from_utf8_lossy(&out).into_owned()
}

/// "jemalloc-5.3.1": mem_allocator in INFO.
pub fn allocator_name() -> String {
    let version = ctl::version::read().unwrap_or("unknown");
    format!("jemalloc-{}", version.split('-').next().unwrap_or(version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[global_allocator]
    static GLOBAL: Allocator = Allocator;

    #[test]
    fn what_one_thread_allocates_and_another_frees_is_counted_once() {
        let _here = register_thread();
        let before = used() as i64;
        let block = std::thread::spawn(|| {
            let _there = register_thread();
            vec![1u8; 8 << 20]
        });
        let block = block.join().expect("the thread ends well");
        assert!((used() as i64 - before - (8 << 20)).abs() < 1 << 20, "the block of an ended thread counts");
        drop(block);
        assert!((used() as i64 - before).abs() < 1 << 20, "and is given back by whoever frees it");
    }

    #[test]
    fn size_classes_are_eight_bytes_apart() {
        assert_eq!((usable(49), usable(56), usable(57)), (56, 56, 64));
        assert!(allocator_name().starts_with("jemalloc-5."));
        assert_eq!((control("arenas.quantum"), control("arenas.nbins").is_some()), (Some(8), true));
        assert_eq!(
            (control("nosuch"), control("a\0b"), control("config.stats").is_some()),
            (None, None, true)
        );
    }

    #[test]
    fn unused_pages_go_back_after_a_second() {
        assert_eq!(control("arenas.dirty_decay_ms"), Some(1000));
    }

    #[test]
    fn strong_alignments_are_kept() {
        for align in [1, 2, 4, 8, 16, 32, 64, 128, 4096] {
            let layout = Layout::from_size_align(align + 4, align).expect("a sound layout");
            // SAFETY: the block is freed with the layout it was allocated with.
            unsafe {
                let block = Allocator.alloc(layout);
                assert_eq!(block as usize % align, 0, "{align}");
                Allocator.dealloc(block, layout);
            }
        }
    }
}
