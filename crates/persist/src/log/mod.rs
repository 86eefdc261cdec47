//! The append-only file: what the replication log holds is written to it, and one thread forces it to disk.
//!
//! Workers never wait for an fsync. Where every acknowledgement must be safe (`appendfsync always`) the log holds what goes out
//! until the thread says that it is durable; one fsync then serves all that wait. Otherwise workers write what they are about to
//! acknowledge, so that it outlives the process, and the thread forces it to disk once a second, or the system when it
//! pleases. While an fsync lasts a write might wait for it: then the thread writes, behind the fsync, as Redis does.
//!
//! A *rewrite* is a snapshot that becomes the new base: a cut is taken at the very offset where the log goes on in a new
//! increment, which the manifest lists before that. When the base is whole, the files before it are history.

mod files;
mod load;
mod rewrite;
mod tail;

use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use config::{AppendFsync, Config};
use engine::engine::{LogLevel, Message};
use engine::{Engine, unix_millis};
use formats::aof::Checksums;
use formats::aof::manifest::BaseFormat;
use keyspace::View;
use parking_lot::Mutex;

use crate::save::{self, NewFile, temporary};

pub use files::{Error as FilesError, Files};
pub use load::{Error as LoadError, Way, load};
use rewrite::Rewrite;
use tail::{Style, Tail};

/// Between two writes of what workers have left to the thread: what comes meanwhile goes with the next, and nobody need wake it.
const ROUND: Duration = Duration::from_millis(1);
/// Group commit: those whom the last fsync has answered have half of its time to send what comes next, and so long at least.
/// A client that does not come back costs the others that once.
const PATIENCE: Duration = Duration::from_millis(1);
/// How often a worker that waits for others that write looks whether they wait for the disk.
const TURN: Duration = Duration::from_millis(1);
/// Between two attempts at what has failed.
const RETRY: Duration = Duration::from_millis(200);
/// Between two fsyncs of `everysec`.
const SECOND: Duration = Duration::from_secs(1);
/// Between two looks at whether a rewrite is due.
const LOOK: Duration = Duration::from_millis(100);
/// The append-only file, shared by the thread that writes it and those who ask for something.
#[derive(Clone, Copy)]
pub struct Log {
    engine: &'static Engine,
    requests: &'static Mutex<Vec<Request>>,
    /// The thread waits for the disk, and has the state meanwhile.
    is_syncing: &'static AtomicBool,
    /// Taken last: after exclusive access, where both are.
    state: &'static Mutex<State>,
}

/// What the thread is asked for.
enum Request {
    Start,
    Stop,
    Rewrite,
    Rewritten(Result<NewFile, save::Error>),
}

#[derive(Default)]
struct State {
    /// The files, while it is kept or rewritten.
    files: Option<Files>,
    /// Where it grows.
    tail: Option<Tail>,
    /// Where it goes on once all before is written.
    next: Option<Tail>,
    /// Empty: what the replication log is given in exchange for what it holds.
    room: Vec<u8>,
    /// Up to where the replication log was taken.
    taken: u64,
    /// When, by its own time.
    taken_at: u64,
    last_sync: Option<Instant>,
    /// How long it took.
    sync_took: Duration,
    /// How many clients waited for the disk when it ended, those it served included.
    group: u64,
    probe: Probe,
    /// How often a client had begun to wait ([`engine::log::ReplLog::held_ever`]) when the replication log was taken, and the
    /// time before.
    held_at_take: (u64, u64),
    held_before: (u64, u64),
    last_look: Option<Instant>,
    last_try: Option<Instant>,
    rewrite: Option<Rewrite>,
    rewrites: u64,
    failed_at: Option<Instant>,
}

/// When to look whether more clients come if one waits for them.
#[derive(Default)]
struct Probe {
    /// Fsyncs until the next look, and how many there are between two.
    left: u32,
    interval: u32,
}

impl Probe {
    /// Fsyncs between two looks after one that was worth it, and after many that were not.
    const OFTEN: u32 = 16;
    const SELDOM: u32 = 1024;

    fn is_due(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        self.left == 0
    }

