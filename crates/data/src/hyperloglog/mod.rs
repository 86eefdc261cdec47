//! HyperLogLogs: how many distinct elements were added, within 0.81 %, in at most 12 KiB however many there were.
//!
//! The hash of an element says which of 16,384 registers it belongs to, and a rank: where the first one bit stands in
//! the rest of the hash. A register keeps the highest rank that it has seen, and many high ranks mean many elements.
//!
//! A HyperLogLog is a string, so that it can be read, stored and sent like any other, and its bytes are Redis's
//! (7.2.6, `hyperloglog.c`) to the last bit: the magic `HYLL`, the encoding (0 dense, 1 sparse), three bytes of nothing, the
//! last count in 8 bytes, little-endian, whose top bit says that it is out of date; then the registers. Dense, each has
//! 6 bits ([`dense`]); sparse, they are run-length encoded ([`sparse`]), until a rank or their length outgrows that.
//!
//! Whatever bytes a client has put there, nothing here panics: [`HyperloglogRef::parse`] checks what Redis checks, and
//! sparse registers that are not 16,384 in the end are [`Corrupt`].

mod dense;
mod estimate;
mod hash;
mod selftest;
mod sparse;
#[cfg(test)]
mod tests;

use estimate::estimate;
pub use hash::Pattern;
pub use selftest::self_test;
pub use sparse::Opcode;

/// Registers of every HyperLogLog.
pub const REGISTERS: usize = 1 << 14;

/// Bytes in front of the registers.
const HEADER: usize = 16;
const MAGIC: &[u8] = b"HYLL";
const ENCODING: usize = 4;
/// The byte of the cached count whose top bit says that it is out of date.
const STALE: usize = 15;

/// Sparse registers that are not as many as there must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt;

/// How the registers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// 6 bits each.
    Dense,
    /// In runs.
    Sparse,
}

impl Encoding {
    /// The name in PFDEBUG ENCODING.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Dense => "dense",
            Encoding::Sparse => "sparse",
        }
    }

    fn of(bytes: &[u8]) -> Option<Encoding> {
        match bytes.get(ENCODING)? {
            0 => Some(Encoding::Dense),
            1 => Some(Encoding::Sparse),
            _ => None,
        }
    }
}

/// The bytes of a HyperLogLog, to look at.
#[derive(Clone, Copy, Debug)]
pub struct HyperloglogRef<'a> {
    bytes: &'a [u8],
    encoding: Encoding,
}

impl<'a> HyperloglogRef<'a> {
    /// A string that begins like a HyperLogLog and, if it is dense, is as long as one.
    pub fn parse(bytes: &'a [u8]) -> Option<HyperloglogRef<'a>> {
        let encoding = Encoding::of(bytes)?;
        let is_whole = match encoding {
            Encoding::Dense => bytes.len() == HEADER + dense::LEN,
            Encoding::Sparse => bytes.len() >= HEADER,
        };
        (bytes.starts_with(MAGIC) && is_whole).then_some(HyperloglogRef { bytes, encoding })
    }

    /// How the registers are written.
    pub fn encoding(self) -> Encoding {
        self.encoding
    }

    fn registers(self) -> &'a [u8] {
        &self.bytes[HEADER..]
    }

    /// The last count, unless elements have come since.
    pub fn cached_count(self) -> Option<u64> {
        let count = u64::from_le_bytes(*self.bytes[..HEADER].last_chunk()?);
        (count >> 63 == 0).then_some(count)
    }

    /// How many distinct elements were added, by estimate.
    pub fn count(self) -> Result<u64, Corrupt> {
        let mut histogram = [0; 64];
        match self.encoding {
            Encoding::Dense => {
                dense::registers(self.registers()).for_each(|rank| histogram[rank as usize] += 1)
            }
            Encoding::Sparse => {
                sparse::each_run(self.registers(), |run, rank| histogram[rank as usize] += run.len() as u32)?
            }
        }
        Ok(estimate(&histogram))
    }

    /// Whether adding an element with this pattern raises its register.
    pub fn is_raised_by(self, pattern: Pattern) -> Result<bool, Corrupt> {
        let rank = match self.encoding {
            Encoding::Dense => dense::get(self.registers(), pattern.register),
            Encoding::Sparse => sparse::get(self.registers(), pattern.register)?,
        };
        Ok(rank < pattern.rank)
    }

    /// The runs of a sparse one, as they are written.
    pub fn opcodes(self) -> impl Iterator<Item = Opcode> {
        let sparse = if self.encoding == Encoding::Sparse { self.registers() } else { &[] };
        sparse::opcodes(sparse)
    }
}

/// All registers, a byte each: what a union is made in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registers(Box<[u8]>);

impl Default for Registers {
    /// Those of no elements.
    fn default() -> Registers {
        Registers(vec![0; REGISTERS].into())
    }
}

