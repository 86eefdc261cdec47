//! Hashes against a `BTreeMap`.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => "[a-e]{1,2}".prop_map(String::into_bytes),
        3 => (0i32..20).prop_map(|n| n.to_string().into_bytes()),
        1 => (0usize..70).prop_map(|n| vec![b'x'; n]),
    ]
}

type Model = BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>;

fn all(hash: &Hash) -> Model {
    hash.iter().map(|shown| (shown.name.to_vec(), (shown.value.to_vec(), shown.due))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn as_a_map(entries in prop_oneof![Just(0usize), Just(4), Just(500)],
                steps in prop::collection::vec((any::<u8>(), text(), text(), 1i64..30), 0..120)) {
        let limits = Limits { hash_max_listpack_entries: entries, ..Limits::default() };
        let (mut hash, mut model) = (Hash::default(), Model::new());
        let (mut spread, mut timed) = (false, false);
        for (kind, field, value, time) in steps {
            match kind % 8 {
                0 => prop_assert_eq!(hash.remove(&field), model.remove(&field).is_some()),
                1 | 2 => {
                    let due = (kind > 40).then_some(time);
                    timed |= due.is_some();
                    prop_assert_eq!(hash.set_due(&field, due), model.contains_key(&field));
                    model.entry(field.clone()).and_modify(|(_, old)| *old = due);
                }
                3 if kind > 127 => {
                    let gone: Vec<_> = model.iter().filter(|(_, (_, due))| due.is_some_and(|due| due <= time)).map(|(name, _)| name.clone()).collect();
                    model.retain(|name, _| !gone.contains(name));
                    let mut expired: Vec<Vec<u8>> = hash.expire(time, 3).into_iter().map(|name| name.into_vec()).collect();
                    prop_assert_eq!(expired.len(), gone.len().min(3));
                    expired.extend(hash.expire(time, usize::MAX).into_iter().map(|name| name.into_vec()));
                    expired.sort();
                    prop_assert_eq!(expired, gone);
                }
                3 => {
                    let is_due = model.get(&field).is_some_and(|(_, due)| due.is_some_and(|due| due <= time));
                    prop_assert_eq!(hash.get(&field, time).is_some(), model.contains_key(&field) && !is_due);
                    prop_assert_eq!(hash.take_due([&field[..]].into_iter(), time).len(), usize::from(is_due));
                    if is_due {
                        model.remove(&field);
                    }
                }
                4 => {
                    hash.expect([&field[..], &value[..]].into_iter(), &limits);
                    spread |= field.len() > 64 || value.len() > 64;
                    prop_assert_eq!(hash.set_value(&field, &value), model.contains_key(&field));
                    model.entry(field.clone()).and_modify(|(old, _)| *old = value);
                }
                _ => {
                    hash.expect([&field[..], &value[..]].into_iter(), &limits);
                    spread |= field.len() > 64 || value.len() > 64;
                    let new = model.insert(field.clone(), (value, None)).is_none();
                    prop_assert_eq!(hash.set(&field, &field, &limits), new);
                    prop_assert!(hash.set_value(&field, &model[&field].0));
                }
            }
            spread |= model.len() > entries || (hash.encoding() == "hashtable" && entries == 0);
            let encoding = if spread { "hashtable" } else if timed { "listpackex" } else { "listpack" };
            prop_assert_eq!(hash.encoding(), encoding);
            prop_assert_eq!(hash.get(&field, 0).map(Entry::to_vec), model.get(&field).map(|(value, _)| value.clone()));
            prop_assert_eq!(hash.len(), model.len());
            let first = model.values().filter_map(|(_, due)| *due).min();
            prop_assert_eq!(hash.is_timed(), first.is_some());
            prop_assert!(hash.next_due().is_some() == first.is_some() && hash.next_due() <= first);
        }
        prop_assert_eq!(&all(&hash), &model);
        prop_assert_eq!(&all(&hash.clone()), &model);
        let mut seen = Model::new();
        let mut cursor = hash.scan(0, 2, &mut |shown| { seen.insert(shown.name.to_vec(), (shown.value.to_vec(), shown.due)); });
        while cursor != 0 {
            cursor = hash.scan(cursor, 2, &mut |shown| { seen.insert(shown.name.to_vec(), (shown.value.to_vec(), shown.due)); });
        }
        prop_assert_eq!(&seen, &model);
        let mut number = 7u64;
        let random = hash.random(|| { number = number.wrapping_mul(6364136223846793005).wrapping_add(1); number >> 11 });
        match random {
            Some(shown) => prop_assert_eq!(model.get(&shown.name.to_vec()), Some(&(shown.value.to_vec(), shown.due))),
            None => prop_assert!(model.is_empty()),
        }
        if let Some(listpack) = hash.as_listpack() {
            prop_assert_eq!(Hash::from_listpack(listpack, &limits).map(|hash| all(&hash)), Ok(model));
        } else if let Some(listpack) = hash.as_timed_listpack() {
            prop_assert_eq!(Hash::from_timed_listpack(listpack, &limits).map(|hash| all(&hash)), Ok(model));
        }
    }
}

#[test]
fn unsound_listpacks_are_refused() {
    let listpack = |texts: &[&[u8]]| texts.iter().copied().collect::<Listpack>();
    let limits = Limits::default();
    let odd = listpack(&[b"a", b"1", b"b"]);
    assert_eq!(Hash::from_listpack(odd.view(), &limits).err(), Some(Unsound::Odd));
    let twice = listpack(&[b"a", b"1", b"a", b"2"]);
    assert_eq!(Hash::from_listpack(twice.view(), &limits).err(), Some(Unsound::Duplicate));
    for (texts, why) in [
        (&[&b"a"[..], b"1"][..], Unsound::Odd),
        (&[b"a", b"1", b"5", b"a", b"1", b"0"], Unsound::Duplicate),
        (&[b"a", b"1", b"5", b"b", b"1", b"4"], Unsound::Time),
        (&[b"a", b"1", b"0", b"b", b"1", b"4"], Unsound::Time),
        (&[b"a", b"1", b"-5"], Unsound::Time),
        (&[b"a", b"1", b"x"], Unsound::Time),
    ] {
        assert_eq!(Hash::from_timed_listpack(listpack(texts).view(), &limits).err(), Some(why));
    }
}
