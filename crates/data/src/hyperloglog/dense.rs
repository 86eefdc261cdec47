//! Dense registers: 6 bits each, from the lowest bit of the first byte on; four registers share three bytes.

use super::REGISTERS;

/// Bits of a register.
const BITS: usize = 6;
const MAX: u16 = (1 << BITS) - 1;
/// Bytes of all registers.
pub const LEN: usize = REGISTERS * BITS / 8;

/// The two bytes (the second may be beyond the end) that hold a register, and how far up it stands in them.
fn place(register: usize) -> (usize, usize) {
    (register * BITS / 8, register * BITS % 8)
}

fn pair(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes.get(at + 1).copied().unwrap_or(0)])
}

/// A register.
pub fn get(bytes: &[u8], register: usize) -> u8 {
    let (at, shift) = place(register);
    (pair(bytes, at) >> shift & MAX) as u8
}

/// Sets a register, to 63 at most.
pub fn set(bytes: &mut [u8], register: usize, rank: u8) {
    let (at, shift) = place(register);
    let [low, high] = (pair(bytes, at) & !(MAX << shift) | u16::from(rank) << shift).to_le_bytes();
    bytes[at] = low;
    if let Some(next) = bytes.get_mut(at + 1) {
        *next = high;
    }
}

/// All registers in order.
pub fn registers(bytes: &[u8]) -> impl Iterator<Item = u8> {
    let (threes, _) = bytes.as_chunks::<3>();
    threes.iter().flat_map(|[a, b, c]| {
        let four = u32::from_le_bytes([*a, *b, *c, 0]);
        [four, four >> 6, four >> 12, four >> 18].map(|register| register as u8 & MAX as u8)
    })
}
