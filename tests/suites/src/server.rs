//! A server process of a test's own: started in a new folder on a free port, gone when dropped.

use crate::Client;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::net::TcpListener;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{env, iter, thread};
use tempfile::TempDir;

/// Which server to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The binary under test: `CARNELIAN_BIN`, or `carnelian` beside the test's own build.
    Ours,
    /// Debian's `redis-server`, or `REDIS_SERVER_BIN`.
    Genuine,
}

impl Kind {
    /// The program's path.
    ///
    /// # Panics
    /// When our binary has not been built.
    pub fn program(self) -> PathBuf {
        match self {
            Kind::Genuine => env::var_os("REDIS_SERVER_BIN").map_or("redis-server".into(), PathBuf::from),
            Kind::Ours => env::var_os("CARNELIAN_BIN").map_or_else(built_binary, PathBuf::from),
        }
    }

    /// Whether the process behind this kind is genuine redis-server: the suites can be checked against it
    /// with `CARNELIAN_BIN=redis-server`.
    pub fn is_genuine(self) -> bool {
        self == Kind::Genuine || named_redis_server(&self.program())
    }

    /// A command that starts this server; the caller adds what redis-server would be given.
    pub fn command(self) -> Command {
        command(&self.program())
    }
}

fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    if !named_redis_server(program) {
        command.arg("server");
    }
    command
}

/// Our binary takes its subcommand from such a name too, so no word is needed.
fn named_redis_server(program: &Path) -> bool {
    program.file_name().is_some_and(|name| name.to_string_lossy().starts_with("redis-server"))
}

/// `target/PROFILE/carnelian`, from a test that runs as `target/PROFILE/deps/NAME`.
fn built_binary() -> PathBuf {
    let test = env::current_exe().expect("the path of this test");
    let found =
        test.ancestors().skip(1).take(2).map(|folder| folder.join("carnelian")).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("no carnelian beside {}: `cargo xtask test` builds it", test.display()))
}

/// A port of 127.0.0.1 that was free a moment ago, as was the cluster bus's above it (+10000).
///
/// Both lie below the ports that the kernel deals out (32768 and above), so neither a socket bound to port 0
/// nor a client's own end can take them meanwhile; a connection to a dealt-out port that nobody listens at
/// can even meet itself. No two calls of one process get the same.
///
/// # Panics
/// When the machine has none left.
pub fn free_port() -> u16 {
    const PORTS: Range<u16> = 10_000..22_000;
    static CALLS: AtomicU32 = AtomicU32::new(0);
    let free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
    // Processes that run side by side begin at different places.
    let first = process::id().wrapping_mul(97);
    let ports = iter::repeat_with(|| {
        let call = CALLS.fetch_add(1, Ordering::Relaxed);
        PORTS.start + (first.wrapping_add(call) % PORTS.len() as u32) as u16
    });
    ports.take(PORTS.len()).find(|&port| free(port) && free(port + 10_000)).expect("a free port")
}

/// How long a start or an end may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Ports that another process took between the look and the start.
const TRIES: usize = 5;

/// A running server. Dropping it kills the process by its pid and removes its folder; when the test is
/// failing, the end of what the server printed is shown first.
pub struct Server {
    child: Child,
    port: u16,
    folder: TempDir,
    name: String,
}

impl Server {
    /// Starts a server with a port and folder of its own, no persistence, and `args` as on redis-server's
    /// command line (a configuration file first, later options win); returns when it answers.
    ///
    /// # Panics
    /// When it ends or does not answer in 30 s, with what it printed.
    pub fn start<A: AsRef<str>>(kind: Kind, args: &[A]) -> Server {
        Server::start_program(&kind.program(), args)
    }

    /// [`Server::start`] of a given binary.
    ///
    /// # Panics
    /// As [`Server::start`].
    pub fn start_program<A: AsRef<str>>(program: &Path, args: &[A]) -> Server {
        Server::try_start(program, args, &[]).unwrap_or_else(|why| panic!("{why}"))
    }

    /// [`Server::start_program`] with these environment variables beside ours.
    ///
    /// # Errors
    /// When it ends or does not answer in 30 s: what it printed.
    ///
    /// # Panics
    /// When there is no such program.
    pub fn try_start<A: AsRef<str>>(
        program: &Path,
        args: &[A],
        environment: &[(&str, &Path)],
    ) -> Result<Server, String> {
        let mut printed = String::new();
        for _ in 0..TRIES {
            let mut server = Server::spawn(program, args, environment, Stdio::null());
            if server.answers() {
                return Ok(server);
            }
            printed = server.printed();
            if !printed.contains("in use") {
                break;
            }
        }
        Err(format!("{} did not start; it printed:\n{printed}", program.display()))
    }

    /// Starts a server as [`Server::start`] does, with this standard input, and does not wait for it.
    ///
    /// # Panics
    /// When there is no such program.
    pub fn launch<A: AsRef<str>>(kind: Kind, args: &[A], stdin: Stdio) -> Server {
        Server::spawn(&kind.program(), args, &[], stdin)
    }

