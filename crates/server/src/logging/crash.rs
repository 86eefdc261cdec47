//! The crash report: what the log says when the server dies of a bug.
//!
//! Two ways lead here. A *panic* is a broken assertion of ours: the report is written by ordinary code, then the
//! process aborts, because what the panicking thread held (locked partitions, half a command) can be trusted by nobody.
//! A *fatal signal* (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT) may come at any instruction, so its handler neither
//! allocates nor takes a lock, and then lets the signal do what it would have done: end the process, with a core file
//! where those are enabled. Should the handler itself crash, the signal's default ends it at once.
//!
//! The frame of the report is Redis's, since monitoring looks for its lines; the report holds addresses, places in the
//! source and fixed texts, but no user data: not the arguments of commands, not the stack's content, and of a panic's
//! message only what cannot quote a key or a value.
#![allow(unsafe_code)]

use std::backtrace::Backtrace;
use std::ffi::{CString, c_int, c_void};
use std::fmt::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::panic::PanicHookInfo;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;

use super::{Buffer, Level, Line, OUTPUT, Output, enabled, raw, warning};
use crate::process::version::{CARNELIAN_VERSION, REDIS_VERSION};

const START: &str = "\n\n=== REDIS BUG REPORT START: Cut & paste starting from here ===\n";
const TRACE_START: &str = "\n------ STACK TRACE ------\n";
const TRACE_END: &str = "\n------ STACK TRACE DONE ------\n";
const END: &str = "\n=== REDIS BUG REPORT END. Make sure to include from START to END. ===\n\n\
    \x20      This is a bug in Carnelian, not in Redis: please report it to Carnelian's developers.\n\
    \x20      `carnelian server --check-system` shows what else may be wrong with this machine.\n\n";

const FATAL_SIGNALS: [c_int; 5] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGABRT];

/// Frames of a signal's stack trace.
const FRAMES_MAX: usize = 100;

/// How a crash is reported.
#[derive(Clone, Copy, Debug)]
pub struct CrashOptions<'a> {
    /// `crash-log-enabled`: catch fatal signals, and show where the code was. Without it a panic logs one line.
    pub report: bool,
    /// `use-exit-on-panic`: a panic ends the process with exit code 1 instead of SIGABRT.
    pub exit_on_panic: bool,
    /// A pid file to remove with the process.
    pub pidfile: Option<&'a Path>,
}

struct Crash {
    report: bool,
    exit_on_panic: bool,
    pidfile: Option<CString>,
}

static CRASH: OnceLock<Crash> = OnceLock::new();
/// Whether a report is under way: one is enough, and it has one start.
static STARTED: AtomicBool = AtomicBool::new(false);

/// Reports crashes from now on. Only the first call counts.
pub fn install(options: &CrashOptions) {
    let pidfile = options.pidfile.and_then(|path| CString::new(path.as_os_str().as_bytes()).ok());
    let crash = Crash { report: options.report, exit_on_panic: options.exit_on_panic, pidfile };
    if CRASH.set(crash).is_err() {
        return;
    }
    std::panic::set_hook(Box::new(on_panic));
    if options.report {
        // The first trace loads the unwinder, which a signal handler must not do.
        trace(|_| ());
        FATAL_SIGNALS.into_iter().for_each(|signal| set_action(signal, Some(on_signal)));
    }
}

fn on_panic(panic: &PanicHookInfo) {
    if STARTED.swap(true, Ordering::SeqCst) {
        // Another thread is writing the report and will end the process.
        loop {
            std::thread::park();
        }
    }
    let crash = CRASH.get().expect("the hook is set after the options");
    raw(Level::Warning, START);
    warning!("=== ASSERTION FAILED ===");
    let place =
        panic.location().map_or_else(String::new, |place| format!(" #{}:{}", place.file(), place.line()));
    warning!("Guru Meditation: {}{place}", without_user_data(panic));
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("unnamed");
    warning!("Carnelian {CARNELIAN_VERSION} (Redis {REDIS_VERSION}), thread '{name}'");
    if crash.report {
        raw(Level::Warning, &format!("{TRACE_START}{}{TRACE_END}", Backtrace::force_capture()));
    }
    end_report(crash);
    FATAL_SIGNALS.into_iter().for_each(|signal| set_action(signal, None));
    if crash.exit_on_panic {
        signal_hook::low_level::exit(1);
    }
    signal_hook::low_level::abort();
}

