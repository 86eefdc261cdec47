//! The replication log: the one serial point that AOF and replicas read from.
//!
//! With no reader it costs nothing: nobody appends. A *unit* is what one command, or one transaction, did; its
//! effects stand together, between MULTI and EXEC when there are several, after a SELECT when the database
//! differs from the unit before. Bytes are the requests that reproduce the effects.
//!
//! Where every acknowledgement waits for the disk (`appendfsync always`), the log *holds* what goes out: a reply may leave once all
//! that was in the log when it was made is durable. One that only read waits too, for it may tell of what a crash takes back.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::thread::Thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use resp::{Encoder, Protocol};

/// How old what is not on disk may become, in milliseconds, where `appendfsync everysec` promises that no more than two seconds
/// are lost: then whoever appends waits for the fsync, as Redis does.
const OLDEST_UNSYNCED: u64 = 1900;
/// Nobody promises anything.
const NO_PROMISE: u64 = u64::MAX;

/// The log.
pub struct ReplLog {
    readers: AtomicUsize,
    id: Mutex<String>,
    state: Mutex<State>,
    /// Bytes ever appended, for those who do not take the lock.
    end: AtomicU64,
    /// Up to where it was taken.
    taken: AtomicU64,
    /// Bytes of memory that what nobody has taken stands in.
    memory: AtomicUsize,
    /// Up to where all is on disk.
    durable: AtomicU64,
    /// Whatever goes out waits until the log is durable.
    holds: AtomicBool,
    /// When the log was made: the beginning of its time.
    began: Instant,
    /// What was appended until then is on disk, in milliseconds of that time, or [`NO_PROMISE`].
    synced_until: AtomicU64,
    /// Who puts it on disk, and whether it sleeps.
    writer: OnceLock<Thread>,
    writer_sleeps: AtomicBool,
    /// How often a client's output was held, ever; how often that was said only after what it waits for had been taken; and
    /// at how many the writer asks to be woken.
    held_ever: AtomicU64,
    held_late: AtomicU64,
    wanted: AtomicU64,
}

impl Default for ReplLog {
    fn default() -> ReplLog {
        ReplLog {
            readers: AtomicUsize::new(0),
            id: Mutex::new(fresh_id()),
            state: Mutex::default(),
            end: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            memory: AtomicUsize::new(0),
            durable: AtomicU64::new(0),
            holds: AtomicBool::new(false),
            began: Instant::now(),
            synced_until: AtomicU64::new(NO_PROMISE),
            writer: OnceLock::new(),
            writer_sleeps: AtomicBool::new(false),
            held_ever: AtomicU64::new(0),
            held_late: AtomicU64::new(0),
            wanted: AtomicU64::new(0),
        }
    }
}

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    /// The database that the last unit left selected.
    db: Option<u32>,
    /// Bytes ever appended.
    offset: u64,
}

/// Commands on their way to the log, as the requests that they will be there.
#[derive(Default)]
pub struct Commands {
    bytes: Vec<u8>,
    /// The database that each runs in, and where it ends.
    each: Vec<(u32, usize)>,
}

impl Commands {
    /// Bytes that are kept for the commands that come later.
    const KEPT: usize = 64 * 1024;

    /// Adds one.
    pub fn push<A: AsRef<[u8]>>(&mut self, db: u32, args: impl ExactSizeIterator<Item = A>) {
        write(&mut self.bytes, args);
        self.each.push((db, self.bytes.len()));
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.each.is_empty()
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        if self.bytes.capacity() > Self::KEPT {
            *self = Commands::default();
        }
        self.bytes.clear();
        self.each.clear();
    }
}

impl ReplLog {
    /// Whether anyone reads; changes only under exclusive access.
    #[inline]
    pub fn is_read(&self) -> bool {
        self.readers.load(Relaxed) > 0
    }

    /// The replication id: names the history that the log tells.
    pub fn id(&self) -> String {
        self.id.lock().clone()
    }

    /// Begins another history. Called under exclusive access.
    pub fn change_id(&self) {
        *self.id.lock() = fresh_id();
    }

    /// Begins to keep what is appended. Called under exclusive access.
    pub fn attach(&self) {
        self.readers.fetch_add(1, Relaxed);
        self.state.lock().db = None;
    }

    /// Ends what [`ReplLog::attach`] began.
    pub fn detach(&self) {
        self.readers.fetch_sub(1, Relaxed);
    }

    /// Bytes ever appended. A thread sees at least what it has appended itself, and what it has read of others' effects.
    #[inline]
    pub fn offset(&self) -> u64 {
        self.end.load(SeqCst)
    }

    /// Whether what goes out waits until the log is durable.
    #[inline]
    pub fn holds(&self) -> bool {
        self.holds.load(Relaxed)
    }

    /// Lets what goes out wait, or no longer.
    pub fn hold(&self, on: bool) {
        self.holds.store(on, SeqCst);
    }

    /// Whether what was made when the log ended at `offset` may go out.
    pub fn may_go_out(&self, offset: u64) -> bool {
        offset <= self.durable.load(SeqCst) || !self.holds()
    }

    /// Says up to where the log is on disk.
    pub fn note_durable(&self, offset: u64) {
        self.durable.fetch_max(offset, SeqCst);
    }

