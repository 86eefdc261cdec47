//! Plays rounds to both servers and compares every reply, and in the end all that they hold.

use crate::grammar::Argv;
use crate::plan::{CONNECTIONS, Request, Step, ends_transaction};
use crate::rules::Rules;
use std::fmt::Display;
use std::thread;
use std::time::Duration;
use suites::{Client, Kind, Server, Value};

/// Both have these limits, so that edges are near: offsets above 1 MiB are refused.
const OPTIONS: [&str; 6] =
    ["--proto-max-bulk-len", "1mb", "--slowlog-log-slower-than", "-1", "--list-compress-depth", "1"];

/// Longer than `<soon>`.
const WAIT: Duration = Duration::from_millis(crate::atoms::SOON_MS * 3 / 2);

/// Databases of a server.
const DATABASES: usize = 16;

/// The servers, side by side.
pub struct Pair {
    ours: Server,
    genuine: Server,
}

/// Where the two first disagreed.
#[derive(Clone, Debug)]
pub struct Divergence {
    /// Index of the step; the number of steps when only the final contents differ.
    pub step: usize,
    /// What was asked.
    pub asked: String,
    /// The command's name, or `(contents)`.
    pub command: String,
    /// What our server said.
    pub ours: String,
    /// What genuine redis-server said.
    pub genuine: String,
}

impl Pair {
    /// Starts both.
    pub fn start() -> Pair {
        Pair { ours: Server::start(Kind::Ours, &OPTIONS), genuine: Server::start(Kind::Genuine, &OPTIONS) }
    }

    /// Plays the steps on emptied servers; the first disagreement ends them.
    pub fn play(&mut self, steps: &[Step], rules: &Rules) -> Option<Divergence> {
        let mut round = Round::start(self, rules);
        let played = round.steps(steps);
        drop(round);
        let found = played.and_then(|()| self.same_contents(steps.len(), rules));
        if self.ours.exited().is_some() {
            eprintln!("our server ended; it printed:\n{}", self.ours.printed());
            self.ours = Server::start(Kind::Ours, &OPTIONS);
        }
        found.err().map(|divergence| *divergence)
    }

    fn same_contents(&self, step: usize, rules: &Rules) -> Played {
        let mut both = Both { ours: self.ours.client(), genuine: self.genuine.client(), rules, step };
        for db in 0..DATABASES {
            both.ask(&["SELECT", &db.to_string()])?;
            let keys = both.ask(&["KEYS", "*"])?;
            let mut keys = keys.elements().map_or_else(Vec::new, <[Value]>::to_vec);
            keys.sort();
            for key in keys.iter().filter_map(Value::bytes) {
                both.same_key(key)?;
            }
            both.ask(&["DBSIZE"])?;
        }
        Ok(())
    }
}

type Played = Result<(), Box<Divergence>>;

/// A fresh connection to each, for the final look.
struct Both<'a> {
    ours: Client,
    genuine: Client,
    rules: &'a Rules,
    step: usize,
}

impl Both<'_> {
    fn ask<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Result<Value, Box<Divergence>> {
        let argv: Argv = args.iter().map(|arg| arg.as_ref().to_vec()).collect();
        let (ours, genuine) = (reply(&mut self.ours, &argv), reply(&mut self.genuine, &argv));
        let asked = Request { argv, inline: false };
        compare(self.rules, &asked, &ours, &genuine).map_err(|mut divergence| {
            divergence.step = self.step;
            divergence.command = "(contents)".into();
            divergence
        })?;
        genuine.map_err(|_| unreachable!("two failures do not agree"))
    }

    fn same_key(&mut self, key: &[u8]) -> Played {
        let kind = self.ask(&[b"TYPE".as_slice(), key])?.text();
        let read: &[&[u8]] = match kind.as_str() {
            "string" => &[b"GET"],
            "list" => &[b"LRANGE", b"0", b"-1"],
            "hash" => &[b"HGETALL"],
            "set" => &[b"SMEMBERS"],
            "zset" => &[b"ZRANGE", b"0", b"-1", b"WITHSCORES"],
            "stream" => &[b"XRANGE", b"-", b"+"],
            _ => &[b"EXISTS"],
        };
        self.ask(&[b"OBJECT".as_slice(), b"ENCODING", key])?;
        self.ask(&[b"PTTL".as_slice(), key])?;
        self.ask(&[&read[..1], &[key], &read[1..]].concat()).map(drop)
    }
}

fn reply(client: &mut Client, argv: &Argv) -> Reply {
    client.send(argv).and_then(|()| client.read()).map_err(|error| error.to_string())
}

/// A reply, or why none came.
type Reply = Result<Value, String>;

struct Round<'a> {
    ours: Vec<Client>,
    genuine: Vec<Client>,
    /// What each connection has queued since MULTI.
    queued: Vec<Vec<Request>>,
    rules: &'a Rules,
}

