//! Lists: `LPUSH` and its kin.

mod block;
mod edit;
mod moving;
mod pop;
mod push;
mod read;

pub(crate) use read::reply_entry;

use engine::{Arg, Command, Error};

use data::list::End;
use engine::args::is;

/// The family.
pub const COMMANDS: &[Command] = &[
    block::BLMOVE,
    block::BLMPOP,
    block::BLPOP,
    block::BRPOP,
    block::BRPOPLPUSH,
    read::LINDEX,
    edit::LINSERT,
    read::LLEN,
    moving::LMOVE,
    pop::LMPOP,
    pop::LPOP,
    read::LPOS,
    push::LPUSH,
    push::LPUSHX,
    read::LRANGE,
    edit::LREM,
    edit::LSET,
    edit::LTRIM,
    pop::RPOP,
    moving::RPOPLPUSH,
    push::RPUSH,
    push::RPUSHX,
];

const LEFT_OR_RIGHT: &[Arg] = &[Arg::word("left", "LEFT"), Arg::word("right", "RIGHT")];

/// Reads LEFT or RIGHT.
fn end(word: &[u8]) -> Result<End, Error> {
    if is(word, "LEFT") {
        Ok(End::Head)
    } else if is(word, "RIGHT") {
        Ok(End::Tail)
    } else {
        Err(Error::Syntax)
    }
}

/// The word of an end, as the log has it.
fn word(end: End) -> &'static [u8] {
    match end {
        End::Head => b"LEFT",
        End::Tail => b"RIGHT",
    }
}
