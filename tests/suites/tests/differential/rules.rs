//! When two replies count as the same: exactly, save for what `differences.toml` says.
//!
//! A rule says how replies are compared that time or chance shapes. A difference is a reviewed deviation:
//! both replies must look as it says, so that it hides nothing else.

use crate::grammar::Argv;
use serde::Deserialize;
use std::cell::Cell;
use suites::{Value, matches, payload};

/// The parsed file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    #[serde(rename = "rule")]
    rules: Vec<Rule>,
    #[serde(rename = "difference", default)]
    differences: Vec<Difference>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    command: String,
    #[serde(rename = "as")]
    how: How,
    #[serde(default)]
    within: u64,
    #[serde(rename = "why")]
    _why: String,
}

/// How replies compare. Errors, and replies of different types, always compare exactly.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum How {
    /// Both integers, both negative and equal or at most `within` apart.
    Close,
    /// Aggregates with the same elements in any order.
    Unordered,
    /// Maps, or flat arrays that stand for them, with the same pairs in any order.
    Pairs,
    /// The same types and lengths all the way down, and the same map keys.
    Shape,
    /// The same type.
    Kind,
    /// Payloads of DUMP that hold the same value.
    Dump,
    /// Equal save for how numbers are printed.
    Numbers,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Difference {
    family: String,
    command: String,
    genuine: String,
    ours: String,
    reason: String,
    #[serde(skip)]
    used: Cell<bool>,
}

impl Rules {
    /// Parses the file's text.
    ///
    /// # Panics
    /// On a mistake in it.
    pub fn parse(text: &str) -> Rules {
        toml::from_str(text).unwrap_or_else(|error| panic!("differences.toml: {error}"))
    }

    /// Whether these replies to `argv` are as good as equal.
    pub fn agree(&self, argv: &Argv, ours: &Value, genuine: &Value) -> bool {
        if ours == genuine || same_text(ours, genuine) {
            return true;
        }
        let line =
            argv.iter().map(|arg| String::from_utf8_lossy(arg).to_uppercase()).collect::<Vec<_>>().join(" ");
        let rule = self.rules.iter().find(|rule| matches(&rule.command, &line));
        rule.is_some_and(|rule| rule.how.agree(rule.within, ours, genuine))
            || self.known(&line, ours, genuine)
    }

    fn known(&self, line: &str, ours: &Value, genuine: &Value) -> bool {
        let known = self.differences.iter().find(|known| {
            matches(&known.command, line)
                && matches(&known.genuine, &genuine.to_string())
                && matches(&known.ours, &ours.to_string())
        });
        known.inspect(|known| known.used.set(true)).is_some()
    }

    /// The differences of a family that nothing needed: stale, or the sequences were too short.
    pub fn unused(&self, family: &str) -> impl Iterator<Item = String> {
        let unused = self.differences.iter().filter(move |known| known.family == family && !known.used.get());
        unused.map(|known| format!("{} ({})", known.command, known.reason))
    }
}

impl How {
    fn agree(self, within: u64, ours: &Value, genuine: &Value) -> bool {
        match self {
            How::Close => match (ours, genuine) {
                (Value::Integer(a), Value::Integer(b)) => (*a < 0) == (*b < 0) && a.abs_diff(*b) <= within,
                _ => false,
            },
            How::Unordered => same_kind(ours, genuine) && sorted(ours) == sorted(genuine),
            How::Pairs => same_kind(ours, genuine) && sorted_pairs(ours) == sorted_pairs(genuine),
            How::Shape => same_shape(ours, genuine),
            How::Kind => same_kind(ours, genuine),
            How::Numbers => same_numbers(ours, genuine),
            How::Dump => match (ours, genuine) {
                (Value::Bulk(a), Value::Bulk(b)) => {
                    payload::content(a).is_some_and(|a| Some(a) == payload::content(b))
                }
                _ => false,
            },
        }
    }
}

/// Errors that repeat bytes which are no UTF-8: ours shows U+FFFD in their place.
fn same_text(ours: &Value, genuine: &Value) -> bool {
    match (ours, genuine) {
        (Value::Error(a), Value::Error(b)) => String::from_utf8_lossy(a) == String::from_utf8_lossy(b),
        _ => false,
    }
}

