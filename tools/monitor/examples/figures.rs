//! The monitor's figures: what it costs, beside prometheus-redis-exporter in the same run. docs/monitor/figures.md has the last ones.
//!
//!     cargo build --release -p monitor --bin carnelian-monitor --example figures
//!     target/release/examples/figures
//!
//! Needs redis-server and prometheus-redis-exporter. Ten servers listen on ten loopback addresses each: a hundred targets without a
//! hundred processes. CPU is the process's own, user and system, from /proc.

use monitor::collect::Round;
use monitor::facts::{Facts, Info};
use monitor::history::{Keep, Writer};
use monitor::target::Target;
use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};
use suites::{Client, Kind, Server, free_port};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// How long a steady state is watched.
const WATCH: Duration = Duration::from_secs(30);
/// Scrapes of each exporter.
const SCRAPES: u32 = 500;
/// Servers, and addresses of each.
const SERVERS: usize = 10;
const ADDRESSES: usize = 10;

fn main() -> Outcome {
    let servers: Vec<Server> = (0..SERVERS).map(|_| server()).collect();
    println!("| Figure | Ours | Limit |\n|---|---|---|");
    let all: Vec<String> = servers.iter().flat_map(|server| urls(server, ADDRESSES)).collect();
    let plain = watch(&all, &[])?;
    println!("| CPU for {} targets at 1 s, per cent of a core | {plain:.1} | 25 |", all.len());
    let folder = std::env::temp_dir().join(format!("monitor-figures-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let history = folder.join("cpu.db").display().to_string();
    let kept = watch(&all, &["--history", &history])?;
    println!("| the same with a history | {kept:.1} | 25 |");
    let (ours, theirs) = scrapes(&servers[0])?;
    println!(
        "| CPU of a scrape beside the exporter's ({ours:.0} µs, {theirs:.0} µs) | {:.2} x | 0.5 x |",
        ours / theirs
    );
    let ten: Vec<String> = servers.iter().flat_map(|server| urls(server, 1)).collect();
    let week = folder.join("week.db");
    let rows = fill(&week, &ten)?;
    let peak = memory(&week, &ten)?;
    println!(
        "| Peak memory with a week of history for {} targets ({rows} rounds), MB | {peak:.0} | 100 |",
        ten.len()
    );
    fs::remove_dir_all(folder)?;
    Ok(())
}

/// A server with some keys, and clients that make statistics of commands.
fn server() -> Server {
    let addresses: Vec<String> = (1..=ADDRESSES).map(|last| format!("127.0.0.{last}")).collect();
    let server = Server::start(Kind::Genuine, &[&["--bind".to_owned()], addresses.as_slice()].concat());
    let mut client = server.client();
    for command in [
        &["SET", "a", "1"][..],
        &["GET", "a"],
        &["LPUSH", "l", "x"],
        &["HSET", "h", "f", "v"],
        &["ZADD", "z", "1", "m"],
    ] {
        ask(&mut client, command);
    }
    server
}

fn ask(client: &mut Client, command: &[&str]) {
    client.send(command).and_then(|()| client.read()).expect("an answer");
}

fn urls(server: &Server, addresses: usize) -> Vec<String> {
    (1..=addresses).map(|last| format!("redis://127.0.0.{last}:{}", server.port())).collect()
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

impl Process {
    /// CPU time so far, seconds.
    fn cpu(&self) -> Outcome<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        // utime and stime, in ticks of 1/100 s.
        let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        Ok(ticks as f64 / 100.0)
    }

    /// Peak resident memory, MB.
    fn peak(&self) -> Outcome<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? * 1024.0 / 1e6)
    }
}

/// The monitor beside this program, and its port.
fn monitor(arguments: &[&str]) -> Outcome<(Process, u16)> {
    let example = std::env::current_exe()?;
    let program = example.ancestors().nth(2).ok_or("no folder")?.join("carnelian-monitor");
    let mut child = Command::new(&program)
        .args(["--port", "0", "--no-discover"])
        .args(arguments)
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    let log = child.stderr.take().ok_or("no log")?;
    let process = Process(child);
    let mut lines = BufReader::new(log).lines();
    let line = lines
        .find(|line| line.as_ref().is_ok_and(|line| line.contains("listening on")))
        .ok_or("it ended")??;
    // Someone must read on, or a full pipe would stop it.
    std::thread::spawn(move || lines.for_each(drop));
    Ok((process, line.rsplit(':').next().unwrap_or_default().parse()?))
}

