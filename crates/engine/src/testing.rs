//! Command tests as text: a line in, the reply out, in RESP2 and RESP3.
//!
//! ```ignore
//! let mut t = Tester::new(&[COMMANDS]);
//! t.check("SET k v EX 10", "+OK");
//! t.check("GET k", "$v");
//! t.check("HELLO 3", ...);
//! ```
//!
//! A reply is written in short: `+status`, `-error`, `:integer`, `$bulk`, `(nil)`, `[a, b]` for arrays, `{k: v}` for
//! maps and `~[...]` for sets, `,double`, `#t`, `>[...]`. Each command runs in a RESP2 keyspace and, by the same text, in a RESP3 one; and
//! what either logs is replayed into a third, which must hold the same keys in the end.

use std::sync::Arc;

use config::{Config, Param};
use keyspace::{Cursor, Found, Keyspace, PARTITIONS, View};
use resp::{Limits, OwnedArgs, Protocol};

use crate::batch::{Batch, Peer, Peers};
use crate::blocking::Ended;
use crate::client::{Arrival, Client, State};
use crate::command::Command;
use crate::engine::{Engine, Facts, Host, LogLevel, Message, Shutdown, unix_millis};
use crate::pipeline::Executor;
use crate::table::CommandTable;

/// A process that does nothing.
struct NoHost;

