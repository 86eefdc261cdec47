//! A worker: one thread, one poller, its connections, and every command of theirs from first byte to last.
//!
//! A turn has phases over *all* ready connections, not one connection after the other: receive from each, plan
//! what they sent into one batch, run it, send once to each. At one command a connection this halves the
//! passes through the kernel's caches; with pipelines it lets the cache misses of many clients overlap.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use config::Config;
use engine::blocking::Ended;
use engine::client::{Arrival, ClientRecord};
use engine::engine::Message;
use engine::{Batch, Client, Engine, Executor, Peer, Peers, State, unix_millis};
use mio::{Events, Interest, Poll, Token, Waker};
use net::Stream;
use net::socket::SocketOptions;
use parking_lot::Mutex;
use resp::{Limits, Protocol};

use crate::connection::{Close, Connection};
use crate::door::Door;
use crate::logging as log;
use crate::pool::Pool;

/// The waker's token, and the first of the listeners'; connections count from 0.
const WAKER: Token = Token(usize::MAX);
const LISTENERS: usize = usize::MAX / 2;
/// Clients are looked at for time-outs this often.
const TICK: Duration = Duration::from_secs(1);
/// The same while a client is held back by a soft limit or a pause.
const SHORT_TICK_MS: i64 = 100;

/// What other threads know of a worker.
pub struct Inbox {
    arrivals: Mutex<Vec<Stream>>,
    /// Connections it serves or is about to.
    pub load: AtomicUsize,
    waker: Waker,
}

impl Inbox {
    /// Hands a connection over.
    pub fn hand_over(&self, stream: Stream) {
        self.load.fetch_add(1, Relaxed);
        self.arrivals.lock().push(stream);
        self.wake();
    }

    /// Wakes the worker.
    pub fn wake(&self) {
        // An eventfd that cannot be written is full: the worker will wake all the same.
        let _ = self.waker.wake();
    }
}

/// One worker.
pub struct Worker {
    engine: &'static Engine,
    number: usize,
    poll: Poll,
    inbox: Arc<Inbox>,
    executor: Executor,
    connections: Slab,
    pool: Pool,
    batch: Batch,
    /// The way in, for the one worker that has it.
    door: Option<Door>,
    /// Connections with something to receive, run or send.
    ready: Vec<usize>,
    /// The number of the turn.
    turn: u64,
    /// Those to go on with in the next turn without waiting.
    again: Vec<usize>,
    next_tick_ms: i64,
    /// The connections of clients that wait for a key, by the clients' numbers.
    waiting: HashMap<u64, usize>,
    /// Connections whose output waits for the log, and those that may try again.
    held: Vec<usize>,
    released: Vec<usize>,
    /// How many connections' output began to wait in this turn, and where the log ended when the first one's did.
    newly_held: Option<(u64, u64)>,
    /// When their waits end, in Unix milliseconds; also of waits that have ended before.
    deadlines: BinaryHeap<Reverse<(i64, u64)>>,
}

/// Connections by number.
#[derive(Default)]
struct Slab {
    all: Vec<Option<Box<Connection>>>,
    free: Vec<usize>,
}

impl Slab {
    fn insert(&mut self, connection: Connection) -> usize {
        let number = self.free.pop().unwrap_or_else(|| {
            self.all.push(None);
            self.all.len() - 1
        });
        self.all[number] = Some(Box::new(connection));
        number
    }

    fn get(&mut self, number: usize) -> Option<&mut Connection> {
        self.all.get_mut(number)?.as_deref_mut()
    }

    fn remove(&mut self, number: usize) -> Option<Box<Connection>> {
        let connection = self.all.get_mut(number)?.take()?;
        self.free.push(number);
        Some(connection)
    }

    fn numbers(&self) -> Vec<usize> {
        (0..self.all.len()).filter(|n| self.all[*n].is_some()).collect()
    }
}

impl Peers for Slab {
    fn peer(&mut self, index: usize) -> &mut Peer {
        match &mut self.all[index] {
            Some(connection) => &mut connection.peer,
            None => unreachable!("a batch names connections that are open"),
        }
    }
}

