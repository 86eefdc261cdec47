//! The kill loop: clients write, the server is killed without a warning, started again, and must know what it acknowledged.
//!
//! The clients are [`Writer`]s. With `appendfsync always` nothing that was answered may be missing. With `everysec` the end of
//! what one client was answered may be, for a bounded time. The file is rewritten all the while, so kills meet rewrites too.
//!
//! A shutdown that was asked for (`SIGTERM`) loses nothing, whatever `appendfsync` says.
//!
//! `kill -9` ends the process and not the system: what was written is there, forced to disk or not. That the disk has it
//! before an answer goes out is what [`power_cut`](crate::power_cut) looks at.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::Server;
use crate::writers::{Fsync, Loss, MAX_LOSS, Moment, Writer, now, with_log};

/// Kills between changes of whether the base is an RDB or commands.
const FORMAT: u32 = 5;

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// Kills.
    pub kills: u32,
    /// What was acknowledged, and lost of that.
    pub loss: Loss,
    /// From the kill to the first answer.
    pub longest_start: Duration,
}

/// Ends a server of this program `kills` times by a signal under `clients` clients, in a folder of its own.
///
/// # Panics
/// When a promise is broken, saying which.
pub fn run(program: &Path, fsync: Fsync, signal: Signal, kills: u32, clients: usize) -> Figures {
    let folder = tempfile::Builder::new().prefix("carnelian-kills-").tempdir().expect("a folder");
    let mut writers = Writer::crowd(clients);
    let mut figures = Figures::default();
    let mut server = start(program, folder.path(), fsync, 0);
    while figures.kills < kills {
        let killed = write_until_killed(&mut server, &mut writers, signal, figures.kills);
        let began = Instant::now();
        figures.kills += 1;
        server = start(program, folder.path(), fsync, figures.kills);
        figures.longest_start = figures.longest_start.max(began.elapsed());
        let mut client = server.client();
        let all_is_due = fsync == Fsync::Always || signal != Signal::KILL;
        let due = if all_is_due { Moment::MAX } else { killed.saturating_sub(MAX_LOSS) };
        for writer in &mut writers {
            let found = writer.look(&mut client, due).unwrap_or_else(|broken| panic!("{broken}"));
            figures.loss.add(writer.loss(found[1], killed));
            writer.go_on(&mut client, found);
        }
    }
    figures
}

fn start(program: &Path, folder: &Path, fsync: Fsync, kills: u32) -> Server {
    let dir = folder.to_string_lossy();
    Server::start_program(program, &with_log(fsync, (kills / FORMAT).is_multiple_of(2), &dir))
}

/// Lets all write for a moment, and kills the server meanwhile. Answers when.
fn write_until_killed(server: &mut Server, writers: &mut [Writer], signal: Signal, kills: u32) -> Moment {
    // The kill ends them.
    let ends = AtomicBool::new(false);
    thread::scope(|scope| {
        for writer in writers {
            let (client, ends) = (server.client(), &ends);
            scope.spawn(move || writer.write(client, ends));
        }
        // Moments that have nothing to do with each other, nor with the clock of the server.
        thread::sleep(Duration::from_micros(5_000 + u64::from(kills) * 7_919 % 60_000));
        let killed = now();
        server.signal(signal);
        server.wait();
        killed
    })
}
