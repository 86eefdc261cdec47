//! Reading a command's arguments: numbers, words and options, with Redis's errors.

use keyspace::parse_integer;
use resp::Args;

use crate::error::Error;

/// Reads an integer argument.
#[inline]
pub fn integer(arg: &[u8]) -> Result<i64, Error> {
    parse_integer(arg).ok_or(Error::NotInteger)
}

/// Reads an integer argument within limits; an integer outside them is [`Error::NotBetween`].
pub fn integer_in(arg: &[u8], range: std::ops::RangeInclusive<i64>) -> Result<i64, Error> {
    let number = integer(arg)?;
    if range.contains(&number) { Ok(number) } else { Err(Error::NotBetween(*range.start(), *range.end())) }
}

/// Reads the number of a database, of which there are `databases`.
pub fn database(arg: &[u8], databases: u32) -> Result<u32, Error> {
    let number = integer_in(arg, i32::MIN.into()..=i32::MAX.into())?;
    u32::try_from(number).ok().filter(|db| *db < databases).ok_or(Error::DbIndex)
}

/// Reads the time-out of a blocking command, in seconds and parts of them: the Unix milliseconds at which it ends, or
/// `None` for 0, which is never.
pub fn timeout(arg: &[u8], now: i64) -> Result<Option<i64>, Error> {
    let seconds = codec::number::parse_f64(arg);
    let seconds = seconds.ok_or(Error::text("ERR timeout is not a float or out of range"))?;
    let millis = (seconds * 1000.0).ceil();
    if millis >= i64::MAX as f64 {
        return Err(Error::text("ERR timeout is out of range"));
    }
    deadline(millis as i64, now)
}

/// The same from milliseconds.
pub fn timeout_ms(arg: &[u8], now: i64) -> Result<Option<i64>, Error> {
    let millis = parse_integer(arg).ok_or(Error::text("ERR timeout is not an integer or out of range"))?;
    deadline(millis, now)
}

fn deadline(millis: i64, now: i64) -> Result<Option<i64>, Error> {
    match millis {
        ..0 => Err(Error::text("ERR timeout is negative")),
        0 => Ok(None),
        _ => now.checked_add(millis).map(Some).ok_or(Error::text("ERR timeout is out of range")),
    }
}

/// Reads a cursor of SCAN as C's `strtoul` does: up to a zero byte, with leading zeros and a plus; nothing is 0. But not a
/// negative one.
pub fn cursor(arg: &[u8]) -> Result<u64, Error> {
    let text = arg.split(|byte| *byte == 0).next().unwrap_or_default();
    if text.is_empty() {
        return Ok(0);
    }
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    number.ok_or(Error::text("ERR invalid cursor"))
}

/// Whether an argument is this word, in any case. `word` is in capitals.
#[inline]
pub fn is(arg: &[u8], word: &str) -> bool {
    arg.eq_ignore_ascii_case(word.as_bytes())
}

/// A cursor over optional arguments.
pub struct Options<'a> {
    args: Args<'a>,
    at: usize,
}

impl<'a> Options<'a> {
    /// The arguments from `first` on.
    pub fn new(args: Args<'a>, first: usize) -> Options<'a> {
        Options { args, at: first }
    }

    /// The next argument, if there is one.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Option<&'a [u8]> {
        let arg = self.args.get(self.at)?;
        self.at += 1;
        Some(arg)
    }

    /// The value that must follow an option.
    pub fn value(&mut self) -> Result<&'a [u8], Error> {
        self.next().ok_or(Error::Syntax)
    }

    /// The integer that must follow an option.
    pub fn integer(&mut self) -> Result<i64, Error> {
        integer(self.value()?)
    }

    /// How many arguments are left.
    pub fn left(&self) -> usize {
        self.args.len().saturating_sub(self.at)
    }
}

/// The unit and the origin of a time argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeUnit {
    /// Seconds from now.
    Seconds,
    /// Milliseconds from now.
    Millis,
    /// Unix seconds.
    UnixSeconds,
    /// Unix milliseconds.
    UnixMillis,
}

impl TimeUnit {
    /// The absolute time in Unix milliseconds that `number` means at `now`; `None` beyond 64 bits.
    pub fn absolute(self, number: i64, now: i64) -> Option<i64> {
        let millis = match self {
            TimeUnit::Seconds | TimeUnit::UnixSeconds => number.checked_mul(1000)?,
            TimeUnit::Millis | TimeUnit::UnixMillis => number,
        };
        match self {
            TimeUnit::Seconds | TimeUnit::Millis => millis.checked_add(now),
            TimeUnit::UnixSeconds | TimeUnit::UnixMillis => Some(millis),
        }
    }

    /// The same, for options such as EX and PXAT, which take only times above zero.
    pub fn expiry(self, arg: &[u8], now: i64, command: &'static str) -> Result<i64, Error> {
        let number = integer(arg)?;
        let at = if number > 0 { self.absolute(number, now) } else { None };
        at.ok_or(Error::InvalidExpire(command))
    }
}