/// A poller and the inbox that wakes it, made before any worker runs.
pub fn prepare() -> io::Result<(Poll, Arc<Inbox>)> {
    let poll = Poll::new()?;
    let waker = Waker::new(poll.registry(), WAKER)?;
    let (arrivals, load) = (Mutex::default(), AtomicUsize::new(0));
    Ok((poll, Arc::new(Inbox { arrivals, load, waker })))
}

impl Worker {
    /// The worker of this number; made in its own thread.
    pub fn new(engine: &'static Engine, number: usize, poll: Poll, inbox: Arc<Inbox>) -> Worker {
        let wake = inbox.clone();
        engine.mailboxes[number].on_message(move || wake.wake());
        Worker {
            engine,
            number,
            poll,
            inbox,
            executor: Executor::new(engine, number),
            connections: Slab::default(),
            pool: Pool::default(),
            batch: Batch::default(),
            door: None,
            ready: Vec::new(),
            turn: 0,
            again: Vec::new(),
            next_tick_ms: 0,
            waiting: HashMap::new(),
            held: Vec::new(),
            released: Vec::new(),
            newly_held: None,
            deadlines: BinaryHeap::new(),
        }
    }

    /// Gives the worker the listeners to accept from.
    pub fn open_door(&mut self, mut door: Door) -> io::Result<()> {
        door.register(self.poll.registry(), LISTENERS)?;
        self.door = Some(door);
        Ok(())
    }

    /// Serves until the process ends.
    pub fn run(mut self) {
        let mut events = Events::with_capacity(1024);
        loop {
            self.wait(&mut events);
            let (now, turn) = (unix_millis(), Instant::now());
            self.collect(&events, now);
            self.receive(now);
            self.run_and_send(now);
            if now >= self.next_tick_ms {
                self.tick(now);
            }
            self.executor.stats().turned(turn.elapsed().as_nanos() as u64);
        }
    }

    fn wait(&mut self, events: &mut Events) {
        let accepting = self.door.as_ref().is_some_and(Door::has_more);
        let busy = accepting || !self.again.is_empty();
        let deadline = self.deadlines.peek().map_or(i64::MAX, |Reverse((until, _))| *until);
        let until_tick = self.next_tick_ms.min(deadline) - unix_millis();
        let until_tick = until_tick.clamp(0, TICK.as_millis() as i64) as u64;
        let timeout = if busy { Duration::ZERO } else { Duration::from_millis(until_tick) };
        if let Err(e) = self.poll.poll(events, Some(timeout))
            && e.kind() != io::ErrorKind::Interrupted
        {
            log::warning!("Waiting for events failed: {}", net::error_text(&e));
        }
    }

    /// Looks at what has happened: connections that are ready, arrivals, messages.
    fn collect(&mut self, events: &Events, now: i64) {
        self.ready.clear();
        self.ready.append(&mut self.again);
        let mut knock = self.door.as_ref().is_some_and(Door::has_more);
        let mut woken = false;
        for event in events {
            match event.token() {
                WAKER => woken = true,
                Token(listener) if listener >= LISTENERS => knock = true,
                Token(connection) => {
                    // Edge-triggered: an end that came with bytes in front of it is not told again.
                    if event.is_read_closed()
                        && let Some(connection) = self.connections.get(connection)
                    {
                        connection.ended = true;
                    }
                    self.ready.push(connection);
                }
            }
        }
        if woken {
            let arrivals = std::mem::take(&mut *self.inbox.arrivals.lock());
            arrivals.into_iter().for_each(|stream| self.welcome(stream, now));
            self.read_mail();
        }
        if knock {
            self.accept(now);
        }
        self.time_out(now);
    }

    /// Accepts what waits at the door and spreads it evenly.
    fn accept(&mut self, now: i64) {
        let Some(mut door) = self.door.take() else { return };
        if door.is_replaced() {
            // Who has come to the old listeners is let in before they close.
            self.let_in(&mut door, now);
            door.renew(self.poll.registry(), LISTENERS);
        }
        self.let_in(&mut door, now);
        self.door = Some(door);
    }

    fn let_in(&mut self, door: &mut Door, now: i64) {
        let config = self.executor.config().clone();
        let stats = self.executor.stats();
        door.accept(&config, stats, |worker, stream| {
            if worker == self.number {
                self.inbox.load.fetch_add(1, Relaxed);
                self.welcome(stream, now);
                None
            } else {
                Some(stream)
            }
        });
    }

