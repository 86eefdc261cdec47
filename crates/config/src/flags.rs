//! Directives whose value is a set: the options of a shutdown, and the classes of keyspace events.

use bitflags::bitflags;

use crate::enums::not_one_of;
use crate::value::{Kind, Line, Reason, Value, single};
use resp::words::quoted;

bitflags! {
    /// `shutdown-on-sigint` and `shutdown-on-sigterm`: the options of the SHUTDOWN that a signal means.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct ShutdownFlags: u8 {
        /// Save even without save points.
        const SAVE = 1;
        /// Do not save.
        const NOSAVE = 2;
        /// Do not wait for replicas.
        const NOW = 4;
        /// Ignore errors that would prevent the exit.
        const FORCE = 8;
    }
}

impl ShutdownFlags {
    const WORDS: &[&str] = &["default", "save", "nosave", "now", "force"];

    fn from_word(word: &[u8]) -> Option<Self> {
        let bit = Self::WORDS.iter().position(|known| word.eq_ignore_ascii_case(known.as_bytes()))?;
        Some(bit.checked_sub(1).map_or(Self::empty(), |shift| Self::from_bits_truncate(1 << shift)))
    }
}

impl Value for ShutdownFlags {
    const KIND: Kind = Kind::Flags(ShutdownFlags::WORDS);

    fn assign(&mut self, _: &Kind, words: &[&[u8]]) -> Result<(), Reason> {
        let flags: Option<Self> = words.iter().map(|word| Self::from_word(word)).collect();
        let flags = flags.filter(|_| !words.is_empty()).ok_or_else(|| not_one_of(ShutdownFlags::WORDS))?;
        if flags.contains(ShutdownFlags::SAVE | ShutdownFlags::NOSAVE) {
            return Err(Reason::Borrowed("shutdown options SAVE and NOSAVE can't be used simultaneously"));
        }
        *self = flags;
        Ok(())
    }

    fn show(&self, _: &Kind) -> Vec<u8> {
        if self.is_empty() {
            return b"default".to_vec();
        }
        let set = Self::WORDS.iter().copied().filter(|word| {
            Self::from_word(word.as_bytes()).is_some_and(|flag| !flag.is_empty() && self.contains(flag))
        });
        set.collect::<Vec<_>>().join(" ").into_bytes()
    }
}

bitflags! {
    /// `notify-keyspace-events`: which changes are published, and on which of the two channel families.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct NotifyEvents: u16 {
        /// `K`: publish on `__keyspace@<db>__:<key>`.
        const KEYSPACE = 1 << 0;
        /// `E`: publish on `__keyevent@<db>__:<event>`.
        const KEYEVENT = 1 << 1;
        /// `g`: commands of any type (DEL, EXPIRE, RENAME, ...).
        const GENERIC = 1 << 2;
        /// `$`: strings.
        const STRING = 1 << 3;
        /// `l`: lists.
        const LIST = 1 << 4;
        /// `s`: sets.
        const SET = 1 << 5;
        /// `h`: hashes.
        const HASH = 1 << 6;
        /// `z`: sorted sets.
        const ZSET = 1 << 7;
        /// `x`: keys that expired.
        const EXPIRED = 1 << 8;
        /// `e`: keys evicted for memory.
        const EVICTED = 1 << 9;
        /// `t`: streams.
        const STREAM = 1 << 10;
        /// `m`: reads of missing keys. Not part of `A`.
        const KEY_MISS = 1 << 11;
        /// `d`: modules.
        const MODULE = 1 << 13;
        /// `n`: new keys. Not part of `A`.
        const NEW = 1 << 14;
        /// `A`: every class but `m` and `n`.
        const ALL = Self::GENERIC.bits() | Self::STRING.bits() | Self::LIST.bits() | Self::SET.bits()
            | Self::HASH.bits() | Self::ZSET.bits() | Self::EXPIRED.bits() | Self::EVICTED.bits()
            | Self::STREAM.bits() | Self::MODULE.bits();
    }
}

impl NotifyEvents {
    /// Letter and class, in the order in which Redis prints them.
    const LETTERS: [(u8, NotifyEvents); 15] = [
        (b'A', NotifyEvents::ALL),
        (b'g', NotifyEvents::GENERIC),
        (b'$', NotifyEvents::STRING),
        (b'l', NotifyEvents::LIST),
        (b's', NotifyEvents::SET),
        (b'h', NotifyEvents::HASH),
        (b'z', NotifyEvents::ZSET),
        (b'x', NotifyEvents::EXPIRED),
        (b'e', NotifyEvents::EVICTED),
        (b't', NotifyEvents::STREAM),
        (b'd', NotifyEvents::MODULE),
        (b'n', NotifyEvents::NEW),
        (b'K', NotifyEvents::KEYSPACE),
        (b'E', NotifyEvents::KEYEVENT),
        (b'm', NotifyEvents::KEY_MISS),
    ];
}

impl Value for NotifyEvents {
    const KIND: Kind = Kind::Special("letters of Ag$lshzxeKEtmdn, or \"\" for none");

    fn assign(&mut self, _: &Kind, words: &[&[u8]]) -> Result<(), Reason> {
        let class = |letter: &u8| Self::LETTERS.iter().find(|(known, _)| known == letter).map(|&(_, c)| c);
        *self = single(words)?
            .iter()
            .map(class)
            .collect::<Option<_>>()
            .ok_or(Reason::Borrowed("Invalid event class character. Use 'Ag$lshzxeKEtmdn'."))?;
        Ok(())
    }

    /// Redis forgets `n` beside `A`; it is kept here, so that a rewritten file means the same.
    fn show(&self, _: &Kind) -> Vec<u8> {
        let mut rest = *self;
        let mut letters = Vec::new();
        for (letter, class) in Self::LETTERS {
            if rest.contains(class) {
                letters.push(letter);
                rest.remove(class);
            }
        }
        letters
    }

    fn lines(&self, kind: &Kind, default: &Self) -> Vec<Line> {
        vec![Line { text: quoted(&self.show(kind)), force: self != default }]
    }
}