impl<'a> Round<'a> {
    fn start(pair: &Pair, rules: &'a Rules) -> Round<'a> {
        let connect = |server: &Server| {
            let mut clients: Vec<Client> = (0..CONNECTIONS).map(|_| server.client()).collect();
            assert_eq!(clients[0].line("FLUSHALL SYNC").text(), "OK");
            clients
        };
        Round {
            ours: connect(&pair.ours),
            genuine: connect(&pair.genuine),
            queued: vec![Vec::new(); CONNECTIONS],
            rules,
        }
    }

    fn steps(&mut self, steps: &[Step]) -> Played {
        for (i, step) in steps.iter().enumerate() {
            match step {
                Step::Wait => thread::sleep(WAIT),
                Step::Batch { connection, requests } => {
                    self.batch(*connection, requests).map_err(|mut divergence| {
                        divergence.step = i;
                        divergence
                    })?;
                }
            }
        }
        Ok(())
    }

    fn batch(&mut self, connection: usize, requests: &[Request]) -> Played {
        let bytes: Vec<u8> = requests.iter().flat_map(Request::encoded).collect();
        let (ours, genuine) = (&mut self.ours[connection], &mut self.genuine[connection]);
        // A refused write shows as a missing reply below.
        let _ = (ours.send_raw(&bytes), genuine.send_raw(&bytes));
        for request in requests {
            let (ours, genuine) = (self.ours[connection].read(), self.genuine[connection].read());
            let (ours, genuine) = (ours.map_err(|e| e.to_string()), genuine.map_err(|e| e.to_string()));
            self.judge(connection, request, ours, genuine)?;
        }
        Ok(())
    }

    fn judge(&mut self, connection: usize, request: &Request, ours: Reply, genuine: Reply) -> Played {
        let queued = genuine == Ok(Value::Simple(b"QUEUED".to_vec()));
        let word = request.argv[0].to_ascii_uppercase();
        if let (b"EXEC", Ok(Value::Array(a)), Ok(Value::Array(b))) = (word.as_slice(), &ours, &genuine) {
            return self.judge_transaction(connection, a, b);
        }
        let (ours, genuine) = match (ours, genuine) {
            (Ok(ours), Ok(genuine)) if request.is_whole_scan() && !queued => (
                whole_scan(&mut self.ours[connection], request, ours),
                whole_scan(&mut self.genuine[connection], request, genuine),
            ),
            same => same,
        };
        compare(self.rules, request, &ours, &genuine)?;
        if queued {
            self.queued[connection].push(request.clone());
        } else if ends_transaction(&request.argv) {
            self.queued[connection].clear();
        }
        Ok(())
    }

    /// The replies of EXEC, each by the rules of its command.
    fn judge_transaction(&mut self, connection: usize, ours: &[Value], genuine: &[Value]) -> Played {
        let queued = std::mem::take(&mut self.queued[connection]);
        if ours.len() != genuine.len() {
            return Err(divergence("EXEC", "EXEC", list(ours), list(genuine)));
        }
        for (i, (ours, genuine)) in ours.iter().zip(genuine).enumerate() {
            let request = queued.get(i).expect("a reply of EXEC for each queued command");
            compare(self.rules, request, &Ok(ours.clone()), &Ok(genuine.clone())).map_err(
                |mut divergence| {
                    divergence.asked = format!("{} (in EXEC)", divergence.asked);
                    divergence
                },
            )?;
        }
        Ok(())
    }
}

/// Follows the cursor of a SCAN to its end; its keys, sorted and each once, stand for the reply.
fn whole_scan(client: &mut Client, request: &Request, first: Value) -> Reply {
    /// Calls after which an iteration that does not end is taken for a fault.
    const MOST_CALLS: usize = 100_000;
    let mut keys = Vec::new();
    let mut page = first;
    for _ in 0..MOST_CALLS {
        let (cursor, found) = match page.elements() {
            Some([cursor, found]) if found.elements().is_some() => {
                (cursor.text(), found.elements().unwrap_or(&[]))
            }
            _ => return Ok(page),
        };
        keys.extend_from_slice(found);
        if cursor == "0" {
            keys.sort();
            keys.dedup();
            return Ok(Value::Array(keys));
        }
        let mut argv = request.argv.clone();
        argv[1] = cursor.into_bytes();
        page = reply(client, &argv)?;
    }
    Err("SCAN does not come to its end".into())
}

fn compare(rules: &Rules, request: &Request, ours: &Reply, genuine: &Reply) -> Played {
    match (ours, genuine) {
        (Ok(a), Ok(b)) if rules.agree(&request.argv, a, b) => Ok(()),
        _ => {
            let (ours, genuine) = excerpts(&said(ours), &said(genuine));
            Err(divergence(request, &name(&request.argv), ours, genuine))
        }
    }
}

fn divergence(asked: impl Display, command: &str, ours: String, genuine: String) -> Box<Divergence> {
    Box::new(Divergence { step: 0, asked: asked.to_string(), command: command.to_string(), ours, genuine })
}

fn said(reply: &Reply) -> String {
    match reply {
        Ok(value) => value.to_string(),
        Err(error) => format!("(no reply: {error})"),
    }
}

/// Commands that are known by two words.
const CONTAINERS: [&str; 8] =
    ["CLIENT", "COMMAND", "CONFIG", "OBJECT", "MEMORY", "SLOWLOG", "LATENCY", "DEBUG"];

fn name(argv: &Argv) -> String {
    let word = |arg: &Vec<u8>| arg.escape_ascii().to_string().to_uppercase();
    let name = word(&argv[0]);
    match argv.get(1) {
        Some(second) if CONTAINERS.contains(&name.as_str()) => format!("{name} {}", word(second)),
        _ => name,
    }
}

/// The part of two long texts where they first differ.
fn excerpts(ours: &str, genuine: &str) -> (String, String) {
    const BEFORE: usize = 100;
    const LENGTH: usize = 500;
    let same = ours.chars().zip(genuine.chars()).take_while(|(a, b)| a == b).count();
    let excerpt = |text: &str| {
        let start = same.saturating_sub(BEFORE);
        let part: String = text.chars().skip(start).take(LENGTH).collect();
        if part.len() == text.len() { part } else { format!("... {part} ...") }
    };
    (excerpt(ours), excerpt(genuine))
}

fn list(values: &[Value]) -> String {
    Value::Array(values.to_vec()).to_string()
}
