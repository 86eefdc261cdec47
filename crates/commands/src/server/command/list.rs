//! COMMAND COUNT and LIST.

use codec::glob::{self, Case};
use engine::args::is;
use engine::table::Row;
use engine::{Arg, Command, Error, Handler, Outcome, ServerCx};
use resp::Args;

use super::{SUBCOMMAND, UNORDERED};

/// COMMAND COUNT
pub const COUNT: Command = Command {
    name: "count",
    summary: "Counts the commands, without subcommands.",
    arity: 2,
    handler: Handler::Server(|cx| {
        let count = cx.engine.table.callable().len();
        cx.reply().count(count);
        Ok(())
    }),
    ..SUBCOMMAND
};

/// COMMAND LIST [FILTERBY MODULE module-name | ACLCAT category | PATTERN pattern]
pub const LIST: Command = Command {
    name: "list",
    since: "7.0.0",
    summary: "Lists the names of commands and subcommands.",
    complexity: "O(N) where N is the number of commands",
    arity: -2,
    args: &[Arg::one_of(
        "filterby",
        &[
            Arg::string("module-name").token("MODULE"),
            Arg::string("category").token("ACLCAT"),
            Arg::pattern("pattern").token("PATTERN"),
        ],
    )
    .token("FILTERBY")
    .optional()],
    tips: UNORDERED,
    handler: Handler::Server(list),
    ..SUBCOMMAND
};

/// Which names to list.
enum Filter<'a> {
    All,
    /// There are no modules.
    Module,
    Category(&'a [u8]),
    Pattern(&'a [u8]),
}

impl<'a> Filter<'a> {
    fn parse(args: Args<'a>) -> Result<Filter<'a>, Error> {
        if args.is_empty() {
            return Ok(Filter::All);
        }
        if args.len() != 3 || !is(args.at(0), "FILTERBY") {
            return Err(Error::Syntax);
        }
        match &args.at(1).to_ascii_uppercase()[..] {
            b"MODULE" => Ok(Filter::Module),
            b"ACLCAT" => Ok(Filter::Category(args.at(2))),
            b"PATTERN" => Ok(Filter::Pattern(args.at(2))),
            _ => Err(Error::Syntax),
        }
    }

    fn fits(&self, row: &Row) -> bool {
        match self {
            Filter::All => true,
            Filter::Module => false,
            Filter::Category(wanted) => {
                row.command.categories().names().any(|name| name.as_bytes().eq_ignore_ascii_case(wanted))
            }
            Filter::Pattern(pattern) => glob::matches(pattern, row.full_name.as_bytes(), Case::Insensitive),
        }
    }
}

fn list(cx: &mut ServerCx) -> Outcome {
    let filter = Filter::parse(cx.args.from(2))?;
    let rows = cx.engine.table.callable();
    let names: Vec<&str> = rows
        .into_iter()
        .flat_map(|row| std::iter::once(row).chain(&row.subcommands))
        .filter(|row| filter.fits(row))
        .map(|row| row.full_name.as_str())
        .collect();
    cx.reply().bulks(names.into_iter());
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn lists_and_filters() {
        let mut t = Tester::new(crate::FAMILIES);
        let all = t.reply("COMMAND LIST");
        assert!(all.contains("$set, ") && all.contains("$client, ") && all.contains("$client|list, "));
        t.check("COMMAND LIST FILTERBY PATTERN SET", "[$set]");
        t.check("COMMAND LIST FILTERBY pattern config|re*", "[$config|resetstat, $config|rewrite]");
        t.check("COMMAND LIST FILTERBY PATTERN nosuch*", "[]");
        t.check("COMMAND LIST FILTERBY MODULE any", "[]");
        t.check("COMMAND LIST FILTERBY ACLCAT nosuch", "[]");
        let blocking = t.reply("COMMAND LIST FILTERBY ACLCAT Transaction");
        assert_eq!(blocking, "[$multi, $exec, $discard, $watch, $unwatch]");
        for line in [
            "COMMAND LIST bad",
            "COMMAND LIST FILTERBY bad",
            "COMMAND LIST FILTERBY bad bad",
            "COMMAND LIST FILTERBY PATTERN a b",
        ] {
            t.check(line, "-ERR syntax error");
        }
    }
}
