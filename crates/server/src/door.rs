//! The door: the listeners, and who is let in.
//!
//! One worker has it. Each connection goes to the worker that serves the fewest.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use config::Config;
use engine::stats::WorkerStats;
use mio::{Interest, Registry, Token};
use net::{Listener, Stream};
use parking_lot::Mutex;

use crate::logging as log;
use crate::worker::Inbox;

/// Said to those who come from elsewhere while protected mode is on.
const PROTECTED: &str = "-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the default user. In this mode connections are only accepted from the loopback interface. If you want to connect from external computers to Redis you may adopt one of the following solutions: 1) Just disable protected mode sending the command 'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from the same host the server is running, however MAKE SURE Redis is not publicly accessible from internet if you do so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable the protected mode by editing the Redis configuration file, and setting the protected mode option to 'no', and then restarting the server. 3) If you started the server manually just for testing, restart it with the '--protected-mode no' option. 4) Set up an authentication password for the default user. NOTE: You only need to do one of the above things in order for the server to start accepting connections from the outside.\r\n";

/// Listeners that replace the door's (CONFIG SET port and bind), left by another thread.
pub type NewListeners = Arc<Mutex<Option<Vec<Listener>>>>;

/// The listeners of the server.
pub struct Door {
    listeners: Vec<Listener>,
    inboxes: Vec<Arc<Inbox>>,
    replaced: NewListeners,
    /// The last turn ended with connections still waiting.
    more: bool,
    retry: bool,
}

impl Door {
    /// A door with these listeners, to these workers. `replaced` brings other TCP listeners at run time.
    pub fn new(listeners: Vec<Listener>, inboxes: Vec<Arc<Inbox>>, replaced: NewListeners) -> Door {
        Door { listeners, inboxes, replaced, more: false, retry: false }
    }

    /// What INFO's listener lines say.
    pub fn describe(&self, config: &Config) -> Vec<String> {
        let mut lines = Vec::new();
        if self.listeners.iter().any(|l| l.kind() == "tcp") {
            let binds: String = config.bind.iter().map(|b| format!(",bind={b}")).collect();
            lines.push(format!("name=tcp{binds},port={}", config.port));
        }
        if let Some(path) = &config.unixsocket {
            lines.push(format!("name=unix,bind={path}"));
        }
        lines
    }

    /// Registers all listeners, with tokens from `first` on.
    pub fn register(&mut self, registry: &Registry, first: usize) -> io::Result<()> {
        for (i, listener) in self.listeners.iter_mut().enumerate() {
            registry.register(listener, Token(first + i), Interest::READABLE)?;
        }
        Ok(())
    }

    /// Whether connections may still wait.
    pub fn has_more(&self) -> bool {
        self.more || self.is_replaced()
    }

    /// Whether somebody has left other TCP listeners.
    pub fn is_replaced(&self) -> bool {
        self.replaced.lock().is_some()
    }

    /// Whether the last accept failed, for want of file descriptors perhaps: nothing else says when to try again.
    pub fn must_retry(&mut self) -> bool {
        std::mem::take(&mut self.retry)
    }

    /// Takes over other TCP listeners, if somebody has left some.
    pub fn renew(&mut self, registry: &Registry, first: usize) {
        let Some(new) = self.replaced.lock().take() else { return };
        for listener in &mut self.listeners {
            let _ = registry.deregister(listener);
        }
        self.listeners.retain(|l| matches!(l, Listener::Unix { .. }));
        self.listeners.extend(new);
        if let Err(e) = self.register(registry, first) {
            log::warning!("Error registering listeners: {}", net::error_text(&e));
        }
    }

    /// Accepts up to `max-new-connections-per-cycle` connections of each listener. `keep` is offered each with its
    /// worker's number, and gives back those of others.
    pub fn accept(
        &mut self,
        config: &Config,
        stats: &WorkerStats,
        mut keep: impl FnMut(usize, Stream) -> Option<Stream>,
    ) {
        self.more = false;
        for listener in &self.listeners {
            let mut left = config.max_new_connections_per_cycle;
            loop {
                if left == 0 {
                    self.more = true;
                    break;
                }
                left -= 1;
                match listener.accept() {
                    Ok(stream) => {
                        stats.connections.add(1);
                        if !self.admit(config, stats, &stream) {
                            continue;
                        }
                        log::verbose!("Accepted {}", stream.peer_address());
                        let worker = self.least_loaded();
                        if let Some(stream) = keep(worker, stream) {
                            self.inboxes[worker].hand_over(stream);
                        }
                    }
                    Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                    // The next ones may be fine (CVE-2025-48367 family: an accept error must starve nobody).
                    Err(e) if matches!(e.kind(), ErrorKind::ConnectionAborted | ErrorKind::Interrupted) => {}
                    Err(e) => {
                        log::warning!("Accepting client connection: {}", net::error_text(&e));
                        self.retry = true;
                        break;
                    }
                }
            }
        }
    }

    fn least_loaded(&self) -> usize {
        let loads = self.inboxes.iter().enumerate().map(|(i, inbox)| (inbox.load.load(Relaxed), i));
        loads.min().map_or(0, |(_, i)| i)
    }

    /// Whether a connection may stay; one that may not is told why.
    fn admit(&self, config: &Config, stats: &WorkerStats, stream: &Stream) -> bool {
        let connected: usize = self.inboxes.iter().map(|i| i.load.load(Relaxed)).sum();
        let refusal = if connected >= config.maxclients as usize {
            stats.rejected_connections.add(1);
            "-ERR max number of clients reached\r\n"
        } else if config.protected_mode && config.requirepass.is_none() && !stream.is_loopback() {
            stats.rejected_connections.add(1);
            PROTECTED
        } else {
            return true;
        };
        // One try: whoever is refused is not waited for.
        let _ = crate::connection::send_once(stream, refusal.as_bytes());
        false
    }
}
