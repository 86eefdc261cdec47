//! The whole table of commands against what is known of Redis 7.4's, and against itself.

mod argv;
mod details;
mod facts;
mod grammar;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use engine::table::{CommandTable, Row};
use resp::Args;

/// Every command of ours.
static TABLE: LazyLock<CommandTable> = LazyLock::new(|| CommandTable::new(commands::FAMILIES));

/// How many words call a command: two for a subcommand.
fn words(row: &Row) -> usize {
    1 + row.full_name.matches('|').count()
}

/// The keys that the pipeline locks for a command line.
fn locked(row: &Row, args: Args) -> BTreeSet<Vec<u8>> {
    let mut keys = BTreeSet::new();
    row.each_key(args, |key| {
        keys.insert(key.to_vec());
    });
    keys
}

/// The keys that COMMAND GETKEYS answers, if the arguments fit.
fn named(row: &Row, args: Args) -> Option<BTreeSet<Vec<u8>>> {
    let keys = row.keys(args)?;
    Some(keys.into_iter().map(|(index, _)| args.at(index).to_vec()).collect())
}
