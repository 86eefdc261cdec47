//! What a directive's value can be: the [`Kind`]s, and the [`Value`] trait that parses and prints each Rust type.
//!
//! A field of [`Config`](crate::Config) has a Rust type; the type knows how to read itself from the words of a
//! configuration line (`assign`), how CONFIG GET prints it (`show`) and which lines CONFIG REWRITE writes for it
//! (`lines`). Limits and units that the type cannot express live in the row's `Kind`. Error texts are the ones
//! that redis-server 7.0.15 gives.

use std::borrow::Cow;
use std::fmt;

use resp::words::quoted;

/// Why a value was refused, in Redis's words.
pub type Reason = Cow<'static, str>;

/// Accepts or refuses a text; the error is the reason shown to the user.
pub type Check = fn(&str) -> Result<(), &'static str>;

/// What an integer counts. Only documentation: the number in the file is always in this unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A plain number.
    None,
    /// Minutes.
    Minutes,
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
    /// Hundredths.
    Percent,
    /// Bytes, without unit suffixes.
    Bytes,
}

impl Unit {
    /// The unit's name for documentation, empty for plain numbers.
    pub fn name(self) -> &'static str {
        match self {
            Unit::None => "",
            Unit::Minutes => "minutes",
            Unit::Seconds => "seconds",
            Unit::Milliseconds => "milliseconds",
            Unit::Microseconds => "microseconds",
            Unit::Percent => "percent",
            Unit::Bytes => "bytes",
        }
    }
}

/// The form of a directive's value and its limits (both ends inclusive).
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `yes` or `no`.
    Bool,
    /// One of these words, in any case.
    Enum(&'static [&'static str]),
    /// Several of these words.
    Flags(&'static [&'static str]),
    /// A decimal integer.
    Integer {
        /// Smallest accepted value.
        min: i128,
        /// Largest accepted value.
        max: i128,
        /// What it counts.
        unit: Unit,
    },
    /// A decimal integer from 0 that is brought into the limits instead of being refused.
    Hint {
        /// Smaller values become this.
        min: i128,
        /// Larger values become this.
        max: i128,
    },
    /// Bytes, with an optional unit: `k` 1000, `kb` 1024, and so on with `m` and `g`, in any case.
    Memory {
        /// Smallest accepted value.
        min: i128,
        /// Largest accepted value.
        max: i128,
    },
    /// As `Memory`, or a percentage from `0%` to `100%`.
    MemoryOrPercent,
    /// An octal number, as file permissions are written.
    Octal {
        /// Smallest accepted value.
        min: i128,
        /// Largest accepted value.
        max: i128,
    },
    /// A text for which empty is a value like any other.
    Text(Check),
    /// A text for which empty means "not set".
    OptionalText(Check),
    /// Bytes that must not be shown in logs; empty means "not set".
    Secret,
    /// A form of its own; the text describes it.
    Special(&'static str),
}

/// Largest C `int`, the limit of most numbers.
pub(crate) const INT_MAX: i128 = i32::MAX as i128;
/// Largest C `unsigned int`.
pub(crate) const UINT_MAX: i128 = u32::MAX as i128;
/// Largest 64-bit signed number (C `long`, `long long`, `ssize_t`, `off_t`).
pub(crate) const LONG_MAX: i128 = i64::MAX as i128;
/// Largest 64-bit unsigned number.
pub(crate) const ULLONG_MAX: i128 = u64::MAX as i128;

/// An integer in `unit` between `min` and `max`.
pub(crate) const fn int(min: i128, max: i128, unit: Unit) -> Kind {
    Kind::Integer { min, max, unit }
}

/// A number of bytes between `min` and `max`.
pub(crate) const fn memory(min: i128, max: i128) -> Kind {
    Kind::Memory { min, max }
}

/// One line that CONFIG REWRITE writes for a directive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What follows the directive's name, already quoted.
    pub text: Vec<u8>,
    /// Whether the line is written even if the old file did not mention the directive.
    pub force: bool,
}

/// How a Rust type is read from and printed to configuration text.
pub(crate) trait Value: Clone + PartialEq {
    /// The kind of rows that name none.
    const KIND: Kind;

    /// Sets `self` from the words after the directive's name. On error `self` is unchanged.
    ///
    /// Directives without the `MULTI_ARG` flag get exactly one word: the caller has checked it.
    fn assign(&mut self, kind: &Kind, words: &[&[u8]]) -> Result<(), Reason>;

