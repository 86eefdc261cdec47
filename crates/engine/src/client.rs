//! A client: what the server knows of who is at the other end.
//!
//! [`Client`] belongs to the worker that serves the connection. Its public part, [`ClientRecord`], is shared: CLIENT LIST
//! reads it from any worker, and CLIENT KILL takes effect by one atomic change of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};

use keyspace::Waiter;
use parking_lot::Mutex;
use resp::{Encoder, Protocol};

use crate::blocking::Waiting;
use crate::transaction::{Queue, Watched};

/// Never set, so that the field says nothing.
pub const NO_COMMAND: u32 = u32::MAX;

/// The part of a client that everyone sees.
pub struct ClientRecord {
    /// Unique, ascending.
    pub id: u64,
    /// The other end's address.
    pub address: String,
    /// Our end's address.
    pub local_address: String,
    /// The socket's number.
    pub fd: i32,
    /// Whether it came by a unix socket.
    pub is_unix: bool,
    /// The worker that serves it.
    pub worker: usize,
    /// When it connected, in Unix milliseconds.
    pub connected_ms: i64,
    /// Names that clients give themselves.
    pub names: Mutex<Names>,
    /// The database.
    pub db: AtomicU32,
    /// When it last sent something, in Unix milliseconds.
    pub last_active_ms: AtomicI64,
    /// Bits of [`State`].
    pub state: AtomicU32,
    /// Queued commands, or -1.
    pub multi: AtomicI64,
    /// Watched keys.
    pub watched: AtomicU32,
    /// Bytes received and not yet parsed.
    pub query_len: AtomicU64,
    /// Bytes of the query buffer that are free.
    pub query_free: AtomicU64,
    /// Bytes of the request under way that are parsed.
    pub request_len: AtomicU64,
    /// Bytes of queued commands and their arguments.
    pub args_len: AtomicU64,
    /// Bytes of replies not yet sent.
    pub output_len: AtomicU64,
    /// Bytes of memory in all.
    pub memory: AtomicU64,
    /// Number of the last command, or [`NO_COMMAND`].
    pub command: AtomicU32,
    /// Bytes received.
    pub net_in: AtomicU64,
    /// Bytes sent.
    pub net_out: AtomicU64,
    /// Commands run.
    pub commands: AtomicU64,
    /// 2 or 3.
    pub protocol: AtomicU8,
    /// What stands at the keys that it waits for.
    pub waiter: Mutex<Option<Arc<Waiter>>>,
    /// Set once by CLIENT KILL; the worker closes the connection.
    pub killed: std::sync::atomic::AtomicBool,
}

/// What a client calls itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// CLIENT SETNAME.
    pub name: Option<String>,
    /// CLIENT SETINFO LIB-NAME.
    pub lib_name: Option<String>,
    /// CLIENT SETINFO LIB-VER.
    pub lib_version: Option<String>,
    /// The authenticated user.
    pub user: Option<String>,
}

bitflags::bitflags! {
    /// What CLIENT LIST shows as flags, and what keeps commands from running straight away.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct State: u32 {
        /// Has not authenticated where it must.
        const UNAUTHENTICATED = 1 << 0;
        /// Between MULTI and EXEC.
        const MULTI = 1 << 1;
        /// A watched key was touched.
        const DIRTY = 1 << 2;
        /// CLIENT REPLY OFF.
        const REPLY_OFF = 1 << 3;
        /// CLIENT REPLY SKIP: the next reply is not sent.
        const REPLY_SKIP_NEXT = 1 << 4;
        /// This reply is not sent.
        const REPLY_SKIP = 1 << 5;
        /// CLIENT NO-EVICT.
        const NO_EVICT = 1 << 6;
        /// CLIENT NO-TOUCH.
        const NO_TOUCH = 1 << 7;
        /// Waits for the end of a pause or of a blocking command.
        const BLOCKED = 1 << 8;
        /// Closes once its replies are sent.
        const CLOSING = 1 << 9;
        /// A replica's link.
        const REPLICA = 1 << 10;
        /// Sees every command.
        const MONITOR = 1 << 11;
        /// Has subscribed.
        const PUBSUB = 1 << 12;
        /// CLIENT IMPORT-SOURCE and others may follow; a unix socket.
        const UNIX = 1 << 13;
        /// It is no client but a log that is applied: nothing is refused.
        const APPLIES = 1 << 14;
    }
}

impl State {
    /// What sends a command through every check instead of the short way.
    pub const ATTENTION: State = State::UNAUTHENTICATED
        .union(State::MULTI)
        .union(State::REPLY_OFF)
        .union(State::REPLY_SKIP_NEXT)
        .union(State::REPLY_SKIP)
        .union(State::NO_TOUCH)
        .union(State::CLOSING)
        .union(State::MONITOR)
        .union(State::PUBSUB)
        .union(State::APPLIES);
}

/// Server-side state of a client; its worker's alone.
pub struct Client {
    /// The shared part.
    pub record: Arc<ClientRecord>,
    /// The database that its commands work on.
    pub db: u32,
    /// RESP2 or RESP3.
    pub protocol: Protocol,
    /// Replies not yet handed to the socket.
    pub reply: Vec<u8>,
    /// Some of them tell of keys, and so of what may not be on disk yet. Taken back by whoever sends them.
    pub tells: bool,
    /// Kept here for the path, and published in the record when it changes.
    pub state: State,
    /// Commands queued by MULTI.
    pub queue: Option<Box<Queue>>,
    /// Keys watched.
    pub watched: Watched,
    /// What it waits for.
    pub waiting: Option<Box<Waiting>>,
}

