//! A connection: a socket with the client behind it.
//!
//! Buffers are borrowed from the worker's [`Pool`] while they hold bytes, so an idle connection keeps none.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::Ordering::Relaxed;

use config::{ClientClass, Config, OutputLimit};
use engine::client::Clients;
use engine::log::ReplLog;
use engine::{Client, Peer, State};
use net::Stream;
use resp::ProtocolError;
use rustix::net::{RecvFlags, SendFlags};

use crate::pool::{self, Expected, Pool};

/// Room that is made at most for an argument of which nothing has arrived, in bytes.
const FIRST_STEP: usize = 1024 * 1024;
/// Output that no limit of a class counts, in bytes: redis-server has room for so much in each client, and counts the lists behind it.
const UNCOUNTED_OUTPUT: usize = 16 * 1024;
/// Unread output that closes a connection which has not authenticated, in bytes (CVE-2025-21605).
const UNAUTHENTICATED_OUTPUT: usize = 64 * 1024;

/// Why a connection is closed at once.
#[derive(Debug, PartialEq, Eq)]
pub enum Close {
    /// The other end has closed, or the socket failed.
    Gone,
    /// CLIENT KILL.
    Killed,
    /// `timeout`.
    Idle,
    /// client-query-buffer-limit.
    QueryLimit,
    /// client-output-buffer-limit.
    OutputLimit,
    /// All replies of a closing client are sent.
    Finished,
}

/// One connection of a worker.
pub struct Connection {
    /// The socket.
    pub stream: Stream,
    /// The client, and what it has sent.
    pub peer: Peer,
    /// It broke the protocol: said once the replies before are written, then the connection closes.
    pub protocol_error: Option<ProtocolError>,
    /// The other end sends no more: what it sent before is still run.
    pub ended: bool,
    /// The last turn that it had a part in.
    pub turn: u64,
    /// Bytes of the client's reply that are sent already.
    sent: usize,
    /// Bytes ever sent.
    sent_ever: u64,
    /// Output that waits for the log: what goes up to so many bytes ever, until the log is durable up to there.
    held: VecDeque<(u64, u64)>,
    /// Of the output, bytes ever that need not wait any more.
    free: u64,
    /// What the next receive asks for: a client with a long pipeline is served in fewer turns.
    received_at_once: Expected,
    /// What the next replies are expected to take.
    replies_at_once: Expected,
    /// What the argument under way still lacks, in bytes.
    missing: usize,
    /// Since when the output is above its soft limit, in Unix milliseconds.
    soft_since: Option<i64>,
    /// When it last sent something, or took what was sent to it, in Unix milliseconds.
    last_active_ms: i64,
    received: u64,
}

impl Connection {
    /// A connection just accepted.
    pub fn new(stream: Stream, client: Client, now: i64) -> Connection {
        Connection {
            stream,
            peer: Peer::new(client),
            protocol_error: None,
            ended: false,
            turn: 0,
            sent: 0,
            sent_ever: 0,
            held: VecDeque::new(),
            free: 0,
            received_at_once: Expected::default(),
            replies_at_once: Expected::default(),
            missing: 0,
            soft_since: None,
            last_active_ms: now,
            received: 0,
        }
    }

    /// Receives once. Answers how many bytes, and whether more may be there already.
    pub fn receive(&mut self, pool: &mut Pool, now: i64) -> Result<(usize, bool), Close> {
        self.make_room(pool);
        let input = &mut self.peer.input;
        let room = input.capacity() - input.len();
        let received = match recv(&self.stream, input) {
            Ok(0) => return Err(Close::Gone),
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok((0, false)),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => return Ok((0, true)),
            Err(_) => return Err(Close::Gone),
        };
        let full = received == room;
        self.received_at_once.learn(if full { room * 2 } else { received });
        self.last_active_ms = now;
        self.received += received as u64;
        Ok((received, full || self.ended))
    }