    /// The text that CONFIG GET prints.
    fn show(&self, kind: &Kind) -> Vec<u8>;

    /// The lines that stand for this value in a file; none if the directive must be absent.
    fn lines(&self, kind: &Kind, default: &Self) -> Vec<Line> {
        vec![Line { text: self.show(kind), force: self != default }]
    }
}

/// The word of a directive that takes one.
pub(crate) fn single<'a>(words: &[&'a [u8]]) -> Result<&'a [u8], Reason> {
    match words {
        [word] => Ok(word),
        _ => Err(Reason::Borrowed("wrong number of arguments")),
    }
}

impl Value for bool {
    const KIND: Kind = Kind::Bool;

    fn assign(&mut self, _: &Kind, words: &[&[u8]]) -> Result<(), Reason> {
        let word = single(words)?;
        if word.eq_ignore_ascii_case(b"yes") {
            *self = true;
        } else if word.eq_ignore_ascii_case(b"no") {
            *self = false;
        } else {
            return Err(Reason::Borrowed("argument must be 'yes' or 'no'"));
        }
        Ok(())
    }

    fn show(&self, _: &Kind) -> Vec<u8> {
        if *self { b"yes".to_vec() } else { b"no".to_vec() }
    }
}

/// Reads a decimal integer as Redis does: an optional minus, no plus, no spaces, no leading zeros.
pub(crate) fn parse_integer(word: &[u8]) -> Option<i64> {
    let digits = word.strip_prefix(b"-").unwrap_or(word);
    match digits {
        b"0" if word.len() == 1 => Some(0),
        [b'1'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit) => {
            std::str::from_utf8(word).ok()?.parse().ok()
        }
        _ => None,
    }
}

/// Reads a number of bytes with an optional unit. No digits at all count as 0, as in Redis; a number that does
/// not fit 64 bits is refused, where Redis silently wraps around or saturates.
pub fn parse_memory(word: &[u8]) -> Option<u64> {
    let end = word.iter().position(|b| !b.is_ascii_digit()).unwrap_or(word.len());
    let (digits, unit) = word.split_at(end);
    let multiplier: u64 = match unit.to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1000 * 1000,
        b"mb" => 1 << 20,
        b"g" => 1000 * 1000 * 1000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    let number = if digits.is_empty() { 0 } else { std::str::from_utf8(digits).ok()?.parse().ok()? };
    multiplier.checked_mul(number)
}

/// A number of bytes in the largest unit that divides it, as CONFIG REWRITE writes it.
pub(crate) fn format_memory(bytes: i128) -> String {
    match bytes {
        0 => "0".to_owned(),
        b if b % (1 << 30) == 0 => format!("{}gb", b >> 30),
        b if b % (1 << 20) == 0 => format!("{}mb", b >> 20),
        b if b % (1 << 10) == 0 => format!("{}kb", b >> 10),
        b => b.to_string(),
    }
}

/// Octal digits with an optional sign; nothing at all counts as 0, as with strtoll(3).
fn parse_octal(word: &[u8]) -> Option<i64> {
    let word = std::str::from_utf8(word).ok()?.trim_ascii_start();
    if word.is_empty() { Some(0) } else { i64::from_str_radix(word, 8).ok() }
}

/// Reads a number in the form that `kind` asks for and checks its limits.
fn parse_number(kind: &Kind, word: &[u8]) -> Result<i128, Reason> {
    let unparsable = match kind {
        Kind::Memory { .. } => "argument must be a memory value",
        Kind::Octal { .. } => "argument couldn't be parsed as an octal number",
        _ => "argument couldn't be parsed into an integer",
    };
    let number: Option<i128> = match kind {
        Kind::Memory { .. } => parse_memory(word).map(i128::from),
        Kind::Octal { .. } => parse_octal(word).map(i128::from),
        _ => parse_integer(word).map(i128::from),
    };
    let number = number.ok_or(Reason::Borrowed(unparsable))?;
    let (min, max) = match *kind {
        Kind::Hint { .. } => (0, INT_MAX),
        Kind::Integer { min, max, .. } | Kind::Memory { min, max } | Kind::Octal { min, max } => (min, max),
        _ => (i128::MIN, i128::MAX),
    };
    if (min..=max).contains(&number) { Ok(number) } else { Err(out_of_range(kind, min, max)) }
}

