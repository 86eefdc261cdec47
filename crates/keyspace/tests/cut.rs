//! A cut is the keyspace at one moment, whatever happens while it is read: checked against a copy made at that moment, over
//! random histories of every kind of change, with the traversal between any two of them.

use std::collections::BTreeMap;

use data::list::End;
use data::{Hash, Limits, List};
use keyspace::eviction::{Measure, Policy, Pool};
use keyspace::{
    Expire, Image, ImageValue, Keyspace, Member, Missing, NewValue, PARTITIONS, Str, Traversal, View,
};
use proptest::prelude::*;

const DATABASES: u32 = 3;
const KEYS: u8 = 40;

/// A key of a database, with all that is saved of it.
type Contents = BTreeMap<(u32, Vec<u8>), (Vec<Vec<u8>>, Option<i64>)>;

/// What may happen; keys and databases are numbers.
#[derive(Clone, Debug)]
enum Op {
    Set(u8, u8, Option<i64>),
    Reverse(u8, usize),
    Push(u8, u16),
    SetFields(u8, u16, Option<i64>),
    ExpireFields(u8),
    Delete(u8),
    Expire(u8, Option<i64>),
    Rename(u8, u8),
    Copy(u8, u32, u8),
    Evict,
    Later(i64),
    Swap(u32),
    Flush,
    Select(u32),
    Step,
}

fn op() -> impl Strategy<Value = Op> {
    let key = || 0..KEYS;
    let time = || proptest::option::of(0i64..200);
    prop_oneof![
        4 => (key(), any::<u8>(), time()).prop_map(|(k, v, t)| Op::Set(k, v, t)),
        3 => (key(), 0usize..9000).prop_map(|(k, n)| Op::Reverse(k, n)),
        4 => (key(), 1u16..400).prop_map(|(k, n)| Op::Push(k, n)),
        4 => (key(), 1u16..300, time()).prop_map(|(k, n, t)| Op::SetFields(k, n, t)),
        1 => key().prop_map(Op::ExpireFields),
        3 => key().prop_map(Op::Delete),
        3 => (key(), time()).prop_map(|(k, t)| Op::Expire(k, t)),
        3 => (key(), key()).prop_map(|(a, b)| Op::Rename(a, b)),
        3 => (key(), 0..DATABASES, key()).prop_map(|(a, d, b)| Op::Copy(a, d, b)),
        1 => Just(Op::Evict),
        1 => (1i64..30).prop_map(Op::Later),
        1 => (0..DATABASES).prop_map(Op::Swap),
        1 => Just(Op::Flush),
        2 => (0..DATABASES).prop_map(Op::Select),
        6 => Just(Op::Step),
    ]
}

fn name(key: u8) -> Vec<u8> {
    format!("key:{key}").into_bytes()
}

fn put_down(image: Image<'_>, into: &mut Contents) {
    let mut parts = Vec::new();
    match image.value {
        ImageValue::Str(text) => parts.push(text.to_vec()),
        ImageValue::Object(object) => object.each(&mut |of| parts.push(of.join(&b'|'))),
    }
    parts.sort();
    let before = into.insert((image.db, image.key.to_vec()), (parts, image.expiry));
    assert!(before.is_none(), "{} of {} was saved twice", String::from_utf8_lossy(image.key), image.db);
}

/// All that there is, due or not.
fn everything(view: &mut View) -> Contents {
    let mut all = Contents::new();
    view.each_image(&mut |image| put_down(image, &mut all));
    all
}

fn cut<'a>(keyspace: &'a Keyspace, member: &Member<'a>) -> Option<Traversal<'a>> {
    let mut exclusive = keyspace.exclusive(member);
    keyspace.cut(&View::exclusive(&mut exclusive, 0))
}

/// Goes on reading a cut. Answers whether there may be more.
fn step<'a>(
    keyspace: &Keyspace,
    traversal: &mut Traversal<'a>,
    member: &Member<'a>,
    save: &mut dyn FnMut(Image<'_>),
) -> bool {
    let mut images = Vec::new();
    let more = traversal.step(member, &mut images, save);
    images.iter().for_each(|image| save(image.image()));
    images.clear();
    keyspace.cut.take_images(usize::MAX, &mut images);
    // A cancelled cut has nothing to save any more.
    images.iter().filter(|_| keyspace.cut.is_saving()).for_each(|image| save(image.image()));
    let found = !images.is_empty();
    keyspace.cut.saved(&mut images);
    more || found
}

fn fill(list: &mut List, count: usize) {
    let elements: Vec<String> = (0..count).map(|n| format!("element {n}")).collect();
    list.expect(elements.iter().map(|element| element.as_bytes()), &Limits::default());
    elements.iter().for_each(|element| list.push(End::Tail, element.as_bytes()));
}

/// A keyspace, and whoever changes it.
struct World<'a> {
    keyspace: &'a Keyspace,
    member: Member<'a>,
    db: u32,
    now: i64,
    pool: Pool,
}