    fn spawn<A: AsRef<str>>(
        program: &Path,
        args: &[A],
        environment: &[(&str, &Path)],
        stdin: Stdio,
    ) -> Server {
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // Redis takes a configuration file only as the first argument.
        let file = args.iter().map(AsRef::as_ref).take(1).find(|arg| !arg.starts_with('-'));
        let folder =
            tempfile::Builder::new().prefix("carnelian-test-").tempdir().expect("a temporary folder");
        let port = free_port();
        let output = File::create(folder.path().join(OUTPUT)).expect("a file for the output");
        let child = command(program)
            .envs(environment.iter().copied())
            .args(file)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"])
            .arg(folder.path())
            .args(args.iter().map(AsRef::as_ref).skip(file.iter().len()))
            .current_dir(folder.path())
            .stdin(stdin)
            .stdout(output.try_clone().expect("a second handle"))
            .stderr(output)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        Server { child, port, folder, name }
    }

    /// Waits until the server answers PING with anything but "loading"; false when it ended instead.
    pub fn answers(&mut self) -> bool {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline && self.exited().is_none() {
            if self.ping().is_ok_and(|answer| !answer.starts_with("LOADING")) {
                return true;
            }
            thread::sleep(Duration::from_millis(5));
        }
        false
    }

    fn ping(&self) -> io::Result<String> {
        let mut client = Client::connect(self.port)?;
        client.send(&["PING"])?;
        Ok(client.read()?.text())
    }

    /// A new connection.
    ///
    /// # Panics
    /// When the server refuses it.
    pub fn client(&self) -> Client {
        Client::connect(self.port)
            .unwrap_or_else(|error| panic!("{} on port {}: {error}", self.name, self.port))
    }

    /// The port it listens at, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its working folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it has printed so far, both streams.
    pub fn printed(&self) -> String {
        fs::read(self.folder.path().join(OUTPUT))
            .map_or_else(|_| String::new(), |b| String::from_utf8_lossy(&b).into())
    }

    /// Resident memory in bytes.
    ///
    /// # Panics
    /// When the process has ended.
    pub fn resident_bytes(&self) -> u64 {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("the status of a live process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number of KiB");
        kib * 1024
    }

    /// CPU time of all its living threads, in nanoseconds.
    ///
    /// # Errors
    /// When the process has ended.
    pub fn cpu_ns(&self) -> io::Result<u64> {
        let mut total = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.pid()))? {
            let text = fs::read_to_string(thread?.path().join("schedstat")).unwrap_or_default();
            total += text.split_whitespace().next().and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
        }
        Ok(total)
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// When the process has been waited for already.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("a signal to our own child");
    }

    /// The status it ended with, or `None` while it runs.
    ///
    /// # Panics
    /// When the kernel does not know our child.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the state of our own child")
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it still runs after 30 s.
    pub fn wait(&mut self) -> ExitStatus {
        eventually("the server's end", || self.exited())
    }
}

/// Asks until there is an answer.
///
/// # Panics
/// When there is none in 30 s.
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match ask() {
            Some(answer) => return answer,
            None if Instant::now() > deadline => panic!("waited 30 s in vain for {what}"),
            None => thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// What a command that ended said.
pub struct Finished {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

/// Runs a command that ends by itself, with `input` as its standard input.
///
/// # Panics
/// When it does not end in 30 s (it is killed then) or cannot be started.
pub fn run(command: &mut Command, input: &[u8]) -> Finished {
    let file_with = |content: &[u8]| {
        let mut file = tempfile::tempfile().expect("a temporary file");
        file.write_all(content).and_then(|()| file.rewind()).expect("writing to it");
        file
    };
    let (stdin, mut stdout, mut stderr) = (file_with(input), file_with(b""), file_with(b""));
    let second_handle = |file: &File| file.try_clone().expect("a second handle");
    command.stdin(stdin).stdout(second_handle(&stdout)).stderr(second_handle(&stderr));
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        match child.try_wait().expect("the state of our own child") {
            Some(status) => break status,
            None if Instant::now() > deadline => {
                child.kill().and_then(|()| child.wait()).expect("the end of our own child");
                panic!("{command:?} does not end");
            }
            None => thread::sleep(Duration::from_millis(5)),
        }
    };
    Finished { code: status.code(), stdout: content(&mut stdout), stderr: content(&mut stderr) }
}

/// All of a file that another process wrote through a handle shared with ours.
fn content(file: &mut File) -> String {
    let mut bytes = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut bytes)).expect("reading a temporary file");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Where both streams of a server go, in its folder.
const OUTPUT: &str = "output.log";

impl Drop for Server {
    fn drop(&mut self) {
        if thread::panicking() {
            let printed = self.printed();
            let lines: Vec<&str> = printed.lines().collect();
            let tail = lines[lines.len().saturating_sub(30)..].join("\n");
            eprintln!("--- the last that {} (pid {}) printed ---\n{tail}", self.name, self.pid());
        }
        // Both fail only when it has ended already, which is what we want.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
