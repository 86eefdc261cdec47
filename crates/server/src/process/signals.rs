//! SIGTERM and SIGINT ask the server to shut down; SIGHUP, SIGPIPE and SIGXFSZ mean nothing to it: a file that has reached the
//! process's limit is a disk that is full, which whoever writes hears of anyway.
//!
//! A thread waits for the signals, so that what follows is ordinary code, even while the workers are busy: it notes
//! the request, writes Redis's line to the log, and wakes whoever shuts down. A SIGINT while a shutdown is already
//! under way is somebody who insists: the process exits at once, with 1. (SIGPIPE is ignored by Rust's runtime.)

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;

use crate::logging::{self, Level};

/// A request to shut down, shared by the signals' thread and the server.
#[derive(Debug, Default)]
pub struct ShutdownRequest {
    /// The signal's number; 0 is none.
    signal: AtomicI32,
    is_loading: AtomicBool,
}

impl ShutdownRequest {
    /// The signal that asked, if one did.
    pub fn signal(&self) -> Option<i32> {
        match self.signal.load(Ordering::Acquire) {
            0 => None,
            signal => Some(signal),
        }
    }

    /// Says whether data are being loaded, which the line in the log tells then.
    pub fn note_loading(&self, is_loading: bool) {
        self.is_loading.store(is_loading, Ordering::Relaxed);
    }

    /// Forgets the request: the shutdown failed or was aborted, and the next signal starts another.
    pub fn clear(&self) {
        self.signal.store(0, Ordering::Release);
    }
}

/// Starts to take signals. `wake` is called, on the signals' thread, after each request to shut down.
pub fn listen(wake: impl Fn() + Send + 'static) -> io::Result<Arc<ShutdownRequest>> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGXFSZ])?;
    let request = Arc::new(ShutdownRequest::default());
    let shared = Arc::clone(&request);
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever().filter(|signal| [SIGTERM, SIGINT].contains(signal)) {
            take(signal, &shared);
            wake();
        }
    })?;
    Ok(request)
}

fn take(signal: i32, request: &ShutdownRequest) {
    if signal == SIGINT && request.signal().is_some() {
        logging::from_signal(Level::Warning, "You insist... exiting now.");
        signal_hook::low_level::exit(1);
    }
    let line = match signal {
        _ if request.is_loading.load(Ordering::Relaxed) => {
            "Received shutdown signal during loading, scheduling shutdown."
        }
        SIGINT => "Received SIGINT scheduling shutdown...",
        _ => "Received SIGTERM scheduling shutdown...",
    };
    logging::from_signal(Level::Warning, line);
    request.signal.store(signal, Ordering::Release);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::testing;
    use rustix::process::{Pid, Signal, kill_process};
    use std::io::{BufRead, BufReader};
    use std::process::Child;

    /// Starts a process that listens, and returns it with its output once it does.
    fn listener(mode: &str) -> (Child, impl Iterator<Item = String>) {
        let mut child = testing::start_alone("process::signals::tests::listen_now", &[("SIGNALS", mode)]);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut lines = lines.skip_while(|line| !line.contains("listening"));
        lines.next().unwrap();
        (child, lines)
    }

    fn send(child: &Child, signal: Signal) {
        kill_process(Pid::from_child(child), signal).unwrap();
    }

    #[test]
    #[ignore = "runs in a process of its own"]
    fn listen_now() {
        let Ok(mode) = std::env::var("SIGNALS") else { return };
        let (wake, woken) = std::sync::mpsc::channel();
        let request = listen(move || wake.send(()).unwrap()).unwrap();
        request.note_loading(mode == "loading");
        println!("\nlistening");
        for _ in 0..3 {
            woken.recv().unwrap();
            println!("\nwoken by {}", request.signal().unwrap());
            if mode == "once" {
                return;
            }
            if mode == "clear" {
                request.clear();
                println!("cleared");
            }
        }
    }

    fn next_with(lines: &mut impl Iterator<Item = String>, text: &str) -> String {
        lines.find(|line| line.contains(text)).unwrap_or_else(|| panic!("no line with {text:?}"))
    }

    #[test]
    fn sigterm_and_sigint_request_a_shutdown_and_sighup_does_not() {
        for (signal, name) in [(Signal::TERM, "SIGTERM"), (Signal::INT, "SIGINT")] {
            let (mut child, mut lines) = listener("once");
            send(&child, Signal::HUP);
            send(&child, signal);
            let line = next_with(&mut lines, "scheduling");
            assert!(line.starts_with(&format!("{}:signal-handler (", child.id())), "{line}");
            assert!(line.ends_with(&format!(") Received {name} scheduling shutdown...")), "{line}");
            next_with(&mut lines, &format!("woken by {}", signal.as_raw()));
            assert!(child.wait().unwrap().success());
        }
    }

    #[test]
    fn the_line_says_that_data_are_loaded() {
        let (mut child, mut lines) = listener("loading");
        send(&child, Signal::TERM);
        next_with(&mut lines, ") Received shutdown signal during loading, scheduling shutdown.");
        next_with(&mut lines, "woken by 15");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_second_sigint_exits_at_once() {
        for first in [Signal::TERM, Signal::INT] {
            let (mut child, mut lines) = listener("keep");
            send(&child, first);
            next_with(&mut lines, "woken by");
            send(&child, Signal::INT);
            next_with(&mut lines, ") You insist... exiting now.");
            assert_eq!(child.wait().unwrap().code(), Some(1));
        }
    }

    #[test]
    fn sigterm_may_come_again_and_an_aborted_shutdown_is_forgotten() {
        let (mut child, mut lines) = listener("keep");
        for _ in 0..3 {
            send(&child, Signal::TERM);
            next_with(&mut lines, "woken by 15");
        }
        assert!(child.wait().unwrap().success());
        let (mut child, mut lines) = listener("clear");
        for _ in 0..3 {
            send(&child, Signal::INT);
            next_with(&mut lines, "woken by 2");
            next_with(&mut lines, "cleared");
        }
        assert!(child.wait().unwrap().success());
    }
}
