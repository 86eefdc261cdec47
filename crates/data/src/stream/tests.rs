//! Streams against a map of entries, and against bytes of the genuine server.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::Limits;

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

fn borrowed(pairs: &Pairs) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> + Clone {
    pairs.iter().map(|(field, value)| (&field[..], &value[..]))
}

fn pairs(entry: &Entry<'_>) -> Pairs {
    entry.pairs().map(|(field, value)| (field.to_vec(), value.to_vec())).collect()
}

fn contents(entries: &Entries) -> Vec<(StreamId, Pairs)> {
    entries.iter().map(|entry| (entry.id, pairs(&entry))).collect()
}

#[derive(Clone, Debug)]
enum Step {
    Add { ms: u64, seq: u64, pairs: Pairs },
    Delete(u64),
    Trim(Trim),
}

fn step() -> impl Strategy<Value = Step> {
    let word = || prop::sample::select(vec!["a", "b", "12", "", "longer text", "-4096"]);
    let pairs = prop::collection::vec((word(), word()), 1..4);
    let bytes = |(field, value): (&str, &str)| (field.into(), value.into());
    let add = (0..3u64, 0..5u64, pairs).prop_map(move |(ms, seq, pairs)| Step::Add {
        ms,
        seq,
        pairs: pairs.into_iter().map(bytes).collect(),
    });
    let keep = prop_oneof![
        (0..30u64).prop_map(Keep::Last),
        (0..60u64, 0..5u64).prop_map(|(ms, seq)| Keep::From(StreamId::new(ms, seq)))
    ];
    let trim = (keep, any::<bool>(), prop::sample::select(vec![0, 0, 3, 10])).prop_map(
        |(keep, whole_nodes, limit)| {
            Step::Trim(Trim { keep, whole_nodes, limit: if whole_nodes { limit } else { 0 } })
        },
    );
    prop_oneof![8 => add, 3 => (0..40u64).prop_map(Step::Delete), 1 => trim]
}

/// What trimming does to a map; how much of it goes is up to the stream where whole nodes go.
fn trim_model(model: &mut BTreeMap<StreamId, Pairs>, trim: &Trim, removed: u64) -> bool {
    let goes = match trim.keep {
        Keep::Last(count) => (model.len() as u64).saturating_sub(count),
        Keep::From(id) => model.range(..id).count() as u64,
    };
    (0..removed).for_each(|_| drop(model.pop_first()));
    let in_limit = trim.limit == 0 || removed <= trim.limit;
    in_limit && if trim.whole_nodes { removed <= goes } else { removed == goes }
}

