//! Command lines made from the grammars: what the grammar calls a key is found and locked, and broken lines break
//! nothing.

use std::collections::BTreeSet;

use engine::command::{Begin, Find};
use engine::table::Row;
use engine::{Arg, ArgKind, Flags, KeyFlags};
use proptest::prelude::*;
use proptest::test_runner::TestRng;
use resp::OwnedArgs;

use crate::{TABLE, locked, named};

/// A command line, and which of its words the grammar calls keys.
#[derive(Clone, Debug, Default)]
struct Line {
    words: Vec<Vec<u8>>,
    keys: BTreeSet<Vec<u8>>,
}

/// Makes lines.
struct Maker<'a> {
    rng: &'a mut TestRng,
    line: Line,
}

impl Maker<'_> {
    fn chance(&mut self) -> bool {
        self.rng.random_bool(0.5)
    }

    fn word(&mut self, word: impl Into<Vec<u8>>) {
        self.line.words.push(word.into());
    }

    fn args(&mut self, args: &[Arg]) {
        let mut before = None;
        for (at, arg) in args.iter().enumerate() {
            if arg.optional && self.chance() {
                continue;
            }
            let several = arg.multiple && !arg.optional;
            // Nobody could tell two lists side by side apart unless they had one length.
            let times = before.filter(|_| several).unwrap_or_else(|| self.some(arg));
            before = several.then_some(times);
            // A number of keys before the keys is their number.
            let counted = args.get(at + 1).filter(|next| arg.kind == ArgKind::Integer && counts(next));
            if let Some(keys) = counted {
                let times = self.some(keys);
                self.token(arg);
                self.word(times.to_string());
                self.times(keys, times);
                return self.args(&args[at + 2..]);
            }
            self.times(arg, times);
        }
    }

    /// How many of an argument to make.
    fn some(&mut self, arg: &Arg) -> usize {
        if arg.multiple { self.rng.random_range(1..4) } else { 1 }
    }

    fn times(&mut self, arg: &Arg, times: usize) {
        for time in 0..times {
            if time == 0 || arg.multiple_token {
                self.token(arg);
            }
            self.value(arg);
        }
    }

    fn token(&mut self, arg: &Arg) {
        // An empty word is written as two quotes.
        arg.token.inspect(|token| self.word(token.trim_matches('"').as_bytes()));
    }

    fn value(&mut self, arg: &Arg) {
        let number = self.line.words.len();
        match arg.kind {
            ArgKind::PureToken => {}
            ArgKind::Block => self.args(arg.args),
            ArgKind::OneOf => {
                let choice = self.rng.random_range(0..arg.args.len());
                let times = self.some(&arg.args[choice]);
                self.times(&arg.args[choice], times);
            }
            ArgKind::Key => {
                let key = format!("key:{number}").into_bytes();
                self.line.keys.insert(key.clone());
                self.word(key);
            }
            ArgKind::Integer | ArgKind::UnixTime | ArgKind::Double => self.word(number.to_string()),
            ArgKind::String | ArgKind::Pattern => self.word(format!("value:{number}")),
        }
    }
}

/// Whether an argument's number stands in the argument before it.
fn counts(arg: &Arg) -> bool {
    arg.kind == ArgKind::Key && arg.multiple
}

fn line_of(row: &Row, rng: &mut TestRng) -> Line {
    let mut maker = Maker { rng, line: Line::default() };
    row.full_name.split('|').for_each(|word| maker.word(word));
    maker.args(row.command.args);
    maker.line
}

fn row(number: usize) -> &'static Row {
    TABLE.all().nth(number).expect("a row")
}

/// A row's number, and a line of it.
fn lines() -> impl Strategy<Value = (usize, Line)> {
    (0..TABLE.all().count()).prop_perturb(|number, mut rng| (number, line_of(row(number), &mut rng)))
}

/// Whether specs alone find all keys.
fn finds_all(row: &Row) -> bool {
    row.command.keys.iter().all(|spec| {
        let known = !matches!(spec.begin, Begin::Unknown) && !matches!(spec.find, Find::Unknown);
        known && !spec.flags.contains(KeyFlags::INCOMPLETE)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4000) })]

    #[test]
    fn keys_of_the_grammar_are_found((number, line) in lines()) {
        let row = row(number);
        let args: OwnedArgs = line.words.iter().collect();
        let args = args.as_args();
        prop_assert_eq!(&TABLE.lookup(args).expect("a command").full_name, &row.full_name);
        if !row.subcommands.is_empty() {
            return Ok(());
        }
        // Of what is internal, Redis tells no grammar.
        let has_grammar = !row.has(Flags::SYSTEM);
        prop_assert!(row.command.accepts(args.len()) || !has_grammar, "arity of {}", row.full_name);
        let named = named(row, args).unwrap_or_default();
        if finds_all(row) {
            prop_assert_eq!(&named, &line.keys, "{}", row.full_name);
        }
        prop_assert!(named.is_subset(&line.keys), "{} names no others", row.full_name);
        prop_assert!(locked(row, args).is_superset(&named), "{} locks its keys", row.full_name);
    }

    #[test]
    fn broken_lines_break_nothing((_, line) in lines(), changes in prop::collection::vec(change(), 1..4)) {
        let mut words = line.words;
        changes.iter().for_each(|change| change.make(&mut words));
        let args: OwnedArgs = words.iter().collect();
        let args = args.as_args();
        if args.is_empty() {
            return Ok(());
        }
        if let Ok(row) = TABLE.find(args) {
            let named = named(row, args).unwrap_or_default();
            prop_assert!(locked(row, args).is_superset(&named), "{} locks what it names", row.full_name);
        }
    }
}

/// One way to break a line.
#[derive(Clone, Debug)]
enum Change {
    Drop(prop::sample::Index),
    Repeat(prop::sample::Index),
    Swap(prop::sample::Index, prop::sample::Index),
    Replace(prop::sample::Index, Vec<u8>),
}

impl Change {
    fn make(&self, words: &mut Vec<Vec<u8>>) {
        if words.is_empty() {
            return;
        }
        match self {
            Change::Drop(at) => drop(words.remove(at.index(words.len()))),
            Change::Repeat(at) => words.push(words[at.index(words.len())].clone()),
            Change::Swap(a, b) => {
                let (a, b) = (a.index(words.len()), b.index(words.len()));
                words.swap(a, b);
            }
            Change::Replace(at, word) => *at.get_mut(words) = word.clone(),
        }
    }
}

fn change() -> impl Strategy<Value = Change> {
    let word = prop_oneof![
        prop::sample::select(vec![
            "",
            "0",
            "-1",
            "1",
            "2147483648",
            "9223372036854775807",
            "-9223372036854775808",
            "STORE",
            "KEYS",
            "STREAMS",
            "GET",
        ])
        .prop_map(|word| word.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..5),
    ];
    let at = any::<prop::sample::Index>;
    prop_oneof![
        at().prop_map(Change::Drop),
        at().prop_map(Change::Repeat),
        (at(), at()).prop_map(|(a, b)| Change::Swap(a, b)),
        (at(), word).prop_map(|(at, word)| Change::Replace(at, word)),
    ]
}
