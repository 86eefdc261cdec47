//! COMMAND GETKEYS and GETKEYSANDFLAGS: the keys of any command line.

use engine::{Arg, Command, Error, Flags, Handler, KeyFlags, Outcome, ServerCx};

use super::SUBCOMMAND;
use super::info::names;

/// COMMAND GETKEYS command [arg [arg ...]]
pub const GETKEYS: Command = Command {
    name: "getkeys",
    summary: "Answers the keys in a command line.",
    complexity: "O(N) where N is the number of arguments",
    arity: -3,
    args: &[Arg::string("command"), Arg::string("arg").optional().multiple()],
    handler: Handler::Server(|cx| getkeys(cx, false)),
    ..SUBCOMMAND
};

/// COMMAND GETKEYSANDFLAGS command [arg [arg ...]]
pub const GETKEYSANDFLAGS: Command = Command {
    name: "getkeysandflags",
    since: "7.0.0",
    summary: "Answers the keys in a command line, each with what the command does to it.",
    handler: Handler::Server(|cx| getkeys(cx, true)),
    ..GETKEYS
};

fn getkeys(cx: &mut ServerCx, with_flags: bool) -> Outcome {
    let line = cx.args.from(2);
    let Ok(row) = cx.engine.table.lookup(line) else {
        return Err(Error::err("Invalid command specified"));
    };
    if row.command.keys.iter().all(|spec| spec.flags.contains(KeyFlags::NOT_KEY)) {
        return Err(Error::err("The command has no key arguments"));
    }
    if !row.command.accepts(line.len()) {
        return Err(Error::err("Invalid number of arguments specified for command"));
    }
    let keys = match row.keys(line) {
        Some(keys) => keys,
        None if row.has(Flags::NO_MANDATORY_KEYS) => Vec::new(),
        None => return Err(Error::err("Invalid arguments specified for command")),
    };
    let mut reply = cx.reply();
    reply.array(keys.len());
    for (index, flags) in keys {
        if with_flags {
            reply.array(2);
        }
        reply.bulk(line.at(index));
        if with_flags {
            names(&mut reply, flags.names());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn keys_of_command_lines() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("COMMAND GETKEYS get key", "[$key]");
        t.check("COMMAND GETKEYS MSET a 1 b 2", "[$a, $b]");
        t.check("COMMAND GETKEYS DEL a b c", "[$a, $b, $c]");
        t.check("COMMAND GETKEYS nosuch a", "-ERR Invalid command specified");
        t.check("COMMAND GETKEYS config nosuch", "-ERR Invalid command specified");
        t.check("COMMAND GETKEYS ping", "-ERR The command has no key arguments");
        t.check("COMMAND GETKEYS config", "-ERR The command has no key arguments");
        t.check("COMMAND GETKEYS config get x", "-ERR The command has no key arguments");
        t.check("COMMAND GETKEYS get", "-ERR Invalid number of arguments specified for command");
        t.check("COMMAND GETKEYS get a b", "-ERR Invalid number of arguments specified for command");
        t.check("COMMAND GETKEYS", "-ERR wrong number of arguments for 'command|getkeys' command");
        t.check_both("COMMAND GETKEYSANDFLAGS get a", "[[$a, [+RO, +access]]]", "[[$a, ~[+RO, +access]]]");
        for (operations, flags) in [
            ("", "+RO, +access"),
            ("get u8 0 overflow sat get u8 8", "+RO, +access"),
            ("get u8 0 set u8 0 1", "+RW, +access, +update"),
            ("get u8", "+RW, +access, +update"),
        ] {
            let line = format!("COMMAND GETKEYSANDFLAGS bitfield a {operations}");
            t.check_both(line.trim(), &format!("[[$a, [{flags}]]]"), &format!("[[$a, ~[{flags}]]]"));
        }
        let set = "COMMAND GETKEYSANDFLAGS set a v";
        t.check_both(set, "[[$a, [+OW, +update]]]", "[[$a, ~[+OW, +update]]]");
        t.check_both(
            &format!("{set} EX 10 get"),
            "[[$a, [+RW, +access, +update]]]",
            "[[$a, ~[+RW, +access, +update]]]",
        );
        t.check_both(
            "COMMAND GETKEYSANDFLAGS mset a 1 b 2",
            "[[$a, [+OW, +update]], [$b, [+OW, +update]]]",
            "[[$a, ~[+OW, +update]], [$b, ~[+OW, +update]]]",
        );
    }
}
