//! HELLO: the handshake. Redis 7.2.6 `networking.c`.

use engine::args::is;
use engine::{Arg, Command, Error, Flags, Group, Handler, Outcome, REDIS_VERSION, ServerCx, checks};
use keyspace::parse_integer;
use resp::{Args, Encoder, Protocol};

use super::auth::authenticate;
use super::client::names::checked_name;

/// HELLO [protover [AUTH username password] [SETNAME clientname]]
pub const HELLO: Command = Command {
    name: "hello",
    group: Group::Connection,
    since: "6.0.0",
    summary: "Chooses the protocol, authenticates and names the connection, and describes the server.",
    arity: -1,
    flags: super::BEFORE_AUTH.union(Flags::SENTINEL),
    args: &[Arg::block(
        "arguments",
        &[
            Arg::integer("protover"),
            Arg::block("auth", &[Arg::string("username"), Arg::string("password")]).token("AUTH").optional(),
            Arg::string("clientname").token("SETNAME").optional(),
        ],
    )
    .optional()],
    history: &[("6.2.0", "Without arguments it describes the connection as it is.")],
    handler: Handler::Server(hello),
    ..Command::DEFAULT
};

/// What HELLO asks for.
#[derive(Default)]
struct Wishes<'a> {
    protocol: Option<Protocol>,
    user_and_password: Option<(&'a [u8], &'a [u8])>,
    /// The empty name takes a name away.
    name: Option<Option<String>>,
}

impl<'a> Wishes<'a> {
    fn parse(args: Args<'a>) -> Result<Wishes<'a>, Error> {
        let mut wishes = Wishes::default();
        if let Some(version) = args.get(1) {
            wishes.protocol = Some(match parse_integer(version) {
                Some(2) => Protocol::Resp2,
                Some(3) => Protocol::Resp3,
                Some(_) => return Err(Error::text("NOPROTO unsupported protocol version")),
                None => return Err(Error::err("Protocol version is not an integer or out of range")),
            });
        }
        let mut at = 2;
        while let Some(word) = args.get(at) {
            match (args.get(at + 1), args.get(at + 2)) {
                (Some(user), Some(password)) if is(word, "AUTH") => {
                    wishes.user_and_password = Some((user, password));
                    at += 3;
                }
                (Some(name), _) if is(word, "SETNAME") => {
                    wishes.name = Some(checked_name(name)?);
                    at += 2;
                }
                _ => {
                    let word = String::from_utf8_lossy(word);
                    return Err(Error::err(format_args!("Syntax error in HELLO option '{word}'")));
                }
            }
        }
        Ok(wishes)
    }
}

fn hello(cx: &mut ServerCx) -> Outcome {
    let wishes = Wishes::parse(cx.args)?;
    if let Some((user, password)) = wishes.user_and_password {
        authenticate(cx, user, password)?;
    }
    if checks::must_authenticate(cx.config, cx.client) {
        return Err(Error::text(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time",
        ));
    }
    if let Some(name) = wishes.name {
        cx.client.record.names.lock().name = name;
    }
    if let Some(protocol) = wishes.protocol {
        cx.client.speak(protocol);
    }
    describe(cx);
    Ok(())
}

/// The map that clients read the server's version and role from.
fn describe(cx: &mut ServerCx) {
    let id = cx.client.record.id;
    let mut reply = cx.reply();
    let version = if reply.resp3() { 3 } else { 2 };
    reply.map(7);
    field(&mut reply, "server").bulk(b"redis");
    field(&mut reply, "version").bulk(REDIS_VERSION.as_bytes());
    field(&mut reply, "proto").int(version);
    field(&mut reply, "id").int(id as i64);
    field(&mut reply, "mode").bulk(b"standalone");
    field(&mut reply, "role").bulk(b"master");
    field(&mut reply, "modules").array(0);
}

/// Writes the key of a map; the value follows.
fn field<'r, 'o>(reply: &'r mut Encoder<'o>, name: &str) -> &'r mut Encoder<'o> {
    reply.bulk(name.as_bytes());
    reply
}

#[cfg(test)]
mod tests {
    use crate::connection::tests::with_password;
    use engine::testing::Tester;

    const TWO: &str = "[$server, $redis, $version, $7.4.1, $proto, :2, $id, :1, $mode, $standalone, $role, $master, $modules, []]";
    const THREE: &str = "{$server: $redis, $version: $7.4.1, $proto: :3, $id: :1, $mode: $standalone, $role: $master, $modules: []}";

    #[test]
    fn hello_chooses_the_protocol() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check_both("HELLO", TWO, THREE);
        t.check("HELLO 3", THREE);
        t.check("HELLO", THREE);
        t.check("HELLO 2 SETNAME me", TWO);
        t.check("CLIENT GETNAME", "$me");
        t.check("HELLO 2 SETNAME ''", TWO);
        t.check("CLIENT GETNAME", "(nil)");
    }

    #[test]
    fn hello_refuses() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("HELLO 4", "-NOPROTO unsupported protocol version");
        t.check("HELLO 1", "-NOPROTO unsupported protocol version");
        t.check("HELLO x", "-ERR Protocol version is not an integer or out of range");
        t.check("HELLO 3 AUTH default", "-ERR Syntax error in HELLO option 'AUTH'");
        t.check("HELLO 3 SETNAME", "-ERR Syntax error in HELLO option 'SETNAME'");
        t.check("HELLO 3 what", "-ERR Syntax error in HELLO option 'what'");
        let names = "-ERR Client names cannot contain spaces, newlines or special characters.";
        t.check("HELLO 3 SETNAME 'a b'", names);
        t.check_both("HELLO", TWO, THREE);
    }

    #[test]
    fn hello_authenticates() {
        let mut t = with_password("secret");
        let must = "-NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time";
        t.check("HELLO", must);
        t.check("HELLO 3 SETNAME me", must);
        let wrong = "-WRONGPASS invalid username-password pair or user is disabled.";
        t.check("HELLO 3 AUTH default wrong SETNAME me", wrong);
        t.check("HELLO 3 AUTH default secret", THREE);
        t.check("CLIENT GETNAME", "(nil)");
    }
}
