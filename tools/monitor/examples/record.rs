//! Records the fixtures of `tests/versions` from a genuine server: what the monitor asks in a round, and the replies as they were on
//! the wire.
//!
//!     cargo run -p monitor --example record -- /path/to/redis-server
//!
//! The program is `redis-server` or `valkey-server`; it is started as a primary with a replica, as a cluster of four and as two Sentinels,
//! all on loopback and in temporary folders. `tests/fixtures/NAME-VERSION/` gets `primary.resp`, `replica.resp`, `cluster.resp`,
//! `cluster-replica.resp` and `sentinel.resp`; what was there before is overwritten.

#[path = "../tests/common/tape.rs"]
mod tape;

use monitor::collect::Probe;
use monitor::contract::{Request, gather};
use monitor::facts::{Facts, Info};
use monitor::target::{Allow, Target, Trust};
use monitor::wire::Limits;
use std::error::Error;
use std::fs;
use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use suites::{Client, Server, Value, eventually, free_port};
use tape::{Tape, frame, serve};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> Outcome {
    let program = std::env::args_os().nth(1).ok_or("which server? record /path/to/redis-server")?;
    let shelf = Shelf::new(&fs::canonicalize(program)?)?;
    let (name, primary, replica) = replicated(&shelf)?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    fs::create_dir_all(&folder)?;
    for (role, tape) in [("primary", primary), ("replica", replica)] {
        tape.write(&folder.join(format!("{role}.resp")))?;
    }
    let (primary, replica) = cluster(&shelf)?;
    primary.write(&folder.join("cluster.resp"))?;
    replica.write(&folder.join("cluster-replica.resp"))?;
    sentinel(&shelf)?.write(&folder.join("sentinel.resp"))?;
    println!("{}", folder.display());
    Ok(())
}

/// The program under a neutral name and path: INFO tells where it was started from.
struct Shelf(PathBuf);

