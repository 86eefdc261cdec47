//! Clients whose writes are counted, and the look at what a server still knows of them.
//!
//! Client *i* appends numbers without a gap to a list of its own, and now and then sets two keys of its own by the same number in
//! one transaction: one to the number, the other to a text of some sectors that follows from it. It notes how far it was
//! answered, and when. A server that was ended by force must have the list without a gap, and the transaction whole or not at
//! all; how far the list must go is for the caller to say.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use crate::{Client, Value};

/// When what was written is forced to disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fsync {
    /// Before it is acknowledged.
    Always,
    /// Once a second.
    EverySec,
    /// When the system pleases.
    No,
}

impl Fsync {
    /// As `appendfsync` has it.
    pub fn name(self) -> &'static str {
        match self {
            Fsync::Always => "always",
            Fsync::EverySec => "everysec",
            Fsync::No => "no",
        }
    }
}

/// A moment, by the clock that only goes forward and that all processes share (`CLOCK_MONOTONIC`).
pub type Moment = Duration;

/// This moment.
pub fn now() -> Moment {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The longest time whose acknowledged writes may be lost with [`Fsync::EverySec`].
pub const MAX_LOSS: Duration = Duration::from_secs(2);
/// Elements that a list keeps after each look at it, so that the data do not grow with the number of looks.
const KEPT: i64 = 100;
/// One write in so many is a transaction.
const TRANSACTION: u64 = 8;
/// Words of the text that follows from a number: enough for several sectors.
const WORDS: usize = 300;

/// The options of a server with an append-only file in this directory, which is soon rewritten; with a base that is an RDB
/// (`preamble`) or commands.
pub fn with_log(fsync: Fsync, preamble: bool, dir: &str) -> [&str; 10] {
    let preamble = if preamble { "yes" } else { "no" };
    let options = ["--appendonly", "yes", "--appendfsync", fsync.name(), "--aof-use-rdb-preamble", preamble];
    let [a, b, c, d, e, f] = options;
    [a, b, c, d, e, f, "--auto-aof-rewrite-min-size", "64kb", "--dir", dir]
}

/// One that writes.
pub struct Writer {
    number: usize,
    /// The first element of the list before it was trimmed last, and after that: an end by force may undo that.
    first: [u64; 2],
    /// The writes before this were there at the last start.
    base: u64,
    /// The number to write next.
    next: u64,
    /// The writes that were answered since the last start, and when.
    answered: Vec<(u64, Moment)>,
}

/// What was lost of what was acknowledged.
#[derive(Clone, Copy, Debug, Default)]
pub struct Loss {
    /// Writes that were acknowledged.
    pub acknowledged: u64,
    /// Of these, how many are gone.
    pub lost: u64,
    /// From the acknowledgement of the first of them to the end.
    pub longest: Duration,
}

impl Loss {
    /// Takes another loss in.
    pub fn add(&mut self, other: Loss) {
        self.acknowledged += other.acknowledged;
        self.lost += other.lost;
        self.longest = self.longest.max(other.longest);
    }
}

impl Writer {
    /// So many that have not written yet.
    pub fn crowd(count: usize) -> Vec<Writer> {
        let writer = |number| Writer { number, first: [0; 2], base: 0, next: 0, answered: Vec::new() };
        (0..count).map(writer).collect()
    }

    /// Writes until that is to end, or the connection breaks.
    ///
    /// # Panics
    /// When a write is refused.
    pub fn write(&mut self, mut client: Client, ends: &AtomicBool) {
        while !ends.load(Relaxed) && self.is_written(&mut client) {
            self.answered.push((self.next, now()));
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
            let set =
                |half: &str, value: &str| vec!["SET".into(), format!("{half}:{}", self.number), value.into()];
            commands = [vec![vec!["MULTI".to_owned()], set("left", &n)], commands].concat();
            commands.extend([set("right", &text(self.next)), vec!["EXEC".to_owned()]]);
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

    /// What a server that was started from what was left at a moment knows: the first element of the list, and the end. All
    /// that was acknowledged before `due` must be there.
    ///
    /// # Errors
    /// The promise that is broken.
    pub fn look(&self, client: &mut Client, due: Moment) -> Result<[u64; 2], String> {
        let who = self.number;
        let list = client.line(&format!("LRANGE list:{who} 0 -1"));
        let numbers: Vec<u64> = list.elements().unwrap_or_default().iter().map(number).collect();
        let first = numbers.first().copied().unwrap_or(0);
        let end = first + numbers.len() as u64;
        let last = end.checked_sub(1).map(|last| last - last % TRANSACTION);
        let halves = ["left", "right"].map(|half| client.line(&format!("GET {half}:{who}")));
        let expected = [last.map(|last| last.to_string()), last.map(text)];
        let is_whole =
            halves.iter().zip(expected).all(|(half, text)| (!half.is_null()).then(|| half.text()) == text);
        let missing = self.answered.iter().filter(|(n, at)| *n >= end && *at < due).count();
        let broken = if !numbers.iter().copied().eq(first..end) {
            format!("a gap in {numbers:?}")
        } else if !self.first.contains(&first) {
            format!("begins with {first} instead of one of {:?}", self.first)
        } else if end > self.next {
            format!("{end} was never sent")
        } else if end < self.base {
            format!("ends with {end}, but at the start {} was there", self.base)
        } else if missing > 0 {
            format!("{missing} acknowledged writes from {end} on are lost")
        } else if !is_whole {
            format!("ends with {end}, but its transaction is {} and {}", halves[0], halves[1])
        } else {
            return Ok([first, end]);
        };
        Err(format!("client {who}: {broken}"))
    }

    /// What was lost, where the list ends with `end`, of what was acknowledged before `moment`.
    pub fn loss(&self, end: u64, moment: Moment) -> Loss {
        let acknowledged = self.answered.partition_point(|(_, at)| *at < moment);
        let kept = self.answered[..acknowledged].partition_point(|(n, _)| *n < end);
        let longest = self.answered[kept..acknowledged].first().map(|(_, at)| moment - *at);
        Loss {
            acknowledged: acknowledged as u64,
            lost: (acknowledged - kept) as u64,
            longest: longest.unwrap_or_default(),
        }
    }

    /// Goes on with a server that has this of the list.
    pub fn go_on(&mut self, client: &mut Client, [first, end]: [u64; 2]) {
        client.line(&format!("LTRIM list:{} -{KEPT} -1", self.number));
        self.first = [first, end.saturating_sub(KEPT as u64).max(first)];
        (self.base, self.next) = (end, end);
        self.answered.clear();
    }
}

/// The text that follows from a number.
fn text(number: u64) -> String {
    vec![number.to_string(); WORDS].join(" ")
}

fn number(value: &Value) -> u64 {
    value.text().parse().unwrap_or_else(|_| panic!("{value} is no number"))
}
