//! Lists against a `VecDeque`, whatever their nodes hold.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

fn element() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => "[a-c]{1,3}".prop_map(String::into_bytes),
        3 => any::<i16>().prop_map(|n| n.to_string().into_bytes()),
        1 => (0usize..3).prop_map(|n| vec![b'x'; [100, 3000, 9000][n]]),
    ]
}

#[derive(Clone, Debug)]
enum Step {
    Push(bool, Vec<u8>),
    Set(i64, Vec<u8>),
    Insert(usize, Vec<u8>),
    Remove(usize, usize),
    RemoveEqual(Vec<u8>, bool, usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (any::<bool>(), element()).prop_map(|(head, e)| Step::Push(head, e)),
        1 => (-30i64..30, element()).prop_map(|(index, e)| Step::Set(index, e)),
        2 => (0usize..30, element()).prop_map(|(index, e)| Step::Insert(index, e)),
        1 => (0usize..30, 0usize..12).prop_map(|(index, count)| Step::Remove(index, count)),
        1 => (element(), any::<bool>(), 0usize..4).prop_map(|(e, head, most)| Step::RemoveEqual(e, head, most)),
    ]
}

fn elements(list: &List, range: Range<usize>, from: End) -> Vec<Vec<u8>> {
    let mut elements = vec![];
    list.visit(range, from, |entry| elements.push(entry.to_vec()));
    elements
}

fn end(head: bool) -> End {
    if head { End::Head } else { End::Tail }
}

/// Removes from the model what [`List::remove_equal`] should.
fn remove_equal(model: &mut VecDeque<Vec<u8>>, element: &[u8], from: End, most: usize) {
    for _ in 0..most {
        let found = match from {
            End::Head => model.iter().position(|e| e == element),
            End::Tail => model.iter().rposition(|e| e == element),
        };
        let Some(index) = found else { return };
        model.remove(index);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn as_a_deque(fill in prop_oneof![Just(-2i64), Just(-1), Just(1), Just(4), Just(0)],
                  depth in 0usize..4,
                  steps in prop::collection::vec(step(), 0..80)) {
        let limits = Limits { list_max_listpack_size: fill, list_compress_depth: depth, ..Limits::default() };
        let (mut list, mut model) = (List::default(), VecDeque::<Vec<u8>>::new());
        for step in steps {
            match step {
                Step::Push(head, e) => {
                    list.expect([&e[..]].into_iter(), &limits);
                    list.push(end(head), &e);
                    if head { model.push_front(e) } else { model.push_back(e) }
                }
                Step::Set(index, e) => {
                    list.expect([&e[..]].into_iter(), &limits);
                    let at = if index < 0 { model.len() as i64 + index } else { index };
                    let there = at >= 0 && (at as usize) < model.len();
                    prop_assert_eq!(list.set(index, &e), there);
                    if there { model[at as usize] = e }
                    list.shrink(&limits);
                }
                Step::Insert(index, e) => {
                    list.expect([&e[..]].into_iter(), &limits);
                    list.insert(index, &e);
                    model.insert(index.min(model.len()), e);
                }
                Step::Remove(index, count) => {
                    let gone = count.min(model.len().saturating_sub(index));
                    prop_assert_eq!(list.remove(index, count), gone);
                    if gone > 0 { model.drain(index..index + gone); }
                    list.shrink(&limits);
                }
                Step::RemoveEqual(e, head, most) => {
                    let before = model.len();
                    remove_equal(&mut model, &e, end(head), most);
                    prop_assert_eq!(list.remove_equal(&e, end(head), most), before - model.len());
                    list.shrink(&limits);
                }
            }
            prop_assert_eq!(elements(&list, 0..list.len(), End::Head), Vec::from(model.clone()));
            prop_assert_eq!(list.len(), model.len());
            let backwards: Vec<_> = model.iter().rev().cloned().collect();
            prop_assert_eq!(elements(&list, 0..list.len(), End::Tail), backwards);
            let (middle, most) = (model.len() / 3, model.len() / 2);
            let part: Vec<_> = model.iter().skip(middle).take(most).cloned().collect();
            prop_assert_eq!(elements(&list, middle..middle + most, End::Head), part);
            prop_assert_eq!(list.with(middle as i64, |entry| entry.to_vec()), model.get(middle).cloned());
            prop_assert_eq!(list.with(-1, |entry| entry.to_vec()), model.back().cloned());
            prop_assert!(list.as_quick().is_none_or(Quicklist::is_balanced));
        }
    }
}

#[test]
fn encodings_change_at_redis_limits() {
    let limits = Limits { list_max_listpack_size: 4, ..Limits::default() };
    let mut list = List::default();
    for n in 0..9 {
        let element = n.to_string();
        list.expect([element.as_bytes()].into_iter(), &limits);
        list.push(End::Tail, element.as_bytes());
        assert_eq!(list.encoding(), if n < 4 { "listpack" } else { "quicklist" });
    }
    assert_eq!(list.node_count(), 3);
    for left in (1..9).rev() {
        list.remove(0, 1);
        list.shrink(&limits);
        // The last two stand in two nodes: they are not joined.
        assert_eq!(list.encoding(), if left > 1 { "quicklist" } else { "listpack" }, "{left}");
    }
}

#[test]
fn the_middle_is_compressed() {
    let limits = Limits { list_max_listpack_size: 1, list_compress_depth: 2, ..Limits::default() };
    let mut list = List::quick(&limits);
    let text = [b'x'; 500];
    (0..7).for_each(|_| list.push(End::Tail, &text));
    let quick = list.as_quick().expect("a quicklist");
    let expected = Facts { nodes: 7, max_listpack_size: 1, compresses: true, bytes: 7 * (500 + 11) };
    assert_eq!(quick.facts(), expected);
    assert!((4 * 511..5 * 640).contains(&quick.footprint()));
    // What is copied, and what is read, is the same.
    let copy = list.clone();
    assert_eq!(elements(&copy, 2..5, End::Tail), [text; 3]);
    assert_eq!(copy.find_equal(&text, End::Tail, 6, 1, 3), [5, 4, 3]);
    assert!(copy.as_quick().is_some_and(Quicklist::is_balanced));
    // Limits are those that the list began with.
    list.push(End::Head, b"y");
    assert_eq!(list.node_count(), 8);
    list.remove(1, 5);
    assert!(list.as_quick().is_some_and(|quick| quick.is_balanced() && quick.node_count() == 3));
}
