//! The expiry options of SET and GETEX: EX, PX, EXAT, PXAT, and one word that excludes them.

use engine::args::{Options, TimeUnit, is};
use engine::{Arg, Error};

/// The four times, in the grammar.
pub const TIME_ARGS: [Arg; 4] = [
    Arg::integer("seconds").token("EX"),
    Arg::integer("milliseconds").token("PX"),
    Arg::unix_time("unix-time-seconds").token("EXAT"),
    Arg::unix_time("unix-time-milliseconds").token("PXAT"),
];

/// A time or PERSIST, in the grammar.
pub const TIME_OR_PERSIST: Arg = Arg::one_of(
    "expiration",
    &[TIME_ARGS[0], TIME_ARGS[1], TIME_ARGS[2], TIME_ARGS[3], Arg::word("persist", "PERSIST")],
)
.optional();

/// What was asked for. A time stays as it was sent: the grammar is judged as a whole before any number is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExpiryOption<'a> {
    /// Nothing.
    #[default]
    Unsaid,
    /// The command's own word: KEEPTTL, PERSIST.
    Word,
    /// A time and its unit.
    Time(TimeUnit, &'a [u8]),
}

impl<'a> ExpiryOption<'a> {
    /// Takes `word`, and a time's number behind it, if it is one of these options; `own` is the command's own word.
    /// The same option may come again, and then the last counts; two different ones are an error.
    pub fn accept(&mut self, word: &[u8], own: &str, rest: &mut Options<'a>) -> Result<bool, Error> {
        let next = if is(word, own) {
            ExpiryOption::Word
        } else if let Some(unit) = time_unit(word) {
            ExpiryOption::Time(unit, rest.value()?)
        } else {
            return Ok(false);
        };
        let fits = match (&*self, &next) {
            (ExpiryOption::Unsaid, _) | (ExpiryOption::Word, ExpiryOption::Word) => true,
            (ExpiryOption::Time(before, _), ExpiryOption::Time(now, _)) => before == now,
            _ => false,
        };
        *self = next;
        if fits { Ok(true) } else { Err(Error::Syntax) }
    }
}

fn time_unit(word: &[u8]) -> Option<TimeUnit> {
    let units = [TimeUnit::Seconds, TimeUnit::Millis, TimeUnit::UnixSeconds, TimeUnit::UnixMillis];
    let named = |arg: &Arg| arg.token.is_some_and(|token| is(word, token));
    TIME_ARGS.iter().position(named).map(|at| units[at])
}
