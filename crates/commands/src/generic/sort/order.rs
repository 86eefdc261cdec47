//! The order of elements: by numbers or by texts, of their own or looked up.

use std::cmp::Ordering;

use engine::Error;
use keyspace::View;

use super::pattern::{Pattern, until_zero};

/// What decides the order.
#[derive(Clone, Copy)]
pub(super) struct Order<'a> {
    /// Looked up for each element; else the element itself decides.
    pub by: Option<Pattern<'a>>,
    /// Texts are compared, not numbers.
    pub alpha: bool,
    /// From the highest to the lowest.
    pub descending: bool,
    /// Texts are compared to their end, as what is stored must be the same everywhere; else as the locale says, which
    /// here is C's: up to a zero byte.
    pub binary: bool,
    /// Where all else is equal, elements stay in the order that they had; else they have none, and are compared.
    pub stable: bool,
}

/// An element with what decides its place.
struct Weighted {
    element: Box<[u8]>,
    weight: Weight,
}

enum Weight {
    Number(f64),
    Text(Option<Box<[u8]>>),
    /// The element itself, as a text.
    Element,
}

/// The elements in order.
pub(super) fn sorted(
    view: &mut View,
    elements: Vec<Box<[u8]>>,
    order: Order,
) -> Result<Vec<Box<[u8]>>, Error> {
    let weighted = elements.into_iter().map(|element| {
        let weight = order.weight(view, &element)?;
        Some(Weighted { element, weight })
    });
    let weighted: Option<Vec<Weighted>> = weighted.collect();
    let mut weighted =
        weighted.ok_or(Error::text("ERR One or more scores can't be converted into double"))?;
    weighted.sort_by(|a, b| order.compare(a, b));
    Ok(weighted.into_iter().map(|weighted| weighted.element).collect())
}

impl Order<'_> {
    /// What decides an element's place; `None` if that should be a number and is not.
    fn weight(&self, view: &mut View, element: &[u8]) -> Option<Weight> {
        match (self.by, self.alpha) {
            (None, true) => Some(Weight::Element),
            (None, false) => number(element).map(Weight::Number),
            (Some(by), true) => {
                let mut text = None;
                by.look_up(view, element, &mut |value| text = value.map(Box::from));
                Some(Weight::Text(text))
            }
            (Some(by), false) => {
                // What is missing weighs nothing.
                let mut weight = Some(0.0);
                by.look_up(view, element, &mut |value| weight = value.map_or(Some(0.0), number));
                weight.map(Weight::Number)
            }
        }
    }

    fn compare(&self, a: &Weighted, b: &Weighted) -> Ordering {
        let ascending = match (&a.weight, &b.weight) {
            (Weight::Number(x), Weight::Number(y)) => {
                x.partial_cmp(y).unwrap_or(Ordering::Equal).then_with(|| a.element.cmp(&b.element))
            }
            (Weight::Text(Some(x)), Weight::Text(Some(y))) => self.compare_texts(x, y),
            // What is missing comes first.
            (Weight::Text(x), Weight::Text(y)) => x.is_some().cmp(&y.is_some()),
            _ => self.compare_texts(&a.element, &b.element),
        };
        let ordering = if self.descending { ascending.reverse() } else { ascending };
        ordering.then_with(|| if self.stable { Ordering::Equal } else { a.element.cmp(&b.element) })
    }

    fn compare_texts(&self, a: &[u8], b: &[u8]) -> Ordering {
        if self.binary { a.cmp(b) } else { until_zero(a).cmp(until_zero(b)) }
    }
}

/// The number that a text is as C's `strtod` reads it: with spaces in front, up to a zero byte, and nothing is zero.
fn number(text: &[u8]) -> Option<f64> {
    let text = until_zero(text);
    if text.is_empty() {
        return Some(0.0);
    }
    let spaces = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t'..=b'\r')).count();
    codec::number::parse_f64(&text[spaces..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (text, value) in [
            ("12", 12.0),
            (" \t\n-1.5e3", -1500.0),
            ("", 0.0),
            ("\0junk", 0.0),
            ("7\0junk", 7.0),
            ("0x10", 16.0),
            ("+inf", f64::INFINITY),
            (".5", 0.5),
        ] {
            assert_eq!(number(text.as_bytes()), Some(value), "{text:?}");
        }
        for text in ["a", " ", "1 ", "1a", "nan", "1e400", "-1e400", "1e-400", "--1"] {
            assert_eq!(number(text.as_bytes()), None, "{text:?}");
        }
    }
}