    fn found(&mut self, more: bool) {
        self.interval =
            if more { Probe::OFTEN } else { (2 * self.interval).clamp(Probe::OFTEN, Probe::SELDOM) };
        self.left = self.interval;
    }
}

impl Log {
    /// The log of an engine, which is not kept yet; its thread begins.
    pub fn start(engine: &'static Engine) -> Log {
        let log = Log {
            engine,
            requests: Box::leak(Box::default()),
            is_syncing: Box::leak(Box::default()),
            state: Box::leak(Box::default()),
        };
        let run = move || {
            let _counted = memory::register_thread();
            log.run();
        };
        if let Err(error) = thread::Builder::new().name("aof".into()).spawn(run) {
            log.warn(&format!("The thread of the append only file can't be started: {error}"));
        }
        log
    }

    fn warn(&self, text: &str) {
        self.engine.host.log(LogLevel::Warning, text);
    }

    fn note(&self, text: &str) {
        self.engine.host.log(LogLevel::Notice, text);
    }

    fn ask(&self, request: Request) {
        self.requests.lock().push(request);
        // It may be about to sleep, having seen nothing: then it looks again soon.
        self.engine.log.wake_writer();
    }

    /// Begins to keep it, or ends that, soon.
    pub fn switch(&self, on: bool) {
        let status = &self.engine.persistence.log;
        status.enabled.store(on, Relaxed);
        // What is asked for soon after finds that a rewrite is on its way, or that none is any more.
        let waits = on && self.engine.keyspace.cut.is_saving();
        status.rewrite_scheduled.store(waits, Relaxed);
        status.rewrite_started.store(if on && !waits { unix_millis() / 1000 } else { 0 }, Relaxed);
        self.ask(if on { Request::Start } else { Request::Stop });
    }

    /// Begins a rewrite, or says that one is to begin. Answers whether it begins at once; nothing if one is under way.
    pub fn rewrite(&self) -> Option<bool> {
        let status = &self.engine.persistence.log;
        if status.rewrite_started.load(Relaxed) > 0 {
            return None;
        }
        if self.engine.keyspace.cut.is_saving() {
            status.rewrite_scheduled.store(true, Relaxed);
            return Some(false);
        }
        status.rewrite_started.store(unix_millis() / 1000, Relaxed);
        self.ask(Request::Rewrite);
        Some(true)
    }

    /// Goes on with files that were loaded: a base and an increment are made where there are none. Called at start, before
    /// anything changes.
    ///
    /// # Errors
    /// Those of the system.
    pub fn go_on(
        &self,
        view: &mut View,
        mut files: Files,
        sums: Option<Checksums>,
    ) -> Result<(), save::Error> {
        let config = self.engine.config();
        if files.manifest.is_empty() {
            files.make_directory()?;
            let name = files.new_base(base_format(&config), 0);
            self.note(&format!("Creating AOF base file {} on server start", file_name(&name)));
            let plan = self.plan(name, temporary::base(0), config.clone());
            save::all(self.engine, view, &plan)?;
        }
        let sums = match sums {
            Some(sums) if !files.manifest.incr().is_empty() => sums,
            _ => {
                let name = files.new_incr();
                self.note(&format!("Creating AOF incr file {} on server start", file_name(&name)));
                fs::File::create(&name)?;
                Checksums::default()
            }
        };
        files.write_manifest()?;
        files.delete_history()?;
        let last = files.manifest.incr().last().map(|file| files.path(file)).unwrap_or_default();
        let mut state = self.state.lock();
        state.tail = Some(Tail::open(&last, sums)?);
        self.note_size(&files, true);
        state.files = Some(files);
        self.attach(&config);
        Ok(())
    }

    /// The log is kept from here on. Exclusive access is held.
    fn attach(&self, config: &Config) {
        let log = &self.engine.log;
        self.engine.persistence.log.enabled.store(true, Relaxed);
        log.note_durable(log.offset());
        log.attach();
        log.hold(config.appendfsync == AppendFsync::Always);
        log.wake_writer();
    }

