//! What COMMAND INFO and DOCS say in detail is what Redis says: `commands-7.2.tsv` holds ACL categories, tips,
//! deprecation, key specs and arguments of each command, in a notation that this file writes for ours.
//!
//! A key spec is `FLAGS@index:range,last,step,limit`, with `keyword,start` in place of an index, `keynum,at,first,step`
//! in place of a range, and `?` where nobody knows. An argument is `name/display:type`, then `=TOKEN`, `#spec`, `?`
//! (optional), `*` (multiple), `**` (with its token), `@since`, `-@deprecated`, and its parts in braces.

use engine::command::{Begin, Find};
use engine::{Arg, Categories, KeySpec};

use crate::TABLE;

/// Commands whose arguments have changed since 7.2.
const CHANGED_SINCE: &[&str] = &["client|kill", "hscan"];

/// Commands that 7.2 did not yet call blocking.
const BLOCKING_SINCE: &[&str] = &["wait", "waitaof"];

fn spec(spec: &KeySpec) -> String {
    let flags = spec.flags.iter_names().map(|(name, _)| name).collect::<Vec<_>>().join("+");
    let begin = match spec.begin {
        Begin::Index(index) => index.to_string(),
        Begin::Keyword(word, from) => format!("{word},{from}"),
        Begin::Unknown => "?".into(),
    };
    let find = match spec.find {
        Find::Range { last, step, limit } => format!("range,{last},{step},{limit}"),
        Find::Count { at, first, step } => format!("keynum,{at},{first},{step}"),
        Find::Unknown => "?".into(),
    };
    format!("{flags}@{begin}:{find}")
}

fn arg(arg: &Arg) -> String {
    let maybe = |sign: &str, text: Option<&str>| text.map(|text| format!("{sign}{text}")).unwrap_or_default();
    let parts: Vec<String> = arg.args.iter().map(self::arg).collect();
    [
        arg.name.to_owned(),
        maybe("/", arg.display),
        format!(":{}", arg.kind.name()),
        maybe("=", arg.token),
        maybe("#", arg.key_spec.map(|number| number.to_string()).as_deref()),
        maybe("?", arg.optional.then_some("")),
        maybe("*", arg.multiple.then_some("")),
        maybe("*", arg.multiple_token.then_some("")),
        maybe("@", arg.since),
        maybe("-@", arg.deprecated),
        if parts.is_empty() { String::new() } else { format!("{{{}}}", parts.join(" ")) },
    ]
    .concat()
}

fn joined<T>(items: &[T], text: impl Fn(&T) -> String) -> String {
    items.iter().map(text).collect::<Vec<_>>().join(" ")
}

#[test]
fn details_are_those_of_redis() {
    let lines = include_str!("../commands-7.2.tsv").lines().filter(|line| !line.starts_with('#'));
    for line in lines {
        let [name, categories, tips, deprecated, keys, args] = line.split('\t').collect::<Vec<_>>()[..]
        else {
            panic!("six fields: {line}")
        };
        let Some(row) = TABLE.all().find(|row| row.full_name == name) else { continue };
        let command = row.command;
        let mut ours = command.categories();
        if BLOCKING_SINCE.contains(&name) {
            ours -= Categories::BLOCKING;
        }
        let ours = ours.iter_names().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(ours.join(","), categories, "ACL categories of {name}");
        assert_eq!(command.tips.join(","), tips, "tips of {name}");
        assert_eq!(command.deprecated.map_or("", |(since, _)| since), deprecated, "deprecation of {name}");
        assert_eq!(joined(command.keys, spec), keys, "key specs of {name}");
        if !CHANGED_SINCE.contains(&name) {
            assert_eq!(joined(command.args, arg), args, "arguments of {name}");
        }
    }
}
