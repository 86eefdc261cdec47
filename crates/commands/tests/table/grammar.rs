//! A command's arity and key specs against the grammar of its arguments.

use engine::{Arg, ArgKind, KeyFlags};

use crate::{TABLE, words};

/// Commands whose arguments no grammar describes.
const WITHOUT_GRAMMAR: &[&str] = &["debug"];

/// The fewest and the most arguments that fit.
fn range(args: &[Arg]) -> (usize, Option<usize>) {
    args.iter().map(one).fold((0, Some(0)), add)
}

fn add(a: (usize, Option<usize>), b: (usize, Option<usize>)) -> (usize, Option<usize>) {
    (a.0 + b.0, a.1.zip(b.1).map(|(a, b)| a + b))
}

fn one(arg: &Arg) -> (usize, Option<usize>) {
    let (least, most) = whole(arg);
    (if arg.optional { 0 } else { least }, most.filter(|_| !arg.multiple))
}

/// The same, whether it may be missing or not.
fn whole(arg: &Arg) -> (usize, Option<usize>) {
    let token = usize::from(arg.token.is_some());
    let value = match arg.kind {
        ArgKind::PureToken => (0, Some(0)),
        ArgKind::Block => range(arg.args),
        ArgKind::OneOf => {
            let choices = arg.args.iter().map(|choice| {
                let (least, most) = whole(choice);
                (least, most.filter(|_| !choice.multiple))
            });
            let wider = |a: (usize, Option<usize>), b: (usize, Option<usize>)| {
                (a.0.min(b.0), a.1.zip(b.1).map(|(a, b)| a.max(b)))
            };
            choices.reduce(wider).expect("a choice")
        }
        _ => (1, Some(1)),
    };
    add((token, Some(token)), value)
}

#[test]
fn arity_follows_from_the_grammar() {
    for row in TABLE.all().filter(|row| row.subcommands.is_empty()) {
        let (name, arity) = (&row.full_name, row.command.arity);
        if WITHOUT_GRAMMAR.contains(&row.command.name) {
            continue;
        }
        let (least, most) = range(row.command.args);
        assert_eq!(arity.unsigned_abs() as usize, least + words(row), "the fewest arguments of {name}");
        if arity > 0 {
            assert_eq!(most, Some(least), "{name} takes a fixed number");
        }
    }
}

fn each<'a>(args: &'a [Arg], visit: &mut dyn FnMut(&'a Arg)) {
    for arg in args {
        visit(arg);
        each(arg.args, visit);
    }
}

#[test]
fn keys_of_the_grammar_are_keys_of_a_spec() {
    for row in TABLE.all() {
        let (name, specs) = (&row.full_name, row.command.keys);
        let mut used = vec![false; specs.len()];
        each(row.command.args, &mut |arg| {
            if arg.kind == ArgKind::Key {
                assert!(arg.key_spec.is_some(), "{name}: which spec finds {}?", arg.name);
            }
            if let Some(spec) = arg.key_spec {
                assert!(spec < specs.len(), "{name} has no key spec {spec} for {}", arg.name);
                used[spec] = true;
            }
        });
        for (number, spec) in specs.iter().enumerate() {
            let names_keys = !spec.flags.contains(KeyFlags::NOT_KEY);
            assert!(used[number] || !names_keys, "{name}: what does key spec {number} find?");
        }
    }
}

#[test]
fn arguments_are_well_formed() {
    for row in TABLE.all() {
        let name = &row.full_name;
        each(row.command.args, &mut |arg| {
            assert!(!arg.name.is_empty(), "{name}");
            let has_parts = matches!(arg.kind, ArgKind::OneOf | ArgKind::Block);
            assert_eq!(has_parts, !arg.args.is_empty(), "{name}: the parts of {}", arg.name);
            assert!(
                arg.kind != ArgKind::PureToken || arg.token.is_some(),
                "{name}: the word of {}",
                arg.name
            );
        });
    }
}

#[test]
fn each_spec_says_what_happens_to_its_keys() {
    const ACCESS: KeyFlags = KeyFlags::RO.union(KeyFlags::RW).union(KeyFlags::OW).union(KeyFlags::RM);
    for row in TABLE.all() {
        for spec in row.command.keys {
            let access = (spec.flags & ACCESS).bits().count_ones();
            let wanted = u32::from(!spec.flags.contains(KeyFlags::NOT_KEY));
            assert_eq!(access, wanted, "{}: reads, changes, overwrites or removes", row.full_name);
        }
    }
}