    /// Puts all there is on disk now: the caller has exclusive access, so nothing follows.
    ///
    /// # Errors
    /// Those of the system.
    pub fn flush(&self) -> io::Result<()> {
        let config = self.engine.config();
        let mut state = self.state.lock();
        if state.tail.is_none() {
            return Ok(());
        }
        self.write(&mut state, &config)?;
        if let Some(tail) = &mut state.tail {
            tail.seal(style(&config))?;
        }
        self.sync(&mut state)
    }

    /// The files, to be loaded again.
    pub fn files(&self) -> Option<Files> {
        self.state.lock().files.clone()
    }

    /// Works until the process ends.
    fn run(&self) {
        let log = &self.engine.log;
        log.write_here();
        loop {
            self.rest();
            let requests = std::mem::take(&mut *self.requests.lock());
            requests.into_iter().for_each(|request| self.serve(request));
            let config = self.engine.config();
            let mut state = self.state.lock();
            if state.tail.is_some() {
                self.put_on_disk(&mut state, &config);
            }
            self.look_after(state, &config);
        }
    }

    /// Rests until there is something to do.
    fn rest(&self) {
        let log = &self.engine.log;
        if log.is_read() && !log.holds() {
            std::thread::sleep(ROUND);
        }
        if self.requests.lock().is_empty() {
            log.sleep(LOOK);
        }
        if log.holds() && self.engine.clients.len() > 1 {
            self.gather();
        }
    }

    /// Group commit: waits, if not for long, until as many clients wait as did when the last fsync ended, those it served
    /// included. Without it two groups of clients take turns, each waiting for the fsync of the other; where an fsync is
    /// shorter than the way to a client and back, they do so unseen, and a longer wait now and then brings them together.
    fn gather(&self) {
        let log = &self.engine.log;
        let mut state = self.state.lock();
        // Those who said too late that they wait were served.
        let served = state.held_at_take.0 + (log.held_ever().1 - state.held_at_take.1);
        let (group, patience) = (state.group, (state.sync_took / 2).max(PATIENCE));
        let probes = state.probe.is_due();
        drop(state);
        log.gather(if probes { u64::MAX } else { served + group }, patience);
        if probes {
            self.state.lock().probe.found(log.held_ever().0 > served + group);
        }
    }

    fn serve(&self, request: Request) {
        match request {
            Request::Start if self.state.lock().tail.is_none() => self.begin_rewrite(),
            Request::Start => {}
            Request::Stop => self.stop(),
            Request::Rewrite => self.begin_rewrite(),
            Request::Rewritten(written) => self.finish_rewrite(written),
        }
    }

    /// Writes what there is, and forces it to disk when that is due.
    fn put_on_disk(&self, state: &mut State, config: &Config) {
        let failing = state.tail.as_ref().is_some_and(Tail::is_failing);
        if failing && state.last_try.is_some_and(|at| at.elapsed() < RETRY) {
            return;
        }
        state.last_try = Some(Instant::now());
        let done = self.write(state, config).and_then(|()| self.sync_if_due(state, config));
        self.note_result(state, config, done);
        self.note_promise(state, config);
    }

    /// Writes what the replication log holds, in a worker that is about to acknowledge it, unless that would wait for the disk.
    pub fn write_through(&self) {
        let mut state = loop {
            if self.is_syncing.load(Relaxed) {
                return;
            }
            if let Some(state) = self.state.try_lock_for(TURN) {
                break state;
            }
        };
        // A new increment begins with an fsync of the last.
        if state.next.is_some() || state.tail.as_ref().is_none_or(Tail::is_failing) {
            return;
        }
        let config = self.engine.config();
        let done = self.write(&mut state, &config);
        if done.is_err() {
            state.last_try = Some(Instant::now());
            self.note_result(&state, &config, done);
        }
    }

