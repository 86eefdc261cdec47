//! Writing a snapshot while everyone goes on: one thread reads the cut, another writes what it reads.
//!
//! The one that reads copies small entries and passes them on; its work is short, and where it holds a lock it must not lose the
//! processor for long. Encoding and compressing is nine tenths of the work, and done by a thread that yields to everyone
//! (SCHED_IDLE). On a machine without a free moment that one would starve, so a third looks at the pre-images now and then, and
//! writes them itself where they grow many.

#![allow(unsafe_code)]

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use engine::engine::Message;
use engine::{Engine, unix_millis};
use formats::rdb::file::Options;
use keyspace::cut::Cut;
use keyspace::cut::OwnedImage;
use keyspace::{Image, ImageValue, Traversal, View};
use parking_lot::Mutex;

use super::body::Body;
use super::compress::compress;
use super::encode::{Encoder, Form};
use super::pipe::{Load, Pipe};
use super::{Error, NewFile, Plan};
use crate::delay::{self, KeyDelay};

/// Bytes that are written at once.
const CHUNK: usize = 64 << 10;
/// Copies that are passed on at once.
const BATCH: usize = 64;
/// Bytes of pre-images from which on the writer is helped.
const MANY: usize = 4 << 20;
/// How often it is looked whether it needs help.
const LOOK: Duration = Duration::from_millis(2);
/// Looks after which a writer that has not got on starves.
const STARVED: usize = 3;
/// Loads that it is then relieved of at each look: about a millisecond's work, a third of a processor.
const HELP: usize = 8;

/// A snapshot that has been begun: the cut is taken.
pub struct Background {
    engine: &'static Engine,
    traversal: Traversal<'static>,
    plan: Plan,
    /// Made at once, so that whoever gives the save up finds it.
    file: Result<NewFile, Error>,
    form: Form,
    now: i64,
}

impl Background {
    /// Takes the cut, under exclusive access. `None` while another one is read.
    pub fn begin(engine: &'static Engine, view: &View, plan: Plan) -> Option<Background> {
        let file = plan.open();
        let traversal = engine.keyspace.cut(view)?;
        engine.attend_cut(true);
        let form = plan.form(traversal.sizes());
        let keys = traversal.sizes().iter().map(|size| size.keys as u64).sum();
        let status = &engine.persistence.snapshot;
        status.keys_total.store(keys, Relaxed);
        status.keys_done.store(0, Relaxed);
        Some(Background { engine, traversal, plan, file, form, now: unix_millis() })
    }

    /// Reads the cut to its end and writes it down; the calling thread is one for this alone. The file has its temporary
    /// name still.
    ///
    /// # Errors
    /// [`Error::Cancelled`] if the cut was.
    pub fn write(self) -> Result<NewFile, Error> {
        let Background { engine, mut traversal, plan, file, form, now } = self;
        let file = file.and_then(|mut sink| {
            sink.pace();
            Ok(plan.begin(engine, sink, form, traversal.sizes(), now)?)
        });
        let desk = Desk {
            engine,
            plan: &plan,
            form,
            now,
            pipe: Pipe::default(),
            file: Mutex::new(file.map(Some)),
            loads: AtomicUsize::new(0),
            keys: AtomicUsize::new(0),
            finished: AtomicBool::new(false),
        };
        thread::scope(|scope| {
            let spawn = |name: &str, work: &'static (dyn Fn(&Desk<'_>) + Sync)| {
                let desk = &desk;
                let counted = move || {
                    let _counted = memory::register_thread();
                    work(desk);
                };
                thread::Builder::new().name(name.into()).spawn_scoped(scope, counted).map(drop)
            };
            let spawned = spawn("snapshot-writer", &|desk| desk.write());
            if let Err(error) = spawned.and_then(|()| spawn("snapshot-rescue", &|desk| desk.rescue())) {
                desk.fail(error.into());
            }
            desk.read(&mut traversal);
            desk.pipe.close();
        });
        let keys: usize = traversal.sizes().iter().map(|size| size.keys).sum();
        let is_whole = traversal.seen() + desk.keys.load(Relaxed) == keys;
        traversal.end();
        end(engine);
        match desk.file.into_inner()? {
            Some(file) if is_whole => Ok(file.finish()?),
            _ => Err(Error::Cancelled),
        }
    }
}

