//! What the server is told to do with its data on disk: SAVE, BGSAVE, save points, DEBUG RELOAD, the end.
//!
//! One thing at a time is written in the background, since there is one cut at a time.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::Instant;

use config::Config;
use engine::engine::{LogLevel, Shutdown};
use engine::persistence::{Reload, Storage};
use engine::{Engine, Error, Outcome, unix_millis};
use keyspace::{Existing, View};
use parking_lot::Mutex;

use crate::load;
use crate::log::{self, Log};
use crate::save::{self, Background, NewFile, Plan, temporary};

/// Seconds between a failed save and the next try (Redis's `CONFIG_BGSAVE_RETRY_DELAY`).
const RETRY_SECONDS: i64 = 5;

/// The data on disk.
#[derive(Clone, Copy)]
pub struct Store {
    engine: &'static Engine,
    state: &'static Mutex<State>,
    log: Log,
}

#[derive(Default)]
struct State {
    /// A snapshot is being written in the background; its number.
    job: Option<u64>,
    /// Jobs so far.
    jobs: u64,
    /// One is to be written when there is time.
    scheduled: bool,
}

/// Gives an engine its storage; once, before clients are served.
pub fn attach(engine: &'static Engine) -> Store {
    let state: &'static Mutex<State> = Box::leak(Box::default());
    let store = Store { engine, state, log: Log::start(engine) };
    engine.persistence.attach(Box::new(store));
    store
}

impl Storage for Store {
    fn save(&self, view: &mut View) -> Outcome {
        if self.state.lock().job.is_some() {
            return Err(Error::text("ERR Background save already in progress"));
        }
        self.save_all(view)
    }