impl World<'_> {
    fn exclusively<R>(&mut self, work: impl FnOnce(&mut View) -> R) -> R {
        let mut exclusive = self.keyspace.exclusive(&self.member);
        let mut view = View::exclusive(&mut exclusive, self.now);
        view.db = self.db;
        work(&mut view)
    }

    /// Whether a command that changes this key would wait.
    fn waits(&mut self, key: u8) -> bool {
        self.exclusively(|view| view.must_wait(&name(key), false))
    }

    fn run(&mut self, op: &Op) {
        let limits = Limits::default();
        let (db, now) = (self.db, self.now);
        match *op {
            Op::Push(key, _) | Op::SetFields(key, ..) | Op::Expire(key, _) | Op::Rename(key, _)
                if self.waits(key) => {}
            Op::Set(key, value, expiry) => {
                let value = value.to_string();
                let expire = expiry.map_or(Expire::Never, |at| Expire::At(now + at));
                self.exclusively(|view| view.set(&name(key), NewValue::parse(value.as_bytes()), expire));
            }
            Op::Reverse(key, len) => {
                let _ = self.exclusively(|view| view.edit(&name(key), len, |bytes| bytes.reverse()));
            }
            Op::Push(key, count) => self.exclusively(|view| {
                let _ = view.modify(&name(key), Missing::Create, |list: &mut List, changes| {
                    fill(list, count.into());
                    *changes += 1;
                });
            }),
            Op::SetFields(key, count, expiry) => self.exclusively(|view| {
                let _ = view.modify(&name(key), Missing::Create, |hash: &mut Hash, changes| {
                    for n in 0..count {
                        hash.set(format!("field {n}").as_bytes(), &n.to_be_bytes(), &limits);
                    }
                    hash.set_due(b"field 0", expiry.map(|at| now + at));
                    *changes += 1;
                });
            }),
            Op::ExpireFields(key) => {
                self.exclusively(|view| view.expire_fields(&name(key), |hash, now| hash.expire(now, 64)));
            }
            Op::Delete(key) => _ = self.exclusively(|view| view.remove(&name(key))),
            Op::Expire(key, at) => {
                _ = self.exclusively(|view| view.set_expiry(&name(key), at.map(|at| at + now)));
            }
            Op::Rename(from, to) => _ = self.exclusively(|view| view.rename(&name(from), &name(to))),
            Op::Copy(from, to_db, to) => {
                if to_db != db || from != to {
                    self.exclusively(|view| view.copy(&name(from), to_db, &name(to)));
                }
            }
            Op::Evict => {
                let inside = self.member.gate.enter();
                let mut view = View::new(&self.member, &inside, now);
                view.evict(&mut self.pool, Policy { measure: Measure::Chance, volatile_only: false }, 5);
            }
            Op::Later(by) => {
                self.now += by;
                for partition in 0..PARTITIONS {
                    if self.keyspace.partition(partition).earliest_due() <= self.now {
                        self.exclusively(|view| view.expire_due(partition, 100));
                    }
                }
            }
            Op::Swap(other) => self.exclusively(|view| view.swap(db, other)),
            Op::Flush => drop(self.exclusively(|view| view.flush(db))),
            Op::Select(db) => self.db = db,
            Op::Step => {}
        }
    }
}

/// Runs a history, takes a cut, and goes on with another while the cut is read. Answers what was there at the cut, and what was
/// read.
fn history(before: &[Op], during: &[Op]) -> (Contents, Contents) {
    let keyspace = Keyspace::new(DATABASES, 2);
    let (member, reader) = (keyspace.join(), keyspace.join());
    let mut world = World { keyspace: &keyspace, member, db: 0, now: 1000, pool: Pool::default() };
    before.iter().for_each(|op| world.run(op));
    let (expected, traversal) = {
        let mut exclusive = keyspace.exclusive(&reader);
        let mut view = View::exclusive(&mut exclusive, world.now);
        (everything(&mut view), keyspace.cut(&view))
    };
    let mut traversal = traversal.expect("the first cut");
    let (mut saved, mut ops, mut goes_on) = (Contents::new(), during.iter(), true);
    while goes_on {
        ops.by_ref().take_while(|op| !matches!(op, Op::Step)).for_each(|op| world.run(op));
        goes_on = step(&keyspace, &mut traversal, &reader, &mut |image| {
            put_down(image, &mut saved);
            // While one is read it may go, and all others may change.
            ops.next().into_iter().for_each(|op| world.run(op));
        });
    }
    assert_eq!(traversal.sizes().iter().map(|size| size.keys).sum::<usize>(), expected.len());
    traversal.end();
    assert!(!keyspace.cut.is_taken());
    (expected, saved)
}

proptest! {
    #![proptest_config(ProptestConfig::default())]
    #[test]
    fn what_is_read_is_what_was_there(
        before in proptest::collection::vec(op(), 1..150),
        during in proptest::collection::vec(op(), 0..300),
    ) {
        let (expected, saved) = history(&before, &during);
        prop_assert_eq!(expected, saved);
    }
}

/// Works with the partition of a key that is named.
fn with_key<R>(keyspace: &Keyspace, member: &Member, key: &[u8], work: impl FnOnce(&mut View) -> R) -> R {
    let inside = member.gate.enter();
    let mut view = View::new(member, &inside, 0);
    view.lock_one(keyspace.key(key).partition());
    work(&mut view)
}

