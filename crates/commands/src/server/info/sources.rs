//! Where INFO's values come from: gathered when the first field asks, once a reply.

use std::sync::atomic::Ordering::Relaxed;

use config::Config;
use engine::engine::Facts;
use engine::{Engine, ServerCx, State};
use keyspace::{PARTITIONS, View};

use crate::server::memory_use::MemoryUse;

/// What fields ask.
pub struct Sources<'c, 'v> {
    /// The server.
    pub engine: &'static Engine,
    /// Its configuration.
    pub config: &'c Config,
    /// The keyspace, a partition at a time.
    pub view: &'c mut View<'v>,
    facts: Option<Facts>,
    memory: Option<MemoryUse>,
    clients: Option<ClientSums>,
}

/// Sums over all clients.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClientSums {
    /// Connected, replicas aside.
    pub connected: usize,
    /// Waiting for a blocking command or the end of a pause.
    pub blocked: usize,
    /// Subscribed to something.
    pub pubsub: usize,
    /// Watching a key.
    pub watching: usize,
    /// Bytes of the largest query buffer.
    pub largest_input: u64,
    /// Bytes of the largest output buffer.
    pub largest_output: u64,
}

impl<'c, 'v> Sources<'c, 'v> {
    /// The sources of a command.
    pub fn new(cx: &'c mut ServerCx<'_, 'v>) -> Sources<'c, 'v> {
        let (engine, config, view) = (cx.engine, cx.config, &mut *cx.view);
        Sources { engine, config, view, facts: None, memory: None, clients: None }
    }

    /// What the process knows of itself.
    pub fn facts(&mut self) -> &Facts {
        self.facts.get_or_insert_with(|| self.engine.host.facts())
    }

    /// What memory is used for.
    pub fn memory(&mut self) -> &MemoryUse {
        self.memory.get_or_insert_with(|| MemoryUse::measure(self.engine, self.view))
    }

    /// Sums over all clients.
    pub fn clients(&mut self) -> ClientSums {
        *self.clients.get_or_insert_with(|| ClientSums::of(self.engine))
    }

    /// Keys that somebody watches.
    pub fn watched_keys(&mut self) -> usize {
        if self.clients().watching == 0 {
            return 0;
        }
        let mut count = 0;
        self.each_partition(|view, partition| count += view.watched_keys(partition));
        count
    }

    /// Keys that somebody waits for, and those whose loss somebody waits to see.
    pub fn awaited_keys(&mut self) -> (usize, usize) {
        let (mut all, mut loss) = (0, 0);
        if self.clients().blocked > 0 {
            self.each_partition(|view, partition| {
                let here = view.awaited_keys(partition);
                (all, loss) = (all + here.0, loss + here.1);
            });
        }
        (all, loss)
    }

    fn each_partition(&mut self, mut look: impl FnMut(&mut View, usize)) {
        for partition in 0..PARTITIONS {
            self.view.lock_one(partition);
            look(self.view, partition);
        }
        self.view.unlock();
    }
}

impl ClientSums {
    fn of(engine: &Engine) -> ClientSums {
        let mut sums = ClientSums::default();
        for client in engine.clients.list().into_iter().filter(|client| !client.killed.load(Relaxed)) {
            let state = State::from_bits_truncate(client.state.load(Relaxed));
            sums.connected += !state.contains(State::REPLICA) as usize;
            sums.blocked += state.contains(State::BLOCKED) as usize;
            sums.pubsub += state.contains(State::PUBSUB) as usize;
            sums.watching += (client.watched.load(Relaxed) > 0) as usize;
            let input = client.query_len.load(Relaxed) + client.query_free.load(Relaxed);
            sums.largest_input = sums.largest_input.max(input);
            sums.largest_output = sums.largest_output.max(client.output_len.load(Relaxed));
        }
        sums
    }
}
