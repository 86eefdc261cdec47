//! Where a command's keys stand among its arguments: what the pipeline locks, COMMAND GETKEYS answers, and cluster
//! routes by. As Redis 7.2.6 `db.c` finds them.

use resp::Args;

use crate::command::{Begin, Find, KeyFlags, KeySpec};
use crate::table::Row;

/// Finds keys where specs cannot say it (SORT ... STORE, MIGRATE ... KEYS), or tells what a command does to them
/// where that depends on its options (SET ... GET). Calls back with each key's index.
pub type FindKeys = fn(Args, &mut dyn FnMut(usize, KeyFlags));

/// The arguments do not fit a key spec.
struct Misfit;

/// Indices of arguments: first, last, step.
type Places = (usize, usize, usize);

impl Row {
    /// Calls `visit` with each key. Arguments that do not fit a spec yield none of it: the command itself will
    /// refuse them.
    #[inline]
    pub fn each_key<'a>(&self, args: Args<'a>, mut visit: impl FnMut(&'a [u8])) {
        if let Some((first, last, step)) = self.fixed_keys {
            let last = if last < 0 { args.len() as isize + last } else { last };
            let mut index = first;
            while index as isize <= last && index < args.len() {
                visit(args.at(index));
                index += step;
            }
            return;
        }
        if let Some(find) = self.command.find_keys {
            return find(args, &mut |index, _| visit(args.at(index)));
        }
        for spec in self.command.keys {
            if let Ok(Some((first, last, step))) = places(spec, args) {
                (first..=last).step_by(step).for_each(|index| visit(args.at(index)));
            }
        }
    }

    /// The index of each key with what happens to it; `None` if the arguments do not fit.
    pub fn keys(&self, args: Args) -> Option<Vec<(usize, KeyFlags)>> {
        let mut keys = Vec::new();
        if let Some(find) = self.command.find_keys {
            find(args, &mut |index, flags| keys.push((index, flags)));
            return Some(keys).filter(|keys| !keys.is_empty());
        }
        for spec in self.command.keys.iter().filter(|spec| !spec.flags.contains(KeyFlags::NOT_KEY)) {
            if let Some((first, last, step)) = places(spec, args).ok()? {
                keys.extend((first..=last).step_by(step).map(|index| (index, spec.flags)));
            }
        }
        Some(keys).filter(|keys| !keys.is_empty())
    }
}

/// The arguments that a spec says are keys; `None` if its keyword is missing.
fn places(spec: &KeySpec, args: Args) -> Result<Option<Places>, Misfit> {
    let count = args.len();
    let Some(begin) = begin_index(spec.begin, args)? else { return Ok(None) };
    let (first, behind, step) = match spec.find {
        Find::Unknown => return Err(Misfit),
        Find::Range { last, step, limit } => {
            let behind = match (last, limit) {
                (0.., _) => begin + last as usize + 1,
                (_, 0 | 1) => (count + 1).checked_add_signed(last).ok_or(Misfit)?,
                // Of what is left, the first part in `limit`.
                (_, n) => begin + count.saturating_sub(begin) / n,
            };
            (begin, behind, step)
        }
        Find::Count { at, first, step } => {
            let number = args.get(begin + at).and_then(keyspace::parse_integer);
            let number =
                number.and_then(|n| usize::try_from(n).ok()).filter(|n| *n <= count).ok_or(Misfit)?;
            (begin + first, begin + first + number, step)
        }
    };
    if first == count && behind == count {
        // Nothing is left for keys that may be missing (PFMERGE without sources).
        return Ok(None);
    }
    if first < behind && behind <= count { Ok(Some((first, behind - 1, step.max(1)))) } else { Err(Misfit) }
}