    /// Writes what the replication log holds.
    fn write(&self, state: &mut State, config: &Config) -> io::Result<()> {
        let delay = self.engine.persistence.log.flush_delay.load(Relaxed);
        if delay > 0 {
            thread::sleep(Duration::from_micros(delay));
        }
        let before = std::mem::replace(&mut state.held_at_take, self.engine.log.held_ever());
        state.taken_at = self.engine.log.moment();
        let (mut bytes, end) = self.engine.log.take(std::mem::take(&mut state.room));
        (state.taken, state.held_before) = (end, before);
        // While it is written there is a copy, and what is not on disk is kept.
        self.note_memory(state, 3 * bytes.capacity());
        let style = style(config);
        let Some(tail) = &mut state.tail else { return Ok(()) };
        match &mut state.next {
            None => tail.append(&bytes, style)?,
            Some(next) => {
                // First all of the old one is on disk: when the power fails, the end of the last one only may be torn. And the
                // new one, whatever becomes of that: what is not written is kept.
                let first =
                    tail.append(&[], style).and_then(|()| tail.seal(style)).and_then(|()| self.force(tail));
                let second = next.append(&bytes, style);
                first?;
                state.tail = state.next.take();
                second?;
            }
        }
        tail::empty(&mut bytes);
        state.room = bytes;
        self.note_memory(state, 0);
        Ok(())
    }

    /// Says how much memory the buffers take, and what is under way.
    fn note_memory(&self, state: &State, under_way: usize) {
        let tails = state.tail.iter().chain(&state.next).map(Tail::footprint).sum::<usize>();
        let bytes = tails + state.room.capacity() + under_way;
        self.engine.persistence.log.buffers.store(bytes, Relaxed);
    }

    /// Says up to when all is on disk, for those who are to wait where that is too long ago.
    fn note_promise(&self, state: &State, config: &Config) {
        let promises = config.appendfsync == AppendFsync::EverySec && !self.rests(config);
        let is_dirty = state.tail.as_ref().is_some_and(Tail::is_dirty);
        match promises {
            false => self.engine.log.note_synced(None),
            true if !is_dirty => self.engine.log.note_synced(Some(state.taken_at)),
            // Still what the last fsync has forced to disk.
            true => {}
        }
    }

    /// Whether nothing is forced to disk for as long as a snapshot is written.
    fn rests(&self, config: &Config) -> bool {
        config.no_appendfsync_on_rewrite && self.engine.keyspace.cut.is_taken()
    }

    fn sync_if_due(&self, state: &mut State, config: &Config) -> io::Result<()> {
        let is_dirty = state.tail.as_ref().is_some_and(|tail| tail.is_dirty() || tail.is_failing());
        let is_due = match config.appendfsync {
            AppendFsync::Always => true,
            AppendFsync::EverySec => {
                !self.rests(config) && state.last_sync.is_none_or(|at| at.elapsed() >= SECOND)
            }
            AppendFsync::No => false,
        };
        if !is_dirty || !is_due {
            if !is_dirty && self.engine.log.holds() && !self.engine.log.may_go_out(state.taken) {
                self.tell_durable(state.taken);
            }
            return Ok(());
        }
        state.last_sync = Some(Instant::now());
        self.sync(state)
    }

    fn sync(&self, state: &mut State) -> io::Result<()> {
        let Some(tail) = &mut state.tail else { return Ok(()) };
        let began = Instant::now();
        self.force(tail)?;
        state.sync_took = began.elapsed();
        if self.engine.log.is_overdue() {
            self.engine.persistence.log.late_syncs.fetch_add(1, Relaxed);
            self.note(&format!(
                "Asynchronous AOF fsync is taking too long (disk is busy?). Commands have waited until it was done, after {} ms.",
                state.sync_took.as_millis()
            ));
        }
        let (before, taken) = (state.held_before, state.held_at_take);
        state.group = (self.engine.log.held_ever().0 - before.0).saturating_sub(taken.1 - before.1);
        self.engine.persistence.log.syncs.fetch_add(1, Relaxed);
        self.tell_durable(state.taken);
        Ok(())
    }

    /// Forces a file to disk. Meanwhile no worker waits for the state.
    fn force(&self, tail: &mut Tail) -> io::Result<()> {
        self.is_syncing.store(true, Relaxed);
        let forced = tail.sync();
        self.is_syncing.store(false, Relaxed);
        forced
    }

