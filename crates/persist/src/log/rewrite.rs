//! Rewrites of the append-only file: a new base that says in few words what the file says in many.

use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use config::Config;
use engine::engine::Message;
use engine::unix_millis;
use formats::aof::Checksums;
use formats::aof::manifest::BaseFormat;
use keyspace::View;

use super::tail::Tail;
use super::{Files, Log, ROUND, Request, State, base_format, file_name};
use crate::save::{self, Background, NewFile, Plan, temporary};

/// Failures of rewrites in a row from which on the next automatic one waits, twice as long each time, from a minute to an hour
/// (as in Redis).
const FAILURES: u64 = 3;

/// A rewrite under way.
pub(super) struct Rewrite {
    started: Instant,
    format: BaseFormat,
    /// The files, with the increment that begins at the cut.
    files: Files,
    /// Increments that stay.
    kept: usize,
    /// The log begins with it: without this base its increment is worth nothing.
    begins: bool,
}

impl Log {
    /// Whether it has grown as much as `auto-aof-rewrite-percentage` says.
    pub(super) fn is_rewrite_due(&self, state: &State, config: &Config) -> bool {
        let status = &self.engine.persistence.log;
        let (size, base) = (status.size.load(Relaxed), status.base_size.load(Relaxed).max(1));
        let percentage = u64::from(config.auto_aof_rewrite_percentage);
        if state.tail.is_none() || percentage == 0 || size <= config.auto_aof_rewrite_min_size {
            return false;
        }
        let growth = (size as u128 * 100 / base as u128).saturating_sub(100) as u64;
        let is_due = growth >= percentage && !self.waits(state);
        if is_due {
            self.note(&format!("Starting automatic rewriting of AOF on {growth}% growth"));
        }
        is_due
    }

    /// Whether so many rewrites have failed that the next one nobody asks for is to come later.
    pub(super) fn waits(&self, state: &State) -> bool {
        let failures = self.engine.persistence.log.rewrite_failures.load(Relaxed);
        failures >= FAILURES && {
            let minutes = 1u64 << (failures - FAILURES).min(6);
            state.failed_at.is_some_and(|at| at.elapsed() < Duration::from_secs(60 * minutes.min(60)))
        }
    }

    pub(super) fn plan(
        &self,
        name: std::path::PathBuf,
        temporary: std::path::PathBuf,
        config: std::sync::Arc<Config>,
    ) -> Plan {
        Plan { name, temporary, base: Some(base_format(&config)), config }
    }

    /// Takes the cut of a rewrite, at which the log goes on in a new increment, and begins to write the base.
    pub(super) fn begin_rewrite(&self) {
        if let Err(error) = self.try_rewrite() {
            self.state.lock().failed_at = Some(Instant::now());
            self.warn(&format!("Can't rewrite append only file in background: {error}"));
            self.note_rewrite(false, None);
        }
    }

    fn try_rewrite(&self) -> Result<(), save::Error> {
        let (engine, config, started) = (self.engine, self.engine.config(), Instant::now());
        let status = &engine.persistence.log;
        if engine.keyspace.cut.is_saving() {
            status.rewrite_started.store(0, Relaxed);
            status.rewrite_scheduled.store(true, Relaxed);
            return Ok(());
        }
        status.rewrite_started.store(unix_millis() / 1000, Relaxed);
        status.rewrites.fetch_add(1, Relaxed);
        let (files, is_kept, number) = {
            let mut state = self.state.lock();
            state.rewrites += 1;
            (state.files.clone(), state.tail.is_some(), state.rewrites)
        };
        let begins = status.enabled.load(Relaxed) && !is_kept;
        let mut files = match files {
            Some(files) => files,
            None => Files::find(&config).map_err(|error| save::Error::Write(error.to_string()))?,
        };
        files.make_directory()?;
        let before = files.clone();
        let mut next = None;
        if is_kept || begins {
            let name = files.new_incr();
            fs::File::create(&name)?;
            next = Some(Tail::open(&name, Checksums::default())?);
            self.note(&format!("Creating AOF incr file {} on background rewrite", file_name(&name)));
        }
        if is_kept {
            // Before the cut, so that nothing behind it is ever in a file that no manifest lists. A log that begins has no
            // base yet: what is listed are the files of an older one.
            files.write_manifest()?;
            self.state.lock().files = Some(files.clone());
        }
        let plan = self.plan(files.dir().to_owned(), temporary::base(number), config.clone());
        // What is left of a cut that was given up is soon cleared away.
        while engine.keyspace.cut.is_taken() && !engine.keyspace.cut.is_saving() {
            thread::sleep(ROUND);
        }
        let background = 'cut: {
            let member = engine.keyspace.join();
            let mut exclusive = engine.keyspace.exclusive(&member);
            let view = View::exclusive(&mut exclusive, unix_millis());
            let Some(background) = Background::begin(engine, &view, plan) else { break 'cut None };
            let mut state = self.state.lock();
            if begins {
                self.attach(&config);
                (state.tail, state.taken) = (next, engine.log.offset());
            } else if is_kept {
                // All before the cut goes to the old increment, all behind it to the new one.
                let written = self.write(&mut state, &config);
                self.note_result(&state, &config, written);
                engine.log.begin_file();
                state.next = next;
            }
            let kept = usize::from(is_kept || begins);
            state.rewrite = Some(Rewrite { started, format: base_format(&config), files, kept, begins });
            Some(background)
        };
        let Some(background) = background else { return self.put_off(is_kept.then_some(before)) };
        let pid = std::process::id();
        self.note(&format!("Background append only file rewriting started by pid {pid}"));
        let log = *self;
        thread::Builder::new().name("aof-rewrite".into()).spawn(move || {
            let _counted = memory::register_thread();
            log.ask(Request::Rewritten(background.write()));
        })?;
        Ok(())
    }

