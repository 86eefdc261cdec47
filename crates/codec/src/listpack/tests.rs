//! Listpacks against a vector of strings, and against bytes of the genuine server.

use super::*;
use proptest::prelude::*;

fn build(values: &[Vec<u8>]) -> Listpack {
    values.iter().map(|value| &value[..]).collect()
}

fn contents(listpack: ListpackRef<'_>) -> Vec<Vec<u8>> {
    listpack.iter().map(Entry::to_vec).collect()
}

#[test]
fn empty() {
    let listpack = Listpack::new();
    assert_eq!(listpack.as_bytes(), b"\x07\0\0\0\0\0\xff");
    let view = listpack.view();
    assert!(
        view.is_empty()
            && view.first().is_none()
            && view.last().is_none()
            && view.iter().next_back().is_none()
    );
    assert_eq!(ListpackRef::validate(listpack.as_bytes()), Ok(view));
}

#[test]
fn bytes_of_genuine_redis() {
    // The hash's listpack in the DUMP payload of redis-server 7.0.15, after
    // HSET h small 5 thirteen -4096 sixteen 32767 twentyfour -8388608 thirtytwo 2147483647
    //   sixtyfour -9223372036854775808 long (64 times x)
    let genuine = b"\xaa\x00\x00\x00\x0e\x00\x85small\x06\x05\x01\x88thirteen\
            \t\xd0\x00\x02\x87sixteen\x08\xf1\xff\x7f\x03\x8atwenty\
            four\x0b\xf2\x00\x00\x80\x04\x89thirtytwo\n\xf3\xff\xff\
            \xff\x7f\x05\x89sixtyfour\n\xf4\x00\x00\x00\x00\x00\x00\x00\x80\t\
            \x84long\x05\xe0@xxxxxxxxxxxxxxxx\
            xxxxxxxxxxxxxxxxxxxxxxxx\
            xxxxxxxxxxxxxxxxxxxxxxxx\
            B\xff";
    let mut listpack = Listpack::new();
    for (field, value) in [
        (&b"small"[..], 5),
        (b"thirteen", -4096),
        (b"sixteen", 32767),
        (b"twentyfour", -8388608),
        (b"thirtytwo", 2147483647),
        (b"sixtyfour", i64::MIN),
    ] {
        listpack.push_back(field);
        listpack.push_back(value);
    }
    listpack.push_back(b"long");
    listpack.push_back(&[b'x'; 64]);
    assert_eq!(listpack.as_bytes(), genuine);
    assert_eq!(ListpackRef::validate(genuine), Ok(listpack.view()));
}

#[test]
fn encodings_change_at_their_limits() {
    for (value, len) in [
        (0, 1),
        (127, 1),
        (128, 2),
        (-1, 2),
        (4095, 2),
        (-4096, 2),
        (4096, 3),
        (-4097, 3),
        (32767, 3),
        (-32768, 3),
        (32768, 4),
        (-32769, 4),
        (8388607, 4),
        (-8388608, 4),
        (8388608, 5),
        (-8388609, 5),
        (i64::from(i32::MAX), 5),
        (i64::from(i32::MIN), 5),
        (i64::from(i32::MAX) + 1, 9),
        (i64::from(i32::MIN) - 1, 9),
        (i64::MAX, 9),
        (i64::MIN, 9),
    ] {
        let listpack: Listpack = [value].into_iter().collect();
        assert_eq!(listpack.as_bytes().len(), EMPTY + len + 1, "{value}");
        assert_eq!(listpack.view().at(0), Some(Entry::Int(value)));
        let text: Listpack = [value.to_string().as_bytes()].into_iter().collect();
        assert_eq!(text, listpack, "text is written as the integer it is");
    }
    // Header, data, length behind: it grows one short of what would fit.
    for (len, size) in [
        (0, 2),
        (63, 65),
        (64, 67),
        (125, 128),
        (126, 130),
        (4095, 4099),
        (4096, 4103),
        (16377, 16384),
        (16378, 16386),
        (2097145, 2097153),
        (2097146, 2097155),
    ] {
        let value = vec![b'x'; len];
        let listpack = build(std::slice::from_ref(&value));
        assert_eq!(listpack.as_bytes().len(), EMPTY + size, "{len}");
        assert_eq!(ListpackRef::validate(listpack.as_bytes()).map(contents), Ok(vec![value]));
        assert_eq!(listpack.view().last(), listpack.view().first());
    }
}