    /// Begins to serve a connection.
    fn welcome(&mut self, stream: Stream, now: i64) {
        use std::os::fd::AsRawFd;
        let config = self.executor.config().clone();
        let options = SocketOptions { keepalive: config.tcp_keepalive, mark: config.socket_mark_id };
        if let Err(e) = stream.configure(&options) {
            log::verbose!("Error configuring a new client: {}", net::error_text(&e));
        }
        let record = self.engine.clients.add(Arrival {
            address: stream.peer_address(),
            local_address: stream.local_address(),
            fd: stream.as_raw_fd(),
            is_unix: matches!(stream, Stream::Unix { .. }),
            worker: self.number,
            now_ms: now,
        });
        let mut client = Client::new(record, first_state(&config));
        if config.client_default_resp == 3 {
            client.speak(Protocol::Resp3);
        }
        let id = client.record.id;
        let number = self.connections.insert(Connection::new(stream, client, now));
        let Some(connection) = self.connections.get(number) else { return };
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(e) = self.poll.registry().register(&mut connection.stream, Token(number), interest) {
            log::warning!("Error registering a new client: {}", net::error_text(&e));
            self.connections.remove(number);
            self.engine.clients.remove(id);
            self.inbox.load.fetch_sub(1, Relaxed);
        }
    }

    fn read_mail(&mut self) {
        let mail = self.engine.mailboxes[self.number].take();
        if mail.contains(&Message::Resume) {
            for number in self.connections.numbers() {
                let Some(connection) = self.connections.get(number) else { continue };
                let client = &connection.peer.client;
                if client.is(State::BLOCKED) && client.waiting.is_none() {
                    connection.peer.client.set_state(State::BLOCKED, false);
                    self.ready.push(number);
                }
            }
        }
        if mail.contains(&Message::Durable) {
            self.released.append(&mut self.held);
            self.released.sort_unstable();
            self.released.dedup();
        }
        if mail.contains(&Message::Killed) {
            let killed = |c: &Connection| c.peer.client.record.killed.load(Relaxed);
            let numbers = self.connections.numbers();
            self.ready
                .extend(numbers.into_iter().filter(|n| self.connections.get(*n).is_some_and(|c| killed(c))));
        }
        for message in &mail {
            match message {
                Message::Unblocked(client, ended) => self.unblock(*client, ended.clone()),
                Message::Touched(keys) => self.executor.serve_waiters(keys.iter().cloned()),
                _ => {}
            }
        }
        self.show_monitors(&mail);
    }

    /// Ends the wait of a client of this worker, if it is still there.
    fn unblock(&mut self, client: u64, ended: Ended) {
        let Some(number) = self.waiting.remove(&client) else { return };
        let Some(connection) = self.connections.get(number) else { return };
        connection.lend_output(&mut self.pool);
        self.executor.end_wait(&mut connection.peer.client, ended);
        self.ready.push(number);
    }

    /// Notes a client that has begun to wait for a key.
    fn note_wait(&mut self, number: usize) {
        let Some(connection) = self.connections.get(number) else { return };
        let client = &connection.peer.client;
        let Some(waiting) = &client.waiting else { return };
        if self.waiting.insert(client.record.id, number).is_none()
            && let Some(until) = waiting.until
        {
            self.deadlines.push(Reverse((until, client.record.id)));
        }
    }

    /// Ends the waits whose time is over.
    fn time_out(&mut self, now: i64) {
        while let Some(&Reverse((until, client))) = self.deadlines.peek()
            && until <= now
        {
            self.deadlines.pop();
            let Some(number) = self.waiting.get(&client) else { continue };
            let Some(connection) = self.connections.get(*number) else { continue };
            let Some(waiting) = &connection.peer.client.waiting else { continue };
            if waiting.until != Some(until) {
                continue; // an earlier wait, which ended in time
            }
            if waiting.waiter.claim() {
                self.unblock(client, Ended::TimedOut);
            } else {
                // Somebody runs its command at this moment, perhaps in vain.
                self.deadlines.push(Reverse((until, client)));
                break;
            }
        }
    }

