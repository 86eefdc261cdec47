//! The simulated power cut: what was acknowledged must be on a disk that keeps no more than it was forced to.
//!
//! A server runs under clients that write, rewrites its append-only file and saves snapshots, and a library preloaded into it
//! (`tests/faults`) keeps a journal of what it does with its files. At random places of the journal the power fails: a
//! [`Disk`] makes up what may be left then, and a server is started from that. It must know all that was acknowledged until
//! then, as far as its way of forcing to disk promises.
//!
//! The journal is complete: what it leads to is compared with what is really there when the server has ended. The last of the
//! cuts is what the next server begins with, so that damage on damage is met too.

mod disk;
#[path = "../../../faults/src/record.rs"]
mod record;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use rustix::process::Signal;
use tempfile::TempDir;

use crate::writers::{Fsync, Loss, MAX_LOSS, Moment, Writer, now, with_log};
use crate::{Client, Server, eventually};
use disk::Disk;
use record::{Kind, Record};

/// What a server promises of what it has acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// All of it is on disk.
    All,
    /// All that is older than two seconds.
    Recent,
    /// All that was written when the last snapshot was asked for that is whole.
    Snapshot,
}

/// What is tried.
#[derive(Clone, Debug)]
pub struct Trial<'a> {
    /// The server.
    pub program: &'a Path,
    /// `libfaults.so`, built from `tests/faults`.
    pub library: &'a Path,
    /// How it forces its append-only file to disk; without one it saves snapshots.
    pub fsync: Option<Fsync>,
    /// What is expected of it.
    pub promise: Promise,
    /// How many write.
    pub clients: usize,
    /// How often the power fails, at least.
    pub cuts: u32,
    /// What the disks keep follows from it.
    pub seed: u64,
    /// The disk behaves as if nobody forced directories to it.
    pub forgets_directories: bool,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// How often the power failed.
    pub cuts: u32,
    /// What was acknowledged until then, and lost of that, each time.
    pub loss: Loss,
    /// Snapshots and rewrites that were finished while the journal was kept.
    pub renames: u32,
}

/// A broken promise.
#[derive(Debug)]
pub struct Broken {
    /// Which.
    pub what: String,
    /// What was left on the disk.
    pub disk: TempDir,
}

/// Cuts that are made in the journal of one server.
const CUTS: u32 = 10;
/// How long clients write, with a promise about seconds and with another.
const WRITING: [Duration; 2] = [Duration::from_millis(3500), Duration::from_millis(700)];
/// Between two snapshots.
const REST: Duration = Duration::from_millis(30);

/// Lets the power fail.
///
/// # Errors
/// The first promise that is broken.
///
/// # Panics
/// When the test itself can't go on.
pub fn run(trial: &Trial<'_>) -> Result<Figures, Broken> {
    let (mut figures, mut random) = (Figures::default(), Rng::with_seed(trial.seed));
    let mut writers = Writer::crowd(trial.clients);
    let mut left = folder();
    let mut servers = 0;
    while figures.cuts < trial.cuts {
        let run = Run::of(trial, left, &mut writers, servers % 2 == 0);
        figures.renames += run.records().filter(|record| record.kind == Kind::Rename).count() as u32;
        left = run.cut(trial, &writers, &mut random, &mut figures)?;
        servers += 1;
    }
    Ok(figures)
}

fn folder() -> TempDir {
    tempfile::Builder::new().prefix("carnelian-power-").tempdir().expect("a folder")
}

/// The options of a server of such a trial in this directory.
fn options<'a>(trial: &Trial<'_>, preamble: bool, dir: &'a str) -> Vec<&'a str> {
    match trial.fsync {
        Some(fsync) => with_log(fsync, preamble, dir).to_vec(),
        None => vec!["--dir", dir],
    }
}

/// What a server has done, who has ended since.
struct Run {
    root: PathBuf,
    /// The disk before that.
    before: Disk,
    journal: Vec<u8>,
    /// When clients began to write.
    began: Moment,
    /// Snapshots: when they were asked for, and when they were known to be whole.
    saves: Vec<(Moment, Moment)>,
    preamble: bool,
}

impl Run {
    /// Lets a server go on with what is left in a folder, and clients write.
    fn of(trial: &Trial<'_>, left: TempDir, writers: &mut [Writer], preamble: bool) -> Run {
        let root = fs::canonicalize(left.path()).expect("the folder");
        let before = Disk::of(&root).expect("what is left");
        let place = folder();
        let path = place.path().join("journal");
        let dir = root.to_string_lossy();
        let environment: [(&str, &Path); 3] =
            [("LD_PRELOAD", trial.library), ("JOURNAL", &path), ("JOURNALED", &root)];
        let started = Server::try_start(trial.program, &options(trial, preamble, &dir), &environment);
        let mut server = started.unwrap_or_else(|why| panic!("{why}"));
        for writer in writers.iter_mut() {
            let found = writer.look(&mut server.client(), Moment::ZERO);
            writer.go_on(
                &mut server.client(),
                found.unwrap_or_else(|why| panic!("on from the last cut: {why}")),
            );
        }
        let began = now();
        let saves = write(trial, &mut server, writers);
        let journal = fs::read(&path).expect("a journal");
        let run = Run { root, before, journal, began, saves, preamble };
        run.assert_complete();
        run
    }