    /// Makes room for the next receive: exactly for the argument under way, in steps that grow with what has arrived, so that
    /// a length alone makes us allocate little.
    fn make_room(&mut self, pool: &mut Pool) {
        let input = &mut self.peer.input;
        if input.capacity() == 0 {
            *input = pool.take(self.received_at_once.size());
        }
        let room = input.capacity() - input.len();
        let step = self.missing.min(input.len().max(FIRST_STEP));
        if self.missing == 0 && room < self.received_at_once.size() / 2 {
            pool.grow(input, self.received_at_once.size());
        } else if room < step.min(pool::LARGEST) {
            input.reserve_exact(step);
        }
    }

    /// Expects an argument of which `missing` bytes are still to come; 0: none that is known.
    pub fn expect(&mut self, missing: usize) {
        self.missing = missing;
    }

    /// Notes that what there is to send was made when the log ended at `end`, and may have to wait for it. Answers whether it
    /// does.
    pub fn hold(&mut self, log: &ReplLog, end: u64) -> bool {
        let made = self.sent_ever + self.unsent() as u64;
        let waits =
            made > self.held.back().map_or(self.sent_ever, |(until, _)| *until) && !log.may_go_out(end);
        if waits {
            self.held.push_back((made, end));
        }
        waits
    }

    /// Whether output waits for the log.
    pub fn is_held(&self) -> bool {
        !self.held.is_empty()
    }

    /// How many of the bytes to send may go out.
    fn sendable(&mut self, log: &ReplLog) -> usize {
        while let Some((made, end)) = self.held.front()
            && log.may_go_out(*end)
        {
            self.free = *made;
            self.held.pop_front();
        }
        if self.held.is_empty() { self.unsent() } else { self.free.saturating_sub(self.sent_ever) as usize }
    }

    /// Sends what there is to send and need not wait for the log, in one write if the socket takes it. Answers the bytes sent.
    pub fn flush(&mut self, pool: &mut Pool, log: &ReplLog, now: i64) -> Result<usize, Close> {
        let end =
            if self.held.is_empty() { self.peer.client.reply.len() } else { self.sent + self.sendable(log) };
        let reply = &mut self.peer.client.reply;
        let mut total = 0;
        while self.sent < end {
            match send(&self.stream, &reply[self.sent..end]) {
                Ok(n) => {
                    self.sent += n;
                    self.sent_ever += n as u64;
                    total += n;
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Close::Gone),
            }
        }
        if total > 0 {
            self.last_active_ms = now;
        }
        if self.sent == reply.len() {
            self.replies_at_once.learn(reply.len());
            self.sent = 0;
            pool.give(std::mem::take(reply));
        } else if self.sent > pool::LARGEST {
            reply.drain(..self.sent);
            self.sent = 0;
        }
        Ok(total)
    }

    /// Gives the client an output buffer to write to.
    pub fn lend_output(&mut self, pool: &mut Pool) {
        if self.peer.client.reply.capacity() == 0 {
            self.peer.client.reply = pool.take(self.replies_at_once.size());
        }
    }

    /// Drops what was run, and gives the buffer back if nothing is left.
    pub fn compact(&mut self, pool: &mut Pool) {
        if self.peer.compact() {
            pool.give(std::mem::take(&mut self.peer.input));
        }
    }

    /// Bytes of replies that are not sent yet.
    pub fn unsent(&self) -> usize {
        self.peer.client.reply.len() - self.sent
    }

    /// What of them the limits of its class count.
    fn counted(&self) -> u64 {
        self.unsent().saturating_sub(UNCOUNTED_OUTPUT) as u64
    }

    /// Whether what there is to send may be sent. A client whose replies are beyond its hard limit gets none of them, even if
    /// the socket would take them, as in Redis.
    pub fn may_send(&self, config: &Config) -> Result<(), Close> {
        if self.peer.client.record.killed.load(Relaxed) {
            return Err(Close::Killed);
        }
        let hard = config.client_output_buffer_limit[self.class() as usize].hard;
        if hard > 0 && self.counted() > hard { Err(Close::OutputLimit) } else { Ok(()) }
    }