#[test]
fn beyond_65534_elements_the_count_is_not_in_the_header() {
    let mut listpack: Listpack = (0..65_534).collect();
    assert_eq!(listpack.view().header_count(), Some(65_534));
    listpack.push_back(&b"one more"[..]);
    assert_eq!(listpack.view().header_count(), None);
    assert_eq!(listpack.view().len(), 65_535);
    listpack.push_back(&b"last"[..]);
    assert!(ListpackRef::validate(listpack.as_bytes()).is_ok());
    assert_eq!(listpack.view().at(-1), Some(Entry::Bytes(b"last")));
    assert_eq!(listpack.view().at(-65_536), Some(Entry::Int(0)));
    assert_eq!(listpack.view().at(65_535), Some(Entry::Bytes(b"last")));
    assert_eq!(listpack.view().at(65_536), None);
    assert_eq!(listpack.delete_range(10, 65_000), 65_000);
    assert_eq!(listpack.view().len(), 536);
    let half: Listpack = (0..40_000).collect();
    let mut both = half.clone();
    both.append(half.view());
    assert_eq!((both.view().header_count(), both.view().len()), (None, 80_000));
}

#[test]
fn finds_fields_not_values() {
    let listpack: Listpack = [&b"a"[..], b"b", b"b", b"c", b"12", b"a"].into_iter().collect();
    let view = listpack.view();
    let first = view.first().expect("not empty");
    assert_eq!(view.find(first, b"b", 1), view.seek(2));
    assert_eq!(view.find(first, b"b", 0), view.seek(1));
    assert_eq!(view.find(first, b"12", 1), view.seek(4));
    assert_eq!(view.find(first, b"012", 0), None);
    assert_eq!(view.find(first, b"c", 1), None);
    assert_eq!(view.find(view.seek(1).unwrap(), b"a", 0), view.seek(5));
}

#[test]
fn foreign_encodings_that_are_not_the_smallest_are_read() {
    // The string "5", and 5 in 64 bits: valid, though Redis writes neither.
    let bytes = b"\x15\0\0\0\x02\0\x815\x02\xf4\x05\0\0\0\0\0\0\0\x09\xff";
    let mut bytes = bytes.to_vec();
    bytes[0] = bytes.len() as u8;
    let view = ListpackRef::validate(&bytes).expect("valid");
    assert_eq!(contents(view), [b"5", b"5"]);
    assert_eq!(view.find(view.first().unwrap(), b"5", 0), view.first());
    assert_eq!(view.find(view.seek(1).unwrap(), b"5", 0), view.seek(1));
}

#[test]
fn damage_is_found() {
    let good: Listpack = [&b"abc"[..], b"1000"].into_iter().collect();
    let damaged = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.as_bytes().to_vec();
        change(&mut bytes);
        ListpackRef::validate(&bytes).map(|_| ())
    };
    assert_eq!(damaged(&|_| ()), Ok(()));
    assert_eq!(damaged(&|bytes| bytes.truncate(6)), Err(Error::Frame));
    assert_eq!(damaged(&|bytes| bytes.push(0xff)), Err(Error::Frame));
    assert_eq!(damaged(&|bytes| *bytes.last_mut().unwrap() = 0), Err(Error::Frame));
    assert_eq!(damaged(&|bytes| bytes[4] = 3), Err(Error::Count));
    assert_eq!(damaged(&|bytes| bytes[6] = 0xbf), Err(Error::Element(6)), "reaches past the end");
    assert_eq!(damaged(&|bytes| bytes[6] = 0xf5), Err(Error::Element(6)), "no such encoding");
    assert_eq!(damaged(&|bytes| bytes[6] = 0xff), Err(Error::Element(6)), "an end mark within");
    assert_eq!(damaged(&|bytes| bytes[10] = 3), Err(Error::Element(6)), "the length behind is wrong");
    assert_eq!(damaged(&|bytes| bytes[11] = 0xe3), Err(Error::Element(11)), "a longer one");
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (any::<i64>(), 0..64u32).prop_map(|(value, shift)| (value >> shift).to_string().into_bytes()),
        4 => prop::collection::vec(any::<u8>(), 0..80),
        1 => (0..6000usize).prop_map(|len| vec![b'y'; len]),
        1 => "-?0?[0-9]{1,3}".prop_map(String::into_bytes),
    ]
}

