//! Arguments that nobody may see: the slow log and MONITOR show passwords as `(redacted)`, argument by argument as Redis.

use resp::Args;

use crate::args::is;
use crate::table::Row;

/// What stands in place of a secret.
const REDACTED: &[u8] = b"(redacted)";

/// Whether an argument of a command is a secret.
fn is_secret(row: &Row, args: Args, index: usize) -> bool {
    // Whether one of the `within` arguments before it is this word.
    let follows = |word, within: usize| (index.saturating_sub(within)..index).any(|i| is(args.at(i), word));
    match row.full_name.as_str() {
        "auth" => index >= 1,
        "acl|setuser" | "acl|deluser" | "acl|getuser" => index >= 2,
        "config|set" => index >= 3 && index % 2 == 1 && config::is_sensitive(args.at(index - 1)),
        "hello" => index >= 3 && follows("AUTH", 2),
        "migrate" => index >= 7 && (follows("AUTH", 1) || follows("AUTH2", 2)),
        _ => false,
    }
}

/// A command as people may see it.
pub fn shown<'a>(row: &Row, args: Args<'a>) -> impl ExactSizeIterator<Item = &'a [u8]> {
    let one = move |(index, arg)| if is_secret(row, args, index) { REDACTED } else { arg };
    args.iter().enumerate().map(one)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Command, Handler};
    use crate::table::CommandTable;

    const SUB: Command = Command { name: "set", handler: Handler::Exec, arity: -2, ..Command::DEFAULT };
    const PLAIN: Command = Command { handler: Handler::Exec, arity: -1, ..Command::DEFAULT };
    const TABLE: &[Command] = &[
        Command { name: "auth", ..PLAIN },
        Command { name: "hello", ..PLAIN },
        Command { name: "migrate", ..PLAIN },
        Command { name: "config", arity: -2, subcommands: &[SUB], ..Command::DEFAULT },
        Command { name: "get", ..PLAIN },
    ];

    #[test]
    fn passwords_are_hidden_and_nothing_else() {
        let table = CommandTable::new(&[TABLE]);
        let check = |line: &str, expected: &str| {
            let args = crate::testing::args(&line.split(' ').collect::<Vec<_>>());
            let row = table.find(args.as_args()).unwrap_or_else(|error| panic!("{line}: {error}"));
            let words = shown(row, args.as_args()).map(String::from_utf8_lossy);
            assert_eq!(words.collect::<Vec<_>>().join(" ").replace("(redacted)", "*"), expected);
        };
        check("AUTH user pass", "AUTH * *");
        check("HELLO 3 AUTH user pass SETNAME me", "HELLO 3 AUTH * * SETNAME me");
        check("CONFIG SET port 1 requirepass x masterauth y", "CONFIG SET port 1 requirepass * masterauth *");
        check("MIGRATE h 1 k 0 9 COPY AUTH x KEYS", "MIGRATE h 1 k 0 9 COPY AUTH * KEYS");
        check("MIGRATE h 1 auth 0 9 AUTH2 u x", "MIGRATE h 1 auth 0 9 AUTH2 * *");
        check("GET auth pass", "GET auth pass");
    }
}
