//! A client in one line, as CLIENT LIST and INFO show it: Redis 7.4's fields in Redis 7.4's order.

use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;

use engine::client::ClientRecord;
use engine::{Engine, State};
use resp::{Args, Encoder, Protocol};

use super::super::auth::DEFAULT_USER;

/// Writes lines about clients.
pub struct Lines<'a> {
    engine: &'static Engine,
    /// Full names of commands by number.
    commands: Vec<&'static str>,
    /// The client that asks, and what it runs: its record does not say so yet.
    own: u64,
    args: Args<'a>,
    now: i64,
    out: String,
}

impl<'a> Lines<'a> {
    /// Lines for client number `own`, which runs `args` at `now`.
    pub fn new(engine: &'static Engine, own: u64, args: Args<'a>, now: i64) -> Lines<'a> {
        let mut commands = vec![""; engine.table.ids()];
        engine.table.all().for_each(|row| commands[row.id] = &row.full_name);
        Lines { engine, commands, own, args, now, out: String::new() }
    }

    /// The lines, each with its end.
    pub fn text(self) -> String {
        self.out
    }

    /// Adds a client.
    pub fn add(&mut self, record: &ClientRecord) {
        self.identity(record);
        self.work(record);
        self.buffers(record);
        self.speech(record);
    }

    fn identity(&mut self, record: &ClientRecord) {
        let seconds_since = |ms: i64| (self.now - ms).max(0) / 1000;
        let name = record.names.lock().name.clone().unwrap_or_default();
        let _ = write!(
            self.out,
            "id={} addr={} laddr={} fd={} name={name} age={} idle={} ",
            record.id,
            record.address,
            record.local_address,
            record.fd,
            seconds_since(record.connected_ms),
            seconds_since(record.last_active_ms.load(Relaxed)),
        );
    }

    fn work(&mut self, record: &ClientRecord) {
        let _ = write!(
            self.out,
            "flags={} db={} sub=0 psub=0 ssub=0 multi={} watch={} ",
            flags(record),
            record.db.load(Relaxed),
            record.multi.load(Relaxed),
            record.watched.load(Relaxed),
        );
    }

    /// Sizes in bytes. Replies have no fixed buffer here: all of them count as the list's, in one block.
    fn buffers(&mut self, record: &ClientRecord) {
        let received = record.query_len.load(Relaxed);
        let (args, received) = match record.id == self.own {
            // The request that runs is in the buffer still, and not in the record yet.
            true => (self.args.total_bytes() as u64, received.max(request_len(self.args))),
            false => (record.request_len.load(Relaxed), received),
        };
        let output = record.output_len.load(Relaxed);
        let _ = write!(
            self.out,
            "qbuf={received} qbuf-free={} argv-mem={args} multi-mem={} rbs=0 rbp=0 obl=0 oll={} omem={output} tot-mem={} events={} ",
            record.query_free.load(Relaxed),
            record.args_len.load(Relaxed),
            u8::from(output > 0),
            record.memory.load(Relaxed),
            if output > 0 { "rw" } else { "r" },
        );
    }

    fn speech(&mut self, record: &ClientRecord) {
        let command = self.command(record);
        let names = record.names.lock();
        let _ = writeln!(
            self.out,
            "cmd={command} user={} redir=-1 resp={} lib-name={} lib-ver={}",
            names.user.as_deref().unwrap_or(DEFAULT_USER),
            record.protocol.load(Relaxed),
            names.lib_name.as_deref().unwrap_or_default(),
            names.lib_version.as_deref().unwrap_or_default(),
        );
    }

    fn command(&self, record: &ClientRecord) -> &'static str {
        if record.id == self.own {
            return self.engine.table.find(self.args).map_or("NULL", |row| &row.full_name);
        }
        self.commands.get(record.command.load(Relaxed) as usize).copied().unwrap_or("NULL")
    }
}

/// Bytes of a request on the wire.
fn request_len(args: Args) -> u64 {
    let mut bytes = Vec::new();
    Encoder::new(&mut bytes, Protocol::Resp2).bulks(args.iter());
    bytes.len() as u64
}

/// One letter a state.
fn flags(record: &ClientRecord) -> String {
    const LETTERS: &[(State, char)] = &[
        (State::MONITOR, 'O'),
        (State::REPLICA, 'S'),
        (State::PUBSUB, 'P'),
        (State::MULTI, 'x'),
        (State::BLOCKED, 'b'),
        (State::DIRTY, 'd'),
        (State::CLOSING, 'c'),
        (State::UNIX, 'U'),
        (State::NO_EVICT, 'e'),
        (State::NO_TOUCH, 'T'),
    ];
    let state = State::from_bits_truncate(record.state.load(Relaxed));
    let mut letters: String = LETTERS.iter().filter(|(s, _)| state.contains(*s)).map(|(_, c)| c).collect();
    if record.killed.load(Relaxed) {
        letters.push('A');
    }
    if letters.is_empty() { "N".to_owned() } else { letters }
}
