//! Random arguments of each kind: mostly sensible, often at an edge, sometimes nonsense.
//!
//! Two rules keep the outcome independent of how fast a server runs. Relative times are unique within a
//! round and at least 500 s apart, and never come near absolute ones (year 2100), so that GT and LT decide
//! alike on both sides. Nothing becomes due by itself, save what `<soon>` sets before a `@wait`.

use fastrand::Rng;
use std::collections::HashSet;
use suites::payload::{Form, dump, seal};

/// The kinds of arguments that a grammar names in `<...>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Atom {
    /// One of few keys, so that commands meet.
    Key,
    /// Any string value.
    Value,
    /// Text over three letters, for LCS.
    Letters,
    /// Any integer text, or what is nearly one.
    Int,
    /// An integer at the edge of its range, valid.
    Edge,
    /// 0 to 9.
    Small,
    /// Any number text for INCRBYFLOAT.
    Float,
    /// Relative seconds.
    Seconds,
    /// Relative milliseconds.
    Milliseconds,
    /// An absolute Unix time in seconds.
    At,
    /// An absolute Unix time in milliseconds.
    AtMs,
    /// An absolute time long ago, whichever the unit.
    Past,
    /// Milliseconds that a batch does not last, but `@wait` outlasts.
    Soon,
    /// 0, or relative milliseconds.
    RestoreTtl,
    /// A byte offset for SETRANGE.
    Offset,
    /// A bit offset for SETBIT.
    BitOffset,
    /// 0 or 1.
    Bit,
    /// A start or end of a range.
    Index,
    /// A type of BITFIELD.
    Field,
    /// An offset of BITFIELD, plain or `#n`.
    FieldOffset,
    /// A database.
    Db,
    /// A glob.
    Pattern,
    /// A positive number, moderate.
    Count,
    /// A name for CLIENT SETNAME.
    Name,
    /// A payload for RESTORE, sound or not.
    Payload,
    /// A word that means nothing, or something elsewhere.
    Word,
    /// One of few members of a collection, so that commands meet.
    Member,
    /// A score of a sorted set.
    Score,
    /// An end of a range of scores.
    ScoreBound,
    /// An end of a range of members.
    LexBound,
    /// Degrees east.
    Longitude,
    /// Degrees north.
    Latitude,
    /// A distance on Earth, in no particular unit.
    Distance,
    /// An ID for a new entry of a stream, mostly above all others.
    NewId,
    /// An ID of an entry that may be there.
    EntryId,
    /// An end of a range of such IDs.
    EntryBound,
    /// One of few groups of consumers.
    Group,
    /// One of few consumers.
    Consumer,
}

const NAMES: [(&str, Atom); 38] = [
    ("key", Atom::Key),
    ("value", Atom::Value),
    ("letters", Atom::Letters),
    ("int", Atom::Int),
    ("edge", Atom::Edge),
    ("small", Atom::Small),
    ("float", Atom::Float),
    ("seconds", Atom::Seconds),
    ("milliseconds", Atom::Milliseconds),
    ("at", Atom::At),
    ("at-ms", Atom::AtMs),
    ("past", Atom::Past),
    ("soon", Atom::Soon),
    ("restore-ttl", Atom::RestoreTtl),
    ("offset", Atom::Offset),
    ("bit-offset", Atom::BitOffset),
    ("bit", Atom::Bit),
    ("index", Atom::Index),
    ("field", Atom::Field),
    ("field-offset", Atom::FieldOffset),
    ("db", Atom::Db),
    ("pattern", Atom::Pattern),
    ("count", Atom::Count),
    ("name", Atom::Name),
    ("payload", Atom::Payload),
    ("word", Atom::Word),
    ("member", Atom::Member),
    ("score", Atom::Score),
    ("score-bound", Atom::ScoreBound),
    ("lex-bound", Atom::LexBound),
    ("longitude", Atom::Longitude),
    ("latitude", Atom::Latitude),
    ("distance", Atom::Distance),
    ("new-id", Atom::NewId),
    ("entry-id", Atom::EntryId),
    ("entry-bound", Atom::EntryBound),
    ("group", Atom::Group),
    ("consumer", Atom::Consumer),
];

/// Keys: the first few come up most.
const KEYS: [&[u8]; 16] = [
    b"a",
    b"b",
    b"c",
    b"d",
    b"e",
    b"f",
    b"key:1",
    b"key:2",
    b"key:10",
    b"{tag}one",
    b"{tag}two",
    b"k*y",
    b"",
    b"\x00\xff bin\r\n\"key\"",
    b"a-key-whose-name-is-long-enough-to-need-more-than-one-byte-of-length-when-encoded-in-six-bits",
    b"hello",
];

