//! The commented configuration file, made from the table.
//!
//! `carnelian.conf` in the repository's root is this text; a test compares them. After a change of the table:
//! `cargo run -p config --example carnelian_conf > carnelian.conf`.

use std::fmt::Write;

use crate::param::{Acts, DEFAULT, Flags, Param};
use crate::table::PARAMS;
use crate::value::{Kind, Unit, format_memory};

/// Columns of the text.
const WIDTH: usize = 110;

const HEAD: &str = r##"# Carnelian's configuration, with every directive and its default.
#
#     carnelian server carnelian.conf [--directive value ...]
#
# The server needs no configuration file; this one changes nothing until a line is uncommented. It is made
# from the table in crates/config/src/table.rs: edit a copy.
#
# Form. A line is a directive and its words. A line that begins with # is a comment; a # further right is
# not. A word with spaces stands in "double quotes", which know \n \r \t \b \a \\ \" and \x41, or in 'single
# quotes', which know \' only. Directives are found in any case.
#
# Sizes take a unit in any case: 1k is 1000 bytes, 1kb 1024, and so on with m, mb, g and gb.
#
# Order. The last line of a directive counts, except that lines of `save` add up. The command line comes
# after the file, and `-` as its first or last word reads more lines from standard input in between.
#
# At run time CONFIG SET changes most directives, and CONFIG REWRITE writes the changes into the file with
# which the server was started.
"##;

const FILE_DIRECTIVES: &str = r##"
# Read another file here, or all files that match a pattern in alphabetical order; matching none is no error.
# Relative names start at `dir`.
#
#     include /etc/carnelian/conf.d/*.conf

# Give a command another name, or take it away with an empty one. Replicas and the append-only file see the
# new name, so all servers of a group must agree. ACL rules are the better way to restrict commands.
#
#     rename-command FLUSHALL ""

# A user and its rights, in the words of ACL SETUSER. Not implemented yet: ends the start.
#
#     user alice on >password ~cached:* +@read

# A module. This version loads none: ends the start.
#
#     loadmodule /path/to/module.so

# Settings of a sentinel; only in a file given to `carnelian sentinel`.
#
#     sentinel monitor mymaster 127.0.0.1 6379 2
"##;

/// The text of `carnelian.conf`.
pub fn sample_file() -> String {
    let mut text = HEAD.to_owned();
    let mut topic = "";
    for param in PARAMS.iter().filter(|param| !param.flags.contains(Flags::HIDDEN)) {
        if param.topic != topic {
            topic = param.topic;
            text += &heading(topic);
        }
        let _ = write!(text, "\n{}{}", comment(&param.summary.concat()), comment(&facts(param)));
        for line in default_lines(param) {
            let _ = writeln!(text, "#{} {line}", param.name);
        }
    }
    text + &heading("Directives without a default") + FILE_DIRECTIVES
}

fn heading(topic: &str) -> String {
    format!("\n{:#^WIDTH$}\n", format!(" {topic} "))
}

/// The text as comment lines, broken between words.
fn comment(text: &str) -> String {
    let mut lines = String::new();
    let mut line = String::from("#");
    for word in text.split_whitespace() {
        if line.len() + 1 + word.len() > WIDTH {
            lines += &line;
            lines.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line += word;
    }
    lines + &line + "\n"
}

/// Form, limits and use, in one line.
fn facts(param: &Param) -> String {
    let mut facts = vec![form(&param.kind)];
    if param.flags.contains(Flags::IMMUTABLE) {
        facts.push("only at start".to_owned());
    }
    if param.flags.contains(Flags::PROTECTED) {
        facts.push("CONFIG SET needs enable-protected-configs".to_owned());
    }
    facts.extend(param.alias.map(|alias| format!("also called {alias}")));
    match param.acts {
        Acts::Now => {}
        Acts::Warn => facts.push("no effect yet".to_owned()),
        Acts::Refuse => facts.push("not implemented yet, only the default is accepted".to_owned()),
    }
    format!("[{}]", facts.join("; "))
}

/// What a value looks like.
fn form(kind: &Kind) -> String {
    match *kind {
        Kind::Bool => "yes or no".to_owned(),
        Kind::Enum(names) => format!("one of {}", names.join(", ")),
        Kind::Flags(names) => format!("some of {}", names.join(", ")),
        Kind::Integer { min, max, unit: Unit::None } => format!("{min} to {max}"),
        Kind::Integer { min, max, unit } => format!("{}, {min} to {max}", unit.name()),
        Kind::Hint { min, max } => format!("{min} to {max}"),
        Kind::Memory { min, max } => format!("size, {} to {}", format_memory(min), format_memory(max)),
        Kind::MemoryOrPercent => "size, or 0% to 100%".to_owned(),
        Kind::Octal { min, max } => format!("octal, {min:o} to {max:o}"),
        Kind::Text(_) => "text".to_owned(),
        Kind::OptionalText(_) | Kind::Secret => "text, \"\" for none".to_owned(),
        Kind::Special(form) => form.to_owned(),
    }
}

/// The words of the default, for each of its lines.
fn default_lines(param: &Param) -> Vec<String> {
    match param.name {
        // What depends on the machine, and what has no empty form.
        "dir" => return vec!["./".to_owned()],
        "io-threads" => return vec!["4".to_owned()],
        "replicaof" => return vec!["no one".to_owned()],
        _ => {}
    }
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let lines: Vec<String> = param.lines(&DEFAULT).iter().map(|line| lossy(&line.text)).collect();
    match param.default_text() {
        _ if !lines.is_empty() => lines,
        text if text.is_empty() => vec!["\"\"".to_owned()],
        text => vec![lossy(&text)],
    }
}
