//! CLIENT KILL.

use std::sync::atomic::Ordering::Relaxed;

use engine::args::{Options, integer, is};
use engine::client::ClientRecord;
use engine::engine::Message;
use engine::{Arg, Command, Error, Handler, Outcome, ServerCx, State};
use keyspace::parse_integer;
use resp::Args;

use super::super::auth::DEFAULT_USER;
use super::{ADMIN, ClientType, SUBCOMMAND};

/// CLIENT KILL ip:port | [ID client-id] [TYPE type] [USER username] [ADDR ip:port] [LADDR ip:port] [SKIPME YES | NO]
/// [MAXAGE maxage]
pub const KILL: Command = Command {
    name: "kill",
    since: "2.4.0",
    summary: "Closes connections.",
    complexity: "O(N) where N is the number of connections",
    arity: -3,
    flags: ADMIN,
    args: &[Arg::one_of(
        "filter",
        &[
            Arg::string("old-format").display("ip:port").deprecated("2.8.12"),
            Arg::one_of("new-format", FILTERS).multiple(),
        ],
    )],
    history: &[
        ("2.8.12", "Filters by name, ID among them."),
        ("3.2.0", "TYPE master."),
        ("5.0.0", "TYPE replica; `slave` means the same."),
        ("6.2.0", "Filter LADDR."),
        ("7.4.0", "Filter MAXAGE."),
    ],
    handler: Handler::Server(kill),
    ..SUBCOMMAND
};

const FILTERS: &[Arg] = &[
    Arg::integer("client-id").token("ID").optional().since("2.8.12"),
    Arg::one_of(
        "client-type",
        &[
            Arg::word("normal", "normal"),
            Arg::word("master", "master").since("3.2.0"),
            Arg::word("slave", "slave"),
            Arg::word("replica", "replica").since("5.0.0"),
            Arg::word("pubsub", "pubsub"),
        ],
    )
    .token("TYPE")
    .optional()
    .since("2.8.12"),
    Arg::string("username").token("USER").optional(),
    Arg::string("addr").display("ip:port").token("ADDR").optional(),
    Arg::string("laddr").display("ip:port").token("LADDR").optional().since("6.2.0"),
    Arg::one_of("skipme", &[Arg::word("yes", "YES"), Arg::word("no", "NO")]).token("SKIPME").optional(),
    Arg::integer("maxage").token("MAXAGE").optional().since("7.4.0"),
];

/// Which clients to kill: those that fit all of it.
#[derive(Default)]
struct Filter<'a> {
    id: Option<u64>,
    address: Option<&'a [u8]>,
    local_address: Option<&'a [u8]>,
    kind: Option<ClientType>,
    user: Option<String>,
    /// In milliseconds.
    min_age: Option<i64>,
    keep_me: bool,
}