fn begin_index(begin: Begin, args: Args) -> Result<Option<usize>, Misfit> {
    match begin {
        Begin::Index(index) => Ok(Some(index)),
        Begin::Unknown => Err(Misfit),
        Begin::Keyword(word, from) => {
            let is = |i: &usize| args.at(*i).eq_ignore_ascii_case(word.as_bytes());
            // Something must follow the keyword, and one looked for from the end is not the first argument.
            let end = args.len().saturating_sub(1);
            let found = if from >= 0 {
                (from as usize..end).find(is)
            } else {
                let last = args.len().saturating_add_signed(from);
                (2..=last).rev().find(|i| *i < end && is(i))
            };
            Ok(found.map(|i| i + 1))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Command;
    use crate::table::CommandTable;
    use resp::OwnedArgs;

    const RO: KeyFlags = KeyFlags::RO;
    const fn spec(begin: Begin, find: Find) -> KeySpec {
        KeySpec { flags: RO, begin, find, notes: None }
    }
    const COUNTED: &[KeySpec] = &[KeySpec::one(1, KeyFlags::OW), KeySpec::counted(2, RO)];
    const STREAMS: &[KeySpec] =
        &[spec(Begin::Keyword("STREAMS", 1), Find::Range { last: -1, step: 1, limit: 2 })];
    const FROM_THE_END: &[KeySpec] =
        &[spec(Begin::Keyword("KEYS", -2), Find::Range { last: -1, step: 1, limit: 0 })];
    const OPTIONAL: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RW), KeySpec::range(2, -1, 1, RO)];
    const COMMANDS: &[Command] = &[
        Command { name: "all", arity: -2, keys: &[KeySpec::all(RO)], ..Command::DEFAULT },
        Command { name: "pairs", arity: -3, keys: &[KeySpec::range(1, -1, 2, RO)], ..Command::DEFAULT },
        Command { name: "butlast", arity: -3, keys: &[KeySpec::range(1, -2, 1, RO)], ..Command::DEFAULT },
        Command { name: "counted", arity: -4, keys: COUNTED, ..Command::DEFAULT },
        Command { name: "streams", arity: -4, keys: STREAMS, ..Command::DEFAULT },
        Command { name: "optional", arity: -2, keys: OPTIONAL, ..Command::DEFAULT },
        Command { name: "end", arity: -3, keys: FROM_THE_END, ..Command::DEFAULT },
    ];

    /// The keys that GETKEYS answers, and those that are locked.
    #[track_caller]
    fn check(line: &str, keys: Option<&[usize]>, locked: &str) {
        let table = CommandTable::new(&[COMMANDS]);
        let words: OwnedArgs = line.split(' ').collect();
        let row = table.get(words.as_args().at(0)).expect("a command");
        let found = row.keys(words.as_args()).map(|keys| keys.iter().map(|k| k.0).collect::<Vec<_>>());
        assert_eq!(found.as_deref(), keys, "{line}");
        let mut seen = vec![];
        row.each_key(words.as_args(), |key| seen.push(String::from_utf8_lossy(key).into_owned()));
        assert_eq!(seen.join(" "), locked, "{line}");
    }

    #[test]
    fn keys_by_specs() {
        check("all a b c", Some(&[1, 2, 3]), "a b c");
        check("all", None, "");
        check("pairs a 1 b 2", Some(&[1, 3]), "a b");
        check("butlast a b 0", Some(&[1, 2]), "a b");
        check("butlast a", None, "");
        check("counted to 2 a b x", Some(&[1, 3, 4]), "to a b");
        for misfit in ["0", "3", "-1", "x", "9223372036854775807"] {
            check(&format!("counted to {misfit} a b"), None, "to");
        }
        check("optional to a b", Some(&[1, 2, 3]), "to a b");
        check("optional to", Some(&[1]), "to");
        check("streams count 1 Streams a b 1 2", Some(&[4, 5]), "a b");
        check("streams x STREAMS a", None, "");
        check("streams x y z", None, "");
        check("streams x y STREAMS", None, "");
        check("end a b KEYS c KEYS d e", Some(&[6, 7]), "d e");
        check("end KEYS a", None, "");
        check("end a KEYS", None, "");
        check("end", None, "");
    }
}