    fn save_in_background(&self, view: &mut View, schedule: bool) -> Result<&'static str, Error> {
        let is_rewriting = self.engine.persistence.log.rewrite_started.load(Relaxed) > 0;
        let cut = &self.engine.keyspace.cut;
        let is_busy = is_rewriting || cut.is_taken();
        if self.state.lock().job.is_some() {
            return Err(Error::text("ERR Background save already in progress"));
        }
        if !is_rewriting && cut.is_taken() && !cut.is_saving() {
            // What is left of a cut that was given up is soon cleared away.
            self.state.lock().scheduled = true;
            self.engine.persistence.snapshot.started.store(unix_millis() / 1000, Relaxed);
            return Ok("Background saving started");
        }
        if is_busy && schedule {
            self.state.lock().scheduled = true;
            return Ok("Background saving scheduled");
        }
        if is_busy {
            return Err(Error::text(
                "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.",
            ));
        }
        self.begin(view)?;
        Ok("Background saving started")
    }

    fn rewrite_log(&self, _: &mut View) -> Result<&'static str, Error> {
        match self.log.rewrite() {
            None => Err(Error::text("ERR Background append only file rewriting already in progress")),
            Some(true) => Ok("Background append only file rewriting started"),
            Some(false) => Ok("Background append only file rewriting scheduled"),
        }
    }

    fn write_log(&self) {
        self.log.write_through();
    }

    fn may_keep_log(&self, config: &Config) -> bool {
        let tried = log::Files::try_out(config);
        if let Err(error) = &tried {
            let reason = save::reason(error);
            self.log(
                LogLevel::Warning,
                &format!("The AOF can't be kept in {}: {reason}", config.appenddirname),
            );
        }
        tried.is_ok()
    }

    fn switch_log(&self, on: bool) {
        self.log.switch(on);
    }

    fn load_log(&self, view: &mut View) -> Outcome {
        let failed = Error::text("ERR Error trying to load the AOF files, check server logs");
        if let Err(error) = self.log.flush() {
            self.log(LogLevel::Warning, &save::reason(&error));
            return Err(failed);
        }
        let files = match self.log.files() {
            Some(files) => files,
            None => log::Files::find(&self.engine.config()).map_err(|error| {
                self.log(LogLevel::Warning, &error.to_string());
                failed.clone()
            })?,
        };
        empty(self.engine, view);
        let (now, noted) = (view.now, view.noted);
        self.engine.begin_loading(files.size());
        let loaded = log::load(self.engine, &files, &mut log::Way::View(view), &mut || false);
        self.engine.end_loading();
        (view.now, view.noted) = (now, noted);
        loaded.map_err(|error| {
            error.to_string().lines().for_each(|line| self.log(LogLevel::Warning, line));
            failed
        })?;
        self.engine.note_saved();
        Ok(())
    }

    fn flushed(&self, view: &mut View) {
        if self.engine.config().save.is_empty() {
            return;
        }
        // An empty snapshot is soon written; one that is under way keeps what was there, and is followed by it.
        if self.engine.keyspace.cut.is_taken() || self.begin(view).is_err() {
            self.state.lock().scheduled = true;
        }
    }

    fn reload(&self, view: &mut View, how: Reload) -> Outcome {
        self.give_up();
        if !how.no_save {
            self.save_all(view).map_err(|_| Error::text("ERR Error saving the DB file, can't continue"))?;
        }
        if !how.no_flush {
            empty(self.engine, view);
        }
        let existing = if how.merge { Existing::Replace } else { Existing::Refuse };
        let options = load::Options { existing, ..load::Options::default() };
        let name = self.engine.config().dbfilename.clone();
        let loaded = std::fs::File::open(&name)
            .map_err(|error| load::Error::Open { name, reason: save::reason(&error) })
            .and_then(|file| {
                self.engine.begin_loading(file.metadata().map_or(0, |about| about.len()));
                load::rdb_into(self.engine, view, file, options)
            });
        self.engine.end_loading();
        if let Err(error) = loaded {
            self.log(LogLevel::Warning, &error.to_string());
            return Err(Error::text("ERR Error trying to load the RDB dump, check server logs"));
        }
        self.engine.note_saved();
        Ok(())
    }

    fn tick(&self) {
        let is_due = {
            let mut state = self.state.lock();
            state.job.is_none()
                && !self.engine.keyspace.cut.is_taken()
                && (std::mem::take(&mut state.scheduled) || self.is_save_due())
        };
        if is_due {
            let member = self.engine.keyspace.join();
            let mut exclusive = self.engine.keyspace.exclusive(&member);
            // What goes wrong is in the log, and tried again.
            let _ = self.begin(&mut View::exclusive(&mut exclusive, unix_millis()));
        }
    }

    fn close(&self, view: &mut View, shutdown: &Shutdown) -> Outcome {
        self.give_up();
        self.log.give_up_rewrite();
        if self.log.files().is_some() {
            self.log(LogLevel::Notice, "Calling fsync() on the AOF file.");
        }
        if let Err(error) = self.log.flush() {
            self.log(LogLevel::Warning, &format!("Error writing to the AOF file: {}", save::reason(&error)));
            if shutdown.save != Some(false) {
                self.log(LogLevel::Warning, "The AOF file can't be written: can't exit.");
                return Err(Error::text("ERR"));
            }
        }
        let saves = shutdown.save.unwrap_or(!self.engine.config().save.is_empty());
        if !saves {
            return Ok(());
        }
        self.log(LogLevel::Notice, "Saving the final RDB snapshot before exiting.");
        let saved = self.save_all(view);
        if saved.is_err() {
            self.log(LogLevel::Warning, "Error trying to save the DB, can't exit.");
        }
        saved
    }
}

impl Store {
    /// The append-only file.
    pub(crate) fn aof(&self) -> Log {
        self.log
    }

    fn log(&self, level: LogLevel, text: &str) {
        self.engine.host.log(level, text);
    }

    /// A snapshot, by a number that no other one at work has.
    fn plan(&self, number: u64) -> Plan {
        let config = self.engine.config();
        let temporary = temporary::snapshot(number);
        Plan { name: PathBuf::from(&config.dbfilename), temporary, base: None, config }
    }

    /// Writes a snapshot while everyone waits.
    fn save_all(&self, view: &mut View) -> Outcome {
        self.engine.persistence.snapshot.saves.fetch_add(1, Relaxed);
        match save::all(self.engine, view, &self.plan(0)) {
            Ok(_) => {
                self.log(LogLevel::Notice, "DB saved on disk");
                self.engine.note_saved();
                self.note_success();
                Ok(())
            }
            Err(error) => {
                self.log(LogLevel::Warning, &error.to_string());
                Err(Error::text("ERR"))
            }
        }
    }

    fn note_success(&self) {
        let status = &self.engine.persistence.snapshot;
        status.last_save.store(unix_millis() / 1000, Relaxed);
        status.last_ok.store(true, Relaxed);
        self.engine.attend_disk();
    }

