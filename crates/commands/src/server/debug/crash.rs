//! DEBUG ASSERT, PANIC and SEGFAULT: the ways to die, so that tests see what a crash leaves behind.

#![allow(unsafe_code)]

use engine::{Command, Handler, unix_millis};
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};

pub const ASSERT: Command = Command {
    name: "assert",
    summary: "Ends the server as a broken assertion does.",
    arity: 2,
    handler: Handler::Exclusive(|cx| {
        // The condition is false, and the compiler does not see it.
        assert!(cx.args.is_empty(), "DEBUG ASSERT");
        Ok(())
    }),
    ..Command::DEFAULT
};

pub const PANIC: Command = Command {
    name: "panic",
    summary: "Ends the server as a bug that is noticed does.",
    handler: Handler::Exclusive(|_| panic!("DEBUG PANIC called at Unix time {}", unix_millis() / 1000)),
    ..ASSERT
};

pub const SEGFAULT: Command = Command {
    name: "segfault",
    summary: "Ends the server by a write to memory that is not its own.",
    handler: Handler::Exclusive(|_| {
        const PAGE: usize = 4096;
        // SAFETY: a page of its own, that nothing else uses, which may not be written: the kernel answers the write
        // with SIGSEGV. Volatile, so that it takes place.
        unsafe {
            if let Ok(page) = mmap_anonymous(std::ptr::null_mut(), PAGE, ProtFlags::READ, MapFlags::PRIVATE) {
                page.cast::<u8>().write_volatile(b'x');
            }
        }
        Ok(())
    }),
    ..ASSERT
};
