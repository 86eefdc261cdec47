//! Sorted sets against a plain vector in order, in both encodings and across the change from one to the other.

use std::ops::Bound;

use super::*;
use proptest::prelude::*;

type Model = Vec<(Vec<u8>, f64)>;

fn small() -> Limits {
    Limits { zset_max_listpack_entries: 8, zset_max_listpack_value: 20, ..Limits::default() }
}

fn contents(zset: &Zset) -> Model {
    zset.range(0..zset.len()).map(|(member, score)| (member.to_vec(), score)).collect()
}

fn sort(model: &mut Model) {
    model.sort_by(|a, b| a.1.partial_cmp(&b.1).expect("no NaN").then_with(|| a.0.cmp(&b.0)));
}

/// What [`Zset::add`] should do, in the words of ZADD's documentation.
fn add(model: &mut Model, member: &[u8], score: f64, options: AddOptions) -> Result<Added, NotANumber> {
    let Some(found) = model.iter_mut().find(|(its, _)| its == member) else {
        if options.only_existing {
            return Ok(Added::Refused);
        }
        model.push((member.to_vec(), score));
        sort(model);
        return Ok(Added::New);
    };
    if options.only_new {
        return Ok(Added::Refused);
    }
    let (before, score) = (found.1, if options.increment { found.1 + score } else { score });
    if score.is_nan() {
        return Err(NotANumber);
    }
    if options.only_less && score >= before || options.only_greater && score <= before {
        return Ok(Added::Refused);
    }
    if score == before {
        return Ok(Added::Same(score));
    }
    found.1 = score;
    sort(model);
    Ok(Added::Updated(score))
}

fn scores() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => (-4..5i32).prop_map(f64::from),
        2 => (-9..10i32).prop_map(|n| f64::from(n) / 4.0),
        1 => prop::sample::select(vec![f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e-300, 0.1, 9007199254740993.0]),
    ]
}

fn members() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => "[a-f]{0,2}".prop_map(String::into_bytes),
        3 => "-?[0-9]{1,2}".prop_map(String::into_bytes),
        1 => "[xy]{19,22}".prop_map(String::into_bytes),
    ]
}

fn bounds() -> impl Strategy<Value = Bound<f64>> {
    (scores(), 0..5u8).prop_map(|(score, kind)| match kind {
        0 => Bound::Unbounded,
        1 | 2 => Bound::Included(score),
        _ => Bound::Excluded(score),
    })
}

#[derive(Clone, Debug)]
enum Step {
    Add(Vec<u8>, f64, AddOptions),
    Remove(Vec<u8>),
    RemoveRanks(Range<usize>),
    Scores(Bound<f64>, Bound<f64>),
    Expect(usize),
}

