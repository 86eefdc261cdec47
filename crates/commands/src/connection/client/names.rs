//! CLIENT ID, GETNAME, SETNAME and SETINFO: what a connection is called.

use engine::args::is;
use engine::{Arg, Command, Error, Handler, Outcome, ServerCx};

use super::SUBCOMMAND;

const ALL_NODES: &[&str] = &["request_policy:all_nodes", "response_policy:all_succeeded"];

/// CLIENT ID
pub const ID: Command = Command {
    name: "id",
    since: "5.0.0",
    summary: "Answers the connection's number.",
    handler: Handler::Server(|cx| {
        let id = cx.client.record.id;
        cx.reply().int(id as i64);
        Ok(())
    }),
    ..SUBCOMMAND
};

/// CLIENT GETNAME
pub const GETNAME: Command = Command {
    name: "getname",
    since: "2.6.9",
    summary: "Answers the connection's name.",
    handler: Handler::Server(|cx| {
        let name = cx.client.record.names.lock().name.clone();
        cx.reply().bulk_or_null(name.as_deref().map(str::as_bytes));
        Ok(())
    }),
    ..SUBCOMMAND
};

/// CLIENT SETNAME connection-name
pub const SETNAME: Command = Command {
    name: "setname",
    since: "2.6.9",
    summary: "Names the connection; an empty name takes its name away.",
    arity: 3,
    args: &[Arg::string("connection-name")],
    tips: ALL_NODES,
    handler: Handler::Server(|cx| {
        let name = checked_name(cx.args.at(2))?;
        cx.client.record.names.lock().name = name;
        cx.reply().ok();
        Ok(())
    }),
    ..SUBCOMMAND
};

/// CLIENT SETINFO lib-name libname | lib-ver libver
pub const SETINFO: Command = Command {
    name: "setinfo",
    since: "7.2.0",
    summary: "Says which client library, and which version of it, the connection uses.",
    arity: 4,
    args: &[Arg::one_of(
        "attr",
        &[Arg::string("libname").token("lib-name"), Arg::string("libver").token("lib-ver")],
    )],
    tips: ALL_NODES,
    handler: Handler::Server(setinfo),
    ..SUBCOMMAND
};

fn setinfo(cx: &mut ServerCx) -> Outcome {
    let (attribute, value) = (cx.args.at(2), cx.args.at(3));
    let shown = String::from_utf8_lossy(attribute);
    let is_version = is(attribute, "LIB-VER");
    if !is_version && !is(attribute, "LIB-NAME") {
        return Err(Error::err(format_args!("Unrecognized option '{shown}'")));
    }
    let Some(value) = printable(value) else {
        return Err(Error::err(format_args!(
            "{shown} cannot contain spaces, newlines or special characters."
        )));
    };
    let mut names = cx.client.record.names.lock();
    let field = if is_version { &mut names.lib_version } else { &mut names.lib_name };
    *field = Some(value).filter(|v| !v.is_empty());
    drop(names);
    cx.reply().ok();
    Ok(())
}

/// A client's name as SETNAME takes it; the empty one is none.
pub fn checked_name(name: &[u8]) -> Result<Option<String>, Error> {
    match printable(name) {
        Some(name) => Ok(Some(name).filter(|name| !name.is_empty())),
        None => Err(Error::err("Client names cannot contain spaces, newlines or special characters.")),
    }
}

/// The text, if CLIENT LIST can show it between spaces.
fn printable(text: &[u8]) -> Option<String> {
    if text.iter().all(u8::is_ascii_graphic) { String::from_utf8(text.to_vec()).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn names() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("CLIENT ID", ":1");
        t.client(1).check("CLIENT ID", ":2");
        t.check("CLIENT GETNAME", "(nil)");
        t.check("CLIENT SETNAME worker-1", "+OK");
        t.check("CLIENT GETNAME", "$worker-1");
        let refused = "-ERR Client names cannot contain spaces, newlines or special characters.";
        t.check("CLIENT SETNAME 'a b'", refused);
        t.check(r#"CLIENT SETNAME "a\nb""#, refused);
        t.check(r#"CLIENT SETNAME "a\x00b""#, refused);
        t.check(r#"CLIENT SETNAME "\xc3\xa9""#, refused);
        t.check("CLIENT GETNAME", "$worker-1");
        t.check("CLIENT SETNAME ''", "+OK");
        t.check("CLIENT GETNAME", "(nil)");
        t.check("CLIENT SETNAME", "-ERR wrong number of arguments for 'client|setname' command");
        t.check("CLIENT", "-ERR wrong number of arguments for 'client' command");
        t.check("CLIENT nosuch", "-ERR unknown subcommand 'nosuch'. Try CLIENT HELP.");
    }

    #[test]
    fn libraries() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("CLIENT SETINFO lib-name redis.py", "+OK");
        t.check("CLIENT SETINFO LIB-VER 1.2.3", "+OK");
        let refused = "-ERR lib-name cannot contain spaces, newlines or special characters.";
        t.check("CLIENT SETINFO lib-name 'redis py'", refused);
        t.check("CLIENT SETINFO badger hamster", "-ERR Unrecognized option 'badger'");
        let names = |t: &mut Tester| {
            let names = t.session().client(0).record.names.lock().clone();
            (names.lib_name, names.lib_version)
        };
        assert_eq!(names(&mut t), (Some("redis.py".into()), Some("1.2.3".into())));
        t.check("CLIENT SETINFO lib-name ''", "+OK");
        assert_eq!(names(&mut t), (None, Some("1.2.3".into())));
    }
}