#[derive(Clone, Debug)]
enum Edit {
    PushBack(Vec<u8>),
    PushFront(Vec<u8>),
    InsertBefore(usize, Vec<u8>),
    InsertAfter(usize, Vec<u8>),
    Replace(usize, Vec<u8>),
    Delete(usize),
    DeleteRange(i64, usize),
    Append(Vec<Vec<u8>>),
    PushAll(Vec<Vec<u8>>),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        3 => value().prop_map(Edit::PushBack),
        2 => value().prop_map(Edit::PushFront),
        2 => (any::<usize>(), value()).prop_map(|(index, value)| Edit::InsertBefore(index, value)),
        2 => (any::<usize>(), value()).prop_map(|(index, value)| Edit::InsertAfter(index, value)),
        2 => (any::<usize>(), value()).prop_map(|(index, value)| Edit::Replace(index, value)),
        2 => any::<usize>().prop_map(Edit::Delete),
        1 => (-12..12i64, 0..6usize).prop_map(|(index, count)| Edit::DeleteRange(index, count)),
        1 => prop::collection::vec(value(), 0..4).prop_map(Edit::Append),
        1 => prop::collection::vec(value(), 0..4).prop_map(Edit::PushAll),
    ]
}

/// Applies an edit to both; those that need an element do nothing when there is none.
fn apply(listpack: &mut Listpack, model: &mut Vec<Vec<u8>>, edit: Edit) {
    let place = |index: usize, listpack: &Listpack, model: &Vec<Vec<u8>>| {
        let index = index.checked_rem(model.len())?;
        Some((index, listpack.view().seek(index as i64).expect("within")))
    };
    match edit {
        Edit::PushBack(value) => {
            listpack.push_back(&value[..]);
            model.push(value);
        }
        Edit::PushFront(value) => {
            listpack.push_front(&value[..]);
            model.insert(0, value);
        }
        Edit::InsertBefore(index, value) => {
            let Some((index, position)) = place(index, listpack, model) else { return };
            listpack.insert_before(position, &value[..]);
            assert_eq!(listpack.view().get(position), Some(Entry::Bytes(&value).canonical()));
            model.insert(index, value);
        }
        Edit::InsertAfter(index, value) => {
            let Some((index, position)) = place(index, listpack, model) else { return };
            let at = listpack.insert_after(position, &value[..]);
            assert_eq!(listpack.view().get(at), Some(Entry::Bytes(&value).canonical()));
            model.insert(index + 1, value);
        }
        Edit::Replace(index, value) => {
            let Some((index, position)) = place(index, listpack, model) else { return };
            listpack.replace(position, &value[..]);
            model[index] = value;
        }
        Edit::Delete(index) => {
            let Some((index, position)) = place(index, listpack, model) else { return };
            let next = listpack.delete(position);
            model.remove(index);
            assert_eq!(next.is_some(), index < model.len());
        }
        Edit::DeleteRange(index, count) => {
            let start = if index < 0 { index + model.len() as i64 } else { index };
            let range = usize::try_from(start)
                .map_or(0..0, |start| start.min(model.len())..(start + count).min(model.len()));
            assert_eq!(listpack.delete_range(index, count), range.len());
            model.drain(range);
        }
        Edit::Append(values) => {
            listpack.append(build(&values).view());
            model.extend(values);
        }
        Edit::PushAll(values) => {
            listpack.push_all(values.iter().map(|value| Entry::Bytes(value)));
            model.extend(values);
        }
    }
}

