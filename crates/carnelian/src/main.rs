//! The binary: one dispatcher for every tool.
//!
//! The tool is named by how the program was called (`redis-server`, `carnelian-cli`, ...: names that
//! `carnelian install-links` makes) or by the first argument (`carnelian cli ...`). `carnelian` alone, with options,
//! or with a configuration file is the server, as redis-server would be.

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
compile_error!("Carnelian is not supported here yet: it runs on Linux on x86-64 and aarch64.");

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

mod links;

#[global_allocator]
static ALLOCATOR: memory::Allocator = memory::Allocator;

/// A tool's `main`; `argv[0]` is the program as it was called.
type Main = fn(Vec<OsString>) -> ExitCode;

struct Tool {
    name: &'static str,
    summary: &'static str,
    /// None while it is still to be written.
    main: Option<Main>,
    /// Whether Redis has it, under the name `redis-` and ours.
    in_redis: bool,
}

const TOOLS: &[Tool] = &[
    Tool { name: "server", summary: "the data store", main: Some(server::main), in_redis: true },
    Tool {
        name: "sentinel",
        summary: "watches primaries and replaces failed ones",
        main: None,
        in_redis: true,
    },
    Tool { name: "cli", summary: "talks to a server", main: None, in_redis: true },
    Tool { name: "benchmark", summary: "measures a server", main: None, in_redis: true },
    Tool {
        name: "check-rdb",
        summary: "examines a snapshot file",
        main: Some(check::rdb_main),
        in_redis: true,
    },
    Tool {
        name: "check-aof",
        summary: "examines and repairs an append-only file",
        main: Some(check::aof_main),
        in_redis: true,
    },
    Tool {
        name: "backup",
        summary: "takes, lists, verifies and prunes backups",
        main: Some(|argv| backup::backup_main(arguments(argv))),
        in_redis: false,
    },
    Tool {
        name: "restore",
        summary: "restores a backup to a file or into a server",
        main: Some(|argv| backup::restore_main(arguments(argv))),
        in_redis: false,
    },
    Tool { name: "proxy", summary: "one address for many servers", main: None, in_redis: false },
    Tool {
        name: "monitor",
        summary: "watches servers over time, in a browser",
        main: Some(|argv| monitor::main(arguments(argv))),
        in_redis: false,
    },
    Tool {
        name: "top",
        summary: "watches servers in a terminal",
        main: Some(|argv| monitor::top_main(arguments(argv))),
        in_redis: false,
    },
];

fn main() -> ExitCode {
    let mut argv: Vec<OsString> = std::env::args_os().collect();
    if let Some(tool) = argv.first().and_then(|program| called_as(program)) {
        return run(tool, argv);
    }
    let Some(first) = argv.get(1).map(|argument| argument.to_string_lossy().into_owned()) else {
        return server::main(argv);
    };
    match first.as_str() {
        "-h" | "--help" | "help" => {
            print!("{}", help());
            ExitCode::SUCCESS
        }
        "install-links" => links::main(&argv[2..]),
        name => match TOOLS.iter().find(|tool| tool.name == name) {
            Some(tool) => {
                // For its usage: the program as it was called, the tool's name included.
                let name = argv.remove(1);
                argv[0].push(" ");
                argv[0].push(name);
                run(tool, argv)
            }
            None if is_server_argument(name) => server::main(argv),
            None => {
                eprint!("carnelian: '{name}' is neither a tool nor a file.\n\n{}", help());
                ExitCode::FAILURE
            }
        },
    }
}

/// What stands behind the program's name.
fn arguments(argv: Vec<OsString>) -> Vec<OsString> {
    argv.into_iter().skip(1).collect()
}

fn run(tool: &Tool, argv: Vec<OsString>) -> ExitCode {
    match tool.main {
        Some(main) => main(argv),
        None => {
            eprintln!("carnelian: '{}' is not part of this build yet.", tool.name);
            ExitCode::FAILURE
        }
    }
}

/// The tool whose name is in the program's: `/usr/bin/redis-cli` is `cli`.
fn called_as(program: &OsStr) -> Option<&'static Tool> {
    let name = Path::new(program).file_name()?.to_str()?;
    let ours = name.strip_prefix("carnelian-");
    let redis = name.strip_prefix("redis-");
    TOOLS.iter().find(|tool| ours == Some(tool.name) || (tool.in_redis && redis == Some(tool.name)))
}

/// Whether redis-server would take this as its first argument: an option, standard input or a file.
fn is_server_argument(argument: &str) -> bool {
    argument.starts_with('-') || argument.contains('/') || Path::new(argument).exists()
}

fn help() -> String {
    let mut text = String::from(
        "Usage: carnelian [TOOL] [ARGUMENTS]      (without a tool: the server)\n       \
         carnelian install-links DIR       (makes redis-server, redis-cli, ... in DIR)\n       \
         carnelian -v, --version\n       \
         carnelian -h, --help              (or TOOL --help)\n\nTools:\n",
    );
    for tool in TOOLS {
        let pending = if tool.main.is_none() { " (not part of this build yet)" } else { "" };
        text += &format!("       {:10} {}{pending}\n", tool.name, tool.summary);
    }
    text
}