impl Registers {
    /// Raises each register to that of another HyperLogLog where that is higher.
    pub fn merge(&mut self, other: HyperloglogRef<'_>) -> Result<(), Corrupt> {
        let raise = |register: &mut u8, rank: u8| *register = rank.max(*register);
        match other.encoding {
            Encoding::Dense => {
                let pairs = self.0.iter_mut().zip(dense::registers(other.registers()));
                pairs.for_each(|(register, rank)| raise(register, rank));
                Ok(())
            }
            Encoding::Sparse => sparse::each_run(other.registers(), |run, rank| {
                self.0[run].iter_mut().for_each(|register| raise(register, rank));
            }),
        }
    }

    /// How many distinct elements were added, by estimate.
    pub fn count(&self) -> u64 {
        let mut histogram = [0; 64];
        self.0.iter().for_each(|rank| histogram[*rank as usize & 63] += 1);
        estimate(&histogram)
    }

    /// The patterns of elements that would have left these registers.
    pub fn patterns(&self) -> impl Iterator<Item = Pattern> {
        let patterns = self.0.iter().enumerate().map(|(register, rank)| Pattern { register, rank: *rank });
        patterns.filter(|pattern| pattern.rank > 0)
    }

    /// The registers in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = u8> {
        self.0.iter().copied()
    }
}

/// A HyperLogLog on its way into the keyspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hyperloglog(Vec<u8>);

impl Default for Hyperloglog {
    /// One without elements: sparse, of one run.
    fn default() -> Hyperloglog {
        let mut bytes = [MAGIC, &[1; 1], &[0; HEADER - 5]].concat();
        bytes.extend(Opcode::zeros(REGISTERS).bytes());
        Hyperloglog(bytes)
    }
}

impl From<HyperloglogRef<'_>> for Hyperloglog {
    fn from(other: HyperloglogRef<'_>) -> Hyperloglog {
        Hyperloglog(other.bytes.to_vec())
    }
}

impl Hyperloglog {
    /// How the registers are written.
    pub fn encoding(&self) -> Encoding {
        if self.0[ENCODING] == 0 { Encoding::Dense } else { Encoding::Sparse }
    }

    /// Adds an element; answers whether that has raised its register. A sparse one that would be longer than `sparse_max`
    /// bytes, or whose rank would be beyond what a run can say, becomes dense.
    pub fn add(&mut self, pattern: Pattern, sparse_max: usize) -> Result<bool, Corrupt> {
        if self.encoding() == Encoding::Dense {
            return Ok(add_dense(&mut self.0, [pattern]) > 0);
        }
        match sparse::raise(&mut self.0, HEADER, pattern, sparse_max)? {
            sparse::Raised::No => return Ok(false),
            sparse::Raised::Yes => mark_stale(&mut self.0),
            sparse::Raised::Outgrown => {
                self.make_dense()?;
                add_dense(&mut self.0, [pattern]);
            }
        }
        Ok(true)
    }

    /// Writes the registers in the dense way; answers whether they were sparse.
    pub fn make_dense(&mut self) -> Result<bool, Corrupt> {
        if self.encoding() == Encoding::Dense {
            return Ok(false);
        }
        let mut bytes = vec![0; HEADER + dense::LEN];
        sparse::each_run(&self.0[HEADER..], |run, rank| {
            run.for_each(|register| dense::set(&mut bytes[HEADER..], register, rank));
        })?;
        bytes[..HEADER].copy_from_slice(&self.0[..HEADER]);
        bytes[ENCODING] = 0;
        self.0 = bytes;
        Ok(true)
    }

    /// Says that the cached count is out of date.
    pub fn mark_stale(&mut self) {
        mark_stale(&mut self.0);
    }

    /// To look at.
    pub fn view(&self) -> HyperloglogRef<'_> {
        HyperloglogRef { bytes: &self.0, encoding: self.encoding() }
    }

    /// The string that it is.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

fn mark_stale(bytes: &mut [u8]) {
    bytes[STALE] |= 0x80;
}

/// Adds elements to a dense HyperLogLog where it stands; answers how many have raised a register.
///
/// # Panics
/// If these are not the bytes of a dense HyperLogLog.
pub fn add_dense(bytes: &mut [u8], patterns: impl IntoIterator<Item = Pattern>) -> u64 {
    let mut raised = 0;
    for Pattern { register, rank } in patterns {
        if dense::get(&bytes[HEADER..], register) < rank {
            dense::set(&mut bytes[HEADER..], register, rank);
            raised += 1;
        }
    }
    if raised > 0 {
        mark_stale(bytes);
    }
    raised
}

/// Writes the count into a HyperLogLog where it stands.
///
/// # Panics
/// If these are not the bytes of a HyperLogLog.
pub fn cache_count(bytes: &mut [u8], count: u64) {
    bytes[HEADER - 8..HEADER].copy_from_slice(&count.to_le_bytes());
}
