use super::*;
use crate::entry::NewValue;
use crate::keyspace::Size;
use crate::partition::{PARTITIONS, WatchFlag};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Runs `work` with every partition in view, at time `now`.
fn with<R>(keyspace: &Keyspace, now: i64, work: impl FnOnce(&mut View) -> R) -> R {
    let member = keyspace.join();
    let mut exclusive = keyspace.exclusive(&member);
    work(&mut View::exclusive(&mut exclusive, now))
}

fn text(view: &mut View, key: &str) -> Option<String> {
    let value = view.string(key.as_bytes()).expect("a string")?;
    Some(String::from_utf8_lossy(&value.to_vec()).into_owned())
}

#[test]
fn what_is_due_is_gone() {
    let keyspace = Keyspace::new(2, 1);
    with(&keyspace, 100, |view| {
        view.records = true;
        view.set(b"a", NewValue::parse(b"1"), Expire::At(150));
        view.set(b"b", NewValue::parse(b"2"), Expire::At(150));
        view.set(b"b", NewValue::parse(b"3"), Expire::Never);
        view.set(b"c", NewValue::parse(b"4"), Expire::At(120));
        assert!(view.set_expiry(b"c", Some(300)));
        view.now = 150;
        assert_eq!(
            (text(view, "a"), text(view, "b"), text(view, "c")),
            (None, Some("3".into()), Some("4".into()))
        );
        assert_eq!(view.lost, [Lost { db: 0, key: (*b"a").into(), why: Why::Expired }]);
        assert_eq!(keyspace.size(0), Size { keys: 2, volatile: 1, timed: 0 });
        view.now = 300;
        let partition = keyspace.key(b"c").partition();
        assert!(keyspace.partition(partition).earliest_due() <= 300);
        assert!(!view.expire_due(partition, 10));
        assert_eq!(keyspace.partition(partition).earliest_due(), crate::partition::NEVER);
        assert_eq!(keyspace.size(0), Size { keys: 1, volatile: 0, timed: 0 });
    });
    assert_eq!(keyspace.total(|c| &c.expired), 2);
}

#[test]
fn strings_change_in_place() {
    let keyspace = Keyspace::new(1, 1);
    with(&keyspace, 0, |view| {
        for long in [3, 60, 5000] {
            let bytes = vec![b'x'; long];
            view.set(b"k", NewValue::parse(&bytes), Expire::At(9));
            view.edit(b"k", long + 2, |b| b[0] = b'y').expect("a string");
            let found = view.get(b"k").expect("it is there");
            let expected = [&b"y"[..], &bytes[1..], b"\0\0"].concat();
            assert_eq!((found.str().expect("a string").to_vec(), found.expiry()), (expected, Some(9)));
            assert_eq!(found.encoding(), "raw");
        }
        view.edit(b"new", 2, |b| b.copy_from_slice(b"ab")).expect("made");
        view.set(b"n", NewValue::Int(7), Expire::Never);
        view.edit(b"n", 0, |b| b[0] = b'8').expect("an integer's text");
        assert_eq!((text(view, "new"), text(view, "n")), (Some("ab".into()), Some("8".into())));
    });
}

#[test]
fn copies_share_a_long_string_until_one_is_written() {
    let keyspace = Keyspace::new(2, 1);
    with(&keyspace, 0, |view| {
        view.set(b"a", NewValue::bytes(&[b'x'; 9000], false), Expire::At(77));
        assert!(view.copy(b"a", 1, b"b") && view.rename(b"a", b"c") && !view.rename(b"a", b"d"));
        view.edit(b"c", 0, |b| b[0] = b'y').expect("a string");
        let other = view.in_db(1, |view| text(view, "b")).expect("copied");
        assert_eq!((&other[..1], &text(view, "c").expect("renamed")[..1]), ("x", "y"));
        assert_eq!(view.in_db(1, |view| view.get(b"b").and_then(Found::expiry)), Some(77));
    });
    with(&keyspace, 0, |view| {
        view.swap(0, 1);
        assert_eq!((keyspace.size(0).volatile, keyspace.size(1).keys), (1, 1));
        assert_eq!(view.flush(1).len(), 1);
    });
    assert_eq!((keyspace.size(1).keys, keyspace.next_occupied(1, 0)), (0, None));
}

#[test]
fn watchers_hear_of_every_change() {
    let keyspace = Keyspace::new(2, 1);
    let touched = |change: fn(&mut View)| {
        let flag: WatchFlag = Arc::new(AtomicBool::new(false));
        with(&keyspace, 0, |view| {
            view.set(b"k", NewValue::Int(1), Expire::At(50));
            view.watch(b"k", &flag);
            change(view);
            view.now = 0;
            view.unwatch(b"k", &flag);
        });
        flag.load(Relaxed)
    };
    assert!(!touched(|v| assert!(v.get(b"k").is_some())));
    assert!(!touched(|v| assert!(!v.in_db(1, |v| v.set(b"k", NewValue::Int(1), Expire::Never)))));
    assert!(touched(|v| assert!(v.set(b"k", NewValue::Int(1), Expire::Keep))));
    assert!(touched(|v| assert!(v.remove(b"k"))));
    assert!(touched(|v| assert!(v.set_expiry(b"k", None))));
    assert!(touched(|v| assert!(v.rename(b"k", b"other"))));
    assert!(touched(|v| v.edit(b"k", 0, |_| ()).expect("a string")));
    assert!(touched(|v| {
        v.now = 50;
        assert!(v.get(b"k").is_none());
    }));
}

/// What databases 0 and 1 have at a key of which database 1's is watched, and whether exchanging them breaks the watch: as
/// Redis, which takes what was due already for missing.
#[test]
fn an_exchange_touches_what_comes_or_goes() {
    const MISSING: Option<Expire> = None;
    const DUE: Option<Expire> = Some(Expire::At(10));
    const THERE: Option<Expire> = Some(Expire::Never);
    let is_broken = |watched: Option<Expire>, other: Option<Expire>| {
        let (keyspace, flag) = (Keyspace::new(2, 1), WatchFlag::default());
        with(&keyspace, 0, |view| {
            for (db, expire) in [(1, watched), (0, other)] {
                let Some(expire) = expire else { continue };
                view.in_db(db, |view| view.set(b"x", NewValue::Int(1), expire));
            }
            (view.now, view.keeps_due) = (20, true);
            view.in_db(1, |view| view.watch(b"x", &flag));
            view.swap(0, 1);
            view.in_db(1, |view| flag.load(Relaxed) || view.has_come_due(b"x", &flag))
        })
    };
    for absent in [MISSING, DUE] {
        assert!(!is_broken(absent, MISSING) && !is_broken(absent, DUE) && is_broken(absent, THERE));
        assert!(is_broken(THERE, absent));
    }
    assert!(is_broken(THERE, THERE));
}

#[test]
#[should_panic(expected = "does not declare")]
fn an_undeclared_key_is_a_bug() {
    let keyspace = Keyspace::new(1, 1);
    let member = keyspace.join();
    let inside = member.gate.enter();
    let mut view = View::new(&member, &inside, 0);
    view.lock_one((keyspace.key(b"a").partition() + 1) % PARTITIONS);
    view.get(b"a");
}
