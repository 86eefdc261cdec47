//! COMMAND DOCS: what commands do and how they are called.

use engine::table::Row;
use engine::{Arg, ArgKind, Command, Flags, Handler, Outcome, ServerCx};
use resp::Encoder;

use super::info::names;
use super::{NAMES, SUBCOMMAND, UNORDERED};

/// COMMAND DOCS [command-name [command-name ...]]
pub const DOCS: Command = Command {
    name: "docs",
    since: "7.0.0",
    summary: "Documents some commands or all.",
    complexity: "O(N) where N is the number of commands to look up",
    arity: -2,
    args: NAMES,
    tips: UNORDERED,
    handler: Handler::Server(docs),
    ..SUBCOMMAND
};

fn docs(cx: &mut ServerCx) -> Outcome {
    let (wanted, table) = (cx.args.from(2), &cx.engine.table);
    let rows: Vec<&Row> = match wanted.len() {
        0 => table.callable(),
        _ => wanted.iter().filter_map(|name| table.get_full(name)).collect(),
    };
    document_all(&mut cx.reply(), &rows);
    Ok(())
}

/// A map from full names.
fn document_all(reply: &mut Encoder, rows: &[&Row]) {
    reply.map(rows.len());
    for row in rows {
        reply.bulk(row.full_name.as_bytes());
        document(reply, row);
    }
}

/// A map whose number of fields is known only when they are written.
struct Fields {
    bytes: Vec<u8>,
    protocol: resp::Protocol,
    count: usize,
}

impl Fields {
    fn new(reply: &Encoder) -> Fields {
        Fields { bytes: Vec::new(), protocol: reply.protocol, count: 0 }
    }

    /// Adds a key; the value is to follow.
    fn key(&mut self, name: &str) -> Encoder<'_> {
        self.count += 1;
        let mut field = Encoder::new(&mut self.bytes, self.protocol);
        field.bulk(name.as_bytes());
        field
    }

    fn text(&mut self, name: &str, text: &str) {
        self.key(name).bulk(text.as_bytes());
    }

    fn maybe(&mut self, name: &str, text: Option<&str>) {
        text.inspect(|text| self.text(name, text));
    }

    fn end(self, reply: &mut Encoder) {
        reply.map(self.count);
        reply.raw(&self.bytes);
    }
}

fn document(reply: &mut Encoder, row: &Row) {
    let (command, mut fields) = (row.command, Fields::new(reply));
    fields.text("summary", command.summary);
    fields.text("since", command.since);
    fields.text("group", command.group.name());
    fields.text("complexity", command.complexity);
    let marks = [(command.deprecated.is_some(), "deprecated"), (row.has(Flags::SYSTEM), "syscmd")];
    if marks.iter().any(|(set, _)| *set) {
        names(&mut fields.key("doc_flags"), marks.iter().filter(|(set, _)| *set).map(|(_, name)| *name));
    }
    if let Some((since, replacement)) = command.deprecated {
        fields.text("deprecated_since", since);
        fields.text("replaced_by", replacement);
    }
    if !command.history.is_empty() {
        let mut history = fields.key("history");
        history.set(command.history.len());
        command.history.iter().for_each(|(version, change)| history.bulks([version, change].into_iter()));
    }
    if !command.args.is_empty() {
        arguments(&mut fields.key("arguments"), command.args);
    }
    if !row.subcommands.is_empty() {
        document_all(&mut fields.key("subcommands"), &row.subcommands.iter().collect::<Vec<_>>());
    }
    fields.end(reply);
}

fn arguments(reply: &mut Encoder, args: &[Arg]) {
    reply.array(args.len());
    args.iter().for_each(|arg| argument(reply, arg));
}

fn argument(reply: &mut Encoder, arg: &Arg) {
    let has_parts = matches!(arg.kind, ArgKind::OneOf | ArgKind::Block);
    let mut fields = Fields::new(reply);
    fields.text("name", arg.name);
    fields.text("type", arg.kind.name());
    if !has_parts {
        fields.text("display_text", arg.display.unwrap_or(arg.name));
    }
    if let Some(spec) = arg.key_spec {
        fields.key("key_spec_index").int(spec as i64);
    }
    fields.maybe("token", arg.token);
    fields.maybe("since", arg.since);
    fields.maybe("deprecated_since", arg.deprecated);
    let flags =
        [(arg.optional, "optional"), (arg.multiple, "multiple"), (arg.multiple_token, "multiple_token")];
    if flags.iter().any(|(set, _)| *set) {
        names(&mut fields.key("flags"), flags.iter().filter(|(set, _)| *set).map(|(_, name)| *name));
    }
    if has_parts {
        arguments(&mut fields.key("arguments"), arg.args);
    }
    fields.end(reply);
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn docs_in_both_protocols() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check_both(
            "COMMAND DOCS nosuch QUIT",
            "[$quit, [$summary, $Closes the connection., $since, $1.0.0, $group, $connection, $complexity, $O(1), $doc_flags, [+deprecated], $deprecated_since, $7.2.0, $replaced_by, $closing the connection]]",
            "{$quit: {$summary: $Closes the connection., $since: $1.0.0, $group: $connection, $complexity: $O(1), $doc_flags: ~[+deprecated], $deprecated_since: $7.2.0, $replaced_by: $closing the connection}}",
        );
        t.check_both(
            "COMMAND DOCS config|set",
            "[$config|set, [$summary, $Changes directives, all of them or none., $since, $2.0.0, $group, $server, $complexity, $O(N) where N is the number of directives, $history, [[$7.0.0, $Several directives.]], $arguments, [[$name, $data, $type, $block, $flags, [+multiple], $arguments, [[$name, $parameter, $type, $string, $display_text, $parameter], [$name, $value, $type, $string, $display_text, $value]]]]]]",
            "{$config|set: {$summary: $Changes directives, all of them or none., $since: $2.0.0, $group: $server, $complexity: $O(N) where N is the number of directives, $history: ~[[$7.0.0, $Several directives.]], $arguments: [{$name: $data, $type: $block, $flags: ~[+multiple], $arguments: [{$name: $parameter, $type: $string, $display_text: $parameter}, {$name: $value, $type: $string, $display_text: $value}]}]}}",
        );
        t.check_both("COMMAND DOCS nosuch", "[]", "{}");
    }

    #[test]
    fn details_of_arguments() {
        let mut t = Tester::new(crate::FAMILIES);
        let docs = t.reply("COMMAND DOCS client|kill get client|tracking");
        for part in [
            "[$name, $old-format, $type, $string, $display_text, $ip:port, $deprecated_since, $2.8.12]",
            "[$name, $key, $type, $key, $display_text, $key, $key_spec_index, :0]",
            "[$name, $prefix, $type, $string, $display_text, $prefix, $token, $PREFIX, $flags, [+optional, +multiple, +multiple_token]]",
        ] {
            assert!(docs.contains(part), "{part} in {docs}");
        }
    }

    #[test]
    fn docs_of_containers_hold_their_subcommands() {
        let mut t = Tester::new(crate::FAMILIES);
        let docs = t.reply("COMMAND DOCS config");
        assert!(docs.contains("$subcommands, [$config|get, [$summary, "), "{docs}");
        assert!(t.reply("COMMAND DOCS").contains("$config|get"));
    }
}
