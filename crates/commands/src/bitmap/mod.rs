//! Strings as bitmaps.

mod bit;
mod bitfield;
mod bitop;
mod bits;
mod count;
mod field;

use engine::Command;

/// The family.
pub const COMMANDS: &[Command] = &[
    bit::GETBIT,
    bit::SETBIT,
    bitfield::BITFIELD,
    bitfield::BITFIELD_RO,
    bitop::BITOP,
    count::BITCOUNT,
    count::BITPOS,
];