impl Shelf {
    fn new(program: &Path) -> Outcome<Self> {
        let folder = std::env::temp_dir().join(format!("monitor-record-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        std::os::unix::fs::symlink(program, folder.join("redis-server"))?;
        Ok(Shelf(folder))
    }

    fn program(&self) -> PathBuf {
        self.0.join("redis-server")
    }

    fn start(&self, options: &[&str]) -> Server {
        Server::start_program(&self.program(), options)
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        // What stays behind is a temporary folder.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A primary with some of everything and its replica; and the name of the fixture.
fn replicated(shelf: &Shelf) -> Outcome<(String, Tape, Tape)> {
    let options = "--appendonly yes --maxmemory 100mb --maxmemory-policy allkeys-lru --latency-monitor-threshold 1 \
                   --slowlog-log-slower-than 10000 --repl-diskless-sync-delay 0";
    let primary = shelf.start(&options.split_whitespace().collect::<Vec<_>>());
    let replica = shelf.start(&["--replicaof", "127.0.0.1", &primary.port().to_string()]);
    until("the replica", || {
        replica.client().line("INFO replication").text().contains("master_link_status:up")
    });
    let mut client = primary.client();
    let _visitors = [
        visit(&primary, "BLPOP nothing 0")?,
        visit(&primary, "SUBSCRIBE news")?,
        visit(&primary, "PSUBSCRIBE n*")?,
    ];
    fill(&mut client);
    until("an online replica", || {
        let text = primary.client().line("INFO replication").text();
        text.contains("state=online") && text.contains("lag=0")
    });
    let (tape, facts) = record(primary.port())?;
    let (followed, _) = record(replica.port())?;
    Ok((name(&facts.info), tape, followed))
}

/// `redis-7.0.15`, `valkey-8.0.1`
fn name(info: &Info) -> String {
    match info.get("valkey_version") {
        Some(version) => format!("valkey-{version}"),
        None => format!("redis-{}", info.text("redis_version")),
    }
}

/// Keys of every type in two databases, hits, misses, errors, a slow command, a save.
fn fill(client: &mut Client) {
    for line in [
        "CLIENT SETNAME recorder",
        "SET greeting hello",
        "SET session x EX 100000",
        "SET visits 7 EX 90000",
        "RPUSH queue a b c",
        "SADD tags x y z",
        "ZADD board 1 ann 2 bob",
        "HSET user name ann city ulm",
        "XADD events * kind start",
        "PFADD seen a b c",
        "GET greeting",
        "GET greeting",
        "GET greeting",
        "GET nothing",
        "LPUSH greeting x",
        "NOSUCHCOMMAND",
        "PUBLISH news hello",
        "SELECT 3",
        "SET elsewhere 1",
        "SELECT 0",
        "BGSAVE",
    ] {
        // Two of them are errors on purpose.
        client.line(line);
    }
    client.call(&["EVAL", "for i = 1, 9000000 do end return 1", "0"]);
    until("the save", || client.line("INFO persistence").text().contains("rdb_bgsave_in_progress:0"));
}

/// A client that waits for what does not come.
fn visit(server: &Server, line: &str) -> Outcome<Client> {
    let mut client = server.client();
    client.line("CLIENT SETNAME visitor");
    client.send(&line.split_whitespace().collect::<Vec<_>>())?;
    Ok(client)
}

/// Three primaries with a slot on the move and a replica of the first: the first and the replica.
fn cluster(shelf: &Shelf) -> Outcome<(Tape, Tape)> {
    let nodes: Vec<Server> = (0..4).map(|_| shelf.start(&["--cluster-enabled", "yes"])).collect();
    let mut clients: Vec<Client> = nodes.iter().map(Server::client).collect();
    for (client, slots) in clients.iter_mut().zip([0..5461, 5461..10923, 10923..16384]) {
        let slots = slots.map(|slot: u16| slot.to_string());
        client.call(&["CLUSTER".to_owned(), "ADDSLOTS".into()].into_iter().chain(slots).collect::<Vec<_>>());
    }
    for (epoch, client) in clients.iter_mut().enumerate() {
        client.line(&format!("CLUSTER SET-CONFIG-EPOCH {}", epoch + 1));
    }
    for node in &nodes[1..] {
        clients[0].line(&format!("CLUSTER MEET 127.0.0.1 {}", node.port()));
    }
    until("the cluster", || {
        clients.iter_mut().all(|client| {
            let state = client.line("CLUSTER INFO").text();
            state.contains("cluster_state:ok") && state.contains("cluster_known_nodes:4")
        })
    });
    let ids: Vec<String> = clients.iter_mut().map(|client| client.line("CLUSTER MYID").text()).collect();
    clients[3].line(&format!("CLUSTER REPLICATE {}", ids[0]));
    clients[0].line(&format!("CLUSTER SETSLOT 93 MIGRATING {}", ids[1]));
    clients[0].line("SET bar 1");
    until("the replica", || {
        let known = clients[0].line("CLUSTER NODES").text();
        known.contains(&format!("slave {}", ids[0]))
            && clients[0].line("INFO replication").text().contains("state=online")
    });
    Ok((record(nodes[0].port())?.0, record(nodes[3].port())?.0))
}

/// A process that ends with its owner.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One of two Sentinels of a primary with a replica.
fn sentinel(shelf: &Shelf) -> Outcome<Tape> {
    let primary = shelf.start(&["--repl-diskless-sync-delay", "0"]);
    let replica = shelf.start(&["--replicaof", "127.0.0.1", &primary.port().to_string()]);
    until("the replica", || primary.client().line("INFO replication").text().contains("state=online"));
    let mut watchers = Vec::new();
    for number in 0..2 {
        let (port, file) = (free_port(), shelf.0.join(format!("sentinel-{number}.conf")));
        let text = format!(
            "port {port}\nbind 127.0.0.1\nsentinel monitor mymaster 127.0.0.1 {} 2\n",
            primary.port()
        );
        fs::write(&file, text)?;
        let child =
            Command::new(shelf.program()).arg(&file).arg("--sentinel").stdout(Stdio::null()).spawn()?;
        watchers.push((Process(child), port));
    }
    let port = watchers[0].1;
    until("the Sentinels", || Client::connect(port).is_ok_and(|mut client| is_settled(&mut client)));
    let tape = record(port)?.0;
    drop(replica);
    Ok(tape)
}

/// Whether a Sentinel knows the replica and the other Sentinel, and is connected to it.
fn is_settled(client: &mut Client) -> bool {
    let known = client.line("INFO sentinel").text();
    let peers = client.line("SENTINEL SENTINELS mymaster");
    let is_lost = |peer: &Value| {
        peer.elements().unwrap_or_default().iter().any(|part| part.text().contains("disconnected"))
    };
    let lost = peers.elements().unwrap_or_default().iter().any(is_lost);
    let quorum = client.line("SENTINEL CKQUORUM mymaster").text();
    known.contains("slaves=1,sentinels=2") && !lost && quorum.starts_with("OK")
}

/// A round of the collector and one of document 000, recorded.
fn record(port: u16) -> Outcome<(Tape, Facts)> {
    let upstream = TcpStream::connect(("127.0.0.1", port))?;
    let line = Mutex::new((upstream.try_clone()?, BufReader::new(upstream)));
    let tape = Arc::new(Mutex::new(Tape::default()));
    let recorded = tape.clone();
    let relay = serve(move |question| {
        let mut line = line.lock().unwrap_or_else(PoisonError::into_inner);
        line.0.write_all(&question)?;
        let answer = frame(&mut line.1)?;
        recorded.lock().unwrap_or_else(PoisonError::into_inner).add(question, answer.clone());
        Ok(answer)
    });
    let target = Target::parse(&relay.to_string())?;
    let limits = Limits::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let facts = runtime.block_on(Probe::new(target.clone(), limits, Duration::ZERO).round())?;
    let request = Request {
        urls: vec![target.url.clone()],
        extended: true,
        parallel: 1,
        limits,
        trust: Trust::default(),
    };
    // The neighbours are asked too, each at its own port; only this server's answers are recorded.
    runtime.block_on(gather(&request, &[], &Allow::new(vec![], &[], true)));
    let tape = tape.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok((tape, facts))
}

/// Waits, at most 30 s.
fn until(what: &str, mut ready: impl FnMut() -> bool) {
    eventually(what, || ready().then_some(()));
}
