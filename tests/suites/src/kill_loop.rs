//! The kill loop: clients write, the server is killed without a warning, started again, and must know what it acknowledged.
//!
//! Client *i* appends numbers without a gap to a list of its own, and now and then moves two keys of its own to the same number
//! in one transaction. It notes how far it was answered. After each start the list must be without a gap, the two keys alike,
//! and with `appendfsync always` nothing that was answered may be missing. With `everysec` the end of what one client was
//! answered may be, for a bounded time. The file is rewritten all the while, so kills meet rewrites too.
//!
//! `kill -9` ends the process and not the system: what was written is there, forced to disk or not. That the disk has it
//! before an answer goes out is what `disk_errors` and the simulated power cut look at.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::{Client, Server, Value};

/// When what was written is forced to disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fsync {
    /// Before it is acknowledged.
    Always,
    /// Once a second.
    EverySec,
}

impl Fsync {
    /// As `appendfsync` has it.
    pub fn name(self) -> &'static str {
        match self {
            Fsync::Always => "always",
            Fsync::EverySec => "everysec",
        }
    }
}

/// The longest time before a kill whose acknowledged writes may be lost with [`Fsync::EverySec`].
const MAX_LOSS: Duration = Duration::from_secs(2);
/// Elements that a list keeps after each look at it, so that the data do not grow with the number of kills.
const KEPT: i64 = 100;
/// One write in so many is a transaction.
const TRANSACTION: u64 = 8;
/// Kills between changes of whether the base is an RDB or commands.
const FORMAT: u32 = 5;

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// Kills.
    pub kills: u32,
    /// Writes that were acknowledged.
    pub acknowledged: u64,
    /// Of these, how many were gone after the start.
    pub lost: u64,
    /// From the acknowledgement of the first of them to the kill.
    pub longest_loss: Duration,
    /// From the kill to the first answer.
    pub longest_start: Duration,
}

/// One that writes.
struct Writer {
    number: usize,
    /// The first element of the list before it was trimmed last, and after that: a kill may undo that.
    first: [u64; 2],
    /// The number to write next.
    next: u64,
    /// The writes that were answered since the last start, and when.
    answered: Vec<(u64, Instant)>,
}

/// Kills a server of this program `kills` times under `clients` clients, in a folder of its own.
///
/// # Panics
/// When a promise is broken, saying which.
pub fn run(program: &Path, fsync: Fsync, kills: u32, clients: usize) -> Figures {
    let folder = tempfile::Builder::new().prefix("carnelian-kills-").tempdir().expect("a folder");
    let mut writers: Vec<Writer> =
        (0..clients).map(|number| Writer { number, first: [0; 2], next: 0, answered: Vec::new() }).collect();
    let mut figures = Figures::default();
    let mut server = start(program, folder.path(), fsync, 0);
    while figures.kills < kills {
        let killed = write_until_killed(&mut server, &mut writers, figures.kills);
        figures.kills += 1;
        server = start(program, folder.path(), fsync, figures.kills);
        figures.longest_start = figures.longest_start.max(killed.elapsed());
        let mut client = server.client();
        for writer in &mut writers {
            writer.examine(&mut client, killed, fsync, &mut figures);
        }
    }
    figures
}

fn start(program: &Path, folder: &Path, fsync: Fsync, kills: u32) -> Server {
    let preamble = if (kills / FORMAT).is_multiple_of(2) { "yes" } else { "no" };
    let dir = folder.to_string_lossy();
    let args = [
        "--appendonly",
        "yes",
        "--appendfsync",
        fsync.name(),
        "--aof-use-rdb-preamble",
        preamble,
        "--auto-aof-rewrite-min-size",
        "64kb",
        "--dir",
        &dir,
    ];
    Server::start_program(program, &args)
}