    /// This moment, in milliseconds of the log's own time.
    pub fn moment(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    /// Says that what was appended until a moment is on disk; `None` where that is not promised within a bounded time.
    pub fn note_synced(&self, until: Option<u64>) {
        self.synced_until.store(until.unwrap_or(NO_PROMISE), Relaxed);
    }

    /// Whether more might be lost than is promised, if more were appended now.
    pub fn is_overdue(&self) -> bool {
        let until = self.synced_until.load(Relaxed);
        until != NO_PROMISE && self.moment().saturating_sub(until) > OLDEST_UNSYNCED
    }

    /// Makes the calling thread the one that is woken when somebody waits for what it writes.
    pub fn write_here(&self) {
        let _ = self.writer.set(std::thread::current());
    }

    /// Sleeps, in the thread that writes, until there is something to write or the time is over.
    pub fn sleep(&self, at_most: Duration) {
        self.writer_sleeps.store(true, SeqCst);
        if self.state.lock().bytes.is_empty() {
            std::thread::park_timeout(at_most);
        }
        self.writer_sleeps.store(false, SeqCst);
    }

    /// How often a client's output was held, ever, and how often that was said only after what it waits for had been taken.
    pub fn held_ever(&self) -> (u64, u64) {
        (self.held_ever.load(SeqCst), self.held_late.load(SeqCst))
    }

    /// Notes that the output of so many clients is held until the log is durable up to `end`.
    pub fn note_held(&self, clients: u64, end: u64) {
        if end <= self.taken.load(SeqCst) {
            self.held_late.fetch_add(clients, SeqCst);
        }
        self.held_ever.fetch_add(clients, SeqCst);
    }

    /// Sleeps, in the thread that writes, until clients' output was held so often, or the time is over.
    pub fn gather(&self, wanted: u64, at_most: Duration) {
        let began = Instant::now();
        self.wanted.store(wanted, SeqCst);
        while let Some(left) = at_most.checked_sub(began.elapsed()).filter(|left| !left.is_zero()) {
            self.writer_sleeps.store(true, SeqCst);
            if self.held_ever().0 >= wanted {
                break;
            }
            std::thread::park_timeout(left);
        }
        self.writer_sleeps.store(false, SeqCst);
        self.wanted.store(0, SeqCst);
    }

    /// Wakes the thread that writes, if it sleeps and has what it waits for: called when something was appended, once for
    /// many units.
    #[inline]
    pub fn wake_writer(&self) {
        if self.writer_sleeps.load(SeqCst)
            && self.held_ever.load(SeqCst) >= self.wanted.load(SeqCst)
            && self.writer_sleeps.swap(false, SeqCst)
            && let Some(writer) = self.writer.get()
        {
            writer.unpark();
        }
    }

    /// Has the next unit say its database, whatever was selected before: what follows begins another file. Called under
    /// exclusive access.
    pub fn begin_file(&self) {
        self.state.lock().db = None;
    }

    /// Appends a unit. The partitions of its keys are still locked.
    pub fn append(&self, unit: &Commands) {
        self.write(unit, unit.each.len() > 1);
    }

    /// Appends commands that are units of their own. The partitions of their keys are still locked.
    pub fn append_each(&self, units: &Commands) {
        self.write(units, false);
    }

    fn write(&self, commands: &Commands, are_one: bool) {
        if commands.is_empty() || !self.is_read() {
            return;
        }
        let mut state = self.state.lock();
        let State { bytes, db, offset } = &mut *state;
        let start = bytes.len();
        if are_one {
            // As in Redis the unit's SELECT stands within it: what a loader cuts off at MULTI takes both.
            write(bytes, ["MULTI"].iter());
        }
        let mut begin = 0;
        for (of, end) in &commands.each {
            select(bytes, db, *of);
            bytes.extend_from_slice(&commands.bytes[begin..*end]);
            begin = *end;
        }
        if are_one {
            write(bytes, ["EXEC"].iter());
        }
        *offset += (bytes.len() - start) as u64;
        self.memory.store(bytes.capacity(), Relaxed);
        self.end.store(*offset, SeqCst);
    }

    /// Takes what was appended since the last call, which leaves `room` for what comes: an empty buffer. Answers with it where
    /// it ends.
    pub fn take(&self, room: Vec<u8>) -> (Vec<u8>, u64) {
        let mut state = self.state.lock();
        self.taken.store(state.offset, SeqCst);
        self.memory.store(room.capacity(), Relaxed);
        (std::mem::replace(&mut state.bytes, room), state.offset)
    }

    /// Bytes of memory that it takes.
    pub fn memory(&self) -> usize {
        self.memory.load(Relaxed)
    }

    /// Bytes that nobody has taken.
    pub fn pending(&self) -> u64 {
        self.end.load(Relaxed).saturating_sub(self.taken.load(Relaxed))
    }
}

/// 40 random hexadecimal digits.
fn fresh_id() -> String {
    let mut bytes = [0u8; 20];
    // Without randomness from the system an id is no secret, and still names the history of this process.
    let _ = getrandom::fill(&mut bytes);
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn select(bytes: &mut Vec<u8>, selected: &mut Option<u32>, db: u32) {
    if *selected != Some(db) {
        write(bytes, ["SELECT", &db.to_string()].iter());
        *selected = Some(db);
    }
}

fn write<A: AsRef<[u8]>>(bytes: &mut Vec<u8>, args: impl ExactSizeIterator<Item = A>) {
    Encoder::new(bytes, Protocol::Resp2).bulks(args);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_says_its_databases_within_itself() {
        let log = ReplLog::default();
        log.attach();
        let mut commands = Commands::default();
        for databases in [&[1][..], &[2, 2, 0], &[0, 0]] {
            databases.iter().for_each(|db| commands.push(*db, ["SET", "k", "v"].iter()));
            log.append(&commands);
            commands.clear();
        }
        let bytes = log.take(Vec::new()).0;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let words = text.split_whitespace().filter(|word| !word.starts_with(['*', '$']));
        let commands = words.collect::<Vec<_>>().join(" ").replace("SET k v", "SET");
        let expected = "SELECT 1 SET MULTI SELECT 2 SET SET SELECT 0 SET EXEC MULTI SET SET EXEC";
        assert_eq!(commands, expected);
    }
}