fn out_of_range(kind: &Kind, min: i128, max: i128) -> Reason {
    Reason::Owned(match kind {
        Kind::Octal { .. } => format!("argument must be between {min:o} and {max:o} inclusive"),
        _ => format!("argument must be between {min} and {max} inclusive"),
    })
}

macro_rules! number {
    ($($type:ty)*) => {$(
        impl Value for $type {
            const KIND: Kind = int(<$type>::MIN as i128, <$type>::MAX as i128, Unit::None);

            fn assign(&mut self, kind: &Kind, words: &[&[u8]]) -> Result<(), Reason> {
                let mut number = parse_number(kind, single(words)?)?;
                if let Kind::Hint { min, max } = *kind {
                    number = number.clamp(min, max);
                }
                *self = <$type>::try_from(number)
                    .map_err(|_| out_of_range(kind, <$type>::MIN as i128, <$type>::MAX as i128))?;
                Ok(())
            }

            fn show(&self, kind: &Kind) -> Vec<u8> {
                match kind {
                    Kind::Octal { .. } => format!("{self:o}").into_bytes(),
                    _ => self.to_string().into_bytes(),
                }
            }

            fn lines(&self, kind: &Kind, default: &Self) -> Vec<Line> {
                let text = match kind {
                    Kind::Memory { .. } => format_memory(*self as i128).into_bytes(),
                    _ => self.show(kind),
                };
                vec![Line { text, force: self != default }]
            }
        }
    )*};
}
number!(u16 u32 u64 usize i32 i64);

/// Accepts every text.
pub(crate) fn any(_: &str) -> Result<(), &'static str> {
    Ok(())
}

/// The word as text: C strings end at a NUL, so one inside is refused instead of silently cutting the value.
fn text<'a>(kind: &Kind, words: &[&'a [u8]]) -> Result<&'a str, Reason> {
    let text =
        std::str::from_utf8(single(words)?).map_err(|_| Reason::Borrowed("argument must be valid UTF-8"))?;
    if text.contains('\0') {
        return Err(Reason::Borrowed("argument can't contain a NUL byte"));
    }
    match kind {
        Kind::Text(check) | Kind::OptionalText(check) => check(text)?,
        _ => {}
    }
    Ok(text)
}

impl Value for String {
    const KIND: Kind = Kind::Text(any);

    fn assign(&mut self, kind: &Kind, words: &[&[u8]]) -> Result<(), Reason> {
        *self = text(kind, words)?.to_owned();
        Ok(())
    }

    fn show(&self, _: &Kind) -> Vec<u8> {
        self.clone().into_bytes()
    }

    fn lines(&self, _: &Kind, default: &Self) -> Vec<Line> {
        vec![Line { text: quoted(self.as_bytes()), force: self != default }]
    }
}

impl Value for Option<String> {
    const KIND: Kind = Kind::OptionalText(any);

    fn assign(&mut self, kind: &Kind, words: &[&[u8]]) -> Result<(), Reason> {
        *self = Some(text(kind, words)?.to_owned()).filter(|text| !text.is_empty());
        Ok(())
    }

    fn show(&self, _: &Kind) -> Vec<u8> {
        self.clone().unwrap_or_default().into_bytes()
    }

    fn lines(&self, _: &Kind, default: &Self) -> Vec<Line> {
        let line = |text: &String| Line { text: quoted(text.as_bytes()), force: self != default };
        self.iter().map(line).collect()
    }
}

/// A password or key phrase: any bytes, never printed by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// The bytes, for comparing and sending.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(redacted)")
    }
}

impl Value for Option<Secret> {
    const KIND: Kind = Kind::Secret;

    fn assign(&mut self, _: &Kind, words: &[&[u8]]) -> Result<(), Reason> {
        let word = single(words)?;
        *self = (!word.is_empty()).then(|| Secret(word.to_vec()));
        Ok(())
    }

    fn show(&self, _: &Kind) -> Vec<u8> {
        self.as_ref().map(|secret| secret.0.clone()).unwrap_or_default()
    }

    fn lines(&self, _: &Kind, default: &Self) -> Vec<Line> {
        let line = |secret: &Secret| Line { text: quoted(&secret.0), force: self != default };
        self.iter().map(line).collect()
    }
}