/// Integers at the edges of the types that servers use, and their neighbours.
const EDGES: [&str; 16] = [
    "0",
    "1",
    "-1",
    "9223372036854775807",
    "9223372036854775806",
    "-9223372036854775808",
    "-9223372036854775807",
    "2147483647",
    "2147483648",
    "-2147483648",
    "-2147483649",
    "4294967295",
    "4294967296",
    "9999",
    "10000",
    "4611686018427387904",
];

/// Texts that look like integers and are none.
const NOT_INTEGERS: [&str; 14] = [
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "1234567890123456789012",
    "00",
    "01",
    "-0",
    "+1",
    " 1",
    "1 ",
    "1.0",
    "0x10",
    "",
];

const FLOATS: [&str; 30] = [
    "0",
    "1",
    "-1",
    "0.1",
    "0.2",
    "-0.3",
    "1.5",
    "3.0e3",
    "5e-1",
    "1e15",
    "1e17",
    "1e18",
    "123456789.123456789",
    "0.00000000000000001",
    "1e-17",
    "1e308",
    "-1e308",
    "99999999999999999999",
    "3.14159265358979323846",
    ".5",
    "5.",
    "-.5",
    "1e+2",
    "1E2",
    "inf",
    "-inf",
    "nan",
    "1,5",
    "1.5x",
    "infinity",
];

const PATTERNS: [&str; 20] = [
    "*", "a", "?", "[a-c]", "[^a]", "key:*", "key:?", "k\\*y", "h[ae]llo", "h*o", "*e*", "", "[", "[a-",
    "\\", "**", "{tag}*", "[c-a]", "*[", "[^]",
];

/// Words of other commands: a parser that takes them where they do not belong is found out.
const WORDS: [&str; 26] = [
    "NX",
    "XX",
    "GT",
    "EX",
    "GET",
    "KEEPTTL",
    "REPLACE",
    "COUNT",
    "MATCH",
    "BIT",
    "BYTE",
    "OVERFLOW",
    "LEN",
    "IDX",
    "ABSTTL",
    "nonsense",
    "HELP-me",
    "foo\r\nbar",
    "\0",
    "",
    "a'b\"c",
    "ON",
    "get",
    "é",
    "-1",
    "0",
];

/// Seconds of 2100-01-01: what is due then never is in a test.
const YEAR_2100: i64 = 4_102_444_800;

/// What `<soon>` says. A server may be held up between the commands of one batch, so it is not shorter.
pub const SOON_MS: u64 = 40;

/// The RDB version that genuine redis-server 7.0 writes and reads.
const RDB_VERSION: u16 = 10;

/// The source of all that is random in a round.
pub struct Atoms {
    /// The seeded generator.
    pub rng: Rng,
    used_times: HashSet<i64>,
    /// The time of the newest ID of a stream's entry.
    newest: i64,
}

impl Atom {
    /// The kind that a grammar calls `name`.
    pub fn named(name: &str) -> Option<Atom> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, atom)| *atom)
    }
}

impl Atoms {
    /// The same seed gives the same arguments.
    pub fn new(seed: u64) -> Atoms {
        Atoms { rng: Rng::with_seed(seed), used_times: HashSet::new(), newest: 0 }
    }

    /// Whether something happens that does in `percent` of 100 cases.
    pub fn chance(&mut self, percent: u32) -> bool {
        self.rng.u32(0..100) < percent
    }

    /// How often something repeatable stands: 1 to 4 times, seldom many.
    pub fn repeats(&mut self) -> usize {
        if self.chance(3) { self.rng.usize(5..40) } else { self.rng.usize(1..5) }
    }

    /// A word of a grammar, usually as it stands there.
    pub fn spelled(&mut self, word: &str) -> Vec<u8> {
        match self.rng.u8(0..40) {
            0 => word.to_lowercase().into_bytes(),
            1 => word
                .bytes()
                .map(|b| if self.rng.bool() { b.to_ascii_lowercase() } else { b.to_ascii_uppercase() })
                .collect(),
            _ => word.as_bytes().to_vec(),
        }
    }

