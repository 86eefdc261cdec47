//! MONITOR: clients that see every command that is run.
//!
//! While there are any, every command goes the long way through the checks, and a line about it enters the mailboxes of the
//! workers whose clients watch; the partitions of its keys are still locked then, so that lines about one key come
//! in the order in which the commands were run.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use parking_lot::Mutex;

use crate::client::{Client, State};
use crate::engine::{Attention, Engine, Message};

/// How many clients of each worker watch.
pub struct Monitors(Mutex<Box<[usize]>>);

impl Monitors {
    /// None yet, for so many workers.
    pub fn new(workers: usize) -> Monitors {
        Monitors(Mutex::new(vec![0; workers].into()))
    }
}

impl Engine {
    /// Lets a client see every command, or no longer.
    pub fn monitor(&self, client: &mut Client, on: bool) {
        if client.is(State::MONITOR) == on {
            return;
        }
        client.set_state(State::MONITOR, on);
        let mut counts = self.monitors.0.lock();
        let count = &mut counts[client.record.worker];
        *count = if on { *count + 1 } else { *count - 1 };
        self.attend(Attention::MONITORED, counts.iter().any(|n| *n > 0));
    }

    /// Shows a command to the monitors. `source` says whose it is: database and address.
    pub(crate) fn show_monitors<'a>(&self, micros: i64, source: &str, args: impl Iterator<Item = &'a [u8]>) {
        let line: Arc<[u8]> = line(micros, source, args).into();
        for (count, mailbox) in self.monitors.0.lock().iter().zip(&self.mailboxes) {
            if *count > 0 {
                mailbox.push(Message::Monitored(line.clone()));
            }
        }
    }
}

/// `+1339518083.107412 [0 127.0.0.1:60866] "keys" "*"`
fn line<'a>(micros: i64, source: &str, args: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut line = format!("+{}.{:06} [{source}]", micros / 1_000_000, micros % 1_000_000).into_bytes();
    for arg in args {
        line.push(b' ');
        line.extend(resp::words::quoted(arg));
    }
    line.extend_from_slice(b"\r\n");
    line
}

/// Whose command a line is about.
pub(crate) fn source(client: &Client, unix_socket: Option<&str>) -> String {
    let record = &client.record;
    match unix_socket {
        Some(path) if record.is_unix => format!("{} unix:{path}", record.db.load(Relaxed)),
        _ => format!("{} {}", record.db.load(Relaxed), record.address),
    }
}
