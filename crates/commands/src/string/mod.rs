//! Strings.

mod append;
mod counter;
pub mod expiry;
mod float;
mod get;
mod getex;
mod lcs;
pub mod range;
mod set;
mod setnx;

use engine::Command;

/// The family.
pub const COMMANDS: &[Command] = &[
    append::APPEND,
    append::STRLEN,
    counter::DECR,
    counter::DECRBY,
    counter::INCR,
    counter::INCRBY,
    float::INCRBYFLOAT,
    get::GET,
    get::MGET,
    getex::GETDEL,
    getex::GETEX,
    getex::GETSET,
    lcs::LCS,
    range::GETRANGE,
    range::SETRANGE,
    range::SUBSTR,
    set::MSET,
    set::SET,
    setnx::MSETNX,
    setnx::PSETEX,
    setnx::SETEX,
    setnx::SETNX,
];