    /// Sends what other clients have run to those that monitor.
    fn show_monitors(&mut self, mail: &[Message]) {
        let lines =
            || mail.iter().filter_map(|m| if let Message::Monitored(line) = m { Some(line) } else { None });
        if lines().next().is_none() {
            return;
        }
        for number in self.connections.numbers() {
            let Some(connection) = self.connections.get(number) else { continue };
            if connection.peer.client.is(State::MONITOR) {
                connection.lend_output(&mut self.pool);
                lines().for_each(|line| connection.peer.client.reply.extend_from_slice(line));
                self.ready.push(number);
            }
        }
    }

    /// First phase: receive from every ready connection.
    fn receive(&mut self, now: i64) {
        // Each once, in the order in which they became ready: who has sent first is served first.
        self.turn += 1;
        let (turn, connections) = (self.turn, &mut self.connections);
        let is_first = |connection: &mut Connection| std::mem::replace(&mut connection.turn, turn) != turn;
        self.ready.retain(|number| connections.get(*number).is_some_and(is_first));
        let stats = self.executor.stats();
        for at in 0..self.ready.len() {
            let number = self.ready[at];
            let Some(connection) = self.connections.get(number) else { continue };
            if connection.peer.client.is(State::CLOSING) || connection.peer.can_go_on() {
                continue;
            }
            match connection.receive(&mut self.pool, now) {
                Ok((bytes, more)) => {
                    stats.reads.add(1);
                    stats.net_input.add(bytes as u64);
                    if more {
                        self.again.push(number);
                    }
                }
                Err(reason) => self.close(number, reason),
            }
        }
    }

    /// Second phase: plan, run and send, until nothing more can be planned of what has arrived.
    fn run_and_send(&mut self, now: i64) {
        let config = self.executor.config().clone();
        for number in std::mem::take(&mut self.released) {
            self.send(number, &config, now, &mut Vec::new());
        }
        let mut turn = std::mem::take(&mut self.ready);
        if !turn.is_empty() {
            self.engine.let_disk_catch_up();
        }
        while !turn.is_empty() {
            let mut more = Vec::new();
            for number in &turn {
                if self.plan(*number, &config) {
                    more.push(*number);
                }
            }
            self.evict_clients(&turn);
            self.executor.run(&mut self.batch, &mut self.connections);
            self.engine.write_log();
            for number in &turn {
                self.note_wait(*number);
                self.send(*number, &config, now, &mut more);
            }
            self.evict_clients(&turn);
            more.sort_unstable();
            more.dedup();
            turn = more;
        }
        self.ready = turn;
        if self.engine.log.is_read() {
            if let Some((clients, end)) = self.newly_held.take() {
                self.engine.log.note_held(clients, end);
            }
            if self.engine.log.holds() || self.engine.log.pending() > 0 {
                self.engine.log.wake_writer();
            }
        }
    }

    /// Ends the largest clients where all take more than `maxmemory-clients` allows; what they have sent does not run.
    fn evict_clients(&mut self, turn: &[usize]) {
        if !self.engine.evict_clients(self.executor.config()) {
            return;
        }
        for number in turn {
            if let Some(connection) = self.connections.get(*number)
                && connection.peer.client.record.killed.load(Relaxed)
            {
                connection.peer.client.set_state(State::CLOSING, true);
            }
        }
    }

    /// Plans what a connection has sent. Answers whether more can be planned once that has run.
    fn plan(&mut self, number: usize, config: &Config) -> bool {
        let Some(connection) = self.connections.get(number) else { return false };
        if connection.peer.input.is_empty() || connection.protocol_error.is_some() {
            return false;
        }
        connection.lend_output(&mut self.pool);
        let limits = if connection.peer.client.is(State::UNAUTHENTICATED) {
            Limits::UNAUTHENTICATED
        } else {
            Limits::authenticated(config.proto_max_bulk_len.min(i64::MAX as u64) as i64)
        };
        match self.batch.plan(self.engine, number, &mut connection.peer, limits) {
            Ok(engine::batch::Planned { more, missing }) => {
                connection.expect(missing);
                if missing > 0 || connection.holds_much() {
                    // What has arrived counts before anything of it runs, and commands of others see it in this turn.
                    connection.publish(&self.engine.clients, 0);
                }
                more
            }
            Err(error) => {
                connection.protocol_error = Some(error);
                false
            }
        }
    }