/// What the threads of a save share: one reads the cut, one writes, and one helps where others wait.
struct Desk<'a> {
    engine: &'static Engine,
    plan: &'a Plan,
    form: Form,
    now: i64,
    /// From the one that reads to the one that writes.
    pipe: Pipe,
    /// The file, or why there is none.
    file: Mutex<Result<Option<Body<NewFile>>, Error>>,
    /// Loads that the writer has written.
    loads: AtomicUsize,
    /// Pre-images written.
    keys: AtomicUsize,
    /// The cut is read.
    finished: AtomicBool,
}

impl Desk<'_> {
    fn cut(&self) -> &'static Cut {
        &self.engine.keyspace.cut
    }

    fn encoder(&self, form: Form) -> Encoder<'static> {
        Encoder::new(form, &self.plan.config, &self.engine.keyspace.access, self.now)
    }

    /// Gives the save up.
    fn fail(&self, error: Error) {
        let mut file = self.file.lock();
        if file.is_ok() {
            *file = Err(error);
        }
        drop(file);
        self.cut().cancel();
        self.pipe.break_off();
    }

    /// Reads the cut to its end.
    fn read(&self, traversal: &mut Traversal<'static>) {
        let (member, cut) = (self.engine.keyspace.join(), self.cut());
        let status = &self.engine.persistence.snapshot;
        let (mut copies, mut delay) =
            (Vec::new(), KeyDelay::new(self.engine, |config| config.rdb_key_save_delay));
        let mut more = true;
        while more {
            let (mut large, mut large_keys, copied) = (Vec::new(), 0, copies.len());
            more = traversal.step(&member, &mut copies, &mut |image| {
                large_keys += 1;
                self.save_large(&image, &mut large)
            });
            self.put(Load::Bytes(large));
            (copied..copies.len() + large_keys).for_each(|_| rest(&mut delay, self.engine));
            if copies.len() >= BATCH || !more {
                let batch = std::mem::replace(&mut copies, Vec::with_capacity(2 * BATCH));
                self.put(Load::Images(batch));
            }
            let done = traversal.seen() + self.keys.load(Relaxed);
            status.keys_done.store(done as u64, Relaxed);
            self.resume();
        }
        self.finished.store(true, Relaxed);
        // Those that others have left meanwhile.
        let mut encoder = self.encoder(self.form);
        while cut.queued_bytes() > 0 {
            if !self.save_pre_images(&mut encoder) {
                // Another thread is about to finish with the last ones.
                thread::sleep(LOOK);
            }
            self.resume();
        }
    }

    /// Lets clients go on that have waited.
    fn resume(&self) {
        if self.cut().may_resume() {
            self.engine.tell_workers(&Message::Resume);
        }
    }

    fn put(&self, load: Load) {
        let cut = self.cut();
        if !load.is_empty() && cut.is_saving() && !self.pipe.put(load, || cut.is_urgent() || !cut.is_saving())
        {
            cut.cancel();
        }
    }

    /// Encodes an entry that may not change until that is done, into pieces; a large one by itself, to be compressed later.
    fn save_large(&self, image: &Image<'_>, piece: &mut Vec<u8>) {
        if let (Form::Rdb(options @ Options { compress: true, .. }), ImageValue::Object(object)) =
            (self.form, image.value)
            && object.footprint() > CHUNK
        {
            let mut plain = Vec::with_capacity(object.footprint());
            self.encode(Form::Rdb(Options { compress: false, ..options }), image, &mut plain);
            return self.put(Load::Plain(plain));
        }
        self.encode(self.form, image, piece);
        if piece.len() >= CHUNK {
            self.put(Load::Bytes(std::mem::take(piece)));
        }
    }

    fn encode(&self, form: Form, image: &Image<'_>, out: &mut Vec<u8>) {
        if let Err(unwritable) = self.encoder(form).encode(image, out) {
            self.fail(io::Error::from(unwritable).into());
        }
    }

    /// Writes what the reader has read.
    fn write(&self) {
        yield_to_all();
        let mut encoder = self.encoder(self.form);
        while let Some(load) = self.pipe.take() {
            self.write_load(&mut encoder, load);
            self.loads.fetch_add(1, Relaxed);
            self.save_pre_images(&mut encoder);
        }
    }

    fn write_load(&self, encoder: &mut Encoder<'_>, load: Load) {
        match load {
            Load::Bytes(bytes) => self.write_down(&bytes),
            Load::Plain(bytes) => match compress(&bytes) {
                Ok(compressed) => {
                    drop(bytes);
                    self.write_down(&compressed);
                }
                // We have written it a moment ago: there is no such error, and what is not understood is written as it is.
                Err(_) => self.write_down(&bytes),
            },
            Load::Images(images) => self.write_images(encoder, &images),
        }
    }

    /// Helps the writer, who yields to everyone: with pre-images where those who write to the keyspace make more of them than
    /// it can take, and with all where it does not get on at all.
    fn rescue(&self) {
        let mut encoder = self.encoder(self.form);
        let (mut loads, mut still) = (0, 0);
        while !self.finished.load(Relaxed) {
            thread::sleep(LOOK);
            while self.cut().queued_bytes() > MANY && self.save_pre_images(&mut encoder) {
                self.resume();
            }
            let before = std::mem::replace(&mut loads, self.loads.load(Relaxed));
            still = if loads == before { still + 1 } else { 0 };
            if still >= STARVED {
                let helped = std::iter::from_fn(|| self.pipe.try_take()).take(HELP);
                helped.for_each(|load| self.write_load(&mut encoder, load));
            }
        }
    }

    /// Takes some pre-images and writes them. Answers whether there were any.
    fn save_pre_images(&self, encoder: &mut Encoder<'_>) -> bool {
        let mut images = Vec::new();
        self.cut().take_images(CHUNK, &mut images);
        if self.cut().is_saving() {
            self.write_images(encoder, &images);
            self.keys.fetch_add(images.len(), Relaxed);
        }
        let found = !images.is_empty();
        self.cut().saved(&mut images);
        found
    }

    fn write_images(&self, encoder: &mut Encoder<'_>, images: &[OwnedImage]) {
        if images.is_empty() {
            return;
        }
        let mut bytes = Vec::with_capacity(2 * CHUNK);
        encoder.begin();
        let encoded = images.iter().try_for_each(|image| encoder.encode(&image.image(), &mut bytes));
        match encoded {
            Ok(()) => self.write_down(&bytes),
            Err(unwritable) => self.fail(io::Error::from(unwritable).into()),
        }
    }

    fn write_down(&self, bytes: &[u8]) {
        let mut file = self.file.lock();
        let written = match &mut *file {
            Ok(Some(writer)) => writer.encoded(bytes),
            _ => return,
        };
        drop(file);
        if let Err(error) = written {
            self.fail(error.into());
        }
    }
}

/// Tells everyone that the cut is read.
fn end(engine: &'static Engine) {
    let status = &engine.persistence.snapshot;
    engine.attend_cut(false);
    status.keys_total.store(0, Relaxed);
    status.keys_done.store(0, Relaxed);
    // Whoever has asked in the last moment.
    engine.tell_workers(&Message::Resume);
}

/// Waits after a key, where that is asked for, unless the cut is given up or the configuration changes meanwhile.
fn rest(delay: &mut KeyDelay, engine: &Engine) {
    if let Some(time) = delay.after_key(engine) {
        delay::wait(time, &mut || !engine.keyspace.cut.is_saving() || !delay.is_current(engine));
    }
}

/// Lets all other threads go first. Of those that are to run at once where nobody else would, the kernel takes away the
/// processor at once too when somebody else would; those that are merely nice keep it for some milliseconds.
fn yield_to_all() {
    let policy = libc::SCHED_IDLE;
    let parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: a system call about the calling thread, with a parameter that lives.
    unsafe { libc::sched_setscheduler(0, policy, &parameters) };
}
