//! The index against a set, with hashes that collide.

#![allow(unsafe_code)]

use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::ptr::NonNull;

/// A number on the heap.
#[derive(Clone, Debug, PartialEq)]
struct Number(Box<u64>);

// SAFETY: a box is one thin pointer that owns what is behind it.
unsafe impl Item for Number {
    type Look<'a> = u64;

    fn into_pointer(self) -> NonNull<u8> {
        NonNull::from(Box::leak(self.0)).cast()
    }

    unsafe fn from_pointer(pointer: NonNull<u8>) -> Self {
        // SAFETY: it was a box, as the caller promises.
        Number(unsafe { Box::from_raw(pointer.cast().as_ptr()) })
    }

    unsafe fn look<'a>(pointer: NonNull<u8>) -> Self::Look<'a> {
        // SAFETY: as above, and it is not changed meanwhile.
        unsafe { pointer.cast().read() }
    }

    /// A hash of few values, so that tags are equal and segments lopsided.
    fn hash(number: u64) -> u64 {
        (number / 7).wrapping_mul(0x9e37_79b9_7f4a_7c15) & !(0xffff << 40)
    }
}

fn insert(index: &mut Index<Number>, number: u64) {
    index.insert(Number::hash(number), Number(Box::new(number)));
}

fn find(index: &Index<Number>, number: u64) -> Option<Place> {
    index.find(Number::hash(number), |other| other == number)
}

fn check(index: &Index<Number>, numbers: &BTreeSet<u64>) {
    assert_eq!(index.segments.iter().map(|segment| segment.len).sum::<usize>(), numbers.len());
    assert_eq!((index.len(), index.iter().count()), (numbers.len(), numbers.len()));
    let mut state = 1u64;
    let random = index.random(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state >> 11
    });
    assert_eq!(random.map(|number| numbers.contains(&number)), (!numbers.is_empty()).then_some(true));
    for segment in &index.segments {
        let tags: Vec<_> = segment.slots.iter().flatten().map(Slot::tag).collect();
        assert!(
            tags.is_sorted()
                && tags.len() == segment.len
                && segment.slots.last().is_some_and(Option::is_none)
        );
    }
    for number in numbers {
        let place = find(index, *number).expect("found");
        assert_eq!(index.at(place), Some(*number));
    }
}

#[test]
fn grows_in_parts_and_shrinks() {
    let (mut index, numbers): (_, BTreeSet<u64>) = (Index::new(), (0..20_000).collect());
    numbers.iter().for_each(|number| insert(&mut index, *number));
    check(&index, &numbers);
    assert!(index.segments.len() > 20);
    let slots = index.footprint();
    for number in 100..20_000 {
        let place = find(&index, number).expect("found");
        assert_eq!(index.remove(place), Some(Number(Box::new(number))));
    }
    check(&index, &(0..100).collect());
    assert!(index.footprint() * 4 < slots && index.segments.len() < 40);
}

proptest! {
    #[test]
    fn agrees_with_a_set(changes in prop::collection::vec((0..400u64, any::<bool>()), 0..600)) {
        let (mut index, mut model) = (Index::new(), BTreeSet::new());
        for (number, add) in changes {
            let found = find(&index, number);
            prop_assert_eq!(found.is_some(), model.contains(&number));
            match found {
                None if add => insert(&mut index, number),
                Some(place) if !add => drop(index.remove(place)),
                _ => continue,
            }
            if add { model.insert(number); } else { model.remove(&number); }
        }
        check(&index, &model);
    }

    /// What is there all the time is seen, however the index grows between the calls; and nothing twice unless it
    /// has grown.
    #[test]
    fn scans_miss_nothing(first in 1..3000u64, more in 0..3000u64, count in 1..400usize, at: u64) {
        let mut index = Index::new();
        (0..first).for_each(|number| insert(&mut index, number));
        let (mut seen, mut position, mut calls) = (BTreeMap::<u64, usize>::new(), 0, 0);
        loop {
            position = index.scan(position, count, &mut |number| {
                *seen.entry(number).or_default() += 1;
            });
            calls += 1;
            if position == 0 {
                break;
            }
            if calls == 1 {
                (first..first + more).for_each(|number| insert(&mut index, number));
            }
        }
        prop_assert!((0..first).all(|number| seen.contains_key(&number)));
        prop_assert!(seen.values().all(|times| *times == 1));
        prop_assert!(calls <= (first + more) as usize / count + 2);
        index.scan(at & ((1 << POSITION_BITS) - 1), count, &mut |_| ());
    }
}