proptest! {
    #[test]
    fn agrees_with_a_map(steps in prop::collection::vec(step(), 0..120), most in 0..8usize, from in 0..60u64, to in 0..60u64) {
        let limits = Limits { stream_node_max_entries: most, stream_node_max_bytes: 200, ..Limits::default() };
        let (mut entries, mut model) = (Entries::default(), BTreeMap::new());
        let (mut added, mut max_deleted) = (0, StreamId::MIN);
        for step in steps {
            match step {
                Step::Add { ms, seq, pairs } => {
                    let last = entries.counters().last_id;
                    let id = StreamId::new(last.ms + ms, if ms == 0 { last.seq + seq } else { seq });
                    let result = entries.append(id, borrowed(&pairs), &limits);
                    prop_assert_eq!(result.is_ok(), id > last);
                    if result.is_ok() {
                        model.insert(id, pairs);
                        added += 1;
                    }
                }
                Step::Delete(index) => {
                    let id = model.keys().nth(index as usize).copied().unwrap_or(StreamId::new(index, 9));
                    let there = model.remove(&id).is_some();
                    prop_assert_eq!(entries.delete(id), there);
                    max_deleted = if there { max_deleted.max(id) } else { max_deleted };
                }
                Step::Trim(trim) => {
                    let removed = entries.trim(&trim);
                    prop_assert!(trim_model(&mut model, &trim, removed), "{:?} removes {}", trim, removed);
                }
            }
            let counters = entries.counters();
            prop_assert_eq!(counters.length, model.len() as u64);
            prop_assert_eq!(counters.first_id, model.keys().next().copied().unwrap_or_default());
            prop_assert_eq!((counters.entries_added, counters.max_deleted_id), (added, max_deleted));
        }
        let expected: Vec<_> = model.clone().into_iter().collect();
        prop_assert_eq!(contents(&entries), expected);
        prop_assert_eq!(entries.last_entry_id(), model.keys().next_back().copied());
        let range = StreamId::new(from, 0)..=StreamId::new(to, 2);
        let within: Vec<_> = model.keys().copied().filter(|id| range.contains(id)).collect();
        prop_assert_eq!(entries.range(range.clone()).map(|entry| entry.id).collect::<Vec<_>>(), within.clone());
        prop_assert_eq!(entries.range(range).rev().map(|entry| entry.id).collect::<Vec<_>>(), within.into_iter().rev().collect::<Vec<_>>());
        for (id, own) in &model {
            prop_assert_eq!(entries.get(*id).map(|entry| pairs(&entry)), Some(own.clone()));
        }
        let mut loaded = Entries::default();
        for (master, node) in entries.nodes() {
            // Deleting one by one leaves no node without entries; trimming may, and Redis too keeps it.
            prop_assert_eq!(loaded.load_node(master, node), Ok(()));
        }
        prop_assert_eq!(loaded.settle(*entries.counters()), Ok(()));
        prop_assert_eq!(contents(&loaded), contents(&entries));
    }

    /// What a group's consumers have not acknowledged, by two ways.
    #[test]
    fn pending_lists_agree(steps in prop::collection::vec((0..4u8, 0..20u64, 0..3usize), 0..60)) {
        let mut group = Group::default();
        let names: Vec<_> = ["ann", "bob", "eve"].iter().map(|name| group.see(name.as_bytes(), 1).0).collect();
        let mut model: BTreeMap<StreamId, usize> = BTreeMap::new();
        for (what, ms, who) in steps {
            let id = StreamId::new(ms, 0);
            match what {
                0 => prop_assert_eq!(group.acknowledge(id).is_some(), model.remove(&id).is_some()),
                1 if ms == 0 => {
                    let count = model.values().filter(|owner| **owner == who).count();
                    prop_assert_eq!(group.remove_consumer(&names[who]), Some(count));
                    model.retain(|_, owner| *owner != who);
                    prop_assert!(group.see(&names[who], 2).1);
                }
                _ => {
                    let consumer = names[who].clone();
                    group.assign(id, Pending { delivery_time: 1, delivery_count: 1, consumer });
                    model.insert(id, who);
                }
            }
            let owners: Vec<_> = group.pending().iter().map(|(id, pending)| (*id, pending.consumer.clone())).collect();
            prop_assert_eq!(owners, model.iter().map(|(id, who)| (*id, names[*who].clone())).collect::<Vec<_>>());
            for (who, name) in names.iter().enumerate() {
                let own: Vec<_> = group.consumers()[name].pending().iter().copied().collect();
                let expected: Vec<_> = model.iter().filter(|(_, owner)| **owner == who).map(|(id, _)| *id).collect();
                prop_assert_eq!(own, expected);
            }
        }
    }
}

proptest! {
    /// A listpack of any elements is no node, or one that can be used from both ends.
    #[test]
    fn any_elements_are_safe(elements in prop::collection::vec(prop_oneof![6 => 0..6i64, 1 => -3..200i64], 0..40), count in 1..3i64) {
        let listpack: codec::listpack::Listpack = [count, 0, 0, 0].into_iter().chain(elements).collect();
        let mut entries = Entries::default();
        let Ok(()) = entries.load_node(StreamId::new(7, 7), listpack.view()) else { return Ok(()) };
        let forward: Vec<_> = entries.iter().map(|entry| (entry.id, entry.pairs().count())).collect();
        let mut backward: Vec<_> = entries.iter().rev().map(|entry| (entry.id, entry.pairs().count())).collect();
        backward.reverse();
        prop_assert_eq!((forward.len() as u64, &forward), (entries.len(), &backward));
        prop_assert!(forward.iter().all(|(id, _)| entries.delete(*id)));
        prop_assert!(entries.is_empty());
    }
}