impl Client {
    /// A client in its first state.
    pub fn new(record: Arc<ClientRecord>, state: State) -> Client {
        let state = if record.is_unix { state | State::UNIX } else { state };
        record.state.store(state.bits(), Relaxed);
        Client {
            record,
            db: 0,
            protocol: Protocol::Resp2,
            reply: Vec::new(),
            tells: false,
            state,
            queue: None,
            watched: Watched::default(),
            waiting: None,
        }
    }

    /// Where its replies go.
    pub fn encoder(&mut self) -> Encoder<'_> {
        Encoder::new(&mut self.reply, self.protocol)
    }

    /// Sets or clears a state, for everyone to see.
    pub fn set_state(&mut self, state: State, on: bool) {
        self.state.set(state, on);
        self.record.state.store(self.state.bits(), Relaxed);
    }

    /// Whether a state is set.
    #[inline]
    pub fn is(&self, state: State) -> bool {
        self.state.intersects(state)
    }

    /// Selects a database.
    pub fn select(&mut self, db: u32) {
        self.db = db;
        self.record.db.store(db, Relaxed);
    }

    /// Chooses the protocol.
    pub fn speak(&mut self, protocol: Protocol) {
        self.protocol = protocol;
        self.record.protocol.store(if protocol == Protocol::Resp3 { 3 } else { 2 }, Relaxed);
    }
}

/// Every connected client, by its number.
#[derive(Default)]
pub struct Clients {
    next_id: AtomicU64,
    all: Mutex<BTreeMap<u64, Arc<ClientRecord>>>,
    /// Bytes of memory of all, as they were published last.
    memory: AtomicI64,
    /// Clients closed to make room for the others.
    pub evicted: AtomicU64,
}

/// What is known of a connection when it is accepted.
pub struct Arrival {
    /// The other end's address.
    pub address: String,
    /// Our end's address.
    pub local_address: String,
    /// The socket's number.
    pub fd: i32,
    /// Whether it came by a unix socket.
    pub is_unix: bool,
    /// The worker that serves it.
    pub worker: usize,
    /// Now, in Unix milliseconds.
    pub now_ms: i64,
}

impl Clients {
    /// Registers a connection.
    pub fn add(&self, arrival: Arrival) -> Arc<ClientRecord> {
        let id = self.next_id.fetch_add(1, Relaxed) + 1;
        let record = Arc::new(ClientRecord {
            id,
            address: arrival.address,
            local_address: arrival.local_address,
            fd: arrival.fd,
            is_unix: arrival.is_unix,
            worker: arrival.worker,
            connected_ms: arrival.now_ms,
            names: Mutex::default(),
            db: AtomicU32::new(0),
            last_active_ms: AtomicI64::new(arrival.now_ms),
            state: AtomicU32::new(0),
            multi: AtomicI64::new(-1),
            watched: AtomicU32::new(0),
            query_len: AtomicU64::new(0),
            query_free: AtomicU64::new(0),
            request_len: AtomicU64::new(0),
            args_len: AtomicU64::new(0),
            output_len: AtomicU64::new(0),
            memory: AtomicU64::new(0),
            command: AtomicU32::new(NO_COMMAND),
            net_in: AtomicU64::new(0),
            net_out: AtomicU64::new(0),
            commands: AtomicU64::new(0),
            protocol: AtomicU8::new(2),
            waiter: Mutex::default(),
            killed: false.into(),
        });
        self.all.lock().insert(id, record.clone());
        record
    }

    /// Forgets a connection.
    pub fn remove(&self, id: u64) {
        if let Some(record) = self.all.lock().remove(&id) {
            self.note_memory(&record, 0);
        }
    }

    /// Publishes the memory that a client takes, in bytes.
    pub fn note_memory(&self, record: &ClientRecord, bytes: u64) {
        let before = record.memory.swap(bytes, Relaxed);
        if before != bytes {
            self.memory.fetch_add(bytes as i64 - before as i64, Relaxed);
        }
    }

    /// Chooses the largest clients to be closed until the others take no more than `limit` bytes, and counts them;
    /// `maxmemory-clients`. Replicas stay, and those that asked for it (CLIENT NO-EVICT).
    pub fn evict(&self, limit: u64) -> Vec<Arc<ClientRecord>> {
        if self.memory.load(Relaxed).max(0) as u64 <= limit {
            return Vec::new();
        }
        let mut candidates = self.list();
        candidates.retain(|record| !record.killed.load(Relaxed));
        let mut used: u64 = candidates.iter().map(|record| record.memory.load(Relaxed)).sum();
        let stays = |record: &ClientRecord| {
            State::from_bits_truncate(record.state.load(Relaxed)).intersects(State::NO_EVICT | State::REPLICA)
        };
        candidates.retain(|record| !stays(record));
        candidates.sort_by_key(|record| std::cmp::Reverse(record.memory.load(Relaxed)));
        let evicted: Vec<_> = candidates
            .into_iter()
            .take_while(|record| {
                let goes = used > limit;
                used = used.saturating_sub(record.memory.load(Relaxed));
                goes
            })
            .collect();
        self.evicted.fetch_add(evicted.len() as u64, Relaxed);
        evicted
    }

    /// All of them, in the order of their numbers.
    pub fn list(&self) -> Vec<Arc<ClientRecord>> {
        self.all.lock().values().cloned().collect()
    }

    /// One by its number.
    pub fn get(&self, id: u64) -> Option<Arc<ClientRecord>> {
        self.all.lock().get(&id).cloned()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.lock().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
