//! Sorted sets: `ZADD` and its kin.
//!
//! Ranges of every kind become ranges of ranks first (see [`data::zset`]), so that counting, walking, removing and storing
//! are the same for all.

mod add;
mod block;
mod bounds;
mod combine;
mod count;
mod pop;
mod random;
mod range;
mod rank;
mod remove;
mod scan;
mod score;
mod store;

pub(crate) use add::{Request as AddRequest, run as add};
pub(crate) use score::{number, reply_member, score};
pub(crate) use store::reply_stored;

use engine::{Arg, Command};

/// The family.
pub const COMMANDS: &[Command] = &[
    block::BZMPOP,
    block::BZPOPMAX,
    block::BZPOPMIN,
    add::ZADD,
    score::ZCARD,
    count::ZCOUNT,
    combine::ZDIFF,
    combine::ZDIFFSTORE,
    add::ZINCRBY,
    combine::ZINTER,
    combine::ZINTERCARD,
    combine::ZINTERSTORE,
    count::ZLEXCOUNT,
    pop::ZMPOP,
    score::ZMSCORE,
    pop::ZPOPMAX,
    pop::ZPOPMIN,
    random::ZRANDMEMBER,
    range::ZRANGE,
    range::ZRANGEBYLEX,
    range::ZRANGEBYSCORE,
    range::ZRANGESTORE,
    rank::ZRANK,
    remove::ZREM,
    remove::ZREMRANGEBYLEX,
    remove::ZREMRANGEBYRANK,
    remove::ZREMRANGEBYSCORE,
    range::ZREVRANGE,
    range::ZREVRANGEBYLEX,
    range::ZREVRANGEBYSCORE,
    rank::ZREVRANK,
    scan::ZSCAN,
    score::ZSCORE,
    combine::ZUNION,
    combine::ZUNIONSTORE,
];

/// The word that asks for scores beside members.
const WITHSCORES: Arg = Arg::word("withscores", "WITHSCORES").optional();
