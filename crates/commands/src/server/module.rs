//! MODULE: there are none, and native code is never loaded.

use engine::{Arg, Command, Error, Flags, Group, Handler};

use crate::usage;

/// MODULE HELP | LIST | LOAD | LOADEX | UNLOAD
pub const MODULE: Command = Command {
    name: "module",
    group: Group::Server,
    since: "4.0.0",
    summary: "Modules of native code.",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: &[usage::help(Group::Server, "5.0.0"), LIST, LOAD, LOADEX, UNLOAD],
    ..Command::DEFAULT
};

const LIST: Command = Command {
    name: "list",
    group: Group::Server,
    since: "4.0.0",
    summary: "Returns the loaded modules.",
    complexity: "O(N) where N is the number of loaded modules.",
    arity: 2,
    flags: Flags::ADMIN.union(Flags::NOSCRIPT),
    tips: &["nondeterministic_output_order"],
    handler: Handler::Server(|cx| {
        cx.reply().array(0);
        Ok(())
    }),
    ..Command::DEFAULT
};

const LOAD: Command = Command {
    name: "load",
    group: Group::Server,
    since: "4.0.0",
    summary: "Loads a module: refused.",
    arity: -3,
    flags: Flags::NO_ASYNC_LOADING.union(Flags::ADMIN).union(Flags::NOSCRIPT).union(Flags::PROTECTED),
    args: &[Arg::string("path"), Arg::string("arg").optional().multiple()],
    handler: Handler::Server(|_| {
        Err(Error::text("ERR Error loading the extension. Please check the server logs."))
    }),
    ..Command::DEFAULT
};

const LOADEX: Command = Command {
    name: "loadex",
    since: "7.0.0",
    summary: "Loads a module with directives of its own: refused.",
    args: &[
        Arg::string("path"),
        Arg::block("configs", &[Arg::string("name"), Arg::string("value")])
            .token("CONFIG")
            .optional()
            .multiple_token(),
        Arg::string("args").token("ARGS").optional().multiple(),
    ],
    ..LOAD
};

const UNLOAD: Command = Command {
    name: "unload",
    summary: "Removes a module.",
    arity: 3,
    args: &[Arg::string("name")],
    handler: Handler::Server(|_| {
        Err(Error::text("ERR Error unloading module: no such module with that name"))
    }),
    ..LOAD
};

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn there_are_no_modules() {
        let config = config::Config {
            enable_module_command: config::ProtectedAction::Yes,
            ..config::Config::default()
        };
        let mut t = Tester::with_config(crate::FAMILIES, config);
        t.check("MODULE LIST", "[]");
        t.check("MODULE LOAD /x.so", "-ERR Error loading the extension. Please check the server logs.");
        t.check("MODULE LOADEX /x.so", "-ERR Error loading the extension. Please check the server logs.");
        t.check("MODULE UNLOAD x", "-ERR Error unloading module: no such module with that name");
        let reply = Tester::new(crate::FAMILIES).reply("MODULE LOAD /x.so");
        assert!(
            reply.starts_with("-ERR MODULE command not allowed. If the enable-module-command option"),
            "{reply}"
        );
    }
}
