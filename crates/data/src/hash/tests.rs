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

fn all(hash: &Hash) -> BTreeMap<Vec<u8>, Vec<u8>> {
    hash.iter().map(|(field, value)| (field.to_vec(), value.to_vec())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn as_a_map(entries in prop_oneof![Just(4usize), Just(500)],
                steps in prop::collection::vec((any::<u8>(), text(), text()), 0..80)) {
        let limits = Limits { hash_max_listpack_entries: entries, ..Limits::default() };
        let (mut hash, mut model) = (Hash::default(), BTreeMap::new());
        let mut spread = false;
        for (kind, field, value) in steps {
            if kind % 4 == 0 {
                prop_assert_eq!(hash.remove(&field), model.remove(&field).is_some());
            } else {
                hash.expect([&field[..], &value[..]].into_iter(), &limits);
                spread |= field.len() > 64 || value.len() > 64;
                prop_assert_eq!(hash.set(&field, &value, &limits), model.insert(field.clone(), value).is_none());
            }
            spread |= model.len() > entries;
            prop_assert_eq!(hash.encoding(), if spread { "hashtable" } else { "listpack" });
            prop_assert_eq!(hash.get(&field).map(Entry::to_vec), model.get(&field).cloned());
            prop_assert_eq!(hash.len(), model.len());
        }
        prop_assert_eq!(&all(&hash), &model);
        prop_assert_eq!(&all(&hash.clone()), &model);
        let mut number = 7u64;
        let random = hash.random(|| { number = number.wrapping_mul(6364136223846793005).wrapping_add(1); number >> 11 });
        match random {
            Some((field, value)) => prop_assert_eq!(model.get(&field.to_vec()), Some(&value.to_vec())),
            None => prop_assert!(model.is_empty()),
        }
        if let Some(listpack) = hash.as_listpack() {
            prop_assert_eq!(Hash::from_listpack(listpack, &limits).map(|hash| all(&hash)), Ok(model));
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
}