/// The panic's message, if it is a text of the source or one of core's that holds nothing but numbers.
fn without_user_data<'a>(panic: &'a PanicHookInfo) -> &'a str {
    const BOUNDS: [&str; 4] =
        ["index out of bounds: ", "range start index ", "range end index ", "slice index starts at "];
    if let Some(text) = panic.payload().downcast_ref::<&'static str>() {
        return text;
    }
    match panic.payload().downcast_ref::<String>() {
        Some(text) if BOUNDS.iter().any(|start| text.starts_with(start)) => text,
        _ => "(a message that may hold user data)",
    }
}

fn end_report(crash: &Crash) {
    with_crash_output(|output| output.write(END.as_bytes()));
    if let Some(pidfile) = &crash.pidfile {
        let _ = rustix::fs::unlink(pidfile);
    }
}

/// The output without waiting for whoever changes it at this moment: standard output will do then.
fn with_crash_output(write: impl FnOnce(&Output)) {
    if !enabled(Level::Warning) {
        return;
    }
    match OUTPUT.try_read() {
        Ok(output) => write(&output),
        Err(_) => write(&Output { file: None, syslog: false }),
    }
}

/// The handler of fatal signals. Everything it calls is safe there: it formats on the stack and makes system calls.
extern "C" fn on_signal(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel passes a valid siginfo_t and ucontext_t to a handler set with SA_SIGINFO.
    let (info, context) = unsafe { (&*info, &*context.cast::<libc::ucontext_t>()) };
    with_crash_output(|output| {
        if !STARTED.swap(true, Ordering::SeqCst) {
            output.write(START.as_bytes());
        }
        write_signal(output, signal, info, instruction(context));
    });
    if let Some(crash) = CRASH.get() {
        end_report(crash);
    }
    set_action(signal, None);
    // SAFETY: raise has no preconditions; the default action ends the process here.
    unsafe { libc::raise(signal) };
}

fn write_signal(output: &Output, signal: c_int, info: &libc::siginfo_t, instruction: usize) {
    let line = |message: fmt::Arguments| {
        output.write(Line::new(Level::Warning, Timestamp::now(), message).as_bytes());
    };
    let code = info.si_code;
    line(format_args!(
        "Redis {REDIS_VERSION} (Carnelian {CARNELIAN_VERSION}) crashed by signal: {signal}, si_code: {code}"
    ));
    let mut address = 0;
    if signal == libc::SIGSEGV || signal == libc::SIGBUS {
        // SAFETY: the kernel fills in the address for these two signals; when a process sent them, the same bytes hold
        // its ids, which are integers as well.
        address = unsafe { info.si_addr() } as usize;
        line(format_args!("Accessing address: {address:#x}"));
    }
    if code == libc::SI_USER {
        // SAFETY: SI_USER says that a process sent the signal, so its ids are filled in.
        let (pid, uid) = unsafe { (info.si_pid(), info.si_uid()) };
        line(format_args!("Killed by PID: {pid}, UID: {uid}"));
    }
    line(format_args!("Crashed running the instruction at: {instruction:#x}"));
    // After a jump to nowhere the unwinder would read the code there, and crash in its turn.
    if instruction != address {
        write_trace(output);
    }
}