    /// Another cut was taken in the meantime: the rewrite comes behind it. The new increment leaves the list again: the one
    /// before it grows on, and a loader accepts a half command at the end of the last only.
    fn put_off(&self, before: Option<Files>) -> Result<(), save::Error> {
        let status = &self.engine.persistence.log;
        status.rewrite_started.store(0, Relaxed);
        status.rewrite_scheduled.store(true, Relaxed);
        if let Some(files) = before {
            files.write_manifest()?;
            self.state.lock().files = Some(files);
        }
        Ok(())
    }

    /// Lists the new base, if it was written, and deletes what it replaces.
    pub(super) fn finish_rewrite(&self, written: Result<NewFile, save::Error>) {
        let mut state = self.state.lock();
        let Some(rewrite) = state.rewrite.take() else { return };
        let (started, begins) = (rewrite.started, rewrite.begins);
        let incr = rewrite.files.manifest.incr().last().map(|file| rewrite.files.path(file));
        let published = written.and_then(|base| self.publish(&mut state, rewrite, base));
        match &published {
            Ok(()) => self.note("Background AOF rewrite finished successfully"),
            Err(error) => {
                state.failed_at = Some(Instant::now());
                self.warn(&format!("Background AOF rewrite terminated with error: {error}"));
            }
        }
        drop(state);
        if begins && published.is_err() {
            self.forget_increment(incr.as_deref());
        }
        self.note_rewrite(published.is_ok(), Some(started));
    }

    /// Gives up an increment that no base goes before: the log begins anew, at another cut.
    fn forget_increment(&self, incr: Option<&Path>) {
        let member = self.engine.keyspace.join();
        let exclusive = self.engine.keyspace.exclusive(&member);
        let mut state = self.state.lock();
        state.tail = None;
        self.engine.log.detach();
        self.engine.log.hold(false);
        drop((state, exclusive));
        if let Some(path) = incr {
            let _ = fs::remove_file(path);
        }
        self.engine.tell_workers(&Message::Durable);
    }

    fn publish(&self, state: &mut State, rewrite: Rewrite, base: NewFile) -> Result<(), save::Error> {
        let Rewrite { format, mut files, kept, .. } = rewrite;
        let name = files.new_base(format, kept);
        base.publish(&name)?;
        files.write_manifest()?;
        if !self.engine.config().aof_disable_auto_gc
            && let Err(error) = files.delete_history()
        {
            self.warn(&format!("Old append only files can't be deleted: {}", save::reason(&error)));
        }
        // What the increment before the cut still lacks is in the base.
        if let Some(next) = state.next.take() {
            state.tail = Some(next);
        }
        self.note_size(&files, true);
        state.files = state.tail.is_some().then_some(files);
        Ok(())
    }

    fn note_rewrite(&self, ok: bool, started: Option<Instant>) {
        let status = &self.engine.persistence.log;
        status.last_rewrite_ok.store(ok, Relaxed);
        match ok {
            true => status.rewrite_failures.store(0, Relaxed),
            false => _ = status.rewrite_failures.fetch_add(1, Relaxed),
        }
        let seconds = started.map_or(-1, |started| started.elapsed().as_secs() as i64);
        status.last_rewrite_seconds.store(seconds, Relaxed);
        status.rewrite_started.store(0, Relaxed);
    }

    /// Gives up a rewrite that is under way, which is no failure.
    pub fn give_up_rewrite(&self) {
        self.engine.persistence.log.rewrite_scheduled.store(false, Relaxed);
        let mut state = self.state.lock();
        if state.rewrite.take().is_some() {
            self.note(
                "Killing running AOF rewrite child: there is none, but the thread that writes it gives up",
            );
            self.engine.keyspace.cut.cancel();
            self.engine.persistence.log.rewrite_started.store(0, Relaxed);
            let _ = fs::remove_file(temporary::base(state.rewrites));
        }
    }
}