proptest! {
    #[test]
    fn edits_agree_with_a_vector(edits in prop::collection::vec(edit(), 0..40)) {
        let (mut listpack, mut model) = (Listpack::new(), Vec::new());
        for edit in edits {
            apply(&mut listpack, &mut model, edit);
        }
        let view = ListpackRef::validate(listpack.as_bytes()).expect("stays valid");
        prop_assert_eq!(contents(view), model.clone());
        prop_assert_eq!(view.len(), model.len());
        prop_assert_eq!(&listpack, &build(&model), "history leaves no trace");
        let backward: Vec<_> = view.iter().rev().map(Entry::to_vec).collect();
        prop_assert_eq!(backward, model.iter().rev().cloned().collect::<Vec<_>>());
        for (index, value) in model.iter().enumerate() {
            prop_assert_eq!(view.at(index as i64).map(Entry::to_vec), Some(value.clone()));
            prop_assert_eq!(view.at(index as i64 - model.len() as i64).map(Entry::to_vec), Some(value.clone()));
            prop_assert_eq!(view.at(index as i64).map(Entry::len), Some(value.len()));
            let rest = view.seek(index as i64).map(|position| view.positions_from(position).count());
            prop_assert_eq!(rest, Some(model.len() - index));
        }
        prop_assert_eq!(view.at(model.len() as i64), None);
        prop_assert_eq!(view.at(-1 - model.len() as i64), None);
    }

    #[test]
    fn both_ends_meet(values in prop::collection::vec(value(), 0..12), sides: Vec<bool>) {
        let listpack = build(&values);
        let (mut iter, mut model) = (listpack.view().iter(), values.iter());
        for front in sides {
            let (ours, expected) = if front { (iter.next(), model.next()) } else { (iter.next_back(), model.next_back()) };
            prop_assert_eq!(ours.map(Entry::to_vec), expected.cloned());
        }
    }

    #[test]
    fn find_agrees_with_a_search(values in prop::collection::vec("[0-3a]{0,2}", 0..20), needle in "[0-3a]{0,2}", from in 0..20usize, skip in 0..3usize) {
        let values: Vec<_> = values.into_iter().map(String::into_bytes).collect();
        let listpack = build(&values);
        let Some(start) = listpack.view().seek(from as i64) else { return Ok(()) };
        let expected = (from..values.len()).step_by(skip + 1).find(|&index| values[index] == needle.as_bytes());
        let found = listpack.view().find(start, needle.as_bytes(), skip);
        prop_assert_eq!(found, expected.and_then(|index| listpack.view().seek(index as i64)));
    }

    /// Whatever the bytes, nothing panics; and what is valid reads the same from both ends.
    #[test]
    fn any_bytes_are_safe(mut bytes in prop::collection::vec(any::<u8>(), 0..60), frame: bool) {
        if frame && bytes.len() >= EMPTY {
            let total = bytes.len() as u32;
            bytes[..4].copy_from_slice(&total.to_le_bytes());
            bytes[4..HEADER].copy_from_slice(&COUNT_UNKNOWN.to_le_bytes());
            *bytes.last_mut().unwrap() = EOF;
        }
        let view = ListpackRef(&bytes);
        let (forward, backward) = (view.iter().count(), view.iter().rev().count());
        let _ = (view.len(), view.at(3), view.at(-3), view.find(Position(0), b"1", 0), view.seek(i64::MIN), view.seek(i64::MAX));
        if ListpackRef::validate(&bytes).is_ok() {
            prop_assert_eq!(forward, backward);
            prop_assert_eq!(forward, view.len());
        }
    }

    /// A valid listpack with one byte changed is refused or still reads the same from both ends.
    #[test]
    fn one_changed_byte_is_safe(values in prop::collection::vec(value(), 1..8), at: usize, to: u8) {
        let mut bytes = build(&values).as_bytes().to_vec();
        let at = at % bytes.len();
        bytes[at] = to;
        if let Ok(view) = ListpackRef::validate(&bytes) {
            prop_assert_eq!(view.iter().count(), view.iter().rev().count());
            prop_assert_eq!(view.iter().count(), view.len());
        }
    }
}