impl Host for NoHost {
    fn log(&self, _: LogLevel, _: &str) {}
    fn apply(&self, _: &[&'static Param], _: &Config) -> Result<(), (&'static str, String)> {
        Ok(())
    }
    fn rewrite_config(&self, _: &Config, _: bool) -> Result<(), String> {
        Err("The server is running without a config file".into())
    }
    fn facts(&self) -> Facts {
        Facts::default()
    }
    fn shutdown(&self, _: Shutdown) {}
    fn wait_for_end(&self) {}
    fn drop_later(&self, garbage: Box<dyn Send>) {
        drop(garbage);
    }
}

/// An engine with one worker and some clients, driven by text.
pub struct Session {
    engine: &'static Engine,
    executor: Executor,
    peers: Vec<Peer>,
    /// All that was logged.
    logged: Vec<u8>,
}

impl Peers for Vec<Peer> {
    fn peer(&mut self, index: usize) -> &mut Peer {
        &mut self[index]
    }
}

impl Session {
    /// An empty server with these commands.
    pub fn new(families: &[&'static [Command]], config: Config) -> Session {
        Session::with_host(families, config, Box::new(NoHost))
    }

    /// The same in a process of the test's making.
    pub fn with_host(families: &[&'static [Command]], config: Config, host: Box<dyn Host>) -> Session {
        let engine = Engine::start(config, CommandTable::new(families), 1, host);
        Session { engine, executor: Executor::new(engine, 0), peers: vec![], logged: vec![] }
    }

    /// The engine.
    pub fn engine(&self) -> &'static Engine {
        self.engine
    }

    /// Connects a client; answers its number.
    pub fn connect(&mut self) -> usize {
        let arrival = Arrival {
            address: "127.0.0.1:50000".into(),
            local_address: "127.0.0.1:6379".into(),
            fd: 8,
            is_unix: false,
            worker: 0,
            now_ms: unix_millis(),
        };
        let locked = self.engine.config().requirepass.is_some();
        let state = if locked { State::UNAUTHENTICATED } else { State::empty() };
        self.peers.push(Peer::new(Client::new(self.engine.clients.add(arrival), state)));
        self.peers.len() - 1
    }

    /// A connected client.
    pub fn client(&mut self, number: usize) -> &mut Client {
        &mut self.peers[number].client
    }

    /// Sends bytes for a client; answers the bytes that come back.
    pub fn send(&mut self, client: usize, bytes: &[u8]) -> Vec<u8> {
        self.peers[client].input.extend_from_slice(bytes);
        let mut batch = Batch::default();
        loop {
            let peer = &mut self.peers[client];
            let planned =
                batch.plan(self.engine, client, peer, Limits::authenticated(512 << 20)).expect("a request");
            self.executor.run(&mut batch, &mut self.peers);
            self.peers[client].compact();
            if !planned.more && !self.peers[client].can_go_on() {
                break;
            }
        }
        std::mem::take(&mut self.peers[client].client.reply)
    }

    /// Runs one command; answers the reply in short.
    pub fn run(&mut self, client: usize, args: &[&[u8]]) -> String {
        let mut request = vec![];
        resp::Encoder::new(&mut request, Protocol::Resp2).bulks(args.iter());
        let reply = self.send(client, &request);
        let mut rest = &reply[..];
        let mut shown = vec![];
        while !rest.is_empty() {
            shown.push(show(&mut rest));
        }
        shown.join(" ")
    }

    /// What a client got that it did not just ask for, in short: the end of a wait. `None` if nothing came.
    pub fn received(&mut self, client: usize) -> Option<String> {
        for message in self.engine.mailboxes[0].take() {
            if let Message::Touched(keys) = message {
                self.executor.serve_waiters(keys);
                return self.received(client);
            }
            let Message::Unblocked(id, ended) = message else { continue };
            if let Some(peer) = self.peers.iter_mut().find(|peer| peer.client.record.id == id) {
                self.executor.end_wait(&mut peer.client, ended);
            }
        }
        let reply = std::mem::take(&mut self.peers[client].client.reply);
        (!reply.is_empty()).then(|| show(&mut &reply[..]))
    }

    /// Lets the time of a client's wait be over.
    pub fn time_out(&mut self, client: usize) {
        let client = &mut self.peers[client].client;
        if client.waiting.as_ref().is_some_and(|waiting| waiting.waiter.claim()) {
            self.executor.end_wait(client, Ended::TimedOut);
        }
    }

    /// All that was logged so far, if the log is read.
    pub fn logged(&mut self) -> &[u8] {
        self.logged.append(&mut self.engine.log.take(Vec::new()).0);
        &self.logged
    }

    /// Every key of every database: value, expiry.
    pub fn dump(&mut self) -> Vec<String> {
        dump(&self.engine.keyspace)
    }
}

fn dump(keyspace: &Keyspace) -> Vec<String> {
    let member = keyspace.join();
    let mut exclusive = keyspace.exclusive(&member);
    let mut view = View::exclusive(&mut exclusive, unix_millis());
    let mut all = vec![];
    for db in 0..keyspace.databases() {
        view.db = db;
        for partition in 0..PARTITIONS {
            let mut count = usize::MAX;
            view.scan_partition(Cursor { partition, position: 0 }, &mut count, &mut |found| {
                let (key, value, expiry) = (found.key(), elements(found), found.expiry());
                all.push(format!("{db} {key:?} {:?} {value:?} {expiry:?}", found.value_type()));
            });
        }
    }
    all.sort();
    all
}

/// What a value holds, however it is encoded.
fn elements(found: Found) -> Vec<Vec<Vec<u8>>> {
    if let Ok(string) = found.str() {
        return vec![vec![string.to_vec()]];
    }
    let mut elements = vec![];
    if let Some(object) = found.object() {
        object.each(&mut |parts| elements.push(parts.iter().map(|part| part.to_vec()).collect::<Vec<_>>()));
    }
    if !found.value_type().is_ordered() {
        elements.sort();
    }
    elements
}

/// Two sessions, one a protocol, and what their logs say, replayed.
pub struct Tester {
    families: Vec<&'static [Command]>,
    sessions: [Session; 2],
    at: usize,
}

impl Tester {
    /// Sessions with these commands and Redis's defaults; one client each.
    pub fn new(families: &[&'static [Command]]) -> Tester {
        Tester::with_config(
            families,
            Config { enable_debug_command: config::ProtectedAction::Yes, ..Config::default() },
        )
    }

    /// The same with a configuration.
    pub fn with_config(families: &[&'static [Command]], config: Config) -> Tester {
        let session = |protocol| {
            let mut session = Session::new(families, config.clone());
            session.engine.log.attach();
            let client = session.connect();
            session.client(client).speak(protocol);
            session
        };
        let sessions = [session(Protocol::Resp2), session(Protocol::Resp3)];
        Tester { families: families.to_vec(), sessions, at: 0 }
    }

    /// Lets the next commands come from another client (0 is the first), which connects now if it is new.
    pub fn client(&mut self, number: usize) -> &mut Tester {
        for session in &mut self.sessions {
            while session.peers.len() <= number {
                let client = session.connect();
                let protocol = session.peers[0].client.protocol;
                session.client(client).speak(protocol);
            }
        }
        self.at = number;
        self
    }

    /// Runs a line (words and quotes as in redis-cli) and compares its replies in both protocols.
    #[track_caller]
    pub fn check_both(&mut self, line: &str, resp2: &str, resp3: &str) {
        let words = resp::words::split(line.as_bytes()).expect("a line of words");
        let args: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        for (session, expected) in self.sessions.iter_mut().zip([resp2, resp3]) {
            let reply = session.run(self.at, &args);
            assert_eq!(reply, expected, "{line} in {:?}", session.peers[self.at].client.protocol);
        }
    }

    /// Runs a line whose reply is the same in both protocols.
    #[track_caller]
    pub fn check(&mut self, line: &str, expected: &str) {
        self.check_both(line, expected, expected);
    }

    /// Runs a line whose reply is an integer within limits: a time that passes while the test runs.
    #[track_caller]
    pub fn check_in(&mut self, line: &str, limits: std::ops::RangeInclusive<i64>) {
        let reply = self.reply(line);
        let number = reply.strip_prefix(':').and_then(|n| n.parse().ok());
        assert!(number.is_some_and(|n| limits.contains(&n)), "{line}: {reply}");
    }

    /// What a client has received without asking just now, in RESP2 and RESP3: the end of a wait.
    #[track_caller]
    pub fn check_received(&mut self, client: usize, resp2: Option<&str>, resp3: Option<&str>) {
        for (session, expected) in self.sessions.iter_mut().zip([resp2, resp3]) {
            assert_eq!(session.received(client).as_deref(), expected);
        }
    }

    /// Lets the time of a client's wait be over.
    pub fn time_out(&mut self, client: usize) {
        self.sessions.iter_mut().for_each(|session| session.time_out(client));
    }

    /// What the RESP2 session has logged so far: a line for each command, its arguments with blanks between.
    pub fn logged(&mut self) -> Vec<String> {
        let (mut rest, mut lines) = (self.sessions[0].logged(), vec![]);
        while !rest.is_empty() {
            let command = show(&mut rest);
            lines.push(command.trim_matches(['[', ']']).replace(", $", " ").replacen('$', "", 1));
        }
        lines
    }

    /// The reply of a line in RESP2, for tests that look at parts of it; it runs in both.
    pub fn reply(&mut self, line: &str) -> String {
        let words = resp::words::split(line.as_bytes()).expect("a line of words");
        let args: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        let [first, second] = &mut self.sessions;
        second.run(self.at, &args);
        first.run(self.at, &args)
    }

    /// The RESP2 session.
    pub fn session(&mut self) -> &mut Session {
        &mut self.sessions[0]
    }

    /// Replays what was logged into a fresh server, and compares all keys.
    #[track_caller]
    pub fn check_log(&mut self) {
        for session in &mut self.sessions {
            let mut replica = Session::new(&self.families, Config::default());
            let link = replica.connect();
            let replies = replica.send(link, session.logged());
            assert!(
                !replies.contains(&b'-') || !String::from_utf8_lossy(&replies).contains("-ERR"),
                "the log replays"
            );
            assert_eq!(
                session.dump(),
                replica.dump(),
                "the log says what was done:\n{}",
                String::from_utf8_lossy(session.logged())
            );
        }
    }
}

impl Drop for Tester {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.check_log();
        }
    }
}

/// One reply in short; takes it off `rest`.
pub fn show(rest: &mut &[u8]) -> String {
    let end = rest.windows(2).position(|w| w == b"\r\n").expect("a whole reply");
    let (kind, line) = (rest[0] as char, String::from_utf8_lossy(&rest[1..end]).into_owned());
    *rest = &rest[end + 2..];
    let number: i64 = line.parse().unwrap_or(0);
    let mut items = |n: i64, sep: &str| -> String {
        let items: Vec<String> = (0..n).map(|_| show(rest)).collect();
        items.chunks(if sep == ": " { 2 } else { 1 }).map(|c| c.join(sep)).collect::<Vec<_>>().join(", ")
    };
    match kind {
        '$' | '*' if number < 0 => "(nil)".into(),
        '_' => "(nil)".into(),
        '$' | '=' => {
            let text = String::from_utf8_lossy(&rest[..number as usize]).into_owned();
            *rest = &rest[number as usize + 2..];
            format!("{kind}{text}")
        }
        '*' => format!("[{}]", items(number, "")),
        '~' | '>' => format!("{kind}[{}]", items(number, "")),
        '%' => format!("{{{}}}", items(2 * number, ": ")),
        kind => format!("{kind}{line}"),
    }
}

/// Arguments from words.
pub fn args(words: &[&str]) -> OwnedArgs {
    words.iter().collect()
}

/// The configuration of a session, changed.
pub fn reconfigure(engine: &'static Engine, change: impl FnOnce(&mut Config)) {
    let _one = engine.config_change.lock();
    let mut config = Config::clone(&Arc::clone(&engine.config()));
    change(&mut config);
    engine.publish(config);
}