    /// An argument of this kind; some are nonsense for it.
    pub fn argument(&mut self, atom: Atom) -> Vec<u8> {
        match atom {
            Atom::Key => self.key(),
            Atom::Value => self.value(),
            Atom::Letters => {
                (0..self.rng.usize(0..60)).map(|_| self.rng.choice(*b"abc").unwrap_or(b'a')).collect()
            }
            Atom::Int => self.integer(),
            Atom::Edge => self.pick(&EDGES),
            Atom::Small => text(self.rng.i64(0..10)),
            Atom::Float => self.float(),
            Atom::Seconds => self.time(|atoms| atoms.unique_time()),
            Atom::Milliseconds => self.time(|atoms| atoms.unique_time() * 1000 + 500_000),
            Atom::At => self.time(|atoms| YEAR_2100 + atoms.unique_time()),
            Atom::AtMs => self.time(|atoms| (YEAR_2100 + atoms.unique_time()) * 1000 + 500),
            Atom::Past => text(self.rng.i64(1..1_000_000_000)),
            Atom::Soon => text(SOON_MS as i64),
            Atom::RestoreTtl if self.chance(50) => b"0".to_vec(),
            Atom::RestoreTtl => self.argument(Atom::Milliseconds),
            Atom::Offset => self.offset(2_000, 1 << 20),
            Atom::BitOffset => self.offset(600, 8 << 20),
            Atom::Bit => self.mostly(&["0", "1", "1"], &["2", "-1", "", "x", "00"]),
            Atom::Index => self.index(),
            Atom::Field => self.field(),
            Atom::FieldOffset => self.field_offset(),
            Atom::Db => {
                self.mostly(&["0", "1", "2", "0", "1", "15"], &["16", "-1", "x", "", "9223372036854775808"])
            }
            Atom::Pattern => self.pick(&PATTERNS),
            Atom::Count => text(self.rng.i64(1..2_000)),
            Atom::Name => {
                self.mostly(&["", "name", "a-b.c"], &["two words", "new\nline", "\u{7f}", "caf\u{e9}"])
            }
            Atom::Payload => self.payload(),
            Atom::Word => self.pick(&WORDS),
            Atom::Member => self.member(),
            Atom::Score => self.score(),
            Atom::ScoreBound if self.chance(30) => [b"(", &self.score()[..]].concat(),
            Atom::ScoreBound => self.score(),
            Atom::LexBound => self.lex_bound(),
            Atom::Longitude => self.degrees(180.0),
            Atom::Latitude => self.degrees(85.051_128_78),
            Atom::Distance if self.chance(10) => self.float(),
            Atom::NewId => self.new_id(),
            Atom::EntryId => self.entry_id(),
            Atom::EntryBound if self.chance(20) => self.pick(&["-", "+"]),
            Atom::EntryBound if self.chance(20) => [b"(", &self.entry_id()[..]].concat(),
            Atom::EntryBound => self.entry_id(),
            Atom::Group => self.mostly(&["g", "g", "h"], &["", "streams", "none"]),
            Atom::Consumer => self.mostly(&["ann", "bob", "eve"], &["", "block"]),
            Atom::Distance => format!("{:.2}", 10f64.powf(self.rng.f64() * 5.0) - 1.0).into_bytes(),
        }
    }

    /// An argument of any kind.
    pub fn anything(&mut self) -> Vec<u8> {
        let (_, atom) = NAMES[self.rng.usize(0..NAMES.len())];
        self.argument(if atom == Atom::Soon { Atom::Int } else { atom })
    }

    fn new_id(&mut self) -> Vec<u8> {
        self.newest += self.rng.i64(0..3);
        let ms = self.newest;
        match self.rng.u8(0..40) {
            0..25 => format!("{ms}-*").into_bytes(),
            25..32 => text(ms),
            32..39 => format!("{ms}-{}", self.rng.u8(0..30)).into_bytes(),
            _ => self.entry_id(),
        }
    }

    fn entry_id(&mut self) -> Vec<u8> {
        const ODD: [&str; 15] = [
            "-",
            "+",
            "$",
            ">",
            "",
            "x",
            "1-",
            "-1",
            "1--1",
            "1- 1",
            "007-+1",
            "18446744073709551615",
            "0-0",
            "18446744073709551615-18446744073709551615",
            "18446744073709551616-0",
        ];
        let ms = (self.newest - self.rng.i64(-1..40)).max(0);
        match self.rng.u8(0..40) {
            0..15 => text(ms),
            15..39 => format!("{ms}-{}", self.rng.u8(0..4)).into_bytes(),
            _ => self.pick(&ODD),
        }
    }

