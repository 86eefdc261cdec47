//! Loading RDB: from a file at the start, from a replica's link, in front of an append-only file.
//!
//! ```text
//! one thread:   bytes -> items, CRC-64 (formats) -> keys and raw values by the batch (`batch`)
//!               -> a bounded queue (`queue`)
//! some threads: values decoded outside of any lock -> inserted by groups, inside the gate (`insert`)
//! ```
//!
//! What lies raw in a file of many small keys is read at several times the speed at which it can be inserted, so the work is
//! shared where there is enough of it. [`rdb_into`] does all in the calling thread, for who has exclusive access.
//!
//! What the file says about itself, and what becomes of an error, is logged in the words of Redis. Source matched: Redis
//! 7.2.6 `rdb.c` (`rdbLoadRioWithLoadingCtx`), and for hashes whose fields are due (they are loaded, and expire as any) 7.4's
//! tests.

mod batch;
mod error;
mod insert;
mod items;
mod progress;
mod queue;

pub use error::Error;
pub use items::Replication;

use std::io::Read;
use std::num::NonZero;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;

use engine::Engine;
use engine::loading::LOADERS;
use keyspace::{Existing, View};

use batch::Batch;
use insert::{Inserter, Tally, Way};
use items::{Items, Sink};
use queue::Queue;

/// Files up to this many bytes are loaded by one thread.
const SMALL: u64 = 1 << 20;

/// How to load.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Leave out keys that were due when the load began: what a primary does with a snapshot, but not with one in front of an
    /// append-only file, whose effects were made with these keys in place.
    pub leaves_out_due: bool,
    /// What becomes of keys that are there already.
    pub existing: Existing,
}

/// What was loaded beside the keys.
#[derive(Debug)]
pub struct Loaded<R> {
    /// The version of the format.
    pub version: u16,
    /// The sources of libraries of functions.
    pub functions: Vec<Vec<u8>>,
    /// Where in which history of effects the snapshot stands, if it says so.
    pub replication: Option<Replication>,
    /// Keys that were loaded.
    pub keys: u64,
    /// Keys that were left out because they were due.
    pub expired: u64,
    /// What was read behind the end, and `source`, which goes on behind that: an append-only file may follow.
    pub rest: Vec<u8>,
    /// Where the file came from.
    pub source: R,
}

/// Loads a file on all cores, into a keyspace where nobody writes. `stop` is asked now and then whether to give up.
/// [`Engine::begin_loading`] was called, with the file's size if it is known; [`Engine::loading`] tells of the progress.
///
/// # Errors
/// What is wrong with the file; a part of the keys is loaded then. [`Error::Stopped`] if `stop` said so.
pub fn rdb<R: Read>(
    engine: &'static Engine,
    source: R,
    options: Options,
    stop: &mut dyn FnMut() -> bool,
) -> Result<Loaded<R>, Error> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let is_small = (1..=SMALL).contains(&engine.loading.total_bytes.load(Relaxed));
    if cores == 1 || is_small {
        let member = engine.keyspace.join();
        let mut direct = Direct {
            inserter: Inserter::new(engine, options),
            way: Way::Gate(&member),
            tally: Tally::default(),
        };
        return Items::new(engine, stop, &mut direct).load(source);
    }
    in_parallel(engine, source, options, stop, cores.min(LOADERS))
}

/// Loads a file through a view that has everything, in the calling thread.
///
/// # Errors
/// As [`rdb`].
pub fn rdb_into<R: Read>(
    engine: &'static Engine,
    view: &mut View,
    source: R,
    options: Options,
) -> Result<Loaded<R>, Error> {
    let mut direct =
        Direct { inserter: Inserter::new(engine, options), way: Way::View(view), tally: Tally::default() };
    Items::new(engine, &mut || false, &mut direct).load(source)
}

/// The calling thread reads, others decode and insert.
fn in_parallel<R: Read>(
    engine: &'static Engine,
    source: R,
    options: Options,
    stop: &mut dyn FnMut() -> bool,
    threads: usize,
) -> Result<Loaded<R>, Error> {
    let queue = Queue::default();
    thread::scope(|scope| {
        let work = || insert_all(engine, options, &queue);
        let spawn = |number| {
            thread::Builder::new()
                .name(format!("loader-{number}"))
                .spawn_scoped(scope, work)
                .map_err(Error::Read)
        };
        let loaders: Vec<_> = (0..threads).map(spawn).collect();
        let mut shared = Shared { engine, queue: &queue, loaders };
        Items::new(engine, stop, &mut shared).load(source)
    })
}

/// A thread that decodes and inserts batches until there are no more. Answers with an error the number of the batch that it is
/// about.
fn insert_all(engine: &'static Engine, options: Options, queue: &Queue) -> Result<Tally, (u64, Error)> {
    let _counted = memory::register_thread();
    let member = engine.keyspace.join();
    let (mut inserter, mut tally) = (Inserter::new(engine, options), Tally::default());
    while let Some(batch) = queue.take() {
        match inserter.insert(&batch, &mut Way::Gate(&member)) {
            Ok(of_batch) => tally += of_batch,
            Err(error) => {
                queue.fail();
                return Err((batch.number, error));
            }
        }
        queue.give_back(batch);
    }
    Ok(tally)
}

/// Batches are inserted by the thread that reads.
struct Direct<'w, 'v> {
    inserter: Inserter,
    way: Way<'w, 'v>,
    tally: Tally,
}

impl Sink for Direct<'_, '_> {
    fn expect(&mut self, db: u32, keys: usize) {
        self.way.expect(db, keys);
    }

    fn take(&mut self, batch: &mut Batch) -> Result<(), Error> {
        self.tally += self.inserter.insert(batch, &mut self.way)?;
        batch.clear();
        Ok(())
    }

    fn finish(&mut self, read: Result<(), Error>) -> Result<Tally, Error> {
        read.map(|()| self.tally)
    }
}

type Loader<'s> = thread::ScopedJoinHandle<'s, Result<Tally, (u64, Error)>>;

/// Batches are inserted by other threads.
struct Shared<'s> {
    engine: &'static Engine,
    queue: &'s Queue,
    loaders: Vec<Result<Loader<'s>, Error>>,
}

impl Sink for Shared<'_> {
    fn expect(&mut self, db: u32, keys: usize) {
        Way::Gate(&self.engine.keyspace.join()).expect(db, keys);
    }

    fn take(&mut self, batch: &mut Batch) -> Result<(), Error> {
        if self.queue.put(batch) { Ok(()) } else { Err(Error::Stopped) }
    }

    fn finish(&mut self, read: Result<(), Error>) -> Result<Tally, Error> {
        self.queue.close();
        let (mut tally, mut first) = (Tally::default(), None);
        for loader in self.loaders.drain(..) {
            match loader?.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)) {
                Ok(of_thread) => tally += of_thread,
                Err((number, error)) if first.as_ref().is_none_or(|(earlier, _)| number < *earlier) => {
                    first = Some((number, error));
                }
                Err(_) => {}
            }
        }
        // Batches are taken in order and worked off to their ends, so the first error is the file's first, and what the
        // reader has met lies behind it.
        match first {
            Some((_, error)) => Err(error),
            None => read.map(|()| tally),
        }
    }
}

#[cfg(test)]
mod tests;
