//! Sparse registers: a sequence of runs, each of one or two bytes.
//!
//! | opcode | bits | means |
//! |---|---|---|
//! | ZERO | `00xxxxxx` | x + 1 registers of 0 |
//! | XZERO | `01xxxxxx yyyyyyyy` | xy + 1 registers of 0 |
//! | VAL | `1vvvvvxx` | x + 1 registers of v + 1 |
//!
//! Raising a register rewrites the run that it stands in, as Redis does it, step by step: which of several ways to
//! write the same registers comes about depends on those steps, and strings are compared.

use std::ops::Range;

use arrayvec::ArrayVec;

use super::{Corrupt, Pattern, REGISTERS};

/// The highest rank that a run can say.
const MAX_RANK: u8 = 32;
/// The longest run of one byte of zeros.
const MAX_ZEROS: usize = 64;
/// The longest run of a rank.
const MAX_RUN: usize = 4;
/// Runs that are looked at for neighbours to be joined, from the one before the changed one on.
const JOINED: usize = 5;

/// A run of equal registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    /// 1 to 64 zeros.
    Zero(usize),
    /// 1 to 16,384 zeros.
    Xzero(usize),
    /// 1 to 4 registers of a rank from 1 to 32.
    Val {
        /// The rank.
        rank: u8,
        /// How many.
        run: usize,
    },
}

impl Opcode {
    /// A run of zeros in as few bytes as it takes.
    pub(super) fn zeros(run: usize) -> Opcode {
        if run > MAX_ZEROS { Opcode::Xzero(run) } else { Opcode::Zero(run) }
    }

    /// Reads the first opcode. The second byte of one that is cut off counts as the zero that ends C's strings.
    fn read(bytes: &[u8]) -> Option<Opcode> {
        let (first, rest) = bytes.split_first()?;
        let low = usize::from(first & 0x3f);
        Some(match first >> 6 {
            0 => Opcode::Zero(low + 1),
            1 => Opcode::Xzero((low << 8 | usize::from(rest.first().copied().unwrap_or(0))) + 1),
            _ => Opcode::Val { rank: (first >> 2 & 0x1f) + 1, run: usize::from(first & 3) + 1 },
        })
    }

    /// How many bytes it takes.
    fn size(self) -> usize {
        if let Opcode::Xzero(_) = self { 2 } else { 1 }
    }

    /// How many registers there are.
    fn run(self) -> usize {
        match self {
            Opcode::Zero(run) | Opcode::Xzero(run) | Opcode::Val { run, .. } => run,
        }
    }

    fn rank(self) -> u8 {
        if let Opcode::Val { rank, .. } = self { rank } else { 0 }
    }

    /// A run of the same rank with another length.
    fn resized(self, run: usize) -> Opcode {
        if let Opcode::Val { rank, .. } = self { Opcode::Val { rank, run } } else { Opcode::zeros(run) }
    }

    /// Its bytes.
    pub(super) fn bytes(self) -> ArrayVec<u8, 2> {
        match self {
            Opcode::Zero(run) => ArrayVec::from_iter([(run - 1) as u8]),
            Opcode::Xzero(run) => ArrayVec::from([((run - 1) >> 8) as u8 | 0x40, (run - 1) as u8]),
            Opcode::Val { rank, run } => ArrayVec::from_iter([0x80 | (rank - 1) << 2 | (run - 1) as u8]),
        }
    }
}

/// The opcodes in order.
pub fn opcodes(mut bytes: &[u8]) -> impl Iterator<Item = Opcode> {
    std::iter::from_fn(move || {
        let opcode = Opcode::read(bytes)?;
        bytes = bytes.get(opcode.size()..).unwrap_or_default();
        Some(opcode)
    })
}

/// Visits the registers of each run, and their rank.
pub fn each_run(bytes: &[u8], mut visit: impl FnMut(Range<usize>, u8)) -> Result<(), Corrupt> {
    let mut start = 0;
    for opcode in opcodes(bytes) {
        let run = start..start + opcode.run();
        if run.end > REGISTERS {
            return Err(Corrupt);
        }
        start = run.end;
        visit(run, opcode.rank());
    }
    if start == REGISTERS { Ok(()) } else { Err(Corrupt) }
}

/// What became of a register.
pub enum Raised {
    /// It was as high already.
    No,
    /// It is higher.
    Yes,
    /// Nothing has changed: these registers must be dense first.
    Outgrown,
}

/// Where a run stands.
struct Found {
    opcode: Opcode,
    /// Its first byte.
    at: usize,
    /// The first byte of the run before it, or its own.
    before: usize,
    /// Its first register.
    first: usize,
}

fn find(bytes: &[u8], start: usize, register: usize) -> Result<Found, Corrupt> {
    let (mut at, mut before, mut first) = (start, start, 0);
    loop {
        let opcode = bytes.get(at..).and_then(Opcode::read).ok_or(Corrupt)?;
        if register < first + opcode.run() {
            return Ok(Found { opcode, at, before, first });
        }
        before = at;
        at += opcode.size();
        first += opcode.run();
    }
}

/// A register.
pub fn get(bytes: &[u8], register: usize) -> Result<u8, Corrupt> {
    Ok(find(bytes, 0, register)?.opcode.rank())
}

/// Raises a register to a rank, in a string whose registers begin at `start` and that must not become longer than `max`
/// bytes.
pub fn raise(bytes: &mut Vec<u8>, start: usize, pattern: Pattern, max: usize) -> Result<Raised, Corrupt> {
    let Pattern { register, rank } = pattern;
    if rank > MAX_RANK {
        return Ok(Raised::Outgrown);
    }
    let Found { opcode, at, before, first } = find(bytes, start, register)?;
    if opcode.rank() >= rank {
        return Ok(Raised::No);
    }
    let (left, right) = (register - first, first + opcode.run() - register - 1);
    let mut sequence = ArrayVec::<u8, 5>::new();
    if left > 0 {
        sequence.extend(opcode.resized(left).bytes());
    }
    sequence.extend(Opcode::Val { rank, run: 1 }.bytes());
    if right > 0 {
        sequence.extend(opcode.resized(right).bytes());
    }
    if sequence.len() > opcode.size() && bytes.len() + sequence.len() - opcode.size() > max {
        return Ok(Raised::Outgrown);
    }
    let end = (at + opcode.size()).min(bytes.len());
    bytes.splice(at..end, sequence);
    join(bytes, before);
    Ok(Raised::Yes)
}

/// Joins neighbours of equal rank, from the run at `at` on, as far as a run can be long.
fn join(bytes: &mut Vec<u8>, mut at: usize) {
    for _ in 0..JOINED {
        let Some(opcode) = bytes.get(at..).and_then(Opcode::read) else { return };
        let next = bytes.get(at + opcode.size()..).and_then(Opcode::read);
        match (opcode, next) {
            (Opcode::Val { rank, run }, Some(Opcode::Val { rank: same, run: more }))
                if same == rank && run + more <= MAX_RUN =>
            {
                bytes.splice(at..at + 2, Opcode::Val { rank, run: run + more }.bytes());
            }
            _ => at += opcode.size(),
        }
    }
}