    fn pick(&mut self, from: &[&str]) -> Vec<u8> {
        from[self.rng.usize(0..from.len())].as_bytes().to_vec()
    }

    fn mostly(&mut self, usual: &[&str], odd: &[&str]) -> Vec<u8> {
        let from = if self.chance(92) { usual } else { odd };
        self.pick(from)
    }

    fn key(&mut self) -> Vec<u8> {
        let few = if self.chance(75) { 6 } else { KEYS.len() };
        KEYS[self.rng.usize(0..few)].to_vec()
    }

    fn value(&mut self) -> Vec<u8> {
        match self.rng.u8(0..20) {
            0..6 => self.pick(&["x", "hello", "The quick brown fox", "foobar", "1", "10"]),
            6..9 => self.integer(),
            9 => self.float(),
            10 => Vec::new(),
            // 44 bytes is the longest "embstr", 20 digits are too many for an integer.
            11 => (0..self.rng.usize(42..47)).map(|_| b'e').collect(),
            12 => (0..self.rng.usize(18..22)).map(|_| self.rng.digit(10) as u8).collect(),
            13..17 => self.random_bytes(64),
            17 => self.random_bytes(2_000),
            18 => b"compressible ".repeat(self.rng.usize(1..60)),
            _ if self.chance(10) => self.random_bytes(40_000),
            _ => self.argument(Atom::Letters),
        }
    }

    fn random_bytes(&mut self, most: usize) -> Vec<u8> {
        let length = self.rng.usize(0..most);
        (0..length).map(|_| self.rng.u8(..)).collect()
    }

    fn integer(&mut self) -> Vec<u8> {
        match self.rng.u8(0..10) {
            0..5 => text(self.rng.i64(-20..120)),
            5..8 => self.pick(&EDGES),
            8 => text(self.rng.i64(..)),
            _ => self.pick(&NOT_INTEGERS),
        }
    }

    fn float(&mut self) -> Vec<u8> {
        match self.rng.u8(0..4) {
            0 => self.integer(),
            1 => format!("{:.*}", self.rng.usize(0..12), self.rng.f64() * 2_000.0 - 1_000.0).into_bytes(),
            _ => self.pick(&FLOATS),
        }
    }

    /// A multiple of 1,000 that this round has not seen, at least 200,000.
    fn unique_time(&mut self) -> i64 {
        loop {
            let time = 1_000 * self.rng.i64(200..200_000);
            if self.used_times.insert(time) {
                return time;
            }
        }
    }

    fn time(&mut self, sensible: fn(&mut Atoms) -> i64) -> Vec<u8> {
        if self.chance(88) {
            return text(sensible(self));
        }
        // Around where seconds overflow in milliseconds, and where adding the present time does.
        self.mostly(
            &[
                "0",
                "-1",
                "9223372036854775807",
                "-9223372036854775808",
                "9223372036854775",
                "9223372036854776",
            ],
            &["x", "", "1.5", "9223372036854775808"],
        )
    }

    /// An offset below `usual`, or around `limit`, which proto-max-bulk-len makes the first forbidden one.
    fn offset(&mut self, usual: i64, limit: i64) -> Vec<u8> {
        match self.rng.u16(0..400) {
            0..250 => text(self.rng.i64(0..40)),
            250..370 => text(self.rng.i64(0..usual)),
            370 => text(limit - 1),
            371 => text(limit - 2),
            372..380 => text(limit),
            _ => self.integer_too_large_or_none(),
        }
    }

    fn integer_too_large_or_none(&mut self) -> Vec<u8> {
        self.mostly(
            &["-1", "4294967295", "4294967296", "9223372036854775807"],
            &["-9223372036854775808", "x", "", "1.0"],
        )
    }

    fn index(&mut self) -> Vec<u8> {
        if self.chance(85) { text(self.rng.i64(-30..60)) } else { self.integer() }
    }

    /// Two in a hundred are too long for the small encodings.
    fn member(&mut self) -> Vec<u8> {
        match self.rng.u8(0..50) {
            0..30 => self.pick(&["a", "b", "c", "d", "e", "aa", "ab", "10", "9", "-1", "A", ""]),
            30..45 => text(self.rng.i64(0..200)),
            45..49 => self.integer(),
            _ => b"long".repeat(self.rng.usize(15..20)),
        }
    }

