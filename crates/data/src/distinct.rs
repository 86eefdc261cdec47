//! Whether elements from outside are all different, as those of a set must be: asked of every small value that is loaded, so
//! it has to cost less than reading it.

use codec::listpack::Entry;

use crate::hashing::hash;

/// So many elements are compared pair by pair, without an allocation.
const FEW: usize = 32;

/// Whether no two elements have the same text.
pub(crate) fn all_differ<'a>(elements: impl Iterator<Item = Entry<'a>>) -> bool {
    let mut hashed = elements.map(|element| hashed(element.canonical()));
    let (mut few, mut count) = ([(0, Entry::Int(0)); FEW], 0);
    for (place, element) in few.iter_mut().zip(hashed.by_ref()) {
        *place = element;
        count += 1;
    }
    let Some(next) = hashed.next() else { return differ(&few[..count]) };
    let mut many: Vec<_> = few.into_iter().chain([next]).chain(hashed).collect();
    many.sort_unstable_by_key(|(hash, _)| *hash);
    many.chunk_by(|a, b| a.0 == b.0).all(differ)
}

/// An element behind what tells it from most others.
fn hashed(element: Entry<'_>) -> (u64, Entry<'_>) {
    match element {
        Entry::Int(number) => (number as u64, element),
        Entry::Bytes(bytes) => (hash(bytes), element),
    }
}

/// Whether no pair is equal.
fn differ(elements: &[(u64, Entry<'_>)]) -> bool {
    elements.iter().enumerate().all(|(count, element)| !elements[..count].contains(element))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    #[test]
    fn one_text_in_two_forms_is_one_element() {
        assert!(!all_differ([Entry::Int(-12), Entry::Bytes(b"a"), Entry::Bytes(b"-12")].into_iter()));
        assert!(all_differ([Entry::Int(12), Entry::Bytes(b"012"), Entry::Bytes(b"+12")].into_iter()));
        assert!(all_differ([].into_iter()));
    }

    #[test]
    fn the_first_and_the_last_of_many() {
        for count in 2..200 {
            let mut texts: Vec<_> = (0..count).map(|n| format!("element-{n}").into_bytes()).collect();
            let differ = |texts: &[Vec<u8>]| all_differ(texts.iter().map(|text| Entry::Bytes(text)));
            assert!(differ(&texts));
            texts[count - 1] = texts[0].clone();
            assert!(!differ(&texts), "{count}");
        }
    }

    proptest! {
        #[test]
        fn as_a_set_of_texts_says(texts in prop::collection::vec("[0-2]{1,3}|[a-c]{0,3}", 0..70)) {
            let distinct = texts.iter().collect::<HashSet<_>>().len() == texts.len();
            prop_assert_eq!(all_differ(texts.iter().map(|text| Entry::Bytes(text.as_bytes()))), distinct);
        }
    }
}