    /// Whether a save point asks for a snapshot.
    fn is_save_due(&self) -> bool {
        let (engine, now) = (self.engine, unix_millis() / 1000);
        let status = &engine.persistence.snapshot;
        let may_try = status.last_ok.load(Relaxed) || now - status.last_try.load(Relaxed) > RETRY_SECONDS;
        let (changes, age) = (engine.unsaved_changes(), now - status.last_save.load(Relaxed));
        let config = engine.config();
        let due = config.save.iter().find(|point| changes >= point.changes && age > point.seconds as i64);
        if let Some(point) = due.filter(|_| may_try) {
            let text = format!("{} changes in {} seconds. Saving...", point.changes, point.seconds);
            self.log(LogLevel::Notice, &text);
        }
        due.is_some() && may_try
    }

    /// Takes a cut, and begins to write it.
    fn begin(&self, view: &mut View) -> Outcome {
        let (engine, started) = (self.engine, Instant::now());
        let status = &engine.persistence.snapshot;
        let changes = engine.keyspace.total(|counters| &counters.changes);
        let number = self.state.lock().jobs + 1;
        let busy = Error::text("ERR Background save already in progress");
        let background = Background::begin(engine, view, self.plan(number)).ok_or(busy)?;
        status.cut_micros.store(started.elapsed().as_micros() as u64, Relaxed);
        status.started.store(unix_millis() / 1000, Relaxed);
        status.last_try.store(unix_millis() / 1000, Relaxed);
        status.saves.fetch_add(1, Relaxed);
        {
            let mut state = self.state.lock();
            (state.jobs, state.job) = (number, Some(number));
        }
        let store = *self;
        let work = move || {
            let _counted = memory::register_thread();
            let written = background.write();
            store.finish(number, changes, started, written);
        };
        match thread::Builder::new().name("snapshot".into()).spawn(work) {
            Ok(_) => {
                let pid = std::process::id();
                self.log(LogLevel::Notice, &format!("Background saving started by pid {pid}"));
                Ok(())
            }
            Err(error) => {
                let error = save::Error::from(error);
                self.end();
                self.log(LogLevel::Warning, &format!("Can't save in background: {error}"));
                status.last_ok.store(false, Relaxed);
                Err(Error::text("ERR"))
            }
        }
    }

    /// Draws the conclusions when a snapshot in the background was written, or was not.
    fn finish(&self, number: u64, changes: u64, started: Instant, written: Result<NewFile, save::Error>) {
        let status = &self.engine.persistence.snapshot;
        let name = PathBuf::from(&self.engine.config().dbfilename);
        // Under the lock: one that is given up does not take the place of a later one.
        let mut state = self.state.lock();
        if state.job != Some(number) {
            return;
        }
        let published = written.and_then(|file| Ok(file.publish(&name)?));
        state.job = None;
        drop(state);
        status.started.store(0, Relaxed);
        status.last_seconds.store(started.elapsed().as_secs() as i64, Relaxed);
        match published {
            Ok(()) => {
                self.log(LogLevel::Notice, "DB saved on disk");
                self.log(LogLevel::Notice, "Background saving terminated with success");
                status.changes_before.store(changes, Relaxed);
                self.note_success();
            }
            // Which is no failure: memory had to be made.
            Err(save::Error::Cancelled) => {
                self.log(
                    LogLevel::Warning,
                    "A snapshot is given up, for it keeps what was flushed, and memory is full.",
                );
            }
            Err(error) => {
                self.log(LogLevel::Warning, &error.to_string());
                self.log(LogLevel::Warning, "Background saving error");
                status.last_ok.store(false, Relaxed);
                self.engine.attend_disk();
            }
        }
    }

    /// Forgets a job that is under way. Answers its number.
    fn end(&self) -> Option<u64> {
        let number = self.state.lock().job.take();
        self.engine.persistence.snapshot.started.store(0, Relaxed);
        number
    }

    /// Gives up what is being written in the background, which is no failure.
    fn give_up(&self) {
        self.state.lock().scheduled = false;
        if let Some(number) = self.end() {
            self.engine.keyspace.cut.cancel();
            let _ = fs::remove_file(temporary::snapshot(number));
            self.log(LogLevel::Notice, "A snapshot that was being written is given up.");
        }
    }
}

/// Empties every database, by exclusive access.
fn empty(engine: &'static Engine, view: &mut View) {
    for db in 0..engine.keyspace.databases() {
        drop(view.flush(db));
    }
}