    fn records(&self) -> impl Iterator<Item = Record<'_>> {
        let mut left = &self.journal[..];
        std::iter::from_fn(move || Record::take(&mut left))
    }

    /// Nothing has happened that is not in the journal.
    fn assert_complete(&self) {
        let mut disk = Disk::of(&self.root).expect("what is there");
        let there = disk.current();
        disk = self.before.clone();
        self.records().for_each(|record| disk.apply(&record, path(record.path), path(record.rest)));
        let led_to = disk.current();
        let names = |all: &[(PathBuf, Option<Vec<u8>>)]| {
            all.iter()
                .map(|(path, content)| (path.clone(), content.as_ref().map(Vec::len)))
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&led_to), names(&there), "the journal has not seen everything");
        assert!(led_to == there, "the journal has not seen every byte");
    }

    /// Lets the power fail at some places; answers what the last one has left.
    fn cut(
        self,
        trial: &Trial<'_>,
        writers: &[Writer],
        random: &mut Rng,
        figures: &mut Figures,
    ) -> Result<TempDir, Broken> {
        let records: Vec<Record<'_>> = self.records().collect();
        assert!(records.len() > 1, "nothing was written");
        let mut places: Vec<usize> = (0..CUTS).map(|_| random.usize(1..records.len())).collect();
        places.sort_unstable();
        let (mut disk, mut done, mut last) = (self.before.clone(), 0, folder());
        disk.forgets_directories = trial.forgets_directories;
        for place in places {
            for record in &records[done..place] {
                disk.apply(record, path(record.path), path(record.rest));
            }
            done = place;
            last = folder();
            disk.survives(&self.root, last.path(), random).expect("a disk");
            // What was answered before the next thing was done needs no more than what was done so far.
            let moment = Duration::from_nanos(records[place].at);
            match self.look(trial, writers, last.path(), moment) {
                Ok(loss) => figures.loss.add(loss),
                Err(what) => {
                    let what = format!(
                        "{what}\n(power cut {}, behind {place} operations, {:?})",
                        figures.cuts,
                        records[place - 1].kind
                    );
                    return Err(Broken { what, disk: last });
                }
            }
            figures.cuts += 1;
        }
        Ok(last)
    }

    /// Starts a server from what is left of a moment, and looks at what it knows.
    fn look(
        &self,
        trial: &Trial<'_>,
        writers: &[Writer],
        left: &Path,
        moment: Moment,
    ) -> Result<Loss, String> {
        // The start itself mends what it finds, and what is left is gone on with as it was.
        let copy = folder();
        copy_files(left, copy.path());
        let dir = copy.path().to_string_lossy();
        let server = Server::try_start(trial.program, &options(trial, self.preamble, &dir), &[])?;
        let (mut client, due, mut loss) = (server.client(), self.due(trial, moment), Loss::default());
        for writer in writers {
            let [_, end] = writer.look(&mut client, due)?;
            loss.add(writer.loss(end, moment));
        }
        Ok(loss)
    }

    /// What was acknowledged before this must be there.
    fn due(&self, trial: &Trial<'_>, moment: Moment) -> Moment {
        match trial.promise {
            Promise::All => moment,
            Promise::Recent => moment.saturating_sub(MAX_LOSS).max(self.began),
            Promise::Snapshot => {
                let whole = self.saves.iter().filter(|(_, known)| *known < moment);
                whole.map(|(asked, _)| *asked).max().unwrap_or_default()
            }
        }
    }
}

fn path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

/// Lets all write for a while, with snapshots going on, and then ends the server, which has no work any more: its last calls
/// would be cut off from their records. Answers the snapshots.
fn write(trial: &Trial<'_>, server: &mut Server, writers: &mut [Writer]) -> Vec<(Moment, Moment)> {
    let ends = AtomicBool::new(false);
    let saves = thread::scope(|scope| {
        for writer in writers {
            let (client, ends) = (server.client(), &ends);
            scope.spawn(move || writer.write(client, ends));
        }
        let client = server.client();
        let saving = scope.spawn(|| save(client, trial.fsync.is_none(), &ends));
        thread::sleep(WRITING[usize::from(trial.promise != Promise::Recent)]);
        ends.store(true, Relaxed);
        saving.join().expect("no panic")
    });
    let mut client = server.client();
    client.line("CONFIG SET auto-aof-rewrite-percentage 0");
    eventually("the end of all work", || {
        let info = client.line("INFO persistence").text();
        let rests = ["rdb_bgsave_in_progress", "aof_rewrite_in_progress", "aof_rewrite_scheduled"];
        rests.iter().all(|field| info.contains(&format!("{field}:0"))).then_some(())
    });
    server.signal(Signal::TERM);
    eventually("the server's end", || server.exited());
    saves
}

/// Saves in the background and, where writers may wait, in the foreground, until it ends.
fn save(mut client: Client, waits: bool, ends: &AtomicBool) -> Vec<(Moment, Moment)> {
    let mut saves = Vec::new();
    while !ends.load(Relaxed) {
        let asked = now();
        if waits && saves.len() % 3 == 2 {
            assert_eq!(client.line("SAVE").text(), "OK");
            saves.push((asked, now()));
        } else if client.line("BGSAVE").text() == "Background saving started" {
            eventually("the snapshot", || {
                let info = client.line("INFO persistence").text();
                assert!(info.contains("rdb_last_bgsave_status:ok"), "{info}");
                info.contains("rdb_bgsave_in_progress:0").then_some(())
            });
            saves.push((asked, now()));
        }
        thread::sleep(REST);
    }
    saves
}

fn copy_files(from: &Path, to: &Path) {
    for (path, content) in disk::contents(from).expect("the folder") {
        let path = to.join(path.strip_prefix(from).expect("below the folder"));
        match content {
            None => fs::create_dir_all(&path).expect("a folder"),
            Some(content) => {
                fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
                fs::write(&path, content).expect("a copy");
            }
        }
    }
}
