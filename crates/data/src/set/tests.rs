//! Sets against a `BTreeSet`.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn member() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => (-30i64..30).prop_map(|n| n.to_string().into_bytes()),
        2 => "[a-e]{1,2}".prop_map(String::into_bytes),
        1 => any::<i64>().prop_map(|n| n.to_string().into_bytes()),
        1 => (0usize..70).prop_map(|n| vec![b'x'; n]),
    ]
}

fn all(set: &Set) -> BTreeSet<Vec<u8>> {
    set.iter().map(Entry::to_vec).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn as_a_set(entries in prop_oneof![Just(4usize), Just(128)],
                steps in prop::collection::vec((any::<u8>(), member()), 0..80)) {
        let limits =
            Limits { set_max_listpack_entries: entries, set_max_intset_entries: 2 * entries, ..Limits::default() };
        let (mut set, mut model) = (Set::default(), BTreeSet::new());
        for (kind, member) in steps {
            if kind % 4 == 0 {
                prop_assert_eq!(set.remove(&member), model.remove(&member));
            } else {
                set.expect(1, &member, &limits);
                prop_assert_eq!(set.insert(&member, &limits), model.insert(member.clone()));
            }
            prop_assert_eq!(set.contains(&member), model.contains(&member));
            prop_assert_eq!(set.len(), model.len());
        }
        prop_assert_eq!(&all(&set), &model);
        prop_assert_eq!(&all(&set.clone()), &model);
        let mut number = 7u64;
        let random = set.random(|| { number = number.wrapping_mul(6364136223846793005).wrapping_add(1); number >> 11 });
        prop_assert_eq!(random.is_some_and(|member| model.contains(&member.to_vec())), !model.is_empty());
        set.settle(&limits);
        prop_assert_eq!(&all(&set), &model);
    }
}

#[test]
fn encodings_are_those_of_redis() {
    let limits = Limits { set_max_listpack_entries: 3, set_max_intset_entries: 4, ..Limits::default() };
    let filled = |members: &[&str]| {
        let mut set = Set::default();
        set.expect(1, members[0].as_bytes(), &limits);
        members.iter().for_each(|member| {
            set.insert(member.as_bytes(), &limits);
        });
        set.encoding()
    };
    assert_eq!(filled(&["1", "2", "3", "4"]), "intset");
    assert_eq!(filled(&["1", "2", "3", "4", "5"]), "hashtable");
    assert_eq!(filled(&["1", "2", "a"]), "listpack");
    assert_eq!(filled(&["1", "2", "3", "a"]), "hashtable");
    assert_eq!(filled(&["a", "2", "3"]), "listpack");
    assert_eq!(filled(&["a", "2", "3", "4"]), "hashtable");
    assert_eq!(filled(&[&"x".repeat(65)]), "hashtable");
    let mut many = Set::default();
    many.expect(5, b"1", &limits);
    assert_eq!(many.encoding(), "hashtable");
    let twice: Listpack = [&b"a"[..], b"a"].into_iter().collect();
    assert_eq!(Set::from_listpack(twice.view(), &limits).err(), Some(Duplicate));
}