fn push(view: &mut View, key: &[u8], count: usize) {
    let pushed = view.modify(key, Missing::Create, |list: &mut List, changes| {
        fill(list, count);
        *changes += 1;
    });
    assert!(pushed.is_ok());
}

#[test]
fn a_large_value_does_not_change_while_it_is_read() {
    let keyspace = Keyspace::new(1, 3);
    let (member, reader) = (keyspace.join(), keyspace.join());
    with_key(&keyspace, &member, b"large", |view| push(view, b"large", 100_000));
    let mut traversal = cut(&keyspace, &reader).expect("a cut");
    let waits = |replaced| with_key(&keyspace, &member, b"large", |view| view.must_wait(b"large", replaced));
    assert!(waits(false) && !waits(true));
    // A writer that did not ask (a script with an undeclared key) is stopped until the value is saved.
    std::thread::scope(|scope| {
        let mut writers = 0;
        while step(&keyspace, &mut traversal, &reader, &mut |image| {
            let ImageValue::Object(before) = image.value else { panic!("a list") };
            writers += 1;
            scope.spawn(|| {
                let member = keyspace.join();
                with_key(&keyspace, &member, b"large", |view| push(view, b"large", 5));
            });
            std::thread::sleep(std::time::Duration::from_millis(20));
            let mut count = 0;
            before.each(&mut |_| count += 1);
            assert_eq!(count, 100_000);
        }) {}
        assert_eq!(writers, 1);
    });
    assert!(keyspace.cut.may_resume() && !keyspace.cut.may_resume());
    assert!(!waits(false));
    let len = with_key(&keyspace, &member, b"large", |view| {
        view.read::<List>(b"large").expect("a list").map(List::len)
    });
    assert_eq!(len, Some(100_005));
}

#[test]
fn a_cancelled_cut_makes_way_for_the_next() {
    let keyspace = Keyspace::new(1, 2);
    let (member, reader) = (keyspace.join(), keyspace.join());
    let set = |value: i64| {
        for n in 0..5000u32 {
            let key = n.to_be_bytes();
            with_key(&keyspace, &member, &key, |view| view.set(&key, NewValue::Int(value), Expire::Never));
        }
    };
    set(1);
    // More often than there are tags.
    for round in 0..300 {
        let mut traversal = cut(&keyspace, &reader).expect("a cut");
        assert!(cut(&keyspace, &reader).is_none(), "one at a time");
        for _ in 0..round % 7 {
            step(&keyspace, &mut traversal, &reader, &mut |_| ());
        }
        set(round);
        keyspace.cut.cancel();
        while step(&keyspace, &mut traversal, &reader, &mut |_| panic!("nothing is saved any more")) {}
        traversal.end();
        assert_eq!(keyspace.cut.queued_bytes(), 0);
    }
    let mut traversal = cut(&keyspace, &reader).expect("a cut");
    set(-1);
    let mut seen = 0;
    while step(&keyspace, &mut traversal, &reader, &mut |image| {
        assert!(matches!(image.value, ImageValue::Str(Str::Int(299))));
        seen += 1;
    }) {}
    assert_eq!(seen, 5000);
}

#[test]
fn threads_write_while_a_cut_is_read() {
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    const COUNT: u32 = 100_000;
    let (keyspace, stop) = (Keyspace::new(1, 4), AtomicBool::new(false));
    let reader = keyspace.join();
    // Each writer goes through its keys in order, round by round, so at any one moment the numbers go down along the keys, by
    // one at the most.
    std::thread::scope(|scope| {
        for writer in 0..2u32 {
            let (keyspace, stop) = (&keyspace, &stop);
            scope.spawn(move || {
                let member = keyspace.join();
                let mut round = 0i64;
                while !stop.load(Relaxed) {
                    for n in (writer..COUNT).step_by(2) {
                        let key = n.to_be_bytes();
                        with_key(keyspace, &member, &key, |view| {
                            if n % 5 == 0 {
                                view.remove(&key);
                            }
                            view.set(&key, NewValue::Int(round), Expire::Never);
                        });
                    }
                    round += 1;
                }
            });
        }
        for _ in 0..8 {
            let mut traversal = cut(&keyspace, &reader).expect("a cut");
            let mut values: Vec<Option<i64>> = vec![None; COUNT as usize];
            while step(&keyspace, &mut traversal, &reader, &mut |image| {
                let ImageValue::Str(Str::Int(round)) = image.value else { panic!("a number") };
                let n = u32::from_be_bytes(image.key.try_into().expect("four bytes"));
                assert!(values[n as usize].replace(round).is_none(), "saved twice");
            }) {}
            traversal.end();
            for writer in 0..2 {
                let mine: Vec<i64> = values.iter().skip(writer).step_by(2).flatten().copied().collect();
                assert!(mine.is_sorted_by(|a, b| a >= b), "of different moments");
                assert!(mine.first().zip(mine.last()).is_none_or(|(first, last)| first - last <= 1));
            }
        }
        stop.store(true, Relaxed);
    });
}
