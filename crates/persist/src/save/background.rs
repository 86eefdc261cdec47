//! Writing a snapshot while everyone goes on: one thread reads the cut, another writes what it reads.
//!
//! Both are as nice as can be: whoever serves clients comes first. They are not of the class SCHED_IDLE, which might be
//! preempted for long while it holds a partition's lock.

use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::Duration;

use engine::engine::Message;
use engine::{Engine, unix_millis};
use keyspace::cut::Cut;
use keyspace::{Image, Size, Traversal, View};

use super::encode::{Encoder, Form};
use super::pipe::Pipe;
use super::{Error, NewFile, Plan};

/// Bytes that are handed from thread to thread at once.
const CHUNK: usize = 64 << 10;

/// A snapshot that has been begun: the cut is taken.
pub struct Background {
    engine: &'static Engine,
    traversal: Traversal<'static>,
    plan: Plan,
    form: Form,
    now: i64,
}

impl Background {
    /// Takes the cut, under exclusive access. `None` while another one is read.
    pub fn begin(engine: &'static Engine, view: &View, plan: Plan) -> Option<Background> {
        let traversal = engine.keyspace.cut(view)?;
        engine.attend_cut(true);
        let form = plan.form(traversal.sizes());
        let keys = traversal.sizes().iter().map(|size| size.keys as u64).sum();
        let status = &engine.persistence.snapshot;
        status.keys_total.store(keys, Relaxed);
        status.keys_done.store(0, Relaxed);
        Some(Background { engine, traversal, plan, form, now: unix_millis() })
    }

    /// Reads the cut to its end and writes it down; the calling thread is one for this alone. The file has its temporary
    /// name still.
    ///
    /// # Errors
    /// [`Error::Cancelled`] if the cut was.
    pub fn write(mut self) -> Result<NewFile, Error> {
        be_nice();
        let (pipe, engine) = (Pipe::default(), self.engine);
        let (plan, form, now) = (self.plan.clone(), self.form, self.now);
        let sizes = self.traversal.sizes().to_vec();
        let written = thread::scope(|scope| {
            let writer = thread::Builder::new().name("snapshot-writer".into()).spawn_scoped(scope, || {
                let _counted = memory::register_thread();
                be_nice();
                let written = write_down(engine, &plan, form, &sizes, now, &pipe);
                if written.is_err() {
                    pipe.break_off();
                }
                written
            });
            let read = self.read(&pipe);
            pipe.close();
            let written = match writer?.join() {
                Ok(written) => written,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            read?;
            written
        });
        self.end();
        written
    }

    /// Reads the cut into the pipe.
    fn read(&mut self, pipe: &Pipe) -> Result<(), Error> {
        let member = self.engine.keyspace.join();
        let (cut, status) = (&self.engine.keyspace.cut, &self.engine.persistence.snapshot);
        let config = &self.plan.config;
        let mut encoder = Encoder::new(self.form, config, &self.engine.keyspace.access, self.now);
        let (mut chunk, mut failed) = (Vec::with_capacity(2 * CHUNK), None);
        let mut delay = Delay::default();
        let mut save = |image: Image<'_>| {
            if let Err(unwritable) = encoder.encode(&image, &mut chunk) {
                failed.get_or_insert(unwritable);
                cut.cancel();
            }
            if chunk.len() >= CHUNK {
                let full = std::mem::replace(&mut chunk, Vec::with_capacity(2 * CHUNK));
                if !pipe.put(full, || is_urgent(cut)) {
                    cut.cancel();
                }
            }
            delay.rest(self.engine);
        };
        while self.traversal.step(&member, &mut save) {
            status.keys_done.store(self.traversal.seen() as u64, Relaxed);
            if cut.may_resume() {
                self.engine.tell_workers(&Message::Resume);
            }
        }
        if let Some(unwritable) = failed {
            return Err(io::Error::from(unwritable).into());
        }
        let keys: usize = self.traversal.sizes().iter().map(|size| size.keys).sum();
        if self.traversal.seen() != keys {
            return Err(Error::Cancelled);
        }
        pipe.put(chunk, || true);
        Ok(())
    }

    /// Tells everyone that the cut is read.
    fn end(&self) {
        self.engine.attend_cut(false);
        self.engine.persistence.snapshot.keys_total.store(0, Relaxed);
        self.engine.persistence.snapshot.keys_done.store(0, Relaxed);
        // Whoever has asked in the last moment.
        self.engine.tell_workers(&Message::Resume);
    }
}

/// Writes the chunks of the pipe to a file.
fn write_down(
    engine: &Engine,
    plan: &Plan,
    form: Form,
    sizes: &[Size],
    now: i64,
    pipe: &Pipe,
) -> Result<NewFile, Error> {
    let mut sink = plan.open()?;
    sink.pace();
    let mut file = plan.begin(engine, sink, form, sizes, now)?;
    while let Some(chunk) = pipe.take() {
        file.encoded(&chunk)?;
    }
    Ok(file.finish()?)
}

/// Whether somebody waits for what is read at this moment, or nobody wants it any more.
fn is_urgent(cut: &Cut) -> bool {
    cut.is_urgent() || !cut.is_saving()
}

/// `rdb-key-save-delay`: so many microseconds after each key, or one once in so many keys.
#[derive(Default)]
struct Delay {
    micros: i32,
    config_version: u64,
    keys: u32,
}

impl Delay {
    fn rest(&mut self, engine: &Engine) {
        if self.config_version != engine.config_version() {
            (self.config_version, self.micros) =
                (engine.config_version(), engine.config().rdb_key_save_delay);
        }
        self.keys = self.keys.wrapping_add(1);
        match self.micros {
            0 => {}
            1.. => thread::sleep(Duration::from_micros(self.micros as u64)),
            _ if self.keys.is_multiple_of(self.micros.unsigned_abs()) => {
                thread::sleep(Duration::from_micros(1))
            }
            _ => {}
        }
    }
}

/// Lets other threads go first.
fn be_nice() {
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), 19);
}
