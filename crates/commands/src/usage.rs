//! The grammar of a command's arguments as text, and the HELP of containers that follows from it.
//!
//! The notation is the one of Redis's help texts: `<value>`, `[optional]`, `(one|of)`, words in capitals as they
//! are typed, `[x ...]` for what may be repeated.

use engine::{Arg, ArgKind, Command, Error, Flags, Group, Handler, Outcome, ServerCx};
use resp::Args;

/// The HELP row of a container: lists its subcommands from their own rows.
pub const fn help(group: Group, since: &'static str) -> Command {
    Command {
        name: "help",
        group,
        since,
        summary: "Describes the subcommands.",
        arity: 2,
        flags: Flags::LOADING.union(Flags::STALE),
        handler: Handler::Server(reply_help),
        ..Command::DEFAULT
    }
}

fn reply_help(cx: &mut ServerCx) -> Outcome {
    let Some(row) = cx.engine.table.get(cx.args.at(0)) else { return Ok(()) };
    let lines = help_lines(row.command);
    let mut reply = cx.reply();
    reply.array(lines.len());
    lines.iter().for_each(|line| reply.simple(line));
    Ok(())
}

/// The refusal of a subcommand whose arguments are too many for any of its forms, though its arity allows them.
pub fn subcommand_error(args: Args) -> Error {
    const SHOWN: usize = 128;
    let (container, sub) = (args.at(0).to_ascii_uppercase(), args.get(1).unwrap_or_default());
    Error::err(format_args!(
        "unknown subcommand or wrong number of arguments for '{}'. Try {} HELP.",
        String::from_utf8_lossy(&sub[..sub.len().min(SHOWN)]),
        String::from_utf8_lossy(&container),
    ))
}

/// HELP of a container: a title, two lines for each subcommand, and HELP's own at the end.
pub fn help_lines(container: &Command) -> Vec<String> {
    let name = container.name.to_ascii_uppercase();
    let title = format!("{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
    let (help, others): (Vec<_>, Vec<_>) = container.subcommands.iter().partition(|sub| sub.name == "help");
    let two = |sub: &Command| {
        let (name, args) = (sub.name.to_ascii_uppercase(), usage(sub.args));
        [format!("{name} {args}").trim_end().to_owned(), format!("    {}", sub.summary)]
    };
    std::iter::once(title).chain(others.into_iter().chain(help).flat_map(two)).collect()
}

/// Arguments in one line.
pub fn usage(args: &[Arg]) -> String {
    args.iter().map(argument).collect::<Vec<_>>().join(" ")
}

fn argument(arg: &Arg) -> String {
    let token = arg.token.unwrap_or_default();
    let value = match arg.kind {
        ArgKind::PureToken => String::new(),
        ArgKind::Block => usage(arg.args),
        ArgKind::OneOf => choices(arg),
        _ => format!("<{}>", arg.display.unwrap_or(arg.name)),
    };
    let once = format!("{token} {value}").trim().to_owned();
    let repeated = match (arg.multiple, arg.multiple_token) {
        (false, _) => once,
        (true, true) => format!("{once} [{once} ...]"),
        (true, false) if arg.kind == ArgKind::OneOf => format!("{once} [...]"),
        (true, false) => format!("{once} [{value} ...]"),
    };
    if arg.optional { format!("[{repeated}]") } else { repeated }
}

/// `(a|b)`; without parentheses where an optional argument's brackets stand around them.
fn choices(arg: &Arg) -> String {
    // Whether a choice may be missing is said by the whole.
    let choice = |choice: &Arg| argument(&Arg { optional: false, ..*choice });
    let all = arg.args.iter().map(choice).collect::<Vec<_>>().join("|");
    if arg.optional && arg.token.is_none() && !arg.multiple { all } else { format!("({all})") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ON_OFF: &[Arg] = &[Arg::word("on", "ON"), Arg::word("off", "OFF")];
    const PAIR: &[Arg] = &[Arg::string("name"), Arg::string("value").display("it")];

    #[track_caller]
    fn check(args: &[Arg], expected: &str) {
        assert_eq!(usage(args), expected);
    }

    #[test]
    fn grammars_as_text() {
        check(&[Arg::key("key"), Arg::string("value").optional()], "<key> [<value>]");
        check(&[Arg::one_of("mode", ON_OFF)], "(ON|OFF)");
        check(&[Arg::one_of("mode", ON_OFF).optional()], "[ON|OFF]");
        check(&[Arg::one_of("mode", ON_OFF).optional().token("MODE")], "[MODE (ON|OFF)]");
        check(&[Arg::one_of("mode", ON_OFF).multiple()], "(ON|OFF) [...]");
        check(&[Arg::integer("id").token("ID").multiple().optional()], "[ID <id> [<id> ...]]");
        check(&[Arg::string("p").token("PREFIX").multiple_token()], "PREFIX <p> [PREFIX <p> ...]");
        check(&[Arg::block("data", PAIR).multiple()], "<name> <it> [<name> <it> ...]");
    }

    #[test]
    fn help_of_a_container() {
        const ROW: Command = Command {
            name: "thing",
            subcommands: &[
                help(Group::Server, "1.0.0"),
                Command { name: "set", summary: "Sets it.", args: &[Arg::integer("n")], ..Command::DEFAULT },
            ],
            ..Command::DEFAULT
        };
        let expected = [
            "THING <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
            "SET <n>",
            "    Sets it.",
            "HELP",
            "    Describes the subcommands.",
        ];
        assert_eq!(help_lines(&ROW), expected);
    }
}