fn write_trace(output: &Output) {
    output.write(TRACE_START.as_bytes());
    trace(|frames| {
        let count = c_int::try_from(frames.len()).unwrap_or(0);
        // SAFETY: `count` frames are readable; backtrace_symbols_fd neither allocates nor locks the heap.
        output.with_fd(|fd| unsafe { libc::backtrace_symbols_fd(frames.as_ptr(), count, fd.as_raw_fd()) });
    });
    let mut hint = Buffer::new();
    let _ = writeln!(
        hint,
        "(resolve +0x... with: addr2line -Cfie /proc/{}/exe or the binary)",
        std::process::id()
    );
    output.write(hint.as_bytes());
    output.write(TRACE_END.as_bytes());
}

/// Lends the return addresses of the calling thread's stack.
fn trace(read: impl FnOnce(&[*mut c_void])) {
    let mut frames = [std::ptr::null_mut(); FRAMES_MAX];
    // SAFETY: backtrace writes at most FRAMES_MAX pointers to the array, and says how many.
    let count = unsafe { libc::backtrace(frames.as_mut_ptr(), FRAMES_MAX as c_int) };
    read(&frames[..usize::try_from(count).unwrap_or(0)]);
}

#[cfg(target_arch = "x86_64")]
fn instruction(context: &libc::ucontext_t) -> usize {
    context.uc_mcontext.gregs[libc::REG_RIP as usize] as usize
}

#[cfg(target_arch = "aarch64")]
fn instruction(context: &libc::ucontext_t) -> usize {
    context.uc_mcontext.pc as usize
}

type Handler = extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);