    /// Sends a connection's replies, and closes it where it is time to.
    fn send(&mut self, number: usize, config: &Config, now: i64, more: &mut Vec<usize>) {
        let stats = self.executor.stats();
        let Some(connection) = self.connections.get(number) else { return };
        connection.compact(&mut self.pool);
        if let Some(error) = connection.protocol_error.take() {
            log::verbose!("Protocol error ({error}) from client: {}", connection.peer.client.record.address);
            connection.peer.client.encoder().error(format!("ERR Protocol error: {error}").as_bytes());
            connection.peer.client.set_state(State::CLOSING, true);
        }
        let log = &self.engine.log;
        let may_send = connection.may_send(config);
        if std::mem::take(&mut connection.peer.client.tells) && may_send.is_ok() && log.holds() {
            let end = log.offset();
            if connection.hold(log, end) {
                let (count, first) = self.newly_held.unwrap_or((0, end));
                self.newly_held = Some((count + 1, first));
            }
        }
        let sent = may_send.and_then(|()| match connection.unsent() {
            0 => Ok(0),
            _ => connection.flush(&mut self.pool, log, now),
        });
        if connection.is_held() {
            self.held.push(number);
        }
        let verdict = sent.and_then(|bytes| {
            if bytes > 0 {
                stats.writes.add(1);
                stats.net_output.add(bytes as u64);
            }
            connection.publish(&self.engine.clients, bytes);
            connection.judge(config, now)
        });
        match verdict {
            Err(reason) => {
                more.retain(|n| *n != number);
                self.close(number, reason);
            }
            // A client that was cut short, for its replies had grown too large, goes on in the next turn.
            Ok(()) if connection.peer.can_go_on() => self.again.push(number),
            Ok(()) => {}
        }
    }

    /// Ends a connection.
    fn close(&mut self, number: usize, reason: Close) {
        let Some(mut connection) = self.connections.remove(number) else { return };
        self.waiting.remove(&connection.peer.client.record.id);
        self.again.retain(|n| *n != number);
        let record = connection.peer.client.record.clone();
        self.log_close(&record, &reason);
        let _ = self.poll.registry().deregister(&mut connection.stream);
        self.executor.leave(&mut connection.peer.client);
        self.engine.monitor(&mut connection.peer.client, false);
        self.engine.clients.remove(record.id);
        self.inbox.load.fetch_sub(1, Relaxed);
    }

    fn log_close(&self, record: &ClientRecord, reason: &Close) {
        let stats = self.executor.stats();
        match reason {
            Close::Gone => log::verbose!("Client closed connection id={} addr={}", record.id, record.address),
            Close::Idle => log::verbose!("Closing idle client id={} addr={}", record.id, record.address),
            Close::QueryLimit => {
                stats.query_limit_closed.add(1);
                log::warning!(
                    "Closing client that reached max query buffer length: id={} addr={}",
                    record.id,
                    record.address
                );
            }
            Close::OutputLimit => {
                stats.output_limit_closed.add(1);
                log::warning!(
                    "Client id={} addr={} scheduled to be closed ASAP for overcoming of output buffer limits.",
                    record.id,
                    record.address
                );
            }
            Close::Killed | Close::Finished => {}
        }
    }

    /// Looks after clients that nothing happens to.
    fn tick(&mut self, now: i64) {
        let config = self.executor.config().clone();
        self.next_tick_ms = now + TICK.as_millis() as i64;
        self.pool.shrink();
        if self.door.as_mut().is_some_and(Door::must_retry) {
            self.accept(now);
        }
        for number in self.connections.numbers() {
            let Some(connection) = self.connections.get(number) else { continue };
            let verdict = if connection.is_idle(&config, now) {
                Err(Close::Idle)
            } else {
                connection.judge(&config, now)
            };
            match verdict {
                Err(reason) => self.close(number, reason),
                Ok(()) if connection.unsent() > 0 => self.next_tick_ms = now + SHORT_TICK_MS,
                Ok(()) => {}
            }
        }
    }
}

/// Whether a new client must authenticate.
fn first_state(config: &Config) -> State {
    if config.requirepass.is_some() { State::UNAUTHENTICATED } else { State::empty() }
}