/// Lets all write for a moment, and kills the server meanwhile. Answers when.
fn write_until_killed(server: &mut Server, writers: &mut [Writer], kills: u32) -> Instant {
    thread::scope(|scope| {
        for writer in writers {
            let client = server.client();
            scope.spawn(move || writer.write(client));
        }
        // Moments that have nothing to do with each other, nor with the clock of the server.
        thread::sleep(Duration::from_micros(5_000 + u64::from(kills) * 7_919 % 60_000));
        let killed = Instant::now();
        server.signal(Signal::KILL);
        server.wait();
        killed
    })
}

impl Writer {
    /// Writes until the connection breaks.
    fn write(&mut self, mut client: Client) {
        while self.is_written(&mut client) {
            self.answered.push((self.next, Instant::now()));
            self.next += 1;
        }
        // It may be there or not.
        self.next += 1;
    }

    /// Writes the next number; answers whether that was acknowledged.
    fn is_written(&self, client: &mut Client) -> bool {
        let (key, n) = (format!("list:{}", self.number), self.next.to_string());
        let push = vec!["RPUSH".to_owned(), key, n.clone()];
        let mut commands = vec![push];
        if self.next.is_multiple_of(TRANSACTION) {
            let set = |half: &str| vec!["SET".to_owned(), format!("{half}:{}", self.number), n.clone()];
            commands = [vec![vec!["MULTI".to_owned()], set("left")], commands].concat();
            commands.extend([set("right"), vec!["EXEC".to_owned()]]);
        }
        let sent = commands.iter().try_for_each(|command| client.send(command));
        let replies =
            sent.and_then(|()| commands.iter().map(|_| client.read()).collect::<Result<Vec<_>, _>>());
        match replies {
            Ok(replies) => {
                let refused = replies.iter().find(|reply| reply.is_error());
                assert!(refused.is_none(), "client {} got {}", self.number, replies[0]);
                true
            }
            Err(_) => false,
        }
    }

    /// Looks at what is left of what this one wrote, and goes on from there.
    fn examine(&mut self, client: &mut Client, killed: Instant, fsync: Fsync, figures: &mut Figures) {
        let who = self.number;
        let list = client.line(&format!("LRANGE list:{who} 0 -1"));
        let numbers: Vec<u64> = list.elements().unwrap_or_default().iter().map(number).collect();
        let first = numbers.first().copied().unwrap_or(0);
        let end = first + numbers.len() as u64;
        assert!(
            self.first.contains(&first),
            "client {who}: begins with {first} instead of one of {:?}",
            self.first
        );
        assert!(numbers.iter().copied().eq(first..end), "client {who}: a gap in {numbers:?}");
        assert!(end <= self.next, "client {who}: {end} was never sent");
        let halves = ["left", "right"].map(|half| client.line(&format!("GET {half}:{who}")));
        let last = end.checked_sub(1).map(|last| last - last % TRANSACTION);
        assert_eq!(halves[0], halves[1], "client {who}: half a transaction");
        assert_eq!(
            (!halves[0].is_null()).then(|| number(&halves[0])),
            last,
            "client {who}: another transaction"
        );
        figures.acknowledged += self.answered.len() as u64;
        let lost: Vec<_> = self.answered.iter().filter(|(n, _)| *n >= end).collect();
        assert!(
            fsync == Fsync::EverySec || lost.is_empty(),
            "client {who}: {} acknowledged writes lost",
            lost.len()
        );
        if let Some((_, at)) = lost.first() {
            let loss = killed.saturating_duration_since(*at);
            assert!(loss <= MAX_LOSS, "client {who}: writes of {loss:?} are lost");
            (figures.lost, figures.longest_loss) =
                (figures.lost + lost.len() as u64, figures.longest_loss.max(loss));
        }
        client.line(&format!("LTRIM list:{who} -{KEPT} -1"));
        self.first = [first, end.saturating_sub(KEPT as u64).max(first)];
        self.next = end;
        self.answered.clear();
    }
}

fn number(value: &Value) -> u64 {
    value.text().parse().unwrap_or_else(|_| panic!("{value} is no number"))
}