    fn tell_durable(&self, offset: u64) {
        self.engine.log.note_durable(offset);
        if self.engine.log.holds() {
            self.engine.tell_workers(&Message::Durable);
        }
    }

    /// Tells everyone whether the disk takes what is written.
    fn note_result(&self, state: &State, config: &Config, done: io::Result<()>) {
        let status = &self.engine.persistence.log;
        let stuck = state.tail.iter().chain(&state.next).map(Tail::stuck_bytes).sum::<usize>();
        status.stuck_bytes.store(stuck as u64, Relaxed);
        let was_ok = status.last_write_ok.swap(done.is_ok(), Relaxed);
        match done {
            Err(error) if was_ok => {
                let reason = save::reason(&error);
                self.warn(&format!("Error writing to the AOF file: {reason}"));
                *status.last_error.lock() = reason;
                if config.appendfsync == AppendFsync::Always {
                    self.warn("Nothing is acknowledged until the AOF file can be written again.");
                }
                self.engine.attend_disk();
            }
            Ok(()) if !was_ok => {
                self.warn("AOF write error looks solved. The server can write again.");
                self.engine.attend_disk();
            }
            _ => {}
        }
    }

    /// What is due now and then: the way of forcing to disk has changed, a rewrite is wanted.
    fn look_after(&self, mut state: parking_lot::MutexGuard<'_, State>, config: &Config) {
        if state.last_look.is_some_and(|at| at.elapsed() < LOOK) {
            return;
        }
        state.last_look = Some(Instant::now());
        if state.tail.is_some() {
            self.choose_holding(config);
        }
        if let (Some(files), None) = (&state.files, &state.rewrite) {
            self.note_size(files, false);
        }
        let status = &self.engine.persistence.log;
        let is_free = state.rewrite.is_none() && !self.engine.keyspace.cut.is_taken();
        let is_lost = state.tail.as_ref().is_some_and(Tail::is_lost);
        let begins = status.enabled.load(Relaxed) && state.tail.is_none() && !self.waits(&state);
        let wanted = begins
            || status.rewrite_scheduled.load(Relaxed)
            || is_lost
            || self.is_rewrite_due(&state, config);
        drop(state);
        if is_free && wanted && !self.engine.loading.is_on() {
            status.rewrite_scheduled.store(false, Relaxed);
            self.begin_rewrite();
        }
    }

    /// Follows a change of `appendfsync`.
    fn choose_holding(&self, config: &Config) {
        let (log, holds) = (&self.engine.log, config.appendfsync == AppendFsync::Always);
        if log.holds() != holds {
            log.hold(holds);
            self.engine.tell_workers(&Message::Durable);
        }
    }

    fn note_size(&self, files: &Files, is_base: bool) {
        let (status, size) = (&self.engine.persistence.log, files.size());
        status.size.store(size, Relaxed);
        if is_base {
            status.base_size.store(size, Relaxed);
        }
    }

    /// Ends it: what there is is on disk, and nothing more comes.
    fn stop(&self) {
        let member = self.engine.keyspace.join();
        let exclusive = self.engine.keyspace.exclusive(&member);
        self.give_up_rewrite();
        if let Err(error) = self.flush() {
            self.warn(&format!("Error writing to the AOF file: {}", save::reason(&error)));
        }
        let mut state = self.state.lock();
        if state.tail.take().is_some() {
            self.engine.log.detach();
        }
        (state.next, state.files) = (None, None);
        self.engine.log.hold(false);
        self.engine.log.note_synced(None);
        self.note_memory(&state, 0);
        self.engine.persistence.log.last_write_ok.store(true, Relaxed);
        self.engine.attend_disk();
        drop(exclusive);
        self.engine.tell_workers(&Message::Durable);
    }
}

fn base_format(config: &Config) -> BaseFormat {
    if config.aof_use_rdb_preamble { BaseFormat::Rdb } else { BaseFormat::Aof }
}

fn style(config: &Config) -> Style {
    let time = config.aof_timestamp_enabled.then(|| unix_millis() / 1000);
    Style { checksums: config.aof_checksum, time }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