    fn score(&mut self) -> Vec<u8> {
        match self.rng.u8(0..20) {
            0..10 => text(self.rng.i64(-5..10)),
            10..14 => format!("{}", self.rng.i64(-40..40) as f64 / 8.0).into_bytes(),
            14..17 => {
                self.pick(&["inf", "-inf", "+inf", "1e20", "-1e300", "0x10", "9007199254740993", "0.1"])
            }
            17 => self.integer(),
            _ => self.float(),
        }
    }

    fn lex_bound(&mut self) -> Vec<u8> {
        match self.rng.u8(0..10) {
            0 => b"-".to_vec(),
            1 => b"+".to_vec(),
            2 => self.pick(&["", "a", "++", "-1", "(", "["]),
            3..6 => [b"(", &self.member()[..]].concat(),
            _ => [b"[", &self.member()[..]].concat(),
        }
    }

    /// Mostly near to each other, else anywhere up to `limit`, or just beyond.
    fn degrees(&mut self, limit: f64) -> Vec<u8> {
        let degrees = match self.rng.u8(0..20) {
            0..12 => 10.0 + self.rng.f64() * 8.0,
            12..17 => (self.rng.f64() * 2.0 - 1.0) * limit,
            17 => limit,
            18 => -limit,
            _ => limit + 0.001,
        };
        format!("{degrees}").into_bytes()
    }

    fn field(&mut self) -> Vec<u8> {
        let sign = if self.rng.bool() { 'u' } else { 'i' };
        match self.rng.u8(0..12) {
            0..9 => format!("{sign}{}", self.rng.u8(1..64)).into_bytes(),
            9 => self.pick(&["u8", "i8", "i64", "u63", "i16", "u32"]),
            10 => b"i64".to_vec(),
            _ => self.pick(&[
                "u64",
                "i65",
                "u0",
                "i0",
                "8",
                "x8",
                "u",
                "i-1",
                "I8",
                "u08",
                "",
                "u9999999999999999999999",
            ]),
        }
    }

    fn field_offset(&mut self) -> Vec<u8> {
        match self.rng.u8(0..12) {
            0..6 => text(self.rng.i64(0..200)),
            6..10 => format!("#{}", self.rng.u8(0..30)).into_bytes(),
            10 => self.argument(Atom::BitOffset),
            _ => self.pick(&["#", "#-1", "-1", "#x", "#9223372036854775807", "#144115188075855871", "", "x"]),
        }
    }

    fn payload(&mut self) -> Vec<u8> {
        let value = self.value();
        let form = [Form::Plain, Form::Integer, Form::Lzf][self.rng.usize(0..3)];
        let sound = dump(&value, form, RDB_VERSION);
        match self.rng.u8(0..20) {
            0..13 => sound,
            13 => dump(&value, form, self.rng.u16(1..10)),
            14 => dump(&value, form, self.rng.u16(100..)),
            15 => sound[..self.rng.usize(0..sound.len())].to_vec(),
            16 => self.random_bytes(40),
            17 => self.flip(sound),
            // A valid checksum over a damaged value: only the decoder can refuse it.
            18 => self.damaged_body(&sound),
            _ => seal(vec![self.rng.u8(60..)], RDB_VERSION),
        }
    }

    fn flip(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        let at = self.rng.usize(0..bytes.len());
        bytes[at] ^= 1 << self.rng.u8(0..8);
        bytes
    }

    fn damaged_body(&mut self, sound: &[u8]) -> Vec<u8> {
        let body = &sound[1..sound.len() - 10];
        let damaged = match self.rng.u8(0..4) {
            0 => body[..self.rng.usize(0..body.len())].to_vec(),
            // Lengths far beyond what is there.
            1 => vec![0x80, 0x7F, 0xFF, 0xFF, 0xFF, b'x'],
            // Compressed data whose copy reaches before its start, and a length that is not what it unpacks to.
            2 => vec![0xC3, 3, 10, 0x20, 0x05, 0x00],
            _ => vec![0xC3, 3, 9, 1, b'a', b'b'],
        };
        seal([&[0], damaged.as_slice()].concat(), RDB_VERSION)
    }
}

fn text(number: i64) -> Vec<u8> {
    number.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_itself() {
        let sequence = |seed| {
            let mut atoms = Atoms::new(seed);
            (0..200).map(|_| atoms.anything()).collect::<Vec<_>>()
        };
        assert_eq!(sequence(7), sequence(7));
        assert_ne!(sequence(7), sequence(8));
    }
}