fn sorted(value: &Value) -> Option<Vec<Value>> {
    value.elements().map(|elements| {
        let mut elements = elements.to_vec();
        elements.sort();
        elements
    })
}

fn sorted_pairs(value: &Value) -> Option<Vec<(Value, Value)>> {
    value.pairs().map(|mut pairs| {
        pairs.sort();
        pairs
    })
}

fn same_kind(ours: &Value, genuine: &Value) -> bool {
    std::mem::discriminant(ours) == std::mem::discriminant(genuine) && !ours.is_error()
}

fn same_numbers(ours: &Value, genuine: &Value) -> bool {
    let number = |value: &Value| match value {
        Value::Bulk(text) | Value::Double(text) => std::str::from_utf8(text).ok()?.parse::<f64>().ok(),
        _ => None,
    };
    match (ours.elements(), genuine.elements()) {
        (Some(a), Some(b)) => {
            same_kind(ours, genuine) && a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_numbers(a, b))
        }
        _ => {
            let numbers = number(ours).zip(number(genuine)).is_some_and(|(a, b)| a == b);
            ours == genuine || same_kind(ours, genuine) && numbers
        }
    }
}

fn same_shape(ours: &Value, genuine: &Value) -> bool {
    let all = |a: &[Value], b: &[Value]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_shape(a, b));
    match (ours, genuine) {
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && same_shape(&a.1, &b.1))
        }
        _ => match (ours.elements(), genuine.elements()) {
            (Some(a), Some(b)) => same_kind(ours, genuine) && all(a, b),
            _ => same_kind(ours, genuine),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = r#"
        [[rule]]
        command = "PTTL *"
        as = "close"
        within = 10
        why = "time passes"
        [[rule]]
        command = "KEYS *"
        as = "unordered"
        why = "no order is promised"
        [[difference]]
        family = "bitmap"
        command = "BITCOUNT *"
        genuine = ":0"
        ours = "-ERR *"
        reason = "stricter since 7.4"
    "#;

    fn agree(line: &str, ours: Value, genuine: Value) -> bool {
        let argv = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        Rules::parse(RULES).agree(&argv, &ours, &genuine)
    }

    #[test]
    fn a_rule_loosens_only_what_it_names() {
        assert!(agree("pttl k", Value::Integer(100), Value::Integer(110)));
        assert!(!agree("pttl k", Value::Integer(100), Value::Integer(111)));
        assert!(!agree("pttl k", Value::Integer(-1), Value::Integer(1)));
        assert!(!agree("pttl k", Value::Integer(1), Value::from("1")));
        assert!(!agree("ttl k", Value::Integer(100), Value::Integer(101)));
        let (ab, ba) = (vec![Value::from("a"), Value::from("b")], vec![Value::from("b"), Value::from("a")]);
        assert!(agree("KEYS *", Value::Array(ab.clone()), Value::Array(ba.clone())));
        assert!(!agree("KEYS *", Value::Set(ab), Value::Array(ba)));
        assert!(!agree("KEYS *", Value::Error(b"a".to_vec()), Value::Error(b"b".to_vec())));
    }

    #[test]
    fn numbers_may_be_printed_in_two_ways() {
        let pair = |score: &str| Value::Array(vec![Value::from("member"), Value::from(score)]);
        assert!(same_numbers(&pair("0.1"), &pair("0.10000000000000001")));
        assert!(!same_numbers(&pair("0.1"), &pair("0.2")));
        assert!(!same_numbers(&pair("x"), &pair("y")));
        assert!(!same_numbers(&Value::from("1"), &Value::Double(b"1".to_vec())));
        assert!(!same_numbers(&Value::Integer(1), &Value::Integer(2)));
    }

    #[test]
    fn a_difference_needs_both_replies_to_look_as_it_says() {
        let error = || Value::Error(b"ERR syntax".to_vec());
        let rules = Rules::parse(RULES);
        assert_eq!(rules.unused("bitmap").count(), 1);
        let argv = vec![b"bitcount".to_vec(), b"k".to_vec()];
        assert!(rules.agree(&argv, &error(), &Value::Integer(0)));
        assert_eq!(rules.unused("bitmap").count(), 0);
        assert!(!rules.agree(&argv, &Value::Integer(0), &error()));
        assert!(!rules.agree(&argv, &error(), &Value::Integer(1)));
    }
}