    /// Whether the connection must end now.
    pub fn judge(&mut self, config: &Config, now: i64) -> Result<(), Close> {
        self.may_send(config)?;
        let (client, unsent) = (&self.peer.client, self.unsent());
        if client.is(State::CLOSING) && unsent == 0 {
            return Err(Close::Finished);
        }
        if self.peer.input.len() as u64 > config.client_query_buffer_limit {
            return Err(Close::QueryLimit);
        }
        if unsent > UNAUTHENTICATED_OUTPUT && client.is(State::UNAUTHENTICATED) {
            return Err(Close::OutputLimit);
        }
        self.judge_output(config, now)
    }

    fn judge_output(&mut self, config: &Config, now: i64) -> Result<(), Close> {
        let OutputLimit { soft, soft_seconds, .. } = config.client_output_buffer_limit[self.class() as usize];
        if soft == 0 || self.counted() <= soft {
            self.soft_since = None;
        } else if now - *self.soft_since.get_or_insert(now) > soft_seconds as i64 * 1000 {
            return Err(Close::OutputLimit);
        }
        Ok(())
    }

    fn class(&self) -> ClientClass {
        let client = &self.peer.client;
        if client.is(State::REPLICA) {
            ClientClass::Replica
        } else if client.is(State::PUBSUB) {
            ClientClass::Pubsub
        } else {
            ClientClass::Normal
        }
    }

    /// Whether it has been silent for longer than `timeout` allows. Subscribers, replicas and clients that wait may be.
    pub fn is_idle(&self, config: &Config, now: i64) -> bool {
        let may = State::REPLICA | State::PUBSUB | State::BLOCKED | State::MONITOR;
        config.timeout > 0
            && !self.peer.client.is(may)
            && now - self.last_active_ms > config.timeout as i64 * 1000
    }

    /// Whether more has arrived than what one receive brings.
    pub fn holds_much(&self) -> bool {
        self.peer.input.capacity() > pool::SMALLEST
    }

    /// Publishes what CLIENT LIST shows; `sent` bytes went out since the last time.
    pub fn publish(&self, clients: &Clients, sent: usize) {
        let (record, input) = (&self.peer.client.record, &self.peer.input);
        record.last_active_ms.store(self.last_active_ms, Relaxed);
        let (unparsed, parsed) = self.peer.received();
        record.query_len.store(unparsed as u64, Relaxed);
        record.request_len.store(parsed as u64, Relaxed);
        record.query_free.store((input.capacity() - input.len()) as u64, Relaxed);
        record.output_len.store(self.unsent() as u64, Relaxed);
        clients.note_memory(record, self.peer.footprint() as u64);
        record.net_in.store(self.received, Relaxed);
        record.net_out.store(record.net_out.load(Relaxed) + sent as u64, Relaxed);
    }
}

/// Receives into the spare capacity of `buffer`.
fn recv(stream: &Stream, buffer: &mut Vec<u8>) -> io::Result<usize> {
    let fd = borrowed(stream);
    Ok(rustix::net::recv(fd, rustix::buffer::spare_capacity(buffer), RecvFlags::empty())?.0)
}

fn send(stream: &Stream, bytes: &[u8]) -> io::Result<usize> {
    Ok(rustix::net::send(borrowed(stream), bytes, SendFlags::NOSIGNAL)?)
}

fn borrowed(stream: &Stream) -> BorrowedFd<'_> {
    match stream {
        Stream::Tcp(stream) => stream.as_fd(),
        Stream::Unix { stream, .. } => stream.as_fd(),
    }
}

/// Tries once to send bytes to a connection that will be closed.
pub fn send_once(stream: &Stream, bytes: &[u8]) -> io::Result<usize> {
    send(stream, bytes)
}