/// Per cent of a core that watching takes, once it has settled.
fn watch(targets: &[String], options: &[&str]) -> Outcome<f64> {
    let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
    let (process, port) = monitor(&[options, &targets].concat())?;
    sleep(Duration::from_secs(5));
    let up = get(port, "/metrics")?
        .lines()
        .filter(|line| line.starts_with("redis_up{") && line.ends_with(" 1"))
        .count();
    assert_eq!(up, targets.len(), "every target answers");
    let (before, began) = (process.cpu()?, Instant::now());
    sleep(WATCH);
    Ok(100.0 * (process.cpu()? - before) / began.elapsed().as_secs_f64())
}

/// Microseconds of CPU of one scrape: ours, the exporter's.
fn scrapes(server: &Server) -> Outcome<(f64, f64)> {
    let (ours, port) = monitor(&[])?;
    let theirs_port = free_port();
    let child = Command::new("prometheus-redis-exporter")
        .args(["-web.listen-address", &format!("127.0.0.1:{theirs_port}")])
        .stderr(Stdio::null())
        .spawn()?;
    let theirs = Process(child);
    sleep(Duration::from_secs(2));
    let path = format!("/scrape?target=redis://127.0.0.1:{}", server.port());
    let cost = |process: &Process, port: u16| -> Outcome<f64> {
        (0..20).try_for_each(|_| get(port, &path).map(drop))?;
        let before = process.cpu()?;
        (0..SCRAPES).try_for_each(|_| get(port, &path).map(drop))?;
        Ok((process.cpu()? - before) * 1e6 / f64::from(SCRAPES))
    };
    Ok((cost(&ours, port)?, cost(&theirs, theirs_port)?))
}

fn get(port: u16, path: &str) -> Outcome<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    if text.starts_with("HTTP/1.1 200") {
        Ok(text)
    } else {
        Err(text.lines().next().unwrap_or("no answer").into())
    }
}

/// A week's history as the default retention leaves it: the last day by seconds, the days before by minutes. Returns its rounds.
fn fill(path: &Path, targets: &[String]) -> Outcome<u64> {
    const DAY: i64 = 86_400;
    let writer = Writer::start(path, Keep::days(1, 31, 366))?;
    let now = i64::try_from(SystemTime::UNIX_EPOCH.elapsed()?.as_secs())?;
    let targets = targets.iter().map(|url| Target::parse(url)).collect::<Result<Vec<_>, _>>()?;
    let mut rounds = 0;
    let times = (now - 7 * DAY..now - DAY).step_by(60).chain(now - DAY..now);
    for at in times {
        for target in &targets {
            let round = Arc::new(round(target, at));
            while !writer.round(round.clone()) {
                sleep(Duration::from_millis(5));
            }
            rounds += 1;
        }
    }
    Ok(rounds)
}

fn round(target: &Target, at: i64) -> Round {
    let info = format!(
        "run_id:a\nused_memory:{}\nused_memory_rss:{}\nconnected_clients:5\ntotal_commands_processed:{}\nkeyspace_hits:{at}\nkeyspace_misses:1\nused_cpu_user:{at}\ndb0:keys=9,expires=1\n",
        at % 1000,
        at % 2000,
        at * 10
    );
    let facts = Facts { info: Info::parse(&info), ..Facts::default() };
    Round {
        at: at * 1000,
        target: target.clone(),
        discovered: false,
        took: Duration::ZERO,
        outcome: Ok(facts),
    }
}

/// Peak memory in MB of a monitor that goes on with a history and is asked for it.
fn memory(history: &Path, targets: &[String]) -> Outcome<f64> {
    let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
    let history = history.display().to_string();
    let (process, port) = monitor(&[&["--history", &history], targets.as_slice()].concat())?;
    sleep(WATCH / 3);
    let now = SystemTime::UNIX_EPOCH.elapsed()?.as_millis();
    for target in &targets {
        for (span, level) in [(86_400_000, "raw"), (7 * 86_400_000, "minute")] {
            let from = now - span;
            let found = get(
                port,
                &format!(
                    "/api/history?target={target}&from={from}&to={now}&level={level}&metric=mem&metric=cmd/s"
                ),
            )?;
            assert!(found.len() > 10_000, "the history is there");
        }
    }
    get(port, "/metrics")?;
    process.peak()
}
