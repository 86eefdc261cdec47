//! What a command does, read off COMMAND INFO.
//!
//! An entry is `[name, arity, flags, first key, last key, step, categories, tips, key specifications, subcommands]`; the last four came with
//! Redis 6 and 7.

use crate::wire::Reply;

/// What a command may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Only reads, and holds nobody up.
    Read,
    /// Writes data or talks to other clients, as applications do.
    Change,
    /// Administrates, or is `@dangerous`: flushes, stops, reconfigures, walks all keys.
    Danger,
}

/// Flags of commands that do more than read: they write, administrate, publish, wait, or change what the connection is.
const NOT_QUIET: [&str; 6] = ["write", "denyoom", "admin", "pubsub", "blocking", "noscript"];

impl Class {
    /// The class of an entry of COMMAND INFO; of a command with subcommands that of the one named. `None` without an entry, or when there is
    /// no such subcommand.
    pub fn of(about: &Reply, subcommand: Option<&Vec<u8>>) -> Option<Class> {
        let [_, _, flags, ..] = about.items() else { return None };
        let subcommands = about.items().get(9).map_or(&[][..], Reply::items);
        if !subcommands.is_empty() {
            let wanted = String::from_utf8_lossy(subcommand?).to_lowercase();
            let about = subcommands.iter().find(|about| is_named(about, &wanted))?;
            return Class::of(about, None);
        }
        let has = |word: &str| has(flags, word);
        // Before Redis 6 there were no categories: what changes anything counts as dangerous then.
        let dangerous = about.items().get(6).is_none_or(|categories| self::has(categories, "@dangerous"));
        Some(match NOT_QUIET.into_iter().any(has) {
            false if has("readonly") && dangerous && about.items().len() > 6 => Class::Danger,
            false => Class::Read,
            true if dangerous || has("admin") => Class::Danger,
            true => Class::Change,
        })
    }
}

/// Whether an entry's name is `command|wanted`.
fn is_named(about: &Reply, wanted: &str) -> bool {
    let name = about.items().first().and_then(Reply::text);
    name.is_some_and(|name| name.rsplit('|').next() == Some(wanted))
}

fn has(words: &Reply, word: &str) -> bool {
    words.items().iter().any(|own| own.text().as_deref() == Some(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(words: &[&str]) -> Reply {
        Reply::Array(words.iter().map(|word| Reply::Status((*word).into())).collect())
    }

    fn entry(name: &str, flags: &[&str], categories: &[&str], subcommands: Vec<Reply>) -> Reply {
        let number = || Reply::Integer(0);
        Reply::Array(vec![
            Reply::Bulk(name.into()),
            number(),
            list(flags),
            number(),
            number(),
            number(),
            list(categories),
            list(&[]),
            list(&[]),
            Reply::Array(subcommands),
        ])
    }

    fn class(flags: &[&str], categories: &[&str]) -> Option<Class> {
        Class::of(&entry("x", flags, categories, vec![]), None)
    }

    #[test]
    fn flags_decide() {
        assert_eq!(class(&["readonly", "fast"], &["@read"]), Some(Class::Read), "GET");
        assert_eq!(class(&["loading", "stale"], &["@slow", "@dangerous"]), Some(Class::Read), "INFO");
        assert_eq!(class(&["readonly"], &["@keyspace", "@dangerous"]), Some(Class::Danger), "KEYS");
        assert_eq!(class(&["write", "denyoom"], &["@write"]), Some(Class::Change), "SET");
        assert_eq!(class(&["write"], &["@dangerous"]), Some(Class::Danger), "FLUSHALL");
        assert_eq!(class(&["pubsub", "loading"], &["@pubsub"]), Some(Class::Change), "PUBLISH");
        assert_eq!(class(&["admin"], &[]), Some(Class::Danger), "a module's");
        assert_eq!(class(&["noscript", "fast"], &["@transaction"]), Some(Class::Change), "MULTI");
    }

    #[test]
    fn subcommands_have_their_own() {
        let get = entry("config|get", &["admin"], &["@dangerous"], vec![]);
        let help = entry("config|help", &["loading"], &["@slow"], vec![]);
        let config = entry("config", &[], &["@slow"], vec![get, help]);
        assert_eq!(Class::of(&config, Some(&b"GET".to_vec())), Some(Class::Danger));
        assert_eq!(Class::of(&config, Some(&b"help".to_vec())), Some(Class::Read));
        assert_eq!((Class::of(&config, Some(&b"no".to_vec())), Class::of(&config, None)), (None, None));
    }

    #[test]
    fn old_servers_and_lies() {
        let old = |flags: &[&str]| {
            Reply::Array(vec![Reply::Bulk("x".into()), Reply::Integer(1), list(flags), Reply::Integer(0)])
        };
        assert_eq!(Class::of(&old(&["readonly", "fast"]), None), Some(Class::Read));
        assert_eq!(Class::of(&old(&["write"]), None), Some(Class::Danger));
        for lie in [Reply::Nil, Reply::Integer(1), Reply::Array(vec![]), list(&["a", "b"])] {
            assert_eq!(Class::of(&lie, None), None);
        }
    }
}
