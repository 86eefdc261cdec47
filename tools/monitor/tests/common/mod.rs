//! Live servers for tests: genuine `redis-server` processes on loopback, ended by their drop.
#![allow(dead_code, reason = "each test file uses a part")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

static DIRECTORIES: AtomicU32 = AtomicU32::new(0);

/// A directory of its own, removed at the end.
pub struct Directory(pub std::path::PathBuf);

impl Directory {
    pub fn new() -> Self {
        let name =
            format!("monitor-test-{}-{}", std::process::id(), DIRECTORIES.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Directory(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A child process that does not outlive the test.
pub struct Process(pub Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A genuine server.
pub struct Server {
    pub port: u16,
    _process: suites::Server,
}

impl Server {
    /// Starts `redis-server` with further arguments and waits until it answers. Needs Debian's redis-server.
    pub fn start(arguments: &[&str]) -> Self {
        let process = suites::Server::start(suites::Kind::Genuine, arguments);
        Server { port: process.port(), _process: process }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// One inline command; the first bytes of the reply.
    pub fn call(&self, command: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.write_all(format!("{command}\r\n").as_bytes()).unwrap();
        let mut bytes = [0; 4096];
        let len = stream.read(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..len]).into_owned()
    }
}

/// The monitor as a process, serving on a free port.
pub struct Monitor {
    pub url: String,
    pub process: Process,
    /// What it logs from now on.
    pub log: std::io::Lines<BufReader<ChildStderr>>,
}

impl Monitor {
    /// Starts it and waits until it listens.
    pub fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_carnelian-monitor"))
            .args(["--port", "0"])
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let process = Process(child);
        let mut lines = Vec::new();
        loop {
            let line = log.next().unwrap_or_else(|| panic!("it ended: {lines:?}")).unwrap();
            if let Some((_, url)) = line.split_once("listening on ") {
                return Monitor { url: url.to_owned(), process, log };
            }
            lines.push(line);
        }
    }

    /// The port it listens at.
    pub fn port(&self) -> u16 {
        self.url.rsplit(':').next().unwrap().parse().unwrap()
    }
}

/// Waits until `ready`, at most 30 s.
pub fn wait_for(what: &str, mut ready: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !ready() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A server that answers each connection with `bytes`, whatever it is asked, and then holds it open.
pub fn liar(bytes: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.write_all(bytes);
            held.push(stream);
        }
    });
    address
}

/// The HTTP side in this process, on a free port.
pub struct Site {
    pub address: SocketAddr,
    pub runtime: tokio::runtime::Runtime,
}

impl Site {
    /// Serves `app`.
    pub fn start(app: impl Future<Output = monitor::web::App>) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let address = runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let router = monitor::web::router(std::sync::Arc::new(app.await));
            tokio::spawn(monitor::web::serve(listener, None, router, std::future::pending()));
            address
        });
        Site { address, runtime }
    }

    /// Status line, headers and body of a GET.
    pub fn get(&self, path: &str) -> (String, String) {
        self.request(&format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address))
    }

    pub fn request(&self, request: &str) -> (String, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").expect("an HTTP answer");
        (head.to_owned(), body.to_owned())
    }
}

/// An app that watches `targets`, with time-outs that suit a test.
pub async fn app(targets: &[&str], timeout: Duration) -> monitor::web::App {
    use monitor::{
        alert::Watchman,
        collect::{Collector, Settings},
        file::Configuration,
        target::{Allow, Target},
        wire::Limits,
    };
    let limits = Limits { time: timeout, ..Limits::default() };
    let named: Vec<Target> = targets.iter().map(|url| Target::parse(url).unwrap()).collect();
    let watched: Vec<(Target, bool)> = named.iter().map(|target| (target.clone(), true)).collect();
    let settings = Settings { interval: Duration::from_millis(200), limits, discover: true };
    let collector = Collector::start(&watched, settings);
    monitor::web::App {
        allow: Allow::new(vec![], &named, true),
        named,
        alerts: Watchman::start(&collector, Configuration::parse("").unwrap(), None),
        history: None,
        collector,
        limits,
        parallel: 64,
        overview: Default::default(),
        door: monitor::web::Door::new(true),
        powers: Default::default(),
        trust: Default::default(),
        details: Default::default(),
        meter: Default::default(),
    }
}
