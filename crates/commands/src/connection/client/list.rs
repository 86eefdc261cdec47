//! CLIENT LIST and INFO.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use engine::args::is;
use engine::client::ClientRecord;
use engine::{Arg, Command, Error, Handler, Outcome, ServerCx, State};
use keyspace::parse_integer;

use super::line::Lines;
use super::{ADMIN, ClientType, SUBCOMMAND};

/// CLIENT INFO
pub const INFO: Command = Command {
    name: "info",
    since: "6.2.0",
    summary: "Describes the connection in one line.",
    tips: &["nondeterministic_output"],
    handler: Handler::Server(|cx| {
        let own = cx.client.record.clone();
        reply_lines(cx, &[own]);
        Ok(())
    }),
    ..SUBCOMMAND
};

/// CLIENT LIST [TYPE normal | master | replica | pubsub] [ID client-id [client-id ...]]
pub const LIST: Command = Command {
    name: "list",
    since: "2.4.0",
    summary: "Describes connections, one a line.",
    complexity: "O(N) where N is the number of connections",
    arity: -2,
    flags: ADMIN,
    args: &[
        Arg::one_of(
            "client-type",
            &[
                Arg::word("normal", "normal"),
                Arg::word("master", "master"),
                Arg::word("replica", "replica"),
                Arg::word("pubsub", "pubsub"),
            ],
        )
        .token("TYPE")
        .optional()
        .since("5.0.0"),
        Arg::integer("client-id").token("ID").optional().multiple().since("6.2.0"),
    ],
    history: &[
        ("2.8.12", "Field `id`."),
        ("5.0.0", "Option TYPE."),
        ("6.0.0", "Field `user`."),
        ("6.2.0", "Option ID; fields `argv-mem`, `tot-mem`, `laddr` and `redir`."),
        ("7.0.0", "Fields `resp`, `multi-mem`, `rbs` and `rbp`."),
        ("7.0.3", "Field `ssub`."),
        ("7.2.0", "Fields `lib-name` and `lib-ver`."),
        ("7.4.0", "Field `watch`."),
    ],
    tips: &["nondeterministic_output"],
    handler: Handler::Server(list),
    ..SUBCOMMAND
};

fn list(cx: &mut ServerCx) -> Outcome {
    let (args, clients) = (cx.args, &cx.engine.clients);
    let found = match (args.get(2), args.len()) {
        (None, _) => clients.list(),
        (Some(word), 4) if is(word, "TYPE") => {
            let wanted = ClientType::parse(args.at(3))?;
            let is_wanted = |r: &Arc<ClientRecord>| ClientType::of(state(r)) == wanted;
            clients.list().into_iter().filter(is_wanted).collect()
        }
        (Some(word), 4..) if is(word, "ID") => {
            let ids = args.from(3).iter().map(|id| parse_integer(id).ok_or(Error::err("Invalid client ID")));
            let ids: Vec<i64> = ids.collect::<Result<_, _>>()?;
            ids.iter().filter_map(|id| clients.get(u64::try_from(*id).ok()?)).collect()
        }
        _ => return Err(Error::Syntax),
    };
    reply_lines(cx, &found);
    Ok(())
}

/// A client's state, as it was a moment ago.
fn state(record: &ClientRecord) -> State {
    State::from_bits_truncate(record.state.load(Relaxed))
}

fn reply_lines(cx: &mut ServerCx, clients: &[Arc<ClientRecord>]) {
    let mut lines = Lines::new(cx.engine, cx.client.record.id, cx.args, cx.now());
    // A client that was killed is gone, though its worker has yet to close the connection.
    let own = cx.client.record.id;
    let shown = clients.iter().filter(|record| record.id == own || !record.killed.load(Relaxed));
    shown.for_each(|record| lines.add(record));
    let text = lines.text();
    cx.reply().verbatim("txt", text.as_bytes());
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;
    use std::sync::atomic::Ordering::Relaxed;

    const LINE: &str = "id=1 addr=127.0.0.1:50000 laddr=127.0.0.1:6379 fd=8 name= age=0 idle=0 flags=N db=0 sub=0 psub=0 ssub=0 multi=-1 watch=0 qbuf=26 qbuf-free=0 argv-mem=10 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 omem=0 tot-mem=0 events=r cmd=client|list user=default redir=-1 resp=2 lib-name= lib-ver=\n";

    #[test]
    fn a_fresh_client_in_both_protocols() {
        let mut t = Tester::new(crate::FAMILIES);
        let resp3 = LINE.replace("resp=2", "resp=3");
        t.check_both("CLIENT LIST", &format!("${LINE}"), &format!("=txt:{resp3}"));
        let info = LINE.replace("client|list", "client|info");
        assert_eq!(t.reply("CLIENT INFO"), format!("${info}"));
    }

    #[test]
    fn what_a_client_does_shows() {
        let mut t = Tester::new(crate::FAMILIES);
        for line in [
            "SELECT 2",
            "CLIENT SETNAME me",
            "CLIENT SETINFO LIB-NAME lib",
            "CLIENT SETINFO LIB-VER 9",
            "CLIENT NO-TOUCH on",
            "CLIENT NO-EVICT on",
            "WATCH k l",
            "MULTI",
        ] {
            t.check(line, "+OK");
        }
        t.check("GET k", "+QUEUED");
        let record = t.session().client(0).record.clone();
        record.output_len.store(100, Relaxed);
        let list = t.client(1).reply("CLIENT LIST");
        let line = list.lines().next().expect("a line");
        for part in [
            " name=me ",
            " flags=xeT db=2 ",
            " multi=1 watch=2 ",
            " argv-mem=0 ",
            " oll=1 omem=100 ",
            " events=rw cmd=get ",
            " lib-name=lib lib-ver=9",
        ] {
            assert!(line.contains(part), "{part} in {line}");
        }
    }

    #[test]
    fn lists_of_some() {
        let mut t = Tester::new(crate::FAMILIES);
        t.client(2).client(0);
        let ids = |t: &mut Tester, line: &str| -> Vec<String> {
            let reply = t.reply(line);
            let first = |line: &str| line.trim_start_matches('$').split(' ').next().unwrap_or("").to_owned();
            reply.lines().map(first).filter(|id| !id.is_empty()).collect()
        };
        assert_eq!(ids(&mut t, "CLIENT LIST"), ["id=1", "id=2", "id=3"]);
        assert_eq!(ids(&mut t, "CLIENT LIST ID 3 99 -1 1 3"), ["id=3", "id=1", "id=3"]);
        assert_eq!(ids(&mut t, "CLIENT LIST TYPE Normal"), ["id=1", "id=2", "id=3"]);
        for kind in ["master", "replica", "slave", "pubsub"] {
            t.check_both(&format!("CLIENT LIST TYPE {kind}"), "$", "=txt:");
        }
        t.check("CLIENT LIST ID x", "-ERR Invalid client ID");
        t.check("CLIENT LIST TYPE other", "-ERR Unknown client type 'other'");
        for line in ["CLIENT LIST ID", "CLIENT LIST TYPE", "CLIENT LIST x", "CLIENT LIST TYPE normal x"] {
            t.check(line, "-ERR syntax error");
        }
    }
}