fn stream(ids: impl IntoIterator<Item = u64>) -> Entries {
    let mut entries = Entries::default();
    for ms in ids {
        let added =
            entries.append(StreamId::new(ms, 0), [(&b"f"[..], &b"v"[..])].into_iter(), &Limits::default());
        added.expect("IDs grow");
    }
    entries
}

#[test]
fn what_was_read_is_counted_where_that_is_possible() {
    let mut entries = stream(1..=5);
    let until = |entries: &Entries, ms| entries.counters().entries_added_until(StreamId::new(ms, 0));
    assert_eq!([0, 1, 2, 5, 6].map(|ms| until(&entries, ms)), [Some(0), Some(1), None, Some(5), None]);
    let mut group = Group::new(StreamId::MIN, None);
    assert_eq!(group.lag(&entries), Some(5));
    let (consumer, _) = group.see(b"c", 9);
    let delivery = Delivery { consumer, now: 9, acknowledged: true, most: 2 };
    assert_eq!(group.deliver(&entries, &delivery, &mut |_| ()), 2);
    assert_eq!((group.lag(&entries), group.entries_read), (Some(3), Some(2)));
    assert!(entries.delete(StreamId::new(4, 0)));
    assert_eq!((group.lag(&entries), until(&entries, 1)), (None, None));
    assert_eq!(group.deliver(&entries, &delivery, &mut |_| ()), 2);
    assert_eq!((group.lag(&entries), group.last_id), (Some(0), StreamId::new(5, 0)));
    assert_eq!(group.pending().len(), 4);
    let again =
        group.deliver_again(&entries, &Delivery { most: 9, ..delivery }, StreamId::new(2, 0), &mut |_, _| ());
    assert_eq!((again, group.pending()[&StreamId::new(5, 0)].delivery_count), (3, 2));
}

#[test]
fn damaged_nodes_are_refused() {
    let entries = stream(1..=3);
    let (master, node) = entries.nodes().next().expect("a node");
    let good: Vec<_> = node.iter().collect();
    let load = |master, elements: &[codec::listpack::Entry<'_>]| {
        let listpack: codec::listpack::Listpack = elements.iter().copied().collect();
        Entries::default().load_node(master, listpack.view())
    };
    assert_eq!(load(master, &good), Ok(()));
    for at in 0..good.len() {
        let mut damaged = good.clone();
        damaged[at] = codec::listpack::Entry::Int(77);
        // Fields and values may be any, and IDs if they grow; but not counts and flags.
        assert_eq!(load(master, &damaged).is_ok(), [3, 7, 8, 12, 13, 16, 17, 18].contains(&at), "{at}");
        assert_eq!(load(master, &good[..at]), Err(Unsound::Node), "{at} elements");
    }
    let mut twice = Entries::default();
    assert_eq!(twice.load_node(master, node), Ok(()));
    assert_eq!(twice.load_node(StreamId::new(3, 0), node), Err(Unsound::Order));
    let counters = Counters { length: 2, last_id: StreamId::new(3, 0), ..Counters::default() };
    assert_eq!(twice.settle(counters), Err(Unsound::Length));
    let counters = Counters { length: 3, last_id: StreamId::new(2, 9), ..Counters::default() };
    assert_eq!(twice.settle(counters), Err(Unsound::LastId));
    assert_eq!(twice.settle_by(3, StreamId::new(7, 0)), Ok(()));
    assert_eq!(twice.counters().first_id, StreamId::new(1, 0));
}
