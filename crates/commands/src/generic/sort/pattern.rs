//! The patterns of BY and GET: which key, or field of a hash, belongs to an element.
//!
//! | pattern | means |
//! |---|---|
//! | `#` | the element itself |
//! | `weight_*` | the string at the key that has the element for its first star |
//! | `obj_*->field` | a field of the hash there |
//! | without a star | nothing |
//!
//! Only what stands before a zero byte is searched for these signs, as in C.

use data::Hash;
use keyspace::{IntBuffer, View};

/// A pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pattern<'a> {
    /// The element itself.
    Element,
    /// No key, so nothing.
    Nothing,
    /// A key around the element.
    Key {
        /// What stands before the element.
        prefix: &'a [u8],
        /// What stands behind it.
        suffix: &'a [u8],
        /// The field, if the key has a hash.
        field: Option<&'a [u8]>,
    },
}

/// What C sees of a text.
pub(super) fn until_zero(text: &[u8]) -> &[u8] {
    text.split(|byte| *byte == 0).next().unwrap_or_default()
}

impl<'a> Pattern<'a> {
    /// Reads a pattern; every text is one.
    pub fn parse(text: &'a [u8]) -> Pattern<'a> {
        let visible = until_zero(text);
        if visible == b"#" {
            return Pattern::Element;
        }
        let Some(star) = visible.iter().position(|byte| *byte == b'*') else { return Pattern::Nothing };
        let arrow = visible[star + 1..].windows(2).position(|two| two == b"->").map(|at| star + 1 + at);
        // An arrow at the end is part of the key.
        let arrow = arrow.filter(|at| at + 2 < visible.len());
        Pattern::Key {
            prefix: &text[..star],
            suffix: &text[star + 1..arrow.unwrap_or(text.len())],
            field: arrow.map(|at| &text[at + 2..]),
        }
    }

    /// Whether it names keys.
    pub fn names_keys(self) -> bool {
        matches!(self, Pattern::Key { .. })
    }

    /// The hash slot of all keys that it names, `None` within if they may be in several; `None` if it names no keys.
    pub fn slot(self) -> Option<Option<u16>> {
        let Pattern::Key { prefix, .. } = self else { return None };
        let tag = codec::crc16::hash_tag(prefix);
        // A key without a tag is its own.
        Some((tag.len() < prefix.len()).then(|| codec::crc16::key_slot(prefix)))
    }

    /// Lends what belongs to an element; `None` if it is missing or of another type.
    pub fn look_up(self, view: &mut View, element: &[u8], with: &mut impl FnMut(Option<&[u8]>)) {
        let Pattern::Key { prefix, suffix, field } = self else {
            return with((self == Pattern::Element).then_some(element));
        };
        let key = [prefix, element, suffix].concat();
        let now = view.now;
        let Some(found) = view.get(&key) else { return with(None) };
        match field {
            None => {
                let mut buffer = IntBuffer::new();
                with(found.str().ok().map(|value| value.bytes(&mut buffer)));
            }
            Some(field) => match found.value::<Hash>().ok().and_then(|hash| hash.get(field, now)) {
                None => with(None),
                Some(value) => value.with_bytes(|value| with(Some(value))),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key<'a>(prefix: &'a str, suffix: &'a str, field: Option<&'a str>) -> Pattern<'a> {
        let field = field.map(str::as_bytes);
        Pattern::Key { prefix: prefix.as_bytes(), suffix: suffix.as_bytes(), field }
    }

    #[test]
    fn signs() {
        for (text, pattern) in [
            ("#", Pattern::Element),
            ("#\0x", Pattern::Element),
            ("##", Pattern::Nothing),
            ("", Pattern::Nothing),
            ("a->b", Pattern::Nothing),
            ("a\0*", Pattern::Nothing),
            ("*", key("", "", None)),
            ("a*b*c", key("a", "b*c", None)),
            ("a*b->f", key("a", "b", Some("f"))),
            ("a->b*c", key("a->b", "c", None)),
            ("a*->", key("a", "->", None)),
            ("a*->\0b", key("a", "->\0b", None)),
            ("*->f->g", key("", "", Some("f->g"))),
            ("*->f\0g", key("", "", Some("f\0g"))),
            ("a*b\0->f", key("a", "b\0->f", None)),
        ] {
            assert_eq!(Pattern::parse(text.as_bytes()), pattern, "{text:?}");
        }
    }

    #[test]
    fn slots() {
        let slot = |text: &'static str| Pattern::parse(text.as_bytes()).slot();
        assert_eq!((slot("#"), slot("constant")), (None, None));
        for anywhere in ["*", "a*", "a*{b}", "{a*}", "{}a*", "{a*}b"] {
            assert_eq!(slot(anywhere), Some(None), "{anywhere}");
        }
        let a = Some(codec::crc16::key_slot(b"a"));
        assert_eq!((slot("{a}*"), slot("x{a}y*{b}->f")), (Some(a), Some(a)));
    }
}