fn options() -> impl Strategy<Value = AddOptions> {
    prop_oneof![
        4 => Just(AddOptions::default()),
        1 => any::<[bool; 5]>().prop_map(|[only_new, only_existing, only_greater, only_less, increment]| {
            AddOptions { only_new, only_existing, only_greater, only_less, increment }
        }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (members(), scores(), options()).prop_map(|(member, score, options)| Step::Add(member, score, options)),
        2 => members().prop_map(Step::Remove),
        1 => (0..20usize, 0..6usize).prop_map(|(start, len)| Step::RemoveRanks(start..start + len)),
        2 => (bounds(), bounds()).prop_map(|(min, max)| Step::Scores(min, max)),
        1 => (0..10usize).prop_map(Step::Expect),
    ]
}

fn run(step: Step, zset: &mut Zset, model: &mut Model) {
    match step {
        Step::Add(member, score, options) => {
            assert_eq!(zset.add(&member, score, options, &small()), add(model, &member, score, options));
        }
        Step::Remove(member) => {
            let found = model.iter().position(|(its, _)| *its == member);
            assert_eq!(zset.remove(&member), found.is_some());
            found.map(|at| model.remove(at));
        }
        Step::RemoveRanks(ranks) => {
            let cut = ranks.start.min(model.len())..ranks.end.min(model.len());
            assert_eq!(zset.remove_ranks(ranks), cut.len());
            model.drain(cut);
        }
        Step::Scores(min, max) => {
            let expected: Vec<usize> = (0..model.len())
                .filter(|at| std::ops::RangeBounds::contains(&(min, max), &model[*at].1))
                .collect();
            let ranks = zset.ranks_by_score(&ScoreRange { min, max });
            assert_eq!(ranks.collect::<Vec<_>>(), expected);
        }
        Step::Expect(members) => zset.expect(members, 0, &small()),
    }
}

proptest! {
    #[test]
    fn agrees_with_a_vector(steps in prop::collection::vec(step(), 0..60)) {
        let (mut zset, mut model) = (Zset::default(), Model::new());
        let mut was_large = false;
        for step in steps {
            run(step, &mut zset, &mut model);
            prop_assert_eq!(contents(&zset), model.clone());
            was_large |= model.len() > 8 || model.iter().any(|(member, _)| member.len() > 20);
            prop_assert!(!was_large || zset.encoding() == "skiplist", "never back");
        }
        let backward: Model =
            zset.range(0..zset.len()).rev().map(|(member, score)| (member.to_vec(), score)).collect();
        prop_assert!(backward.iter().rev().eq(&model));
        prop_assert_eq!(contents(&zset.clone()), model.clone());
        for (rank, (member, score)) in model.iter().enumerate() {
            prop_assert_eq!(zset.rank(member), Some((rank, *score)));
            prop_assert_eq!(zset.score(member), Some(*score));
        }
        prop_assert_eq!((zset.rank(b"absent"), zset.score(b"absent")), (None, None));
        for start in 0..model.len() + 2 {
            for end in start..model.len() + 2 {
                let expected = model.get(start.min(model.len())..end.min(model.len())).expect("cut");
                let ours: Model = zset.range(start..end).map(|(m, s)| (m.to_vec(), s)).collect();
                prop_assert_eq!(&ours, expected);
                let backward: Model = zset.range(start..end).rev().map(|(m, s)| (m.to_vec(), s)).collect();
                prop_assert!(backward.iter().eq(expected.iter().rev()));
            }
        }
    }

    #[test]
    fn ranges_of_members(names in prop::collection::btree_set("[a-d]{0,2}", 0..14), min in lex(), max in lex()) {
        let mut zset = Zset::default();
        let names: Vec<String> = names.into_iter().collect();
        for name in &names {
            zset.insert(name.as_bytes(), 1.0, &small());
        }
        let range = LexRange { min: bound(&min), max: bound(&max) };
        let inside = |name: &String| {
            let above = match &min { End::First => true, End::Last => false, End::In(m) => name >= m, End::Out(m) => name > m };
            let below = match &max { End::First => false, End::Last => true, End::In(m) => name <= m, End::Out(m) => name < m };
            above && below
        };
        let expected: Vec<usize> = (0..names.len()).filter(|at| inside(&names[*at])).collect();
        prop_assert_eq!(zset.ranks_by_lex(&range).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn listpacks_come_back(steps in prop::collection::vec(step(), 0..20)) {
        let (mut zset, mut model) = (Zset::default(), Model::new());
        steps.into_iter().for_each(|step| run(step, &mut zset, &mut model));
        let Some(listpack) = zset.as_listpack() else { return Ok(()) };
        let copy = Zset::from_listpack(listpack, &small()).expect("sound");
        prop_assert_eq!(copy.as_listpack(), Some(listpack));
        let none = Limits { zset_max_listpack_entries: 0, ..small() };
        let large = Zset::from_listpack(listpack, &none).expect("sound");
        prop_assert_eq!(contents(&large), model);
    }
}

#[derive(Clone, Debug)]
enum End {
    First,
    Last,
    In(String),
    Out(String),
}

fn lex() -> impl Strategy<Value = End> {
    prop_oneof![
        1 => Just(End::First),
        1 => Just(End::Last),
        4 => "[a-d]{0,2}".prop_map(End::In),
        4 => "[a-d]{0,2}".prop_map(End::Out),
    ]
}

fn bound(end: &End) -> LexBound<'_> {
    match end {
        End::First => LexBound::First,
        End::Last => LexBound::Last,
        End::In(member) => LexBound::Included(member.as_bytes()),
        End::Out(member) => LexBound::Excluded(member.as_bytes()),
    }
}

#[test]
fn scores_in_a_listpack_are_integers_or_text() {
    let mut zset = Zset::default();
    for (member, score) in [(b"a", -0.0), (b"b", 3.0), (b"c", 0.1), (b"d", 1e100), (b"e", f64::NEG_INFINITY)]
    {
        zset.insert(member, score, &Limits::default());
    }
    let entries: Vec<Vec<u8>> = zset.as_listpack().expect("small").iter().map(Entry::to_vec).collect();
    let expected: [&[u8]; 10] = [b"e", b"-inf", b"a", b"0", b"c", b"0.1", b"b", b"3", b"d", b"1e+100"];
    assert_eq!(entries, expected);
    assert!(zset.score(b"a").is_some_and(f64::is_sign_positive), "a listpack has no -0");
}

#[test]
fn unsound_listpacks_are_refused() {
    let pack = |parts: &[&[u8]]| parts.iter().copied().collect::<Listpack>();
    let load =
        |parts: &[&[u8]]| Zset::from_listpack(pack(parts).view(), &Limits::default()).map(|z| contents(&z));
    assert_eq!(load(&[b"a", b"1", b"b"]), Err(Unsound::Odd));
    assert_eq!(load(&[b"a", b"x"]), Err(Unsound::Score));
    assert_eq!(load(&[b"a", b"nan"]), Err(Unsound::Score));
    assert_eq!(load(&[b"a", b"1", b"a", b"2"]), Err(Unsound::Duplicate));
    assert_eq!(load(&[b"b", b"2", b"a", b"1"]), Ok(vec![(b"a".to_vec(), 1.0), (b"b".to_vec(), 2.0)]));
}

#[test]
fn a_large_set_takes_little_memory() {
    let limits = Limits::default();
    let mut zset = Zset::default();
    let mut number = 1u64;
    for _ in 0..20_000 {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        zset.insert(format!("{number:016x}").as_bytes(), (number >> 20) as f64, &limits);
    }
    let each = zset.footprint() / zset.len();
    assert!(each <= 72, "{each} bytes a member");
}
