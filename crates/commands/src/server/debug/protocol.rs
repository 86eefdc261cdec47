//! DEBUG PROTOCOL: a reply of each type, for tests of clients. The values are Redis's.

use engine::{Arg, Command, Error, Handler, Outcome, ServerCx};
use resp::Encoder;

pub const PROTOCOL: Command = Command {
    name: "protocol",
    summary: "Returns a value of a type of the protocol.",
    arity: 3,
    args: &[Arg::string("type")],
    handler: Handler::Exclusive(protocol),
    ..Command::DEFAULT
};

type Write = fn(&mut Encoder);

const TYPES: &[(&str, Write)] = &[
    ("string", |reply| reply.bulk(b"Hello World")),
    ("integer", |reply| reply.int(12345)),
    ("double", |reply| reply.double(b"3.141")),
    ("bignum", |reply| reply.big_number("1234567999999999999999999999999999999")),
    ("null", |reply| reply.null()),
    ("array", |reply| {
        reply.array(3);
        (0..3).for_each(|n| reply.int(n));
    }),
    ("set", |reply| {
        reply.set(3);
        (0..3).for_each(|n| reply.int(n));
    }),
    ("map", |reply| {
        reply.map(3);
        for n in 0..3 {
            reply.int(n);
            reply.bool(n == 1);
        }
    }),
    ("attrib", attribute),
    ("push", push),
    ("verbatim", |reply| reply.verbatim("txt", b"This is a verbatim\nstring")),
    ("true", |reply| reply.bool(true)),
    ("false", |reply| reply.bool(false)),
];

fn protocol(cx: &mut ServerCx) -> Outcome {
    let name = cx.args.at(2);
    let Some((name, write)) = TYPES.iter().find(|(known, _)| name.eq_ignore_ascii_case(known.as_bytes()))
    else {
        let names: Vec<&str> = TYPES.iter().map(|(name, _)| *name).collect();
        return Err(Error::err(format_args!(
            "Wrong protocol type name. Please use one of the following: {}",
            names.join("|")
        )));
    };
    if *name == "push" && !cx.reply().resp3() {
        return Err(Error::text("ERR RESP2 is not supported by this command"));
    }
    write(&mut cx.reply());
    Ok(())
}

/// An attribute is no reply: one follows.
fn attribute(reply: &mut Encoder) {
    if reply.resp3() {
        reply.attribute(1);
        reply.bulk(b"key-popularity");
        reply.array(2);
        reply.bulk(b"key:123");
        reply.int(90);
    }
    reply.bulk(b"Some real reply following the attribute");
}

/// Nor is a push.
fn push(reply: &mut Encoder) {
    reply.push(2);
    reply.bulk(b"server-cpu-usage");
    reply.int(42);
    reply.bulk(b"Some real reply following the push reply");
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn each_type() {
        let mut t = Tester::new(crate::FAMILIES);
        let mut check =
            |name: &str, two: &str, three: &str| t.check_both(&format!("DEBUG PROTOCOL {name}"), two, three);
        check("string", "$Hello World", "$Hello World");
        check("double", "$3.141", ",3.141");
        check("set", "[:0, :1, :2]", "~[:0, :1, :2]");
        check("map", "[:0, :0, :1, :1, :2, :0]", "{:0: #f, :1: #t, :2: #f}");
        let attribute = "|1 $key-popularity [$key:123, :90] $Some real reply following the attribute";
        check("attrib", "$Some real reply following the attribute", attribute);
        let push = ">[$server-cpu-usage, :42] $Some real reply following the push reply";
        check("PUSH", "-ERR RESP2 is not supported by this command", push);
        check("verbatim", "$This is a verbatim\nstring", "=txt:This is a verbatim\nstring");
        let error = "-ERR Wrong protocol type name. Please use one of the following: \
                     string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false";
        check("foo", error, error);
    }
}