/// Lets `handler` take the next `signal`, once, on the thread's alternate stack (a stack overflow leaves no other);
/// none gives the signal its default action back.
fn set_action(signal: c_int, handler: Option<Handler>) {
    // SAFETY: a zeroed sigaction is a valid one (SIG_DFL, no flags, an empty mask); the handler has the signature
    // that SA_SIGINFO asks for, and does only what is safe in a handler.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        if let Some(handler) = handler {
            action.sa_sigaction = handler as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_NODEFER | libc::SA_RESETHAND | libc::SA_ONSTACK;
        }
        libc::sigaction(signal, &action, std::ptr::null_mut());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logging::{LogOptions, configure, set_role};
    use crate::process::testing::{self, Outcome};
    use std::os::unix::process::ExitStatusExt;

    /// Lets a process of its own crash in this way, and returns its log.
    fn crash(how: &str) -> (Outcome, String, bool) {
        let dir = tempfile::tempdir().unwrap();
        let env = [("CRASH", how), ("CRASH_DIR", dir.path().to_str().unwrap())];
        let outcome = testing::run_alone("logging::crash::tests::crash_now", &env);
        let log = std::fs::read_to_string(dir.path().join("log")).unwrap();
        (outcome, log, dir.path().join("pid").exists())
    }

    #[test]
    #[ignore = "runs in a process of its own"]
    fn crash_now() {
        let (Some(how), Some(dir)) = (std::env::var_os("CRASH"), std::env::var_os("CRASH_DIR")) else {
            return;
        };
        let how = how.to_str().unwrap();
        let dir = Path::new(&dir);
        configure(&LogOptions { file: Some(&dir.join("log")), syslog: None }).unwrap();
        set_role(super::super::Role::Primary);
        std::fs::write(dir.join("pid"), "1\n").unwrap();
        let options = CrashOptions {
            report: how != "quiet",
            exit_on_panic: how == "exit",
            pidfile: Some(&dir.join("pid")),
        };
        install(&options);
        match how {
            "overflow" => std::thread::Builder::new().spawn(|| recurse(0)).unwrap().join().map(drop).unwrap(),
            "jump" => jump_to_nowhere(),
            "bounds" => drop(std::hint::black_box(&[0u8; 3][..])[std::hint::black_box(7)]),
            "secret" => panic!("the value was {}", std::hint::black_box("hunter2")),
            "several" => panic_in_threads(),
            "quiet" | "exit" => panic!("a fixed text"),
            // SAFETY: raise has no preconditions.
            signal => drop(unsafe { libc::raise(signal.parse().unwrap()) }),
        }
    }

    #[expect(unconditional_recursion)]
    fn recurse(depth: usize) -> usize {
        let room = std::hint::black_box([depth; 1000]);
        recurse(depth + 1) + room[depth % 1000]
    }

    fn jump_to_nowhere() {
        // SAFETY: none, on purpose: the call crashes, which is what this process is for.
        let nowhere: extern "C" fn() = unsafe { std::mem::transmute(8usize) };
        nowhere();
    }

    fn panic_in_threads() {
        std::thread::scope(|scope| {
            (0..8).for_each(|_| drop(scope.spawn(|| panic!("all at once"))));
        });
    }

    #[test]
    fn every_fatal_signal_is_reported_and_still_kills() {
        for signal in FATAL_SIGNALS {
            let (outcome, log, has_pidfile) = crash(&signal.to_string());
            assert_eq!(outcome.status.signal(), Some(signal), "{log}");
            assert!(log.starts_with(START) && log.ends_with(END), "{log}");
            assert!(log.contains(&format!(" crashed by signal: {signal}, si_code: ")), "{log}");
            assert_eq!(log.matches("STACK TRACE -").count(), 1, "{log}");
            assert_eq!(log.matches("STACK TRACE DONE").count(), 1, "{log}");
            assert!(log.contains("(+0x"), "frames: {log}");
            assert!(!has_pidfile);
        }
    }

    #[test]
    fn a_stack_overflow_and_a_jump_to_nowhere_are_reported() {
        for how in ["overflow", "jump"] {
            let (outcome, log, _) = crash(how);
            assert_eq!(outcome.status.signal(), Some(libc::SIGSEGV), "{log}");
            assert!(log.contains("crashed by signal: 11") && log.contains("Accessing address: 0x"), "{log}");
            assert!(log.starts_with(START) && log.ends_with(END), "{log}");
        }
    }

    #[test]
    fn a_panic_is_reported_with_its_place_and_aborts() {
        let (outcome, log, has_pidfile) = crash("bounds");
        assert_eq!(outcome.status.signal(), Some(libc::SIGABRT), "{log}");
        assert!(log.starts_with(START) && log.ends_with(END), "{log}");
        assert!(log.contains(" # === ASSERTION FAILED ===\n"), "{log}");
        assert!(
            log.contains("Guru Meditation: index out of bounds: the len is 3 but the index is 7 #"),
            "{log}"
        );
        assert!(log.contains("crash.rs:") && log.contains("crash_now"), "{log}");
        assert!(!log.contains("crashed by signal"), "the abort is no second crash: {log}");
        assert!(!has_pidfile);
    }

    #[test]
    fn a_report_holds_no_user_data() {
        let (outcome, log, _) = crash("secret");
        assert!(!log.contains("hunter2") && !outcome.stdout.contains("hunter2"), "{log}");
        assert!(!outcome.stderr.contains("hunter2"));
        assert!(log.contains("Guru Meditation: (a message that may hold user data) #"), "{log}");
    }

    #[test]
    fn threads_that_panic_together_write_one_report() {
        let (outcome, log, _) = crash("several");
        assert_eq!(outcome.status.signal(), Some(libc::SIGABRT));
        assert_eq!(log.matches(START.trim()).count(), 1, "{log}");
        assert_eq!(log.matches("ASSERTION FAILED").count(), 1, "{log}");
        assert!(log.ends_with(END), "{log}");
    }

    #[test]
    fn what_the_directives_turn_off_is_off() {
        let (outcome, log, _) = crash("quiet");
        assert_eq!(outcome.status.signal(), Some(libc::SIGABRT));
        assert!(log.contains("Guru Meditation: a fixed text #") && !log.contains("STACK TRACE"), "{log}");
        let (outcome, log, _) = crash("exit");
        assert_eq!(outcome.status.code(), Some(1));
        assert!(log.contains("STACK TRACE DONE"), "{log}");
    }
}