impl<'a> Filter<'a> {
    fn parse(args: Args<'a>) -> Result<Filter<'a>, Error> {
        if args.len() == 3 {
            return Ok(Filter { address: args.get(2), ..Filter::default() });
        }
        let (mut options, mut filter) =
            (Options::new(args, 2), Filter { keep_me: true, ..Filter::default() });
        while let Some(word) = options.next() {
            let value = options.value()?;
            if is(word, "ID") {
                filter.id = Some(positive(value, "client-id")?);
            } else if is(word, "TYPE") {
                filter.kind = Some(ClientType::parse(value)?);
            } else if is(word, "ADDR") {
                filter.address = Some(value);
            } else if is(word, "LADDR") {
                filter.local_address = Some(value);
            } else if is(word, "USER") {
                filter.user = Some(known_user(value)?);
            } else if is(word, "SKIPME") {
                filter.keep_me = yes_or_no(value)?;
            } else if is(word, "MAXAGE") {
                integer(value)?;
                filter.min_age = Some((positive(value, "maxage")? as i64).saturating_mul(1000));
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(filter)
    }

    fn fits(&self, record: &ClientRecord, own: u64, now: i64) -> bool {
        fn fits<T>(wanted: &Option<T>, is: impl FnOnce(&T) -> bool) -> bool {
            wanted.as_ref().is_none_or(is)
        }
        let state = State::from_bits_truncate(record.state.load(Relaxed));
        fits(&self.id, |id| record.id == *id)
            && fits(&self.address, |address| record.address.as_bytes() == *address)
            && fits(&self.local_address, |address| record.local_address.as_bytes() == *address)
            && fits(&self.kind, |kind| ClientType::of(state) == *kind)
            && fits(&self.user, |user| record.names.lock().user.as_deref().unwrap_or(DEFAULT_USER) == user)
            && fits(&self.min_age, |age| now - record.connected_ms >= *age)
            && !(self.keep_me && record.id == own)
    }
}

fn positive(value: &[u8], what: &str) -> Result<u64, Error> {
    let number = parse_integer(value).and_then(|n| u64::try_from(n).ok()).filter(|n| *n > 0);
    number.ok_or_else(|| Error::err(format_args!("{what} should be greater than 0")))
}

fn known_user(name: &[u8]) -> Result<String, Error> {
    if name == DEFAULT_USER.as_bytes() {
        return Ok(DEFAULT_USER.to_owned());
    }
    Err(Error::err(format_args!("No such user '{}'", String::from_utf8_lossy(name))))
}

fn yes_or_no(value: &[u8]) -> Result<bool, Error> {
    match (is(value, "YES"), is(value, "NO")) {
        (true, _) => Ok(true),
        (_, true) => Ok(false),
        _ => Err(Error::Syntax),
    }
}

fn kill(cx: &mut ServerCx) -> Outcome {
    let filter = Filter::parse(cx.args)?;
    let (own, now) = (cx.client.record.id, cx.now());
    let mut killed = 0;
    for record in cx.engine.clients.list() {
        if !filter.fits(&record, own, now) {
            continue;
        }
        if record.id == own {
            // It gets its reply first.
            cx.client.set_state(State::CLOSING, true);
        } else if record.killed.swap(true, Relaxed) {
            continue;
        } else {
            cx.engine.mailboxes[record.worker].push(Message::Killed);
        }
        killed += 1;
    }
    match (cx.args.len(), killed) {
        (3, 0) => return Err(Error::err("No such client")),
        (3, _) => cx.reply().ok(),
        _ => cx.reply().count(killed),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering::Relaxed;

    use engine::State;
    use engine::engine::Message;
    use engine::testing::Tester;

    fn three() -> Tester {
        let mut t = Tester::new(crate::FAMILIES);
        t.client(2).client(0);
        t
    }

    fn killed(t: &mut Tester) -> Vec<u64> {
        let clients = t.session().engine().clients.list();
        clients.iter().filter(|c| c.killed.load(Relaxed)).map(|c| c.id).collect()
    }

    #[test]
    fn by_id() {
        let mut t = three();
        t.check("CLIENT KILL ID 2", ":1");
        assert_eq!(killed(&mut t), [2]);
        assert_eq!(t.session().engine().mailboxes[0].take(), [Message::Killed]);
        t.check("CLIENT KILL ID 2", ":0");
        t.check("CLIENT KILL ID 99", ":0");
        t.check("CLIENT KILL ID 1", ":0");
        assert!(!t.session().client(0).is(State::CLOSING), "SKIPME is the default");
        t.check("CLIENT KILL ID 1 SKIPME no", ":1");
        assert!(t.session().client(0).is(State::CLOSING), "after its reply");
    }

    #[test]
    fn by_everything_else() {
        for (line, expected) in [
            ("CLIENT KILL SKIPME yes", 2),
            ("CLIENT KILL TYPE normal", 2),
            ("CLIENT KILL TYPE pubsub", 0),
            ("CLIENT KILL TYPE master", 0),
            ("CLIENT KILL USER default", 2),
            ("CLIENT KILL ADDR 127.0.0.1:50000", 2),
            ("CLIENT KILL ADDR 127.0.0.1:50001", 0),
            ("CLIENT KILL LADDR 127.0.0.1:6379", 2),
            ("CLIENT KILL LADDR 127.0.0.1:6379 TYPE pubsub", 0),
            ("CLIENT KILL MAXAGE 1000", 0),
            ("CLIENT KILL MAXAGE 9223372036854775807", 0),
        ] {
            let mut t = three();
            t.check(line, &format!(":{expected}"));
            assert_eq!(killed(&mut t).len(), expected, "{line}");
        }
    }

    #[test]
    fn by_age() {
        let mut t = Tester::new(crate::FAMILIES);
        // The records of a moment ago are younger than a second; the filter is tried on its own.
        let record = t.session().client(0).record.clone();
        let filter = super::Filter { min_age: Some(2000), ..super::Filter::default() };
        assert!(!filter.fits(&record, 0, record.connected_ms + 1999));
        assert!(filter.fits(&record, 0, record.connected_ms + 2000));
    }

    #[test]
    fn the_old_form() {
        let mut t = three();
        t.check("CLIENT KILL 127.0.0.1:1", "-ERR No such client");
        t.check("CLIENT KILL 127.0.0.1:50000", "+OK");
        assert_eq!(killed(&mut t), [2, 3]);
        assert!(t.session().client(0).is(State::CLOSING), "it may kill its own connection");
    }

    #[test]
    fn refusals() {
        let mut t = three();
        t.check("CLIENT KILL", "-ERR wrong number of arguments for 'client|kill' command");
        for line in
            ["CLIENT KILL id 10 wrong", "CLIENT KILL skipme maybe", "CLIENT KILL id 1 id", "CLIENT KILL a b"]
        {
            t.check(line, "-ERR syntax error");
        }
        for id in ["str", "-1", "0"] {
            t.check(&format!("CLIENT KILL ID {id}"), "-ERR client-id should be greater than 0");
        }
        t.check("CLIENT KILL TYPE wrong", "-ERR Unknown client type 'wrong'");
        t.check("CLIENT KILL USER wrong", "-ERR No such user 'wrong'");
        t.check("CLIENT KILL MAXAGE str", "-ERR value is not an integer or out of range");
        t.check("CLIENT KILL MAXAGE -1", "-ERR maxage should be greater than 0");
        assert_eq!(killed(&mut t), []);
    }
}
